"""One thread at a time that writes: what gathered for a moment goes into one transaction.

The chat never waits for the disk. What cannot be written, because the disk is full or something
else holds the file, waits and is tried again; beyond a bound it is the *history* that is lost,
never the chat, and how much is counted and noted in the file.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_net.chat.store import rows
from twisted_net.chat.store.rows import Row
from twisted_net.net.drops import Drops

T = TypeVar("T")

#: Writes that may wait.
QUEUE = 10_000

#: Seconds for which writes gather. What was delivered is missing only if the process died within
#: 50 ms of it; the rest of those is for the write itself.
GATHER = 0.02

#: Seconds until what could not be written is tried again.
AGAIN = 1.0

#: Something to do to the file.
Work = Callable[[sqlite3.Connection], object]


@dataclass(frozen=True, slots=True)
class _Write:
    """One thing to write: an event, or anything else, and who waits for it."""

    event: Row | None = None
    work: Work | None = None
    done: "Deferred[None] | None" = None


class Writer:
    """Write to a file, in the order in which it was asked for.

    :param drops: told what was lost.
    :ivar lost: events that could not be written, ever.
    """

    log = Logger()

    def __init__(self, reactor: Any, connection: sqlite3.Connection, drops: Drops) -> None:
        self.lost = 0
        self._reactor = reactor
        self._connection = connection
        self._drops = drops
        self._queue: deque[_Write] = deque()
        self._batch: list[_Write] = []
        self._timer: IDelayedCall | None = None
        self._writing = False
        self._failing = False
        self._closed = False
        self._missing = 0  # lost, and not yet noted in the file
        self._last = 0  # the last event that was queued
        # Only the end of the server makes two threads meet here.
        self._alone = threading.Lock()

    def add(self, event: Row) -> None:
        """Write an event, soon; lose it where too many wait."""
        if self._closed or self._full():
            self.lost += 1
            self._missing += 1
            self._drops.drop("history_queue_full", "the store")
            return
        if self._missing:
            after, missing, self._missing = self._last, self._missing, 0
            self._queue.append(_Write(work=lambda c: rows.note_gap(c, after, event[0], missing)))
        self._last = event[0]
        self._queue.append(_Write(event))
        self._soon(GATHER)

    def write(self, work: Work) -> "Deferred[None]":
        """Do something else to the file, after all that was asked for before.

        :return: when it is done for good; fails if it cannot be.
        """
        if self._closed or self._full():
            self._drops.drop("history_queue_full", "the store")
            return fail(sqlite3.OperationalError("too much waits to be written"))
        done: Deferred[None] = Deferred()
        self._queue.append(_Write(work=work, done=done))
        self._soon(GATHER)
        return done

    def now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something to the file here and now: at the start, when nobody waits."""
        with self._alone:
            return work(self._connection)

    def later(self, work: Work) -> None:
        """Do something else to the file, after all that was asked for before; nobody waits."""
        if self._closed or self._full():
            self._drops.drop("history_queue_full", "the store")
            return
        self._queue.append(_Write(work=work))
        self._soon(GATHER)

    def settled(self) -> "Deferred[None]":
        """Return when all is written that was asked for before, or cannot be written now."""
        idle = not self._queue and not self._writing
        if idle or self._failing or self._closed:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._queue.append(_Write(done=done))
        self._soon(0.0)
        return done

    def close(self) -> None:
        """Write what waits, here and now, and close the file."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with self._alone:
            waiting = [*self._batch, *self._queue]
            self._batch, self._queue = [], deque()
            try:
                self._transact(waiting)
            except sqlite3.Error:
                self.log.failure("the end of the chat's history could not be written")
            self._connection.close()
        _finish(waiting)

    def _full(self) -> bool:
        return len(self._queue) + len(self._batch) >= QUEUE

    def _soon(self, wait: float) -> None:
        if self._writing or self._failing:
            return
        if self._timer is not None:
            if self._timer.getTime() - self._reactor.seconds() <= wait:
                return
            self._timer.cancel()
        self._timer = self._reactor.callLater(wait, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._writing = True
        self._batch += self._queue
        self._queue.clear()
        batch = list(self._batch)
        pool = self._reactor.getThreadPool()
        writing = deferToThreadPool(self._reactor, pool, self._write_batch)
        writing.addCallbacks(
            self._written, self._not_written, callbackArgs=(batch,), errbackArgs=(batch,)
        )

    def _write_batch(self) -> None:
        with self._alone:
            if self._batch:  # else the server stopped, and has written it
                self._transact(self._batch)
                self._batch = []

    def _transact(self, batch: list[_Write]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            for each in batch:
                if each.event is not None:
                    rows.insert(connection, each.event)
                elif each.work is not None:
                    each.work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _written(self, _: object, batch: list[_Write]) -> None:
        self._writing = False
        if self._failing:
            self._failing = False
            self.log.info("the chat's history is written again")
        _finish(batch)
        if self._queue:
            waited_for = any(each.done is not None for each in self._queue)
            self._soon(0.0 if waited_for else GATHER)

    def _not_written(self, failure: Failure, batch: list[_Write]) -> None:
        self._writing = False
        if self._closed:
            return
        if failure.check(sqlite3.OperationalError) is None:
            self.log.failure("a part of the chat's history cannot be written", failure)
            self._drop(sum(each.event is not None for each in batch))
            self._batch = []
        else:
            if not self._failing:
                self.log.warn(
                    "the chat's history cannot be written: {why!r}; it waits",
                    why=failure.getErrorMessage(),
                )
            self._batch = [each for each in batch if each.done is None]
        self._failing = True
        self._timer = self._reactor.callLater(AGAIN, self._begin)
        _finish(batch, failure)

    def _drop(self, events: int) -> None:
        self.lost += events
        self._missing += events
        if events:
            self._drops.drop("history_not_written", "the store", events)


def _finish(batch: list[_Write], failure: Failure | None = None) -> None:
    """Tell who waits; to who only wanted to read, a failure is none."""
    for each in batch:
        if each.done is not None and not each.done.called:
            if failure is None or each.work is None:
                each.done.callback(None)
            else:
                each.done.errback(failure)
