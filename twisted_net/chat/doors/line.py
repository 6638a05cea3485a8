"""The line door: the chat for ``nc``, telnet and scripts (docs/protocols/chat.md)."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from twisted.internet.interfaces import IAddress

from twisted_net.chat.codec import line as codec
from twisted_net.chat.codec import line_said as said
from twisted_net.chat.codec.charsets import UTF_8, charset_of
from twisted_net.chat.codec.events import Event, Kind, shown_id
from twisted_net.chat.codec.refusals import Code, Refusal
from twisted_net.chat.codec.requests import Act, Charset, Command, Ids, Talk
from twisted_net.chat.core.ident import hidden_host
from twisted_net.chat.doors.outlet import QUEUE, Outlet
from twisted_net.chat.doors.stream import NAME_WITHIN, RATE, ChatStream, ChatStreamFactory, Said
from twisted_net.chat.login import Login
from twisted_net.chat.post import Post
from twisted_net.chat.seat import Answer, Seat
from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.framing import LineReader

#: Events of a room's history that whoever enters it is told.
REPLAYS = 10


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
        if self.ids:
            start = f"@{shown_id(event.id)} "
            text = start + text.replace("\n", f"\n{start}")  # one message, whatever its lines
        return self.line(text)

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


class ChatLineProtocol(ChatStream):
    """One connection to the chat; ``nc`` is a client."""

    def __init__(self, factory: "ChatLineFactory") -> None:
        super().__init__(factory)
        self._factory = factory
        self._lines = LineReader()
        self._unread = b""
        self._fed: Iterator[bytes] = iter(())

    def connectionMade(self) -> None:
        """Greet; read only while the peer reads, and wait for a name."""
        factory = self._factory
        self.begin(factory.profile(False, factory.charset))
        host = factory.hidden(self.transport.getPeer())
        login = Login.over(factory.post.accounts, self.transport)
        self.seat: Seat[Outlet] = Seat(
            factory.post, self.outlet, "tcp", host, REPLAYS, login, self.in_turn
        )
        self._say(said.GREETING)

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
        self.outlet.write_as(self._factory.profile(ids, charset))

    def _answered(self, command: Command, answer: Answer) -> None:
        if isinstance(answer, Refusal):
            self._say(said.refused(answer))
        elif not isinstance(command, Talk | Act):  # these the terminal shows already
            for reply in answer:
                self._say(said.answered(reply))
        if self.seat.member is not None:
            self.named()
        if self.seat.over:
            self.hang_up()
        else:
            self.go_on()

    # Reading.

    def took(self, data: bytes) -> None:
        """Take bytes."""
        self._unread += data

    def next(self) -> Said | None:
        """Return the next line."""
        if self._unread:
            data, self._unread = self._unread, b""
            self._fed = self._lines.feed(data)
        try:
            line = next(self._fed, None)
        except RemoteProtocolError as error:
            self._drops.drop("line_too_long", self.transport.getPeer())
            self.linger(self._reactor, error.reply)
            return None
        return None if line is None else Said(line, codec.cost(line))

    def obey(self, what: bytes) -> None:
        """Obey one line."""
        self.lineReceived(what)

    def waits(self) -> bool:
        """Say whether a command waits for its answer."""
        return self.seat.busy

    def finish(self) -> None:
        """Obey a last line that has no ending."""
        rest = self._lines.rest()
        if rest:
            self.lineReceived(rest)

    # Ends.

    def leave(self, why: str) -> None:
        """Leave the chat."""
        self.seat.leave(why, self._reactor.seconds())

    def drain(self) -> None:
        """Say that the server stops, and hang up."""
        self.hang_up(self._profile.line(said.STOPPING))

    def lost(self, why: str) -> bytes:
        """Return the last words to somebody who is in the chat no more."""
        return self._profile.announced(why)

    def late(self) -> bytes:
        """Return the last words to somebody who has chosen no name."""
        return self._refused(Refusal(Code.LATE, f"no name within {NAME_WITHIN:g} s"))

    def full(self) -> bytes:
        """Return the last words to somebody who does not read."""
        return self._refused(Refusal(Code.QUEUE_FULL, "send queue full"))

    def _refused(self, refusal: Refusal) -> bytes:
        return self._profile.line(said.refused(refusal))


class ChatLineFactory(ChatStreamFactory):
    """Make a `ChatLineProtocol` for each connection; all speak through one post.

    :param queue: bytes that may wait for one member.
    :param secret: hides addresses, see `hidden_host`.
    :param charset: what is spoken until somebody chooses another one.
    :param rate: commands a second from one member; 0: as many as come.
    """

    def __init__(
        self,
        post: Post[Outlet],
        reactor: Any,
        queue: int = QUEUE,
        counters: DoorCounters | None = None,
        secret: bytes = b"",
        charset: str = UTF_8,
        rate: float = RATE,
    ) -> None:
        super().__init__("chat-tcp", reactor, queue, counters, rate)
        self.post = post
        self.charset = charset
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
