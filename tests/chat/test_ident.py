"""Tests of `twisted_net.chat.core.ident`."""

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.chat.codec.messages import Refusal, shown_id
from twisted_net.chat.core.ident import (
    Ids,
    checked_name,
    checked_room,
    checked_text,
    folded,
    skeleton,
)


@pytest.mark.parametrize("name", ["red", "R2-D2", "a_b", "7", "é", "小明", "x" * 24, "字" * 24])
def test_a_name_may_be_of_any_script(name: str) -> None:
    """Letters and digits, wherever they come from."""
    assert checked_name(name) == name


BAD_NAMES = ["", "x" * 25, "\U00020000" * 19, "a b", "a,b", "admin\n", "a\0", "a\u202eb"]
BAD_NAMES += ["a\u200db", "a.b", "#a", "½", "\u3164", "\ud800"]
BAD_ROOMS = ["", "x" * 50, "字" * 17, "a b", "a,b", "a\u3000b", "\u2067a", "\n", "\ud800"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_could_deceive_is_refused(name: str) -> None:
    """No spaces, signs, controls, bidi characters or letters that nobody sees."""
    with pytest.raises(Refusal) as refused:
        checked_name(name)
    assert str(refused.value) == "422 name: 1-24 letters, digits, - or _"


def test_a_name_is_shown_in_one_form() -> None:
    """However the keyboard composed it."""
    assert checked_name("e\u0301") == "é"


def test_names_are_equal_but_for_ascii_case() -> None:
    """As ``CASEMAPPING=ascii`` of IRC has it."""
    assert folded("Red") == folded("rED")
    assert folded("É") != folded("é")


@pytest.mark.parametrize(("one", "other"), [("É", "é"), ("Ⅸ", "ix"), ("straße", "STRASSE")])
def test_names_that_read_the_same_have_one_skeleton(one: str, other: str) -> None:
    """So that nobody can pass for somebody else."""
    assert skeleton(one) == skeleton(other)


@given(st.text(max_size=30))
def test_equal_names_have_equal_skeletons(text: str) -> None:
    """Else one member could be in twice; and a name that is taken stays one."""
    name = unicodedata.normalize("NFC", text)
    assert skeleton(folded(name)) == skeleton(name)
    assert skeleton(skeleton(name)) == skeleton(name)


@pytest.mark.parametrize("room", ["lobby", "#c++", "茶", "x" * 49])
def test_a_room_may_have_signs(room: str) -> None:
    """More than a name: it stands in nobody's place."""
    assert checked_room(room) == room


@pytest.mark.parametrize(
    "room", ["", "x" * 50, "字" * 17, "a b", "a,b", "a\u3000b", "\u2067a", "\n"]
)
def test_a_room_that_would_break_a_line_is_refused(room: str) -> None:
    """No space, comma, control or bidi character; at most 49 bytes."""
    with pytest.raises(Refusal) as refused:
        checked_room(room)
    assert str(refused.value) == "422 room: 1-49 bytes, no space or comma"


def test_a_text_is_counted_in_bytes() -> None:
    """A message with all its fields has to fit one datagram."""
    assert checked_text("字" * 333) == "字" * 333
    for text in ("", "字" * 334, "x" * 1001):
        with pytest.raises(Refusal, match="422 text: at most 1000 bytes"):
            checked_text(text)


def test_a_text_holds_no_lone_surrogate() -> None:
    """UTF-8 has none; it could not be sent."""
    with pytest.raises(Refusal, match="400 control character 0xd800"):
        checked_text("a\ud800")


def test_an_id_is_the_time_and_a_count() -> None:
    """So that it sorts, and says when."""
    ids = Ids()
    assert shown_id(ids.next(1767225600.123)) == "1767225600123-0"
    assert shown_id(ids.next(1767225600.123)) == "1767225600123-1"
    assert shown_id(ids.next(1767225600.124)) == "1767225600124-0"


@given(st.lists(st.floats(0, 4e9), min_size=2))
def test_ids_only_grow(times: list[float]) -> None:
    """Also when the clock steps back."""
    ids = Ids()
    made = [ids.next(now) for now in times]
    assert all(one < other for one, other in itertools.pairwise(made))
    assert all(each < 1 << 64 for each in made)
