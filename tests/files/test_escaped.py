"""Tests of `twisted_net.files.escaped`."""

import os

from hypothesis import example, given
from hypothesis import strategies as st

from twisted_net.files.escaped import meant
from twisted_net.net.text import safe

#: What a name is made of that nobody who escapes it would take for an escape.
NAMES = st.binary(max_size=40).filter(lambda name: b"\\" not in name)


@given(NAMES.map(os.fsdecode))
@example("\U00040000")  # no letter, and beyond the first 65,536
@example("\U0010ffff")
def test_what_is_shown_is_read_back(name: str) -> None:
    """Bytes that are no text, controls, overrides: all but the second set of controls."""
    raw = os.fsencode(name)
    if not any("\x80" <= each <= "\x9f" for each in raw.decode(errors="ignore")):
        assert os.fsencode(meant(safe(raw))) == raw


@given(
    st.text(max_size=40)
    | st.from_regex(r"(\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U00[01][0-9a-f]{5}|\\.)+", fullmatch=True)
)
def test_any_text_is_the_name_of_something(text: str) -> None:
    """What has no escape is as it was; no escape makes what no system has for a name."""
    assert os.fsencode(meant(text)) or not text
    assert "\\" in text or meant(text) == text


def test_a_backslash_is_a_letter() -> None:
    """Where no escape begins."""
    assert meant(r"a\b\xgg\u12") == r"a\b\xgg\u12"
