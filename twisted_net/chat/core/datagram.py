"""A datagram session: one object for both roles; datagrams and the time in, datagrams out.

Three things drive it: its user (`send`, `offer`, `bye`), the network (`received`) and the clock
(`wake`, at `deadline`). After each of them, `outgoing` returns the datagrams to be sent.

The *initiator* says HELLO until a cookie comes back, says HELLO with the cookie until it is
welcomed, and then sends tagged packets. Until the cookie has proven its address there is no
session on the other side: the *responder's* begins with a good cookie, half open until the first
good tag shows that the initiator has the key.

Whoever hears nothing for long, or sends a message often and for nothing, falls *silent*. Its user
is told, and for a while the session can still be taken up where it was left: by the first good
tag, from whatever address. A responder that has forgotten it by then, or was started anew, answers
with a cookie, and the initiator greets it again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from random import Random

from twisted_net.chat.codec import actions, actions_said
from twisted_net.chat.codec.datagram import (
    MAX_PACKET,
    PROBE,
    Flag,
    Key,
    Malformed,
    Packet,
    Type,
    decode,
    encode,
    packed,
    padded,
    proven,
    text_of,
    unpacked,
)
from twisted_net.chat.core.greeting import Greeting, Repeats
from twisted_net.chat.core.path import Address, Path
from twisted_net.chat.core.reliable import SENDS, WINDOW, Inbox, Outbox
from twisted_net.chat.core.states import (
    NEXT,
    Came,
    Ended,
    Gap,
    Happening,
    Hinted,
    Opened,
    Resumed,
    Silent,
    Slowed,
    State,
    Step,
    Undelivered,
)
from twisted_net.net.errors import LocalProtocolError

#: Seconds of silence after which the initiator asks whether the other side is there: under the
#: 30 s after which some home routers forget a UDP mapping (RFC 4787, 4.3 wants 2 minutes).
KEEPALIVE = 25.0

#: Seconds without one good tag after which a peer is gone: three keepalives and some.
DEAD = 90.0

#: Seconds that a session which fell silent can still be taken up.
KEPT = 120.0

#: Seconds that a welcomed initiator has for its first tagged packet.
HALF_OPEN = 10.0

#: Seconds that an acknowledgement waits for something to ride on, and messages that it stands for
#: at most (RFC 1122, 4.2.3.2). One that tells of a gap, or of a repeat, does not wait.
ACK_DELAY = 0.05
ACK_EVERY = 2

#: Bytes that may wait for a peer. Beyond it events are left out, and one message says how many.
MAX_WAITING = 16384

#: Bytes waiting above which requests are not taken: their answers need room too. Without an
#: acknowledgement the peer sends them again, later and later.
BUSY = 8192


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a responder knows of an initiator when its cookie has come back.

    :ivar session: 8 random bytes that name the session.
    :ivar key: 16 random bytes that its tags are made with.
    :ivar seq: the initiator's number before its first message.
    :ivar host: the name of who invites, among peers.
    """

    nonce: bytes
    session: bytes
    key: bytes
    seq: int
    name: str
    room: str
    host: str = ""


class Session:
    """One side of a session.

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
        invitation: Invitation | None = None,
        admit: Callable[[float], bool] = lambda now: True,
        also: Mapping[Key, bytes] | None = None,
        flags: int = Flag.NONE,
    ) -> None:
        self.name = name
        self.since = 0
        self._dice = dice
        self._invitation = invitation
        self._responds = invitation is not None
        self._mine = flags | (Flag.RESPONDER if self._responds else Flag.NONE)
        self._theirs = self._mine ^ Flag.RESPONDER
        self._also = also or {}
        self._greeting = Greeting(dice)
        self._path = Path(dice)
        self._admit = admit
        self._ready: list[bytes] = []
        self._left_out = 0
        self._last_left_out = b""
        self._heard_at = now
        self._pinged_at = now
        self._silent_at = now
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

    @classmethod
    def initiator(
        cls,
        dice: Random,
        now: float,
        name: str,
        also: Mapping[Key, bytes] | None = None,
        flags: int = Flag.NONE,
    ) -> "Session":
        """Begin a session, asking for a name.

        :param also: other fields that every HELLO has.
        :param flags: PEER between two clients.
        """
        return cls(dice, now, name, also=also, flags=flags)

    @classmethod
    def responder(
        cls,
        dice: Random,
        now: float,
        invitation: Invitation,
        admit: Callable[[float], bool],
        flags: int = Flag.NONE,
    ) -> "Session":
        """Begin the other side of a session.

        :param admit: says, at a time, whether one more message may be taken.
        """
        return cls(dice, now, invitation.name, invitation, admit, flags=flags)

    @property
    def nonce(self) -> bytes:
        """What names the greeting that led, or leads, to this session."""
        return self._greeting.nonce if self._invitation is None else self._invitation.nonce

    @property
    def deadline(self) -> float:
        """When to call `wake`, on the clock of all other calls; infinite: never."""
        if self.state is State.OPEN:  # first: it is asked for with every packet
            first = self._heard_at + DEAD
            if self._outbox.deadline < first:
                first = self._outbox.deadline
            if self._ack_at < first:
                first = self._ack_at
            if self._inbox.deadline < first:
                first = self._inbox.deadline
            if self._responds:
                return first
            heard, pinged = self._heard_at, self._pinged_at
            ping = (heard if heard > pinged else pinged) + KEEPALIVE
            return ping if ping < first else first
        if self.state is State.CLOSED:
            return inf
        if self.state is State.HALF:
            return self._heard_at + HALF_OPEN
        if self._responds:
            return self._silent_at + KEPT
        return self._repeats.at

    @property
    def settled(self) -> bool:
        """Whether all that was sent has been acknowledged."""
        return not self._outbox

    def send(self, body: bytes) -> int:
        """Send a message for certain; return its number.

        :raises LocalProtocolError: the session is over.
        """
        if self.state is State.CLOSED:
            raise LocalProtocolError("the session is over")
        self._own_up()
        return self._outbox.put(body)

    def offer(self, body: bytes) -> None:
        """Send a message if there is room; else it is counted, and the peer told how many."""
        self._own_up()
        if self._left_out or self._outbox.waiting + len(body) > MAX_WAITING:
            self._left_out += 1
            self._last_left_out = body
        else:
            self._outbox.put(body)

    def hint(self, body: bytes) -> None:
        """Send something that may get lost, or overtake what was said before."""
        if self.state is State.OPEN:
            self._queue(Type.NON, body[1:], code=body[0])

    def bye(self, why: str = "", reason: int = 0) -> None:
        """End the session, and say so."""
        if self.state in (State.OPEN, State.CONFIRMING, State.HALF, State.SILENT):
            fields = packed({Key.ERROR: why.encode()})
            self._queue(Type.BYE, fields, code=reason)
        if self.state is not State.CLOSED:
            self._step(Step.ENDED)

    def refuse_long(self, datagram: bytes) -> bool:
        """Say that a datagram was too long, if it is the peer's; the session goes on.

        :return: whether it was.
        """
        if self.state is not State.OPEN or not proven(datagram, self._key):
            return False
        error = packed({Key.ERROR: f"TOO_BIG {len(datagram)} > {MAX_PACKET}".encode()})
        self._queue(Type.RST, error, code=actions.LONG)
        return True

    def received(self, datagram: bytes, now: float) -> list[Happening]:
        """Take a datagram from the peer's address; what is not in its place is ignored."""
        try:
            packet = decode(datagram)
        except Malformed:
            return []
        return self.took(packet, datagram, now)

    def took(self, packet: Packet, datagram: bytes, now: float) -> list[Happening]:
        """Take a datagram likewise, and what `decode` made of it."""
        if packet.flags & ~_TAGGED != self._theirs:
            return []  # our own words, come back
        state = self.state
        if state is not State.OPEN and state in (State.GREETING, State.PROVING):
            return self._answered(packet, now)
        if packet.session != self.id or state is State.CLOSED:
            return self._repeated(packet)
        if packet.type is Type.RETRY and not self._responds:
            return self._forgotten(packet, now)
        if not proven(datagram, self._key):
            return []
        return self._proven(packet, now)

    def elsewhere(
        self, packet: Packet, datagram: bytes, address: Address, now: float
    ) -> tuple[bytes, bool]:
        """Look at the address of a datagram that comes not from where the peer was.

        :return: what to send there, if anything, and whether the peer has moved there; if so, the
            datagram itself is still to be taken.
        """
        if self.state not in (State.OPEN, State.SILENT) or not proven(datagram, self._key):
            return b"", False
        if packet.type is Type.RESPONSE:
            challenge = unpacked(packet.fields).get(Key.CHALLENGE, b"")
            return b"", self._path.answers(address, challenge)
        asked = self._path.ask(address, len(datagram), now)
        if asked is None:
            return b"", False
        self._queue(Type.CHALLENGE, packed({Key.CHALLENGE: asked}))
        return self._ready.pop(), False

    def wake(self, now: float) -> list[Happening]:
        """Do what the time asks for."""
        if now < self.deadline:
            return []
        match self.state:
            case State.OPEN:
                return self._woken(now)
            case State.HALF:
                return self._end("timeout")
            case State.SILENT if self._responds or now >= self._heard_at + DEAD + KEPT:
                return self._end("timeout" if self._responds else "no answer")
            case _:
                return self._greet_again(now)

    def outgoing(self, now: float) -> list[bytes]:
        """Return the datagrams that are to be sent now, in their order."""
        if self.state is State.OPEN:
            if self._left_out:
                self._own_up()
            self._fill(now)
            if now >= self._ack_at:
                self._queue(Type.ACK)
        ready, self._ready = self._ready, []
        return ready

    # Before the session is open.

    def _begin(self, last: int) -> None:
        """Begin to count, from what a peer's numbers begin with."""
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
            self._queue(Type.PING, PROBE)
        else:
            since = self.since.to_bytes(8, "big") if self._greeting.before else b""
            fields = {Key.NAME: self.name.encode(), Key.COOKIE: self._greeting.cookie}
            hello = padded({**fields, Key.SINCE: since, **self._also})
            self._queue(Type.HELLO, hello, plain=True)
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
            return self._end(_error(packet), packet.code)
        if packet.type is Type.WELCOME and self.state is State.PROVING:
            self._welcomed(packet, fields, now)
        return []

    def _retry(self, cookie: bytes, now: float) -> list[Happening]:
        """Say HELLO with a cookie; not for ever, for a server that is never content."""
        if not self._greeting.retried(cookie):
            return self._end("no answer")
        self._step(Step.RETRIED)
        self._greet(now)
        return []

    def _welcomed(self, packet: Packet, fields: dict[int, bytes], now: float) -> None:
        session, key = fields.get(Key.SESSION, b""), fields.get(Key.SECRET, b"")
        if len(session) != 8 or len(key) != 16:
            return
        self.id, self._key = session, key
        self.name = text_of(fields, Key.NAME)
        self._opens = Opened(self.name, text_of(fields, Key.ROOM), text_of(fields, Key.FROM))
        self._hear_from(packet.seq)
        self._heard_at = self._pinged_at = now
        self._step(Step.WELCOMED)
        self._greet(now)

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

    # While it is open.

    def _proven(self, packet: Packet, now: float) -> list[Happening]:
        happened: list[Happening] = []
        if self.state is not State.OPEN:
            happened.append(self._reached(now))
        self._heard_at = now
        self._outbox.acked(packet.ack, packet.bits, now)
        match packet.type:
            case Type.CON:
                happened += self._message(packet, now)
            case Type.NON:
                if self._admit(now):
                    happened.append(Hinted(bytes([packet.code]) + packet.fields))
            case Type.PING:
                self._queue(Type.PONG)
            case Type.CHALLENGE if not self._responds:
                challenge = unpacked(packet.fields).get(Key.CHALLENGE, b"")
                self._queue(Type.RESPONSE, packed({Key.CHALLENGE: challenge}))
            case Type.BYE:
                happened += self._end(self._farewell(packet), packet.code)
            case Type.RST if packet.code != actions.LONG:
                happened += self._end(self._farewell(packet), packet.code)
        return happened

    def _reached(self, now: float) -> Happening:
        """Open the session, or take it up where it was left."""
        resumed = self.state is State.SILENT
        self._step(Step.PROVED)
        if resumed:
            self._outbox.resume(now)
            return Resumed()
        invitation = self._invitation
        return self._opens if invitation is None else Opened(self.name, invitation.room)

    def _farewell(self, packet: Packet) -> str:
        """Return why the peer ended it; others hear that, so an initiator has no say in it."""
        return "quit" if self._responds else _error(packet) or "the server ended the session"

    def _message(self, packet: Packet, now: float) -> list[Happening]:
        if self._inbox.has(packet.seq):
            self._ack_at = now
            return []
        busy = self._responds and self._outbox.waiting > BUSY
        if busy or not self._inbox.fits(packet.seq) or not self._admit(now):
            return [Slowed()]
        body = bytes([packet.code]) + packet.fields
        ready = self._inbox.take(packet.seq, body, now)
        self._unacked += 1
        wait = ACK_DELAY if len(ready) == 1 and self._unacked < ACK_EVERY else 0.0
        self._ack_at = min(self._ack_at, now + wait)
        return [Came(seq, each) for seq, each in ready]

    def _skip(self, now: float) -> list[Happening]:
        """Show a gap, and go on behind it."""
        missing, ready = self._inbox.skip()
        self._ack_at = now
        return [Gap(tuple(missing)), *(Came(seq, each) for seq, each in ready)]

    def _woken(self, now: float) -> list[Happening]:
        if now >= self._heard_at + DEAD:
            return self._fall_silent(now)
        if not self._responds and now >= self._ping_due():
            self._pinged_at = now
            self._queue(Type.PING, PROBE)
        happened = self._skip(now) if now >= self._inbox.deadline else []
        self._fill(now)
        return happened + self._fall_silent(now) if self._outbox.given_up else happened

    def _fall_silent(self, now: float) -> list[Happening]:
        """Wait for the peer to come back; an initiator asks, and repeats nothing else."""
        self._step(Step.SILENCED)
        self._silent_at = now
        if self._responds:
            return [Silent()]
        numbers = self._outbox.abandon(actions.NOTHING)
        self._greet(now)
        return [Silent(), Undelivered(tuple(numbers))] if numbers else [Silent()]

    def _ping_due(self) -> float:
        """Return when an initiator asks whether the other side is there."""
        return max(self._heard_at, self._pinged_at) + KEEPALIVE

    def _own_up(self) -> None:
        """Say how many events were left out, once there is room again."""
        if self._left_out and self._outbox.waiting <= BUSY:
            last = actions_said.id_of(self._last_left_out)
            self._outbox.put(actions_said.missed(self._left_out, last))
            self._left_out = 0

    def _fill(self, now: float) -> None:
        outbox = self._outbox
        if outbox.deadline > now and not outbox.waiting:
            return  # as nearly always
        for seq, body in outbox.due(now):
            self._queue(Type.CON, body[1:], code=body[0], seq=seq)

    # Both.

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


_TAGGED = int(Flag.TAGGED)


def _error(packet: Packet) -> str:
    return text_of(unpacked(packet.fields), Key.ERROR)
