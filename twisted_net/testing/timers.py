"""The delayed calls of one process: real `DelayedCall` objects, fired from the virtual clock."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.logger import Logger

from twisted_net.testing.clock import SECOND, Timeline, nanoseconds

#: Runs something as a process's own code, now or when the process is not stalled any more.
Run = Callable[[Callable[[Any], object], Any], None]


class SimDelayedCall(DelayedCall):
    """A delayed call that knows which entry of the heap is its own.

    :ivar entry: the time of that entry in nanoseconds.
    """

    entry = 0


class Timers:
    """The delayed calls of one process.

    An object of its own, because the global reactor may be lent to another host by the time a
    call is cancelled through it.

    :param run: runs a call as the host's own code.
    :param stalled_until: tells when a stall ends, in nanoseconds; a time gone by where there is
        none. Calls that are due during a stall wait here, and can be cancelled like any other.
    """

    log = Logger()

    def __init__(
        self, timeline: Timeline, run: Run, stalled_until: Callable[[], int] = lambda: 0
    ) -> None:
        self._timeline = timeline
        self._run = run
        self._stalled_until = stalled_until
        self._calls: dict[SimDelayedCall, None] = {}
        self._alive = True

    def seconds(self) -> float:
        """Return the virtual time."""
        return self._timeline.now / SECOND

    def call_later(
        self, delay: float, call: Callable[..., Any], args: Sequence[Any], kw: dict[str, Any]
    ) -> SimDelayedCall:
        """Make a delayed call; that of a dead process never happens."""
        timeline = self._timeline
        due = timeline.now / SECOND + delay
        made = SimDelayedCall(due, call, args, kw, self._cancelled, self._sooner, self.seconds)
        if self._alive:
            self._calls[made] = None
            # However short a delay: a LoopingCall asks again and again for the rest of a moment.
            wait = (round(delay * SECOND) or 1) if delay else 0
            made.entry = timeline.now + wait
            timeline.at(made.entry, self._due, (made, made.entry))
        return made

    def pending(self) -> list[DelayedCall]:
        """Return the calls that are still to come, oldest first."""
        return list(self._calls)

    def die(self) -> None:
        """Forget all calls: the process is gone."""
        self._alive = False
        self._timeline.idle += len(self._calls)
        self._calls.clear()

    def _enter(self, call: SimDelayedCall, when: int) -> None:
        call.entry = max(when, self._timeline.now)
        self._timeline.at(when, self._due, (call, call.entry))

    def _cancelled(self, call: DelayedCall) -> None:
        if isinstance(call, SimDelayedCall) and call in self._calls:
            del self._calls[call]
            self._timeline.idle += 1

    def _sooner(self, call: DelayedCall) -> None:
        if isinstance(call, SimDelayedCall) and call in self._calls:
            self._timeline.idle += 1  # the entry made before
            self._enter(call, nanoseconds(call.time))

    def _due(self, entry: tuple[SimDelayedCall, int]) -> None:
        call, when = entry
        if call not in self._calls or when != call.entry:
            self._timeline.idle -= 1
        elif call.delayed_time > 0:
            call.activate_delay()
            self._enter(call, nanoseconds(call.time))
        elif (awake := self._stalled_until()) > self._timeline.now:
            self._enter(call, awake)
        else:
            self._run(self._fire, call)

    def _fire(self, call: SimDelayedCall) -> None:
        self._calls.pop(call, None)
        call.called = 1
        try:
            call.func(*call.args, **call.kw)
        except Exception:
            self.log.failure("while handling timed call")
