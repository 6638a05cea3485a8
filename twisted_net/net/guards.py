"""What the assembly puts round each stream door: limits, counters and the way to stop."""

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IProtocolFactory,
    IProtocolNegotiationFactory,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_net.net.around import Around
from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.guarded import GuardedProtocol
from twisted_net.net.limits import Census, block
from twisted_net.net.service import USUAL, Door
from twisted_net.net.silence import FINISH_WITHIN, Patience, look
from twisted_net.net.transports import KeepAlive


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


class GuardedFactory(Around):
    """A stream door's factory inside its limits.

    :ivar connections: the connections that are open, in order of arrival.
    :ivar wants_message: whether it waits for a first message, not only for TLS to begin.
    :param queue_limit: bytes that may wait for a peer whose protocol writes on; None: any number.
    :param first: seconds for the first message where the door says `USUAL`; None: for ever.
    """

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
        super().__init__(inside)
        self.door = door
        self.patience = patience_of(door, first)
        self.wants_message = not door.keeps_first and None not in (door.first, self.patience.first)
        self.reactor = reactor
        self.seconds: Callable[[], float] = reactor.seconds
        self.counters = counters
        self.drops = Drops(door.name, counters, self.seconds)
        self.connections: dict[GuardedProtocol, None] = {}
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
        self._census.leave(connection._peer)
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
