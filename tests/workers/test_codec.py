"""Tests of `twisted_net.workers.codec`."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.health import Usage
from twisted_net.workers.codec import Orders, Report

COUNTS = st.integers(0, 1 << 62)
COUNTERS = st.builds(
    DoorCounters,
    *[COUNTS] * 6,
    st.dictionaries(st.text("abc_", min_size=1), COUNTS, max_size=3),
    COUNTS,
)
USAGE = st.builds(
    Usage, COUNTS, st.floats(0, 1e9), *[st.none() | COUNTS] * 3, st.none() | st.floats(0, 1e9)
)
WORDS = st.dictionaries(st.text(), st.text(), max_size=3)


@given(st.integers(0, 63), WORDS, st.dictionaries(st.text(), st.integers(0, 99), max_size=3))
def test_orders_are_read_as_they_were_written(
    index: int, chosen: dict[str, str], doors: dict[str, int]
) -> None:
    """Whatever a setting's text is, a line is one line."""
    orders = Orders(index, chosen, doors)
    assert orders.line().count(b"\n") == 1
    assert Orders.read(orders.line()) == orders


@given(st.dictionaries(st.text(), COUNTERS, max_size=3), USAGE)
def test_a_report_is_read_as_it_was_written(doors: dict[str, DoorCounters], usage: Usage) -> None:
    """Counters of any size."""
    assert Report.read(Report(doors, usage).line()) == Report(doors, usage)


@given(st.sampled_from([Orders, Report]), st.binary())
def test_any_bytes_are_read_or_refused(kind: type[Orders] | type[Report], line: bytes) -> None:
    """With the one error that its reader expects."""
    with contextlib.suppress(RemoteProtocolError):
        assert isinstance(kind.read(line), kind)


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"1",
        b"{}",
        b'{"doors":{},"usage":{"bytes":1}}',
        b'{"doors":{"echo":{"bytes":1}},"usage":{}}',
        b'{"doors":{"echo":[]},"usage":{}}',
        b"\xff",
    ],
)
def test_what_is_no_report_is_refused(line: bytes) -> None:
    """JSON or not."""
    with pytest.raises(RemoteProtocolError, match="not the report of a worker"):
        Report.read(line)
