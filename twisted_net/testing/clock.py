"""Virtual time: whole nanoseconds, and one heap of everything that is going to happen.

Entries of equal time run in the order in which they were made. An entry cannot be taken out of
the heap again; its owner marks it *idle* instead: it will do nothing, and nothing waits for it.
When only idle entries are left, the network is at rest.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

#: Nanoseconds in a second.
SECOND = 1_000_000_000

#: Events at one instant after which time is held to stand still for good. The largest burst of a
#: legal run, 500 clients that all speak at once, stays below half of it.
BURST = 20_000


def nanoseconds(seconds: float) -> int:
    """Return a time in whole nanoseconds."""
    return round(seconds * SECOND)


class TimeStandsStill(Exception):  # noqa: N818 - says what happened; callers never see it
    """More than `BURST` events happened at one instant."""


class Timeline:
    """The virtual clock and what it will call.

    :ivar now: the time in nanoseconds since the network was made.
    :ivar idle: entries in the heap that will do nothing.
    :ivar fired: entries that were run, for measurements.
    :ivar stopped: set by an entry to make `advance` return after it.
    """

    __slots__ = ("_burst", "_heap", "_made", "fired", "idle", "now", "stopped")

    def __init__(self) -> None:
        self.now = 0
        self.idle = 0
        self.fired = 0
        self.stopped = False
        self._heap: list[tuple[int, int, Callable[[Any], object], Any]] = []
        self._made = 0
        self._burst = 0

    @property
    def at_rest(self) -> bool:
        """Whether nothing is left that could happen by itself."""
        return len(self._heap) == self.idle

    def at(self, when: int, call: Callable[[Any], object], argument: Any = None) -> None:
        """Call ``call(argument)`` at a time in nanoseconds; a time gone by means now."""
        self._made += 1
        heappush(self._heap, (when if when > self.now else self.now, self._made, call, argument))

    def quietly(self, when: int, call: Callable[[Any], object], argument: Any = None) -> None:
        """Call likewise, at a time that nothing waits for: the end of TIME_WAIT, say."""
        self.idle += 1
        self.at(when, self._quiet, (call, argument))

    def _quiet(self, what: tuple[Callable[[Any], object], Any]) -> None:
        self.idle -= 1
        call, argument = what
        call(argument)

    @property
    def next(self) -> int:
        """When the next entry is due, in nanoseconds."""
        return self._heap[0][0]

    def advance(self, until: int, *, to_rest: bool = True, step: bool = False) -> None:
        """Run what is due up to and including ``until``, in nanoseconds.

        Returns early when an entry sets `stopped`, and when the network is at rest. The clock is
        left at the last entry that was run.

        :param to_rest: False runs idle entries too, so that the clock may be set on to ``until``.
        :param step: return after one entry.
        :raises TimeStandsStill: see there.
        """
        heap = self._heap
        self.stopped = False
        while heap and not self.stopped:
            if heap[0][0] > until or (to_rest and len(heap) == self.idle):
                return
            when, _, call, argument = heappop(heap)
            if when == self.now:
                self._burst += 1
                if self._burst > BURST:
                    raise TimeStandsStill
            else:
                self.now = when
                self._burst = 0
            self.fired += 1
            call(argument)
            if step:
                return


class Alarm:
    """A timer that is set and cleared often, as TCP's: it keeps at most a few heap entries.

    Moving the deadline later costs an assignment; the entry in the heap moves on when it is due.

    :ivar deadline: when it will ring, in nanoseconds; None: not set.
    """

    __slots__ = ("_entry", "_ring", "_timeline", "deadline")

    def __init__(self, timeline: Timeline, ring: Callable[[], object]) -> None:
        self.deadline: int | None = None
        self._timeline = timeline
        self._ring = ring
        self._entry: int | None = None  # the time of our entry in the heap

    def set(self, deadline: int) -> None:
        """Ring at ``deadline``, in nanoseconds, and not at the time set before."""
        timeline = self._timeline
        if self._entry is not None and self.deadline is None:
            timeline.idle -= 1
        self.deadline = deadline
        if self._entry is None or deadline < self._entry:
            if self._entry is not None:
                timeline.idle += 1  # the old entry finds that it is not ours any more
            self._push(deadline)

    def clear(self) -> None:
        """Do not ring."""
        if self.deadline is not None:
            self.deadline = None
            self._timeline.idle += 1

    def _push(self, when: int) -> None:
        self._entry = max(when, self._timeline.now)
        self._timeline.at(when, self._due, self._entry)

    def _due(self, entry: int) -> None:
        if entry != self._entry:
            self._timeline.idle -= 1
            return
        self._entry = None
        if self.deadline is None:
            self._timeline.idle -= 1
        elif self.deadline > self._timeline.now:
            self._push(self.deadline)
        else:
            self.deadline = None
            self._ring()
