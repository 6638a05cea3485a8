"""The line door: the chat for ``nc``, telnet and scripts (docs/protocols/chat.md)."""

import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from twisted.internet.interfaces import IAddress, IDelayedCall, IPushProducer
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure

from twisted_net.chat.codec import line as codec
from twisted_net.chat.codec import line_said as said
from twisted_net.chat.codec.charsets import UTF_8, charset_of
from twisted_net.chat.codec.events import Event, Kind, shown_id
from twisted_net.chat.codec.refusals import Code, Refusal
from twisted_net.chat.codec.requests import Act, Charset, Command, Ids, Talk
from twisted_net.chat.core.ident import hidden_host
from twisted_net.chat.doors.outlet import QUEUE, Outlet, StreamOutlet, Turns
from twisted_net.chat.login import Login
from twisted_net.chat.post import Post
from twisted_net.chat.seat import Answer, Seat
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

#: Seconds that what was sent may stay without an acknowledgement: a person at ``nc`` cannot answer
#: pings, so this finds a peer that is gone.
SILENCE = 90

#: Events of a room's history that whoever enters it is told.
REPLAYS = 10

#: Shortest wait for the bucket, in seconds: no rounding may make a busy loop of it.
_LEAST_WAIT = 0.01


class LineProfile:
    """Events as lines of the line door; a terminal shows already what was typed.

    Compared by identity: a factory has one of each kind.

    :param ids: whether events begin with their ids.
    :param replaced: called for each line in which ``?`` stands for what the charset has not.
    """

    echoes: frozenset[Kind] = frozenset()

    def __init__(self, ids: bool, charset: str, replaced: Callable[[], object]) -> None:
        self.ids = ids
        self.charset = charset
        self._replaced = replaced

    def render(self, event: Event) -> bytes:
        """Write an event."""
        text = said.told(event)
        if not text:
            return b""
        return self.line(f"@{shown_id(event.id)} {text}" if self.ids else text)

    def announced(self, text: str) -> bytes:
        """Write what the server says in its own name."""
        return self.line(f"SERVER {text}")

    def line(self, text: str) -> bytes:
        """Write a line."""
        try:
            return f"{text}\n".encode(self.charset)
        except UnicodeEncodeError:
            self._replaced()
            return f"{text}\n".encode(self.charset, "replace")


class ChatLineProtocol(Stream):
    """One connection to the chat; ``nc`` is a client."""

    def __init__(self, factory: "ChatLineFactory") -> None:
        self._factory = factory
        self._reactor = factory.reactor
        self._drops = factory.drops
        self._lines = LineReader()
        self._bucket = TokenBucket(RATE, BURST, self._reactor.seconds())
        self._unread = b""
        self._line: bytes | None = None
        self._reading = False
        self._ended = False
        self._held: IDelayedCall | None = None
        self._name_due: IDelayedCall | None = None
        self._cut: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Greet; read only while the peer reads, and wait for a name."""
        factory = self._factory
        self.outlet = StreamOutlet(
            self.transport,
            factory.turns,
            factory.profile(False, factory.charset),
            factory.queue,
            self._overflowed,
            self._drained,
        )
        self.outlet.expelled = self._expelled
        super().connectionMade()
        _tune(self.transport)
        host = factory.hidden(self.transport.getPeer())
        login = Login.over(factory.post.accounts, self.transport)
        self.seat: Seat[Outlet] = Seat(factory.post, self.outlet, "tcp", host, REPLAYS, login)
        self._name_due = self._reactor.callLater(NAME_WITHIN, self._nameless)
        self._say(said.GREETING)

    def producer(self) -> IPushProducer:
        """Return the outlet: while the peer does not read, what it should hear waits there."""
        return self.outlet

    def dataReceived(self, data: bytes) -> None:
        """Read the lines that are complete, as fast as this member may speak."""
        self._unread += data
        self._read_on()
        if (self._unread or self._line is not None) and not self._closing:
            self.transport.pauseProducing()  # it says more than may be read now

    def lineReceived(self, line: bytes) -> None:
        """Obey one line."""
        try:
            command = codec.parse(line, self._profile.charset)
            match command:
                case None:
                    pass
                case Ids(on):
                    self._speak(on, self._profile.charset, f"IDS {'on' if on else 'off'}")
                case Charset(name):
                    charset = charset_of(name)
                    self._speak(self._profile.ids, charset, f"CHARSET {charset}")
                case _:
                    answered = partial(self._answered, command)
                    self.seat.obey(command, self._reactor.seconds(), answered)
        except Refusal as refusal:
            self._say(said.refused(refusal))

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
        self.seat.leave("connection lost", self._reactor.seconds())

    def drain(self) -> None:
        """Say that the server stops, and hang up."""
        self.hang_up(self._profile.line(said.STOPPING))

    def hang_up(self, last_words: bytes = b"") -> None:
        """Send what is owed, then close; who does not read it is cut after a moment."""
        if not self._closing:
            super().hang_up(self._last(last_words))

    def linger(self, reactor: Any, last_words: bytes) -> None:
        """Hang up on a peer that may still be sending, so that it hears why."""
        if not self._closing:
            super().linger(reactor, self._last(last_words))

    # Saying.

    @property
    def _profile(self) -> LineProfile:
        profile = self.outlet.profile
        assert isinstance(profile, LineProfile)  # noqa: S101 - nobody else sets it
        return profile

    def _say(self, line: str) -> None:
        self.outlet.add(self._profile.line(line))

    def _speak(self, ids: bool, charset: str, done: str) -> None:
        """Speak in another way, from the line after this answer on."""
        self._say(f"OK {done}")
        self.outlet.profile = self._factory.profile(ids, charset)

    def _answered(self, command: Command, answer: Answer) -> None:
        if isinstance(answer, Refusal):
            self._say(said.refused(answer))
        elif not isinstance(command, Talk | Act):  # these the terminal shows already
            for reply in answer:
                self._say(said.answered(reply))
        self._name_known()
        if self.seat.over:
            self.hang_up()
        elif not self._reading:
            self._drained()  # it was another turn's answer

    # Reading: held while the peer does not read, while a command waits, and while it speaks too
    # fast.

    def _read_on(self) -> None:
        self._reading = True
        try:
            while not self._closing and self._may_read():
                line = self._next_line()
                if line is None:
                    if self._ended:
                        self._finish()
                    return
                if not self._may_say(line):
                    return
                self.lineReceived(line)
        except RemoteProtocolError as error:
            self._drops.drop("line_too_long", self.transport.getPeer())
            self.linger(self._reactor, error.reply)
        finally:
            self._reading = False

    def _may_read(self) -> bool:
        return self._held is None and not self.outlet.paused and not self.seat.busy

    def _may_say(self, line: bytes) -> bool:
        """Take from the bucket what a line costs; hold it until that is there."""
        now, cost = self._reactor.seconds(), codec.cost(line)
        if self._bucket.take(now, cost):
            return True
        self._line = line
        self.transport.pauseProducing()
        wait = max(self._bucket.wait(now, cost), _LEAST_WAIT)
        self._held = self._reactor.callLater(wait, self._released)
        return False

    def _next_line(self) -> bytes | None:
        held, self._line = self._line, None
        if held is not None:
            return held
        data, self._unread = self._unread, b""
        return next(self._lines.feed(data), None)

    def _released(self) -> None:
        self._held = None
        self._drained()

    def _drained(self) -> None:
        if self._closing or not self._may_read():
            return
        if not self._ended:
            self.transport.resumeProducing()
        self._read_on()

    def _finish(self) -> None:
        rest = self._lines.rest()
        if rest:
            self.lineReceived(rest)
        if not self.seat.busy and not self._closing:
            self.seat.leave("hung up", self._reactor.seconds())
            self.hang_up()

    # Ends.

    def _nameless(self) -> None:
        self._drops.drop("no_name", self.transport.getPeer())
        self._refuse(Refusal(Code.LATE, f"no name within {NAME_WITHIN:g} s"))

    def _overflowed(self) -> None:
        if self._closing:
            return
        self._drops.drop("send_queue_full", self.transport.getPeer())
        self.seat.leave("send queue full", self._reactor.seconds())
        self._refuse(Refusal(Code.QUEUE_FULL, "send queue full"))

    def _expelled(self, why: str) -> None:
        self.hang_up(self._profile.announced(why))

    def _refuse(self, refusal: Refusal) -> None:
        self.hang_up(self._profile.line(said.refused(refusal)))

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
    """Make a `ChatLineProtocol` for each connection; all speak through one post.

    :param queue: bytes that may wait for one member.
    :param secret: hides addresses, see `hidden_host`.
    :param charset: what is spoken until somebody chooses another one.
    """

    noisy = False

    def __init__(
        self,
        post: Post[Outlet],
        reactor: Any,
        queue: int = QUEUE,
        counters: DoorCounters | None = None,
        secret: bytes = b"",
        charset: str = UTF_8,
    ) -> None:
        self.post = post
        self.reactor = reactor
        self.queue = queue
        self.charset = charset
        self.drops = Drops("chat-tcp", counters or DoorCounters(), reactor.seconds)
        self.turns = Turns(reactor)
        self._secret = secret
        self._profiles: dict[tuple[bool, str], LineProfile] = {}

    def buildProtocol(self, addr: IAddress | None) -> ChatLineProtocol:
        """Make the protocol of one connection."""
        protocol = ChatLineProtocol(self)
        protocol.factory = self
        return protocol

    def profile(self, ids: bool, charset: str) -> LineProfile:
        """Return the one profile of its kind."""
        known = self._profiles.get((ids, charset))
        if known is None:
            replaced = partial(self.drops.drop, "not_in_charset", charset)
            known = self._profiles[ids, charset] = LineProfile(ids, charset, replaced)
        return known

    def hidden(self, peer: Any) -> str:
        """Return what others see of a peer's address."""
        return hidden_host(getattr(peer, "host", ""), self._secret)


def _tune(transport: Any) -> None:
    with suppress(AttributeError, OSError):  # under TLS the handle is no socket; in tests none
        handle = transport.getHandle()
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        patience = min(SILENCE, _keepalive(handle))
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience * 1000)


def _keepalive(handle: Any) -> int:
    """Return the seconds after which keepalive gives a silent peer up.

    Linux counts no probes any more once it has a TCP_USER_TIMEOUT, but waits for that.
    """
    if not handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE):
        return SILENCE
    names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    idle, interval, count = (handle.getsockopt(socket.IPPROTO_TCP, name) for name in names)
    seconds: int = idle + interval * count
    return seconds
