"""A datagram session while it is open: messages, acknowledgements, gaps, and silence."""

from collections.abc import Callable, Mapping
from random import Random

from twisted_net.chat.codec import actions, actions_said
from twisted_net.chat.codec.datagram import PROBE, Key, Packet, Type, packed, proven, unpacked
from twisted_net.chat.core.handshake import DEAD, KEEPALIVE, Handshake, Invitation, error_of
from twisted_net.chat.core.introduction import Asking
from twisted_net.chat.core.states import (
    Came,
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
    Unproven,
)

#: Seconds that an acknowledgement waits for something to ride on, and messages that it stands for
#: at most (RFC 1122, 4.2.3.2). One that tells of a gap, or of a repeat, does not wait.
ACK_DELAY = 0.05
ACK_EVERY = 2

#: Bytes waiting above which requests are not taken: their answers need room too. Without an
#: acknowledgement the peer sends them again, later and later.
BUSY = 8192


class OpenSession(Handshake):
    """What both sides of a session do once one good tag has come, and until the end.

    :param admit: says, at a time, whether one more message may be taken.
    """

    def __init__(
        self,
        dice: Random,
        now: float,
        name: str,
        invitation: Invitation | None,
        admit: Callable[[float], bool],
        also: Mapping[Key, bytes] | None,
        flags: int,
        asking: Asking | None,
    ) -> None:
        super().__init__(dice, now, name, invitation, also, flags, asking)
        self._admit = admit
        self._left_out = 0
        self._last_left_out = b""
        self._silent_at = now

    def _changes_key(self, datagram: bytes) -> bool:
        """Say whether a datagram has the tag of the key that comes next, or was there before."""
        if not self._other_key or not proven(datagram, self._other_key):
            return False
        if self._responds:
            self._key, self._other_key = self._other_key, b""
        return True

    def _proven(self, packet: Packet, now: float) -> list[Happening]:
        happened: list[Happening] = []
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

    def _first(self, packet: Packet, now: float) -> list[Happening]:
        """Take the first good tag, or the first one after a silence."""
        if self.state is State.HALF and not self._introduced(packet):
            return [Unproven()]
        if self.state is State.CONFIRMING and packet.type is Type.BYE:
            return self._end(self._farewell(packet), packet.code)  # it never was open
        return [self._reached(now), *self._proven(packet, now)]

    def _introduced(self, packet: Packet) -> bool:
        """Say whether an initiator has proven who it is, if it said that it would."""
        introduction = None if self._invitation is None else self._invitation.introduction
        if introduction is None:
            return True
        return introduction.proven(unpacked(packet.fields).get(Key.PROOF, b""))

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
        return "quit" if self._responds else error_of(packet) or "the server ended the session"

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
