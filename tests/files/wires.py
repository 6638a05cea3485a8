"""What the tests of files share: a folder, transports and ports that pretend, work done at once."""

import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

#: Bytes that no compression, no text conversion and no cut leaves unchanged by chance.
NOISE = random.Random(7069).randbytes(600_000)  # noqa: S311 - no secret


def at_once(work: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
    """Do slow work at once: there is no thread in these tests."""
    return maybeDeferred(work, *arguments)


class Later:
    """Slow work that is done when a test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def __call__(self, work: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        """Put the work off."""
        done: Deferred[Any] = Deferred()
        self.waiting.append(lambda: maybeDeferred(work, *arguments).chainDeferred(done))
        return done

    def do(self) -> None:
        """Do all of it."""
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each()


@implementer(IHalfCloseableDescriptor)
class Wire(StringTransport):  # type: ignore[misc]  # as incomplete as its base
    """A TCP transport whose peer reads only when it is told to.

    :ivar half_closed: our half was closed.
    """

    #: Bytes that may wait before a producer is paused, as in Twisted.
    ROOM = 65536

    def __init__(self) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", "192.0.2.1", 40000))
        self.half_closed = False
        self.got = b""
        self._paused = False

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Ask a pull producer for its first piece at once, as Twisted does."""
        super().registerProducer(producer, streaming)
        self._paused = False
        if not streaming:
            producer.resumeProducing()

    def write(self, data: bytes) -> None:
        """Keep it, and pause who writes too much."""
        super().write(data)
        if self.producer is not None and self.streaming and self.waiting > self.ROOM:
            self._paused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Write pieces, as Twisted's HTTP writes chunks."""
        self.write(b"".join(data))

    @property
    def waiting(self) -> int:
        """Bytes written that the peer has not read."""
        return len(self.value())

    def read(self) -> bytes:
        """Let the peer read what is there; who was paused, or is pulled from, goes on."""
        got: bytes = self.value()
        self.got += got
        self.clear()
        if self.producer is not None and (not self.streaming or self._paused):
            self._paused = False
            self.producer.resumeProducing()
        return got

    def read_all(self) -> bytes:
        """Let the peer read until nothing more comes; return all that it ever got."""
        while self.read():
            pass
        return self.got

    def loseWriteConnection(self) -> None:
        """Close our half."""
        self.half_closed = True

    @property
    def aborted(self) -> bool:
        """Whether the connection was reset."""
        return bool(self.disconnected)


def lose(protocol: Any, transport: Wire, clean: bool = False) -> None:
    """Take the connection away, in the order in which Twisted tells of it."""
    producer, transport.producer = transport.producer, None
    if producer is not None and producer is not transport:
        producer.stopProducing()
    protocol.connectionLost(Failure(ConnectionDone() if clean else ConnectionLost()))


class Port:
    """A UDP port that keeps what is sent through it.

    :ivar sent: datagrams and where they went, oldest first.
    """

    def __init__(self, protocol: DatagramProtocol, host: str, number: int) -> None:
        self.protocol = protocol
        self.sent: list[tuple[bytes, Any]] = []
        self.open = True
        self.host = IPv4Address("UDP", host, number)

    def write(self, packet: bytes, addr: Any) -> None:
        """Keep a datagram."""
        assert self.open
        self.sent.append((packet, addr))

    def take(self) -> list[bytes]:
        """Return what was sent since the last call."""
        taken, self.sent = self.sent, []
        return [datagram for datagram, _ in taken]

    def getHost(self) -> IPv4Address:
        """Return the local address."""
        return self.host

    def stopListening(self) -> None:
        """Close; Twisted tells the protocol."""
        assert self.open
        self.open = False
        self.protocol.doStop()


class Reactor(Clock):
    """A clock on which UDP ports can be opened.

    :ivar ports: all that were opened, oldest first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ports: list[Port] = []

    def listenUDP(
        self,
        port: int,
        protocol: DatagramProtocol,
        interface: str = "",
        maxPacketSize: int = 8192,
    ) -> Port:
        """Open a port."""
        opened = Port(protocol, interface, port or 50000 + len(self.ports))
        self.ports.append(opened)
        protocol.makeConnection(opened)  # type: ignore[arg-type]
        return opened
