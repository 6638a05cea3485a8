"""Tests of `twisted_net.net.silence`."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from twisted_net.net.silence import FINISH_WITHIN, LOOKS, MOST_LOOKS, look


@dataclass(eq=False)
class Line:
    """A connection that was active at a time."""

    active: float
    told: float | None = None

    def last_active(self, now: float) -> float:
        """Return it."""
        return self.active


def test_who_was_silent_for_the_whole_time_is_found_at_its_end() -> None:
    """Not a moment before."""
    early, late = Line(0.0), Line(6.0)
    assert look([early, late], 10.0, 9.5) == ([], 0.5)
    assert look([early, late], 10.0, 10.0) == ([early], 10.0 / LOOKS)
    assert look([late], 10.0, 16.0) == ([late], 10.0 / LOOKS)


def test_who_was_told_to_finish_is_given_time() -> None:
    """Then it is found once more, to be cut."""
    line = Line(0.0, told=10.0)
    assert look([line], 10.0, 10.0 + FINISH_WITHIN / 2)[0] == []
    assert look([line], 10.0, 10.0 + FINISH_WITHIN)[0] == [line]


def test_a_clock_that_is_set_back_makes_nobody_wait_longer_than_once_more() -> None:
    """What seems to lie ahead is taken to be now."""
    assert look([Line(5000.0, told=5000.0)], 10.0, 20.0) == ([], 10.0 / LOOKS)


@given(
    st.lists(st.floats(0, 100), max_size=20),
    st.floats(0.001, 1000),
    st.floats(100, 2000),
)
def test_looks_are_neither_too_many_nor_too_late(
    times: list[float], idle: float, now: float
) -> None:
    """However many connections there are, and however near their ends."""
    silent, wait = look([Line(time) for time in times], idle, now)
    assert idle / MOST_LOOKS <= wait <= idle / LOOKS
    assert [line.active for line in silent] == [time for time in times if time + idle <= now]
