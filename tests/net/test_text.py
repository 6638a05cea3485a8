"""Tests of `twisted_net.net.text`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.net.text import safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("bell\a", "bell\\x07"),
        ("two\r\nlines", "two\\r\\nlines"),
        ("evil\u202etxt.exe", "evil\\u202etxt.exe"),
        ("lone \ud800", "lone \\ud800"),
        ("你好　世界", "你好　世界"),
        ("a\u200db", "a\u200db"),
        (b"caf\xe9", "caf\\xe9"),
        (b"caf\xc3\xa9", "café"),
    ],
)
def test_what_a_terminal_might_obey_is_escaped(text: str | bytes, shown: str) -> None:
    """Letters of every script stay; controls and bad bytes are shown, not sent."""
    assert safe(text) == shown


def test_a_long_text_says_how_much_was_cut() -> None:
    """A stranger cannot fill the log with one name."""
    assert safe("x" * 300, 10) == "xxxxxxxxxx… (290 more)"


@given(st.text() | st.binary())
def test_nothing_unprintable_gets_through(text: str | bytes) -> None:
    """Whatever came, the result is one line of text that every encoding of a terminal takes."""
    shown = safe(text)
    assert not [c for c in shown if ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0]
    shown.encode("utf-8")
