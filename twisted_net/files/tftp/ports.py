"""Where a transfer's packets come and go: a socket of its own, or a part of the door's.

Every transfer has a port of its own (RFC 1350, 4). Where the reactor watches descriptors, it is a
plain socket: that takes half the time of a Twisted port, logs nothing, and sends trains of blocks
in one call. Elsewhere, and on simulated networks, it is a Twisted port.
"""

import errno
import socket
from collections.abc import Iterator
from typing import Any, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer

from twisted_net.files.tftp.core import Buffer
from twisted_net.files.tftp.outbox import Outbox
from twisted_net.files.tftp.reading import real_socket
from twisted_net.net.fast.addresses import Address, readable, sockaddr
from twisted_net.net.fast.offload import NO_TRAINS, SOL_UDP, UDP_SEGMENT, sends_trains

#: Longest datagram that is read, unless a transfer says that it expects longer ones.
LONGEST = 65535


class Port(Protocol):
    """Where a transfer's packets go."""

    def send(self, datagrams: list[Buffer], address: Address, segment: int) -> int:
        """Send datagrams, or trains of them; return how many are still to be counted.

        :param segment: where trains are cut.
        :raises OSError: one could not be sent.
        """

    def close(self) -> None:
        """Free the port; nothing more comes."""


class Takes(Protocol):
    """Who takes what comes to a socket."""

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """Take one datagram."""


def open_port(
    reactor: Any, door: Any, transfer: DatagramProtocol, interface: str, outbox: Outbox
) -> Port:
    """Open a port for a transfer.

    :param door: the port that took the request; a transfer's is of the same kind.
    :param outbox: the door's.
    :raises CannotListenError: there is none.
    """
    if real_socket(door, reactor) is not None:
        return OwnSocket(reactor, transfer, interface, outbox)
    return TwistedPort(reactor.listenUDP(0, transfer, interface=interface, maxPacketSize=LONGEST))


class TwistedPort:
    """A port as any reactor opens it."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def send(self, datagrams: list[Buffer], address: Address, segment: int) -> int:
        """Send each."""
        for datagram in datagrams:
            try:
                self._port.write(datagram, address)
            except MessageLengthError as error:
                raise OSError(errno.EMSGSIZE, "too long") from error
        return len(datagrams)

    def close(self) -> None:
        """Close it."""
        self._port.stopListening()


class SharedPort(TwistedPort):
    """The door's own port, for networks that let nothing else through.

    What leaves by it is counted with everything else that does.
    """

    def send(self, datagrams: list[Buffer], address: Address, segment: int) -> int:
        """Send each."""
        super().send(datagrams, address, segment)
        return 0

    def close(self) -> None:
        """Leave it to the others."""


@implementer(IReadDescriptor)
class OwnSocket:
    """A socket that the reactor watches, and nothing else.

    It is not connected: a stranger's packet has to come, to be answered (RFC 1350, 4).

    :raises CannotListenError: there is none.
    """

    def __init__(self, reactor: Any, transfer: Takes, interface: str, outbox: Outbox) -> None:
        self._reactor = reactor
        self._transfer = transfer
        self._outbox = outbox
        self._cut = 0  # where the kernel cuts trains; 0: it has not been told
        self._trains = sends_trains()
        self._peer: Address | None = None  # whom the last datagram went to, and …
        self._place: tuple[Any, ...] = ()  # … the same as the socket wants it
        self._wide = ":" in interface
        family = socket.AF_INET6 if self._wide else socket.AF_INET
        try:
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise CannotListenError(interface, 0, error) from error
        try:
            self._socket.setblocking(False)
            self._socket.bind(sockaddr((interface, 0)))
            self._watch()
        except OSError as error:
            self._socket.close()
            raise CannotListenError(interface, 0, error) from error

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Return what log lines are marked with."""
        return "tftp"

    def getHost(self) -> IPv4Address | IPv6Address:
        """Return the local address."""
        kind = IPv6Address if self._wide else IPv4Address
        return kind("UDP", *self._socket.getsockname()[:2])

    def doRead(self) -> None:
        """Take one datagram: there is seldom a second, and the reactor comes again."""
        try:
            datagram, address = self._socket.recvfrom(LONGEST)
        except OSError:  # none after all, or an echo of something that did not arrive
            return
        self._transfer.datagramReceived(datagram, readable(address) if self._wide else address)

    def send(self, datagrams: list[Buffer], address: Address, segment: int) -> int:
        """Send each, trains in one call where the kernel cuts them."""
        if address is not self._peer:
            self._place, self._peer = sockaddr(address), address
        if not self._cut and len(datagrams) == 1 and len(datagrams[0]) <= segment:
            if self._outbox.take(self._socket, datagrams[0], self._place):
                return 0
        elif self._outbox.holds:
            self._outbox.release()
        sent = 0
        for datagram in datagrams:
            length = len(datagram)
            if length > segment and not isinstance(datagram, bytes):
                sent += self._send_train(datagram, segment)
                continue
            if length > self._cut > 0:
                self._cut_at(0)  # a long ERROR after short blocks
            self._socket.sendto(datagram, self._place)
            sent += 1
        return sent

    def connectionLost(self, reason: object) -> None:
        """Close: the reactor has found that the descriptor is of no use."""
        self.close()

    def close(self) -> None:
        """Close it; a second call changes nothing."""
        if self._socket.fileno() >= 0:
            self._outbox.release()
            self._leave()
            self._socket.close()

    def _watch(self) -> None:
        self._reactor.addReader(self)

    def _leave(self) -> None:
        self._reactor.removeReader(self)

    def _send_train(self, train: memoryview, segment: int) -> int:
        if self._trains:
            try:
                if self._cut != segment:
                    self._cut_at(segment)
                self._socket.sendto(train, self._place)
            except OSError as error:
                if error.errno not in NO_TRAINS:
                    raise
                self._trains = False
                if self._cut:
                    self._cut_at(0)
            else:
                return -(-len(train) // segment)
        sent = 0
        for datagram in _cut(train, segment):
            self._socket.sendto(datagram, self._place)
            sent += 1
        return sent

    def _cut_at(self, segment: int) -> None:
        self._socket.setsockopt(SOL_UDP, UDP_SEGMENT, segment)
        self._cut = segment


def _cut(train: memoryview, segment: int) -> Iterator[memoryview]:
    return (train[at : at + segment] for at in range(0, len(train), segment))
