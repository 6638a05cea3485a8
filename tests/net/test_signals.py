"""Tests of `twisted_net.net.signals`."""

import signal
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.error import ReactorNotRunning
from twisted.internet.testing import MemoryReactor

from tests.conftest import SIGNALS
from twisted_net.net.signals import obey

pytestmark = pytest.mark.usefixtures("own_signals")


class Reactor(MemoryReactor):
    """A reactor that runs when told to, and notes what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped = 0

    def callFromThread(self, call: Callable[[], object], *arguments: Any) -> None:
        """Call at once."""
        call()

    def stop(self) -> None:
        """Note it."""
        self.stopped += 1

    def start(self) -> None:
        """Call what waits for the start."""
        for call, arguments, named in self.whenRunningHooks:
            call(*arguments, **named)

    def shut_down(self) -> None:
        """Call what waits for the end."""
        for call, arguments, named in self.triggers["before"]["shutdown"]:
            call(*arguments, **named)


def test_signals_do_what_the_manual_says() -> None:
    """Counters on USR2, a stop on HUP, nothing on USR1, and force on the second TERM."""
    did: list[str] = []
    reactor = Reactor()
    obey(reactor, lambda: did.append("report"), lambda: did.append("force"))
    reactor.start()
    signal.raise_signal(signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR2)
    signal.raise_signal(signal.SIGHUP)
    assert (did, reactor.stopped) == (["report"], 1)
    reactor.shut_down()
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    assert did == ["report", "force", "force"]


def test_a_report_may_be_asked_for_before_the_reactor_runs() -> None:
    """The doors are announced by then; without a handler the signal would end the process."""
    did: list[str] = []
    obey(Reactor(), lambda: did.append("report"), lambda: did.append("force"))
    signal.raise_signal(signal.SIGUSR2)
    assert did == ["report"]


def test_under_nohup_a_hang_up_stays_ignored() -> None:
    """Whoever started it so meant it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    reactor, forced = Reactor(), list[bool]()
    obey(reactor, lambda: None, lambda: forced.append(True))
    reactor.start()
    signal.raise_signal(signal.SIGHUP)
    reactor.shut_down()
    signal.raise_signal(signal.SIGHUP)
    assert (reactor.stopped, forced) == (0, [])


def test_two_signals_at_one_time_are_one_stop() -> None:
    """The second finds the reactor stopping."""

    class Stopped(Reactor):
        def stop(self) -> None:
            raise ReactorNotRunning

    reactor = Stopped()
    obey(reactor, lambda: None, lambda: None)
    reactor.start()
    signal.raise_signal(signal.SIGHUP)


def test_a_rotation_on_usr1_is_left_alone() -> None:
    """Twistd with a log file rotates it then."""
    rotated: list[int] = []
    signal.signal(signal.SIGUSR1, lambda *_: rotated.append(1))
    reactor = Reactor()
    obey(reactor, lambda: None, lambda: None)
    reactor.start()
    signal.raise_signal(signal.SIGUSR1)
    assert rotated == [1]


def test_before_the_reactor_runs_nothing_else_is_changed() -> None:
    """A server that never starts leaves the signals that end it as they were."""
    others = [number for number in SIGNALS if number != signal.SIGUSR2]
    before = [signal.getsignal(number) for number in others]
    obey(Reactor(), lambda: None, lambda: None)
    assert [signal.getsignal(number) for number in others] == before
