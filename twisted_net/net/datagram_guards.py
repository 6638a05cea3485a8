"""What the assembly puts round each datagram door: limits, counters and the way to stop."""

import errno
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred, succeed
from twisted.internet.error import MessageLengthError
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer

from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.limits import SourceRates, may_loop
from twisted_net.net.service import Door, IDrains


@implementer(IUDPTransport)
class GuardedDatagramTransport:
    """The transport that a datagram door's protocol sees: counts, and never raises for a peer."""

    def __init__(self, transport: Any, counters: DoorCounters, drops: Drops) -> None:
        self._transport = transport
        self._counters = counters
        self._drops = drops

    def write(self, packet: bytes, addr: tuple[str, int] | None = None) -> None:
        """Send one datagram, or count why it could not be sent: UDP promises no more."""
        try:
            self._transport.write(packet, addr)
        except MessageLengthError:
            self._drops.drop("too_long_to_send", addr)
        except (OSError, OverflowError) as error:
            code = errno.errorcode.get(getattr(error, "errno", None) or 0, "range")
            self._drops.drop(f"not_sent_{code.lower()}", addr)
        else:
            self._counters.datagrams_sent += 1
            self._counters.sent += len(packet)

    def __getattr__(self, name: str) -> Any:
        """Be the transport in everything else."""
        return getattr(self._transport, name)


class GuardedDatagrams(DatagramProtocol):
    """A datagram door's protocol inside its limits.

    :param own_ports: says whether a port is one that this server listens on.
    """

    noisy = False

    def __init__(
        self,
        door: Door,
        inside: DatagramProtocol,
        reactor: Any,
        counters: DoorCounters,
        rates: SourceRates,
        own_ports: Callable[[int], bool],
    ) -> None:
        self.door = door
        self.counters = counters
        self.drops = Drops(door.name, counters, reactor.seconds)
        self._inside = inside
        self._seconds: Callable[[], float] = reactor.seconds
        self._rates = rates
        self._own_ports = own_ports

    def logPrefix(self) -> str:
        """Return what log lines are marked with."""
        return self.door.name

    def startProtocol(self) -> None:
        """Start the protocol inside, behind a transport that counts."""
        guarded = GuardedDatagramTransport(self.transport, self.counters, self.drops)
        self._inside.makeConnection(guarded)

    def stopProtocol(self) -> None:
        """Stop the protocol inside."""
        self._inside.doStop()

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Hand on what may be answered; count the rest (see `limits`)."""
        self.counters.datagrams_received += 1
        self.counters.received += len(datagram)
        if may_loop(addr[1]) or self._own_ports(addr[1]):
            self.drops.drop("loop_port", addr)
        elif not self._rates.take(addr[0], self._seconds()):
            self.drops.drop("too_fast", addr)
        else:
            self._guarded(datagram, addr)

    def _guarded(self, datagram: bytes, addr: tuple[str, int]) -> None:
        try:
            self._inside.datagramReceived(datagram, addr)
        except Exception:
            # One traceback a datagram would be a gift to whoever sends bad ones; one a second
            # is what a bug deserves.
            if self.drops.drop("crashed", addr):
                self.drops.log.failure("{door}: a datagram crashed it", door=self.door.name)

    def drain(self) -> Deferred[Any]:
        """Let the protocol inside finish what it has begun."""
        if not IDrains.providedBy(self._inside):
            return succeed(None)
        return maybeDeferred(_awaited, self._inside)


def _awaited(inside: Any) -> Deferred[Any]:
    waiting = inside.drain()
    return succeed(None) if waiting is None else ensureDeferred(waiting)
