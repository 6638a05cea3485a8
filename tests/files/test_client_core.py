"""Tests of `twisted_net.files.client.core` and `origin`: when to try again, and with what."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.files.client.core import (
    LONGEST_ASKED,
    LONGEST_WAIT,
    BrokenOffError,
    BusyError,
    Pace,
    Retries,
    Speed,
    below,
    exit_code,
)
from twisted_net.files.origin import Origin, StaleError, parse_origin, render_origin
from twisted_net.net.errors import BadAnswerError, ClientError, ConnectError, NoAnswerError

BROKEN = BrokenOffError("gone")


def retries(most: int = 5, had: int = 0) -> Retries:
    """Return a plan with dice that always fall the same way."""
    return Retries(most, random.Random(1), had)  # noqa: S311 - no secret


def test_a_server_that_was_never_reached_is_not_waited_for() -> None:
    """Not even if an earlier command has fetched something of it."""
    for error in (ConnectError("refused"), NoAnswerError("silent"), BROKEN):
        assert retries().failed(error, 0) is None
        assert retries(had=10).failed(error, 10) is None


def test_a_server_that_has_begun_is_tried_longer_and_longer() -> None:
    """Until the tries are spent; the waits are spread a little."""
    plan = retries(most=8)
    waits = [plan.failed(BROKEN, 1) for _ in range(9)]
    assert waits[-1] is None
    for number, wait in enumerate(waits[:-1]):
        assert wait is not None
        expected = min(0.5 * 2**number, LONGEST_WAIT)
        assert 0.75 * expected <= wait <= 1.25 * expected


def test_every_byte_more_gives_all_tries_back() -> None:
    """A bad link brings a large file after all."""
    plan = retries(most=1)
    for count in range(1, 100):
        assert plan.failed(BROKEN, count) is not None
    assert plan.failed(BROKEN, 99) is None


def test_what_is_an_answer_is_not_asked_for_again() -> None:
    """No such file now is no such file in a second."""
    for error in (ClientError("no such file"), BadAnswerError("nonsense")):
        assert retries().failed(error, 10) is None


def test_a_busy_server_is_asked_again_when_it_says() -> None:
    """But it cannot send us away for a year; and stale bytes are fetched anew at once."""
    assert retries().failed(BusyError("busy", 7.0), 0) == 7.0
    assert retries().failed(BusyError("busy", 1e9), 0) == LONGEST_ASKED
    assert retries().failed(StaleError("changed"), 0) == 0.0
    assert retries(most=0).failed(StaleError("changed"), 0) is None


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 3)), min_size=1, max_size=50),
    st.integers(1, 10**7),
)
def test_no_more_is_read_than_the_rate_allows(pieces: list[tuple[int, float]], rate: int) -> None:
    """Whoever waits as told, and however long in between, is within it but for one burst."""
    pace = Pace(rate)
    now, total = 1000.0, 0
    for count, pause in pieces:
        total += count
        now += pace.moved(count, now)
        assert total <= (now - 1000.0 + Pace.BURST) * rate * (1 + 1e-6) + 1
        now += pause


def test_a_speed_follows_what_comes() -> None:
    """Soon, but not with every piece; a transfer that begins anew is a new one."""
    speed = Speed()
    assert (speed.rate, speed.left(100)) == (0.0, None)
    for second in range(20):
        speed.seen(second * 100, float(second))
    assert speed.rate == pytest.approx(100)
    assert speed.left(2900) == pytest.approx(10)
    speed.seen(1900 + 1000, 20.0)
    assert 100 < speed.rate < 1000
    speed.seen(0, 21.0)
    assert speed.rate == 0.0
    speed.seen(5, 21.0)
    assert speed.rate == 0.0


@given(st.binary(max_size=40), st.lists(st.sampled_from([b"a", b"..", b".", b"", b"/", b"\0"])))
def test_no_name_of_a_server_s_leads_out_of_the_folder(folder: bytes, steps: list[bytes]) -> None:
    """Whatever it is made of, each step is a name and nothing else."""
    for name in (b"/".join(steps), folder + b"/" + b"/".join(steps)):
        found = below(folder, name)
        for step in found or ():
            assert step not in (b"", b".", b"..")
            assert b"/" not in step
            assert b"\0" not in step


ORIGIN = Origin("tcp://a/b", 5, 7, '"tag"', "0" * 64)


def test_what_is_known_of_both_tells_two_states_apart() -> None:
    """What is known of one only does not."""
    assert ORIGIN.same(ORIGIN)
    assert ORIGIN.same(Origin())
    for other in ({"size": 6}, {"mtime": 8}, {"tag": '"other"'}, {"sha256": "1" * 64}):
        assert not ORIGIN.same(replace(ORIGIN, **other))
    assert not Origin("tcp://a/b", 5).certain


@given(st.builds(Origin, st.from_regex(r"[^\r\n]*", fullmatch=True), st.none() | st.integers(0)))
def test_a_note_says_what_was_noted(origin: Origin) -> None:
    """Every character of it."""
    assert parse_origin(render_origin(origin)) == origin


@given(st.binary() | st.text().map(str.encode))
def test_anything_else_is_no_note(data: bytes) -> None:
    """However it looks."""
    assert parse_origin(data) in (None, Origin())


@pytest.mark.parametrize(
    "data",
    [b"[]", b'{"source": 1}', b'{"size": -1}', b'{"mtime": "x"}', b'{"more": 1}', b"[" * 100_000],
)
def test_a_note_with_other_fields_is_none(data: bytes) -> None:
    """Another version may have written it."""
    assert parse_origin(data) is None


def test_a_note_cannot_put_lines_into_a_request() -> None:
    """Its tag is what If-Range holds."""
    assert parse_origin(b'{"tag": "a\\r\\nHost: b"}') is None


def test_an_exit_code_says_what_all_failures_have_in_common() -> None:
    """Else only that there were some."""
    failures = [ConnectError(""), BadAnswerError(""), BadAnswerError("")]
    assert [exit_code(failures[:0]), exit_code(failures[1:]), exit_code(failures)] == [0, 5, 1]
