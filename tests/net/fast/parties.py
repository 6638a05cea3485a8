"""Those who play scripts: what they do, and what they see."""

from collections.abc import Callable
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import alsoProvides

from tests.net.fast.scripts import Script, Step
from twisted_net.testing.kernel.sockets import LINGER

#: What everybody writes, over and over: a byte out of place is seen.
PATTERN = bytes(range(251)) * 4000


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
        self.party.may_fail("resumeProducing")
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
        self.party.may_fail("stopProducing")

    def _push(self) -> None:
        if not self.paused and not self.ended:
            self._write()
            if not self.ended:
                self.party.later(0.00073, self._push)

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
    :ivar another: another party of the same process.
    :ivar opening: what is done as soon as it is connected: its script, unless words come first.
    """

    transport: Any
    another: "Party | None" = None
    opening: "Opening | None" = None

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
        """Note it if somebody calls us from inside our own write, as only TLS may."""
        if self._writing:
            self.seen.told.append(f"{what} from inside a write")

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

    def may_fail(self, hook: str) -> None:
        """Raise an error if the script wants it."""
        if self.script.fails == hook:
            raise ZeroDivisionError

    def connectionMade(self) -> None:
        """Begin."""
        self.seen.told.append("made")
        if self.opening is None:
            self.begin()
        else:
            self.opening.made(self)
        self.may_fail("connectionMade")

    def begin(self) -> None:
        """Do from now on what the script says."""
        self.opening = None
        for step in self.script.steps:
            if step.heard is None:
                self.later(step.at, self._do, step)

    def dataReceived(self, data: bytes) -> None:
        """Check what came, and do what is to be done then."""
        self.outside("dataReceived")
        assert not self._reading, "dataReceived from inside dataReceived"
        assert not self.lost, "dataReceived after the end"
        if self.opening is not None:
            self.opening.heard(self, data)
            return
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
        self.later(0.0507, lambda: self.transport.loseConnection())
        self.may_fail("readConnectionLost")

    def writeConnectionLost(self) -> None:
        """Note it."""
        self.seen.told.append("no more to write")
        self.may_fail("writeConnectionLost")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note it, and write what nobody will ever see."""
        self.outside("connectionLost")
        assert not self.lost, "lost twice"
        self.lost = True
        self.seen.told.append(f"lost: {type(reason.value).__name__}")
        self.transport.write(b"in vain")
        self.transport.writeSequence([b"in", b"vain"])
        self.transport.loseConnection()
        self.may_fail("connectionLost")

    def _do(self, step: Step) -> None:
        if step in self._done:
            return
        self._done.add(step)
        for action in step.action.split(", "):
            verb, *to_whom = action.split()
            whom = self.another if to_whom else self
            if whom is not None and not whom.lost and whom.transport is not None:
                getattr(whom, f"_{verb}")(step)

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
        self.later(0.02129 * step.count, self.transport.resumeProducing)

    def _slow(self, step: Step) -> None:
        for turn in range(10):
            self.later(0.0317 * turn + 0.00011, self.transport.pauseProducing)
            self.later(0.0317 * turn + 0.0293, self.transport.resumeProducing)

    def _resume(self, step: Step) -> None:
        self.transport.resumeProducing()

    def _own(self, step: Step) -> None:
        try:
            self.transport.registerProducer(self.transport, True)
        except RuntimeError:
            self.seen.told.append("two producers")

    def _unregister(self, step: Step) -> None:
        self.transport.unregisterProducer()

    def _half(self, step: Step) -> None:
        self.transport.loseWriteConnection()

    def _lose(self, step: Step) -> None:
        self.transport.loseConnection()

    def _abort(self, step: Step) -> None:
        self.transport.abortConnection()

    def _linger(self, step: Step) -> None:
        own = getattr(self.transport, "transport", self.transport)  # not TLS
        type(own).getHandle(own).setsockopt(SOL_SOCKET, SO_LINGER, LINGER.pack(1, 0))
        self.transport.loseConnection()

    def _raise(self, step: Step) -> None:
        if self._reading:
            raise ZeroDivisionError


class Opening:
    """Some words in the clear, then TLS.

    :param speaks: whether this end says them; it is the one that proves itself.
    :param normal: whether that is the end which listens.
    """

    words = b"these come before TLS does"

    def __init__(self, context: Any, speaks: bool, normal: bool) -> None:
        self._context = context
        self._speaks = speaks
        self._normal = normal
        self._left = self.words

    def made(self, party: Party) -> None:
        """Say them."""
        if self._speaks:
            party.transport.write(self.words)
            party.transport.startTLS(self._context, self._normal)
            party.begin()

    def heard(self, party: Party, data: bytes) -> None:
        """Hear them, and begin."""
        assert self._left.startswith(data)
        self._left = self._left[len(data) :]
        if not self._left:
            party.transport.startTLS(self._context, self._normal)
            party.begin()


class Hands(ClientFactory):
    """Hands out one party."""

    noisy = False

    def __init__(self, party: Party) -> None:
        self.party = party

    def buildProtocol(self, addr: Any) -> Party:
        """Return it."""
        return self.party
