"""What the assembly puts round each datagram door: limits, counters and the way to stop."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred, succeed
from twisted.internet.error import MessageLengthError
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer

from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.fast.addresses import Address
from twisted_net.net.fast.datagrams import FastDatagramPort
from twisted_net.net.limits import LOOP_PORTS, SOURCES, Source, SourceRates, block
from twisted_net.net.service import Door, IBatches, IDrains


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
        except (MessageLengthError, OSError, OverflowError) as error:
            self._drops.not_sent(error, addr)
        else:
            self._counters.datagrams_sent += 1
            self._counters.sent += len(packet)

    def __getattr__(self, name: str) -> Any:
        """Be the transport in everything else."""
        return getattr(self._transport, name)


@implementer(IBatches)
class GuardedDatagrams(DatagramProtocol):
    """A datagram door's protocol inside its limits.

    :param own_ports: the ports that this server listens on; others may be added later.
    """

    noisy = False
    transport: IUDPTransport  # Twisted says Optional; between start and stop it is not

    def __init__(
        self,
        door: Door,
        inside: DatagramProtocol,
        reactor: Any,
        counters: DoorCounters,
        rates: SourceRates,
        own_ports: Container[int],
    ) -> None:
        self.door = door
        self.counters = counters
        self.drops = Drops(door.name, counters, reactor.seconds)
        self._inside = inside
        self._seconds: Callable[[], float] = reactor.seconds
        self._rates = rates
        self._own_ports = own_ports
        self._known: dict[Address, Source] = {}  # peers that were let pass

    def logPrefix(self) -> str:
        """Return what log lines are marked with."""
        return self.door.name

    def startProtocol(self) -> None:
        """Start the protocol inside, on a transport that counts; a fast port does by itself."""
        transport: Any = self.transport
        if isinstance(transport, FastDatagramPort):
            transport.account(self.counters, self.drops)
        else:
            transport = GuardedDatagramTransport(transport, self.counters, self.drops)
        self._inside.makeConnection(transport)

    def stopProtocol(self) -> None:
        """Stop the protocol inside."""
        self._inside.doStop()

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """Hand on what may be answered; count the rest (see `limits`).

        For a peer that has been let pass, and sends not too much, that is one look at what is
        known of it.
        """
        counters = self.counters
        counters.datagrams_received += 1
        counters.received += len(datagram)
        source = self._known.get(addr)
        if source is not None and source.granted:
            source.granted -= 1
        elif not self._allowed(addr, 1, self._seconds()):
            return
        try:
            self._inside.datagramReceived(datagram, addr)
        except BaseException:  # all that Twisted's own port catches
            self.drops.crash(addr)

    def datagramsReceived(
        self, datagrams: Sequence[bytes], senders: Sequence[Address], counts: Mapping[Address, int]
    ) -> None:
        """Hand on what may be answered of a batch.

        What it costs it costs a sender, not a datagram, as long as nobody sends too much.
        """
        self.counters.datagrams_received += len(datagrams)
        self.counters.received += sum(map(len, datagrams))
        short: dict[Address, int] = {}
        for sender, count in counts.items():
            source = self._known.get(sender)
            if source is not None and source.granted >= count:
                source.granted -= count
                continue
            allowed = self._allowed(sender, count, self._seconds())
            if allowed < count:
                short[sender] = allowed
        pairs: Iterable[tuple[bytes, Address]] = zip(datagrams, senders, strict=True)
        if short:
            pairs = _first(pairs, short)
        receive = self._inside.datagramReceived
        for datagram, sender in pairs:
            try:
                receive(datagram, sender)
            except BaseException:
                self.drops.crash(sender)

    def _allowed(self, sender: Address, count: int, now: float) -> int:
        """Return how many of so many datagrams may pass, and count the others."""
        if sender[1] in LOOP_PORTS or (sender[1] in self._own_ports and self._may_be_own(sender)):
            self.drops.drop("loop_port", sender, count)
            return 0
        source = block(sender[0])
        allowed = self._rates.take(source, count, now)
        if allowed < count:
            self.drops.drop("too_fast", sender, count - allowed)
        elif sender not in self._known:
            if len(self._known) >= SOURCES:
                self._known.clear()
            self._known[sender] = self._rates.source(source, now)
        return allowed

    def _may_be_own(self, sender: Address) -> bool:
        if not self.door.mutual:
            return True
        host = sender[0]
        return host.startswith("127.") or host == "::1" or host == self.transport.getHost().host

    def drain(self) -> Deferred[Any]:
        """Let the protocol inside finish what it has begun."""
        if not IDrains.providedBy(self._inside):
            return succeed(None)
        return maybeDeferred(_awaited, self._inside)


def _awaited(inside: Any) -> Deferred[Any]:
    waiting = inside.drain()
    return succeed(None) if waiting is None else ensureDeferred(waiting)


def _first(
    pairs: Iterable[tuple[bytes, Address]], passing: dict[Address, int]
) -> Iterator[tuple[bytes, Address]]:
    """Yield all datagrams, but of the senders named only the first so many."""
    for datagram, sender in pairs:
        left = passing.get(sender, 1)
        if sender in passing:
            passing[sender] = max(0, left - 1)
        if left:
            yield datagram, sender
