"""How a datagram session comes to be open: the half of it that greets, proves and welcomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from random import Random

from twisted_net.chat.codec.datagram import (
    PROBE,
    Flag,
    Key,
    Packet,
    Type,
    encode,
    packed,
    padded,
    text_of,
    unpacked,
)
from twisted_net.chat.core.greeting import Greeting, Repeats
from twisted_net.chat.core.introduction import Answering, Asking, Disproved
from twisted_net.chat.core.reliable import SENDS, WINDOW, Inbox, Outbox
from twisted_net.chat.core.states import (
    NEXT,
    Ended,
    Happening,
    Opened,
    State,
    Step,
    Undelivered,
    Unproven,
)
from twisted_net.net.errors import LocalProtocolError

#: Seconds of silence after which the initiator asks whether the other side is there: under the
#: 30 s after which some home routers forget a UDP mapping (RFC 4787, 4.3 wants 2 minutes).
KEEPALIVE = 25.0

#: Seconds without one good tag after which a peer is gone: three keepalives and some.
DEAD = 90.0


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a responder knows of an initiator when its cookie has come back.

    :ivar session: 8 random bytes that name the session.
    :ivar key: 16 random bytes that its tags are made with.
    :ivar seq: the initiator's number before its first message.
    :ivar host: the name of who invites, among peers.
    :ivar introduction: how the two prove who they are, if both can; then the key comes of that.
    """

    nonce: bytes
    session: bytes
    key: bytes = field(repr=False)
    seq: int
    name: str
    room: str
    host: str = ""
    introduction: Answering | None = None


class Handshake:
    """What both sides of a session are before it is open, and the packets of all of it.

    :ivar state: where it stands.
    :ivar id: 8 bytes, on both sides the same.
    :ivar name: the name asked for, or given.
    :ivar since: an initiator's user notes here what it heard last, as an id; whoever has to be
        greeted again is told.
    """

    def __init__(
        self,
        dice: Random,
        now: float,
        name: str,
        invitation: Invitation | None,
        also: Mapping[Key, bytes] | None,
        flags: int,
        asking: Asking | None = None,
    ) -> None:
        self.name = name
        self.since = 0
        self._asking = asking
        self._other: tuple[str, bytes] | None = None
        self._dice = dice
        self._invitation = invitation
        self._responds = invitation is not None
        self._mine = flags | (Flag.RESPONDER if self._responds else Flag.NONE)
        self._theirs = self._mine ^ Flag.RESPONDER
        self._also = also or {}
        self._greeting = Greeting(dice)
        self._ready: list[bytes] = []
        self._heard_at = now
        self._pinged_at = now
        self._opens = Opened(name)
        self._repeats = Repeats(now)
        self._begin(0 if invitation is None else invitation.seq)
        if invitation is None:
            self.state = State.GREETING
            self.id, self._key = self.nonce, b""
            self._greet(now)
        else:
            self.state = State.HALF
            self.id, self._key = invitation.session, invitation.key
            self._welcome(invitation)

    @property
    def nonce(self) -> bytes:
        """What names the greeting that led, or leads, to this session."""
        return self._greeting.nonce if self._invitation is None else self._invitation.nonce

    @property
    def public(self) -> bytes:
        """The key that the other side has proven to have; empty: none."""
        made = self._asking if self._invitation is None else self._invitation.introduction
        return b"" if made is None else made.public

    def _begin(self, last: int) -> None:
        """Begin to count, from what a peer's numbers begin with."""
        self._other_key = b""
        self._outbox = Outbox(self._dice)
        self._start = self._outbox.seq
        self._hear_from(last)

    def _hear_from(self, last: int) -> None:
        self._inbox = Inbox(last)
        self._ack_at = inf
        self._unacked = 0

    def _greet(self, now: float) -> None:
        self._repeats = Repeats(now)
        self._greet_again(now)

    def _greet_again(self, now: float) -> list[Happening]:
        """Say what stands between us and an open session, for the first time or again."""
        if self._repeats.count == SENDS and self.state is not State.SILENT:
            return self._end("no answer")
        self._repeats.said(now)
        if self.state in (State.CONFIRMING, State.SILENT):
            asking = self._asking if self.state is State.CONFIRMING else None
            self._queue(Type.PING, PROBE + packed({} if asking is None else asking.proof))
        else:
            since = self.since.to_bytes(8, "big") if self._greeting.before else b""
            fields = {Key.NAME: self.name.encode(), Key.COOKIE: self._greeting.cookie}
            hello = {**fields, Key.SINCE: since, **self._also}
            whole = hello if self._asking is None else self._asking.offer(hello)
            self._queue(Type.HELLO, padded(whole), plain=True)
        return []

    def _welcome(self, invitation: Invitation) -> None:
        fields = {
            Key.ROOM: invitation.room.encode(),
            Key.FROM: invitation.host.encode(),
            Key.NAME: self.name.encode(),
            Key.SESSION: self.id,
            Key.SECRET: self._key,
            Key.BOUNDS: bytes([WINDOW, int(KEEPALIVE), int(DEAD)]),
        }
        introduction = invitation.introduction
        if introduction is not None:
            fields = introduction.welcome(fields)
            self._key = introduction.key
        self._queue(Type.WELCOME, packed(fields), plain=True)

    def _answered(self, packet: Packet, now: float) -> list[Happening]:
        """Take an answer to our HELLO."""
        if packet.session != self.nonce:
            return []
        fields = unpacked(packet.fields)
        cookie = self._greeting.cookie
        if packet.type is Type.RETRY and fields.get(Key.COOKIE, cookie) != cookie:
            return self._retry(fields[Key.COOKIE], now)
        if packet.type is Type.RST:
            return self._end(error_of(packet), packet.code)
        if packet.type is Type.WELCOME and self.state is State.PROVING:
            return self._welcomed(packet, fields, now)
        return []

    def _retry(self, cookie: bytes, now: float) -> list[Happening]:
        """Say HELLO with a cookie; not for ever, for a server that is never content."""
        if not self._greeting.retried(cookie):
            return self._end("no answer")
        self._step(Step.RETRIED)
        self._greet(now)
        return []

    def _welcomed(self, packet: Packet, fields: dict[int, bytes], now: float) -> list[Happening]:
        session, key = fields.get(Key.SESSION, b""), fields.get(Key.SECRET, b"")
        if self._asking is not None:
            try:
                self._asking.welcomed(self.nonce, fields)
            except Disproved:
                return [Unproven()]  # somebody else's perhaps; the right one may still come
            key = self._asking.key or key
        if len(session) != 8 or len(key) != 16:
            return []
        other = text_of(fields, Key.FROM), self.public
        if self._other not in (None, other):
            return self._end("somebody else answers there now")
        self._other = other
        self.id, self._key = session, key
        self.name = text_of(fields, Key.NAME)
        self._opens = Opened(self.name, text_of(fields, Key.ROOM), text_of(fields, Key.FROM))
        self._hear_from(packet.seq)
        self._heard_at = self._pinged_at = now
        self._step(Step.WELCOMED)
        self._greet(now)
        return []

    def _repeated(self, packet: Packet) -> list[Happening]:
        """Welcome once more whoever did not hear it."""
        invitation = self._invitation if self.state is State.HALF else None
        if invitation and packet.type is Type.HELLO and packet.session == invitation.nonce:
            self._welcome(invitation)
        return []

    def _forgotten(self, packet: Packet, now: float) -> list[Happening]:
        """Greet anew a server that does not know the session; nothing of it goes on."""
        cookie = unpacked(packet.fields).get(Key.COOKIE, b"")
        if not cookie or not self._greeting.anew(cookie, now):
            return []
        numbers = self._outbox.abandon(b"")
        self._begin(0)
        self._step(Step.RETRIED)
        self._greet(now)
        return [Undelivered(tuple(numbers))] if numbers else []

    def _end(self, why: str, reason: int = 0) -> list[Happening]:
        self._step(Step.ENDED)
        return [Ended(why, reason)]

    def _step(self, step: Step) -> None:
        try:
            self.state = NEXT[self.state, step]
        except KeyError:
            raise LocalProtocolError(f"{step.name} while {self.state.name}") from None

    def _queue(
        self,
        kind: Type,
        fields: bytes = b"",
        *,
        code: int = 0,
        seq: int | None = None,
        plain: bool = False,
    ) -> None:
        """Make a packet ready: every one carries the newest acknowledgement.

        :param seq: its own number; None: that of the last message.
        :param plain: it belongs to no session yet, so that nothing can tag it.
        """
        last = self._start if plain else self._outbox.seq
        packet = Packet(
            kind,
            self.nonce if plain else self.id,
            code,
            last if seq is None else seq,
            self._inbox.ack,
            self._inbox.bits,
            fields,
            self._mine,
        )
        self._ready.append(encode(packet, None if plain else self._key))
        self._ack_at = inf
        self._unacked = 0


def error_of(packet: Packet) -> str:
    """Return why something ended or was refused."""
    return text_of(unpacked(packet.fields), Key.ERROR)
