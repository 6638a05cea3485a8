"""Tests of `twisted_net.net.websocket.lines`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.net.websocket.lines import LineCutter, NotALineError, line_in


@pytest.mark.parametrize("message", [b"NICK a", b"NICK a\r\n", b"NICK a\n", b"NICK a\r"])
def test_an_ending_is_passed_over(message: bytes) -> None:
    """Old clients send one."""
    assert line_in(message) == b"NICK a\r\n"


@pytest.mark.parametrize("message", [b"a\r\nb", b"a\nb", b"a\rb", b"a\n\n", b"\n\r\n"])
def test_a_message_is_one_line(message: bytes) -> None:
    """Not two."""
    with pytest.raises(NotALineError, match="one line a message"):
        line_in(message)


@pytest.mark.fuzz
@given(st.lists(st.binary(max_size=5)))
def test_lines_are_cut_alike_however_they_come(pieces: list[bytes]) -> None:
    """None is lost, and none is empty."""
    cutter, once = LineCutter(1000), LineCutter(1000)
    cut = [line for piece in pieces for line in cutter.cut(piece)]
    assert cut == once.cut(b"".join(pieces))
    assert cutter.rest() == once.rest()
    assert all(line and b"\n" not in line for line in cut)


def test_a_line_without_an_end_is_not_held_for_ever() -> None:
    """It goes out as it is."""
    cutter = LineCutter(10)
    assert cutter.cut(b"x" * 10) == []
    assert cutter.cut(b"y") == [b"xxxxxxxxxxy"]
    assert cutter.rest() == b""
