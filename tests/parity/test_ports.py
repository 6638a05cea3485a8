"""Listening and connecting, told alike by both worlds."""

from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IConnector
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.python.failure import Failure

from tests.parity.parties import UNCLOSED, Fixed, Party, Served, call, join, part, serve
from tests.parity.story import Story, Told, tells
from twisted_net.testing.worlds import World


class Caller(ClientFactory):
    """A factory of the old kind, which tells what becomes of its connector.

    :param again: how often to connect anew after a loss.
    :param stops: whether to give up as soon as it is asked.
    """

    noisy = False

    def __init__(self, story: Story, *, again: int = 0, stops: bool = False) -> None:
        self.story = story
        self._again = again
        self._stops = stops

    def startFactory(self) -> None:
        """Tell it."""
        self.story.tell("factory", "started")

    def stopFactory(self) -> None:
        """Tell it."""
        self.story.tell("factory", "stopped")

    def startedConnecting(self, connector: IConnector) -> None:  # noqa: N802
        """Tell it."""
        self.story.tell("factory", "connecting")
        if self._stops:
            connector.stopConnecting()

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return a party."""
        return Party(self.story, "client")

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:  # noqa: N802
        """Tell it."""
        self.story.tell("factory", f"failed: {type(reason.value).__name__}")

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:  # noqa: N802
        """Tell it, and connect anew."""
        self.story.tell("factory", f"lost: {type(reason.value).__name__}")
        if self._again:
            self._again -= 1
            connector.connect()


async def outcome(attempt: Any) -> str:
    """Return the name of the error that an attempt ends with."""
    try:
        await attempt
    except Exception as error:
        return type(error).__name__
    return "connected"


def to(world: World, served: Served, host: str = "client", **options: Any) -> TCP4ClientEndpoint:
    """Return the way to a port."""
    return TCP4ClientEndpoint(world.host(host).reactor, served.ip, served.number, **options)


def refuse(world: World, host: str = "server") -> Served:
    """Return a port of a host that nobody listens on."""
    return serve(world, Fixed(), host=host)


@tells("ConnectionRefusedError")
async def test_a_port_that_nobody_listens_on_refuses(world: World) -> str:
    """At once, without waiting for a timeout."""
    served = refuse(world)
    endpoint = to(world, served)
    await served.port.stopListening()
    return await outcome(connectProtocol(endpoint, Protocol()))


@tells("ConnectionRefusedError")
async def test_a_host_refuses_itself_too(world: World) -> str:
    """Nobody's port on one's own host."""
    served = refuse(world, "client")
    endpoint = to(world, served)
    await served.port.stopListening()
    return await outcome(connectProtocol(endpoint, Protocol()))


@tells({"factory": ["started", "connecting", "failed: ConnectionRefusedError", "stopped"]})
async def test_a_factory_hears_that_its_connection_failed(world: World) -> Told:
    """And is stopped, since nothing is left for it to do."""
    story = Story()
    served = refuse(world)
    number = served.number
    await served.port.stopListening()
    world.host("client").reactor.connectTCP(served.ip, number, Caller(story))
    await story.until(lambda: "stopped" in story.told().get("factory", ()))
    return story.told()


@tells({"factory": ["started", "connecting", "failed: UserError", "stopped"]})
async def test_a_factory_may_stop_connecting(world: World) -> Told:
    """Before the connection is made."""
    story = Story()
    served = serve(world, Fixed())
    world.host("client").reactor.connectTCP(served.ip, served.number, Caller(story, stops=True))
    await story.until(lambda: "stopped" in story.told().get("factory", ()))
    await served.port.stopListening()
    return story.told()


@tells(
    {
        "client": ["made", "lost: ConnectionDone", "made", "lost: ConnectionDone"],
        "factory": [
            "started",
            "connecting",
            "lost: ConnectionDone",
            "connecting",
            "lost: ConnectionDone",
            "stopped",
        ],
    }
)
async def test_a_connector_may_be_used_again(world: World) -> Told:
    """A factory that connects anew when it has lost its connection."""
    story = Story()

    def hang_up(party: Party) -> None:
        party.transport.loseConnection()

    servers = [Party(Story(), "server", connected=hang_up) for _ in range(2)]
    served = serve(world, Fixed(*servers))
    world.host("client").reactor.connectTCP(served.ip, served.number, Caller(story, again=1))
    await story.until(lambda: "stopped" in story.told().get("factory", ()))
    await part(served, *servers)
    return story.told()


@tells("ConnectingCancelledError")
async def test_an_attempt_can_be_cancelled(world: World) -> str:
    """While it is under way; the server never builds a protocol that stays."""
    served = serve(world, Fixed())
    attempt = connectProtocol(to(world, served), Protocol())
    attempt.cancel()
    told = await outcome(attempt)
    await served.port.stopListening()
    return told


@UNCLOSED
@tells("CannotListenError")
async def test_a_port_is_had_by_one(world: World) -> str:
    """The second to ask is told so."""
    served = serve(world, Fixed())
    try:
        serve(world, Fixed(), served.number)
    except CannotListenError as error:
        told = type(error).__name__
    else:
        told = "both listen"
    await served.port.stopListening()
    return told


@tells([b"from the second", b"from the first"])
async def test_two_hosts_may_listen_on_one_number(world: World) -> list[bytes]:
    """For they have different addresses."""
    story = Story()
    first = Party(story, "first", connected=lambda party: party.transport.write(b"from the first"))
    second = Party(
        story, "second", connected=lambda party: party.transport.write(b"from the second")
    )
    one = serve(world, Fixed(first), host="first")
    other = serve(world, Fixed(second), one.number, host="second")
    callers = [Party(story, "caller of second"), Party(story, "caller of first")]
    for caller, served in zip(callers, (other, one), strict=True):
        await call(world, served, caller)
        await caller.hears(14)
        caller.transport.loseConnection()
    await part(one, first, callers[1])
    await part(other, second, callers[0])
    return [bytes(each.heard) for each in callers]


@tells([True, True, True])
async def test_port_nought_is_any_port_that_is_free(world: World) -> list[bool]:
    """Another one for each who asks."""
    ports = [serve(world, Fixed()) for _ in range(3)]
    numbers = [served.number for served in ports]
    for served in ports:
        await served.port.stopListening()
    return [len(dict.fromkeys(numbers)) == 3, min(numbers) > 0, max(numbers) < 65_536]


@tells({"client": ["made", b"still here"], "server": ["made", b"still here"]})
async def test_open_connections_outlive_the_port(world: World) -> Told:
    """Who no longer listens still speaks."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    await served.port.stopListening()
    client.transport.write(b"still here")
    await server.hears(10)
    server.transport.write(b"still here")
    await client.hears(10)
    told = story.told()
    client.transport.loseConnection()
    await client.lost()
    await server.lost()
    return told


@tells(["connected", "ConnectionRefusedError", "connected"])
async def test_a_port_can_be_closed_and_opened_again(world: World) -> list[str]:
    """Even with a connection of before that has just ended on it."""
    servers = [Party(Story(), "server") for _ in range(2)]
    served = serve(world, Fixed(*servers))
    number = served.number
    seen = []
    for step in ("open", "closed", "open"):
        client = Party(Story(), "client")
        endpoint = TCP4ClientEndpoint(world.host("client").reactor, served.ip, number)
        seen.append(await outcome(connectProtocol(endpoint, client)))
        if step == "open":
            client.transport.loseConnection()
            await client.lost()
            await served.port.stopListening()
        else:
            served = serve(world, Fixed(servers[1]), number)
    return seen


class Watched(Factory):
    """A factory that tells when it is started and stopped."""

    noisy = False

    def __init__(self, story: Story) -> None:
        self.story = story

    def startFactory(self) -> None:
        """Tell it."""
        self.story.tell("factory", "started")

    def stopFactory(self) -> None:
        """Tell it."""
        self.story.tell("factory", "stopped")


@tells({"factory": ["started", "first port closed", "stopped"]})
async def test_a_factory_is_stopped_with_its_last_port(world: World) -> Told:
    """And started once, however many it has."""
    story = Story()
    factory = Watched(story)
    first, second = serve(world, factory), serve(world, factory)
    await first.port.stopListening()
    story.tell("factory", "first port closed")
    await second.port.stopListening()
    return story.told()


@UNCLOSED
@tells([True, "ConnectBindError"])
async def test_a_caller_may_choose_its_own_address_and_port(world: World) -> list[object]:
    """Unless somebody else has it."""
    servers = [Party(Story(), "server") for _ in range(2)]
    served = serve(world, Fixed(*servers))
    taken = serve(world, Fixed(), host="client")
    caller = Party(Story(), "client")
    here = world.host("client").ip
    await connectProtocol(to(world, served, bindAddress=(here, 0)), caller)
    seen = caller.transport.getHost().host == here
    mine = (here, taken.number)
    refused = await outcome(connectProtocol(to(world, served, bindAddress=mine), Protocol()))
    caller.transport.loseConnection()
    await taken.port.stopListening()
    await part(served, caller, servers[0])
    return [seen, refused]
