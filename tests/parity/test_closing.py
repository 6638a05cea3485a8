"""The many ways in which a TCP connection ends, told alike by both worlds."""

import errno
import socket

from tests.parity.parties import Fixed, HalfParty, Party, call, join, part, serve
from tests.parity.story import Story, Told, tells
from twisted_net.testing.worlds import World


async def flushed(world: World, party: Party) -> None:
    """Wait until a party's kernel has taken all that it wrote."""
    while party.transport in world.host("client").reactor.getWriters():
        await world.sleep(0.001)


@tells(
    {
        "client": [
            "made",
            "nothing more to write",
            b"response",
            "nothing more to read",
            "lost: ConnectionDone",
        ],
        "server": ["made", b"req", "nothing more to read", "lost: ConnectionDone"],
    }
)
async def test_a_half_close_leaves_the_other_half_open(world: World) -> Told:
    """The answer still arrives."""
    story = Story()
    client, server = HalfParty(story, "client"), HalfParty(story, "server")
    served = await join(world, client, server)
    client.transport.write(b"req")
    client.transport.loseWriteConnection()
    await server.ends()
    server.transport.write(b"response")
    await client.hears(8)
    server.transport.loseConnection()
    await client.ends()
    client.transport.loseConnection()
    await part(served, client, server)
    return story.told()


@tells(
    {
        "client": ["made", "nothing more to write", "nothing more to read", "lost: ConnectionDone"],
        "server": ["made", b"req", "lost: ConnectionDone"],
    }
)
async def test_a_peer_that_knows_no_half_close_just_ends(world: World) -> Told:
    """What it would have said is lost, which is why our doors do know it."""
    story = Story()
    client, server = HalfParty(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    client.transport.write(b"req")
    client.transport.loseWriteConnection()
    await client.ends()
    client.transport.loseConnection()
    await part(served, client, server)
    return story.told()


@tells(
    {
        "client": ["made", "nothing more to write", "nothing more to read", "lost: ConnectionDone"],
        "server": ["made", "nothing more to read", "nothing more to write", "lost: ConnectionDone"],
    }
)
async def test_two_half_closes_make_a_whole(world: World) -> Told:
    """As far as both say so in the end."""
    story = Story()
    client, server = HalfParty(story, "client"), HalfParty(story, "server")
    served = await join(world, client, server)
    client.transport.loseWriteConnection()
    await server.ends()
    server.transport.loseWriteConnection()
    await client.ends()
    client.transport.loseConnection()
    server.transport.loseConnection()
    await part(served, client, server)
    return story.told()


@tells({"client": ["made", "nothing more to write"], "server": ["made", b"before"]})
async def test_what_is_written_after_a_half_close_goes_nowhere(world: World) -> Told:
    """It is dropped without a word."""
    story = Story()
    client, server = HalfParty(story, "client"), HalfParty(story, "server")
    served = await join(world, client, server)
    client.transport.write(b"before")
    client.transport.loseWriteConnection()
    await server.ends()
    client.transport.write(b"after")
    told = {"client": story.told()["client"], "server": story.told()["server"][:2]}
    server.transport.loseConnection()
    await client.ends()
    client.transport.loseConnection()
    await part(served, client, server)
    assert bytes(server.heard) == b"before"
    return told


@tells(
    {
        "client": ["made", "lost: ConnectionAborted"],
        "server": ["made", "lost: ConnectionLost"],
    }
)
async def test_an_abort_is_heard_as_a_loss(world: World) -> Told:
    """By the peer; whoever aborts knows why."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    client.transport.abortConnection()
    await part(served, client, server)
    return story.told()


@tells(
    {
        "client": ["made", "lost: ConnectionAborted"],
        "server": ["made", "lost: ConnectionLost"],
    }
)
async def test_what_was_just_written_dies_with_an_abort(world: World) -> Told:
    """It had not left the process yet."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    client.transport.write(b"never mind")
    client.transport.abortConnection()
    await part(served, client, server)
    return story.told()


@tells(
    {
        "client": ["made", "lost: ConnectionAborted"],
        "server": ["made", "lost: ConnectionLost"],
    }
)
async def test_a_second_abort_and_a_close_change_nothing(world: World) -> Told:
    """The first is final."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    client.transport.abortConnection()
    client.transport.abortConnection()
    client.transport.loseConnection()
    await part(served, client, server)
    return story.told()


@tells(
    {
        "client": ["made", "lost: ConnectionDone"],
        "server": ["made", "lost: ConnectionDone"],
    }
)
async def test_a_second_close_changes_nothing(world: World) -> Told:
    """Nor does a third."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    for _ in range(3):
        client.transport.loseConnection()
    await part(served, client, server)
    client.transport.loseConnection()
    return story.told()


@tells(
    {
        "client": ["made", b"hello", "lost: ConnectionDone"],
        "server": ["made", "lost: ConnectionDone"],
    }
)
async def test_a_close_without_having_read_still_ends_the_stream(world: World) -> Told:
    """Twisted shuts a connection down before it closes it: the end comes before the reset."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    server.transport.pauseProducing()
    client.transport.write(b"unread")
    await flushed(world, client)
    await world.sleep(0.02)
    server.transport.write(b"hello")
    await client.hears(5)
    server.transport.loseConnection()
    await part(served, client, server)
    return story.told()


@tells({"client": ["made", "lost: ConnectionLost"], "server": ["made", "lost: ConnectionDone"]})
async def test_a_close_without_having_read_resets_a_peer_that_writes(world: World) -> Told:
    """A kernel says so when bytes that it has acknowledged will never be read."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    server.transport.pauseProducing()
    client.transport.pauseProducing()
    client.transport.write(b"unread")
    await flushed(world, client)
    await world.sleep(0.02)
    server.transport.loseConnection()
    await server.lost()
    while not client.ended:
        client.transport.write(b"anybody?")
        await world.sleep(0.005)
    await part(served, client, server)
    return story.told()


@tells(
    {
        "client": ["made", "lost: ConnectionAborted"],
        "server": ["made", b"last words", "lost: ConnectionLost"],
    }
)
async def test_what_came_before_a_reset_can_still_be_read(world: World) -> Told:
    """A reset does not take back what the kernel has already got."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    server.transport.pauseProducing()
    client.transport.write(b"last words")
    await flushed(world, client)
    await world.sleep(0.02)
    client.transport.abortConnection()
    await client.lost()
    await world.sleep(0.02)
    server.transport.resumeProducing()
    await part(served, client, server)
    return story.told()


@tells(
    {
        "client": ["made", "lost: ConnectionDone"],
        "server": ["made", "lost: ConnectionDone"],
    }
)
async def test_both_may_close_at_the_same_moment(world: World) -> Told:
    """The two ends cross on the way."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    client.transport.loseConnection()
    server.transport.loseConnection()
    await part(served, client, server)
    return story.told()


@tells(
    {
        "client": ["made", b"bye", "lost: ConnectionDone"],
        "server": ["made", "lost: ConnectionDone"],
    }
)
async def test_a_server_may_close_first(world: World) -> Told:
    """What it said last is heard."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    server.transport.write(b"bye")
    server.transport.loseConnection()
    await part(served, client, server)
    return story.told()


@tells(
    {
        "client": ["made", "lost: ConnectionDone"],
        "server": ["made", b"bye", "lost: ConnectionDone"],
    }
)
async def test_a_client_may_close_first(world: World) -> Told:
    """What it said last is heard."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    client.transport.write(b"bye")
    client.transport.loseConnection()
    await part(served, client, server)
    return story.told()


@tells({"client": ["made", "lost: ConnectionLost"], "server": ["made", "lost: ConnectionAborted"]})
async def test_writing_to_a_peer_that_is_gone_is_noticed(world: World) -> Told:
    """Its kernel answers with a reset."""
    story = Story()
    client, server = HalfParty(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    server.transport.abortConnection()
    await server.lost()
    while not client.ended:
        client.transport.write(b"anybody?")
        await world.sleep(0.005)
    await part(served, client, server)
    return story.told()


@tells(
    {
        "client": ["made", "nothing more to read", "lost: ConnectionLost"],
        "server": ["made", "lost: ConnectionDone"],
    }
)
async def test_writing_after_the_peer_has_closed_is_answered_by_a_reset(world: World) -> Told:
    """It looks like a half-close at first."""
    story = Story()
    client, server = HalfParty(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    server.transport.loseConnection()
    await client.ends()
    while not client.ended:
        client.transport.write(b"anybody?")
        await world.sleep(0.005)
    await part(served, client, server)
    return story.told()


@tells(
    {
        "client": ["made", "lost: ConnectionDone"],
        "server": ["made", b"kept", "lost: ConnectionDone"],
    }
)
async def test_a_peer_that_does_not_read_hears_of_the_end_later(world: World) -> Told:
    """When it reads again, after the data."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    server.transport.pauseProducing()
    client.transport.write(b"kept")
    client.transport.loseConnection()
    await client.lost()
    await world.sleep(0.02)
    assert not server.ended
    server.transport.resumeProducing()
    await part(served, client, server)
    return story.told()


@tells({"client": ["made", "lost: ConnectionDone", "silence"], "server": ["made", b"x"]})
async def test_writing_after_the_end_is_no_error(world: World) -> Told:
    """It is ignored, so that nobody has to ask first."""
    story = Story()
    client = Party(story, "client")
    server = Party(story, "server", hears=lambda party: party.transport.loseConnection())
    served = await join(world, client, server)
    client.transport.write(b"x")
    await part(served, client, server)
    client.transport.write(b"y")
    client.transport.writeSequence([b"y", b"z"])
    client.transport.loseConnection()
    client.transport.abortConnection()
    story.tell("client", "silence")
    return {"client": story.told()["client"], "server": story.told()["server"][:2]}


@tells([True, True, {"first": ["made", "lost: ConnectionDone"], "second": ["made"]}])
async def test_a_transport_knows_whether_it_is_connected(world: World) -> list[object]:
    """``connected`` and ``disconnected`` say where it stands."""
    story = Story()
    first, second = Party(story, "first"), Party(story, "second")
    served = serve(world, Fixed(Party(Story(), "server"), Party(Story(), "server")))
    await call(world, served, first)
    await call(world, served, second)
    open_ = bool(first.transport.connected and not first.transport.disconnected)
    first.transport.loseConnection()
    await first.lost()
    closed = bool(first.transport.disconnected and not first.transport.connected)
    told = story.told()
    second.transport.loseConnection()
    await part(served, second)
    return [open_, closed, told]


@tells(["shut", "shut", "shut", "EPIPE"])
async def test_sockets_can_be_shut_again_and_again(world: World) -> list[str]:
    """For writing, which the peer hears of, and for reading, which it does not."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    handle = client.transport.getHandle()
    seen = []
    for how in (socket.SHUT_WR, socket.SHUT_WR, socket.SHUT_RD):
        handle.shutdown(how)
        seen.append("shut")
    try:
        handle.send(b"x")
    except OSError as error:
        seen.append(errno.errorcode[error.args[0]])
    await part(served, client, server)
    return seen
