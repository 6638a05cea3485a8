"""A few connections that read, each in a thread: whoever comes when all are busy waits."""

import sqlite3
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_net.chat.codec.messages import Code, Refusal
from twisted_net.chat.store import file, rows

T = TypeVar("T")

#: Connections, and with them reads at one time.
READERS = 2

#: Reads that may wait for one of them.
WAITING = 1000

#: Seconds that a read may take: it waits for a thread that others need too.
WITHIN = 2.0


class Readers:
    """Read a file.

    :raises sqlite3.Error: it cannot be opened.
    """

    log = Logger()

    def __init__(self, reactor: Any, path: Path) -> None:
        self._reactor = reactor
        self._free = [file.reading(path) for _ in range(READERS)]
        self._busy: list[sqlite3.Connection] = []
        self._waiting: deque[Deferred[sqlite3.Connection]] = deque()
        self._closed = False

    def read(self, work: Callable[[sqlite3.Connection], T]) -> "Deferred[T]":
        """Do something in a thread, with a connection that nobody else uses meanwhile.

        :return: fails with a `Refusal`: too many wait, it took too long, or the file is damaged.
        """
        return Deferred.fromCoroutine(self._read(work))

    def close(self) -> None:
        """Close the connections, as far as nobody reads any more."""
        self._closed = True
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            each.errback(_refused("the server stops"))
        for connection in self._free:
            connection.close()
        self._free = []
        for connection in self._busy:
            connection.interrupt()

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = await self._one()
        pool = self._reactor.getThreadPool()
        try:
            found: T = await deferToThreadPool(self._reactor, pool, _timed, connection, work)
        except sqlite3.Error as error:
            if "interrupted" in str(error):
                raise _refused("that took too long; ask for less") from None
            self.log.failure("the chat's history cannot be read", Failure())
            raise _refused("history cannot be read") from None
        finally:
            self._back(connection)
        return found

    def _one(self) -> "Deferred[sqlite3.Connection]":
        if self._closed:
            return fail(_refused("the server stops"))
        if self._free:
            connection = self._free.pop()
            self._busy.append(connection)
            return succeed(connection)
        if len(self._waiting) >= WAITING:
            return fail(_refused("too many want to read the history"))
        waiting: Deferred[sqlite3.Connection] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def _back(self, connection: sqlite3.Connection) -> None:
        if self._waiting:
            self._waiting.popleft().callback(connection)
            return
        self._busy.remove(connection)
        if self._closed:
            connection.close()
        else:
            self._free.append(connection)


def _timed(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    until = time.monotonic() + WITHIN
    connection.set_progress_handler(lambda: time.monotonic() > until, rows.STEPS)
    return work(connection)


def _refused(why: str) -> Refusal:
    return Refusal(Code.UNAVAILABLE, why)
