"""`WebSocketProtocol`: a stream protocol of lines behind a WebSocket, none the wiser."""

from collections.abc import Iterable
from typing import Any

from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IProtocol,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from wsproto.frame_protocol import CloseReason
from zope.interface import directlyProvides, implementer

from twisted_net.net.drops import Drops
from twisted_net.net.fast.streams import FastStream
from twisted_net.net.service import IDrains
from twisted_net.net.transports import LINGER_BYTES
from twisted_net.net.websocket.core import LONGEST, Conversation, Heard, State
from twisted_net.net.websocket.lines import LineCutter

#: What a transport offers, and a WebSocket too; a half-close it does not.
_OFFERED = (ITCPTransport, ISSLTransport, IConsumer, IPushProducer, ITransport)


@implementer(IPushProducer)
class _Follower:
    """What the connection pauses while the peer does not read."""

    def __init__(self, socket: "WebSocketProtocol") -> None:
        self._socket = socket

    def pauseProducing(self) -> None:
        """Write no more."""
        self._socket.choked(True)

    def resumeProducing(self) -> None:
        """Write on."""
        self._socket.choked(False)

    def stopProducing(self) -> None:
        """Do nothing: `connectionLost` says it too."""


@implementer(IHalfCloseableProtocol, IDrains)
class WebSocketProtocol(Protocol):
    """One WebSocket: to the connection a protocol, to the protocol inside its transport.

    What the one inside writes are lines, each of which is sent as a message; what it receives are
    the peer's messages, each with a CR LF behind it. A close of the peer's reaches it as a
    half-close does, so that it may still obey what was said before.

    :param inside: not connected yet.
    :param conversation: just opened.
    """

    transport: Any

    def __init__(
        self, inside: IProtocol, conversation: Conversation, reactor: Any, drops: Drops
    ) -> None:
        self.inside = inside
        self._conversation = conversation
        self._reactor = reactor
        self._drops = drops
        self._lines = LineCutter(LONGEST)
        self._producer: IPushProducer | None = None
        self._choked = False
        self._pong = b""  # owed to a peer that does not read
        self._reading = True
        self._code = CloseReason.NORMAL_CLOSURE
        self._left = LINGER_BYTES
        self._timer: IDelayedCall | None = None

    # To the connection: a protocol.

    def makeConnection(self, transport: ITransport) -> None:
        """Begin, with TLS done if there is any."""
        self.transport = transport
        self.connected = 1
        # What a whole turn has gathered leaves at once, where the transport can.
        fast = isinstance(transport, FastStream)
        self._write = self.transport.write_now if fast else self.transport.write
        directlyProvides(self, *(each for each in _OFFERED if each.providedBy(transport)))
        self.transport.registerProducer(_Follower(self), True)
        self._wait()
        self.inside.makeConnection(self)  # type: ignore[arg-type]  # it is one: see `__getattr__`
        if ISSLTransport.providedBy(transport) and IHandshakeListener.providedBy(self.inside):
            self.inside.handshakeCompleted()

    def dataReceived(self, data: bytes) -> None:
        """Take frames; hand on what is whole."""
        if self._conversation.state is State.FAILED:
            self._left -= len(data)
            if self._left < 0:
                self.transport.abortConnection()
            return
        before = self._conversation.state
        heard = self._conversation.received(data, self._reactor.seconds())
        after = self._conversation.state
        if heard.answer and not heard.fault:
            self._answer(heard.answer)
        if heard.lines:
            self.inside.dataReceived(heard.lines)
        if heard.fault:
            self._drops.drop(heard.fault, self.transport.getPeer())
            self._throw_out(heard)
        elif self._conversation.state is after is not before:  # else somebody saw to it
            self._moved()

    def readConnectionLost(self) -> None:
        """Answer what was asked before the peer closed its half, by a close or without."""
        before = self._conversation.state
        self._conversation.left()
        if before is State.FAILED:
            self.transport.loseConnection()  # it has heard us
        elif self._conversation.state is not before:
            self._moved()

    def writeConnectionLost(self) -> None:
        """Do nothing: our own half-close, nothing is owed."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Leave no timer behind, and tell the protocol inside."""
        self._cancel()
        self._conversation.left()
        self.inside.connectionLost(reason)

    def drain(self) -> None:
        """Let the protocol inside finish, then close; the peer may find another server."""
        self._code = CloseReason.GOING_AWAY
        if IDrains.providedBy(self.inside):
            self.inside.drain()
        else:
            self.loseConnection()

    def choked(self, choked: bool) -> None:
        """Pass on whether the peer reads."""
        self._choked = choked
        if not choked and self._pong:
            pong, self._pong = self._pong, b""
            self._write(pong)
        if self._producer is None:
            return
        if choked:
            self._producer.pauseProducing()
        elif not self._choked:
            self._producer.resumeProducing()

    # To the protocol inside: a transport.

    def write(self, data: bytes) -> None:
        """Send lines."""
        frames = b"".join(map(self._conversation.said, self._lines.cut(data)))
        if frames:
            self._write(frames)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send several pieces as one."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Say that this is the end, and wait a moment for the peer to say so too."""
        self.close(self._code)

    def loseWriteConnection(self) -> None:
        """Close: there are no halves."""
        self.loseConnection()

    def close(self, code: int = CloseReason.NORMAL_CLOSURE, why: str = "") -> None:
        """Close with a code; a second call changes nothing.

        :param why: at most 123 bytes of it are said.
        """
        if self._conversation.state not in (State.OPEN, State.LEFT):
            return
        rest = self._lines.rest()
        last = self._conversation.said(rest) if rest else b""
        self._write(last + self._conversation.close(code, why, self._reactor.seconds()))
        self._moved()

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Pause a producer while the peer does not read.

        :raises RuntimeError: there is one already.
        """
        if self._producer is not None:
            raise RuntimeError("a producer is registered already")
        if not streaming:
            raise RuntimeError("a WebSocket takes push producers only")
        self._producer = producer
        if self._choked:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """Pause nobody."""
        self._producer = None

    def pauseProducing(self) -> None:
        """Read no more."""
        self._reading = False
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read on."""
        self._conversation.stirred(self._reactor.seconds())
        self._reading = True
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """Read no more, for ever."""
        self.loseConnection()

    def __getattr__(self, name: str) -> Any:
        """Be the connection in everything else."""
        return getattr(self.transport, name)

    # Both.

    def _answer(self, frame: bytes) -> None:
        """Send a pong; the last one later, to a peer that does not read."""
        if self._choked:
            self._pong = frame
        else:
            self._write(frame)

    def _moved(self) -> None:
        """Do what the conversation's new state asks for."""
        state = self._conversation.state
        if state is State.LEFT:
            if IHalfCloseableProtocol.providedBy(self.inside):
                self.inside.readConnectionLost()
            else:
                self.loseConnection()
        elif state is State.CLOSING:
            self.resumeProducing()  # to see the peer's close
        elif state is State.OVER:
            self.transport.unregisterProducer()
            self.transport.loseConnection()
        self._wait()

    def _throw_out(self, heard: Heard) -> None:
        """Say why, and hang up on a peer that may still be sending."""
        transport = self.transport
        self._write(heard.answer)
        transport.unregisterProducer()
        secure = ISSLTransport.providedBy(transport)
        half_closes = IHalfCloseableDescriptor.providedBy(transport) and not secure
        if half_closes:
            # A close with unread bytes is a reset, which may destroy the answer
            # (RFC 1122, 4.2.2.13).
            transport.loseWriteConnection()
            transport.resumeProducing()
        else:
            transport.loseConnection()
        self._wait()

    def _wait(self) -> None:
        """Wake the conversation when it wants to be."""
        deadline = self._conversation.deadline
        if self._timer is not None and self._timer.active():
            if deadline is not None and self._timer.getTime() <= deadline:
                return  # it looks again then
            self._cancel()
        if deadline is not None:
            wait = max(0.0, deadline - self._reactor.seconds())
            self._timer = self._reactor.callLater(wait, self._wake)

    def _wake(self) -> None:
        self._timer = None
        now = self._reactor.seconds()
        if not self._reading:
            self._conversation.stirred(now)
        heard = self._conversation.wake(now)
        if heard.fault:
            self._drops.drop(heard.fault, self.transport.getPeer())
        if heard.cut:
            self.transport.abortConnection()
            return
        if heard.fault:
            self._throw_out(heard)
        elif heard.answer and not self._choked:
            self._write(heard.answer)
        self._wait()

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
