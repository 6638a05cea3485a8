"""Tests of connections accepted as descriptors, of which a socket is made for who asks for it."""

import gc
import os
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol

from tests.patience import PATIENCE
from twisted_net.net.fast import compiled
from twisted_net.net.fast.opening import fast
from twisted_net.net.fast.sockets import FastPort, FastServer
from twisted_net.testing import LoopbackWorld

needs_it = pytest.mark.skipif(compiled.accept is None, reason="not compiled, or not Linux")
pytestmark = pytest.mark.real_sockets


class Party(Protocol):
    """Keeps what it hears, and why it ended; does something when it hears."""

    transport: Any

    def __init__(self, hears: Callable[["Party"], object]) -> None:
        self.heard = b""
        self.end = ""
        self._hears = hears

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data
        self._hears(self)

    def connectionLost(self, reason: Any = None) -> None:
        """Keep why."""
        self.end = type(reason.value).__name__


class Parties(Factory):
    """Keeps whom it has made."""

    noisy = False

    def __init__(self, hears: Callable[[Party], object]) -> None:
        self.made: list[Party] = []
        self._hears = hears

    def buildProtocol(self, addr: Any) -> Party:
        """Make another."""
        self.made.append(Party(self._hears))
        return self.made[-1]


@pytest.fixture(params=["127.0.0.1", "::1"])
def listening(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """Return a socket that listens."""
    six = ":" in request.param
    try:
        made = socket.create_server(
            (request.param, 0), family=socket.AF_INET6 if six else socket.AF_INET
        )
    except OSError as error:
        pytest.skip(f"no {request.param} here: {error}")
    made.setblocking(False)
    with made:
        yield made


@needs_it
def test_who_waits_is_accepted_as_python_would(listening: socket.socket) -> None:
    """By a descriptor that neither waits nor is inherited; then nobody waits any more."""
    assert compiled.accept is not None
    with socket.create_connection(listening.getsockname()[:2], timeout=PATIENCE) as client:
        found = compiled.accept(listening)
        assert found is not None
        fd, address = found
        try:
            assert address == client.getsockname()
            assert not os.get_blocking(fd)
            assert not os.get_inheritable(fd)
            os.write(fd, b"hello")
            assert client.recv(9) == b"hello"
        finally:
            os.close(fd)
    assert compiled.accept(listening) is None


@needs_it
def test_a_descriptor_that_does_not_listen_is_an_error() -> None:
    """As is what is none."""
    assert compiled.accept is not None
    with socket.socket() as silent, pytest.raises(OSError, match="Invalid argument"):
        compiled.accept(silent)
    with pytest.raises(ValueError, match="negative"):
        compiled.accept(silent)  # it is closed
    with pytest.raises(TypeError):
        compiled.accept("7")


@needs_it
def test_a_socket_of_another_family_is_refused_and_closed() -> None:
    """Nobody could say where its peer is."""
    assert compiled.accept is not None
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("")  # a name of the kernel's choice (unix(7))
        server.listen()
        client.connect(server.getsockname())
        with pytest.raises(OSError, match="another family"):
            compiled.accept(server)
        assert client.recv(1) == b""


#: As little of a connection as there can be.
Bare: Any = type("Bare", (compiled.Stream,), {})


@needs_it
def test_a_socket_is_made_for_who_asks_and_is_the_connection_s_from_then_on() -> None:
    """What closes it is the socket; before, it is the connection."""
    here, there = socket.socketpair()
    with there:
        made = Bare()
        made._fd = number = here.detach()
        assert made.fileno() == number
        assert made._set_own(socket.SOL_SOCKET, socket.SO_SNDBUF, 100_000)
        assert not made._set_own(socket.SOL_SOCKET, 9999, 1)
        sock = made.socket
        assert (sock.fileno(), sock.gettimeout(), made.fileno()) == (number, 0.0, number)
        assert made.socket is sock
        assert not made._close_own()
        assert not made._set_own(socket.SOL_SOCKET, socket.SO_SNDBUF, 100_000)
        sock.close()
        assert made.fileno() == -1
        del made.socket
        assert made.fileno() == -1
        for act in (lambda: made.socket, lambda: delattr(made, "socket")):
            with pytest.raises(AttributeError):
                act()


@needs_it
@pytest.mark.parametrize("how", ["closed", "replaced", "deleted", "forgotten"])
def test_a_descriptor_that_nobody_has_asked_for_is_closed_once(how: str) -> None:
    """By whoever lets it go."""
    here, there = socket.socketpair()
    with there:
        made = Bare()
        made._fd = here.detach()
        if how == "closed":
            assert made._close_own()
            assert not made._close_own()
        elif how == "replaced":
            made.socket = object()
        elif how == "deleted":
            del made.socket
        else:
            del made
            gc.collect()
        assert there.recv(1) == b""


@needs_it
def test_a_descriptor_of_nothing_is_an_error_for_who_asks_for_its_socket() -> None:
    """And it stays what it is."""
    read, write = os.pipe()
    os.close(write)
    made = Bare()
    made._fd = read
    with pytest.raises(OSError, match=r"not a socket|non-socket"):
        assert made.socket
    assert made.fileno() == read


def served(hears: Callable[[Party], object], acts: Callable[[socket.socket], object]) -> Party:
    """Let a client do something with its connection to a party; return that when it has ended."""
    parties = Parties(hears)

    async def scenario(world: LoopbackWorld) -> None:
        port = fast(world.reactor).listenTCP(0, parties, interface="127.0.0.1")
        with socket.create_connection(("127.0.0.1", port.getHost().port), timeout=PATIENCE) as peer:
            peer.sendall(b"hello")
            while not parties.made or not parties.made[0].heard:
                await world.sleep(0.01)
            acts(peer)
        while not parties.made[0].end:
            await world.sleep(0.01)

    LoopbackWorld().run(scenario)
    return parties.made[0]


def reset(peer: socket.socket) -> None:
    """Close so that the other end is told of an error (socket(7), SO_LINGER)."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize(
    ("hears", "acts", "end"),
    [
        (lambda each: None, lambda peer: None, "ConnectionDone"),
        (lambda each: None, reset, "ConnectionLost"),
        (lambda each: each.transport.loseConnection(), lambda peer: None, "ConnectionDone"),
        (lambda each: each.transport.abortConnection(), lambda peer: None, "ConnectionAborted"),
    ],
    ids=["closed by the peer", "reset by the peer", "closed", "aborted"],
)
def test_every_end_is_told_and_shown(
    hears: Callable[[Party], object], acts: Callable[[socket.socket], object], end: str, asked: bool
) -> None:
    """Whether or not anybody has asked for the socket; nothing of it is left."""

    def hears_and_asks(party: Party) -> None:
        if asked:
            party.transport.getHandle()
        hears(party)

    party = served(hears_and_asks, acts)
    assert (party.heard, party.end) == (b"hello", end)
    transport = party.transport
    assert isinstance(transport, FastServer)
    assert transport.fileno() == -1
    assert not hasattr(transport, "socket")
    assert (transport.connected, transport.disconnected) == (0, 1)
    assert repr(transport).startswith("<Party #0 on ")
    assert transport.logPrefix() == "Party,0,127.0.0.1"


@pytest.mark.logs("LookupError")
def test_a_peer_that_a_factory_fails_for_is_not_left_waiting() -> None:
    """Nor is one that it wants nothing of."""

    class Failing(Parties):
        def buildProtocol(self, addr: Any) -> Any:
            party = super().buildProtocol(addr)
            if len(self.made) > 1:
                raise LookupError(party)

    async def scenario(world: LoopbackWorld) -> None:
        port: Any = fast(world.reactor).listenTCP(0, Failing(lambda _: None), interface="127.0.0.1")
        assert isinstance(port, FastPort)
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", port.getHost().port)) as peer:
                peer.setblocking(False)
                while True:
                    await world.sleep(0.01)
                    try:
                        assert peer.recv(1) == b""
                        break
                    except BlockingIOError:
                        continue
        assert [each.type for each in world.flush_errors()] == [LookupError]

    LoopbackWorld().run(scenario)
