"""Tests of `twisted_net.files.progress`: what a terminal shows while a file comes."""

import builtins
import io
import sys
from typing import Any

import pytest

from twisted_net.files import progress
from twisted_net.files.progress import _Transfer, summary


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
    with progress.screen(True) as screen, screen.moving("a\x1b[2Jb") as moved:
        moved(2_000_000, 0)
        moved(None, 700_000)
        with screen.aside():
            terminal.write("a line\n")
    first, second, wiped = terminal.getvalue().partition("\r\x1b[K")
    assert first.startswith("\ra\\x1b[2Jb  0 bytes of 2.0 MB, 0 %\x1b[K\ra\\x1b[2Jb  700 KB")
    assert (second, wiped) == ("\r\x1b[K", "a line\n\r\x1b[K\r\x1b[K")


def test_several_transfers_share_the_line() -> None:
    """With what all of them have to come, and how long that will take."""
    one, two = _Transfer("one", 1_000_000, 0), _Transfer("two", 3_000_000, 0)
    for transfer in (one, two):
        transfer.speed.seen(0, 0.0)
        transfer.speed.seen(500_000, 1.0)
        transfer.count = 500_000
    assert summary([one, two]) == "2 files  1.0 MB of 4.0 MB, 25 %  1.0 MB/s  0:03 left"
    two.size = None
    assert summary([one, two]) == "2 files  1.0 MB  1.0 MB/s"
    assert summary([one]) == "one  500 KB of 1.0 MB, 50 %  500 KB/s  0:01 left"


def test_a_plain_line_is_not_written_for_every_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal would be slower than the network."""
    terminal = look(monkeypatch)
    without_rich(monkeypatch)
    monkeypatch.setattr(progress, "EVERY", 1000.0)
    with progress.screen(True) as screen, screen.moving("a") as moved:
        for count in range(100):
            moved(100, count)
    assert terminal.getvalue().count("a  ") <= 1


def test_with_rich_there_is_a_bar_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name in brackets is a name, not markup; results are written between the bars."""
    terminal = look(monkeypatch)
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    with progress.screen(True) as screen, screen.moving("[red]a") as moved:
        moved(2_000_000, 500_000)
        with screen.moving("b") as other:
            other(None, 1)
        with screen.aside():
            terminal.write("a line\n")
    assert "[red]a" in terminal.getvalue()
    assert "a line\n" in terminal.getvalue()


@pytest.mark.parametrize("wanted", [True, False])
def test_nothing_is_shown_where_nobody_looks(wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a script or a log, and with --quiet."""
    stream = io.StringIO() if wanted else Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.screen(wanted) as screen, screen.moving("a") as moved, screen.aside():
        moved(10, 5)
    assert stream.getvalue() == ""
