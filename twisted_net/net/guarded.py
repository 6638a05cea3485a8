"""One connection of a stream door, seen from outside: counted, watched, cut when it has to be."""

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    IProtocol,
    ISSLTransport,
    ITransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from twisted_net.net.fast.streams import UNCOUNTED, FastStream, waiting
from twisted_net.net.limits import block
from twisted_net.net.sendfile import LetsPass
from twisted_net.net.service import IDrains

if TYPE_CHECKING:
    from twisted_net.net.guards import GuardedFactory


class GuardedProtocol(Protocol):
    """One connection, seen from outside.

    A fast transport counts by itself and says when it ends, so this stands beside it: the protocol
    inside has the transport for itself, and no byte comes past here. At any other, beneath TLS say,
    it turns into one that stands between the two: `GuardBetween`.

    Either way a protocol that knows nothing of half-closes is given time to answer.

    :ivar told: when it was told to finish, in seconds; None: it was not.
    :ivar since: when it was made, in seconds.
    :ivar shaking: whether TLS has still to begin.
    """

    transport: Any
    told: float | None = None
    shaking = False
    _active: float | None = None  # when bytes last came or went; None: never
    _full = False

    def __init__(self, guard: "GuardedFactory", inside: IProtocol, peer: str) -> None:
        self.inside = inside
        self._guard = guard
        self._peer = peer
        self.since = guard.seconds()

    def makeConnection(self, transport: ITransport) -> None:
        """Count the connection in, and stand beside it or between it and the protocol inside."""
        self.transport = transport
        self.connected = 1
        guard = self._guard
        guard.entered(self)
        if isinstance(transport, FastStream):
            transport.attend(self, guard.counters, guard.queue_limit, guard.wants_message)
            transport.protocol = self.inside
            given: Any = transport
        else:
            self.__class__ = GuardBetween
            self._step_between(transport)  # type: ignore[attr-defined]  # it is another now
            given = self  # it is one: see `GuardBetween.__getattr__`
        try:
            self.inside.makeConnection(given)
        except Exception:  # Twisted would leave the peer waiting for ever
            self.crashed()

    @property
    def begun(self) -> bool:
        """Whether its first message has come and was answered, or is not waited for."""
        return bool(self.transport.answered)

    def ended(self) -> None:
        """Learn from a fast transport that the connection is lost; count it out."""
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
        return self.since if self._active is None else self._active

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
    def guard(self) -> "GuardedProtocol":
        """This: what a fast transport has beside it, any other has round it."""
        return self

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


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class GuardBetween(LetsPass, GuardedProtocol):
    """One that all bytes go through: the transport of the protocol inside.

    Twisted's own `policies.ProtocolWrapper` is the pattern; this one also passes half-closes on and
    measures. It is not made: see `GuardedProtocol`, which as one that can be anything would find
    its own less quickly.
    """

    _begun = False
    _heard = False
    _held = 0  # bytes that wait for TLS to begin

    def _step_between(self, transport: Any) -> None:
        guard = self._guard
        self._counters = guard.counters
        self.shaking = ISSLTransport.providedBy(transport)
        self._begun = not (self.shaking or guard.wants_message)
        self._below: Any = getattr(transport, "transport", None) or transport
        if isinstance(self._below, FastStream):
            self._below.attend(self, UNCOUNTED, guard.queue_limit)
        directlyProvides(self, providedBy(transport))

    @property
    def begun(self) -> bool:
        """Whether its first message has come and was answered, or is not waited for."""
        return self._begun

    def ended(self) -> None:
        """Learn that what is beneath TLS is lost; `connectionLost` comes after it."""

    def dataReceived(self, data: bytes) -> None:
        """Count what came, and hand it on."""
        self._counters.received += len(data)
        self._heard = True
        self._touch()
        try:
            self.inside.dataReceived(data)
        except BaseException:  # all that Twisted's reactors catch
            self.crashed()

    def handshakeCompleted(self) -> None:
        """Pass on that TLS has begun."""
        self.shaking, self._held = False, 0
        self._begun = not self._guard.wants_message
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
        self._count_sent(len(data))
        self.transport.write(data)

    def writeSequence(self, data: list[bytes]) -> None:
        """Write several pieces as one."""
        self.write(b"".join(data))

    def passed(self, count: int) -> None:
        """Count what the kernel sent from a file."""
        self._count_sent(count)

    def __getattr__(self, name: str) -> Any:
        """Be the transport in everything else."""
        return getattr(self.transport, name)

    def _count_sent(self, count: int) -> None:
        self._counters.sent += count
        self._begun = self._begun or (self._heard and count > 0)
        self._touch()

    def _touch(self) -> None:
        self._active = self._guard.seconds()
