"""A UDP port that takes and sends many datagrams at once where many come.

The contract is that of `twisted.internet.udp.Port`; what differs inside:

* A wake-up of a quiet port reads one datagram, and does not ask for a second. A busy one reads up
  to 64 in one system call (`offload.Batch`; where there is none, one after the other).
* What the protocol writes while it is handed such a batch, to peers that are in it, is held until
  the batch is through, and leaves as trains of equal datagrams (`offload.trains`), in order for
  each peer. An error is then counted and not raised. All else leaves at once, and raises what it
  raises on Twisted's own port, unless the port is to count that too (`FastDatagramPort.account`).
* Addresses that a datagram came from, or went to, are not checked again.
* IPv6 addresses of one link keep the link (`addresses`), so that they can be answered.
"""

import errno
import socket
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

from twisted.internet import udp
from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.python import log

from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.fast import offload
from twisted_net.net.fast.addresses import Address, readable, sockaddr
from twisted_net.net.fast.offload import MOST
from twisted_net.net.service import IBatches

T = TypeVar("T")

#: Datagrams that are read one at a time before a batch is tried: reading a batch costs more than
#: reading one datagram, and less than reading two or three. As long as a batch brings only one,
#: twice as many as before are read so, at most `MOST`.
SINGLY = 8

#: Longest datagram that is held, so that what waits is bounded: `MOST` of these for each of at
#: most `MOST` peers. Longer ones would also gain little.
LONGEST_HELD = 2048

#: No address: what is written to no address at all goes to whom the port is connected to.
NOBODY = object()

#: Peers that are remembered: who has been sent to, and whom trains do not reach.
PEERS = 4096


class FastDatagramPort(udp.Port):
    """A UDP port for one datagram or many."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self._held: dict[Address, list[bytes]] = {}
        self._singly = self._pause = SINGLY
        self._batch: offload.Batch | None = None
        # Who sent the datagram that is being dealt with, if it came alone and all that waits to be
        # sent has been sent: for one answer is often all that is done. And where that is, as the
        # socket told it.
        self._sender: Any = NOBODY
        self._place: tuple[Any, ...] = ()
        self._reached: dict[Address, tuple[Any, ...]] = {}  # as the socket wants them
        self._too_long: dict[Address, int] = {}
        self._counters = DoorCounters()
        self._drops: Drops | None = None
        self._accounted = False
        self._wide = self.addressFamily == socket.AF_INET6
        self._descriptor = -1  # of a socket of Python's own, as long as it is open

    def account(self, counters: DoorCounters, drops: Drops) -> None:
        """Count here what is sent; count what cannot be sent, too, and do not raise it.

        What is no address at all is still an error of who writes to it.
        """
        self._counters, self._drops = counters, drops
        self._accounted = True

    def startListening(self) -> None:
        """Bind the port, and give it room for bursts; see IListeningPort."""
        if "%" in self.interface and self._preexistingSocket is None:
            bound: Any = self._bound_to_a_link()
            self._preexistingSocket = bound
        self._bindSocket()
        offload.enlarge(self.socket)
        real = isinstance(self.socket, socket.socket)  # a simulated one goes the portable ways
        if real:
            self._descriptor = self.socket.fileno()
        self._reads_batches = real and offload.receives_batches()
        self._sends_trains = real and offload.sends_trains()
        self._takes_batches = IBatches.providedBy(self.protocol)
        self._connectToProtocol()

    def _bound_to_a_link(self) -> socket.socket:
        """Return a socket that is bound where Twisted's own way would forget the link."""
        made: socket.socket = self.createInternetSocket()
        try:
            made.bind(sockaddr((self.interface, self.port)))
        except OSError as error:
            made.close()
            raise CannotListenError(self.interface, self.port, error) from error
        return made

    def getHost(self) -> IPv4Address | IPv6Address:
        """Return the local address; an IPv6 one with its link, as TCP's have it."""
        if self.addressFamily == socket.AF_INET6:
            return IPv6Address("UDP", *self.socket.getsockname())
        here: IPv4Address = super().getHost()
        return here

    # Reading

    def doRead(self) -> None:
        """Take one datagram, or what waits; called by the reactor."""
        if not self._singly:
            self._read_many()
            return
        self._singly -= 1
        try:
            datagram, place = self.socket.recvfrom(self.maxPacketSize)
        except OSError as error:
            self._read_failed(error)
            return
        self._sender = sender = readable(place) if self._wide else place
        self._place = place
        try:
            self.protocol.datagramReceived(datagram, sender)
        except BaseException:  # all that Twisted's own port catches
            self._raised()
        self._sender = NOBODY

    def _read_many(self) -> None:
        if self._reads_batches:
            self._read_batch()
        else:
            self._read_one_by_one()

    def _read_batch(self) -> None:
        if self._batch is None:
            self._batch = offload.Batch(self.addressFamily, self.maxPacketSize)
        try:
            datagrams, senders = self._batch.receive(self.socket.fileno())
        except OSError as error:
            self._read_failed(error)
        else:
            self._take(datagrams, senders)

    def _read_one_by_one(self) -> None:
        datagrams: list[bytes] = []
        senders: list[Address] = []
        failed = None
        while failed is None and len(datagrams) < MOST:
            try:
                datagram, sender = self.socket.recvfrom(self.maxPacketSize)
            except OSError as error:
                failed = error
            else:
                datagrams.append(datagram)
                senders.append(readable(sender))
        if datagrams:
            self._take(datagrams, senders)
        if failed is not None:
            self._read_failed(failed)

    def _read_failed(self, error: OSError) -> None:
        if error.args[0] in udp._sockErrReadRefuse:
            if self._connectedAddr:
                self.protocol.connectionRefused()
        elif error.args[0] not in udp._sockErrReadIgnore:
            raise error

    # Handing on

    def _take(self, datagrams: list[bytes], senders: list[Address]) -> None:
        if len(datagrams) == 1:
            self._singly = self._pause = min(2 * self._pause, MOST)
            self._take_one(datagrams[0], senders[0])
            return
        self._pause = SINGLY
        first = senders[0]
        alone = senders.count(first) == len(senders)
        counts = {first: len(senders)} if alone else dict(Counter(senders))
        if not self._connectedAddr:
            for sender in counts:
                self._held.setdefault(sender, [])
        try:
            if self._takes_batches:
                self.protocol.datagramsReceived(datagrams, senders, counts)
            else:
                for datagram, sender in zip(datagrams, senders, strict=True):
                    self._take_one(datagram, sender)
        finally:
            self._release()

    def _take_one(self, datagram: bytes, sender: Address) -> None:
        try:
            self.protocol.datagramReceived(datagram, sender)
        except BaseException:
            self._raised()

    def _raised(self) -> None:
        log.err()

    # Writing

    def write(self, datagram: bytes, addr: Any = None) -> None:
        """Send a datagram, at once or with the answers to a batch; see IUDPTransport."""
        if addr is not self._sender:
            held = self._held.get(addr)
            if held is not None:
                if len(held) < MOST and type(datagram) is bytes and len(datagram) <= LONGEST_HELD:
                    held.append(datagram)
                    return
                self._release_to(addr, held)
        try:
            if addr is self._sender:
                self.socket.sendto(datagram, self._place)
            else:
                self._send(datagram, addr)
        except (MessageLengthError, OSError, OverflowError) as error:
            self._write_failed(error, addr)
        else:
            counters = self._counters
            counters.datagrams_sent += 1
            counters.sent += len(datagram)

    def _send(self, datagram: bytes, addr: Any) -> None:
        if self._connectedAddr:
            super().write(datagram, addr)
        elif addr in self._reached:
            self.socket.sendto(datagram, self._reached[addr])
        elif self._wide and isIPv6Address(addr[0]):
            self.socket.sendto(datagram, self._reach(addr))
        else:
            super().write(datagram, addr)
            _remember(self._reached, addr, addr)

    def _reach(self, addr: Address) -> tuple[Any, ...]:
        """Return an address as the socket wants it; raises OSError if its link is gone."""
        place = self._reached.get(addr)
        if place is None:
            place = sockaddr(addr)
            _remember(self._reached, addr, place)
        return place

    def _write_failed(self, error: Exception, addr: Address | None) -> None:
        """Count or raise what Twisted's own port would raise of a failed write."""
        number = getattr(error, "errno", None)
        if number == errno.ECONNREFUSED:
            return
        if number == errno.EMSGSIZE:
            error = MessageLengthError("message too long")
        if not self._accounted:
            raise error
        self._not_sent(error, addr, 1)

    def connect(self, host: str, port: int) -> None:
        """Speak to one peer only; see IUDPTransport."""
        self._release()
        self._sender = NOBODY
        super().connect(host, port)

    def connectionLost(self, reason: Any = None) -> None:
        """Close the socket; what was written before is sent."""
        self._release()
        self._descriptor = -1
        super().connectionLost(reason)

    def _release(self) -> None:
        held = list(self._held.items())
        self._held.clear()
        for addr, datagrams in held:
            if datagrams:
                self._send_all(datagrams, addr)

    def _release_to(self, addr: Address, held: list[bytes]) -> None:
        datagrams = held[:]
        held.clear()
        self._send_all(datagrams, addr)

    def _send_all(self, datagrams: list[bytes], addr: Address) -> None:
        for train in offload.trains(datagrams):
            if len(train) == 1 or not self._sent_at_once(train, addr):
                for datagram in train:
                    self._send_held(datagram, addr)

    def _sent_at_once(self, train: Sequence[bytes], addr: Address) -> bool:
        """Send a train, or say that its datagrams have to go one by one."""
        size = len(train[0])
        if not self._sends_trains or size >= self._too_long.get(addr, offload.LONGEST_TRAIN):
            return False
        try:
            sent = offload.send_train(self.socket, train, self._reach(addr))
        except OSError as error:
            if error.errno in offload.NO_TRAINS:
                _remember(self._too_long, addr, size)
                return False
            self._not_sent(error, addr, len(train))
        else:
            self._counters.datagrams_sent += len(train)
            self._counters.sent += sent
        return True

    def _send_held(self, datagram: bytes, addr: Address) -> None:
        try:
            self.socket.sendto(datagram, self._reach(addr))
        except OSError as error:
            self._not_sent(error, addr, 1)
        else:
            self._counters.datagrams_sent += 1
            self._counters.sent += len(datagram)

    def _not_sent(self, error: Exception, addr: Address | None, times: int) -> None:
        if self._drops is None:
            reactor: Any = self.reactor
            self._drops = Drops(self.logPrefix(), self._counters, reactor.seconds)
        self._drops.not_sent(error, addr, times)


class FastMulticastPort(FastDatagramPort, udp.MulticastPort):
    """The same, for a port that can join groups."""


def _remember(what: dict[Address, T], addr: Address, value: T) -> None:
    if len(what) >= PEERS:
        what.clear()
    what[addr] = value
