"""A datagram session: one object for both roles; datagrams and the time in, datagrams out.

Three things drive it: its user (`send`, `offer`, `bye`), the network (`received`) and the clock
(`wake`, at `deadline`). After each of them, `outgoing` returns the datagrams to be sent.

The *initiator* says HELLO until a cookie comes back, says HELLO with the cookie until it is
welcomed, and then sends tagged packets. Until the cookie has proven its address there is no
session on the other side: the *responder's* begins with a good cookie, half open until the first
good tag shows that the initiator has the key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from twisted_net.chat.codec import actions
from twisted_net.chat.codec.datagram import (
    MAX_PACKET,
    ROLES,
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
from twisted_net.chat.core.reliable import (
    FIRST_WAIT,
    LONGEST_WAIT,
    SENDS,
    WINDOW,
    Inbox,
    Outbox,
)
from twisted_net.chat.core.states import NEXT, Came, Ended, Happening, Opened, Slowed, State, Step
from twisted_net.net.errors import LocalProtocolError

#: Seconds of silence after which the initiator asks whether the other side is there: under the
#: 30 s after which some home routers forget a UDP mapping (RFC 4787, 4.3 wants 2 minutes).
KEEPALIVE = 25.0

#: Seconds without one good tag after which a peer is gone: three keepalives and some.
DEAD = 90.0

#: Seconds that a welcomed initiator has for its first tagged packet.
HALF_OPEN = 10.0

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
    """

    nonce: bytes
    session: bytes
    key: bytes
    seq: int
    name: str
    room: str


class Session:
    """One side of a session.

    :ivar state: where it stands.
    :ivar id: 8 bytes, on both sides the same.
    :ivar name: the name asked for, or given.
    """

    def __init__(
        self,
        dice: Random,
        now: float,
        name: str,
        invitation: Invitation | None = None,
        admit: Callable[[float], bool] = lambda now: True,
    ) -> None:
        self.state = State.GREETING if invitation is None else State.HALF
        self.name = name
        self.nonce = dice.randbytes(8) if invitation is None else invitation.nonce
        self.id = self.nonce if invitation is None else invitation.session
        self._mine = int(Flag.NONE if invitation is None else Flag.RESPONDER)
        self._theirs = Flag.RESPONDER ^ self._mine
        self._key = b"" if invitation is None else invitation.key
        self._room = "" if invitation is None else invitation.room
        self._cookie = b""
        self._cookies = 0
        self._admit = admit
        self._outbox = Outbox(dice)
        self._start = self._outbox.seq
        self._inbox = Inbox(0 if invitation is None else invitation.seq)
        self._ready: list[bytes] = []
        self._ack_owed = False
        self._left_out = 0
        self._heard_at = now
        self._pinged_at = now
        self._tries = 0
        self._again: float | None = None
        self._greet(now)

    @classmethod
    def initiator(cls, dice: Random, now: float, name: str) -> "Session":
        """Begin a session, asking for a name."""
        return cls(dice, now, name)

    @classmethod
    def responder(
        cls, dice: Random, now: float, invitation: Invitation, admit: Callable[[float], bool]
    ) -> "Session":
        """Begin the other side of a session.

        :param admit: says, at a time, whether one more message may be taken.
        """
        return cls(dice, now, invitation.name, invitation, admit)

    @property
    def deadline(self) -> float | None:
        """When to call `wake`, on the clock of all other calls; None: never."""
        if self.state is State.OPEN:  # first: it is asked for with every packet
            first = self._heard_at + DEAD
            again = self._outbox.deadline
            if again is not None and again < first:
                first = again
            ping = first if self._mine else self._ping_due()
            return ping if ping < first else first
        if self.state is State.CLOSED:
            return None
        if self.state is State.HALF:
            return self._heard_at + HALF_OPEN
        return self._again

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
        else:
            self._outbox.put(body)

    def bye(self, why: str = "", reason: int = 0) -> None:
        """End the session, and say so."""
        if self.state in (State.OPEN, State.CONFIRMING, State.HALF):
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
        if packet.flags & ROLES != self._theirs:
            return []  # our own words, come back
        state = self.state
        if state is not State.OPEN and state in (State.GREETING, State.PROVING):
            return self._answered(packet, now)
        if packet.session != self.id or state is State.CLOSED:
            return self._repeated(packet)
        if packet.type is Type.RETRY and not self._mine:
            return self._end("the server does not know this session any more")
        if not proven(datagram, self._key):
            return []
        return self._proven(packet, now)

    def wake(self, now: float) -> list[Happening]:
        """Do what the time asks for."""
        deadline = self.deadline
        if deadline is None or now < deadline:
            return []
        if self.state is State.HALF:
            return self._end("timeout")
        if self.state is not State.OPEN:
            return self._greet_again(now)
        if now >= self._heard_at + DEAD:
            return self._give_up()
        if not self._mine and now >= self._ping_due():
            self._pinged_at = now
            self._queue(Type.PING)
        self._fill(now)
        return self._give_up() if self._outbox.given_up else []

    def outgoing(self, now: float) -> list[bytes]:
        """Return the datagrams that are to be sent now, in their order."""
        if self.state is State.OPEN:
            if self._left_out:
                self._own_up()
            self._fill(now)
            if self._ack_owed:
                self._queue(Type.ACK)
        ready, self._ready = self._ready, []
        return ready

    # Before the session is open.

    def _greet(self, now: float) -> None:
        if self.state is State.HALF:
            self._welcome()
            return
        self._tries = 0
        self._again = now
        self._greet_again(now)

    def _greet_again(self, now: float) -> list[Happening]:
        if self._tries == SENDS:
            return self._end("no answer")
        self._again = now + min(LONGEST_WAIT, FIRST_WAIT * 2**self._tries)
        self._tries += 1
        if self.state is State.CONFIRMING:
            self._queue(Type.PING)
        else:
            fields = padded({Key.NAME: self.name.encode(), Key.COOKIE: self._cookie})
            self._queue(Type.HELLO, fields, plain=True)
        return []

    def _welcome(self) -> None:
        fields = {
            Key.ROOM: self._room.encode(),
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
        if packet.type is Type.RETRY and fields.get(Key.COOKIE, self._cookie) != self._cookie:
            return self._retry(fields[Key.COOKIE], now)
        if packet.type is Type.RST:
            return self._end(_error(packet), packet.code)
        if packet.type is Type.WELCOME and self.state is State.PROVING:
            self._welcomed(packet, fields, now)
        return []

    def _retry(self, cookie: bytes, now: float) -> list[Happening]:
        """Say HELLO with a cookie; not for ever, for a server that is never content."""
        self._cookies += 1
        if self._cookies > SENDS:
            return self._end("no answer")
        self._cookie = cookie
        self._step(Step.RETRIED)
        self._greet(now)
        return []

    def _welcomed(self, packet: Packet, fields: dict[int, bytes], now: float) -> None:
        session, key = fields.get(Key.SESSION, b""), fields.get(Key.SECRET, b"")
        if len(session) != 8 or len(key) != 16:
            return
        self.id, self._key = session, key
        self.name = text_of(fields, Key.NAME)
        self._room = text_of(fields, Key.ROOM)
        self._inbox = Inbox(packet.seq)
        self._heard_at = self._pinged_at = now
        self._step(Step.WELCOMED)
        self._greet(now)

    def _repeated(self, packet: Packet) -> list[Happening]:
        """Welcome once more whoever did not hear it."""
        if self.state is State.HALF and packet.type is Type.HELLO and packet.session == self.nonce:
            self._welcome()
        return []

    # While it is open.

    def _proven(self, packet: Packet, now: float) -> list[Happening]:
        happened: list[Happening] = []
        if self.state is not State.OPEN:
            happened.append(Opened(self.name, self._room))
            self._step(Step.PROVED)
        self._heard_at = now
        self._outbox.acked(packet.ack, packet.bits, now)
        match packet.type:
            case Type.CON:
                happened += self._message(packet, now)
            case Type.PING:
                self._queue(Type.PONG)
            case Type.BYE:
                happened += self._end(self._farewell(packet), packet.code)
            case Type.RST if packet.code != actions.LONG:
                happened += self._end(self._farewell(packet), packet.code)
        return happened

    def _farewell(self, packet: Packet) -> str:
        """Return why the peer ended it; others hear that, so an initiator has no say in it."""
        return "quit" if self._mine else _error(packet) or "the server ended the session"

    def _message(self, packet: Packet, now: float) -> list[Happening]:
        if self._inbox.has(packet.seq):
            self._ack_owed = True
            return []
        busy = self._mine and self._outbox.waiting > BUSY
        if busy or not self._inbox.fits(packet.seq) or not self._admit(now):
            return [Slowed()]
        self._ack_owed = True
        body = bytes([packet.code]) + packet.fields
        return [Came(seq, each) for seq, each in self._inbox.take(packet.seq, body)]

    def _ping_due(self) -> float:
        """Return when an initiator asks whether the other side is there."""
        return max(self._heard_at, self._pinged_at) + KEEPALIVE

    def _own_up(self) -> None:
        """Say how many events were left out, once there is room again."""
        if self._left_out and self._outbox.waiting <= BUSY:
            self._outbox.put(actions.missed(self._left_out))
            self._left_out = 0

    def _fill(self, now: float) -> None:
        for seq, body in self._outbox.due(now):
            self._queue(Type.CON, body[1:], code=body[0], seq=seq)

    def _give_up(self) -> list[Happening]:
        self.bye("timeout")
        return [Ended("timeout")]

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
        self._ack_owed = False


def _error(packet: Packet) -> str:
    return text_of(unpacked(packet.fields), Key.ERROR)
