"""Files sent to streams: by the kernel on real sockets, by hand on simulated ones, told alike."""

import errno
import os
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from twisted.internet.defer import Deferred

from tests.parity.conftest import loopback_fast
from tests.parity.parties import Fixed, Party, call, join, part, serve
from tests.parity.story import Story, tells
from twisted_net.files.store import OpenFile
from twisted_net.net import sendfile
from twisted_net.net.counters import DoorCounters
from twisted_net.net.guards import GuardedFactory
from twisted_net.net.limits import Census
from twisted_net.net.sendfile import Sending, StoppedError, takes_files
from twisted_net.net.service import Door
from twisted_net.testing.worlds import LoopbackWorld, World

CONTENT = bytes(range(251)) * 4000

#: More than any two kernels keep for a peer that does not read.
MUCH = 64 << 20


def opened(path: Path, content: bytes = CONTENT, size: int | None = None) -> OpenFile:
    """Return a file with this content; a longer one goes on with zeros."""
    (path / "file").write_bytes(content)
    if size is not None:
        os.truncate(path / "file", size)
    return OpenFile(b"file", os.open(path / "file", os.O_RDONLY))


async def ending(sending: Sending) -> str:
    """Send; return how it ended."""
    try:
        await sending.start()
    except StoppedError as stopped:
        return str(stopped)
    return "done"


async def sent(world: World, file: OpenFile, offset: int, length: int, **options: Any) -> list[Any]:
    """Send a part of a file between two words; return how it ended and what arrived."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    server.transport.write(b"<head>")
    ended = await ending(Sending(server.transport, file, offset, length, **options))
    server.transport.write(b"<tail>")
    server.transport.loseConnection()
    await part(served, client, server)
    heard = bytes(client.heard)
    return [ended, heard[:6], len(heard) - 12, crc32(heard[6:-6]), heard[-6:]]


@tells(["done", b"<head>", len(CONTENT), crc32(CONTENT), b"<tail>"])
async def test_a_file_comes_whole_and_in_its_place(world: World, tmp_path: Path) -> list[Any]:
    """Behind what was written before it, and before what is written when it is done."""
    return await sent(world, opened(tmp_path), 0, len(CONTENT))


@tells(["done", b"<head>", 300_001, crc32(CONTENT[70_000:370_001]), b"<tail>"])
async def test_a_part_of_a_file_is_just_that_part(world: World, tmp_path: Path) -> list[Any]:
    """No byte more at either end."""
    return await sent(world, opened(tmp_path), 70_000, 300_001)


@tells(["done", b"<head>", 0, 0, b"<tail>"])
async def test_nothing_of_a_file_is_sent_too(world: World, tmp_path: Path) -> list[Any]:
    """At its end, say."""
    return await sent(world, opened(tmp_path), len(CONTENT), 0)


@tells([["done", b"<head>", len(CONTENT), crc32(CONTENT), b"<tail>"], crc32(CONTENT)])
async def test_who_wants_to_see_the_bytes_sees_them_all(world: World, tmp_path: Path) -> list[Any]:
    """To hash them, say: then no kernel moves them."""
    seen = bytearray()
    told = await sent(world, opened(tmp_path), 0, len(CONTENT), seen=seen.extend)
    return [told, crc32(seen)]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_that_cannot_be_moved_is_copied(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems, and some sandboxes, refuse."""
    refused = []

    def sendfile(*arguments: int) -> int:
        refused.append(arguments)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "sendfile", sendfile, raising=False)
    world = LoopbackWorld()
    told = world.run(lambda world: sent(world, opened(tmp_path), 0, len(CONTENT)))
    assert told == ["done", b"<head>", len(CONTENT), crc32(CONTENT), b"<tail>"]
    assert len(refused) == 1


def test_a_disk_that_fails_in_the_middle_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words."""

    def sendfile(*_: int) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "sendfile", sendfile, raising=False)
    told = LoopbackWorld().run(lambda world: sent(world, opened(tmp_path), 0, len(CONTENT)))
    assert told[0] == "cannot read: input/output error"


@tells(["the file became shorter", True])
async def test_a_file_that_becomes_shorter_is_an_error(world: World, tmp_path: Path) -> list[Any]:
    """What was promised cannot be kept; the caller cuts the connection."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    client.transport.pauseProducing()
    file = opened(tmp_path, size=MUCH)
    sending = Sending(server.transport, file, 0, MUCH)
    ended = Deferred.fromCoroutine(ending(sending))
    os.truncate(tmp_path / "file", 1000)
    client.transport.resumeProducing()
    told = [await ended, sending.sent < MUCH]
    server.transport.abortConnection()
    await part(served, client, server)
    return told


@tells(["the connection was lost", True])
async def test_a_peer_that_resets_ends_it(world: World, tmp_path: Path) -> list[Any]:
    """In the middle."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    sending = Sending(server.transport, opened(tmp_path, size=MUCH), 0, MUCH)
    done = sending.start()
    await client.hears(100_000)
    client.transport.abortConnection()
    try:
        await done
        told = "done"
    except StoppedError as stopped:
        told = str(stopped)
    await part(served, client, server)
    return [told, sending.sent < MUCH]


@tells(["the connection was lost", True])
async def test_a_peer_that_does_not_read_is_waited_for(world: World, tmp_path: Path) -> list[Any]:
    """With no more in memory than the kernel keeps for it; an abort of ours ends that."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    client.transport.pauseProducing()
    sending = Sending(server.transport, opened(tmp_path, size=MUCH), 0, MUCH)
    done = sending.start()
    await world.sleep(0.05)
    sent = sending.sent
    server.transport.abortConnection()
    try:
        await done
        told = "done"
    except StoppedError as stopped:
        told = str(stopped)
    client.transport.resumeProducing()
    await part(served, client, server)
    return [told, sent < MUCH]


@tells(["done", len(CONTENT)])
async def test_a_close_meanwhile_waits_for_the_end(world: World, tmp_path: Path) -> list[Any]:
    """As it does for everything that was written."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    sending = Sending(server.transport, opened(tmp_path), 0, len(CONTENT))
    done = sending.start()
    server.transport.loseConnection()
    await done
    await part(served, client, server)
    return ["done", len(client.heard)]


@tells(["it was given up", b"<tail>"])
async def test_what_is_given_up_leaves_the_connection_usable(
    world: World, tmp_path: Path
) -> list[Any]:
    """Whoever cancels it may write again."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    served = await join(world, client, server)
    done = Sending(server.transport, opened(tmp_path, size=MUCH), 0, MUCH).start()
    await client.hears(1)
    why: list[str] = []
    done.addErrback(lambda failure: why.append(failure.getErrorMessage()))
    done.cancel()
    server.transport.write(b"<tail>")
    server.transport.loseConnection()
    await part(served, client, server)
    return [*why, bytes(client.heard[-6:])]


@tells([len(CONTENT) + 12, len(CONTENT) + 12])
async def test_the_guards_count_what_goes_past_them(world: World, tmp_path: Path) -> list[Any]:
    """Every byte, whoever moved it; and the idle time begins anew."""
    story = Story()
    client = Party(story, "client")
    file = opened(tmp_path)

    class Sends(Party):
        """Send the file when asked."""

        def dataReceived(self, data: bytes) -> None:
            """Send it between two words."""
            self.transport.write(b"<head>")
            sending = Sending(self.transport, file, 0, file.size)
            sending.start().addCallback(self.close)

        def close(self, _: object) -> None:
            """Hang up."""
            self.transport.write(b"<tail>")
            self.transport.loseConnection()

    server = Sends(Story(), "server")
    inside = Fixed(server)
    counters = DoorCounters()
    reactor = world.host("server").reactor
    door = Door("test", "stream", "", inside)
    served = serve(world, GuardedFactory(door, inside, reactor, counters, Census(9, 9)))
    await call(world, served, client)
    client.transport.write(b"go")
    await part(served, client, server)
    return [len(client.heard), counters.sent]


def test_only_plain_sockets_take_files() -> None:
    """Real ones, on a reactor that waits for descriptors; and only while no TLS lies above."""

    async def told(world: World) -> list[bool]:
        client, server = Party(Story(), "client"), Party(Story(), "server")
        served = await join(world, client, server)
        plain = takes_files(server.transport)
        server.transport.TLS = True
        tls = takes_files(server.transport)
        server.transport.TLS = False
        client.transport.loseConnection()
        await part(served, client, server)
        return [plain, tls]

    assert LoopbackWorld().run(told) == [hasattr(os, "sendfile"), False]
    assert not takes_files(object())


def test_the_kernel_is_asked_once_for_room_and_then_given_piece_after_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To leave and to enter its list for each piece costs as much as all else that we do."""
    if not hasattr(os, "sendfile"):
        pytest.skip("no sendfile here")
    monkeypatch.setattr(sendfile, "MOVED", 16 << 10)
    told: list[str] = []
    move = os.sendfile

    def moves(*arguments: int) -> int:
        told.append("moved")
        return move(*arguments)

    monkeypatch.setattr(os, "sendfile", moves)

    async def watched(world: World) -> None:
        client, server = Party(Story(), "client"), Party(Story(), "server")
        served = await join(world, client, server)
        reactor, leave = server.transport.reactor, server.transport.reactor.removeWriter

        def leaves(each: object) -> None:
            told.append("left")
            leave(each)

        monkeypatch.setattr(reactor, "removeWriter", leaves)
        await Sending(server.transport, opened(tmp_path), 0, len(CONTENT)).start()
        server.transport.loseConnection()
        await part(served, client, server)
        assert crc32(client.heard) == crc32(CONTENT)

    loopback_fast().run(watched)
    assert told.count("moved") >= len(CONTENT) // sendfile.MOVED
    first, last = told.index("moved"), len(told) - told[::-1].index("moved")
    assert told[first:last].count("left") == 0
