"""Those who are given equally long for something: one timer for all of them.

A timer for each connection, made and cancelled, would be a good part of what a short one costs.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall

T = TypeVar("T")


class Waiting(Generic[T]):
    """Who is waited for, in the order of their coming.

    :param patience: seconds for each.
    :param late: called for who has not left by then, once.
    """

    def __init__(self, reactor: Any, patience: float, late: Callable[[T], object]) -> None:
        self._reactor = reactor
        self._patience = patience
        self._late = late
        self._since: dict[T, float] = {}
        self._timer: IDelayedCall | None = None

    def enter(self, who: T) -> None:
        """Wait for somebody from now on."""
        self._since[who] = self._reactor.seconds()
        if self._timer is None:
            self._timer = self._reactor.callLater(self._patience, self._look)

    def leave(self, who: T) -> None:
        """Wait for somebody no more; who is not waited for may leave, too."""
        self._since.pop(who, None)
        if not self._since and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        now = self._reactor.seconds()
        for who, since in list(self._since.items()):
            left = since + self._patience - now
            if left > 0:
                # A clock that was set back makes nobody wait longer than once more.
                self._timer = self._reactor.callLater(min(left, self._patience), self._look)
                return
            if self._since.pop(who, None) is not None:  # or another's end was theirs, too
                self._late(who)
