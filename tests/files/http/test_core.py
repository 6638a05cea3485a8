"""Tests of `twisted_net.files.http.core`: what a request's conditions come to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.files.http.codec import Span, render_date
from twisted_net.files.http.core import (
    FAILED,
    NOT_MODIFIED,
    UNSATISFIABLE,
    WHOLE,
    Asked,
    Held,
    Outcome,
    outcome,
)

NOW = 1_700_000_000
HELD = Held(100, b'"now"', NOW)
SAME, BEFORE, AFTER = render_date(NOW), render_date(NOW - 1), render_date(NOW + 1)
PART = Outcome(206, Span(10, 90))
RESUME = b"bytes=10-"


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (Asked(), WHOLE),
        (Asked(if_none_match=b'"now"'), NOT_MODIFIED),
        (Asked(if_none_match=b'"old", W/"now"'), NOT_MODIFIED),
        (Asked(if_none_match=b"*"), NOT_MODIFIED),
        (Asked(if_none_match=b'"old"'), WHOLE),
        (Asked(if_none_match=b'"old"', if_modified_since=SAME), WHOLE),
        (Asked(if_modified_since=SAME), NOT_MODIFIED),
        (Asked(if_modified_since=AFTER), NOT_MODIFIED),
        (Asked(if_modified_since=BEFORE), WHOLE),
        (Asked(if_modified_since=b"yesterday"), WHOLE),
        (Asked(if_match=b'"now"'), WHOLE),
        (Asked(if_match=b"*"), WHOLE),
        (Asked(if_match=b'W/"now"'), FAILED),
        (Asked(if_match=b'"old"'), FAILED),
        (Asked(if_match=b'"now"', if_unmodified_since=BEFORE), WHOLE),
        (Asked(if_unmodified_since=BEFORE), FAILED),
        (Asked(if_unmodified_since=SAME), WHOLE),
        (Asked(if_unmodified_since=b"?"), WHOLE),
        (Asked(if_match=b'"now"', if_none_match=b'"now"'), NOT_MODIFIED),
        (Asked(range=RESUME), PART),
        (Asked(range=b"bytes=100-"), UNSATISFIABLE),
        (Asked(range=b"bytes=0-0,-1"), WHOLE),
        (Asked(range=b"bytes=10-49,50-"), PART),
        (Asked(range=b"nonsense"), WHOLE),
        (Asked(b"HEAD", range=RESUME), WHOLE),
        (Asked(b"HEAD", if_none_match=b'"now"'), NOT_MODIFIED),
        (Asked(range=RESUME, if_none_match=b'"now"'), NOT_MODIFIED),
        (Asked(range=RESUME, if_match=b'"old"'), FAILED),
        (Asked(range=RESUME, if_range=b'"now"'), PART),
        (Asked(range=RESUME, if_range=b'"old"'), WHOLE),
        (Asked(range=RESUME, if_range=b'W/"now"'), WHOLE),
        (Asked(range=RESUME, if_range=SAME), PART),
        (Asked(range=RESUME, if_range=BEFORE), WHOLE),
        (Asked(range=RESUME, if_range=AFTER), WHOLE),
        (Asked(range=RESUME, if_range=b"garbage"), WHOLE),
        (Asked(range=b"bytes=100-", if_range=b'"old"'), WHOLE),
        (Asked(if_range=b'"old"'), WHOLE),
    ],
)
def test_conditions_come_first_and_ranges_last(asked: Asked, wanted: Outcome) -> None:
    """In the order of RFC 9110, 13.2.2; what cannot be read does not count."""
    assert outcome(asked, HELD) == wanted


def test_content_without_a_tag_matches_none() -> None:
    """Made on the fly, it may be another one each time."""
    made = Held(100)
    for asked in (
        Asked(if_none_match=b'""'),
        Asked(if_modified_since=AFTER),
        Asked(range=RESUME, if_range=b'""'),
        Asked(range=RESUME, if_range=render_date(0)),
    ):
        assert outcome(asked, made) == WHOLE
    assert outcome(Asked(if_match=b'""'), made) == FAILED


def test_content_of_unknown_size_has_no_parts() -> None:
    """Nobody knows where it ends."""
    assert outcome(Asked(range=RESUME), Held(None, b'"now"')) == WHOLE


FIELDS = (
    st.none() | st.binary(max_size=30) | st.sampled_from([b'"now"', b"*", SAME, AFTER, b"bytes=-1"])
)


@given(FIELDS, FIELDS, FIELDS, FIELDS, FIELDS, FIELDS, st.integers(0, 50))
def test_whatever_is_asked_there_is_an_answer(
    range_: bytes | None,
    match: bytes | None,
    none_match: bytes | None,
    since: bytes | None,
    unmodified: bytes | None,
    if_range: bytes | None,
    size: int,
) -> None:
    """And a part lies within the file."""
    asked = Asked(b"GET", range_, match, none_match, since, unmodified, if_range)
    found = outcome(asked, Held(size, b'"now"', NOW))
    assert (found.span is not None) == (found.code == 206)
    if found.span is not None:
        assert 0 <= found.span.offset < found.span.offset + found.span.length <= size
