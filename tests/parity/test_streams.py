"""Bytes over TCP, told alike by both worlds."""

import socket
from zlib import crc32

import pytest

from tests.parity.parties import Fixed, Party, call, join, part, serve
from tests.parity.story import Story, Told, tells
from twisted_net.testing.worlds import World

#: Four megabytes, more than any two kernels keep for one connection that nobody reads from.
MUCH = bytes(range(256)) * 16_384


def echo(party: Party) -> None:
    """Send back what was just heard, which is all that was not sent back yet."""
    party.transport.write(bytes(party.heard))
    party.heard.clear()


@tells(
    {
        "client": ["made", b"hello", "lost: ConnectionDone"],
        "server": ["made", b"hello", "lost: ConnectionDone"],
    }
)
async def test_an_echo_comes_back(world: World) -> Told:
    """The smallest conversation there is."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server", hears=echo)
    served = await join(world, client, server)
    client.transport.write(b"hello")
    await client.hears(5)
    client.transport.loseConnection()
    await part(served, client, server)
    return story.told()


@tells(b"".join(b"%d " % number for number in range(1000)))
async def test_many_small_writes_are_one_stream(world: World) -> bytes:
    """However they are put together on the way."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    for number in range(1000):
        client.transport.write(b"%d " % number)
    client.transport.loseConnection()
    await part(served, client, server)
    return bytes(server.heard)


@tells({"client": ["made", "lost: ConnectionDone"], "server": ["made", b"one two three"]})
async def test_a_sequence_is_written_as_one(world: World) -> Told:
    """In order, what was written before and after it too."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    client.transport.write(b"one")
    client.transport.writeSequence([b" t", b"w", b"o "])
    client.transport.write(b"three")
    await server.hears(13)
    told = story.told()
    client.transport.loseConnection()
    await part(served, client, server)
    return {"client": story.told()["client"], "server": told["server"]}


@tells([crc32(b"a" * 300_000), crc32(b"b" * 300_000)])
async def test_both_may_speak_at_once(world: World) -> list[int]:
    """Neither direction waits for the other."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    client.transport.write(b"a" * 300_000)
    server.transport.write(b"b" * 300_000)
    await client.hears(300_000)
    await server.hears(300_000)
    client.transport.loseConnection()
    await part(served, client, server)
    return [crc32(server.heard), crc32(client.heard)]


@tells({"client": ["made", b"welcome", "lost: ConnectionDone"], "server": ["made", b"x"]})
async def test_a_close_while_data_is_heard_lets_the_answer_through(world: World) -> Told:
    """Whoever answers and hangs up at once is understood."""

    def answer(party: Party) -> None:
        party.transport.write(b"welcome")
        party.transport.loseConnection()

    story = Story()
    client, server = Party(story, "client"), Party(story, "server", hears=answer)
    served = await join(world, client, server)
    client.transport.write(b"x")
    await part(served, client, server)
    told = story.told()
    assert told["server"].pop() == "lost: ConnectionDone"
    return told


@tells(
    {
        "client": ["made", b"greetings", "lost: ConnectionDone"],
        "server": ["made", "lost: ConnectionDone"],
    }
)
async def test_a_server_may_greet_and_hang_up(world: World) -> Told:
    """Before it has heard anything, as a time server does."""

    def greet(party: Party) -> None:
        party.transport.write(b"greetings")
        party.transport.loseConnection()

    story = Story()
    client, server = Party(story, "client"), Party(story, "server", connected=greet)
    served = serve(world, Fixed(server))
    await call(world, served, client)
    await part(served, client, server)
    return story.told()


@tells(
    {
        "client": ["made", "lost: ConnectionDone"],
        "server": ["made", "lost: ConnectionDone"],
    }
)
async def test_a_client_may_hang_up_as_soon_as_it_is_connected(world: World) -> Told:
    """As a port scanner does; the server hears of a connection that ended."""
    story = Story()
    client = Party(story, "client", connected=lambda party: party.transport.loseConnection())
    server = Party(story, "server")
    served = serve(world, Fixed(server))
    await call(world, served, client)
    await part(served, client, server)
    return story.told()


@tells({"server": ["made", f"{len(MUCH)} bytes, crc {crc32(MUCH):08x}", "lost: ConnectionDone"]})
async def test_what_was_written_before_a_close_arrives(world: World) -> Told:
    """Even if it is far more than the kernels' buffers take."""
    story = Story()
    client, server = Party(Story(), "client"), Party(story, "server")
    served = await join(world, client, server)
    client.transport.write(MUCH)
    client.transport.loseConnection()
    await part(served, client, server)
    return story.told()


@tells([True, crc32(MUCH)])
async def test_a_peer_that_does_not_read_makes_the_writer_keep_it(world: World) -> list[object]:
    """And once it reads, everything comes."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    server.transport.pauseProducing()
    client.transport.write(MUCH)
    await world.sleep(0.05)
    kept = bool(client.transport.dataBuffer or client.transport._tempDataBuffer)
    assert not server.heard
    server.transport.resumeProducing()
    await server.hears(len(MUCH))
    client.transport.loseConnection()
    await part(served, client, server)
    return [kept, crc32(server.heard)]


@pytest.mark.logs("ZeroDivisionError")
@tells(
    [
        {
            "client": ["made", "lost: ConnectionDone"],
            "server": ["made", b"x", "lost: ZeroDivisionError"],
        },
        1,
    ]
)
async def test_a_bug_of_a_protocol_ends_its_connection(world: World) -> list[object]:
    """And is logged; the peer sees an ordinary end."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server", hears=lambda _: 1 / 0)
    served = await join(world, client, server)
    client.transport.write(b"x")
    await part(served, client, server)
    return [story.told(), len(world.flush_errors(ZeroDivisionError))]


@tells({"client": ["made", "lost: ConnectionDone"]})
async def test_a_factory_may_refuse_to_build_a_protocol(world: World) -> Told:
    """The caller is connected, and hung up on."""
    story = Story()
    client = Party(story, "client")
    served = serve(world, Fixed())
    await call(world, served, client)
    await part(served, client)
    return story.told()


@tells([True, True, True, "TCP", "TCP"])
async def test_both_ends_know_both_addresses(world: World) -> list[object]:
    """What is one's host is the other's peer."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    ours, theirs = client.transport.getHost(), client.transport.getPeer()
    facts = [
        theirs == server.transport.getHost(),
        ours == server.transport.getPeer(),
        (theirs.host, theirs.port) == (served.ip, served.number),
        ours.type,
        theirs.type,
    ]
    client.transport.loseConnection()
    await part(served, client, server)
    return facts


@tells([False, False, True, True, False, False])
async def test_options_of_a_connection_are_kept(world: World) -> list[bool]:
    """TCP_NODELAY and keep-alive; off, on, and off again."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    transport = client.transport
    seen = []
    for wanted in (None, True, False):
        if wanted is not None:
            transport.setTcpNoDelay(wanted)
            transport.setTcpKeepAlive(wanted)
        seen += [bool(transport.getTcpNoDelay()), bool(transport.getTcpKeepAlive())]
    kind = transport.socket.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
    assert kind == socket.SOCK_STREAM
    transport.loseConnection()
    await part(served, client, server)
    return seen


@tells({"client": ["made", "refused text", b"bytes"], "server": ["made", b"bytes"]})
async def test_text_is_no_data(world: World) -> Told:
    """Only bytes go out; the connection does not suffer."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server", hears=echo)
    served = await join(world, client, server)
    try:
        client.transport.write("text")
    except TypeError:
        story.tell("client", "refused text")
    client.transport.write(b"bytes")
    await client.hears(5)
    told = story.told()
    client.transport.loseConnection()
    await part(served, client, server)
    return told


@tells([b"%03d" % number for number in range(100)])
async def test_a_hundred_callers_at_once_are_all_served(world: World) -> list[bytes]:
    """More than wait in the queue of a listening port."""
    story = Story()
    servers = [Party(story, f"server {number}", hears=echo) for number in range(100)]
    clients = [Party(story, f"client {number}") for number in range(100)]
    served = serve(world, Fixed(*servers))
    for number, client in enumerate(clients):
        await call(world, served, client)
        client.transport.write(b"%03d" % number)
    for client in clients:
        await client.hears(3)
        client.transport.loseConnection()
    await part(served, *clients, *servers)
    return [bytes(client.heard) for client in clients]
