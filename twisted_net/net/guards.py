"""What the assembly puts round each stream door: limits, counters and the way to stop."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    ISSLTransport,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.limits import Census
from twisted_net.net.sendfile import LetsPass
from twisted_net.net.service import Door, IDrains
from twisted_net.net.transports import KeepAlive

#: Seconds that an idle connection is given to close politely before it is cut.
FINISH_WITHIN = 5.0


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class GuardedProtocol(LetsPass, Protocol):
    """One connection, seen from outside: the transport of the protocol inside.

    Twisted's own `policies.ProtocolWrapper` is the pattern; this one also passes half-closes on,
    gives a protocol that knows nothing of them time to answer, and measures.
    """

    transport: Any
    _idle_call: IDelayedCall | None = None
    _told_to_finish = False

    def __init__(self, guard: "GuardedFactory", inside: IProtocol, peer: str) -> None:
        self.inside = inside
        self._guard = guard
        self._counters = guard.counters
        self._peer = peer
        self._active = 0.0

    def makeConnection(self, transport: ITransport) -> None:
        """Count the connection in and stand between it and the protocol inside."""
        directlyProvides(self, providedBy(transport))
        self.transport = transport
        self.connected = 1
        self._guard.entered(self)
        self._touch()
        if self._guard.door.idle is not None:
            self._watch_idle(self._guard.door.idle)
        self.inside.makeConnection(self)  # type: ignore[arg-type]  # it is one: see `__getattr__`

    def dataReceived(self, data: bytes) -> None:
        """Count what came, and hand it on."""
        self._counters.received += len(data)
        self._touch()
        self.inside.dataReceived(data)

    def handshakeCompleted(self) -> None:
        """Pass on that TLS has begun."""
        if IHandshakeListener.providedBy(self.inside):
            self.inside.handshakeCompleted()

    def readConnectionLost(self) -> None:
        """Pass the peer's half-close on; who does not know of them may still finish writing."""
        if IHalfCloseableProtocol.providedBy(self.inside):
            self.inside.readConnectionLost()
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Pass on that our half is closed."""
        if IHalfCloseableProtocol.providedBy(self.inside):
            self.inside.writeConnectionLost()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count the connection out."""
        if self._idle_call is not None:
            self._idle_call.cancel()
            self._idle_call = None
        try:
            self.inside.connectionLost(reason)
        finally:
            self._guard.left(self)

    def logPrefix(self) -> str:
        """Return what log lines are marked with."""
        return self._guard.door.name

    def finish(self) -> None:
        """Ask the protocol inside to end what it does and close."""
        self._told_to_finish = True
        if IDrains.providedBy(self.inside):
            self.inside.drain()
        else:
            self.transport.loseConnection()

    @property
    def peer(self) -> str:
        """The address that the limits count this connection under."""
        return self._peer

    def write(self, data: bytes) -> None:
        """Count what goes out, and write it."""
        self._counters.sent += len(data)
        self._touch()
        self.transport.write(data)

    def writeSequence(self, data: list[bytes]) -> None:
        """Write several pieces as one."""
        self.write(b"".join(data))

    def passed(self, count: int) -> None:
        """Count what the kernel sent from a file."""
        self._counters.sent += count
        self._touch()

    def __getattr__(self, name: str) -> Any:
        """Be the transport in everything else."""
        return getattr(self.transport, name)

    def _touch(self) -> None:
        self._active = self._guard.seconds()

    def _watch_idle(self, wait: float) -> None:
        self._idle_call = self._guard.reactor.callLater(wait, self._check_idle)

    def _check_idle(self) -> None:
        # One timer a connection, moved only when it fires: a timer moved at every read would
        # cost more than the read.
        self._idle_call = None
        self._active = min(self._active, self._guard.seconds())  # a clock may be set back
        left = self._active + (self._guard.door.idle or 0.0) - self._guard.seconds()
        if left > 0:
            self._watch_idle(left)
        elif self._told_to_finish:
            self.transport.abortConnection()
        else:
            self._guard.drops.drop("idle", self._peer)
            self.finish()
            self._watch_idle(FINISH_WITHIN)


class _Busy(Protocol):
    """Say that there is no room, and close."""

    transport: Any

    def __init__(self, words: bytes, reactor: Any) -> None:
        self._words = words
        self._reactor = reactor
        self._cut: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Say it and go; who does not let us go is cut."""
        if ISSLTransport.providedBy(self.transport):
            # Words would wait for a handshake, which costs more than the answer is worth, and
            # which a peer that says nothing would never make.
            self.transport.abortConnection()
            return
        self._cut = self._reactor.callLater(FINISH_WITHIN, self.transport.abortConnection)
        self.transport.write(self._words)
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Leave no timer behind."""
        if self._cut is not None and self._cut.active():
            self._cut.cancel()


class GuardedFactory(Factory):
    """A stream door's factory inside its limits.

    :ivar connections: the connections that are open, in order of arrival.
    """

    noisy = False

    def __init__(
        self,
        door: Door,
        inside: IProtocolFactory,
        reactor: Any,
        counters: DoorCounters,
        census: Census,
        keepalive: KeepAlive | None = None,
    ) -> None:
        self.door = door
        self.reactor = reactor
        self.seconds: Callable[[], float] = reactor.seconds
        self.counters = counters
        self.drops = Drops(door.name, counters, self.seconds)
        self.connections: dict[GuardedProtocol, None] = {}
        self._inside: Any = inside  # untyped in Twisted, and buildProtocol takes None too
        self._census = census
        self._keepalive = keepalive
        self._draining: Deferred[None] | None = None

    def logPrefix(self) -> str:
        """Return what log lines are marked with."""
        return self.door.name

    def doStart(self) -> None:
        """Start the factory inside with this one."""
        super().doStart()  # type: ignore[no-untyped-call]
        self._inside.doStart()

    def doStop(self) -> None:
        """Stop the factory inside with this one."""
        super().doStop()  # type: ignore[no-untyped-call]
        self._inside.doStop()

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """Build the protocol inside, or one that says that there is no room.

        Never raises: Twisted would keep the descriptor and leave the client waiting.
        """
        peer = str(getattr(addr, "host", "local"))  # a UNIX socket has no peer address
        refused = self._census.enter(peer)
        if refused is not None:
            self.drops.drop(f"too_many_{refused}", peer)
            return _Busy(self.door.busy, self.reactor)
        try:
            inside = self._inside.buildProtocol(addr)
        except Exception:
            self.drops.log.failure("{door}: no protocol was built", door=self.door.name)
            inside = None
        if inside is None:
            self._census.leave(peer)
            self.drops.drop("not_built", peer)
            return None
        return GuardedProtocol(self, inside, peer)

    def entered(self, connection: GuardedProtocol) -> None:
        """Take note of a connection."""
        if self._keepalive is not None:
            self._keepalive.apply(connection.transport)
        self.connections[connection] = None
        self.counters.accepted += 1
        self.counters.open += 1

    def left(self, connection: GuardedProtocol) -> None:
        """Forget a connection."""
        del self.connections[connection]
        self.counters.open -= 1
        self._census.leave(connection.peer)
        if self._draining is not None and not self.connections:
            done, self._draining = self._draining, None
            done.callback(None)

    def drain(self) -> Deferred[None]:
        """Ask every connection to finish; fire when the last one has."""
        if not self.connections:
            return succeed(None)
        self._draining = done = Deferred[None]()
        for connection in list(self.connections):
            connection.finish()
        return done

    def cut(self) -> int:
        """Abort what is still open; say how many that were."""
        cut = list(self.connections)
        for connection in cut:
            self.drops.drop("cut_at_stop", connection.peer)
            connection.transport.abortConnection()
        return len(cut)
