"""Tests of `twisted_net.files.tftp.crowd`, beside sockets that are watched one by one.

The sockets are real, but nothing waits: a datagram on loopback is there when it has been sent.
"""

import select
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.task import Clock
from zope.interface import implementer

from tests.files.test_tftp_compiled import needs_it, state
from tests.files.wires import NOISE, at_once
from twisted_net.files.store import Folder
from twisted_net.files.tftp import compiled, core, ports
from twisted_net.files.tftp.codec import Ack, Data, Error, Packet, Request, parse, render
from twisted_net.files.tftp.doors import Policy, TftpDatagramProtocol
from twisted_net.net.fast.offload import SOL_UDP, UDP_SEGMENT, sends_trains

pytestmark = [needs_it, pytest.mark.real_sockets]

SIZE = 150_000


@implementer(IReactorFDSet)
class Watch(Clock):  # type: ignore[misc]  # it is asked for no more
    """A clock that watches descriptors."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        """Watch it."""
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """Watch it no longer."""
        self.readers.remove(reader)

    def turn(self) -> None:
        """Serve whoever is readable, until nobody is."""
        while self.readers and (ready := select.select(self.readers, [], [], 0)[0]):
            for each in ready:
                if each in self.readers:
                    each.doRead()
            self.advance(0)


class DoorPort:
    """The port that takes requests."""

    def __init__(self, family: int, host: str) -> None:
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))

    def getHost(self) -> Any:
        """Return where it is."""
        kind = IPv6Address if self.socket.family == socket.AF_INET6 else IPv4Address
        return kind("UDP", *self.socket.getsockname()[:2])

    def write(self, datagram: bytes, addr: Any) -> None:
        """Answer."""
        self.socket.sendto(datagram, addr)


class Client:
    """One that fetches, and does it wrong where it is told to.

    :ivar packets: all that came.
    """

    def __init__(self, family: int, host: str) -> None:
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.packets: list[Packet] = []
        self.server: Any = None
        self.got = 0  # the last block in order

    @property
    def address(self) -> Any:
        """Its host and port."""
        return self.socket.getsockname()[:2]

    def read(self) -> None:
        """Take what came."""
        while True:
            try:
                datagram, sender = self.socket.recvfrom(65535)
            except BlockingIOError:
                return
            self.server = self.server or sender
            packet = parse(datagram)
            self.packets.append(packet)
            if isinstance(packet, Data) and packet.number == self.got + 1:
                self.got += 1

    def send(self, packet: Packet | bytes) -> None:
        """Send something."""
        data = packet if isinstance(packet, bytes) else render(packet)
        self.socket.sendto(data, self.server)

    def content(self) -> bytes:
        """Return what it has, each block once."""
        blocks = {each.number: each.block for each in self.packets if isinstance(each, Data)}
        return b"".join(blocks[number] for number in range(1, self.got + 1))


class Server:
    """A TFTP door with transfers on sockets of their own, and its clients."""

    def __init__(self, root: Path, clients: int, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.reactor = Watch()
        self.door = TftpDatagramProtocol(
            Folder(str(root)), self.reactor, policy=Policy(), aside=at_once
        )
        self.port = DoorPort(family, host)
        self.door.makeConnection(self.port)  # type: ignore[arg-type]
        self.clients = [Client(family, host) for _ in range(clients)]
        self.stranger = Client(family, host)

    def ask(self, **options: str) -> None:
        """Let all ask for the file."""
        request = render(Request("read", b"file", "octet", options))
        for client in self.clients:
            self.door.datagramReceived(request, client.address)
        self.turn()

    def turn(self) -> None:
        """Let the server answer, and the clients read."""
        self.reactor.turn()
        for client in self.clients:
            client.read()

    def state(self) -> list[Any]:
        """Return all that the clients saw, and what the server knows."""
        transfers = [self.door.running.get(client.address) for client in self.clients]
        known = [transfer and state(transfer.machine) for transfer in transfers]
        timers = sorted(call.getTime() for call in self.reactor.getDelayedCalls())
        seen = [client.packets for client in self.clients]
        return [seen, known, timers, self.door.journal.counters]

    def close(self) -> None:
        """End everything."""
        self.door.doStop()
        for sock in (self.port.socket, *(each.socket for each in (self.stranger, *self.clients))):
            sock.close()
        assert not self.reactor.readers
        assert not self.reactor.getDelayedCalls()


@contextmanager
def serving(root: Path, clients: int, host: str = "127.0.0.1") -> Iterator[Server]:
    """Serve a folder to so many."""
    with ExitStack() as stack:
        try:
            server = Server(root, clients, host)
        except OSError:
            pytest.skip("no IPv6 here")
        stack.callback(server.close)
        yield server


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file."""
    made = tmp_path_factory.mktemp("crowd")
    (made / "file").write_bytes(NOISE[:SIZE])
    return made


def act(server: Server, who: int, what: str) -> None:
    """Let a client do something."""
    client = server.clients[who % len(server.clients)]
    if client.server is None:
        return
    match what:
        case "ack":
            client.send(Ack(client.got))
        case "behind":
            client.send(Ack(max(0, client.got - 1)))
        case "ahead":
            client.send(Ack(client.got + 1))
        case "long":
            client.send(render(Ack(client.got)) + b"more")
        case "garbage":
            client.send(b"\0\4\0")
        case "data":
            client.send(b"\0\3" + render(Ack(client.got))[2:])
        case "end":
            client.send(Error(0, "enough"))
        case "stranger":
            server.stranger.server = client.server
            server.stranger.send(Ack(client.got))
        case _:
            server.reactor.advance({"pause": 0.05, "wait": 1.0}[what])


WHAT = ["ack"] * 9 + ["behind", "ahead", "long", "garbage", "data", "end", "stranger"]
TURNS = st.lists(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([*WHAT, "pause", "wait"])), max_size=5),
    max_size=40,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(options=st.sampled_from([{}, {"blksize": "1428"}, {"windowsize": "4"}]), turns=TURNS)
def test_nobody_can_tell_it_from_sockets_that_are_watched_one_by_one(
    root: Path, options: dict[str, str], turns: Sequence[Sequence[tuple[int, str]]]
) -> None:
    """Every packet, counter, timer and field is the same, whatever clients and strangers do."""
    with serving(root, 3) as crowd, pytest.MonkeyPatch.context() as patch:
        assert crowd.door._crowd is not None
        patch.setattr(compiled, "why_not", "not wanted")
        with serving(root, 3) as plain:
            assert plain.door._crowd is None
            for server in (crowd, plain):
                patch.setattr(
                    "twisted_net.files.tftp.transfers.compiled.Sender",
                    core.Sender if server is plain else MADE,
                )
                server.ask(**options)
            for turn in turns:
                for server in (crowd, plain):
                    for who, what in turn:
                        act(server, who, what)
                    server.turn()
                assert crowd.state() == plain.state()


#: What transfers in a crowd are made of.
MADE = compiled.Sender


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("options", [{}, {"blksize": "1428", "windowsize": "16"}], ids=["1", "16"])
def test_all_of_a_crowd_get_the_whole_file(
    root: Path, options: dict[str, str], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nearly all of it is sent without a word to Python."""
    told = []
    stepped = ports.OwnSocket.send
    monkeypatch.setattr(
        ports.OwnSocket,
        "send",
        lambda *each: told.append(1) or stepped(*each),  # type: ignore[func-returns-value]
    )
    with serving(root, 20, host) as server:
        server.ask(**options)
        while server.door.running:
            for client in server.clients:
                client.send(Ack(client.got))
            server.turn()
        for client in server.clients:
            assert client.content() == NOISE[:SIZE]
        counters = server.door.journal.counters
        assert counters.datagrams_sent == sum(len(each.packets) for each in server.clients)
        assert counters.sent == sum(
            len(render(packet)) for each in server.clients for packet in each.packets
        )
        assert not counters.dropped
        assert len(told) < counters.datagrams_sent / 8


@pytest.mark.logs("ZeroDivisionError")
def test_one_that_breaks_ends_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are served in the same turn; the log says what it was."""
    with serving(root, 3) as server:
        server.ask()
        broken = server.door.running[server.clients[1].address]
        monkeypatch.setattr(broken, "datagramReceived", lambda *_: 1 / 0)
        for _ in range(3):
            for client in server.clients:
                client.send(Ack(client.got))
            server.turn()
        assert [client.got for client in server.clients] == [4, 1, 4]


def test_one_that_is_closed_by_another_s_packet_is_left_alone(root: Path) -> None:
    """Though both were readable in the same turn."""
    with serving(root, 3) as server:
        server.ask()
        for _ in range(3):
            for client in server.clients:
                client.send(Ack(client.got))
            server.turn()
        first = server.door.running[server.clients[0].address]
        others = [server.door.running[each.address] for each in server.clients[1:]]
        received = first.datagramReceived

        def close_all(datagram: bytes, addr: Any) -> None:
            for each in others:
                each.leave("closed")
            received(datagram, addr)

        first.datagramReceived = close_all  # type: ignore[method-assign]
        for client in server.clients:
            client.send(b"\0\4\0" if client is server.clients[0] else Ack(client.got))
        server.turn()
        assert list(server.door.running.values()) == [first]


@pytest.mark.skipif(not sends_trains(), reason="no UDP_SEGMENT here")
def test_what_cannot_be_sent_is_counted_and_sent_again(root: Path) -> None:
    """As on any other socket: it is as good as lost on the way."""
    with serving(root, 1) as server:
        (client,) = server.clients
        server.ask()
        for _ in range(3):
            client.send(Ack(client.got))
            server.turn()
        (transfer,) = server.door.running.values()
        own: Any = transfer._port
        own._socket.setsockopt(SOL_UDP, UDP_SEGMENT, 1)  # more segments than a kernel takes
        blocks = client.got
        client.send(Ack(blocks))
        server.turn()
        assert client.got == blocks
        assert server.door.journal.counters.dropped == {"not_sent": 1}
        own._socket.setsockopt(SOL_UDP, UDP_SEGMENT, 0)
        server.reactor.advance(5)
        server.turn()
        assert client.got == blocks + 1
        assert transfer.machine.repeats == 1


def test_a_stopped_crowd_is_no_crash(root: Path) -> None:
    """Nor is one that is asked for what it has not."""
    from twisted_net.files.tftp.crowd import Crowd

    reactor = Watch()
    crowd = Crowd(reactor, core)  # type: ignore[arg-type]  # nothing is sent, nor counted
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        crowd.add(sock.fileno(), None)
        with pytest.raises(ValueError, match="already"):
            crowd.add(sock.fileno(), None)
        for call in (crowd.remove, lambda fd: crowd.cut(fd, 4)):
            with pytest.raises(KeyError, match="not watched"):
                call(1 << 20)
        machine = compiled.Sender.__new__(compiled.Sender)
        with pytest.raises(ValueError, match="address"):
            crowd.entrust(sock.fileno(), machine, b"x" * 1000)
        with pytest.raises(TypeError):
            crowd.entrust(sock.fileno(), None, b"xx")
        crowd.stop()
        crowd.stop()
        crowd.doRead()
        with pytest.raises(OSError, match="Bad file descriptor"):
            crowd.add(sock.fileno() + 1000, None)
    assert not reactor.readers
