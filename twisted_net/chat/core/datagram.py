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

`handshake` is what comes before a session is open, `open_session` what happens while it is.
"""

from collections.abc import Callable, Mapping
from math import inf
from random import Random

from twisted_net.chat.codec import actions
from twisted_net.chat.codec.datagram import (
    MAX_PACKET,
    Flag,
    Key,
    Malformed,
    Packet,
    Type,
    decode,
    packed,
    proven,
    unpacked,
)
from twisted_net.chat.core.handshake import DEAD, KEEPALIVE, Invitation
from twisted_net.chat.core.introduction import Asking
from twisted_net.chat.core.open_session import OpenSession
from twisted_net.chat.core.path import Address, Path
from twisted_net.chat.core.states import Happening, State, Step
from twisted_net.net.errors import LocalProtocolError

#: Seconds that a session which fell silent can still be taken up.
KEPT = 120.0

#: Seconds that a welcomed initiator has for its first tagged packet.
HALF_OPEN = 10.0

#: Bytes that may wait for a peer. Beyond it events are left out, and one message says how many.
MAX_WAITING = 16384


class Session(OpenSession):
    """One side of a session."""

    def __init__(
        self,
        dice: Random,
        now: float,
        name: str,
        invitation: Invitation | None = None,
        admit: Callable[[float], bool] = lambda now: True,
        also: Mapping[Key, bytes] | None = None,
        flags: int = Flag.NONE,
        asking: Asking | None = None,
    ) -> None:
        super().__init__(dice, now, name, invitation, admit, also, flags, asking)
        self._path = Path(dice)

    @classmethod
    def initiator(
        cls,
        dice: Random,
        now: float,
        name: str,
        also: Mapping[Key, bytes] | None = None,
        flags: int = Flag.NONE,
        asking: Asking | None = None,
    ) -> "Session":
        """Begin a session, asking for a name.

        :param also: other fields that every HELLO has.
        :param flags: PEER between two clients.
        :param asking: proves who one is, and asks the other side to.
        """
        return cls(dice, now, name, also=also, flags=flags, asking=asking)

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

    def change_key(self, key: bytes) -> None:
        """Tag with another key: an initiator from now on, a responder as soon as that one does."""
        if self._responds:
            self._other_key = key
        else:
            self._key, self._other_key = key, self._key

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
            if not self._changes_key(datagram):
                return []
        elif self._other_key and not self._responds:
            self._other_key = b""  # the other side has changed it, too
        return self._proven(packet, now) if state is State.OPEN else self._first(packet, now)

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


_TAGGED = int(Flag.TAGGED)
