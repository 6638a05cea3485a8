"""Tests of `twisted_net.net.printing`."""

import io
from pathlib import Path

import pytest

from twisted_net.net.printing import escaping, nowhere, printed


@pytest.mark.parametrize("charset", ["ascii", "latin-1", "cp1252"])
def test_what_a_charset_does_not_have_is_shown_escaped(charset: str) -> None:
    """A name of somebody else's must not end a program."""
    out = io.TextIOWrapper(io.BytesIO(), charset)
    escaping(out)
    out.write("a\N{CJK UNIFIED IDEOGRAPH-65E5}\n")
    out.flush()
    assert out.buffer.getvalue() == b"a\\u65e5\n"


def test_an_output_of_another_kind_is_left_alone() -> None:
    """Tests and others put anything in the place of standard output, or nothing."""
    escaping(io.StringIO())
    escaping(None)  # type: ignore[arg-type]  # pythonw


def test_a_line_is_printed_whatever_is_in_it() -> None:
    """And at once."""
    out = io.TextIOWrapper(io.BytesIO(), "ascii")
    assert printed("caf\N{LATIN SMALL LETTER E WITH ACUTE}", out)
    assert out.buffer.getvalue() == b"caf\\xe9\n"


def test_a_line_that_cannot_be_printed_is_given_up(tmp_path: Path) -> None:
    """With all that is printed after it; closing it is no error then."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full")
    with full.open("w") as out:
        assert not printed("x", out)
        assert printed("y", out)


def test_what_goes_nowhere_was_not_written(tmp_path: Path) -> None:
    """Not even what was in the buffer."""
    file = tmp_path / "out"
    with file.open("w") as out:
        out.write("x")
        nowhere(out)
        out.write("y")
    assert file.read_bytes() == b""
