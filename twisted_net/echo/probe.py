"""The latency and loss probe: which probe is sent when, and what became of each. Pure.

**Latency counts from the time at which a probe was to be sent.** A client that waits for one answer
before it sends the next sees a server that hangs for ten seconds as one slow answer, where a
thousand users would have waited: "coordinated omission" (Gil Tene). Here probe number *n* is due
``n`` intervals after the start, whatever became of those before; when this side could not send it
in time, the wait is part of the latency, and told by itself too (`Tally.behind`).

**Loss is what did not come back to this side within the timeout**, which counts from the sending.
An answer that comes after it turns a lost probe into a late one. A probe that this side could not
send within a timeout of its time is never sent (`Tally.unsent`), so that no pause ends in a flood;
nobody knows what would have become of it, and it is no loss.

What is kept for each probe is bounded, for a run of any length.
"""

from dataclasses import dataclass

from twisted_net.echo.codec import Probe, ProbeCodec
from twisted_net.echo.tally import Event, Kind, Tally

#: Probes without an answer that are waited for at one time, and lost ones that are remembered in
#: case they come late: some 13 MB each. At 10,000 probes a second it takes 6 s of silence.
MOST_UNDER_WAY = 65_536

#: Probes sent in one go, before what has come is read: a burst of catching up stays short.
BURST = 64

#: How many a flood has under way, and how many seconds it waits in vain before it sends one more:
#: the 100 a second of ``ping -f``.
FLOOD_WINDOW = 16
FLOOD_PAUSE = 0.01

_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send.

    :ivar interval: seconds from one probe to the next; 0: as fast as answers come.
    :ivar timeout: seconds that an answer may take.
    :ivar count: how many; None: without end.
    :ivar duration: seconds for which probes are sent; None: without end.
    """

    interval: float
    timeout: float
    count: int | None = None
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class _Sent:
    due: int  # nanoseconds since the start
    at: int


class Prober:
    """One run. Whoever has the socket asks what is `due`, and tells what came.

    :param start: when probe 0 is due, in seconds on the clock of every ``now``.
    :ivar tally: the numbers so far.
    """

    def __init__(self, plan: Plan, codec: ProbeCodec, start: float) -> None:
        self.tally = Tally()
        self._codec = codec
        self._start = start
        self._interval = round(plan.interval * _NANO)
        self._timeout = round(plan.timeout * _NANO)
        self._next = 0  # number of the next probe
        self._end = plan.count  # number of the first that is not sent any more
        self._duration = None if plan.duration is None else round(plan.duration * _NANO)
        if self._duration is not None and self._interval:
            within = -(-self._duration // self._interval)
            self._end = within if self._end is None else min(self._end, within)
        self._under_way: dict[int, _Sent] = {}  # in the order of sending
        self._missing: dict[int, int] = {}  # lost number -> when it was due
        self._forgotten = -1  # the highest number that was lost and is no longer in _missing
        self._expected = 0  # one more than the highest number that was answered
        self._before: int | None = None  # the latency of the answer before
        self._last = -_NANO  # when the last one was sent

    def due(self, now: float) -> list[tuple[int, bytes]]:
        """Return the numbers and the bytes of the probes that are to be sent now, at most `BURST`.

        `expire` goes before it. They count as sent; `failed` takes one back.
        """
        at = self._since(now)
        sent: list[tuple[int, bytes]] = []
        while len(sent) < BURST and self._sends_at() <= at:
            due = self._next * self._interval if self._interval else at
            sent.append((self._next, self._codec.encode(self._next, due)))
            self._under_way[self._next] = _Sent(due, at)
            self._next += 1
            self._last = at
            self.tally.sent += 1
            self.tally.behind.add(at - due)
        return sent

    def failed(self, number: int) -> Event:
        """Take back a probe of `due` that the system would not send."""
        del self._under_way[number]
        self.tally.sent -= 1
        self.tally.unsent += 1
        return Event(Kind.UNSENT, number)

    def received(self, probe: Probe, now: float) -> list[Event]:
        """Take an answer; return what it is, behind those whose time is over."""
        return [*self.expire(now), self._placed(probe, self._since(now))]

    def refused(self, now: float) -> list[Event]:
        """Take a refusal (ICMP); it does not say of which probe, so the oldest one is lost."""
        events = self.expire(now)
        if self._under_way:
            events.append(self._lose(next(iter(self._under_way)), Kind.REFUSED))
            self.tally.refused += 1
        return events

    def expire(self, now: float) -> list[Event]:
        """Return the probes whose time is over; those that it is too late to send are not sent."""
        at, events = self._since(now), list[Event]()
        self._skip(at)
        while self._under_way:
            number = next(iter(self._under_way))
            if self._under_way[number].at + self._timeout > at:
                break
            events.append(self._lose(number, Kind.LOST))
        return events

    def give_up(self) -> list[Event]:
        """Lose all that are under way, and send no more: there is no connection any more."""
        self._end = self._next
        return [self._lose(number, Kind.LOST) for number in [*self._under_way]]

    def over(self, now: float) -> bool:
        """Say whether all was sent and nothing is waited for."""
        self._skip(self._since(now))
        return self._sent_all and not self._under_way

    def wake(self, sending: bool = True) -> float:
        """Return when there is something to be done next, on the clock of ``now``.

        :param sending: False: what is due cannot be sent now, and is no reason to wake.
        """
        at = _NEVER
        if self._under_way:
            at = self._under_way[next(iter(self._under_way))].at + self._timeout
        sends_at = self._sends_at()
        if sends_at < _NEVER:
            if sending:
                at = min(at, sends_at)
            elif self._interval:
                at = min(at, sends_at + self._timeout + 1)  # then it is too late for that one
        return self._start + at / _NANO

    @property
    def scheduled(self) -> bool:
        """Whether probes have times, and do not just wait for answers."""
        return self._interval > 0

    @property
    def stuck(self) -> bool:
        """Whether nothing will ever be over while nothing can be sent."""
        return not self._interval and not self._under_way

    @property
    def _sent_all(self) -> bool:
        return self._end is not None and self._next >= self._end

    def _since(self, now: float) -> int:
        return round((now - self._start) * _NANO)

    def _sends_at(self) -> int:
        """Return when the next probe is to be sent, in nanoseconds since the start."""
        if self._sent_all or len(self._under_way) >= MOST_UNDER_WAY:
            return _NEVER
        if self._interval:
            return self._next * self._interval
        if len(self._under_way) < FLOOD_WINDOW:
            return 0
        return self._last + round(FLOOD_PAUSE * _NANO)

    def _skip(self, at: int) -> None:
        """Leave out the probes that were due longer ago than an answer may take."""
        if not self._interval and self._duration is not None and at >= self._duration:
            self._end = self._next
        if not self._interval or at <= self._timeout:
            return
        first = (at - self._timeout - 1) // self._interval + 1
        first = first if self._end is None else min(first, self._end)
        self.tally.unsent += max(0, first - self._next)
        self._next = max(first, self._next)

    def _lose(self, number: int, kind: Kind) -> Event:
        sent = self._under_way.pop(number)
        if len(self._missing) >= MOST_UNDER_WAY:
            forgotten = next(iter(self._missing))
            del self._missing[forgotten]
            self._forgotten = max(self._forgotten, forgotten)
        self._missing[number] = sent.due
        self.tally.lost += 1
        return Event(kind, number)

    def _placed(self, probe: Probe, at: int) -> Event:
        number = probe.number
        if probe.run != self._codec.run or number >= self._next:
            return self._stray()
        sent = self._under_way.pop(number, None)
        if sent is not None:
            return self._answered(number, at - sent.due)
        if number in self._missing:
            self.tally.lost -= 1
            self.tally.late += 1
            return Event(Kind.LATE, number, at - self._missing.pop(number))
        if number <= self._forgotten:
            return self._stray()  # late, or twice: nobody remembers
        self.tally.duplicates += 1
        return Event(Kind.DUPLICATE, number)

    def _stray(self) -> Event:
        self.tally.stray += 1
        return Event(Kind.STRAY, -1)

    def _answered(self, number: int, latency: int) -> Event:
        tally = self.tally
        reordered = number < self._expected
        self._expected = max(self._expected, number + 1)
        tally.answered += 1
        tally.reordered += reordered
        tally.latency.add(latency)
        if self._before is not None:
            tally.jitter += (abs(latency - self._before) - tally.jitter) / 16
        self._before = latency
        return Event(Kind.ANSWER, number, latency, reordered)


#: Later than any run, in nanoseconds.
_NEVER = 1 << 80
