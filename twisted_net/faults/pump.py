"""One direction of a connection through the proxy: reads, waits as the rules want it, writes."""

from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IPushProducer
from zope.interface import implementer

from twisted_net.faults.core.breakage import TICK
from twisted_net.faults.core.events import Event
from twisted_net.faults.core.streams import Act, StreamWay
from twisted_net.faults.sides import Side


class Both(Protocol):
    """Both directions, as one of them sees them.

    :ivar over: whether everything has been said, and only the ends are waited for.
    """

    over: bool

    def touch(self) -> None:
        """Note that there was a byte."""

    def tell(self, events: Sequence[Event]) -> None:
        """Tell what was done."""

    def strike(self, act: Act, sink: Side) -> None:
        """Do what happens to the connection as a whole."""


@implementer(IPushProducer)
class Pump:
    """Moves one direction: from a side, through a `StreamWay`, to the other."""

    def __init__(
        self, way: StreamWay, source: Side, sink: Side, reactor: Any, passage: Both
    ) -> None:
        self.way = way
        self._source = source
        self._sink = sink
        self._reactor = reactor
        self._passage = passage
        self._choked = False
        self._reading = True
        self._slow = False
        self._timer: IDelayedCall | None = None

    def start(self) -> None:
        """Begin."""
        self._source.out = self
        self._sink.transport.registerProducer(self, True)
        self.run()

    def feed(self, data: bytes) -> None:
        """Take what the source said."""
        self._passage.touch()
        self._passage.tell(self.way.feed(data, self._reactor.seconds()))
        self.run()

    def end(self) -> None:
        """Take the end of what the source said."""
        self.way.end(self._reactor.seconds())
        self.run()

    def run(self) -> None:
        """Pass on what is due, read on or wait, and look again when there is something to do."""
        self._cancel()
        if self._passage.over or self._sink.lost:
            return
        now = self._reactor.seconds() + TICK
        # Of many pieces each leaves in a turn of its own: see `_wake`.
        while not (self._struck(now) or self.way.paced or self._choked):
            if not self._pass_on(now):
                break
        if not (self._passage.over or self._source.lost or self._sink.lost):
            self._read(self.way.hungry(now))
            self._look_at(now)

    def _struck(self, now: float) -> bool:
        """Let happen what is to happen to the connection now; say whether something did."""
        act, events = self.way.struck(now)
        self._passage.tell(events)
        if act is not None:
            self._passage.strike(act, self._sink)
        return act is not None

    def _pass_on(self, now: float) -> bool:
        """Pass one piece on; say whether there was one."""
        found = self.way.take(now)
        if isinstance(found, bytes):
            self._passage.touch()
            self._sink.transport.write(found)
            return True
        if found is not None:
            self._passage.strike(found, self._sink)
        return False

    def _look_at(self, now: float) -> None:
        deadline = self.way.deadline(now, self._choked)
        if deadline is not None:
            wait = max(0.0, deadline - self._reactor.seconds())
            self._timer = self._reactor.callLater(wait, self._wake)

    def _wake(self) -> None:
        self._timer = None
        now = self._reactor.seconds() + TICK
        blocked = self._choked or self._passage.over or self._sink.lost
        if self.way.paced and not blocked and not self._struck(now):
            self._pass_on(now)
        self.run()

    def _read(self, wanted: bool) -> None:
        if self.way.harm.slow_reader is not None and not self._slow:
            self._slow = True
            self._source.listen_slowly()
        if wanted != self._reading:
            self._reading = wanted
            if wanted:
                self._source.transport.resumeProducing()
            else:
                self._source.transport.pauseProducing()

    def pauseProducing(self) -> None:
        """Write no more: the receiver does not read."""
        self._choked = True

    def resumeProducing(self) -> None:
        """Write on."""
        self._choked = False
        self.run()

    def stopProducing(self) -> None:
        """Do nothing: the connection's end says it."""

    def stop(self) -> None:
        """Leave no timer behind."""
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
