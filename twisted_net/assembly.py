"""Doors in, one Twisted service out: opens all or none, guards each, drains them on stop.

What cuts across all services lives here and is applied once: no service knows of the limits, the
counters, the table that is shown at the start, or how a stop goes; a third party's door gets all
of it.
"""

import os
import re
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from twisted_net.net import endpoints, listening
from twisted_net.net.adopting import Adopting
from twisted_net.net.beneath import Wrap
from twisted_net.net.datagram_guards import GuardedDatagrams
from twisted_net.net.errors import StartError
from twisted_net.net.fast.opening import fast
from twisted_net.net.guards import GuardedFactory
from twisted_net.net.health import Measured, Phase
from twisted_net.net.limits import Census, LimitSettings, Room, SourceRates, room
from twisted_net.net.proxied.doors import NOBODY, READING, Believed, ProxiedFactory
from twisted_net.net.service import Door, INetService, Runtime
from twisted_net.net.settings import YES_NO, Group, Reading, one_of, seconds, setting, whole
from twisted_net.net.text import counted
from twisted_net.net.tls.demo import PRIVATE, demo
from twisted_net.net.transports import KeepAlive, unsent
from twisted_net.net.usage import usage
from twisted_net.registry import BUILT_IN, group

#: Seconds after which whoever stops the server is told what it still waits for.
SILENCE = 0.5

#: Seconds that aborted connections get to report their end before the process goes.
CUT_WITHIN = 1.0


def _keepalive(text: str) -> KeepAlive | None:
    if text == "off":
        return None
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() for part in parts):
        raise ValueError("need IDLE:INTERVAL:COUNT, as 60:10:3, or off")
    if not all(1 <= int(part) <= 32767 for part in parts):
        raise ValueError("need three numbers 1-32767, or off")
    return KeepAlive(*(int(part) for part in parts))


_SPIN = re.compile(r"([0-9]{1,6}(?:[.][0-9]{1,6})?)(us|ms|s)", re.ASCII)
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def _spin(text: str) -> float:
    match = _SPIN.fullmatch(text)
    value = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not (text == "0" or (match and value <= 1)):
        raise ValueError("need a time up to 1s, as 50us or 1ms, or 0")
    return value


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """How to run the whole, whatever its services are."""

    interface: str = setting(
        "127.0.0.1",
        "Every door that names no address of its own listens on this one.",
        Reading("ADDRESS", endpoints.address),
    )
    grace: float = setting(5.0, "How long a stop waits for what is in flight.", seconds(0, 86400))
    transports: str = setting(
        "fast",
        "What doors run on: our fast transports, where they can be, or Twisted's own.",
        one_of("fast", "stock"),
    )
    spin: float = setting(
        0.0,
        "Look for events so long before sleeping: faster, and a core is always busy.",
        Reading("TIME", _spin),
    )
    workers: int = setting(1, "Processes that serve; each has the limits to itself.", whole(1, 64))
    proxy_from: Believed = setting(
        NOBODY,
        "Proxies that say with a PROXY header for whom they connect; all limits count that peer.",
        READING,
    )
    tls_demo: bool = setting(
        False, "Speak TLS at every TCP door, with a certificate that nobody has signed.", YES_NO
    )
    data: str = setting(
        "",
        "The folder for what the server keeps; empty: that of systemd's, or one of the user's.",
        Reading("FOLDER", os.path.expanduser),
    )
    keepalive: KeepAlive | None = setting(
        KeepAlive(60, 10, 3),
        "Ask silent TCP peers if they live, after IDLE s, every INTERVAL s, COUNT times; or off.",
        Reading("IDLE:INTERVAL:COUNT", _keepalive),
    )


def groups(found: Sequence[INetService]) -> list[Group]:
    """Return all settings there are: the bench's own, then each service's."""
    own = [Group("", BenchSettings), Group("limits", LimitSettings)]
    return own + [group(service) for service in found]


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


def doors_of(
    service: INetService, settings: Mapping[type[Any], Any], runtime: Runtime
) -> list[Door]:
    """Return the doors of one service, closed, as the bench would open them.

    A third party's service that breaks is one line in the log, and has no doors.

    :raises StartError: what the service stands on is not there.
    """
    bench: BenchSettings | None = settings.get(BenchSettings)
    try:
        doors = service.doors(settings[service.settings], runtime)
        if bench is not None and bench.tls_demo:
            private = str(data_folder(bench) / PRIVATE)
            doors = [replace(each, endpoint=with_tls(each, private)) for each in doors]
        return doors
    except StartError:
        raise
    except Exception as error:
        if service in BUILT_IN:
            raise
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"
        Assembly.log.error("service ignored: {name!r}: {why}", name=service.name, why=why)
        return []


def data_folder(bench: BenchSettings) -> Path:
    """Return the folder for what the server keeps; it need not be there yet."""
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if bench.data or given:
        return Path(bench.data or given)
    return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "netdemo"


def with_tls(door: Door, private: str) -> str:
    """Return a door's endpoint with TLS, if it is one over TCP without.

    :param private: the file with key and certificate.
    """
    if door.kind == "datagram" or not door.endpoint.startswith(("tcp:", "tcp6:")):
        return door.endpoint
    return endpoints.encrypted(door.endpoint, private)


def notes(bench: BenchSettings, now: float) -> list[str]:
    """See to what the bench needs before its doors are opened; return what its user is to know.

    :raises StartError: it cannot be had.
    """
    if not bench.tls_demo:
        return []
    made = demo(data_folder(bench), bench.interface, now)
    return [
        f"TLS with a certificate that nobody has signed: {made.public}",
        f"SHA-256 {made.fingerprint}",
    ]


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """A door that listens.

    :ivar guard: what the assembly put round it.
    """

    door: Door
    port: IListeningPort
    guard: GuardedFactory | GuardedDatagrams


def room_for(wanted: int) -> Room:
    """Return how many of so many connections fit the descriptors that this process may have."""
    soft, hard = (
        None if each == resource.RLIM_INFINITY else each
        for each in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    return room(wanted, soft, hard)


def capped(found: Room) -> str:
    """Say that there is room for less than was wanted."""
    return f"capped to {found.connections} (RLIMIT_NOFILE {found.descriptors})"


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
        self._forced = False
        self._waiting: Deferred[None] | None = None
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
        self._forced = True
        self._go_on()

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
        found = room_for(wanted)
        if found.descriptors is not None:
            _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (found.descriptors, hard))
        if found.connections < wanted:
            self.log.warn("--max-conns {wanted}: {why}", wanted=wanted, why=capped(found))
        return found.connections

    def _close(self) -> list[Deferred[Any]]:
        closed, self.opened = self.opened, []
        self._datagram_ports.clear()
        return [Deferred.fromCoroutine(_closed(each.port)) for each in closed]

    async def _stop(self) -> None:
        streams = [each for each in self.opened if isinstance(each.guard, GuardedFactory)]
        for each in streams:
            await _closed(each.port)
        drained = DeferredList([each.guard.drain() for each in self.opened], consumeErrors=True)
        patience = self._runtime.reactor.callLater(SILENCE, self._say_what_is_waited_for)
        await self._within(self._bench.grace, drained)
        if patience.active():
            patience.cancel()
        cut = sum(each.guard.cut() for each in streams if isinstance(each.guard, GuardedFactory))
        if cut:
            self.log.warn("{cut} cut", cut=counted(cut, "connection"))
            self._forced = False  # a third signal will not wait for the ends of what was cut
            await self._within(CUT_WITHIN, drained)
        self.report()
        beneath = self._foundations()
        await DeferredList(self._close(), consumeErrors=True)
        ended = DeferredList([_ended(each) for each in beneath], consumeErrors=True)
        await self._within(self._bench.grace, ended)
        self._bound = False

    def _say_what_is_waited_for(self) -> None:
        guards = [each.guard for each in self.opened if isinstance(each.guard, GuardedFactory)]
        connections = sum(len(guard.connections) for guard in guards)
        self.log.info(
            "waiting up to {grace:g} s for {what}; a second signal does not wait",
            grace=self._bench.grace,
            what=counted(connections, "connection") if connections else "running transfers",
        )

    async def _within(self, wait: float, drained: Deferred[Any]) -> None:
        """Return when all is drained, after ``wait`` seconds, or when forced."""
        if self._forced:
            return
        self._waiting = waiting = Deferred[None]()
        timer = self._runtime.reactor.callLater(wait, self._go_on)
        drained.addCallback(lambda _: self._go_on())
        await waiting
        if timer.active():
            timer.cancel()

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


def _ended(service: IService) -> Deferred[Any]:
    return maybeDeferred(service.stopService).addErrback(
        lambda failure: Assembly.log.failure("{name!r} did not stop", failure, name=service)
    )


async def _closed(port: IListeningPort) -> None:
    closing = port.stopListening()
    if closing is not None:
        await closing


def not_started(error: StartError, quiet: bool) -> None:
    """See to it that the error of a failing start is shown in one line.

    :param quiet: whoever runs the service shows it; it is not logged.
    """
    if not quiet:
        Assembly.log.error("netdemo: {why}", why=str(error))
    # twistd lets an exception through, and with it a traceback, which is no help against a port
    # in use. SystemExit would be shown in one line too, but would leave the pid file behind and,
    # daemonised, the parent waiting for ever.
    sys.excepthook = _in_one_line


def _in_one_line(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    if issubclass(kind, StartError) and sys.__stderr__ is not None:
        sys.__stderr__.write(f"netdemo: {error}\n")
    else:
        sys.__excepthook__(kind, error, trace)
