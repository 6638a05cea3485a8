"""Tests of `twisted_net.net.steady`."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.python import runtime

from tests.patience import PATIENCE
from twisted_net.net.steady import EVERY, Follower, Steady, keep


class Clocks:
    """A machine's clock, which may be set, and one that goes on."""

    def __init__(self, wall: float = 1_700_000_000.0, ticking: float = 50.0) -> None:
        self.wall = wall
        self.ticking = ticking
        self.steady = Steady(lambda: self.wall, lambda: self.ticking)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += seconds
        self.ticking += seconds


def test_it_begins_with_the_machine_s_time_and_goes_on_with_it() -> None:
    """Nobody notices a difference while nobody sets the clock."""
    clocks = Clocks()
    clocks.advance(10.0)
    assert clocks.steady.look() == 0.0
    assert clocks.steady.seconds() == clocks.wall == 1_700_000_010.0


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    """A timer in a second is due in a second, not in an hour; it is told once."""
    clocks = Clocks()
    before = clocks.steady.seconds()
    clocks.wall -= 3600.0
    assert clocks.steady.look() == pytest.approx(-3600.0)
    clocks.advance(1.0)
    assert clocks.steady.look() == 0.0
    assert clocks.steady.seconds() == pytest.approx(before + 1.0)


def test_a_clock_that_is_set_forward_is_followed() -> None:
    """A board without a battery learns only after its start which year it is."""
    clocks = Clocks(wall=100.0)
    clocks.wall = 1_700_000_000.0
    assert clocks.steady.look() == pytest.approx(1_699_999_900.0)
    assert clocks.steady.seconds() == pytest.approx(1_700_000_000.0)


def test_a_clock_that_was_set_back_is_followed_again_once_it_has_caught_up() -> None:
    """Not before: that would be going back."""
    clocks = Clocks()
    clocks.wall -= 100.0
    clocks.steady.look()
    clocks.wall += 60.0
    assert clocks.steady.look() == pytest.approx(60.0)
    assert clocks.steady.seconds() == pytest.approx(clocks.wall + 40.0)
    clocks.wall += 50.0
    assert clocks.steady.look() == pytest.approx(50.0)
    assert clocks.steady.seconds() == pytest.approx(clocks.wall)


def test_what_comes_between_two_readings_is_no_step() -> None:
    """The process may have had to wait for its turn: that must not add up."""
    clocks = Clocks()

    def late() -> float:
        clocks.advance(0.5)
        return clocks.ticking

    steady = Steady(lambda: clocks.wall, late)
    for _ in range(10):
        assert steady.look() == 0.0
    assert steady.seconds() <= clocks.wall + 0.5


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(-1e6, 1e6)), max_size=30))
def test_time_never_goes_back_and_never_stands(steps: list[tuple[float, float]]) -> None:
    """However the machine's clock is set; and it is never behind that one."""
    clocks = Clocks()
    for passes, jump in steps:
        before = clocks.steady.seconds()
        clocks.advance(passes)
        clocks.wall += jump
        clocks.steady.look()
        assert clocks.steady.seconds() >= before + passes - 1e-5
        assert clocks.steady.seconds() >= clocks.wall - 1e-5


def test_it_is_said_once_when_the_clock_was_set() -> None:
    """With the seconds, and what comes of it."""
    clocks = Clocks()
    reactor = MemoryReactorClock()
    with capturedLogs() as said:
        Follower(reactor, clocks.steady).look()
        for jump in (-3600.0, 0.0, 7200.0, 0.0):
            clocks.wall += jump
            clocks.advance(EVERY)
            reactor.advance(EVERY)
    assert [round(event["change"]) for event in said] == [3600, 7200]


def test_a_reactor_that_runs_keeps_its_own_clock() -> None:
    """Its timers were set by that one; so does one with a clock of its own, in a test."""
    running: Any = MemoryReactorClock()
    running.running, running.seconds = True, runtime.seconds
    keep(running)
    assert running.seconds is runtime.seconds
    simulated = MemoryReactorClock()
    keep(simulated)
    assert "seconds" not in vars(simulated)
    fresh: Any = MemoryReactorClock()
    fresh.seconds = runtime.seconds
    keep(fresh)
    assert fresh.seconds is not runtime.seconds


#: Sets the clock back by an hour while a reactor runs, and forward by two days; both timers have to
#: go off in their time, and the reactor has to follow the clock then.
SCRIPT = """
import sys, time
real, off = time.time, [0.0]
time.time = lambda: real() + off[0]
from twisted.application.reactors import installReactor
if sys.argv[1] == "netdemo":
    from twisted_net.net.fast import installing
    installing.install()
else:
    installReactor(sys.argv[1])
from twisted.internet import reactor
from twisted_net.net.steady import keep
keep(reactor)

def back():
    off[0] = -3600.0
    reactor.callLater(0.05, forward)

def forward():
    off[0] = 172_800.0
    wait()

def wait():
    if reactor.seconds() < real() + 172_000:
        reactor.callLater(0.05, wait)
    else:
        reactor.callLater(0.05, reactor.stop)

reactor.callLater(0.05, back)
reactor.run()
print("stopped")
"""


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("epoll", "select", "asyncio")]


@pytest.mark.parametrize("name", ["netdemo", *SLOW])
def test_timers_of_a_real_reactor_do_not_wait_for_a_clock_that_was_set_back(name: str) -> None:
    """Ours and Twisted's; without the steady clock this takes an hour."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, name], capture_output=True, timeout=PATIENCE, check=True
    )
    assert done.stdout == b"stopped\n"
