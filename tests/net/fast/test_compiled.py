"""Tests of `twisted_net.net.fast._streams`, compiled, beside what it stands for in `streams`.

That it does the same is also what all other tests of fast transports show: they run on it where it
is there, and `make test-pure` runs them without it.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.abstract import FileDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST

from tests.leaks import SLACK, left_by
from twisted_net.net.counters import DoorCounters
from twisted_net.net.fast import compiled
from twisted_net.net.fast.streams import ANSWERED, LARGE_READ, SILENT, SMALL_READ, FastStream

ROOT = Path(__file__).parents[3]

needs_it = pytest.mark.skipif(bool(compiled.why_not), reason=f"not compiled: {compiled.why_not}")


class Socket:
    """What a socket says to ``recv`` and ``send``, one after the other; errors are raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[Any] = []

    def recv(self, size: int) -> Any:
        """Say what comes."""
        return self._next(size)

    def send(self, data: bytes) -> Any:
        """Say how much goes."""
        return self._next(data)

    def _next(self, asked: Any) -> Any:
        self.asked.append(asked)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise type(answer)(*answer.args)  # a new one: each time one is raised it grows
        return answer


class Reactor:
    """Notes who wants to write."""

    def __init__(self) -> None:
        self.writers: list[Any] = []

    def addWriter(self, writer: Any) -> None:  # noqa: N802 - Twisted's
        """Note it."""
        self.writers.append(writer)

    def removeWriter(self, writer: Any) -> None:  # noqa: N802 - Twisted's
        """Forget it."""
        self.writers.remove(writer)


class _Made:
    _begin: Callable[[], None]  # FastStream's


class _Connection(FileDescriptor, _Made):
    """What is left of one of Twisted's when everything is usual."""

    TLS = False

    def __init__(self, sock: Any, protocol: Any) -> None:
        FileDescriptor.__init__(self, Reactor())  # type: ignore[arg-type]
        self.socket = sock
        self.protocol = protocol
        self.connected = 1
        self._begin()
        self.counters = DoorCounters()
        self._plain = True

    def writeSomeData(self, data: bytes) -> int:  # noqa: N802 - Twisted's
        """Send some of it, as Twisted's do."""
        try:
            sent: int = self.socket.send(bytes(data))
        except BlockingIOError:
            return 0
        return sent


class InPython(FastStream, _Connection):
    """One that is Python."""


class Compiled(compiled.Stream, _Connection):
    """One that is compiled, where it is."""


BOTH: list[Any] = [InPython, Compiled]
each_kind = pytest.mark.parametrize("kind", [InPython, pytest.param(Compiled, marks=needs_it)])


def echoing(kind: Any, *answers: Any, times: int = 1) -> Any:
    """Make a connection of which the protocol answers with what it gets."""
    protocol = SimpleNamespace()
    made = kind(Socket(*answers), protocol)
    protocol.dataReceived = lambda data: [made.write(data) for _ in range(times)]
    return made


def state(stream: Any) -> dict[str, Any]:
    """Return everything that a read or a write may change."""
    names = ("_tempDataBuffer", "_tempDataLen", "dataBuffer", "offset", "_plain", "_asked")
    more = ("_inside", "_owed", "_broken", "producerPaused", "stirred", "_read_size", "counters")
    return {name: getattr(stream, name) for name in (*names, *more, "_unanswered")}


ANSWERS: list[tuple[Any, ...]] = [
    (b"hello", 5),
    (b"hello", 2),
    (b"hello", BlockingIOError()),
    (b"hello", OSError(105, "ENOBUFS")),
    (b"hello", BrokenPipeError(32, "EPIPE")),
    (b"hello", ConnectionResetError(104, "ECONNRESET")),
    (b"hello", OSError("no number")),
    (BlockingIOError(),),
    (ConnectionResetError(104, "ECONNRESET"),),
    (b"",),
    (b"x" * SMALL_READ, SMALL_READ),
    (b"x" * (SMALL_READ - 1), SMALL_READ - 1),
]


@needs_it
@pytest.mark.parametrize("answers", ANSWERS, ids=repr)
@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_read_leaves_the_same_behind(answers: tuple[Any, ...], times: int) -> None:
    """Whatever the socket says to it, and to the answer; whatever is unanswered."""
    for unanswered in (ANSWERED, SILENT, 0, 4, 5, 6, 1 << 40):
        read_on_both(answers, times, unanswered)


def read_on_both(answers: tuple[Any, ...], times: int, unanswered: int) -> None:
    """Read once on each, and compare what that leaves behind."""
    given = [each * times if isinstance(each, int) and each > 2 else each for each in answers]
    both = [echoing(kind, *given, times=times) for kind in BOTH]
    for each in both:
        each._unanswered = unanswered
    read = [each.doRead() for each in both]
    assert read[0] is read[1]
    assert read[0] in (None, CONNECTION_LOST, CONNECTION_DONE)
    assert state(both[0]) == state(both[1])
    assert both[0].socket.asked == both[1].socket.asked
    assert [len(each.reactor.writers) for each in both].count(len(both[0].reactor.writers)) == 2


@needs_it
@pytest.mark.parametrize("answer", [5, 2, BlockingIOError(), OSError(105, "ENOBUFS"), OSError(32)])
def test_what_is_written_at_once_leaves_the_same_behind(answer: Any) -> None:
    """So does what the socket did not take."""
    both = [kind(Socket(answer), None) for kind in BOTH]
    for each in both:
        each.write_now(b"hello")
    assert state(both[0]) == state(both[1])
    assert both[0].socket.asked == both[1].socket.asked == [b"hello"]


@each_kind
def test_a_read_grows_when_it_came_back_full(kind: Any) -> None:
    """And shrinks again."""
    made = echoing(kind, b"x" * SMALL_READ, SMALL_READ, b"y" * 9, 9, b"z", 1)
    for _ in range(3):
        made.doRead()
    assert made.socket.asked[::2] == [SMALL_READ, LARGE_READ, SMALL_READ]
    assert (made.counters.received, made.counters.sent) == (SMALL_READ + 10, SMALL_READ + 10)


@each_kind
def test_the_first_message_is_answered_by_what_is_sent_after_a_greeting(kind: Any) -> None:
    """However slowly that leaves; and by nothing that is sent before anything was heard."""
    made = kind(Socket(3, b"he", BlockingIOError(), 3, b"llo", 1, 2), None)
    made.protocol = SimpleNamespace(dataReceived=lambda data: None)
    made.attend(None, made.counters, None, waits=True)
    made.write(b"welcome")
    seen = []
    for act in (*[made.doWrite, made.doRead, made.doWrite] * 2, made.doWrite):
        act()
        seen.append(made.answered)
        if act == made.doRead:
            made.write(b"a")
    assert seen == [False] * 6 + [True]


@each_kind
def test_an_error_of_the_protocol_is_handed_on(kind: Any) -> None:
    """The reactor ends the connection; what was written before is not sent by the read."""
    made = echoing(kind, b"hello")

    def fail(data: bytes) -> None:
        made.write(data)
        raise LookupError("mine")

    made.protocol.dataReceived = fail
    with pytest.raises(LookupError, match="mine"):
        made.doRead()
    assert not made._inside
    assert made._tempDataBuffer == [b"hello"]


@each_kind
def test_a_stand_in_for_the_counters_is_asked_as_they_are(kind: Any) -> None:
    """It may raise, too."""

    class Curious:
        sent = received = 0

    class Broken:
        received = 0

        @property
        def sent(self) -> int:
            raise LookupError("sums")

    made = echoing(kind, b"hello", 5, b"hello", 5)
    made.counters = Curious()
    made.doRead()
    assert (made.counters.received, made.counters.sent) == (5, 5)
    made.counters = Broken()
    with pytest.raises(LookupError, match="sums"):
        made.doRead()


@each_kind
def test_sums_of_any_size_are_kept(kind: Any) -> None:
    """Beyond 64 bits."""
    made = echoing(kind, b"hello", 5)
    made.counters = DoorCounters(received=1 << 80, sent=(1 << 64) - 1)
    made.doRead()
    assert made.counters == DoorCounters(received=(1 << 80) + 5, sent=(1 << 64) + 4)


@each_kind
def test_write_takes_what_it_says(kind: Any) -> None:
    """By position or by name, and nothing else."""
    made = kind(Socket(1, 1), None)
    for write in (made.write, made.write_now):
        write(data=b"")
        for arguments, names in (((), {}), ((b"a", b"b"), {}), ((), {"text": b"a"})):
            with pytest.raises(TypeError):
                write(*arguments, **names)


@each_kind
def test_what_is_closed_is_an_error_and_no_crash(kind: Any) -> None:
    """The reactor asks nobody who is gone, but others might."""
    made = echoing(kind)
    del made.socket
    with pytest.raises(AttributeError):
        made.doRead()
    with pytest.raises(AttributeError):
        made.write_now(b"hello")


@needs_it
def test_a_socket_that_goes_while_it_is_used_is_no_crash() -> None:
    """Twisted takes it away at the end of a connection, and a protocol may bring that about."""

    class Going(Socket):
        def recv(self, size: int) -> Any:
            del made.socket
            return super().recv(size)

    made: Any = BOTH[1](
        Going(b"hello"), SimpleNamespace(dataReceived=lambda data: made.write(data))
    )
    made.doRead()
    assert (made._tempDataBuffer, len(made.reactor.writers)) == ([b"hello"], 1)


@needs_it
def test_what_must_be_there_cannot_be_taken_away() -> None:
    """It would be looked for without asking."""
    made = BOTH[1](Socket(), None)
    with pytest.raises(TypeError):
        made._tempDataBuffer = ()
    with pytest.raises(TypeError):
        del made._tempDataBuffer
    with pytest.raises(TypeError):
        del made.dataBuffer


@needs_it
@pytest.mark.parametrize("answers", [("text",), (b"hello", 6), (b"hello", -1), (b"hello", "5")])
def test_a_socket_that_says_nonsense_is_an_error_and_no_crash(answers: tuple[Any, ...]) -> None:
    """It is somebody's own."""
    with pytest.raises((TypeError, ValueError)):
        echoing(Compiled, *answers).doRead()


@needs_it
def test_nothing_is_leaked() -> None:
    """Of ten thousand messages, and of a hundred connections that failed in all ways."""

    def play() -> None:
        made = echoing(Compiled, *[b"hello" * 9, 45] * 2000)
        for _ in range(2000):
            made.doRead()
        for answers in ANSWERS:
            made = echoing(Compiled, *answers)
            made.doRead()
            made.protocol = made  # a circle
        del made
        gc.collect()

    assert left_by(play) < SLACK


def other(pure: str, *words: str) -> str:
    """Return what another Python prints, with or without what is compiled."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "PURE_PYTHON": pure},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout.strip()


@needs_it
def test_random_scripts_end_alike_with_and_without_it() -> None:
    """To the byte, on a simulated network."""
    words = ("-m", "tests.net.fast.outcomes", "60")
    assert other("1", *words) == other("0", *words)
