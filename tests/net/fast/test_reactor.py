"""Tests of `twisted_net.net.fast.reactor`, on real sockets of 127.0.0.0/8."""

import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.python import context, log

from tests.patience import PATIENCE
from twisted_net.net.fast import installing, private
from twisted_net.net.fast.opening import fast
from twisted_net.testing.worlds import LoopbackWorld

pytest.importorskip("twisted.internet.epollreactor", reason="there is no epoll here")

from twisted_net.net.fast.reactor import LeanReactor

pytestmark = pytest.mark.real_sockets


class Heard(Protocol):
    """Keeps what it hears; does something when it hears it."""

    transport: Any

    def __init__(self, then: Callable[["Heard"], object] = lambda _: None) -> None:
        self.heard = b""
        self.ended: Deferred[str] = Deferred()
        self.then = then

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data
        self.then(self)

    def connectionLost(self, reason: Any = None) -> None:
        """Say why."""
        self.ended.callback(type(reason.value).__name__)


def pair(reactor: Any, server: Protocol, room: int = 0) -> socket.socket:
    """Connect a plain socket to a protocol; the port closes with the reactor.

    :param room: bytes that its kernel keeps of what it does not read; 0: as many as it likes.
    """
    factory = Factory()
    factory.noisy = False
    factory.buildProtocol = lambda addr: server  # type: ignore[method-assign]
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    made = socket.socket()
    made.settimeout(PATIENCE)
    if room:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    made.connect(("127.0.0.1", port.getHost().port))
    port.pauseProducing()
    port.resumeProducing()
    return made


async def heard(world: LoopbackWorld, server: Heard, size: int = 1) -> None:
    """Wait until so much was heard."""
    while len(server.heard) < size:
        await world.sleep(0.01)


def test_a_log_line_says_whose_turn_it_is() -> None:
    """The prefix is that of the connection that is served, worked out when it is asked for."""
    systems: list[object] = []

    def note(_: object) -> None:
        systems.append(context.get(log.ILogContext)["system"])
        systems.append(context.get(log.ILogContext).copy()["system"])

    async def scenario(world: LoopbackWorld) -> None:
        server = Heard(note)
        with pair(world.reactor, server) as client:
            await world.sleep(0)
            client.sendall(b"x")
            await heard(world, server)
            note(None)
            prefix = server.transport.logPrefix()
            assert systems == [prefix, prefix, "-", "-"]
            assert prefix.startswith("Heard,0,127.0.0.1")
            await deferToThread(note, None)
            assert systems[4:] == ["-", "-"]

    LoopbackWorld(LeanReactor).run(scenario)


def test_what_is_written_in_a_timer_leaves_before_the_reactor_sleeps() -> None:
    """In one piece, and the kernel is not asked to tell when there is room."""

    async def scenario(world: LoopbackWorld) -> None:
        reactor = world.reactor
        server = Heard()
        with pair(reactor, server) as client:
            client.sendall(b"x")
            await heard(world, server)
            server.transport.write(b"one ")
            server.transport.write(b"two")
            assert server.transport in reactor.getWriters()
            await world.sleep(0.01)
            assert reactor.getWriters() == []
            assert client.recv(100) == b"one two"

    LoopbackWorld(LeanReactor).run(scenario)


def test_a_peer_that_does_not_read_is_left_to_the_kernel() -> None:
    """And gets all of it when it does."""
    much = bytes(range(256)) * 40_000

    async def scenario(world: LoopbackWorld) -> None:
        reactor = world.reactor
        server = Heard()
        with pair(reactor, server, 65536) as client:
            client.sendall(b"x")
            await heard(world, server)
            server.transport.write(much)
            await world.sleep(0.05)
            assert reactor.getWriters() == [server.transport]
            got = b""
            client.setblocking(False)
            while len(got) < len(much):
                await world.sleep(0)
                try:
                    got += client.recv(1 << 20)
                except BlockingIOError:
                    continue
            assert got == much
            assert reactor.getWriters() == []

    LoopbackWorld(LeanReactor).run(scenario)


@pytest.mark.logs("ZeroDivisionError")
def test_a_write_that_fails_when_the_kernel_has_room_ends_only_its_connection() -> None:
    """With what was raised, logged; everybody else goes on."""

    def fails() -> None:
        raise ZeroDivisionError

    async def scenario(world: LoopbackWorld) -> None:
        bad, good = Heard(), Heard()
        with pair(world.reactor, bad, 4096) as reads_late, pair(world.reactor, good) as client:
            reads_late.sendall(b"x")
            await heard(world, bad)
            bad.transport.write(bytes(64 << 20))  # more than any two kernels keep
            await world.sleep(0.01)
            assert bad.transport.fileno() in world.reactor._writes
            bad.transport.doWrite = fails
            threads = deferToThread(lambda: sum(iter(lambda: len(reads_late.recv(1 << 20)), 0)))
            assert await bad.ended == "ZeroDivisionError"
            assert await threads > 0
            assert len(world.flush_errors(ZeroDivisionError)) == 1
            client.sendall(b"y")
            await heard(world, good)
            good.transport.loseConnection()
            await good.ended

    LoopbackWorld(LeanReactor).run(scenario)


def test_what_came_before_a_reset_is_read_before_a_write_finds_it_out() -> None:
    """As stock does, which reads first."""

    async def scenario(world: LoopbackWorld) -> None:
        server = Heard()
        client = pair(world.reactor, server)
        client.sendall(b"x")
        await heard(world, server)
        server.transport.write(b"unread, so that the close is a reset")
        await world.sleep(0.05)
        client.sendall(b"last words")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        server.transport.write(b"too late")
        assert await server.ended == "ConnectionLost"
        assert server.heard in (b"x", b"xlast words")  # Linux keeps them, others may not

    LoopbackWorld(LeanReactor).run(scenario)


def test_stopping_from_inside_a_write_stops() -> None:
    """The reactor looks, before it sleeps, whether it still should."""

    async def scenario(world: LoopbackWorld) -> str:
        server = Heard()
        with pair(world.reactor, server) as client:
            client.sendall(b"x")
            await heard(world, server)
            server.transport.loseConnection()  # ends in the next doWrite; this ends the scenario
            return await server.ended

    assert LoopbackWorld(LeanReactor).run(scenario) == "ConnectionDone"


def test_a_timer_made_while_writing_is_waited_for() -> None:
    """Not forgotten by a sleep whose length was chosen before."""

    async def scenario(world: LoopbackWorld) -> None:
        fired: Deferred[None] = Deferred()
        server = Heard()

        class Puller:
            def resumeProducing(self) -> None:
                world.reactor.callLater(0.01, fired.callback, None)
                server.transport.unregisterProducer()

            def stopProducing(self) -> None:
                """End."""

        with pair(world.reactor, server) as client:
            client.sendall(b"x")
            await heard(world, server)
            server.transport.registerProducer(Puller(), False)
            await fired

    LoopbackWorld(LeanReactor).run(scenario)


def test_it_may_look_out_before_it_sleeps() -> None:
    """Timers, threads and sockets are served all the same."""

    async def scenario(world: LoopbackWorld) -> None:
        world.reactor.spin = 0.005
        server = Heard(lambda each: each.transport.write(each.heard))
        with pair(world.reactor, server) as client:
            client.sendall(b"hello")
            await heard(world, server, 5)
            await world.sleep(0.02)
            assert client.recv(100) == b"hello"
            assert await deferToThread(lambda: 42) == 42

    LoopbackWorld(LeanReactor).run(scenario)


def test_where_it_cannot_be_the_default_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one line that says why."""
    made: list[bool] = []
    monkeypatch.setattr("twisted.internet.default.install", lambda: made.append(True))
    monkeypatch.setattr(private, "REACTOR", ("_poller", "_gone_in_some_later_version"))
    with capturedLogs() as events:
        installing.install()
    assert made == [True]
    ours = [each for each in events if each["log_namespace"] == installing.__name__]
    assert [each["log_format"].format(**each) for each in ours] == [
        "no lean reactor here, Twisted's own is used:"
        " no _gone_in_some_later_version in Twisted's LeanReactor"
    ]


#: A Python without epoll, as on other platforms than Linux: neither the system call nor, as
#: Twisted imports it, the module made on it.
WITHOUT_EPOLL = """
import select
del select.epoll
from twisted_net.net.fast import installing
assert "epoll" in installing.why_not(), installing.why_not()
"""


def test_where_there_is_no_epoll_the_platform_s_own_reactor_runs() -> None:
    """A whole process of its own, from the plug-in's name to an answer on fast transports."""
    program = (
        WITHOUT_EPOLL
        + """
import sys
from twisted.logger import FilteringLogObserver, globalLogBeginner, textFileLogObserver
globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
from twisted.application.reactors import installReactor
installReactor("netdemo")
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted_net.net.fast.opening import fast
print("reactor:", type(reactor).__name__)


class Answers(Protocol):
    def dataReceived(self, data):
        self.transport.write(data.upper())


class Asks(Protocol):
    def connectionMade(self):
        self.transport.write(b"hello")

    def dataReceived(self, data):
        print("answer:", data.decode(), type(self.transport).__name__)
        reactor.stop()


opened = fast(reactor)
port = opened.listenTCP(0, Factory.forProtocol(Answers), interface="127.0.0.1")
connectProtocol(TCP4ClientEndpoint(opened, "127.0.0.1", port.getHost().port), Asks())
reactor.callLater(30, reactor.stop)
reactor.run()
"""
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "reactor: PollReactor" in done.stdout
    assert "answer: HELLO FastClient" in done.stdout
    said = [line for line in done.stdout.splitlines() if "no lean reactor here" in line]
    assert len(said) == 1
    assert "epoll" in said[0]


class Noting:
    """A socket that notes when it sends."""

    def __init__(self, real: socket.socket, steps: list[str]) -> None:
        self._real, self._steps = real, steps

    def send(self, data: bytes) -> int:
        """Send."""
        self._steps.append("sent")
        return self._real.send(data)

    def __getattr__(self, name: str) -> Any:
        """Be the socket."""
        return getattr(self._real, name)


@pytest.mark.parametrize(
    ("how", "order"),
    [("write_last", ["read", "read", "sent", "sent"]), ("write", ["read", "sent", "read", "sent"])],
)
def test_what_is_written_last_leaves_when_all_have_been_read(how: str, order: list[str]) -> None:
    """One behind the other, in the same turn; what is written as usual leaves before."""
    steps: list[str] = []

    def answer(each: Heard) -> None:
        steps.append("read")
        getattr(each.transport, how)(b"answer")

    async def scenario(world: LoopbackWorld) -> None:
        servers = [Heard(answer), Heard(answer)]
        clients = [pair(fast(world.reactor), server) for server in servers]
        while any(server.transport is None for server in servers):
            await world.sleep(0.01)
        for server, client in zip(servers, clients, strict=True):
            server.transport.socket = Noting(server.transport.socket, steps)
            server.transport.pauseProducing()
            client.sendall(b"x")
        for server in servers:
            server.transport.resumeProducing()
        while len(steps) < 4:
            await world.sleep(0.01)
        for client in clients:
            client.settimeout(10)
            assert client.recv(100) == b"answer"
            client.close()

    LoopbackWorld(LeanReactor).run(scenario, timeout=20)
    assert steps == order
