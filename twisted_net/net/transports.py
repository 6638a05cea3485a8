"""`Stream`, the base of stream doors: bounded memory, an answer after a half-close; keepalive."""

import contextlib
import socket
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_net.net.fast.streams import FastStream, waiting
from twisted_net.net.service import IDrains

#: How long a peer that broke the rules may go on sending before it is cut, in seconds, and how
#: much: long enough that our last words arrive, short enough to be no service.
LINGER_SECONDS = 2.0
LINGER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """When the kernel asks a silent peer whether it still lives (RFC 9293, 3.8.4).

    :ivar idle: seconds of silence before the first probe.
    :ivar interval: seconds between probes.
    :ivar count: unanswered probes after which the connection is lost.
    """

    idle: int
    interval: int
    count: int

    def __str__(self) -> str:
        """Return it as ``--keepalive`` takes it."""
        return f"{self.idle}:{self.interval}:{self.count}"

    def apply(self, transport: Any) -> None:
        """Switch it on, if the transport is a TCP connection of this kernel."""
        if not ITCPTransport.providedBy(transport):
            return
        tls = ISSLTransport.providedBy(transport)
        below: Any = transport.transport if tls else transport  # type: ignore[attr-defined]
        handle = below.getHandle()
        for level, option, value in self.options():
            with contextlib.suppress(OSError):  # the peer is gone already
                handle.setsockopt(level, option, value)

    def options(self) -> list[tuple[int, int, int]]:
        """Return what a socket is set to: level, option, value."""
        wanted = (
            ("TCP_KEEPIDLE", self.idle),
            ("TCP_KEEPINTVL", self.interval),
            ("TCP_KEEPCNT", self.count),
        )
        return [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
            (socket.IPPROTO_TCP, getattr(socket, name), value)
            for name, value in wanted
            if hasattr(socket, name)  # else this platform's own default stands
        ]


class IStreamTransport(ITCPTransport, IConsumer, IPushProducer):
    """All that a TCP, TLS or simulated transport offers; Twisted has no one name for it."""


@implementer(IHalfCloseableProtocol, IHandshakeListener, IDrains)
class Stream(Protocol):
    """A TCP protocol that answers after a half-close and stops reading while the peer does.

    A subclass that overrides `connectionMade` or `connectionLost` calls them here too. Nothing
    but `hang_up` and `linger` closes a `Stream`.
    """

    transport: IStreamTransport
    _closing = False
    _following = False
    _left = LINGER_BYTES
    _lingering: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Read only while the peer reads, and never wait to fill a segment (RFC 896)."""
        transport = self.transport
        if isinstance(transport, FastStream) or ITCPTransport.providedBy(transport):
            transport.setTcpNoDelay(True)
        if not is_encrypted(transport):
            self._follow_the_peer()

    def handshakeCompleted(self) -> None:
        """Begin under TLS what `connectionMade` begins elsewhere.

        What is written before the handshake is done pauses the producer; one that then stopped
        reading would never see the handshake's end.
        """
        if not self._closing:
            self._follow_the_peer()

    def producer(self) -> IPushProducer:
        """Return what is paused while the peer does not read: the reading, unless overridden."""
        return self.transport

    def hang_up(self, last_words: bytes = b"") -> None:
        """Send what is owed, then close; a second call changes nothing.

        The producer goes first: `loseConnection` under a paused producer never closes.
        """
        if self._closing:
            return
        self._closing = True
        if last_words:
            self.transport.write(last_words)
        if self._following:
            self.transport.unregisterProducer()
            if is_encrypted(self.transport):
                # TLS ends when the peer has said so too, which nobody hears who reads no more.
                self.dataReceived = self._discard  # type: ignore[method-assign]
                self.transport.resumeProducing()
        self.transport.loseConnection()

    def linger(self, reactor: Any, last_words: bytes) -> None:
        """Hang up on a peer that may still be sending, so that it hears why.

        The kernel answers a close with unread data by RST (RFC 1122, 4.2.2.13), which may destroy
        our last words on their way. So: write, half-close, throw away what still comes for a
        bounded time and amount, then close.
        """
        if self._closing:
            return
        half_closes = IHalfCloseableDescriptor.providedBy(self.transport)
        if not half_closes or is_encrypted(self.transport):
            self.hang_up(last_words)  # TLS passes a half-close on to TCP, under its own feet
            return
        self._closing = True
        self.transport.write(last_words)
        self.transport.unregisterProducer()
        self.transport.loseWriteConnection()
        self.transport.resumeProducing()  # the producer may have been paused
        self._lingering = reactor.callLater(LINGER_SECONDS, self._linger_ends)
        self.dataReceived = self._discard  # type: ignore[method-assign]

    def drain(self) -> None:
        """Close at once; what was written is still sent."""
        self.hang_up()

    def readConnectionLost(self) -> None:
        """Answer what was asked before the peer closed its half."""
        if self._lingering is not None:
            self.transport.loseConnection()  # it has heard us; nothing more will come
        self.hang_up()

    def writeConnectionLost(self) -> None:
        """Do nothing: our own half-close, nothing is owed."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Leave no timer behind."""
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()

    def _follow_the_peer(self) -> None:
        self._following = True
        self.transport.registerProducer(self.producer(), True)

    def _discard(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self.transport.abortConnection()

    def _linger_ends(self) -> None:
        self.transport.loseConnection()


def is_encrypted(transport: Any) -> bool:
    """Say whether a transport speaks TLS; our own say so sooner than an interface is found."""
    if isinstance(transport, FastStream):
        return bool(transport.TLS)
    return ISSLTransport.providedBy(transport)


def unsent(transport: Any) -> int:
    """Return how many bytes wait in a transport until the kernel takes them, as far as it says.

    What TLS has not sealed yet is not among them.
    """
    below = getattr(transport, "transport", None) or transport
    return waiting(below)
