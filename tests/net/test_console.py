"""Tests of `twisted_net.net.console`."""

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactor

from twisted_net.net import console
from twisted_net.net.errors import (
    BadAnswerError,
    ClientError,
    ConnectError,
    NetError,
    NoAnswerError,
    SettingError,
    StartError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ClientError("x"), 1),
        (StartError("x"), 1),
        (NetError("x"), 1),
        (SettingError("x"), 2),
        (ConnectError("x"), 3),
        (NoAnswerError("x"), 4),
        (BadAnswerError("x"), 5),
    ],
)
def test_each_error_has_its_code_and_one_line(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scripts look at the code, people at the line."""
    with pytest.raises(SystemExit) as caught:
        console.fail(error)
    assert (caught.value.code, capsys.readouterr().err) == (code, "netdemo: x\n")


def test_a_strangers_text_in_an_error_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """A server's words must not reach the terminal raw."""
    with pytest.raises(SystemExit):
        console.fail(BadAnswerError("it said \x1b[2J\nand more"))
    assert capsys.readouterr().err == "netdemo: it said \\x1b[2J\\nand more\n"


def test_a_result_is_a_line_or_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    """For people, or for programs."""
    console.say("café", {"text": "café"}, False)
    console.say("café", {"text": "café"}, True)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "café"
    assert json.loads(shown[1]) == {"text": "café"}
    assert shown[1].isascii()


class Reactor(MemoryReactor):
    """A reactor that runs until it is stopped, or has a script that says when."""

    def __init__(self, meanwhile: Callable[["Reactor"], None] = lambda _: None) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def run(self, installSignalHandlers: bool = True) -> None:  # noqa: N803
        """Start what waits for the start, then do what the script says."""
        self.running = True
        for call, arguments, named in self.whenRunningHooks:
            call(*arguments, **named)
        self._meanwhile(self)

    def callFromThread(self, call: Callable[[], object]) -> None:
        """Call at once."""
        call()

    def stop(self) -> None:
        """Call what waits for the end."""
        self.running = False
        for call, arguments, named in self.triggers["before"]["shutdown"]:
            call(*arguments, **named)


def test_a_coroutine_runs_to_its_end() -> None:
    """Its outcome is kept."""

    async def main(reactor: Any) -> None:
        assert reactor is running

    running = Reactor()
    runner = console._Runner(running, main)
    runner.run()
    assert (runner.outcome, runner.interrupted, running.running) == (None, False, False)


def test_an_interrupted_coroutine_cleans_up() -> None:
    """It is cancelled where it waits, and what it began is undone."""
    undone: list[bool] = []

    async def main(reactor: Any) -> None:
        try:
            await Deferred[None]()
        finally:
            undone.append(True)

    runner = console._Runner(Reactor(lambda reactor: reactor.stop()), main)
    runner.run()
    assert (undone, runner.interrupted) == ([True], True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_interrupts_and_is_told(number: int) -> None:
    """What was begun is undone as on Ctrl-C, and the shell learns which signal it was."""
    undone: list[bool] = []

    async def main(reactor: Any) -> None:
        try:
            await Deferred[None]()
        finally:
            undone.append(True)

    before = signal.getsignal(number)
    runner = console._Runner(Reactor(lambda _: signal.raise_signal(number)), main)
    runner.run()
    assert (undone, runner.interrupted, runner.signal) == ([True], True, number)
    assert signal.getsignal(number) is before


class Descriptors(MemoryReactor):
    """A reactor that notes what it watches."""

    def __init__(self) -> None:
        super().__init__()
        self.watched: list[Any] = []

    def addReader(self, reader: Any) -> None:
        """Watch."""
        self.watched.append(reader)

    def removeReader(self, reader: Any) -> None:
        """Watch no more."""
        self.watched = [each for each in self.watched if each is not reader]


def test_standard_input_is_read_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Piece by piece, paused when asked to, ended once."""
    pieces = [b"one", b"two", b""]
    monkeypatch.setattr("os.read", lambda fd, size: pieces.pop(0))
    reactor, seen = Descriptors(), list[Any]()
    source = console.StandardInput(reactor, seen.append, lambda: seen.append("end"))
    assert (reactor.watched, source.fileno(), source.logPrefix()) == ([source], 0, "stdin")
    source.doRead()
    source.pauseProducing()
    assert reactor.watched == []
    source.resumeProducing()
    source.doRead()
    source.doRead()
    assert (seen, reactor.watched) == ([b"one", b"two", "end"], [])
