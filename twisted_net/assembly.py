"""Doors in, one Twisted service out: opens all or none, guards each, drains them on stop.

What cuts across all services lives here and is applied once: no service knows of the limits, the
counters, the table that is shown at the start, or how a stop goes; a third party's door gets all
of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from twisted_net.doors import doors_of, notes
from twisted_net.net import descriptors, listening
from twisted_net.net.adopting import Adopting
from twisted_net.net.beneath import Wrap
from twisted_net.net.datagram_guards import GuardedDatagrams
from twisted_net.net.errors import StartError
from twisted_net.net.fast.opening import fast
from twisted_net.net.guards import GuardedFactory
from twisted_net.net.health import Measured, Phase
from twisted_net.net.limits import Census, LimitSettings, SourceRates
from twisted_net.net.proxied.doors import ProxiedFactory
from twisted_net.net.service import Door, INetService, Runtime
from twisted_net.net.starting import not_started
from twisted_net.net.transports import unsent
from twisted_net.net.usage import usage
from twisted_net.settings import BenchSettings
from twisted_net.stopping import Stopping


def assemble(
    found: Sequence[INetService],
    settings: Mapping[type[Any], Any],
    runtime: Runtime,
    announce: Callable[["Assembly"], None],
    quiet: bool = False,
    adopted: Mapping[str, int] | None = None,
) -> "Assembly":
    """Make the doors of all services, closed, in one Twisted service.

    :param settings: what `settings.load` returned for `groups`.
    :param announce: called once all doors are open.
    :param quiet: a failing start is shown by whoever runs the service, not logged.
    :param adopted: name of a door -> the socket that is open for it already; no other door is
        opened. None: this process opens all of them.
    """
    if adopted is not None:
        runtime = replace(runtime, here=frozenset(adopted))
    return Assembly(
        lambda: [door for each in found for door in doors_of(each, settings, runtime)],
        runtime,
        settings[BenchSettings],
        settings[LimitSettings],
        announce,
        quiet,
        adopted,
    )


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """A door that listens.

    :ivar guard: what the assembly put round it.
    """

    door: Door
    port: IListeningPort
    guard: GuardedFactory | GuardedDatagrams


class Assembly(Service):
    """Every door of every service, as one Twisted service.

    Doors are bound in `privilegedStartService`, before twistd gives its privileges up: all of
    them, or none and a `StartError`.

    :ivar opened: the doors that listen.
    :ivar notes: what its user is to know beside them.
    :param doors: makes the doors; called when they are about to be opened.
    """

    log = Logger()

    def __init__(
        self,
        doors: Callable[[], list[Door]],
        runtime: Runtime,
        bench: BenchSettings,
        limits: LimitSettings,
        announce: Callable[["Assembly"], None],
        quiet: bool = False,
        adopted: Mapping[str, int] | None = None,
    ) -> None:
        self.opened: list[OpenDoor] = []
        self.notes: list[str] = []
        self._adopted = adopted
        self._doors = doors
        self._runtime = runtime
        self._bench = bench
        self._limits = limits
        self._announce = announce
        self._quiet = quiet
        self._bound = False
        self._stopping = Stopping(runtime.reactor, bench.grace)
        self._datagram_ports: dict[int, None] = {}
        runtime.health.look = self._look
        runtime.health.measure = runtime.health.measure or self._measure

    def privilegedStartService(self) -> None:
        """Open all doors, or none.

        :raises StartError: one did not open.
        """
        self._bound = True
        try:
            self._open()
        except StartError as error:
            self._close()
            not_started(error, self._quiet)
            raise
        super().privilegedStartService()  # type: ignore[no-untyped-call]

    def startService(self) -> None:
        """Open the doors where nobody asked for privileges (``twist``), and announce them."""
        if not self._bound:
            self.privilegedStartService()
        super().startService()  # type: ignore[no-untyped-call]
        self._runtime.health.phase = Phase.READY
        self._set_spin()
        for each in self._foundations():
            each.startService()
        self._announce(self)

    def stopService(self) -> Deferred[None]:
        """Refuse what is new, let finish what runs, cut what lasts longer than the grace period."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._runtime.health.phase = Phase.DRAINING
        return Deferred.fromCoroutine(self._stop())

    def force(self) -> None:
        """Wait no longer: a stop that is under way cuts what is left now."""
        self._stopping.force()

    def report(self) -> None:
        """Log one line of counters for each door that is open."""
        for each in self.opened:
            self.log.info("{door}: {counters!s}", door=each.door.name, counters=each.guard.counters)

    def _look(self) -> None:
        """Count what only a look at every connection tells."""
        for each in self.opened:
            if isinstance(each.guard, GuardedFactory):
                waiting = (unsent(every.transport) for every in each.guard.connections)
                each.guard.counters.queued = sum(waiting)

    async def _measure(self) -> Measured:
        self._look()
        opened = [each.door.name for each in self.opened]
        doors = {
            name: counters
            for name, counters in self._runtime.counters
            if counters.anything or name in opened
        }
        return Measured(doors, usage())

    def _open(self) -> None:
        census = Census(self._allowed_connections(), self._limits.max_conns_per_peer)
        bench = self._bench
        stock = bench.transports == "stock"
        if self._adopted is None:
            self.notes = notes(bench, self._runtime.reactor.seconds())
        for door in self._doors():
            reactor = self._reactor_for(door)
            if reactor is not None:
                guard = self._guard(door, census)
                port = listening.listen(
                    reactor,
                    door,
                    guard,
                    bench.interface,
                    stock=stock,
                    beneath=self._beneath(guard),
                )
                self.opened.append(OpenDoor(door, port, guard))
                if isinstance(guard, GuardedDatagrams):
                    self._datagram_ports[getattr(port.getHost(), "port", 0)] = None

    def _foundations(self) -> list[IService]:
        """Return what the open doors stand on, each once."""
        return list(dict.fromkeys(one for each in self.opened for one in each.door.stands_on))

    def _set_spin(self) -> None:
        reactor = self._runtime.reactor
        if hasattr(reactor, "spin"):
            reactor.spin = self._bench.spin
        elif self._bench.spin:
            self.log.warn("--spin has no effect on {kind}", kind=type(reactor).__name__)

    def _reactor_for(self, door: Door) -> Any:
        """Return what opens a door; None: it stays closed here."""
        reactor = self._runtime.reactor
        if not door.endpoint:
            return None
        if self._adopted is None:
            return reactor
        if door.name not in self._adopted:
            return None
        beneath = reactor if self._bench.transports == "stock" else fast(reactor)
        return Adopting(beneath, self._adopted[door.name])

    def _beneath(self, guard: GuardedFactory | GuardedDatagrams) -> Wrap | None:
        """Return what stands between a door's socket and all else."""
        believed, reactor = self._bench.proxy_from, self._runtime.reactor
        if not believed:
            return None
        return lambda factory: ProxiedFactory(factory, believed, reactor, guard.drops)

    def _guard(self, door: Door, census: Census) -> GuardedFactory | GuardedDatagrams:
        counters = self._runtime.counters.door(door.name)
        reactor = self._runtime.reactor
        if isinstance(door.serve, DatagramProtocol):
            rates = SourceRates(self._limits.udp_rate)
            return GuardedDatagrams(
                door, door.serve, reactor, counters, rates, self._datagram_ports
            )
        return GuardedFactory(
            door,
            door.serve,
            reactor,
            counters,
            census,
            self._bench.keepalive,
            self._limits.max_send_queue,
            self._limits.first_message or None,
        )

    def _allowed_connections(self) -> int:
        """Return how many connections fit the descriptors that the process may have."""
        wanted = self._limits.max_conns
        found = descriptors.make_room(wanted)
        if found.connections < wanted:
            why = descriptors.capped(found)
            self.log.warn("--max-conns {wanted}: {why}", wanted=wanted, why=why)
        return found.connections

    def _close(self) -> list[Deferred[Any]]:
        closed, self.opened = self.opened, []
        self._datagram_ports.clear()
        return [Deferred.fromCoroutine(_closed(each.port)) for each in closed]

    async def _stop(self) -> None:
        for each in self.opened:
            if isinstance(each.guard, GuardedFactory):
                await _closed(each.port)
        await self._stopping.drain([each.guard for each in self.opened])
        self.report()
        beneath = self._foundations()
        await DeferredList(self._close(), consumeErrors=True)
        await self._stopping.end(beneath)
        self._bound = False


async def _closed(port: IListeningPort) -> None:
    closing = port.stopListening()
    if closing is not None:
        await closing
