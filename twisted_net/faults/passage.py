"""A client's connection through the proxy, and the one made for it to the server."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_net.faults.core.breakage import TICK, Breakage
from twisted_net.faults.core.events import Event
from twisted_net.faults.core.harm import Way
from twisted_net.faults.core.streams import Act, StreamWay
from twisted_net.faults.pump import Pump
from twisted_net.faults.sides import ClientSide, Side
from twisted_net.net.clients import Target, connect
from twisted_net.net.errors import ClientError


class Passage:
    """A client's connection and the one made for it to the server.

    :ivar over: whether everything has been said, and only the ends are waited for.
    :param number: of the connection, as `Breakage.enter` returned it.
    :param patience: seconds to wait for the server.
    :param left: called once both connections are gone, with why.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        target: Target,
        breakage: Breakage,
        number: int,
        patience: float,
        left: Callable[["Passage", str], None],
    ) -> None:
        self.over = False
        self.client = ClientSide(self.begin, self.lost)
        self.server = Side(self.lost)
        self.number = number
        self._reactor = reactor
        self._target = target
        self._breakage = breakage
        self._patience = patience
        self._left = left
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
        await connect(self._reactor, self._target, self.server, self._patience)
        if self.client.lost:
            self.server.transport.abortConnection()
            return
        self._idle = self._reactor.callLater(self._breakage.idle, self._look)
        for way, source, sink in (
            (Way.TO_SERVER, self.client, self.server),
            (Way.TO_CLIENT, self.server, self.client),
        ):
            stream = StreamWay(*self._breakage.terms(self.number, way), self._reactor.seconds())
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

    def tell(self, events: Sequence[Event]) -> None:
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
            self._left(self, self._why)
