"""Messages over datagrams that get lost: numbered, acknowledged, sent again, in order and once.

Each direction of a session has an `Outbox` on one side and an `Inbox` on the other. Numbers are of
32 bits and roll over; the first one is random. How long to wait for an acknowledgement is learned
from the round trips themselves (RFC 6298), and never from a message that was sent twice, for
nobody can say which of the two was acknowledged (Karn).
"""

from collections import deque
from dataclasses import dataclass
from math import inf
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

#: Later messages that have to arrive before one that has not is sent again at once, and not only
#: when its time is over: fewer of them may just have overtaken it (RFC 5681, 3.2).
OVERTAKEN = 3

#: How far ahead of the first gap a message is kept. What arrived within 32 of it can be said in
#: `Inbox.bits`; what is farther away is sent once more than it needs to be.
AHEAD = 64
SAID = 32

#: Seconds that messages are held back for one that is missing before them. All five sends of a
#: message take six seconds on a good network.
HELD = 10.0

_NUMBERS = 1 << 32


class RoundTrips:
    """How long an acknowledgement takes (RFC 6298, 2).

    :ivar wait: seconds to wait for one.
    :ivar known: whether any has been measured.
    """

    def __init__(self) -> None:
        self.wait = FIRST_WAIT
        self.known = False
        self._mean: float | None = None
        self._spread = 0.0

    def measured(self, seconds: float) -> None:
        """Learn from one round trip."""
        self.known = True
        if self._mean is None:
            self._mean, self._spread = seconds, seconds / 2
        else:
            self._spread = 0.75 * self._spread + 0.25 * abs(self._mean - seconds)
            self._mean = 0.875 * self._mean + 0.125 * seconds
        self.wait = min(LONGEST_WAIT, max(LEAST_WAIT, self._mean + 4 * self._spread))

    def timed_out(self, waited: float) -> float:
        """Be more patient until the next round trip is measured (5.5); return how much more.

        :param waited: seconds that this message was to wait. Several that were lost together, and
            are missed one after the other, double the wait once.
        """
        longer = min(LONGEST_WAIT, waited * 2)
        self.wait = max(self.wait, longer)
        return longer


@dataclass(slots=True)
class _Sent:
    """A message on its way.

    :ivar wait: seconds that it waits for an acknowledgement; ``due`` is a little later at first.
    :ivar overtaken: how many later ones have arrived.
    :ivar hasty: whether it is sent again for that, and not because its time is over.
    """

    body: bytes
    at: float
    wait: float
    due: float
    sends: int = 1
    overtaken: int = 0
    hasty: bool = False


class Outbox:
    """The sending half.

    :ivar seq: number of the last message that was put in.
    :ivar waiting: bytes that have not been sent yet.
    :ivar deadline: when something is to be sent again; infinite: never. Kept, and not looked
        for, because it is asked for with every packet.
    :ivar given_up: a message was sent `SENDS` times for nothing.
    """

    def __init__(self, dice: Random) -> None:
        self.seq = dice.getrandbits(32)
        self.waiting = 0
        self.deadline = inf
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
        sent = self._again(now) if self.deadline <= now else []
        while self._queue and len(self._flying) < self._window and not self.given_up:
            sent.append(self._first(now))
        return sent

    def abandon(self, instead: bytes) -> list[int]:
        """Give up all that has not been acknowledged; return the numbers of it.

        :param instead: what keeps the place of messages that were sent: the other side could not
            know otherwise that it waits for them in vain. The others give their numbers back.
        """
        numbers = [*self._flying, *(seq for seq, _ in self._queue)]
        self.seq = (self.seq - len(self._queue)) % _NUMBERS
        self._queue.clear()
        self.waiting = 0
        for sent in self._flying.values():
            sent.body = instead
        return numbers

    def resume(self, now: float) -> None:
        """Send again, as if for the first time, all that nobody has acknowledged."""
        self.given_up = False
        self._trips = RoundTrips()
        self._window = 1
        self._arrived = 0
        for sent in self._flying.values():
            sent.sends = 1  # and not 0: a round trip cannot be measured from the one before
            sent.wait = FIRST_WAIT / 2
            sent.due = now
        self._look_ahead()

    def _again(self, now: float) -> list[tuple[int, bytes]]:
        late = [each for each in self._flying.items() if each[1].due <= now]
        if any(not sent.hasty for _, sent in late):
            self._window = max(1, self._window // 2)
            self._arrived = 0
        again = []
        for seq, sent in late:
            if sent.sends == SENDS:
                self.given_up = True
                break
            sent.sends += 1
            if not sent.hasty:
                sent.wait = self._trips.timed_out(sent.wait)
            sent.hasty = False
            sent.due = now + sent.wait
            again.append((seq, sent.body))
        self._look_ahead()
        return again

    def _first(self, now: float) -> tuple[int, bytes]:
        seq, body = self._queue.popleft()
        self.waiting -= len(body)
        # Dice, so that members who lost the same message do not all repeat it at once.
        wait = self._trips.wait
        due = now + wait * self._dice.uniform(1.0, 1.5)
        self._flying[seq] = _Sent(body, now, wait, due)
        if due < self.deadline:
            self.deadline = due
        return seq, body

    def _look_ahead(self) -> None:
        self.deadline = min([sent.due for sent in self._flying.values()], default=inf)

    def acked(self, ack: int, bits: int, now: float) -> None:
        """Take an acknowledgement: of all up to ``ack``, and of those whose bit is set."""
        landed = []
        for seq in self._flying:
            ahead = (seq - ack) % _NUMBERS
            if ahead == 0 or ahead > _NUMBERS // 2 or (ahead <= SAID and bits >> (ahead - 1) & 1):
                landed.append(seq)
        if not landed:
            return
        for seq in landed:
            self._landed(self._flying.pop(seq), now)
        if bits and self._flying:
            self._overtaken(landed, now)
        self._look_ahead()

    def _landed(self, sent: _Sent, now: float) -> None:
        if sent.sends == 1:
            self._trips.measured(now - sent.at)
        self._arrived += 1
        if self._arrived >= self._window and self._trips.known:
            self._arrived = 0
            self._window = min(WINDOW, self._window + 1)

    def _overtaken(self, landed: list[int], now: float) -> None:
        """Hurry what was sent once, and has been overtaken by several."""
        for seq, sent in self._flying.items():
            before = sent.overtaken
            sent.overtaken += sum((each - seq) % _NUMBERS < _NUMBERS // 2 for each in landed)
            if sent.sends == 1 and before < OVERTAKEN <= sent.overtaken:
                sent.hasty = True
                sent.due = now


class Inbox:
    """The receiving half.

    :ivar ack: highest number received without a gap, or behind the last gap that was skipped.
    :ivar deadline: when the first gap is to be skipped; infinite: there is none.
    """

    def __init__(self, last: int) -> None:
        self.ack = last
        self.deadline = inf
        self._kept: dict[int, tuple[bytes, float]] = {}

    def has(self, seq: int) -> bool:
        """Say whether a message was received before, or is not waited for any more."""
        ahead = (seq - self.ack) % _NUMBERS
        return ahead == 0 or ahead > _NUMBERS // 2 or seq in self._kept

    def fits(self, seq: int) -> bool:
        """Say whether a new message is near enough to be kept."""
        return 0 < (seq - self.ack) % _NUMBERS <= AHEAD

    def take(self, seq: int, body: bytes, now: float) -> list[tuple[int, bytes]]:
        """Take a new message that fits; return what can now be read in order."""
        if not self._kept and seq == (self.ack + 1) % _NUMBERS:  # as nearly always
            self.ack = seq
            return [(seq, body)]
        self._kept[seq] = body, now
        return self._readable()

    def skip(self) -> tuple[list[int], list[tuple[int, bytes]]]:
        """Wait no more for the first gap: return what is missing, and what follows it."""
        gap = min((seq - self.ack) % _NUMBERS for seq in self._kept)
        missing = [(self.ack + each) % _NUMBERS for each in range(1, gap)]
        self.ack = (self.ack + gap - 1) % _NUMBERS
        return missing, self._readable()

    def _readable(self) -> list[tuple[int, bytes]]:
        read = []
        while (following := (self.ack + 1) % _NUMBERS) in self._kept:
            self.ack = following
            read.append((following, self._kept.pop(following)[0]))
        self.deadline = min([came for _, came in self._kept.values()], default=inf) + HELD
        return read

    @property
    def bits(self) -> int:
        """What was received beyond the first gap: bit i stands for ``ack`` + 1 + i."""
        if not self._kept:
            return 0  # as nearly always
        ahead = [(seq - self.ack) % _NUMBERS - 1 for seq in self._kept]
        return sum(1 << each for each in ahead if each < SAID)
