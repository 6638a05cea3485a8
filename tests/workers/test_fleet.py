"""Tests of `twisted_net.workers.fleet`, without a process."""

import sys
from typing import Any

import pytest
from twisted.internet.error import ProcessDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import StartError
from twisted_net.net.health import Usage
from twisted_net.net.service import Runtime
from twisted_net.settings import BenchSettings
from twisted_net.workers.codec import ALL, GATHER, Report
from twisted_net.workers.core import PAUSES, SETTLED
from twisted_net.workers.fleet import ANSWER_WITHIN, KILL_AFTER, Fleet


class Process:
    """Has been started, and takes orders."""

    pid = 4711

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.orders: list[bytes] = []
        self.signals: list[str] = []

    def write(self, order: bytes) -> None:
        """Take one."""
        self.orders.append(order)

    def signalProcess(self, number: str) -> None:  # noqa: N802
        """Take a signal."""
        self.signals.append(number)

    def end(self) -> None:
        """End."""
        self.protocol.processEnded(Failure(ProcessDone(0)))


class Short(Clock):
    """A reactor of a machine that may have no more processes to give, for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 0
        self.left = sys.maxsize
        self.started: list[Process] = []

    def spawnProcess(self, protocol: Any, *_: Any, **__: Any) -> Process:  # noqa: N802
        """Start one, or not (fork(2))."""
        if self.refusals or not self.left:
            self.refusals = max(0, self.refusals - 1)
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.left -= 1
        self.started.append(Process(protocol))
        protocol.makeConnection(self.started[-1])
        return self.started[-1]


def fleet(reactor: Short) -> Fleet:
    """Return a fleet of two that has no doors."""
    settings = {BenchSettings: BenchSettings(workers=2)}
    return Fleet((), settings, {}, Runtime(reactor), lambda _: None)


def test_a_worker_that_cannot_be_replaced_at_once_is_replaced_later() -> None:
    """What fails now, for want of memory or descriptors, may work in a moment."""
    reactor = Short()
    fleet(reactor).startService()
    for each in reactor.started:
        each.protocol.childDataReceived(3, Report().line())
    reactor.advance(SETTLED)
    reactor.refusals = 2
    reactor.started[0].end()
    reactor.advance(0)
    assert len(reactor.started) == 2
    reactor.advance(PAUSES[0])
    assert len(reactor.started) == 2
    reactor.advance(PAUSES[1])
    assert len(reactor.started) == 3


def test_a_fleet_that_cannot_start_all_its_workers_does_not_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says so in one line, and leaves none of them behind."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    reactor = Short()
    reactor.left = 1
    with pytest.raises(StartError) as caught:
        fleet(reactor).startService()
    why = "--workers 2: cannot start a process: resource temporarily unavailable"
    assert str(caught.value) == why
    assert [each.signals for each in reactor.started] == [["KILL"]]
    reactor.started[0].end()
    reactor.advance(PAUSES[-1])
    assert len(reactor.started) == 1


def test_a_worker_that_hears_nothing_does_not_outlast_a_second_signal() -> None:
    """It is killed, though the grace period is long."""
    reactor = Short()
    made = fleet(reactor)
    made.startService()
    stopped = made.stopService()
    reactor.started[0].end()
    reactor.advance(KILL_AFTER)
    stuck = reactor.started[1]
    assert (stuck.orders[-1], stuck.signals) == (b"stop\n", [])
    made.force()
    reactor.advance(KILL_AFTER)
    assert (stuck.orders[-1], stuck.signals) == (b"force\n", ["KILL"])
    assert not stopped.called
    stuck.end()
    assert stopped.called


def test_a_worker_is_told_what_all_of_them_did() -> None:
    """Those that have ended too, and the server's own use of the machine."""
    reactor = Short()
    made = fleet(reactor)
    made.startService()
    made._names = ["echo-tcp"]
    for number, each in enumerate(reactor.started, 1):
        doors = {"echo-tcp": DoorCounters(open=number, accepted=10 * number)}
        doors |= {"irc": DoorCounters(), "chat": DoorCounters(dropped={"local": number})}
        each.protocol.childDataReceived(3, Report(doors, Usage(1, cpu=1000.0 * number)).line())
    first, second = reactor.started
    second.end()
    first.protocol.childDataReceived(3, GATHER + b"\n")
    assert first.orders[-1] == b"report\n"
    doors = {"echo-tcp": DoorCounters(open=5, accepted=50)}
    first.protocol.childDataReceived(3, Report(doors, Usage(1, cpu=1500.0)).line())
    assert first.orders[-1].startswith(ALL)
    told = Report.read(first.orders[-1].removeprefix(ALL))
    assert told.doors == {
        "echo-tcp": DoorCounters(open=5, accepted=70),
        "chat": DoorCounters(dropped={"local": 2}),
    }
    assert (told.usage.processes, 3500 < told.usage.cpu < 4500) == (2, True)


def test_a_worker_that_does_not_answer_does_not_keep_the_others_from_it() -> None:
    """Its last report counts."""
    reactor = Short()
    made = fleet(reactor)
    made.startService()
    for each in reactor.started:
        each.protocol.childDataReceived(3, Report().line())
    first, _ = reactor.started
    first.protocol.childDataReceived(3, GATHER + b"\n" + Report().line())
    assert not first.orders[-1].startswith(ALL)
    reactor.advance(ANSWER_WITHIN)
    assert first.orders[-1].startswith(ALL)
