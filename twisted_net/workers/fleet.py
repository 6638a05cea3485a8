"""The server that opens the doors, and leaves them to processes of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_net.doors import doors_of, notes
from twisted_net.net import sharing
from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import StartError
from twisted_net.net.health import Usage
from twisted_net.net.service import Door, INetService, Runtime
from twisted_net.net.starting import not_started
from twisted_net.net.text import counted
from twisted_net.net.usage import usage
from twisted_net.settings import BenchSettings
from twisted_net.stopping import CUT_WITHIN
from twisted_net.workers.codec import ALL, Orders, Report
from twisted_net.workers.core import Crew
from twisted_net.workers.process import WorkerProcess

#: Seconds that a worker is given to answer with its counters.
ANSWER_WITHIN = 2.0

#: Seconds beyond the grace period, or after a second signal, after which a worker that still runs
#: is killed.
KILL_AFTER = CUT_WITHIN + 2.0


class Fleet(Service):
    """Every door of every service, open here and served by several processes.

    :ivar opened: the doors.
    :ivar notes: what its user is to know beside them.
    :param chosen: what `settings` were made of, for the processes to make them again.
    :param announce: called once all processes serve.
    :param quiet: a failing start is shown by whoever runs the service, not logged.
    """

    log = Logger()

    def __init__(
        self,
        found: Sequence[INetService],
        settings: Mapping[type[Any], Any],
        chosen: Mapping[str, str],
        runtime: Runtime,
        announce: Callable[["Fleet"], None],
        quiet: bool = False,
    ) -> None:
        self.opened: list[sharing.HeldDoor] = []
        self.notes: list[str] = []
        self._found = found
        self._settings = settings
        self._chosen = chosen
        self._runtime = replace(runtime, here=frozenset())  # the workers open them
        self._reactor = runtime.reactor
        self._bench: BenchSettings = settings[BenchSettings]
        self._announce = announce
        self._quiet = quiet
        self._crew = Crew.of(self._bench.workers)
        self._running: dict[int, WorkerProcess] = {}
        self._past: dict[str, DoorCounters] = {}
        self._past_usage = Usage()
        self._names: list[str] = []
        self._bound = False
        self._all_gone: Deferred[None] | None = None
        self._killing: IDelayedCall | None = None

    def privilegedStartService(self) -> None:
        """Open all doors, or none.

        :raises StartError: one did not open.
        """
        self._bound = True
        try:
            self.notes = notes(self._bench, self._reactor.seconds())
            for door in self._doors():
                held = sharing.hold(self._reactor, door, self._bench.interface, self._share(door))
                self.opened.append(held)
        except StartError as error:
            self._close()
            not_started(error, self._quiet)
            raise
        self._names = [each.door.name for each in self.opened]
        super().privilegedStartService()  # type: ignore[no-untyped-call]

    def startService(self) -> None:
        """Start the processes; the doors are announced when all of them serve.

        :raises StartError: one cannot be started.
        """
        if not self._bound:
            self.privilegedStartService()
        super().startService()  # type: ignore[no-untyped-call]
        try:
            for index in range(len(self._crew.places)):
                self._start(index)
        except OSError as error:
            why = StartError(f"--workers {self._bench.workers}: {_cannot_start(error)}")
            self._crew.stopping = True
            self._close()
            for each in self._running.values():
                each.kill()
            not_started(why, self._quiet)
            raise why from error

    def stopService(self) -> Deferred[None]:
        """Let every process finish what it has begun; kill those that do not end."""
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._stop())

    def force(self) -> None:
        """Wait no longer: every process cuts what it still waits for."""
        for each in self._running.values():
            each.order(b"force\n")
        if self._killing is not None and self._killing.active():
            self._killing.reset(KILL_AFTER)  # of one that does not even hear

    def report(self) -> None:
        """Ask every process for its counters, and log one line for each door."""
        Deferred.fromCoroutine(self._asked()).addErrback(
            lambda failure: self.log.failure("no report was made", failure=failure)
        )

    def _doors(self) -> list[Door]:
        doors = [
            door for each in self._found for door in doors_of(each, self._settings, self._runtime)
        ]
        return [door for door in doors if door.endpoint]

    def _share(self, door: Door) -> int:
        return len(self._crew.places) if door.spreads else 1

    def _start(self, index: int) -> None:
        if self._crew.stopping:
            return
        doors = {
            each.door.name: each.descriptors[min(index, len(each.descriptors) - 1)]
            for each in self.opened
            if each.door.spreads or index == 0
        }
        self._crew.started(index, self._reactor.seconds())
        self._running[index] = WorkerProcess.start(
            self._reactor,
            Orders(index, self._chosen, doors),
            ready=lambda: self._ready(index),
            ended=lambda why: self._ended(index, why),
            gather=lambda: self._gather(index),
        )

    def _replace(self, index: int) -> None:
        try:
            self._start(index)
        except OSError as error:  # no process, memory or descriptor to be had, for the moment
            self.log.warn("worker {index}: {why}", index=index, why=_cannot_start(error))
            self._start_again(index)

    def _ready(self, index: int) -> None:
        if self._crew.ready(index):
            self._announce(self)

    def _ended(self, index: int, why: str) -> None:
        gone = self._running.pop(index)
        self._past_usage.add(gone.reported.usage.ended())
        for name, counters in gone.reported.doors.items():
            self._past.setdefault(name, DoorCounters()).add(counters)
            self._past[name].open = self._past[name].queued = 0
        if self._start_again(index):
            self.log.warn(
                "worker {index} (process {pid}) {why}; another takes its place",
                index=index,
                pid=gone.pid,
                why=why,
            )
        if self._all_gone is not None and not self._running:
            self._all_gone.callback(None)

    def _start_again(self, index: int) -> bool:
        """See to it that a place is not left empty; say whether somebody will take it."""
        pause = self._crew.ended(index, self._reactor.seconds())
        if pause is not None:
            self._reactor.callLater(pause, self._replace, index)
        return pause is not None

    def _close(self) -> list[Deferred[Any]]:
        closed, self.opened = self.opened, []
        return [maybeDeferred(each.port.stopListening) for each in closed]

    async def _stop(self) -> None:
        self._crew.stopping = True
        self._all_gone = gone = Deferred[None]()
        if not self._running:
            gone.callback(None)
        await DeferredList(self._close(), consumeErrors=True)
        for each in self._running.values():
            each.order(b"stop\n")
        killing = self._reactor.callLater(self._bench.grace + KILL_AFTER, self._kill)
        self._killing = killing
        await gone
        if killing.active():
            killing.cancel()
        self._log_counters()
        self._bound = False

    def _kill(self) -> None:
        self.log.warn("{count} killed", count=counted(len(self._running), "worker"))
        for each in self._running.values():
            each.kill()

    async def _asked(self) -> None:
        await self._ask()
        self._log_counters()

    async def _ask(self) -> None:
        asked = [each.ask(self._reactor, ANSWER_WITHIN) for each in self._running.values()]
        await DeferredList(asked, consumeErrors=True)

    def _gather(self, index: int) -> None:
        """Tell a worker what all of them did and use."""
        Deferred.fromCoroutine(self._tell(index)).addErrback(
            lambda failure: self.log.failure("no worker was told of the others", failure=failure)
        )

    async def _tell(self, index: int) -> None:
        await self._ask()
        if index in self._running:
            self._running[index].order(ALL + self._total().line())

    def _total(self) -> Report:
        used = usage()
        used.add(self._past_usage)
        names = dict.fromkeys(self._names)
        for reported in [Report(self._past), *(each.reported for each in self._running.values())]:
            used.add(reported.usage)
            names |= {name: None for name, each in reported.doors.items() if each.anything}
        return Report({name: self.counters(name) for name in names}, used)

    def _log_counters(self) -> None:
        if self._crew.restarts:
            self.log.info("workers: {count} replaced", count=self._crew.restarts)
        for name in self._names:
            self.log.info("{door}: {counters!s}", door=name, counters=self.counters(name))

    def counters(self, door: str) -> DoorCounters:
        """Return what all processes, those that have ended too, did at a door.

        As of their last reports: each makes one a second, one when asked and one at its end.
        """
        total = DoorCounters()
        reports = [each.reported for each in self._running.values()]
        for reported in [Report(self._past), *reports]:
            if door in reported.doors:
                total.add(reported.doors[door])
        return total


def _cannot_start(error: OSError) -> str:
    why = (error.strerror or str(error)).lower()
    return f"cannot start a process: {why}" + (f": {error.filename!r}" if error.filename else "")
