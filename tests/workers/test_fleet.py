"""Tests of `twisted_net.workers.fleet`, without a process."""

from typing import Any

from twisted.internet.task import Clock

from twisted_net.assembly import BenchSettings
from twisted_net.net.service import Runtime
from twisted_net.workers.core import PAUSES
from twisted_net.workers.fleet import Fleet


class Process:
    """Has been started, and takes orders."""

    pid = 4711

    def __init__(self) -> None:
        self.orders: list[bytes] = []

    def write(self, order: bytes) -> None:
        """Take one."""
        self.orders.append(order)


class Short(Clock):
    """A reactor of a machine that has no more processes to give, for a while."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self.refusals = refusals
        self.started: list[Process] = []

    def spawnProcess(self, protocol: Any, *_: Any, **__: Any) -> Process:  # noqa: N802
        """Start one, or not (fork(2))."""
        if self.refusals:
            self.refusals -= 1
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.started.append(Process())
        protocol.makeConnection(self.started[-1])
        return self.started[-1]


def fleet(reactor: Short) -> Fleet:
    """Return a fleet of two that has no doors."""
    settings = {BenchSettings: BenchSettings(workers=2)}
    return Fleet((), settings, {}, Runtime(reactor), lambda _: None)


def test_a_worker_that_cannot_be_started_is_tried_again() -> None:
    """What fails now, for want of memory or descriptors, may work in a moment."""
    reactor = Short(3)
    made = fleet(reactor)
    made.startService()
    assert reactor.started == []
    reactor.advance(PAUSES[0])
    assert len(reactor.started) == 1
    reactor.advance(PAUSES[1])
    assert len(reactor.started) == 2


def test_a_fleet_that_could_start_nobody_stops() -> None:
    """At once: there is nobody to wait for, and nobody is started afterwards."""
    reactor = Short(3)
    made = fleet(reactor)
    made.startService()
    stopped = made.stopService()
    assert stopped.called
    reactor.advance(PAUSES[0])
    assert reactor.started == []
