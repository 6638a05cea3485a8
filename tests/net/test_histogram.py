"""Tests of `twisted_net.net.histogram`."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.net.histogram import Histogram

VALUES = st.lists(st.integers(0, 1 << 62) | st.integers(0, 3000), min_size=1, max_size=200)


def filled(values: list[int]) -> Histogram:
    """Return a histogram of these."""
    made = Histogram()
    for value in values:
        made.add(value)
    return made


@given(VALUES, st.floats(0, 100))
def test_a_percentile_is_the_one_of_the_sorted_list(values: list[int], percent: float) -> None:
    """Nearest rank, within a thousandth: as a program would find it that kept everything."""
    rank = max(1, math.ceil(percent / 100 * len(values)))
    wanted = sorted(values)[rank - 1]
    assert abs(filled(values).percentile(percent) - wanted) <= wanted / 1000


@given(VALUES)
def test_the_other_numbers_are_exact(values: list[int]) -> None:
    """Count, ends, mean and deviation need no buckets."""
    made = filled(values)
    assert (made.count, made.lowest, made.highest) == (len(values), min(values), max(values))
    assert made.mean == pytest.approx(statistics.fmean(values))
    assert made.deviation == pytest.approx(statistics.pstdev(values), rel=1e-9, abs=1e-6)


@given(VALUES, st.integers(1, 20))
def test_rows_hold_every_value_once(values: list[int], most: int) -> None:
    """They follow on each other, and nothing falls between two of them."""
    rows = filled(values).rows(most)
    assert 1 <= len(rows) <= most
    assert sum(times for _, _, times in rows) == len(values)
    assert [to for _, to, _ in rows[:-1]] == [start for start, _, _ in rows[1:]]
    assert rows[0][0] <= min(values)
    assert max(values) < rows[-1][1]


def test_nothing_has_no_numbers() -> None:
    """And is no error: a run may end without an answer."""
    empty = Histogram()
    numbers = (empty.count, empty.mean, empty.deviation, empty.percentile(50), empty.rows(5))
    assert numbers == (0, 0.0, 0.0, 0, [])


def test_memory_is_bounded_however_many_values_come() -> None:
    """A run of days keeps as much as a run of minutes."""
    made = filled([value * 997 for value in range(50_000)])
    buckets = sum(1 for _ in made)
    assert (made.count, buckets < 10_000) == (50_000, True)


def test_a_clock_that_was_set_back_makes_no_negative_latency() -> None:
    """It counts as nothing."""
    assert filled([-5]).percentile(50) == 0
