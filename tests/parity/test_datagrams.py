"""UDP, told alike by both worlds."""

import pytest
from twisted.internet.error import CannotListenError, InvalidAddressError, MessageLengthError

from tests.parity.parties import UNCLOSED, Datagrams, address, open_port
from tests.parity.story import Story, Told, tells
from twisted_net.testing.worlds import MANY_ADDRESSES, World

#: Bytes in the longest datagram of IPv4: what 16 bits count, without the two headers.
LONGEST = 65_507


@tells({"client": ["started", "b'hello'", "stopped"], "server": ["started", "b'hello'", "stopped"]})
async def test_a_datagram_comes_back(world: World) -> Told:
    """From where it was sent to."""
    story = Story()
    client, server = Datagrams(story, "client"), Datagrams(story, "server", answers=True)
    here, there = open_port(world, client, "client"), open_port(world, server, "server")
    client.transport.write(b"hello", address(there))
    await client.hears(1)
    assert client.peers == [address(there)]
    assert server.peers == [address(here)]
    await here.stopListening()
    await there.stopListening()
    return story.told()


@tells({"client": ["started", "b''", "stopped"], "server": ["started", "b''", "stopped"]})
async def test_an_empty_datagram_is_a_datagram(world: World) -> Told:
    """Unlike an empty piece of a stream."""
    story = Story()
    client, server = Datagrams(story, "client"), Datagrams(story, "server", answers=True)
    here, there = open_port(world, client, "client"), open_port(world, server, "server")
    client.transport.write(b"", address(there))
    await client.hears(1)
    await here.stopListening()
    await there.stopListening()
    return story.told()


@tells({"client": ["started", "too long", LONGEST, "stopped"]})
async def test_the_longest_datagram_goes_and_one_byte_more_does_not(world: World) -> Told:
    """The writer is told at once."""
    story = Story()
    client, server = Datagrams(story, "client"), Datagrams(Story(), "server", answers=True)
    here = open_port(world, client, "client", size=65_536)
    there = open_port(world, server, "server", size=65_536)
    try:
        client.transport.write(bytes(LONGEST + 1), address(there))
    except MessageLengthError:
        story.tell("client", "too long")
    client.transport.write(bytes(LONGEST), address(there))
    await client.hears(1)
    await here.stopListening()
    await there.stopListening()
    return story.told()


@tells([100, 100])
async def test_what_is_longer_than_the_reader_asks_for_is_cut(world: World) -> list[int]:
    """``maxPacketSize`` is not a limit for the sender but a knife of the reader."""
    story = Story()
    client, server = Datagrams(story, "client"), Datagrams(story, "server")
    here = open_port(world, client, "client")
    there = open_port(world, server, "server", size=100)
    client.transport.write(bytes(5_000), address(there))
    client.transport.write(bytes(100), address(there))
    await server.hears(2)
    await here.stopListening()
    await there.stopListening()
    return [len(each) for each in server.heard]


@tells({"client": ["started", "b'friend'"], "server": ["started", "b'hello'"]})
async def test_a_connected_port_hears_its_peer_only(world: World) -> Told:
    """And needs no address to write to."""
    story = Story()
    client, server = Datagrams(story, "client"), Datagrams(story, "server")
    stranger = Datagrams(Story(), "stranger")
    here, there = open_port(world, client, "client"), open_port(world, server, "server")
    elsewhere = open_port(world, stranger, "stranger")
    client.transport.connect(*address(there))
    client.transport.write(b"hello")
    await server.hears(1)
    stranger.transport.write(b"stranger", address(here))
    await world.sleep(0.02)
    server.transport.write(b"friend", address(here))
    await client.hears(1)
    told = story.told()
    for port in (here, there, elsewhere):
        await port.stopListening()
    return told


@tells(["RuntimeError", "InvalidAddressError"])
async def test_misuse_of_connected_mode_is_an_error(world: World) -> list[str]:
    """Connecting twice, and connecting to a name."""
    client, server = Datagrams(Story(), "client"), Datagrams(Story(), "server")
    here, there = open_port(world, client, "client"), open_port(world, server, "server")
    seen = []
    client.transport.connect(*address(there))
    try:
        client.transport.connect(*address(there))
    except RuntimeError as error:
        seen.append(type(error).__name__)
    try:
        server.transport.connect("localhost", 1)
    except InvalidAddressError as error:
        seen.append(type(error).__name__)
    await here.stopListening()
    await there.stopListening()
    return seen


@tells({"client": ["started", "b'still here'", "stopped"]})
async def test_a_datagram_to_nobody_is_lost_without_a_word(world: World) -> Told:
    """The port that sent it goes on."""
    story = Story()
    client, server = Datagrams(story, "client"), Datagrams(Story(), "server", answers=True)
    gone = open_port(world, Datagrams(Story(), "gone"), "server")
    nobody = address(gone)
    await gone.stopListening()
    here, there = open_port(world, client, "client"), open_port(world, server, "server")
    client.transport.write(b"anybody?", nobody)
    await world.sleep(0.02)
    client.transport.write(b"still here", address(there))
    await client.hears(1)
    await here.stopListening()
    await there.stopListening()
    return story.told()


@pytest.mark.skipif(not MANY_ADDRESSES, reason="what epoll does where there is epoll")
@tells({"client": ["started", "stopped"]})
async def test_a_refused_datagram_closes_a_connected_port(world: World) -> Told:
    """On epoll, without a word of refusal (twisted#5377): better not to connect."""
    story = Story()
    client = Datagrams(story, "client")
    gone = open_port(world, Datagrams(Story(), "gone"), "server")
    nobody = address(gone)
    await gone.stopListening()
    open_port(world, client, "client")
    client.transport.connect(*nobody)
    client.transport.write(b"anybody?")
    await story.until(lambda: client.ended)
    return story.told()


@tells([False, "PermissionError", True, "allowed"])
async def test_broadcast_needs_permission(world: World) -> list[object]:
    """Which a port may give itself."""
    client = Datagrams(Story(), "client")
    port = world.host("client").reactor.listenUDP(0, client)
    seen: list[object] = []
    for permission in (False, True):
        client.transport.setBroadcastAllowed(permission)
        seen.append(bool(client.transport.getBroadcastAllowed()))
        try:
            client.transport.write(b"everybody", ("255.255.255.255", 9))
        except PermissionError as error:
            seen.append(type(error).__name__)
        except OSError:  # a machine without a network has nowhere to send it to
            seen.append("allowed")
        else:
            seen.append("allowed")
    await port.stopListening()
    return seen


@UNCLOSED
@tells("CannotListenError")
async def test_a_udp_port_is_had_by_one(world: World) -> str:
    """The second to ask is told so."""
    port = open_port(world, Datagrams(Story(), "first"), "server")
    try:
        open_port(world, Datagrams(Story(), "second"), "server", port.getHost().port)
    except CannotListenError as error:
        told = type(error).__name__
    else:
        told = "both listen"
    await port.stopListening()
    return told


@tells({"server": ["started", "stopped", "started", "b'hello'", "stopped"]})
async def test_a_udp_port_can_be_closed_and_opened_again(world: World) -> Told:
    """With the same protocol, too."""
    story = Story()
    client, server = Datagrams(Story(), "client"), Datagrams(story, "server")
    there = open_port(world, server, "server")
    number = there.getHost().port
    await there.stopListening()
    there = open_port(world, server, "server", number)
    here = open_port(world, client, "client")
    client.transport.write(b"hello", address(there))
    await server.hears(1)
    await here.stopListening()
    await there.stopListening()
    return story.told()


@tells([b"%d" % number for number in range(100)])
async def test_a_hundred_datagrams_at_once_all_arrive_in_order(world: World) -> list[bytes]:
    """On a path that loses nothing, and as long as the reader's buffer has room."""
    story = Story()
    client, server = Datagrams(story, "client"), Datagrams(story, "server")
    here, there = open_port(world, client, "client"), open_port(world, server, "server")
    for number in range(100):
        client.transport.write(b"%d" % number, address(there))
    await server.hears(100)
    await here.stopListening()
    await there.stopListening()
    return server.heard


@tells([True, True])
async def test_a_burst_that_is_too_much_loses_its_end(world: World) -> list[bool]:
    """What came first is kept, in order, and the rest dropped by the reader's kernel."""
    story = Story()
    client, server = Datagrams(story, "client"), Datagrams(story, "server")
    here = open_port(world, client, "client")
    there = open_port(world, server, "server", size=65_536)
    for number in range(400):
        client.transport.write(b"%03d" % number + bytes(20_000), address(there))
    await world.sleep(0.05)
    heard = [int(each[:3]) for each in server.heard]
    await here.stopListening()
    await there.stopListening()
    return [0 < len(heard) < 400, heard == list(range(len(heard)))]


@tells(
    {
        "member": ["started", "b'to all'", "stopped"],
        "neighbour": ["started", "b'to all'", "stopped"],
    }
)
async def test_what_is_said_to_a_group_is_heard_while_there_is_a_member(world: World) -> Told:
    """By others on the same port of the host as well, which is Linux's way."""
    story = Story()
    member, neighbour = Datagrams(story, "member"), Datagrams(story, "neighbour")
    host = world.host("server")
    here = host.reactor.listenMulticast(0, member, listenMultiple=True)
    number = here.getHost().port
    there = host.reactor.listenMulticast(number, neighbour, listenMultiple=True)
    member.transport.setOutgoingInterface(host.ip)
    await member.transport.joinGroup("239.255.77.1", host.ip)
    member.transport.write(b"to all", ("239.255.77.1", number))
    await member.hears(1)
    await neighbour.hears(1)
    await member.transport.leaveGroup("239.255.77.1", host.ip)
    member.transport.write(b"to nobody", ("239.255.77.1", number))
    await world.sleep(0.02)
    await here.stopListening()
    await there.stopListening()
    return story.told()
