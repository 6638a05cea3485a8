"""Tests of `twisted_net.workers.codec`."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.health import Usage
from twisted_net.net.log import json_line
from twisted_net.net.text import safe
from twisted_net.workers.codec import Orders, Report, Words

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


SAID = {"level": "info", "logger": "x", "traceback": "a\x1b[2J\nb"}


def test_what_a_worker_logs_is_read_as_what_it_was() -> None:
    """Its level and its logger, and a traceback line by line."""
    try:
        raise ZeroDivisionError("by\nnothing")
    except ZeroDivisionError:
        failed = {"log_format": "a bug of {door}", "door": "echo", "log_failure": Failure()}
    event = {**failed, "log_level": LogLevel.critical, "log_namespace": "x", "log_time": 0.0}
    words = Words.read(json_line(event).encode())
    assert (words.level, words.logger, words.lines[0]) == ("critical", "x", "a bug of echo")
    assert words.lines[-2:] == ("| builtins.ZeroDivisionError: by", "| nothing")


@given(st.binary() | st.text().map(lambda text: json.dumps({**SAID, "message": text}).encode()))
def test_what_else_a_worker_says_is_made_safe(line: bytes) -> None:
    """An interpreter that does not start, a library that prints."""
    words = Words.read(line)
    assert words.lines
    assert [safe(each, len(each)) for each in words.lines] == list(words.lines)


@pytest.mark.parametrize(
    "line", [b"{}", b"[]", b"7", b'{"level":1}', b'{"traceback":1}', b"[" * 4000]
)
def test_json_that_is_no_log_is_taken_as_it_is(line: bytes) -> None:
    """It may be anybody's."""
    assert Words.read(line) == Words("info", "-", (line.decode(),))
