"""What the assembly puts round each stream door: limits, counters and the way to stop."""

import socket
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
    IProtocolNegotiationFactory,
    ISSLTransport,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.fast.streams import UNCOUNTED, FastStream, waiting
from twisted_net.net.limits import Census, block
from twisted_net.net.sendfile import LetsPass
from twisted_net.net.service import USUAL, Door, IDrains
from twisted_net.net.silence import FINISH_WITHIN, Patience, look
from twisted_net.net.transports import KeepAlive


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class GuardedProtocol(LetsPass, Protocol):
    """One connection, seen from outside.

    A fast transport counts by itself and says when it ends, so this stands beside it: the protocol
    inside has the transport for itself, and no byte comes past here. Round any other, beneath TLS
    say, this is the transport of the protocol inside. Twisted's own `policies.ProtocolWrapper` is
    the pattern; this one also passes half-closes on and measures.

    Either way a protocol that knows nothing of half-closes is given time to answer.

    :ivar told: when it was told to finish, in seconds; None: it was not.
    :ivar since: when it was made, in seconds.
    :ivar begun: whether its first message has come, or is not waited for.
    :ivar shaking: whether TLS has still to begin.
    """

    transport: Any
    told: float | None = None
    begun = False
    shaking = False
    _heard = False
    _greeting = 0  # bytes that were still to be sent when the peer was first heard
    _beside = False
    _held = 0  # bytes that wait for that
    _full = False

    def __init__(self, guard: "GuardedFactory", inside: IProtocol, peer: str) -> None:
        self.inside = inside
        self._guard = guard
        self._counters = guard.counters
        self._peer = peer
        self.since = self._active = guard.seconds()

    def makeConnection(self, transport: ITransport) -> None:
        """Count the connection in, and stand beside it or round the protocol inside."""
        self.transport = transport
        self.connected = 1
        self._guard.entered(self)
        if isinstance(transport, FastStream):
            self._beside = True
            self.begun = not self._guard.wants_message
            counters: Any = self._counters if self.begun else self
            transport.attend(self, counters, self._guard.queue_limit)
            transport.protocol = self.inside
            self._begin(transport)
            return
        self.shaking = ISSLTransport.providedBy(transport)
        self.begun = not (self.shaking or self._guard.wants_message)
        self._below: Any = getattr(transport, "transport", None) or transport
        if isinstance(self._below, FastStream):
            self._below.attend(self, UNCOUNTED, self._guard.queue_limit)
        directlyProvides(self, providedBy(transport))
        self._begin(self)  # it is one: see `__getattr__`

    def _begin(self, transport: Any) -> None:
        try:
            self.inside.makeConnection(transport)
        except Exception:  # Twisted would leave the peer waiting for ever
            self.crashed()

    # Until its first message a fast transport counts here, so that what it does for each of the
    # many messages after that is not a step longer.

    @property
    def received(self) -> int:
        """Bytes that the door has received."""
        return self._counters.received

    @received.setter
    def received(self, count: int) -> None:
        self._counters.received = count
        if not self._heard:
            self._heard = True
            if self._beside and self.transport._tempDataLen:
                self._greeting = waiting(self.transport)

    @property
    def sent(self) -> int:
        """Bytes that the door has sent."""
        return self._counters.sent

    @sent.setter
    def sent(self, count: int) -> None:
        counters = self._counters
        if self._heard and not self.begun:
            self._greeting -= count - counters.sent
            if self._greeting < 0:
                self.begun = True
                if self._beside:
                    self.transport.counters = counters
        counters.sent = count

    def ended(self) -> None:
        """Learn from a fast transport that the connection is lost; count it out."""
        if self._beside:
            self._guard.left(self)

    def overflowed(self) -> None:
        """Count that the connection is cut: too much waits to be sent."""
        self._full = True
        self._guard.drops.drop("send_queue_full", self._peer)

    def last_active(self, now: float) -> float:
        """Return when bytes last came or went, as far as is known."""
        if getattr(self.transport, "stirred", False):
            self.transport.stirred = False
            self._active = now
        return self._active

    def dataReceived(self, data: bytes) -> None:
        """Count what came, and hand it on."""
        self.received += len(data)
        self._touch()
        try:
            self.inside.dataReceived(data)
        except BaseException:  # all that Twisted's reactors catch
            self.crashed()

    def handshakeCompleted(self) -> None:
        """Pass on that TLS has begun."""
        self.shaking, self._held = False, 0
        self.begun = not self._guard.wants_message
        if IHandshakeListener.providedBy(self.inside):
            self.inside.handshakeCompleted()

    def readConnectionLost(self) -> None:
        """Pass the peer's half-close on; who does not know of them may still finish writing."""
        if not IHalfCloseableProtocol.providedBy(self.inside):
            self.transport.loseConnection()
            return
        try:
            self.inside.readConnectionLost()
        except BaseException:
            self.crashed()

    def writeConnectionLost(self) -> None:
        """Pass on that our half is closed."""
        if IHalfCloseableProtocol.providedBy(self.inside):
            self.inside.writeConnectionLost()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count the connection out."""
        try:
            self.inside.connectionLost(reason)
        except BaseException:
            self.crashed()
        finally:
            self._guard.left(self)

    def logPrefix(self) -> str:
        """Return what log lines are marked with."""
        return self._guard.door.name

    def finish(self) -> None:
        """Ask the protocol inside to end what it does and close."""
        self.told = self._guard.seconds()
        try:
            if IDrains.providedBy(self.inside):
                self.inside.drain()
            else:
                self.transport.loseConnection()
        except Exception:  # the others are to be told, too
            self.crashed()

    def crashed(self) -> None:
        """Cut the connection of a protocol that has raised what is being handled.

        Left to itself, a reactor would log a traceback each time, and close in order what is not
        whole.
        """
        self._guard.drops.crash(self._peer)
        self.transport.abortConnection()

    @property
    def peer(self) -> str:
        """The address that the limits count this connection under."""
        return self._peer

    def move(self, host: str) -> bool:
        """Count this connection under another address from now on; say whether that may have it."""
        peer = block(host)
        room = self._guard.moved(self._peer, peer)
        if room:
            self._peer = peer
        return room

    def write(self, data: bytes) -> None:
        """Count what goes out, and write it; cut a protocol that writes on and on."""
        limit = self._guard.queue_limit
        if limit is not None and waiting(self._below) + self._held > limit:
            if not self._full:
                self.overflowed()
                self.transport.abortConnection()
            return
        if self.shaking:
            self._held += len(data)
        self.sent += len(data)
        self._touch()
        self.transport.write(data)

    def writeSequence(self, data: list[bytes]) -> None:
        """Write several pieces as one."""
        self.write(b"".join(data))

    def passed(self, count: int) -> None:
        """Count what the kernel sent from a file."""
        self.sent += count
        self._touch()

    def __getattr__(self, name: str) -> Any:
        """Be the transport in everything else."""
        return getattr(self.transport, name)

    def _touch(self) -> None:
        self._active = self._guard.seconds()


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
    :ivar wants_message: whether it waits for a first message, not only for TLS to begin.
    :param queue_limit: bytes that may wait for a peer whose protocol writes on; None: any number.
    :param first: seconds for the first message where the door says `USUAL`; None: for ever.
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
        queue_limit: int | None = None,
        first: float | None = None,
    ) -> None:
        self.door = door
        self.patience = patience_of(door, first)
        self.wants_message = not door.keeps_first and None not in (door.first, self.patience.first)
        self.reactor = reactor
        self.seconds: Callable[[], float] = reactor.seconds
        self.counters = counters
        self.drops = Drops(door.name, counters, self.seconds)
        self.connections: dict[GuardedProtocol, None] = {}
        self._inside: Any = inside  # untyped in Twisted, and buildProtocol takes None too
        self._census = census
        self.queue_limit = queue_limit
        self._keepalive = keepalive
        self._looking: IDelayedCall | None = None
        self._draining: Deferred[None] | None = None

    def logPrefix(self) -> str:
        """Return what log lines are marked with."""
        return self.door.name

    def acceptableProtocols(self) -> list[bytes]:
        """Return what the factory inside would negotiate under TLS (ALPN, RFC 7301).

        Not declared as an interface: older versions of Twisted would then set up a context that is
        in use already.
        """
        if not IProtocolNegotiationFactory.providedBy(self._inside):
            return []
        return list(self._inside.acceptableProtocols())

    @property
    def socket_options(self) -> list[tuple[int, int, int]]:
        """What each connection's socket is to be set to: level, option, value."""
        options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        return options + (self._keepalive.options() if self._keepalive is not None else [])

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
        peer = block(str(getattr(addr, "host", "local")))  # a UNIX socket has no peer address
        refused = self._census.enter(peer)
        if refused is not None:
            self.drops.drop(f"too_many_{refused}", peer)
            return _Busy(self.door.busy, self.reactor)
        try:
            inside = self._inside.buildProtocol(addr)
        except Exception:
            self._census.leave(peer)
            self.drops.crash(peer)
            return None
        if inside is None:
            self._census.leave(peer)
            self.drops.drop("not_built", peer)
            return None
        return GuardedProtocol(self, inside, peer)

    def entered(self, connection: GuardedProtocol) -> None:
        """Take note of a connection."""
        if self._keepalive is not None and not getattr(connection.transport, "inherits", False):
            self._keepalive.apply(connection.transport)
        if self._looking is None and self.patience.soonest is not None:
            self._looking = self.reactor.callLater(self.patience.soonest, self._look)
        self.connections[connection] = None
        self.counters.accepted += 1
        self.counters.open += 1

    def moved(self, peer: str, to: str) -> bool:
        """Count a connection of one peer as another's; say whether that may have it."""
        room = self._census.move(peer, to)
        if not room:
            self.drops.drop("too_many_peer", to)
        return room

    def left(self, connection: GuardedProtocol) -> None:
        """Forget a connection."""
        del self.connections[connection]
        self.counters.open -= 1
        self._census.leave(connection.peer)
        if self._looking is not None and not self.connections:
            self._looking.cancel()
            self._looking = None
        if self._draining is not None and not self.connections:
            done, self._draining = self._draining, None
            done.callback(None)

    def _look(self) -> None:
        """Tell who is late or was silent for too long to finish; cut who has not done so."""
        # One timer a door: one for each connection, made and cancelled, would cost as much as all
        # else that is done for a short one.
        found = look(self.connections, self.patience, self.seconds())
        self._looking = self.reactor.callLater(found.wait, self._look)
        for each in found.staying:
            each.transport.abortConnection()
        for reason, those in (("no_first_message", found.late), ("idle", found.silent)):
            for each in those:
                self.drops.drop(reason, each.peer)
                if each.shaking:
                    each.transport.abortConnection()  # no farewell would be heard
                else:
                    each.finish()

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


def patience_of(door: Door, first: float | None) -> Patience:
    """Return how long the guard of a door waits: for a first message, or for TLS to begin at least.

    :param first: seconds for either where the door says `USUAL`; None: for ever.
    """
    return Patience(door.idle, first if door.first in (USUAL, None) else door.first)
