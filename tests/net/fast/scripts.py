"""Random scripts for two parties of a connection, and what each of them saw.

A script is drawn from a seed and says what a party does when it has heard so many bytes, or so
much time after it was connected. Run once on Twisted's own transports and once on fast ones, both
parties must have seen the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import alsoProvides

#: What everybody writes, over and over: a byte out of place is seen.
PATTERN = bytes(range(251)) * 4000

#: What may be done, how often, and what has to be known for it.
ACTIONS: tuple[tuple[str, int], ...] = (
    ("write", 10),
    ("sequence", 4),
    ("push", 3),
    ("pull", 3),
    ("pause", 3),
    ("write, pull", 2),
    ("write, lose", 2),
    ("half", 2),
    ("lose", 2),
    ("abort", 1),
    ("raise", 1),
)

SIZES = (1, 10, 1000, 5000, 40_000, 70_000, 200_000)


@dataclass(frozen=True, slots=True)
class Step:
    """Do something.

    :ivar heard: when so many bytes were heard; None: at a time.
    :ivar at: the time after the connection was made, in seconds.
    """

    heard: int | None
    at: float
    action: str
    size: int
    count: int


@dataclass(frozen=True, slots=True)
class Script:
    """What one party does.

    :ivar halves: whether it knows of connections that are closed by halves.
    """

    halves: bool
    steps: tuple[Step, ...]


def draw(dice: Random) -> Script:
    """Draw the script of one party."""
    names = [name for name, often in ACTIONS for _ in range(often)]
    steps = []
    for _ in range(dice.randint(1, 7)):
        timed = dice.random() < 0.5
        steps.append(
            Step(
                None if timed else dice.choice((1, 2, 500, 20_000, 60_000)),
                round(dice.uniform(0, 0.3), 4) if timed else 0.0,
                dice.choice(names),
                dice.choice(SIZES),
                dice.randint(1, 6),
            )
        )
    return Script(dice.random() < 0.5, tuple(steps))


@dataclass(slots=True)
class Seen:
    """What a party saw.

    :ivar heard: how many bytes; that they were the right ones is checked as they come.
    :ivar told: what it was told, but for bytes.
    :ivar producers: what its producers were told.
    """

    heard: int = 0
    written: int = 0
    told: list[str] = field(default_factory=list)
    producers: list[str] = field(default_factory=list)


class Producer:
    """Writes pieces: whenever it is asked to, or one at a time until it is told to pause."""

    def __init__(self, party: "Party", size: int, left: int, streaming: bool) -> None:
        self.party = party
        self.size = size
        self.left = left
        self.paused = False
        self.streaming = streaming
        self.ended = False

    def start(self) -> None:
        """Begin."""
        try:
            self.party.transport.registerProducer(self, self.streaming)
        except RuntimeError:
            self.party.seen.told.append("two producers")
            return
        if self.streaming:
            self._push()

    def resumeProducing(self) -> None:
        """Go on."""
        self.party.outside("resume")
        self.paused = False
        if self.streaming:
            self.party.seen.producers.append("resumed")
            self._push()
        elif not self.ended:
            self._write()

    def pauseProducing(self) -> None:
        """Pause."""
        if not self.paused:  # as Twisted's transports do, a producer is told again and again
            self.party.seen.producers.append("paused")
        self.paused = True

    def stopProducing(self) -> None:
        """End."""
        self.party.seen.producers.append("stopped")
        self.ended = self.paused = True

    def _push(self) -> None:
        if not self.paused and not self.ended:
            self._write()
            if not self.ended:
                self.party.later(0.0007, self._push)

    def _write(self) -> None:
        if self.left:
            self.left -= 1
            self.party.write(self.size)
        if not self.left and not self.ended:
            self.ended = True
            self.party.transport.unregisterProducer()
            self.party.seen.producers.append("done")


class Party(Protocol):
    """Does what its script says.

    :ivar waiting: how many things it will still do at a time.
    """

    transport: Any

    def __init__(self, script: Script, call_later: Callable[..., Any]) -> None:
        self.script = script
        self.seen = Seen()
        self.lost = False
        self.waiting = 0
        self._call_later = call_later
        self._done: set[Step] = set()
        self._writing = 0
        self._reading = 0
        if script.halves:
            alsoProvides(self, IHalfCloseableProtocol)

    def later(self, delay: float, call: Callable[..., Any], *args: Any) -> None:
        """Call something later, if the connection still is."""
        self.waiting += 1
        self._call_later(delay, self._now, call, *args)

    def _now(self, call: Callable[..., Any], *args: Any) -> None:
        self.waiting -= 1
        if not self.lost:
            call(*args)

    def outside(self, what: str) -> None:
        """Make sure that nobody calls us from inside our own write."""
        assert not self._writing, f"{what} from inside a write"

    def write(self, size: int, sequence: bool = False) -> None:
        """Write so many bytes of the pattern."""
        start = self.seen.written
        pieces = [
            PATTERN[at % 251 : at % 251 + min(size - (at - start), 100_000)]
            for at in range(start, start + size, 100_000)
        ]
        self.seen.written += size
        self._writing += 1
        try:
            if sequence:
                self.transport.writeSequence(pieces)
            else:
                for piece in pieces:
                    self.transport.write(piece)
        finally:
            self._writing -= 1

    def connectionMade(self) -> None:
        """Begin."""
        self.seen.told.append("made")
        for step in self.script.steps:
            if step.heard is None:
                self.later(step.at, self._do, step)

    def dataReceived(self, data: bytes) -> None:
        """Check what came, and do what is to be done then."""
        self.outside("dataReceived")
        assert not self._reading, "dataReceived from inside dataReceived"
        assert not self.lost, "dataReceived after the end"
        start = self.seen.heard % 251
        for at in range(0, len(data), 500_000):
            piece = data[at : at + 500_000]
            begin = (start + at) % 251
            assert piece == PATTERN[begin : begin + len(piece)], "other bytes than were written"
        self.seen.heard += len(data)
        self._reading += 1
        try:
            for step in self.script.steps:
                if step.heard is not None and step.heard <= self.seen.heard and not self.lost:
                    self._do(step)
        finally:
            self._reading -= 1

    def readConnectionLost(self) -> None:
        """Note it; finish a little later."""
        self.outside("readConnectionLost")
        self.seen.told.append("no more to read")
        self.later(0.05, lambda: self.transport.loseConnection())

    def writeConnectionLost(self) -> None:
        """Note it."""
        self.seen.told.append("no more to write")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note it, and write what nobody will ever see."""
        self.outside("connectionLost")
        assert not self.lost, "lost twice"
        self.lost = True
        self.seen.told.append(f"lost: {type(reason.value).__name__}")
        self.transport.write(b"in vain")

    def _do(self, step: Step) -> None:
        if step in self._done:
            return
        self._done.add(step)
        for action in step.action.split(", "):
            getattr(self, f"_{action}")(step)

    def _write(self, step: Step) -> None:
        for _ in range(step.count):
            self.write(step.size)

    def _sequence(self, step: Step) -> None:
        self.write(step.size, sequence=True)

    def _push(self, step: Step) -> None:
        Producer(self, step.size, step.count, True).start()

    def _pull(self, step: Step) -> None:
        Producer(self, step.size, step.count, False).start()

    def _pause(self, step: Step) -> None:
        self.transport.pauseProducing()
        self.later(0.02 * step.count, self.transport.resumeProducing)

    def _half(self, step: Step) -> None:
        self.transport.loseWriteConnection()

    def _lose(self, step: Step) -> None:
        self.transport.loseConnection()

    def _abort(self, step: Step) -> None:
        self.transport.abortConnection()

    def _raise(self, step: Step) -> None:
        if self._reading:
            raise ZeroDivisionError
