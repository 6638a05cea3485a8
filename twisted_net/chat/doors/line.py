"""The line door: the chat for ``nc``, telnet and scripts (docs/protocols/chat.md)."""

import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IAddress, IDelayedCall, IPushProducer
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure

from twisted_net.chat.codec import line as codec
from twisted_net.chat.codec.messages import Act, Code, Event, Refusal, Talk
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.seat import Seat
from twisted_net.chat.doors.outlet import QUEUE, Outlet, StreamOutlet, Turns, deliver
from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.framing import LineReader
from twisted_net.net.limits import TokenBucket
from twisted_net.net.transports import Stream

#: Commands a second, and after a pause at once: more than a person types, less than a flood.
RATE = 20.0
BURST = 100.0

#: Seconds from the connection to the first name, however busy the peer is meanwhile.
NAME_WITHIN = 60.0

#: Seconds that a peer has to read our last words before it is cut.
GOODBYE = 5.0

#: Bytes that the kernel may hide for one peer; its own 2-4 MB would make a peer that reads
#: nothing look like one that does.
SEND_BUFFER = 131072

#: Shortest wait for the bucket, in seconds: no rounding may make a busy loop of it.
_LEAST_WAIT = 0.01


@dataclass(frozen=True, slots=True)
class LineProfile:
    """Events as lines of the line door; a terminal shows already what was typed."""

    echoes: bool = False

    def render(self, event: Event) -> bytes:
        """Write an event."""
        return codec.told(event)


PROFILE = LineProfile()


class ChatLineProtocol(Stream):
    """One connection to the chat; ``nc`` is a client.

    :param queue: bytes that may wait for the peer.
    """

    def __init__(
        self, hub: Hub[Outlet], turns: Turns, reactor: Any, queue: int, drops: Drops
    ) -> None:
        self._hub = hub
        self._turns = turns
        self._reactor = reactor
        self._queue = queue
        self._drops = drops
        self._lines = LineReader()
        self._bucket = TokenBucket(RATE, BURST, reactor.seconds())
        self._unread = b""
        self._ended = False
        self._held: IDelayedCall | None = None
        self._name_due: IDelayedCall | None = None
        self._cut: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Greet; read only while the peer reads, and wait for a name."""
        self.outlet = StreamOutlet(
            self.transport, self._turns, PROFILE, self._queue, self._overflowed, self._drained
        )
        super().connectionMade()
        _shrink_send_buffer(self.transport)
        self.seat: Seat[Outlet] = Seat(self._hub, self.outlet, "tcp")
        self._name_due = self._reactor.callLater(NAME_WITHIN, self._nameless)
        self.outlet.add(codec.GREETING)

    def producer(self) -> IPushProducer:
        """Return the outlet: while the peer does not read, what it should hear waits there."""
        return self.outlet

    def dataReceived(self, data: bytes) -> None:
        """Read the lines that are complete, as fast as this member may speak."""
        self._unread += data
        self._read_on()
        if self._unread and not self._closing:
            self.transport.pauseProducing()  # it says more than may be read now

    def lineReceived(self, line: bytes) -> None:
        """Obey one line."""
        now = self._reactor.seconds()
        try:
            command = codec.parse(line)
            if command is None:
                return
            outcome = self.seat.obey(command, now)
        except Refusal as refusal:
            self.outlet.add(codec.refused(refusal))
            return
        self._name_known()
        if not isinstance(command, Talk | Act):  # these the terminal shows already
            for reply in outcome.replies:
                self.outlet.add(codec.answered(reply))
        deliver(outcome.deliveries)
        if outcome.over:
            self.hang_up()

    def readConnectionLost(self) -> None:
        """Obey what was asked before the peer closed its half, then close ours."""
        self._ended = True
        self._read_on()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Leave the chat, and no timer behind."""
        super().connectionLost(reason)
        self.outlet.take()
        self._stop_timers()
        if self._cut is not None and self._cut.active():
            self._cut.cancel()
        deliver(self.seat.leave("connection lost", self._reactor.seconds()))

    def drain(self) -> None:
        """Say that the server stops, and hang up."""
        self.hang_up(codec.STOPPING)

    def hang_up(self, last_words: bytes = b"") -> None:
        """Send what is owed, then close; who does not read it is cut after a moment."""
        if not self._closing:
            super().hang_up(self._last(last_words))

    def linger(self, reactor: Any, last_words: bytes) -> None:
        """Hang up on a peer that may still be sending, so that it hears why."""
        if not self._closing:
            super().linger(reactor, self._last(last_words))

    # Reading: held while the peer does not read, and while it speaks too fast.

    def _read_on(self) -> None:
        try:
            while not self._closing:
                if not self._may_read():
                    return
                line = self._next_line()
                if line is None:
                    break
                self._bucket.take(self._reactor.seconds())
                self.lineReceived(line)
        except RemoteProtocolError as error:
            self._drops.drop("line_too_long", self.transport.getPeer())
            self.linger(self._reactor, error.reply)
        if self._ended and not self._closing:
            self._finish()

    def _next_line(self) -> bytes | None:
        # A reader of its own for each line, since the next one may have to wait for the bucket.
        data, self._unread = self._unread, b""
        return next(self._lines.feed(data), None)

    def _may_read(self) -> bool:
        if self._held is not None or self.outlet.paused:
            return False
        wait = self._bucket.wait(self._reactor.seconds())
        if wait > 0:
            self.transport.pauseProducing()
            self._held = self._reactor.callLater(max(wait, _LEAST_WAIT), self._released)
        return self._held is None

    def _released(self) -> None:
        self._held = None
        self._drained()

    def _drained(self) -> None:
        if self._held is not None or self.outlet.paused or self._closing:
            return
        if not self._ended:
            self.transport.resumeProducing()
        self._read_on()

    def _finish(self) -> None:
        rest = self._lines.rest()
        if rest:
            self.lineReceived(rest)
        deliver(self.seat.leave("hung up", self._reactor.seconds()))
        self.hang_up()

    # Ends.

    def _nameless(self) -> None:
        self._drops.drop("no_name", self.transport.getPeer())
        self.hang_up(codec.refused(Refusal(Code.LATE, f"no name within {NAME_WITHIN:g} s")))

    def _overflowed(self) -> None:
        if self._closing:
            return
        self._drops.drop("send_queue_full", self.transport.getPeer())
        deliver(self.seat.leave("send queue full", self._reactor.seconds()))
        self.hang_up(codec.refused(Refusal(Code.QUEUE_FULL, "send queue full")))

    def _last(self, words: bytes) -> bytes:
        self._stop_timers()
        self._cut = self._reactor.callLater(GOODBYE, self.transport.abortConnection)
        return self.outlet.take() + words

    def _name_known(self) -> None:
        if self._name_due is not None and self.seat.member is not None:
            self._name_due.cancel()
            self._name_due = None

    def _stop_timers(self) -> None:
        for timer in (self._held, self._name_due):
            if timer is not None and timer.active():
                timer.cancel()
        self._held = self._name_due = None


class ChatLineFactory(Factory):
    """Make a `ChatLineProtocol` for each connection; all speak through one hub.

    :param queue: bytes that may wait for one member.
    """

    noisy = False

    def __init__(
        self,
        hub: Hub[Outlet],
        reactor: Any,
        queue: int = QUEUE,
        counters: DoorCounters | None = None,
    ) -> None:
        self._hub = hub
        self._reactor = reactor
        self._queue = queue
        self._drops = Drops("chat-tcp", counters or DoorCounters(), reactor.seconds)
        self._turns = Turns(reactor)

    def buildProtocol(self, addr: IAddress | None) -> ChatLineProtocol:
        """Make the protocol of one connection."""
        protocol = ChatLineProtocol(self._hub, self._turns, self._reactor, self._queue, self._drops)
        protocol.factory = self
        return protocol


def _shrink_send_buffer(transport: Any) -> None:
    with suppress(AttributeError, OSError):  # under TLS the handle is no socket; in tests none
        transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
