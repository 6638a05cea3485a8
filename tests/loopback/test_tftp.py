"""TFTP on real sockets: trains, sockets of its own, the address that was asked."""

import errno
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs

from tests.files.wires import NOISE
from tests.patience import PATIENCE
from twisted_net.files.destination import LocalFile
from twisted_net.files.shelf import Content
from twisted_net.files.store import Folder
from twisted_net.files.tftp import client as tftp
from twisted_net.files.tftp import outbox, ports
from twisted_net.files.tftp.codec import Ack, Data, Error, Packet, Request, parse, render
from twisted_net.files.tftp.core import Terms
from twisted_net.files.tftp.doors import Policy, TftpDatagramProtocol
from twisted_net.files.tftp.ports import OwnSocket
from twisted_net.files.uploads import Writes
from twisted_net.net.clients import Target

#: Sizes at and around the borders of blocks and windows of the client's.
SIZES = (0, 1427, 1428, 32 * 1428, 32 * 1428 + 1, 600_000)


def the_reactor() -> Any:
    """Return it; Twisted's type leaves out what it can do."""
    from twisted.internet import reactor

    return reactor


#: Other systems have other numbers, and no address of loopback but one.
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")


@asynccontextmanager
async def served(
    root: Path, interface: str = "127.0.0.1", **policy: Any
) -> AsyncIterator[tuple[TftpDatagramProtocol, int]]:
    """Serve a folder on a free port; yields the door and the port."""
    reactor = the_reactor()
    door = TftpDatagramProtocol(
        Folder(str(root), writes=Writes()), reactor, policy=Policy(**policy)
    )
    port = reactor.listenUDP(0, door, interface, 65535)
    try:
        yield door, port.getHost().port
    finally:
        await port.stopListening()


async def fetched(port: int, name: str, to: Path, host: str = "127.0.0.1") -> bytes:
    """Fetch a file with our own client, and wait until nothing is owed."""
    reactor = the_reactor()
    with LocalFile(str(to)) as into:
        _, left = await tftp.get(reactor, Target("tftp", host, port), name, into, PATIENCE)
    await left
    return to.read_bytes()


class Party(DatagramProtocol):
    """Somebody who sends packets, and waits for others."""

    def __init__(self) -> None:
        self.came: list[tuple[Packet, tuple[str, int]]] = []
        self._waiting: Deferred[None] | None = None

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Keep a packet."""
        self.came.append((parse(datagram), addr))
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.callback(None)

    def send(self, packet: Packet, addr: tuple[str, int]) -> None:
        """Send one."""
        assert self.transport is not None
        self.transport.write(render(packet), addr)

    async def next(self) -> tuple[Packet, tuple[str, int]]:
        """Return the packet that comes next, and who sent it."""
        reactor = the_reactor()
        if not self.came:
            self._waiting = Deferred()
            await self._waiting.addTimeout(PATIENCE, reactor)
        return self.came.pop(0)


@pytest_twisted.ensureDeferred
async def test_windows_come_whole(tmp_path: Path) -> None:
    """All at one time; neither a log line a port, nor a descriptor is left."""
    root = tmp_path / "root"
    root.mkdir()
    for size in SIZES:
        (root / str(size)).write_bytes(NOISE[:size])
    async with served(root) as (door, port):
        with capturedLogs() as events:
            got = await gatherResults(
                [
                    Deferred.fromCoroutine(fetched(port, str(size), tmp_path / str(size)))
                    for size in SIZES
                ]
            )
        lines = [event for event in events if "door" in event]
        assert len(lines) == len(SIZES)
        assert not door.running
    assert got == [NOISE[:size] for size in SIZES]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO, errno.EMSGSIZE, errno.ENOPROTOOPT])
@pytest_twisted.ensureDeferred
async def test_without_trains_each_block_goes_alone(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old kernel, a device without checksums, a path too narrow: found out by the first."""
    tries = []

    def refuse(sock: OwnSocket, segment: int) -> None:
        tries.append(segment)
        raise OSError(number, "no trains here")

    monkeypatch.setattr(OwnSocket, "_cut_at", refuse)
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(NOISE)
    async with served(root) as (_, port):
        assert await fetched(port, "file", tmp_path / "file") == NOISE
    assert tries == [1432]


@pytest_twisted.ensureDeferred
async def test_many_clients_that_go_block_by_block_get_their_files_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks of all of them leave together, each to whom it belongs."""
    monkeypatch.setattr(outbox, "PAUSE", 0)
    monkeypatch.setattr(outbox, "LONGEST_PAUSE", 0)
    root = tmp_path / "root"
    root.mkdir()
    files = {str(at): NOISE[at : at + 60_000] for at in range(12)}
    for name, content in files.items():
        (root / name).write_bytes(content)
    async with served(root, terms=Terms(windowsize=1)) as (door, port):
        got = await gatherResults(
            [Deferred.fromCoroutine(fetched(port, name, tmp_path / name)) for name in files]
        )
        assert door.journal.counters.datagrams_sent >= 12 * 60_000 // 1428
    assert got == list(files.values())


@pytest_twisted.ensureDeferred
async def test_what_is_held_leaves_before_its_socket_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last thing that a transfer says is why it ends."""
    monkeypatch.setattr(outbox, "PAUSE", 0)
    (tmp_path / "file").write_bytes(NOISE)
    reactor = the_reactor()
    async with served(tmp_path) as (door, port):
        party = Party()
        own = reactor.listenUDP(0, party, "127.0.0.1")
        party.send(Request("read", b"file"), ("127.0.0.1", port))
        assert (await party.next())[0] == Data(1, NOISE[:512])
        (transfer,) = door.running.values()
        transfer.abort("enough")
        assert (await party.next())[0] == Error(0, "enough")
        await own.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_portable_port_does_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the reactor watches no descriptors."""
    monkeypatch.setattr(ports, "real_socket", lambda *_: None)
    monkeypatch.setattr(tftp, "train_reader", lambda *_: None)
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(NOISE)
    async with served(root) as (door, port):
        assert await fetched(port, "file", tmp_path / "file") == NOISE
        assert door.journal.counters.datagrams_sent >= len(NOISE) // 1428


@pytest.mark.parametrize("policy", [{}, {"single_port": True}], ids=["own port", "single port"])
@pytest_twisted.ensureDeferred
async def test_a_file_can_be_sent_and_fetched(policy: dict[str, Any], tmp_path: Path) -> None:
    """By our own client."""
    reactor = the_reactor()
    root = tmp_path / "root"
    root.mkdir()
    async with served(root, write=True, **policy) as (_, port):
        target = Target("tftp", "127.0.0.1", port)
        source = Content(b"file", NOISE)
        sent = await tftp.put(reactor, target, "file", source, PATIENCE)
        assert (sent.name, sent.size) == ("file", len(NOISE))
        assert (root / "file").read_bytes() == NOISE
        assert await fetched(port, "file", tmp_path / "copy") == NOISE


@linux_only
@pytest_twisted.ensureDeferred
async def test_an_answer_comes_from_the_address_that_was_asked(tmp_path: Path) -> None:
    """A door on all addresses; a client that looks at where answers come from would not hear."""
    reactor = the_reactor()
    (tmp_path / "file").write_bytes(b"content")
    async with served(tmp_path, "0.0.0.0") as (_, port):  # noqa: S104 - it is what is tested
        await deferToThread(lambda: None)
        party = Party()
        own = reactor.listenUDP(0, party, "127.0.0.1")
        for host in ("127.0.0.2", "127.0.0.1"):
            party.send(Request("read", b"file"), (host, port))
            packet, (came_from, number) = await party.next()
            assert (packet, came_from) == (Data(1, b"content"), host)
            assert number != port
            party.send(Ack(1), (came_from, number))
        await own.stopListening()


@linux_only
@pytest_twisted.ensureDeferred
async def test_a_request_to_everybody_is_ignored(tmp_path: Path) -> None:
    """RFC 1123, 4.2.3.4; it is counted."""
    reactor = the_reactor()
    (tmp_path / "file").write_bytes(b"content")
    async with served(tmp_path, "0.0.0.0") as (door, port):  # noqa: S104
        await deferToThread(lambda: None)
        party = Party()
        own = reactor.listenUDP(0, party, "127.0.0.1")
        own.setBroadcastAllowed(True)
        party.send(Request("read", b"file"), ("127.255.255.255", port))
        party.send(Request("read", b"nope"), ("127.0.0.1", port))
        packet, _ = await party.next()
        assert packet == Error(1, "no such file")
        assert not door.running
        assert door.journal.counters.dropped == {"broadcast": 1, "refused_404": 1}
        await own.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_stranger_to_a_real_port_is_sent_away(tmp_path: Path) -> None:
    """The socket is not connected, or the kernel would keep it from us."""
    reactor = the_reactor()
    (tmp_path / "file").write_bytes(NOISE[:1000])
    async with served(tmp_path) as (_, port):
        party, stranger = Party(), Party()
        ends = [reactor.listenUDP(0, each, "127.0.0.1") for each in (party, stranger)]
        party.send(Request("read", b"file"), ("127.0.0.1", port))
        _, transfer = await party.next()
        stranger.send(Ack(1), transfer)
        assert await stranger.next() == (Error(5, "unknown transfer"), transfer)
        party.send(Ack(1), transfer)
        assert await party.next() == (Data(2, NOISE[512:1000]), transfer)
        party.send(Ack(2), transfer)
        for end in ends:
            await end.stopListening()


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
@pytest.mark.parametrize("interface", ["::1", "::"])
@pytest_twisted.ensureDeferred
async def test_ipv6_is_served(interface: str, tmp_path: Path) -> None:
    """On one address and on all."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(NOISE)
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with served(root, interface) as (_, port):
        assert await fetched(port, "file", tmp_path / "file", "::1") == NOISE
