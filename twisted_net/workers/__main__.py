"""A worker: serves doors that its server has opened.

Started by `fleet`, and of no use alone: its standard input brings one line of orders, and then
``report``, ``stop`` or ``force``, one a line; its end means that the server is gone. It writes
reports to descriptor 3 and its log to standard error. The argument names the reactor's module.
"""

import importlib
import os
import signal
import sys
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger, globalLogBeginner

from twisted_net import assembly, registry
from twisted_net.net import signals, steady
from twisted_net.net.clients import within
from twisted_net.net.console import StandardInput
from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import NetError
from twisted_net.net.fast import installing
from twisted_net.net.framing import LineReader
from twisted_net.net.health import Health, Measured
from twisted_net.net.log import LineObserver, json_line
from twisted_net.net.service import Runtime
from twisted_net.net.settings import load
from twisted_net.net.usage import usage
from twisted_net.settings import groups
from twisted_net.workers.codec import ALL, GATHER, LONGEST, Orders, Report
from twisted_net.workers.process import REPORTS

#: Seconds to wait for what all workers did: longer than the server waits for one of them.
GATHER_WITHIN = 5.0

#: Seconds between two reports that nobody asked for: what is lost with a worker that is killed.
REPORT_EVERY = 1.0


#: What a terminal or a service manager sends to all processes at once; the server tells us itself.
NOT_FOR_US = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Worker:
    """The doors of one process, and its talk with the server.

    :ivar exit_code: what the process exits with.
    """

    log = Logger()

    def __init__(self, reactor: Any) -> None:
        self.exit_code = 0
        self._reactor = reactor
        self._runtime = Runtime(reactor, health=Health(measure=self._gather))
        self._lines = LineReader(LONGEST)
        self._input = StandardInput(reactor, self._received, self._stop)
        self._made: assembly.Assembly | None = None
        self._said: Mapping[str, DoorCounters] = {}
        self._gathering: list[Deferred[Measured]] = []
        self._unsent = b""

    def _received(self, data: bytes) -> None:
        try:
            for line in self._lines.feed(data):
                self._obey(line)
        except NetError as error:
            self.log.error("{why}", why=str(error))
            self._fail()
        except Exception:
            self.log.failure("cannot serve")
            self._fail()

    def _obey(self, line: bytes) -> None:
        if self._made is None:
            self._begin(Orders.read(line))
        elif line == b"report":
            self._report()
        elif line.startswith(ALL):
            self._gathered(Report.read(line.removeprefix(ALL)))
        elif line == b"stop":
            self._stop()
        elif line == b"force":
            self._made.force()

    def _begin(self, orders: Orders) -> None:
        found = registry.services()
        settings = load(groups(found), orders.chosen, {})
        self._made = made = assembly.assemble(
            found,
            settings,
            self._runtime,
            lambda _: self._report(),
            quiet=True,
            adopted=orders.doors,
        )
        self._reactor.addSystemEventTrigger("before", "shutdown", made.stopService)
        self._reactor.addSystemEventTrigger("during", "shutdown", self._report)
        made.startService()
        self._reactor.callLater(REPORT_EVERY, self._report_changes)

    def obey_signals(self) -> None:
        """Stop on SIGTERM as when told to: a service manager sends it to all of us at once."""
        signal.signal(signal.SIGTERM, lambda *_: self._reactor.callFromThread(self._stop))

    def _report(self) -> None:
        self._runtime.health.look()
        report = Report(dict(self._runtime.counters), usage())
        self._said = deepcopy(report.doors)
        self._send(report.line())

    def _report_changes(self) -> None:
        if dict(self._runtime.counters) != self._said:
            self._report()
        self._reactor.callLater(REPORT_EVERY, self._report_changes)

    async def _gather(self) -> Measured:
        """Ask the server what all of us did."""
        waiting = Deferred[Measured]()
        if not self._gathering:
            self._send(GATHER + b"\n")
        self._gathering.append(waiting)
        try:
            return await within(
                self._reactor, GATHER_WITHIN, waiting, "the other processes do not answer"
            )
        finally:
            if waiting in self._gathering:
                self._gathering.remove(waiting)

    def _gathered(self, report: Report) -> None:
        waiting, self._gathering = self._gathering, []
        for each in waiting:
            each.callback(Measured(report.doors, report.usage))

    def _send(self, line: bytes) -> None:
        # A server that is stopped does not read, and must not stop us: what does not fit waits
        # for the next report, and that one is left out.
        if not self._unsent:
            self._unsent = line
        try:
            self._unsent = self._unsent[os.write(REPORTS, self._unsent) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._stop()

    def _fail(self) -> None:
        self.exit_code = 1
        self._stop()

    def _stop(self) -> None:
        signals.stop(self._reactor)


def main() -> int:
    """Serve until told to stop; return what to exit with."""
    for number in NOT_FOR_US:
        signal.signal(number, signal.SIG_IGN)
    os.set_blocking(REPORTS, False)
    # Every module of a reactor of Twisted's has an installer; that of our own stands apart.
    getattr(importlib.import_module(sys.argv[1]), "install", installing.install)()
    from twisted.internet import reactor as installed

    reactor: Any = installed
    steady.keep(reactor)
    worker = Worker(reactor)
    globalLogBeginner.beginLoggingTo(
        [LineObserver(sys.stderr, json_line)], redirectStandardIO=False
    )
    reactor.callWhenRunning(worker.obey_signals)
    reactor.run()
    return worker.exit_code


if __name__ == "__main__":
    sys.exit(main())
