"""Messages over datagrams that get lost: numbered, acknowledged, sent again, in order and once.

Each direction of a session has an `Outbox` on one side and an `Inbox` on the other. Numbers are of
32 bits and roll over; the first one is random. How long to wait for an acknowledgement is learned
from the round trips themselves (RFC 6298), and never from a message that was sent twice, for
nobody can say which of the two was acknowledged (Karn).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

#: Waits for an acknowledgement in seconds. RFC 6298 begins at 1 s and has 1 s as its floor; on
#: the networks this is for, a round trip is under a millisecond, so the floor is that of Linux.
FIRST_WAIT = 1.0
LEAST_WAIT = 0.2
LONGEST_WAIT = 8.0

#: Times a message is sent before its peer is given up: with the waits doubling from one second,
#: a peer that is gone is noticed after half a minute.
SENDS = 5

#: Messages that may be on their way at one time. It begins with one, and grows with each window
#: that arrived whole (RFC 8085, 3.1.2).
WINDOW = 8

#: How far ahead of the first gap a message is kept: as far as `Inbox.bits` can say so.
AHEAD = 32

_NUMBERS = 1 << 32


class RoundTrips:
    """How long an acknowledgement takes (RFC 6298, 2).

    :ivar wait: seconds to wait for one.
    """

    def __init__(self) -> None:
        self.wait = FIRST_WAIT
        self._mean: float | None = None
        self._spread = 0.0

    def measured(self, seconds: float) -> None:
        """Learn from one round trip."""
        if self._mean is None:
            self._mean, self._spread = seconds, seconds / 2
        else:
            self._spread = 0.75 * self._spread + 0.25 * abs(self._mean - seconds)
            self._mean = 0.875 * self._mean + 0.125 * seconds
        self.wait = min(LONGEST_WAIT, max(LEAST_WAIT, self._mean + 4 * self._spread))

    def timed_out(self) -> None:
        """Be more patient from now on (5.5)."""
        self.wait = min(LONGEST_WAIT, self.wait * 2)


@dataclass(slots=True)
class _Sent:
    """A message on its way."""

    body: bytes
    at: float
    due: float
    sends: int = 1


class Outbox:
    """The sending half.

    :ivar seq: number of the last message that was put in.
    :ivar waiting: bytes that have not been sent yet.
    :ivar deadline: when something is to be sent again; None: never. Kept, and not looked for,
        because it is asked for with every packet.
    :ivar given_up: a message was sent `SENDS` times for nothing.
    """

    def __init__(self, dice: Random) -> None:
        self.seq = dice.getrandbits(32)
        self.waiting = 0
        self.deadline: float | None = None
        self.given_up = False
        self._dice = dice
        self._trips = RoundTrips()
        self._queue: deque[tuple[int, bytes]] = deque()
        self._flying: dict[int, _Sent] = {}
        self._window = 1
        self._arrived = 0

    def __bool__(self) -> bool:
        """Say whether anything is still to be sent or acknowledged."""
        return bool(self._queue or self._flying)

    def put(self, body: bytes) -> int:
        """Take a message; return its number."""
        self.seq = (self.seq + 1) % _NUMBERS
        self._queue.append((self.seq, body))
        self.waiting += len(body)
        return self.seq

    def due(self, now: float) -> list[tuple[int, bytes]]:
        """Return numbers and bodies that are to be sent now, for the first time or again."""
        sent = []
        if self.deadline is not None and self.deadline <= now:
            sent = self._again(now)
        while self._queue and len(self._flying) < self._window and not self.given_up:
            sent.append(self._first(now))
        return sent

    def _again(self, now: float) -> list[tuple[int, bytes]]:
        late = [each for each in self._flying.items() if each[1].due <= now]
        if late:
            self._trips.timed_out()
            self._window = max(1, self._window // 2)
            self._arrived = 0
        again = []
        for seq, sent in late:
            if sent.sends == SENDS:
                self.given_up = True
                break
            sent.sends += 1
            sent.due = now + self._trips.wait
            again.append((seq, sent.body))
        self._look_ahead()
        return again

    def _first(self, now: float) -> tuple[int, bytes]:
        seq, body = self._queue.popleft()
        self.waiting -= len(body)
        # Dice, so that members who lost the same message do not all repeat it at once.
        due = now + self._trips.wait * self._dice.uniform(1.0, 1.5)
        self._flying[seq] = _Sent(body, now, due)
        if self.deadline is None or due < self.deadline:
            self.deadline = due
        return seq, body

    def _look_ahead(self) -> None:
        self.deadline = min([sent.due for sent in self._flying.values()], default=None)

    def acked(self, ack: int, bits: int, now: float) -> None:
        """Take an acknowledgement: of all up to ``ack``, and of those whose bit is set."""
        flying = len(self._flying)
        for seq in list(self._flying):
            ahead = (seq - ack) % _NUMBERS
            if ahead == 0 or ahead > _NUMBERS // 2 or (ahead <= 32 and bits >> (ahead - 1) & 1):
                self._landed(self._flying.pop(seq), now)
        if len(self._flying) < flying:
            self._look_ahead()

    def _landed(self, sent: _Sent, now: float) -> None:
        if sent.sends == 1:
            self._trips.measured(now - sent.at)
        self._arrived += 1
        if self._arrived >= self._window:
            self._arrived = 0
            self._window = min(WINDOW, self._window + 1)


class Inbox:
    """The receiving half.

    :ivar ack: highest number received without a gap.
    """

    def __init__(self, last: int) -> None:
        self.ack = last
        self._kept: dict[int, bytes] = {}

    def has(self, seq: int) -> bool:
        """Say whether a message was received before."""
        ahead = (seq - self.ack) % _NUMBERS
        return ahead == 0 or ahead > _NUMBERS // 2 or seq in self._kept

    def fits(self, seq: int) -> bool:
        """Say whether a new message is near enough to be kept."""
        return 0 < (seq - self.ack) % _NUMBERS <= AHEAD

    def take(self, seq: int, body: bytes) -> Iterator[tuple[int, bytes]]:
        """Take a new message that fits; yield what can now be read in order."""
        self._kept[seq] = body
        while (following := (self.ack + 1) % _NUMBERS) in self._kept:
            self.ack = following
            yield following, self._kept.pop(following)

    @property
    def bits(self) -> int:
        """What was received beyond the first gap: bit i stands for ``ack`` + 1 + i."""
        if not self._kept:
            return 0  # as nearly always
        return sum(1 << (seq - self.ack) % _NUMBERS - 1 for seq in self._kept)
