"""Tests of `twisted_net.net.alarm`."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from twisted_net.net.alarm import Alarm


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 100) | st.just(inf)), max_size=30))
def test_it_rings_in_time_and_keeps_few_timers(steps: list[tuple[float, float]]) -> None:
    """Whatever it is set to, and whenever: never later than asked for since it last rang."""
    clock = Clock()
    rung: list[float] = []
    alarm = Alarm(clock, lambda: rung.append(clock.seconds()))
    for pause, wait in steps:
        clock.advance(pause)
        now = clock.seconds()
        alarm.set(now + wait, now)
        assert len(clock.getDelayedCalls()) <= 2
        if wait < inf:
            assert min(call.getTime() for call in clock.getDelayedCalls()) <= now + wait
    alarm.stop()
    assert clock.getDelayedCalls() == []


def test_a_near_time_does_not_cost_the_far_one() -> None:
    """It rings for both, without being set again."""
    clock = Clock()
    rung: list[float] = []
    alarm = Alarm(clock, lambda: rung.append(clock.seconds()))
    alarm.set(25.0, 0.0)
    alarm.set(0.5, 0.0)
    alarm.set(0.25, 0.0)
    alarm.set(30.0, 0.0)
    alarm.set(inf, 0.0)
    for _ in range(120):
        clock.advance(0.25)
    assert rung == [0.25, 25.0]


def test_a_time_that_is_over_rings_at_once() -> None:
    """And not never."""
    clock = Clock()
    clock.advance(10)
    rung: list[float] = []
    alarm = Alarm(clock, lambda: rung.append(clock.seconds()))
    alarm.set(5.0, 10.0)
    clock.advance(0)
    assert rung == [10.0]
