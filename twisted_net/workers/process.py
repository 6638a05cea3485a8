"""One worker as its server sees it: a process, its orders, its reports and its last words."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.framing import LineReader
from twisted_net.workers.codec import GATHER, LONGEST, Orders, Report, Words

#: The descriptor that a worker writes its reports to.
REPORTS = 3

#: The first descriptor of a door's socket in a worker.
FIRST_SOCKET = 4

#: Longest line of a worker's log that is taken whole, in bytes.
LONGEST_WORDS = 1 << 16

_LEVELS = {level.name: level for level in LogLevel.iterconstants()}


class WorkerProcess(ProcessProtocol):
    """A process that serves the doors.

    :ivar reported: its last report.
    :ivar pid: its process id.
    """

    log = Logger()
    transport: Any
    pid = 0

    def __init__(
        self,
        index: int,
        ready: Callable[[], None],
        ended: Callable[[str], None],
        gather: Callable[[], None],
    ) -> None:
        self.reported = Report()
        self._index = index
        self._gather = gather
        self._ready: Callable[[], None] | None = ready
        self._ended = ended
        self._reports = LineReader(LONGEST)
        self._words = LineReader(LONGEST_WORDS)
        self._asked: list[Deferred[None]] = []

    @classmethod
    def start(
        cls,
        reactor: Any,
        orders: Orders,
        ready: Callable[[], None],
        ended: Callable[[str], None],
        gather: Callable[[], None],
    ) -> "WorkerProcess":
        """Start a process.

        :param orders: its doors by descriptors of this process.
        :param ready: called once it serves.
        :param ended: called once it has ended, with how it did: ``was killed by SIGKILL``.
        :param gather: called when it wants to be told what all workers did.
        """
        made = cls(orders.index, ready, ended, gather)
        sockets = dict(enumerate(orders.doors.values(), FIRST_SOCKET))
        doors = dict(zip(orders.doors, sockets, strict=True))
        process = reactor.spawnProcess(
            made,
            sys.executable,
            [sys.executable, "-P", "-m", "twisted_net.workers", type(reactor).__module__],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            childFDs={0: "w", 1: "r", 2: "r", REPORTS: "r", **sockets},
        )
        made.pid = process.pid
        process.write(Orders(orders.index, orders.chosen, doors).line())
        return made

    def order(self, line: bytes) -> None:
        """Tell it something."""
        self.transport.write(line)

    def ask(self, reactor: Any, patience: float) -> Deferred[None]:
        """Ask for a report; fire when it has come, or fail after ``patience`` seconds."""
        if self._ready is not None:
            return succeed(None)
        asked = Deferred[None]()
        self._asked.append(asked)
        self.order(b"report\n")
        return asked.addTimeout(patience, reactor)

    def kill(self) -> None:
        """End it at once."""
        try:
            self.transport.signalProcess("KILL")
        except ProcessExitedAlready:
            return

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Take a report; log everything else."""
        try:
            if childFD == REPORTS:
                for line in self._reports.feed(data):
                    if line == GATHER:
                        self._gather()
                    else:
                        self._take(Report.read(line))
            else:
                for line in self._words.feed(data):
                    self._say(line)
        except RemoteProtocolError as error:
            self.log.warn("worker {index}: {why}", index=self._index, why=str(error))

    def processEnded(self, reason: Failure) -> None:
        """Say how it ended."""
        self._say(self._words.rest())
        for asked in self._asked:
            asked.callback(None)
        self._asked.clear()
        number = getattr(reason.value, "signal", None)
        code = getattr(reason.value, "exitCode", None)
        self._ended(f"was ended by {_named(number)}" if number else f"exited with {code}")

    def _take(self, report: Report) -> None:
        self.reported = report
        if self._ready is not None:
            ready, self._ready = self._ready, None
            ready()
        asked, self._asked = self._asked, []
        for each in asked:
            each.callback(None)

    def _say(self, line: bytes) -> None:
        """Log what a worker logged, as what it was; how much that may be it has seen to itself."""
        if not line:
            return
        words = Words.read(line)
        level = _LEVELS.get(words.level, LogLevel.info)
        log = self.log if words.logger == "-" else Logger(words.logger)
        for each in words.lines:
            log.emit(
                level, "worker {index}: {words}", index=self._index, words=each, log_counted=True
            )


def _named(number: int) -> str:
    return signal.Signals(number).name
