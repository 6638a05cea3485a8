"""A reactor's clock that goes on when the machine's is set back.

Twisted's reactors tell the time, and whether a timer is due, by the machine's clock. Where that is
set back by an hour, as a machine does at its start whose battery clock counts local time, no timer
goes off for an hour: nothing is sent again, no silent peer is let go, nothing is written to a
store, and a stop waits for all of that. So a server counts by a clock that nobody sets, from the
time that the machine's clock had at its start. It follows that one forward, and never back: then it
is ahead until it is started again, or the other has caught up.
"""

from collections.abc import Callable
from time import monotonic, time
from typing import Any

from twisted.logger import Logger
from twisted.python import runtime

#: Seconds between two looks at the machine's clock.
EVERY = 1.0

#: Seconds by which a clock is set, and not only corrected.
SET = 1.0


class Steady:
    """The time since 1970, in seconds, that never goes back.

    :param wall: the machine's clock, which may be set.
    :param ticking: a clock that may not, from any beginning.
    """

    def __init__(
        self, wall: Callable[[], float] = time, ticking: Callable[[], float] = monotonic
    ) -> None:
        self._wall = wall
        self._ticking = ticking
        self._began = wall() - ticking()
        self._ahead = 0.0

    def seconds(self) -> float:
        """Return the time."""
        return self._began + self._ticking()

    def look(self) -> float:
        """Follow the machine's clock if it is ahead; return by how much it has been set.

        That is more than zero when it was set forward, or stood while this process did, less when
        it was set back, and zero when it only runs a little faster or slower than ours.
        """
        # In this order: whatever comes between the two calls never takes us ahead of it.
        ahead = -(self._wall() - self._ticking() - self._began)
        was, self._ahead = self._ahead, max(0.0, ahead)
        if ahead < 0.0:
            self._began -= ahead
        change = was - ahead
        return change if abs(change) >= SET else 0.0


class Follower:
    """Looks at the machine's clock now and then, and says when it was set."""

    log = Logger()

    def __init__(self, reactor: Any, steady: Steady) -> None:
        self._reactor = reactor
        self._steady = steady

    def look(self) -> None:
        """Look, and again in a while."""
        change = self._steady.look()
        if change > 0:
            self.log.warn(
                "the machine's clock was set forward by {change:.0f} s, or stood still: timers"
                " that were due meanwhile go off now",
                change=change,
            )
        elif change < 0:
            self.log.warn(
                "the machine's clock was set back by {change:.0f} s: timers do not wait for it,"
                " and times are told as before until it has caught up, or until a new start",
                change=-change,
            )
        self._reactor.callLater(EVERY, self.look)


def keep(reactor: Any) -> None:
    """Let a reactor that does not run yet count by a steady clock.

    One that runs has timers by its own clock, and one with a clock of its own has its reasons.
    """
    if reactor.running or reactor.seconds is not runtime.seconds:
        return
    steady = Steady()
    reactor.seconds = steady.seconds
    reactor.callWhenRunning(Follower(reactor, steady).look)
