"""A stream door that passes everything on to another server, but for what the rules break."""

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IPushProducer,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_net.faults.core.breakage import TICK, Breakage
from twisted_net.faults.core.events import Event
from twisted_net.faults.core.harm import Way
from twisted_net.faults.core.streams import Act, StreamWay
from twisted_net.net.clients import PATIENCE, Target, connect
from twisted_net.net.errors import ClientError
from twisted_net.net.text import with_port
from twisted_net.net.transports import IStreamTransport

#: Bytes that the kernel is asked to hold for a slow reader: the least that Linux grants is 2,304.
SLOW_BUFFER = 2048


@implementer(IHalfCloseableProtocol)
class Side(Protocol):
    """One of the two connections of a `Passage`.

    :ivar lost: whether it is gone.
    """

    transport: IStreamTransport

    def __init__(self, passage: "Passage") -> None:
        self.lost = False
        self.out: Pump | None = None  # takes what this side says to the other
        self._passage = passage

    def connectionMade(self) -> None:
        """Never wait to fill a segment: the pieces are the point (RFC 896)."""
        with contextlib.suppress(AttributeError, OSError):
            self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        """Hand it to the pump."""
        if self.out is not None:
            self.out.feed(data)

    def readConnectionLost(self) -> None:
        """Pass the half-close on, in its turn."""
        if self.out is not None:
            self.out.end()

    def writeConnectionLost(self) -> None:
        """Do nothing: our own half-close."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End the other side likewise."""
        self.lost = True
        self._passage.lost(self, reason)

    def listen_slowly(self) -> None:
        """Let the kernel take as little as it can from a peer that is to be kept waiting."""
        with contextlib.suppress(AttributeError, OSError):  # simulated, or gone
            handle = self.transport.getHandle()  # type: ignore[attr-defined]
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER)


class ClientSide(Side):
    """The one that begins."""

    def connectionMade(self) -> None:
        """Make the other connection."""
        super().connectionMade()
        self._passage.begin()


@implementer(IPushProducer)
class Pump:
    """Moves one direction: from a side, through a `StreamWay`, to the other.

    :param strike: called with what happens to the connection as a whole.
    """

    def __init__(
        self, way: StreamWay, source: Side, sink: Side, reactor: Any, passage: "Passage"
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


class Passage:
    """A client's connection and the one made for it to the server.

    :ivar over: whether everything has been said, and only the ends are waited for.
    """

    log = Logger()

    def __init__(self, factory: "BreakingFactory", number: int) -> None:
        self.over = False
        self.client = ClientSide(self)
        self.server = Side(self)
        self.number = number
        self._factory = factory
        self._breakage = factory.breakage
        self._reactor = factory.reactor
        self._pumps: dict[Way, Pump] = {}
        self._ended = 0
        self._why = ""
        self._told = False
        self._active = self._reactor.seconds()
        self._idle: IDelayedCall | None = None
        self._connecting: Deferred[None] | None = None

    def begin(self) -> None:
        """Connect to the server; until then the client is not read."""
        self.client.transport.pauseProducing()
        self._connecting = Deferred.fromCoroutine(self._connect())
        self._connecting.addErrback(self._not_connected)

    async def _connect(self) -> None:
        await connect(self._reactor, self._factory.target, self.server, self._factory.patience)
        if self.client.lost:
            self.server.transport.abortConnection()
            return
        self._idle = self._reactor.callLater(self._breakage.idle, self._look)
        for way, source, sink in (
            (Way.TO_SERVER, self.client, self.server),
            (Way.TO_CLIENT, self.server, self.client),
        ):
            stream = StreamWay(
                self.number,
                way,
                self._breakage.seed,
                self._breakage.harm(self.number, way),
                self._breakage.tallies[way],
                self._breakage.room,
                self._reactor.seconds(),
            )
            self._pumps[way] = Pump(stream, source, sink, self._reactor, self)
        self.client.transport.resumeProducing()
        for pump in list(self._pumps.values()):
            pump.start()

    def _not_connected(self, failure: Failure) -> None:
        """Treat the client as the server has treated us: it is refused, by a reset."""
        error = failure.value
        if isinstance(error, ClientError):
            self._why = self._why or str(error)  # we may have been told to stop
        elif not isinstance(error, CancelledError):
            self.log.failure("a connection broke the proxy", failure)
            self._why = "cannot connect"
        self.over = self.server.lost = True
        if self.client.lost:
            self._closed()
        else:
            self.client.transport.abortConnection()

    def follow(self) -> None:
        """Take the rules as they are now."""
        for way, pump in list(self._pumps.items()):
            pump.way.harm = self._breakage.harm(self.number, way)
            if not self.over:
                pump.run()

    def tell(self, events: list[Event]) -> None:
        """Tell what was done."""
        self._breakage.tell(*events)

    def touch(self) -> None:
        """Note that there was a byte."""
        self._active = self._reactor.seconds()

    def strike(self, act: Act, sink: Side) -> None:
        """Do what happens to the connection."""
        if act in (Act.END, Act.HALF_CLOSE):
            self._ended += 1
            sink.transport.unregisterProducer()
            if self._ended == 2:
                self._close()
            else:
                sink.transport.loseWriteConnection()
        elif act is Act.CLOSE:
            self._why = "by a rule"
            self._close()
        else:
            self._why = "reset by a rule"
            self._abort()

    def _close(self) -> None:
        self.over = True
        self._stop()
        for side in (self.client, self.server):
            if not side.lost:
                side.transport.unregisterProducer()
                side.transport.loseConnection()
        # Who does not read what waits for it would keep us for ever.
        if not (self.client.lost and self.server.lost):
            self._idle = self._reactor.callLater(self._breakage.idle, self._abort)

    def _abort(self) -> None:
        self.over = True
        self._stop()
        for side in (self.client, self.server):
            if not side.lost:
                side.transport.abortConnection()

    def abort(self) -> None:
        """End it now: the proxy stops."""
        self._why = self._why or "the proxy stopped"
        if self._connecting is not None:
            self._connecting.cancel()
        self._abort()

    def lost(self, side: Side, reason: Failure) -> None:
        """Learn that one side is gone; what it broke off is broken off on the other."""
        other = self.server if side is self.client else self.client
        if not self.over:
            self.over = True
            self._stop()
            clean = reason.check(ConnectionDone) is not None
            self._why = "" if clean else f"reset by the {self._name(side)}"
            if getattr(other, "transport", None) is not None and not other.lost:
                other.transport.unregisterProducer()
                if clean:
                    other.transport.loseConnection()
                else:
                    other.transport.abortConnection()
            elif self._connecting is not None and not self._pumps:
                self._connecting.cancel()
        if self.client.lost and self.server.lost:
            self._stop()
            self._closed()

    def _name(self, side: Side) -> str:
        return "client" if side is self.client else "server"

    def _look(self) -> None:
        left = self._active + self._breakage.idle - self._reactor.seconds()
        if left > TICK:
            self._idle = self._reactor.callLater(left, self._look)
        else:
            self._idle = None
            self._why = f"silent for {self._breakage.idle:g} s"
            self._abort()

    def _stop(self) -> None:
        for pump in self._pumps.values():
            pump.stop()
        if self._idle is not None and self._idle.active():
            self._idle.cancel()
        self._idle = None

    def _closed(self) -> None:
        if not self._told:
            self._told = True
            self._factory.left(self, self._why)


class BreakingFactory(Factory):
    """Passes every connection on to another server, but for what the rules break.

    :param target: the server.
    :param patience: seconds to wait for a connection to it.
    """

    noisy = False

    def __init__(
        self, reactor: Any, target: Target, breakage: Breakage, patience: float = PATIENCE
    ) -> None:
        self.reactor = reactor
        self.target = target
        self.breakage = breakage
        self.patience = patience
        self.passages: dict[int, Passage] = {}
        self._emptied: Callable[[], None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """Make a passage for a client; None where there are too many already."""
        number = self.breakage.enter(_shown(addr), lambda: self.passages[number].follow())  # type: ignore[index]
        if number is None:
            return None
        self.passages[number] = passage = Passage(self, number)
        return passage.client

    def left(self, passage: Passage, why: str) -> None:
        """Forget a passage."""
        del self.passages[passage.number]
        self.breakage.leave(passage.number, why)
        if self._emptied is not None and not self.passages:
            self._emptied()

    def stop(self) -> Deferred[None]:
        """Break everything off; fire when all is gone."""
        gone: Deferred[None] = Deferred()
        self._emptied = lambda: gone.callback(None)
        for passage in list(self.passages.values()):
            passage.abort()
        if not self.passages and not gone.called:
            self._emptied()
        return gone


def _shown(addr: Any) -> str:
    return with_port(addr.host, addr.port) if hasattr(addr, "port") else "local"
