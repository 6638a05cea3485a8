"""When probes are sent: timers on an absolute schedule, and nothing that is counted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from twisted_net.echo.probe import Prober
from twisted_net.echo.tally import Event
from twisted_net.net.errors import NoAnswerError

#: Seconds that a timer waits at most, though there is nothing to do: no reactor takes a century.
LONGEST = 3600.0


@dataclass(frozen=True, slots=True)
class World:
    """What a run needs of the world.

    :ivar clock: seconds, never set back: a reactor's own clock may be.
    :ivar spin: seconds before a probe is due in which the reactor is asked again and again, and
        not left to sleep: its timers come late by as much.
    """

    reactor: Any
    clock: Callable[[], float]
    spin: float = 0.0


class Pace:
    """Sends each probe when it is due, on a schedule that does not drift.

    :param send: sends one; returns why it could not, or nothing.
    :ivar done: fires when all was sent and answered, or its time is over; fails with whatever
        `fail` was called with.
    :ivar paused: whether nothing can be sent for the moment.
    """

    def __init__(
        self,
        world: World,
        prober: Prober,
        send: Callable[[bytes], str],
        report: Callable[[list[Event], str], None],
    ) -> None:
        self.done: Deferred[None] = Deferred(lambda _: self._stop())
        self.paused = False
        self.prober = prober
        self.clock = world.clock
        self._world = world
        self._send = send
        self._shown = report
        self._timer: Any = None
        self._wakes = 0.0  # when the timer fires, on our clock
        self._over = False
        self._ticking = False

    def tick(self) -> None:
        """Do what is due, and see to it that this is called again in time."""
        if self._ticking:  # a send was refused at once
            return
        now = self.clock()
        self.report(self.prober.expire(now))
        self._ticking = True
        for number, datagram in () if self.paused else self.prober.due(now):
            failure = self._send(datagram)
            if failure:
                self.report([self.prober.failed(number)], failure)
        self._ticking = False
        if self.prober.over(now):
            self._end(None)
        elif self.paused and self.prober.stuck:
            self._end(NoAnswerError("the server does not read any more"))
        elif not self._over:
            self._arm(self.prober.wake(not self.paused))

    def after_answer(self) -> None:
        """Send the next one where it waits for answers only, and end where it was the last."""
        if not self.prober.scheduled or self.prober.over(self.clock()):
            self.tick()

    def report(self, events: list[Event], why: str = "") -> None:
        """Hand on what became of probes."""
        if events:
            self._shown(events, why)

    def fail(self, error: Exception) -> None:
        """End the run."""
        self._end(error)

    def _end(self, error: Exception | None) -> None:
        if self._over:
            return
        self._stop()
        if error is None:
            self.done.callback(None)
        else:
            self.done.errback(error)

    def _stop(self) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            if self._wakes <= at:
                return  # it will look again then; a flood would set a timer for each answer
            self._timer.cancel()
        self._wakes = at
        delay = min(at - self.clock() - self._world.spin, LONGEST)
        self._timer = self._world.reactor.callLater(max(0.0, delay), self._fired)

    def _fired(self) -> None:
        self._timer = None
        if 0 < self._wakes - self.clock() <= self._world.spin:
            self._arm(self._wakes)  # what comes meanwhile is read
        else:
            self.tick()
