"""Tests of `twisted_net.net.silence`."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from twisted_net.net.silence import (
    FINISH_WITHIN,
    LEAST_WAIT,
    LOOKS,
    MOST_LOOKS,
    Patience,
    look,
)

IDLE = Patience(10.0, None)


@dataclass(eq=False)
class Line:
    """A connection that was active at a time."""

    active: float
    told: float | None = None
    since: float = 0.0
    begun: bool = True

    def last_active(self, now: float) -> float:
        """Return it."""
        return self.active


def test_who_was_silent_for_the_whole_time_is_found_at_its_end() -> None:
    """Not a moment before."""
    early, late = Line(0.0), Line(6.0)
    found = look([early, late], IDLE, 9.5)
    assert (found.silent, found.wait) == ([], 0.5)
    assert look([early, late], IDLE, 10.0).silent == [early]
    found = look([late], IDLE, 16.0)
    assert (found.silent, found.staying, found.wait) == ([late], [], 10.0 / LOOKS)


def test_who_was_told_to_finish_is_given_time() -> None:
    """Then it is found once more, to be cut."""
    line = Line(0.0, told=10.0)
    assert look([line], IDLE, 10.0 + FINISH_WITHIN / 2).staying == []
    found = look([line], IDLE, 10.0 + FINISH_WITHIN)
    assert (found.staying, found.silent, found.late) == ([line], [], [])


def test_who_was_told_to_finish_and_is_busy_is_left_to_it() -> None:
    """A stop waits for a file on its way as long as its own grace period says."""
    assert look([Line(19.0, told=10.0)], IDLE, 20.0).staying == []


def test_who_sends_no_whole_message_is_late_however_busy_it_is() -> None:
    """Single bytes buy no time; who has begun has all the time there is."""
    busy, begun = Line(29.9, begun=False), Line(0.0)
    patience = Patience(None, 30.0)
    found = look([busy, begun], patience, 29.0)
    assert (found.late, found.wait) == ([], 1.0)
    found = look([busy, begun], patience, 30.0)
    assert (found.late, found.silent, found.wait) == ([busy], [], FINISH_WITHIN)
    busy.told = 30.0
    assert look([busy], patience, 34.0).staying == []
    assert look([busy], patience, 35.0).staying == [busy]


def test_who_comes_just_after_a_look_is_not_found_later_than_promised() -> None:
    """The next look is no later than the first message of the next connection is due."""
    assert look([Line(0.0)], Patience(300.0, 30.0), 0.0).wait == 30.0


def test_who_is_late_and_silent_is_late() -> None:
    """Counted once, under what was due first."""
    line = Line(0.0, begun=False)
    found = look([line], Patience(300.0, 30.0), 400.0)
    assert (found.late, found.silent) == ([line], [])


def test_a_clock_that_is_set_back_makes_nobody_wait_longer_than_once_more() -> None:
    """What seems to lie ahead is taken to be now."""
    line = Line(5000.0, told=5000.0, since=5000.0, begun=False)
    found = look([line], Patience(10.0, 30.0), 20.0)
    assert (found.silent, found.late, found.wait) == ([], [], 10.0 / LOOKS)


@given(
    st.lists(st.floats(0, 100), max_size=20),
    st.floats(0.001, 1000),
    st.floats(100, 2000),
)
def test_looks_are_neither_too_many_nor_too_late(
    times: list[float], idle: float, now: float
) -> None:
    """However many connections there are, and however near their ends."""
    found = look([Line(time) for time in times], Patience(idle, None), now)
    assert idle / MOST_LOOKS <= found.wait <= idle / LOOKS
    assert [line.active for line in found.silent] == [time for time in times if time + idle <= now]


@given(st.lists(st.floats(0, 100), max_size=20), st.floats(0.5, 1000), st.floats(100, 2000))
def test_late_comers_are_found_when_they_are_late(
    times: list[float], first: float, now: float
) -> None:
    """Each of them, and not too many looks later."""
    lines = [Line(now, since=time, begun=False) for time in times]
    found = look(lines, Patience(None, first), now)
    assert LEAST_WAIT <= found.wait <= max(first, LEAST_WAIT)
    assert [line.since for line in found.late] == [time for time in times if time + first <= now]
