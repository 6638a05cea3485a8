"""Tests of `twisted_net.assembly`, on a reactor in memory."""

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from twisted_net.assembly import Assembly, assemble
from twisted_net.doors import doors_of, notes
from twisted_net.net.errors import StartError
from twisted_net.net.limits import LimitSettings
from twisted_net.net.service import Door, Runtime
from twisted_net.net.transports import KeepAlive, Stream
from twisted_net.settings import BenchSettings, data_folder
from twisted_net.workers.fleet import Fleet


class Port:
    """A listening port that notes whether it still listens."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.listening = True

    def getHost(self) -> Any:
        """Return where it listens."""
        return type("Address", (), {"host": "127.0.0.1", "port": self.number})

    def stopListening(self) -> None:
        """Stop."""
        self.listening = False


class Reactor(MemoryReactorClock):
    """A reactor whose ports can be taken."""

    def __init__(self, *taken: int) -> None:
        super().__init__()
        self.taken = taken
        self.ports: list[Port] = []
        self.factories: list[Any] = []

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Listen, unless the port is taken."""
        return self._listen(port, factory, interface)

    def listenUDP(self, port: int, protocol: Any, interface: str = "", longest: int = 8192) -> Any:
        """Listen, unless the port is taken."""
        return self._listen(port, protocol, interface)

    def _listen(self, port: int, serve: Any, interface: str) -> Port:
        if port in self.taken:
            raise CannotListenError(interface, port, OSError(98, "taken"))
        self.ports.append(Port(port))
        self.factories.append(serve)
        return self.ports[-1]


class Slow(Stream):
    """Finishes only when it is told to."""

    drained = False

    def drain(self) -> None:
        """Note it."""
        self.drained = True


DOORS = [
    Door("quote-tcp", "stream", "tcp:7017", Factory.forProtocol(Slow)),
    Door("quote-udp", "datagram", "udp:7017", DatagramProtocol()),
    Door("closed", "stream", "", Factory.forProtocol(Slow)),
]


def made(
    reactor: Reactor, announced: list[Assembly] | None = None, doors: list[Door] = DOORS
) -> Assembly:
    """Make the service of these doors."""
    announce = (lambda _: None) if announced is None else announced.append
    limits, bench = LimitSettings(), BenchSettings(grace=5.0)
    return Assembly(lambda: list(doors), Runtime(reactor), bench, limits, announce)


@pytest.fixture(autouse=True)
def excepthook() -> Iterator[None]:
    """Put the hook back that a failing start replaces."""
    before = sys.excepthook
    yield
    sys.excepthook = before


def test_every_door_that_is_not_closed_is_opened_and_announced() -> None:
    """On the interface of the bench, in the order of the services."""
    announced: list[Assembly] = []
    reactor = Reactor()
    assembly = made(reactor, announced)
    assembly.privilegedStartService()
    assert announced == []
    assembly.startService()
    assert announced == [assembly]
    assert [each.door.name for each in assembly.opened] == ["quote-tcp", "quote-udp"]


def test_doors_open_where_nobody_asks_for_privileges() -> None:
    """``twist`` only starts the service."""
    reactor = Reactor()
    made(reactor).startService()
    assert len(reactor.ports) == 2


def test_one_door_that_does_not_open_closes_the_others() -> None:
    """The bench starts whole, or not at all."""
    reactor = Reactor(7018)
    doors = [DOORS[0], Door("quote-udp", "datagram", "udp:7018", DatagramProtocol())]
    assembly = made(reactor)
    assembly._doors = lambda: doors
    with pytest.raises(StartError) as caught:
        assembly.startService()
    assert str(caught.value) == (
        "port 7018 in use (quote-udp, 127.0.0.1); choose another with --quote-udp;"
        " netdemo doctor says who has it"
    )
    assert ([port.listening for port in reactor.ports], assembly.opened) == ([False], [])


def test_a_failing_start_is_shown_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback is no help against a port in use."""
    with pytest.raises(StartError), capturedLogs() as events:
        made(Reactor(7017)).startService()
    screen = io.StringIO()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("sys.__stderr__", screen)
    sys.excepthook(StartError, StartError("port 7017 in use"), None)
    sys.excepthook(ValueError, ValueError("a bug"), None)
    shown = screen.getvalue().splitlines()
    assert shown == ["netdemo: port 7017 in use", "ValueError: a bug"]
    assert [event["why"][:13] for event in events] == ["port 7017 in "]


def test_a_service_that_cannot_serve_keeps_the_start() -> None:
    """A folder that is not there, say."""

    def doors() -> list[Door]:
        raise StartError("--files-root '/nope': no such directory")

    assembly = made(Reactor())
    assembly._doors = doors
    with pytest.raises(StartError):
        assembly.startService()


def test_a_bench_without_a_door_is_made_once() -> None:
    """After the privileges are gone nothing is opened any more."""
    asked: list[bool] = []

    def doors() -> list[Door]:
        asked.append(True)
        return [DOORS[2]]

    assembly = made(Reactor())
    assembly._doors = doors
    assembly.privilegedStartService()
    assembly.startService()
    assert (asked, assembly.opened) == ([True], [])


def test_a_third_partys_service_that_breaks_has_no_doors() -> None:
    """One line in the log, and the others are served."""

    class Broken:
        name = "broken"
        settings = Settings

        def doors(self, settings: Any, runtime: Runtime) -> list[Door]:
            raise RuntimeError("two\nlines")

    settings = {Settings: Settings()}
    with capturedLogs() as events:
        assert doors_of(Broken(), settings, Runtime(Reactor())) == []  # type: ignore[arg-type]
    assert [formatEvent(event) for event in events] == [
        "service ignored: 'broken': RuntimeError: two lines"
    ]


def test_a_service_knows_whether_a_door_is_opened_in_this_process() -> None:
    """What only one of several processes may have belongs to the one that has the door."""
    told: list[Runtime] = []

    class Asks:
        name = "asks"
        settings = Settings

        def doors(self, settings: Any, runtime: Runtime) -> list[Door]:
            told.append(runtime)
            return []

    settings = {each: each() for each in (Settings, BenchSettings, LimitSettings)}
    for adopted in (None, {"quote-tcp": 9}):
        services: Any = (Asks(),)
        runtime = Runtime(Reactor())
        assemble(services, settings, runtime, lambda _: None, adopted=adopted).startService()
    runtime = Runtime(Reactor())
    fleet = Fleet(
        services, {**settings, BenchSettings: BenchSettings(workers=2)}, {}, runtime, lambda _: None
    )
    fleet.privilegedStartService()
    assert [each.opens("quote-tcp") for each in told] == [True, True, False]
    assert [each.opens("quote-udp") for each in told] == [True, False, False]
    assert [each.here for each in told] == [None, frozenset({"quote-tcp"}), frozenset()]


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a third party's service."""


def connect(reactor: Reactor) -> tuple[Any, StringTransport]:
    """Connect a client to the stream door."""
    transport = StringTransport()
    protocol = reactor.factories[0].buildProtocol(None)
    protocol.makeConnection(transport)
    return protocol, transport


def stopping(assembly: Assembly) -> list[object]:
    """Stop; return a list that is no longer empty when it has."""
    ended: list[object] = []
    stopped: Deferred[None] = assembly.stopService()
    stopped.addBoth(ended.append)
    return ended


def test_a_stop_refuses_what_is_new_and_waits_for_what_runs() -> None:
    """Nothing in flight is lost."""
    reactor = Reactor()
    assembly = made(reactor)
    assembly.startService()
    protocol, transport = connect(reactor)
    ended = stopping(assembly)
    assert protocol.inside.drained
    assert [port.listening for port in reactor.ports] == [False, True]
    with capturedLogs() as events:
        reactor.advance(4.0)
    assert (ended, transport.disconnected) == ([], False)
    told = "waiting up to 5 s for 1 connection; a second signal does not wait"
    assert [formatEvent(event) for event in events] == [told]
    protocol.connectionLost(Failure(ConnectionDone()))
    assert (len(ended), reactor.ports[1].listening) == (1, False)
    assert not reactor.getDelayedCalls()


def test_what_outlasts_the_grace_period_is_cut() -> None:
    """A stop ends."""
    reactor = Reactor()
    assembly = made(reactor)
    assembly.startService()
    protocol, transport = connect(reactor)
    ended = stopping(assembly)
    reactor.advance(5.0)
    assert (ended, transport.disconnected) == ([], True)
    protocol.connectionLost(Failure(ConnectionDone()))
    assert len(ended) == 1
    assert not reactor.getDelayedCalls()


def test_a_second_signal_waits_no_longer() -> None:
    """Whoever is in a hurry says so twice."""
    reactor = Reactor()
    assembly = made(reactor)
    assembly.startService()
    protocol, transport = connect(reactor)
    ended = stopping(assembly)
    assembly.force()
    assert transport.disconnected
    assembly.force()  # a third one does not even wait for the ends of what was cut
    assert len(ended) == 1
    protocol.connectionLost(Failure(ConnectionDone()))


def test_a_second_signal_that_comes_early_is_not_lost() -> None:
    """The stop may still be closing its ports."""
    reactor = Reactor()
    assembly = made(reactor)
    assembly.startService()
    protocol, transport = connect(reactor)
    assembly.force()
    ended = stopping(assembly)
    assert transport.disconnected
    protocol.connectionLost(Failure(ConnectionDone()))
    assert len(ended) == 1


def test_a_stop_with_nobody_connected_is_over_at_once() -> None:
    """A grace period is no pause."""
    reactor = Reactor()
    assembly = made(reactor)
    assembly.startService()
    assert len(stopping(assembly)) == 1
    assert not reactor.getDelayedCalls()


def test_a_datagram_from_our_own_door_is_not_answered() -> None:
    """Our doors are not set talking to each other."""
    reactor = Reactor()
    assembly = made(reactor)
    assembly.startService()
    guard: Any = assembly.opened[1].guard
    guard.datagramReceived(b"x", ("127.0.0.1", 7017))
    guard.datagramReceived(b"x", ("127.0.0.1", 7018))
    assert guard.counters.dropped == {"loop_port": 1}


def test_the_counters_are_reported_door_by_door() -> None:
    """One line each."""
    reactor = Reactor()
    assembly = made(reactor)
    assembly.startService()
    with capturedLogs() as events:
        assembly.report()
    lines = [f"{event['door']}: {event['counters']}" for event in events]
    assert lines == ["quote-tcp: nothing yet", "quote-udp: nothing yet"]


@pytest.mark.parametrize(
    ("limits", "allowed", "soft"),
    [((256, 4096), 1024, 1088), ((256, 512), 448, 512), ((2048, 4096), 1024, 2048)],
)
def test_no_more_connections_are_promised_than_there_are_descriptors(
    limits: tuple[int, int], allowed: int, soft: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The soft limit is raised as far as it may be; the rest is said at the start."""
    held = list(limits)
    monkeypatch.setattr("resource.getrlimit", lambda _: tuple(held))
    monkeypatch.setattr("resource.setrlimit", lambda _, new: held.__setitem__(slice(None), new))
    with capturedLogs() as events:
        assert made(Reactor())._allowed_connections() == allowed
    assert held[0] == soft
    assert bool(events) == (allowed < 1024)


@pytest.mark.parametrize("text", ["60", "60:10", "a:b:c", "0:1:1", "1:1:99999", "-1:1:1"])
def test_a_keepalive_that_makes_no_sense_is_refused(text: str) -> None:
    """Three numbers, or off."""
    from twisted_net.settings import _keepalive

    assert _keepalive("off") is None
    assert _keepalive("60:10:3") == KeepAlive(60, 10, 3)
    with pytest.raises(ValueError, match="need"):
        _keepalive(text)


@pytest.mark.parametrize("text", ["50", "-1us", "2s", "1.s", "50 us", "nan", "1e1us", "٣us"])
def test_a_spin_that_makes_no_sense_is_refused(text: str) -> None:
    """In words that say what would make sense."""
    reading = next(each for each in fields(BenchSettings) if each.name == "spin").metadata
    with pytest.raises(ValueError, match="need a time up to 1s, as 50us or 1ms, or 0"):
        reading["reading"].read(text)


@pytest.mark.parametrize(
    ("text", "time"), [("50us", 50e-6), ("1.5ms", 0.0015), ("1s", 1), ("0", 0)]
)
def test_the_reactor_is_told_how_long_to_spin(text: str, time: float) -> None:
    """One that does not know how is left alone, with a warning."""
    reading = next(each for each in fields(BenchSettings) if each.name == "spin").metadata
    spin = reading["reading"].read(text)
    assert spin == pytest.approx(time)
    bench = BenchSettings(spin=spin)
    with capturedLogs() as events:
        Assembly(list, Runtime(Reactor()), bench, LimitSettings(), lambda _: None).startService()
    warned = [formatEvent(each) for each in events]
    assert warned == (["--spin has no effect on Reactor"] if spin else [])
    lean: Any = Reactor()
    lean.spin = 0.0
    Assembly(list, Runtime(lean), bench, LimitSettings(), lambda _: None).startService()
    assert lean.spin == spin


class Beneath(Service):
    """What doors stand on: notes when it starts, and stops when it is told to."""

    def __init__(self, told: list[str]) -> None:
        self.told = told
        self.stopped: Deferred[None] = Deferred()

    def startService(self) -> None:
        """Note it."""
        self.told.append("starts")

    def stopService(self) -> Deferred[None]:
        """Note it, and take a while."""
        self.told.append("stops")
        return self.stopped


def test_what_doors_stand_on_runs_as_long_as_they_are_open() -> None:
    """Once for all of them; and the server waits for its end."""
    told: list[str] = []
    beneath, unused = Beneath(told), Beneath(told)
    doors = [
        Door("one", "stream", "tcp:7017", Factory.forProtocol(Slow), stands_on=(beneath,)),
        Door("two", "stream", "tcp:7018", Factory.forProtocol(Slow), stands_on=(beneath,)),
        Door("closed", "stream", "", Factory.forProtocol(Slow), stands_on=(unused,)),
    ]
    reactor = Reactor()
    assembly = made(reactor, doors=doors)
    assembly.privilegedStartService()
    assert told == []
    assembly.startService()
    assert told == ["starts"]
    stopped: list[None] = []
    assembly.stopService().addCallback(stopped.append)
    assert told == ["starts", "stops"]
    assert not any(port.listening for port in reactor.ports)
    assert stopped == []
    beneath.stopped.callback(None)
    assert stopped == [None]


def test_a_stop_waits_no_longer_than_the_grace_period_for_what_doors_stand_on() -> None:
    """A broker that is away must not keep a server from stopping."""
    told: list[str] = []
    door = Door("one", "stream", "tcp:7017", Factory.forProtocol(Slow), stands_on=(Beneath(told),))
    reactor = Reactor()
    assembly = made(reactor, doors=[door])
    assembly.startService()
    stopped: list[None] = []
    assembly.stopService().addCallback(stopped.append)
    reactor.advance(4.9)
    assert stopped == []
    reactor.advance(0.2)
    assert stopped == [None]


@pytest.mark.parametrize(
    ("kind", "endpoint", "with_tls"),
    [
        ("stream", "tcp:7017", "ssl:7017:privateKey=/d/tls-demo.pem"),
        (
            "stream",
            "tcp:7017:interface=192.0.2.1:backlog=9",
            "ssl:7017:interface=192.0.2.1:backlog=9:privateKey=/d/tls-demo.pem",
        ),
        ("stream", "tcp6:7017", r"ssl:7017:privateKey=/d/tls-demo.pem:interface=\:\:1"),
        ("stream", "unix:/run/x", "unix:/run/x"),
        ("stream", "tls:/keys:7017", "tls:/keys:7017"),
        ("stream", "", ""),
        ("datagram", "udp:7017", "udp:7017"),
    ],
)
def test_with_a_demo_certificate_every_tcp_door_speaks_tls(
    kind: Any, endpoint: str, with_tls: str
) -> None:
    """A third party's too; the others stay as they are."""

    class Quote:
        settings = Settings

        def doors(self, settings: Any, runtime: Runtime) -> list[Door]:
            return [Door("quote-tcp", kind, endpoint, Factory())]

    bench = BenchSettings(tls_demo=True, data="/d")
    settings = {Settings: Settings(), BenchSettings: bench}
    service: Any = Quote()
    [door] = doors_of(service, settings, Runtime(Reactor()))
    assert door.endpoint == with_tls


def test_what_the_server_keeps_has_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was named, or systemd's, or the user's."""
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/users/x")
    seen = [data_folder(BenchSettings())]
    monkeypatch.setenv("XDG_STATE_HOME", "/users/x/state")
    seen.append(data_folder(BenchSettings()))
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/netdemo:/var/lib/other")
    seen.append(data_folder(BenchSettings()))
    seen.append(data_folder(BenchSettings(data="/d")))
    wanted = ["/users/x/.local/state/netdemo", "/users/x/state/netdemo", "/var/lib/netdemo", "/d"]
    assert [str(each) for each in seen] == wanted


def test_a_demo_certificate_is_told_of_at_the_start(tmp_path: Path) -> None:
    """Where it is, and its fingerprint; without one there is nothing to tell."""
    pytest.importorskip("OpenSSL")
    told = notes(BenchSettings(tls_demo=True, data=str(tmp_path)), 1_800_000_000.0)
    assert told[0].endswith(str(tmp_path / "tls-demo.crt"))
    assert told[1].startswith("SHA-256 ")
    assert notes(BenchSettings(), 0.0) == []
