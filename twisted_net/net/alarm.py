"""An alarm: something to be woken for, of which the next time changes with every packet."""

from collections.abc import Callable
from math import inf
from typing import Any

from twisted.internet.interfaces import IDelayedCall


class Alarm:
    """Rings not later than the earliest time it was set to; perhaps more often than it has to.

    Setting it costs nearly nothing as long as something rings early enough. What is waited for is
    mostly far away, and now and then, for a moment, near: so it keeps two timers, and does not
    take back the far one for the near one.

    :param ring: called without the alarm set; it looks at the clock, and sets it again.
    """

    def __init__(self, reactor: Any, ring: Callable[[], None]) -> None:
        self._reactor = reactor
        self._ring = ring
        self._near: IDelayedCall | None = None
        self._far: IDelayedCall | None = None
        self._near_at = self._far_at = inf

    def set(self, deadline: float, now: float) -> None:
        """Ring at a time of the reactor's clock; an infinite one changes nothing."""
        if deadline < self._near_at and deadline < self._far_at:
            self._set(deadline, max(0.0, deadline - now))

    def stop(self) -> None:
        """Ring no more."""
        for each in (self._near, self._far):
            if each is not None:
                each.cancel()
        self._near = self._far = None
        self._near_at = self._far_at = inf

    def _set(self, deadline: float, wait: float) -> None:
        if self._far is None:
            self._far = self._reactor.callLater(wait, self._rung_far)
            self._far_at = deadline
            return
        if self._near is not None:
            self._near.cancel()
        self._near = self._reactor.callLater(wait, self._rung_near)
        self._near_at = deadline

    def _rung_near(self) -> None:
        self._near = None
        self._near_at = inf
        self._ring()

    def _rung_far(self) -> None:
        self._far = None
        self._far_at = inf
        self._ring()
