"""Small protocols that the tests of the network have in common."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_net.testing import Host


class Party(Protocol):
    """A party that remembers everything that happens to it.

    :ivar heard: the pieces in which data came.
    :ivar lost: fires with the type of the reason when the connection is lost.
    """

    transport: ITCPTransport

    def __init__(self, first: bytes = b"") -> None:
        self.first = first
        self.heard: list[bytes] = []
        self.lost: Deferred[type[BaseException]] = Deferred()

    @property
    def text(self) -> bytes:
        """All that was heard."""
        return b"".join(self.heard)

    def connectionMade(self) -> None:
        if self.first:
            self.transport.write(self.first)

    def dataReceived(self, data: bytes) -> None:
        self.heard.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        kind: Any = reason.type
        self.lost.callback(kind)


class Echo(Protocol):
    """Sends back what it hears."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class Shouts(DatagramProtocol):
    """Remembers datagrams; answers each if asked to."""

    transport: Any
    noisy = False

    def __init__(self, echo: bool = False) -> None:
        self.echo = echo
        self.heard: list[tuple[bytes, Any]] = []
        self.refusals = 0

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.heard.append((datagram, addr))
        if self.echo:
            self.transport.write(datagram, addr)

    def connectionRefused(self) -> None:
        self.refusals += 1


def serve(host: Host, kind: type[Protocol] = Echo, port: int = 7) -> Any:
    """Listen on a host with one protocol for each connection."""
    factory = Factory.forProtocol(kind)
    factory.noisy = False
    return host.reactor.listenTCP(port, factory)


async def call(host: Host, name: str, party: Party, port: int = 7) -> Party:
    """Connect a party on one host to another host."""
    await connectProtocol(HostnameEndpoint(host.reactor, name, port), party)
    return party
