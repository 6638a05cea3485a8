"""Remove what is too old or too much, a thousand rows at a time, so that others can write too."""

import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from twisted_net.chat.store import rows
from twisted_net.chat.store.writer import Work

#: Seconds between two looks for something to remove, and between two pieces of it.
SWEEP = 60.0
PIECE = 0.2

#: Removes some rows; says whether there may be more.
Step = Callable[[sqlite3.Connection], bool]


class Sweeper:
    """Look for something to remove now and then.

    :param write: does something to the file, and tells when.
    :param oldest: the id before which nothing is kept; 0: all is.
    :param each: events of one conversation.
    """

    def __init__(
        self,
        reactor: Any,
        write: Callable[[Work], "Deferred[None]"],
        oldest: Callable[[], int],
        each: int,
    ) -> None:
        self._reactor = reactor
        self._write = write
        self._oldest = oldest
        self._each = each
        self._grown: dict[str, None] = {}
        self._steps: deque[Step] = deque()
        self._stopped = False
        self._timer: IDelayedCall = reactor.callLater(SWEEP, self._begin)

    def grew(self, of: str) -> None:
        """Look at a conversation the next time."""
        self._grown[of] = None

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True
        if self._timer.active():
            self._timer.cancel()

    def _begin(self) -> None:
        grown, self._grown = self._grown, {}
        oldest = self._oldest()
        if oldest:
            self._steps.append(partial(_remove_old, oldest))
        self._steps += [partial(_remove_many, of, self._each) for of in grown]
        self._steps.append(_remove_pairs)
        self._go_on()

    def _go_on(self) -> None:
        step = self._steps.popleft()
        outcome: list[bool] = []
        done = self._write(lambda connection: outcome.append(step(connection)))
        done.addCallbacks(lambda _: self._done(step, outcome[0]), lambda _: self._give_up())

    def _done(self, step: Step, more: bool) -> None:
        if self._stopped:
            return
        if more:
            self._steps.appendleft(step)
        wait, then = (PIECE, self._go_on) if self._steps else (SWEEP, self._begin)
        self._timer = self._reactor.callLater(wait, then)

    def _give_up(self) -> None:
        # The disk is full, say: the writer has said so, and there is another time.
        self._steps.clear()
        if not self._stopped:
            self._timer = self._reactor.callLater(SWEEP, self._begin)


def _remove_old(oldest: int, connection: sqlite3.Connection) -> bool:
    return rows.remove_old(connection, oldest)


def _remove_many(of: str, each: int, connection: sqlite3.Connection) -> bool:
    return rows.remove_many(connection, of, each)


def _remove_pairs(connection: sqlite3.Connection) -> bool:
    rows.remove_pairs(connection)
    return False
