"""The parties of the scenarios: protocols that tell a story of what happens to them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.parity.story import Story
from twisted_net.testing.worlds import World

#: Twisted leaves a socket to the garbage collector whose address is taken.
UNCLOSED = pytest.mark.filterwarnings("ignore:.*unclosed <socket", "ignore:.*<socket.socket")

#: Something that a party does by itself when it is connected, or hears something.
Act = Callable[["Party"], object]


class Party(Protocol):
    """One end of a connection.

    :ivar heard: all that it heard.
    :ivar ended: whether the connection is lost.
    """

    transport: Any

    def __init__(
        self,
        story: Story,
        name: str,
        *,
        connected: Act | None = None,
        hears: Act | None = None,
    ) -> None:
        self.story = story
        self.name = name
        self.heard = bytearray()
        self.ended = False
        self._connected = connected
        self._hears = hears

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def connectionMade(self) -> None:
        """Tell it, and do what is to be done then."""
        self.story.tell(self.name, "made")
        if self._connected is not None:
            self._connected(self)

    def dataReceived(self, data: bytes) -> None:
        """Tell it, and do what is to be done then."""
        self.heard += data
        self.story.tell(self.name, data)
        if self._hears is not None:
            self._hears(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell it, and why."""
        self.ended = True
        self.story.tell(self.name, f"lost: {type(reason.value).__name__}")

    def hears(self, size: int) -> Deferred[None]:
        """Wait until so many bytes were heard in all."""
        return self.story.until(lambda: len(self.heard) >= size)

    def lost(self) -> Deferred[None]:
        """Wait for the end."""
        return self.story.until(lambda: self.ended)


@implementer(IHalfCloseableProtocol)
class HalfParty(Party):
    """One end of a connection that may be closed by halves.

    :ivar deaf: whether the peer has closed its half.
    """

    deaf = False

    def readConnectionLost(self) -> None:
        """Tell it."""
        self.deaf = True
        self.story.tell(self.name, "nothing more to read")

    def writeConnectionLost(self) -> None:
        """Tell it."""
        self.story.tell(self.name, "nothing more to write")

    def ends(self) -> Deferred[None]:
        """Wait until the peer has closed its half."""
        return self.story.until(lambda: self.deaf)


class Fixed(Factory):
    """Hand out the protocols it was given, then none.

    :ivar served: how many were asked for.
    """

    noisy = False

    def __init__(self, *protocols: Protocol) -> None:
        self._protocols = list(protocols)
        self.served = 0

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """Return the next protocol."""
        self.served += 1
        return self._protocols.pop(0) if self._protocols else None


@dataclass(frozen=True, slots=True)
class Served:
    """A listening port and how to get there."""

    port: Any
    ip: str

    @property
    def number(self) -> int:
        """The number of the port."""
        number: int = self.port.getHost().port
        return number


def serve(world: World, factory: Any, port: int = 0, host: str = "server") -> Served:
    """Listen on a host."""
    here = world.host(host)
    return Served(here.reactor.listenTCP(port, factory, interface=here.ip), here.ip)


async def call(world: World, served: Served, client: Protocol, host: str = "client") -> None:
    """Connect a protocol."""
    endpoint = TCP4ClientEndpoint(world.host(host).reactor, served.ip, served.number)
    await connectProtocol(endpoint, client)


async def join(world: World, client: Party, server: Party) -> Served:
    """Connect two parties; return when both know."""
    served = serve(world, Fixed(server))
    await call(world, served, client)
    await server.story.until(lambda: server.transport is not None)
    return served


async def part(served: Served, *parties: Party) -> None:
    """Wait until all parties have lost their connections, and close the port."""
    for party in parties:
        await party.lost()
    await served.port.stopListening()


class Datagrams(DatagramProtocol):
    """A UDP port that tells a story.

    :param answers: whether it sends back what it hears.
    """

    noisy = False
    transport: Any

    def __init__(self, story: Story, name: str, *, answers: bool = False) -> None:
        self.story = story
        self.name = name
        self.heard: list[bytes] = []
        self.peers: list[tuple[str, int]] = []
        self.ended = False
        self._answers = answers

    def startProtocol(self) -> None:
        """Tell it."""
        self.ended = False
        self.story.tell(self.name, "started")

    def stopProtocol(self) -> None:
        """Tell it."""
        self.ended = True
        self.story.tell(self.name, "stopped")

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Tell it, and answer if it is to be answered."""
        self.heard.append(datagram)
        self.peers.append(addr)
        self.story.tell(self.name, repr(datagram) if len(datagram) < 100 else len(datagram))
        if self._answers:
            self.transport.write(datagram, addr)

    def connectionRefused(self) -> None:
        """Tell it."""
        self.story.tell(self.name, "refused")

    def hears(self, count: int) -> Deferred[None]:
        """Wait for so many datagrams in all."""
        return self.story.until(lambda: len(self.heard) >= count)


def open_port(world: World, protocol: Datagrams, host: str, port: int = 0, size: int = 8192) -> Any:
    """Open a UDP port on a host's own address."""
    here = world.host(host)
    return here.reactor.listenUDP(port, protocol, interface=here.ip, maxPacketSize=size)


def address(port: Any) -> tuple[str, int]:
    """Return where a port can be reached."""
    here = port.getHost()
    return here.host, here.port
