"""Histories for tests: a clock whose threads do their work in order, and what was answered."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from twisted_net.chat.codec.messages import Event, Kind
from twisted_net.chat.core import kept
from twisted_net.chat.store import History, of_room
from twisted_net.chat.store.sqlite import SqliteHistory
from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.testing.threads import SimThreadPool

T = TypeVar("T")

LOBBY = of_room("lobby")

#: When the tests begin, in seconds since 1970, and the id of that.
START = 1767225600.0
FIRST = int(START * 1000) << 16

DAY = 86400.0


class Threaded(Clock):
    """A clock with a thread pool, whose work is done in the next moment.

    :ivar counters: what was lost.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counters = DoorCounters()
        self._pool = SimThreadPool(self._soon)
        self.advance(START)

    def getThreadPool(self) -> SimThreadPool:  # noqa: N802 - Twisted's
        """Return the pool."""
        return self._pool

    def callFromThread(self, call: Callable[..., object], *arguments: Any) -> None:
        """Call something, soon."""
        self.callLater(0, call, *arguments)

    def _soon(self, work: Callable[[Any], object], piece: Any) -> None:
        self.callLater(0, work, piece)

    def settle(self) -> None:
        """Let all be done that can be done now."""
        for _ in range(20):
            self.advance(0)


def filed(clock: Threaded, path: Path, **options: Any) -> SqliteHistory:
    """Open a history in a file."""
    drops = Drops("chat", clock.counters, clock.seconds)
    return SqliteHistory(clock, path, drops, **options)


class Kept:
    """A history on a clock.

    :ivar last: the id of the last event that `says` added.
    """

    def __init__(self, history: History, clock: Threaded) -> None:
        self.clock = clock
        self.history = history
        self.last = 0

    def says(
        self, *texts: str, of: str = LOBBY, kind: Kind = Kind.SAID, **fields: Any
    ) -> list[Event]:
        """Add events, a second after each other."""
        made = []
        for text in texts:
            self.clock.advance(1.0)
            self.last = int(self.clock.seconds() * 1000) << 16
            private = " " in of
            made.append(Event(self.last, kind, of, "red", text, private=private, **fields))
            self.history.add(of, made[-1])
        return made

    def got(self, asked: "Deferred[list[Event]]") -> list[str]:
        """Return the texts of an answer."""
        return [event.text for event in self.of(asked)]

    def of(self, asked: "Deferred[T]") -> T:
        """Return an answer."""
        self.clock.settle()
        return answer(asked)


class Records:
    """What is written down of rooms, in memory.

    :ivar broken: whether nothing can be written.
    :ivar writes: how many times somebody tried.
    """

    def __init__(self, *texts: str) -> None:
        self.rooms = {kept.read(text).name: text for text in texts}
        self.broken = False
        self.writes = 0

    def put(self, key: str, founder: str, record: str) -> "Deferred[None]":
        """Write one down."""
        self.writes += 1
        if self.broken:
            return fail(OSError("disk full"))
        assert kept.read(record).founder == founder
        self.rooms[key] = record
        return succeed(None)

    def drop(self, key: str) -> "Deferred[None]":
        """Forget one."""
        self.writes += 1
        if self.broken:
            return fail(OSError("disk full"))
        self.rooms.pop(key, None)
        return succeed(None)


def answer(asked: "Deferred[T]") -> T:
    """Return an answer that is there."""
    found: list[T] = []
    asked.addCallback(found.append)
    (given,) = found
    return given


def raised(asked: "Deferred[Any]") -> None:
    """Raise what an answer that is there failed with."""
    failures: list[Failure] = []
    asked.addErrback(failures.append)
    (failure,) = failures
    assert failure.value is not None
    raise failure.value


def failed(asked: "Deferred[Any]") -> bool:
    """Say whether an answer is a failure, which stays where it is."""
    return isinstance(getattr(asked, "result", None), Failure)
