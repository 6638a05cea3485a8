"""Echo's doors: a stream (RFC 862, TCP) and datagrams (RFC 862, UDP)."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, IUDPTransport
from twisted.internet.protocol import DatagramProtocol, Factory

from twisted_net.echo.core import Identity, Transform
from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.transports import Stream


class EchoProtocol(Stream):
    """Answer one connection through a transform; a half-close gets its answer too."""

    def __init__(self, transform: Transform, reactor: Any, drops: Drops) -> None:
        self._transform = transform
        self._reactor = reactor
        self._drops = drops

    def connectionMade(self) -> None:
        """Say what the transform says first."""
        super().connectionMade()
        self._say(self._transform.opened())

    def dataReceived(self, data: bytes) -> None:
        """Answer a piece of the stream."""
        try:
            for answer in self._transform.received(data):
                self.transport.write(answer)
        except RemoteProtocolError as error:
            self._drops.drop("bad_line", self.transport.getPeer())
            self.linger(self._reactor, error.reply)

    def readConnectionLost(self) -> None:
        """Answer what was asked before the peer closed its half."""
        if not self._closing:
            self._say(self._transform.ended())
        super().readConnectionLost()

    def _say(self, words: bytes) -> None:
        if words:
            self.transport.write(words)


class EchoFactory(Factory):
    """Make an `EchoProtocol` with a fresh transform for each connection.

    :param transform: called for each connection, as `Identity` or another of `core.TRANSFORMS`.
    :param reactor: for the moment a peer that broke the rules is given to hear so.
    :param counters: where such peers are counted.
    """

    noisy = False

    def __init__(
        self,
        transform: Callable[[], Transform],
        reactor: Any,
        counters: DoorCounters | None = None,
    ) -> None:
        self._transform = transform
        self._reactor = reactor
        self._drops = Drops("echo-tcp", counters or DoorCounters(), reactor.seconds)

    def buildProtocol(self, addr: IAddress | None) -> EchoProtocol:
        """Make the protocol of one connection."""
        protocol = EchoProtocol(self._transform(), self._reactor, self._drops)
        protocol.factory = self
        return protocol


class EchoDatagramProtocol(DatagramProtocol):
    """Answer each datagram with one, never longer than it was."""

    noisy = False
    transport: IUDPTransport  # Twisted says Optional; between start and stop it is not

    def __init__(self, transform: Callable[[], Transform] = Identity) -> None:
        self._transform = transform()

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Answer one datagram."""
        answer = self._transform.datagram(datagram)
        if answer is not None:
            self.transport.write(answer, addr)
