"""Flow control between protocols and transports, told alike by both worlds."""

from typing import Any
from zlib import crc32

from twisted.internet.interfaces import IPullProducer, IPushProducer
from zope.interface import implementer

from tests.parity.parties import Party, join, part
from tests.parity.story import Story, Told, tells
from twisted_net.testing.worlds import World

#: What a producer writes at a time.
PIECE = bytes(range(256)) * 128

#: How many pieces it has: more than any two kernels keep for a peer that does not read.
PIECES = 200

ALL = crc32(PIECE * PIECES)


@implementer(IPushProducer)
class Pusher:
    """Write on and on until told to pause."""

    def __init__(self, world: World, story: Story, party: Party) -> None:
        self.reactor = world.host("client").reactor
        self.story = story
        self.transport: Any = party.transport
        self.left = PIECES
        self.paused = False
        self.pauses = 0

    def start(self) -> None:
        """Begin."""
        self.transport.registerProducer(self, True)
        self._go_on()

    def _go_on(self) -> None:
        if self.left > 0 and not self.paused:
            self.left -= 1
            self.transport.write(PIECE)
            self.reactor.callLater(0, self._go_on)
        elif not self.left:
            self.left = -1  # who was resumed at once after a pause comes here twice
            self.transport.unregisterProducer()
            self.story.tell("producer", "done")

    def pauseProducing(self) -> None:
        """Pause."""
        self.paused = True
        self.pauses += 1
        self.story.look()

    def resumeProducing(self) -> None:
        """Go on."""
        self.paused = False
        self._go_on()

    def stopProducing(self) -> None:
        """End."""
        self.left = 0
        self.paused = True
        self.story.tell("producer", "stopped")


@implementer(IPullProducer)
class Puller:
    """Write one piece whenever asked to."""

    def __init__(self, story: Story, party: Party) -> None:
        self.story = story
        self.transport: Any = party.transport
        self.left = PIECES

    def resumeProducing(self) -> None:
        """Write."""
        self.left -= 1
        self.transport.write(PIECE)
        if not self.left:
            self.transport.unregisterProducer()
            self.story.tell("producer", "done")

    def stopProducing(self) -> None:
        """End."""
        self.story.tell("producer", "stopped")


@tells([True, ["done"], ALL])
async def test_a_push_producer_is_paused_while_the_peer_does_not_read(world: World) -> list[object]:
    """And resumed when it does, until all has arrived."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    server.transport.pauseProducing()
    producer = Pusher(world, story, client)
    producer.start()
    left = 0
    while not producer.paused or producer.left != left:  # the kernels take in what they can hold
        left = producer.left
        await world.sleep(0.2)
    held = left > 0
    server.transport.resumeProducing()
    await server.hears(len(PIECE) * PIECES)
    client.transport.loseConnection()
    await part(served, client, server)
    return [held, story.told()["producer"], crc32(server.heard)]


@tells([["done"], ALL])
async def test_a_pull_producer_is_asked_until_it_is_done(world: World) -> list[object]:
    """One piece at a time."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    client.transport.registerProducer(Puller(story, client), False)
    await server.hears(len(PIECE) * PIECES)
    client.transport.loseConnection()
    await part(served, client, server)
    return [story.told()["producer"], crc32(server.heard)]


@tells([True, True])
async def test_a_producer_may_leave_while_it_is_paused(world: World) -> list[object]:
    """What it has written arrives, and a close waits for that."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    server.transport.pauseProducing()
    producer = Pusher(world, story, client)
    producer.start()
    await story.until(lambda: producer.paused)
    client.transport.unregisterProducer()
    client.transport.loseConnection()
    server.transport.resumeProducing()
    await part(served, client, server)
    written = len(PIECE) * (PIECES - producer.left)
    return [producer.left > 0, len(server.heard) == written]


@tells({"client": ["made", "two at once: RuntimeError", "lost: ConnectionDone"]})
async def test_one_transport_has_one_producer(world: World) -> Told:
    """A second one is refused."""
    story = Story()
    client, server = Party(story, "client"), Party(Story(), "server")
    served = await join(world, client, server)
    producer = Pusher(world, story, client)
    client.transport.registerProducer(producer, True)
    try:
        client.transport.registerProducer(producer, True)
    except RuntimeError:
        story.tell("client", "two at once: RuntimeError")
    client.transport.unregisterProducer()
    client.transport.loseConnection()
    await part(served, client, server)
    return story.told()


@tells({"client": ["made", "lost: ConnectionLost"], "producer": ["stopped"]})
async def test_a_producer_is_stopped_when_the_connection_is_lost(world: World) -> Told:
    """So that it does not write into the void."""
    story = Story()
    client, server = Party(story, "client"), Party(Story(), "server")
    served = await join(world, client, server)
    server.transport.pauseProducing()
    producer = Pusher(world, story, client)
    producer.start()
    await story.until(lambda: producer.paused)
    server.transport.abortConnection()
    await part(served, client, server)
    return story.told()


@tells({"client": ["made", "lost: ConnectionDone"], "producer": ["stopped"]})
async def test_a_producer_that_comes_too_late_is_stopped_at_once(world: World) -> Told:
    """The connection had ended already."""
    story = Story()
    client, server = Party(story, "client"), Party(Story(), "server")
    served = await join(world, client, server)
    server.transport.loseConnection()
    await part(served, client, server)
    client.transport.registerProducer(Pusher(world, story, client), True)
    return story.told()


@tells([b"", b"one two"])
async def test_a_paused_transport_delivers_nothing_until_it_is_resumed(
    world: World,
) -> list[bytes]:
    """Twice over."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    server.transport.pauseProducing()
    client.transport.write(b"one ")
    await world.sleep(0.02)
    before = bytes(server.heard)
    server.transport.resumeProducing()
    await server.hears(4)
    server.transport.pauseProducing()
    client.transport.write(b"two")
    await world.sleep(0.02)
    assert bytes(server.heard) == b"one "
    server.transport.resumeProducing()
    await server.hears(7)
    client.transport.loseConnection()
    await part(served, client, server)
    return [before, bytes(server.heard)]
