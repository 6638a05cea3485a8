"""Our own doors, told alike by both worlds."""

import hashlib
import os
from pathlib import Path

from tests.parity.parties import (
    Datagrams,
    HalfParty,
    Party,
    address,
    call,
    open_port,
    serve,
)
from tests.parity.story import Story, Told, tells
from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.doors.delivery import deliver
from twisted_net.chat.doors.line import ChatLineFactory
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.post import Post
from twisted_net.echo.core import Dialog, Identity, Upper
from twisted_net.echo.doors import EchoDatagramProtocol, EchoFactory
from twisted_net.files.desk import Limits
from twisted_net.files.doors import FileFactory
from twisted_net.files.store import Folder
from twisted_net.files.tftp.codec import Ack, Data, Request, parse, render
from twisted_net.files.tftp.doors import TftpDatagramProtocol
from twisted_net.files.uploads import Writes
from twisted_net.testing.worlds import World

#: A file that takes several packets of either protocol.
CONTENT = bytes(range(256)) * 300


async def done(story: Story, party: Party) -> Told:
    """Wait for the end of a party and return the story."""
    await party.lost()
    return story.told()


@tells(
    {
        "client": [
            "made",
            "nothing more to write",
            b"HI THERE",
            "nothing more to read",
            "lost: ConnectionDone",
        ]
    }
)
async def test_echo_answers_a_half_close(world: World) -> Told:
    """As ``printf hi | nc -N`` does."""
    story = Story()
    client = HalfParty(story, "client")
    served = serve(world, EchoFactory(Upper, world.host("server").reactor))
    await call(world, served, client)
    client.transport.write(b"hi there")
    client.transport.loseWriteConnection()
    await client.ends()
    client.transport.loseConnection()
    told = await done(story, client)
    await served.port.stopListening()
    return told


@tells(True)
async def test_echo_gives_much_back_to_a_slow_reader(world: World) -> bool:
    """Two megabytes, more than it would keep for anybody."""
    story = Story()
    client = HalfParty(story, "client")
    served = serve(world, EchoFactory(Identity, world.host("server").reactor))
    await call(world, served, client)
    client.transport.pauseProducing()
    much = CONTENT * 27
    client.transport.write(much)
    client.transport.loseWriteConnection()
    await world.sleep(0.02)
    client.transport.resumeProducing()
    await client.ends()
    client.transport.loseConnection()
    await client.lost()
    await served.port.stopListening()
    return bytes(client.heard) == much


@tells([b"Ask me something, one line at a time.\nAre you there!\n"])
async def test_the_dialog_asks_and_answers(world: World) -> list[bytes]:
    """The door that speaks first."""
    client = Party(Story(), "client")
    served = serve(world, EchoFactory(Dialog, world.host("server").reactor))
    await call(world, served, client)
    client.transport.write(b"Are you there?\n")
    await client.story.until(lambda: client.heard.endswith(b"!\n"))
    client.transport.loseConnection()
    await client.lost()
    await served.port.stopListening()
    return [bytes(client.heard)]


@tells({"client": ["started", "b'hello'", "b''", 65_507]})
async def test_echo_answers_every_datagram(world: World) -> Told:
    """The empty one and the longest one too."""
    story = Story()
    client = Datagrams(story, "client")
    here = open_port(world, client, "client", size=65_536)
    host = world.host("server")
    there = host.reactor.listenUDP(0, EchoDatagramProtocol(), host.ip, maxPacketSize=65_536)
    for count, datagram in enumerate((b"hello", b"", bytes(65_507)), 1):
        client.transport.write(datagram, address(there))
        await client.hears(count)
    told = story.told()
    await here.stopListening()
    await there.stopListening()
    return told


@tells(
    {
        "blue": [
            "made",
            b"HELLO netdemo chat; choose a name: NICK <name>\n"
            b"OK NICK blue\nOK JOIN lobby 1\n"
            b"JOINED lobby red\nSAID lobby red hello, blue\nLEFT red quit\n",
        ],
        "red": [
            "made",
            b"HELLO netdemo chat; choose a name: NICK <name>\n"
            b"OK NICK red\nOK JOIN lobby 2\nSAID lobby blue hello, red\nOK BYE\n",
            "lost: ConnectionDone",
        ],
    }
)
async def test_two_members_talk(world: World) -> Told:
    """Through the chat's line door."""
    story = Story()
    blue, red = Party(story, "blue"), Party(story, "red")
    reactor = world.host("server").reactor
    post: Post[Outlet] = Post(Hub("lobby"), LocalBus(reactor.seconds), deliver)
    served = serve(world, ChatLineFactory(post, reactor))
    await call(world, served, blue, "blue")
    blue.transport.write(b"NICK blue\n")
    await story.until(lambda: b"JOIN lobby" in blue.heard)
    await call(world, served, red, "red")
    red.transport.write(b"NICK red\n")
    await story.until(lambda: b"JOINED lobby red" in blue.heard and b"lobby 2" in red.heard)
    blue.transport.write(b"hello, red\n")
    await story.until(lambda: b"hello, red" in red.heard)
    red.transport.write(b"hello, blue\nQUIT\n")
    await red.lost()
    await story.until(lambda: b"LEFT" in blue.heard)
    told = story.told()
    blue.transport.loseConnection()
    await blue.lost()
    await served.port.stopListening()
    return told


def folder(path: Path) -> Folder:
    """Return a shelf with one file of a fixed age."""
    (path / "content").write_bytes(CONTENT)
    os.utime(path / "content", (1700000000, 1700000000))
    return Folder(str(path))


SHA = hashlib.sha256(CONTENT).hexdigest().encode()


@tells([b"OK 76800 76800 - 1700000000\n", True, b"DONE %b\nOK bye\n" % SHA])
async def test_a_file_is_sent_and_vouched_for(world: World, tmp_path: Path) -> list[object]:
    """By the files line door."""
    client = Party(Story(), "client")
    served = serve(world, FileFactory(folder(tmp_path), world.host("server").reactor))
    await call(world, served, client)
    client.transport.write(b"GET content\nQUIT\n")
    await client.lost()
    await served.port.stopListening()
    promise, _, rest = bytes(client.heard).partition(b"\n")
    return [promise + b"\n", rest[: len(CONTENT)] == CONTENT, rest[len(CONTENT) :]]


@tells([b"OK send\nOK stored\nOK sha256 %b\nOK bye\n" % SHA, CONTENT])
async def test_a_file_is_put_and_vouched_for(world: World, tmp_path: Path) -> list[object]:
    """By the same door; a thread writes it."""
    client = Party(Story(), "client")
    shelf = Folder(str(tmp_path), writes=Writes())
    limits = Limits(write=True)
    served = serve(world, FileFactory(shelf, world.host("server").reactor, limits))
    await call(world, served, client)
    client.transport.write(b"PUT new %d %b\n" % (len(CONTENT), SHA))
    await client.story.until(lambda: b"send" in client.heard)
    client.transport.write(CONTENT + b"SUM new\nQUIT\n")
    await client.lost()
    await served.port.stopListening()
    return [bytes(client.heard), (tmp_path / "new").read_bytes()]


@tells({"client": ["made", b"ERR 404 no such file\n", "lost: ConnectionDone"]})
async def test_a_file_that_is_not_there_is_told_so(world: World, tmp_path: Path) -> Told:
    """In one line."""
    story = Story()
    client = Party(story, "client")
    served = serve(world, FileFactory(folder(tmp_path), world.host("server").reactor))
    await call(world, served, client)
    client.transport.write(b"nothing\n")
    told = await done(story, client)
    await served.port.stopListening()
    return told


@tells([True, 151, 1])
async def test_a_file_is_sent_block_by_block(world: World, tmp_path: Path) -> list[object]:
    """By TFTP, from a port of its own."""
    client = Datagrams(Story(), "client")
    here = open_port(world, client, "client")
    host = world.host("server")
    door = TftpDatagramProtocol(folder(tmp_path), host.reactor)
    there = host.reactor.listenUDP(0, door, host.ip)
    client.transport.write(render(Request("read", b"content", "octet", {})), address(there))
    blocks: list[bytes] = []
    while not blocks or len(blocks[-1]) == 512:
        await client.hears(len(blocks) + 1)
        packet = parse(client.heard[-1])
        assert isinstance(packet, Data)
        blocks.append(packet.block)
        client.transport.write(render(Ack(len(blocks))), client.peers[-1])
    await world.sleep(0.02)
    peers = dict.fromkeys(client.peers)
    assert address(there) not in peers
    assert not door.running
    await here.stopListening()
    await there.stopListening()
    return [b"".join(blocks) == CONTENT, len(blocks), len(peers)]
