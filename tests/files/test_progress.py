"""Tests of `twisted_net.files.progress`: what a terminal shows while a file comes."""

import builtins
import io
import sys
from typing import Any

import pytest

from twisted_net.files import progress


class Terminal(io.StringIO):
    """Standard error on a terminal."""

    def isatty(self) -> bool:
        """Be one."""
        return True


def look(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Look at standard error; within the test, for pytest puts its own there before each."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that the extra is not installed."""
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("rich"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_without_rich_there_is_one_plain_line_that_is_wiped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stranger's name cannot write elsewhere on the screen."""
    terminal = look(monkeypatch)
    without_rich(monkeypatch)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with progress.shown("a\x1b[2Jb", True) as moved:
        moved(2_000_000, 0)
        moved(2_000_000, 500_000)
        moved(None, 700_000)
    assert terminal.getvalue() == (
        "\ra\\x1b[2Jb  0 bytes of 2.0 MB, 0 %\x1b[K"
        "\ra\\x1b[2Jb  500 KB of 2.0 MB, 25 %\x1b[K"
        "\ra\\x1b[2Jb  700 KB\x1b[K"
        "\r\x1b[K"
    )


def test_a_plain_line_is_not_written_for_every_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal would be slower than the network."""
    terminal = look(monkeypatch)
    without_rich(monkeypatch)
    monkeypatch.setattr(progress, "EVERY", 1000.0)
    with progress.shown("a", True) as moved:
        for count in range(100):
            moved(100, count)
    assert terminal.getvalue().count("a  ") <= 1


def test_with_rich_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name in brackets is a name, not markup."""
    terminal = look(monkeypatch)
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    with progress.shown("[red]a", True) as moved:
        moved(2_000_000, 500_000)
    assert "[red]a" in terminal.getvalue()


@pytest.mark.parametrize("wanted", [True, False])
def test_nothing_is_shown_where_nobody_looks(wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a script or a log, and with --quiet."""
    stream = io.StringIO() if wanted else Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.shown("a", wanted) as moved:
        moved(10, 5)
    assert stream.getvalue() == ""
