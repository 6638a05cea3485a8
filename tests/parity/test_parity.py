"""The simulated network and the real loopback tell the same story of every scenario."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from twisted.internet.protocol import (
    ClientFactory,
    DatagramProtocol,
    Factory,
    Protocol,
    connectionDone,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_net.testing import LoopbackWorld, SimWorld, World


class Recorder(Protocol):
    """Writes down what happens to it; pieces of data run together, as their sizes may differ."""

    transport: ITCPTransport

    def __init__(self) -> None:
        self.events: list[str] = []
        self.text = b""
        self.made: Deferred[None] = Deferred()
        self.lost: Deferred[None] = Deferred()
        self._waiting: list[tuple[int, Deferred[None]]] = []

    def connectionMade(self) -> None:
        self.events.append("made")
        self.made.callback(None)

    def dataReceived(self, data: bytes) -> None:
        self.text += data
        for wanted, waiting in list(self._waiting):
            if len(self.text) >= wanted:
                self._waiting.remove((wanted, waiting))
                waiting.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.events.append(type(reason.value).__name__)
        self.lost.callback(None)

    def until(self, size: int) -> Deferred[None]:
        """Return a Deferred that fires when so many bytes were heard."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append((size, waiting))
        self.dataReceived(b"")
        return waiting

    def story(self) -> list[str]:
        """Return all that happened, and the length of what was heard."""
        return [*self.events, f"{len(self.text)} bytes"]


@implementer(IHalfCloseableProtocol)
class HalfCloser(Recorder):
    """Is told of half-closes."""

    def readConnectionLost(self) -> None:
        self.events.append("end of reading")

    def writeConnectionLost(self) -> None:
        self.events.append("end of writing")


class Once(ClientFactory):
    """Hands out one protocol, and tells why it could not."""

    noisy = False

    def __init__(self, made: Recorder) -> None:
        self._made = made

    def buildProtocol(self, addr: Any) -> Protocol:
        return self._made

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:  # noqa: N802
        self._made.made.errback(reason)


async def joined(world: World, server: Recorder, client: Recorder) -> tuple[Any, Any]:
    """Connect two protocols; return the listening port and the connector."""
    here, there = world.host("server"), world.host("client")
    port = here.reactor.listenTCP(0, Once(server), interface=here.ip)
    connector = there.reactor.connectTCP(here.ip, port.getHost().port, Once(client))
    await client.made
    await server.made
    return port, connector


async def finished(port: Any, *parties: Recorder) -> list[list[str]]:
    """Wait for the end, and return the stories of all parties."""
    for party in parties:
        await party.lost
    await port.stopListening()
    return [party.story() for party in parties]


async def echo(world: World) -> Any:
    """Ask, be answered, and end in order."""
    server, client = Recorder(), Recorder()
    port, _ = await joined(world, server, client)
    client.transport.write(b"question")
    await server.until(8)
    server.transport.write(b"answer")
    await client.until(6)
    client.transport.loseConnection()
    return await finished(port, server, client)


async def half_close(world: World) -> Any:
    """Ask, half-close, and still be answered."""
    server, client = HalfCloser(), HalfCloser()
    port, _ = await joined(world, server, client)
    client.transport.write(b"req")
    client.transport.loseWriteConnection()
    await server.until(3)
    await world.sleep(0.05)
    server.transport.write(b"response")
    await client.until(8)
    server.transport.loseConnection()
    await server.lost
    await world.sleep(0.05)
    client.transport.loseConnection()
    return await finished(port, server, client)


async def half_close_with_a_plain_peer(world: World) -> Any:
    """Half-close towards a peer that knows no such thing."""
    server, client = Recorder(), HalfCloser()
    port, _ = await joined(world, server, client)
    client.transport.write(b"req")
    client.transport.loseWriteConnection()
    await server.lost
    await world.sleep(0.05)
    client.transport.loseConnection()
    return await finished(port, server, client)


async def abort(world: World) -> Any:
    """Reset: nothing of what was not sent arrives."""
    server, client = Recorder(), Recorder()
    port, _ = await joined(world, server, client)
    client.transport.write(b"never sent")
    client.transport.abortConnection()
    return await finished(port, server, client)


async def close_with_unread_data(world: World) -> Any:
    """Who closes without having read resets the connection."""
    server, client = Recorder(), Recorder()
    port, _ = await joined(world, server, client)
    unreading: Any = server.transport
    unreading.pauseProducing()
    client.transport.write(b"x" * 1000)
    await world.sleep(0.05)
    server.transport.loseConnection()
    return await finished(port, server, client)


async def refused(world: World) -> Any:
    """Nobody listens."""
    here, there = world.host("server"), world.host("client")
    port = here.reactor.listenTCP(0, Factory(), interface=here.ip)
    number = port.getHost().port
    await port.stopListening()
    client = Recorder()
    there.reactor.connectTCP(here.ip, number, Once(client))
    try:
        await client.made
    except error.ConnectionRefusedError as refusal:
        return type(refusal).__name__


async def backpressure(world: World) -> Any:
    """Four megabytes to a reader that pauses: all arrive, in order, and the writer waits."""
    server, client = Recorder(), Recorder()
    port, _ = await joined(world, server, client)
    reading: Any = server.transport
    reading.pauseProducing()
    client.transport.write(bytes(range(256)) * 16_384)
    client.transport.loseConnection()
    await world.sleep(0.05)
    early = (len(server.text), client.lost.called)
    reading.resumeProducing()
    await server.until(4 << 20)
    assert server.text == bytes(range(256)) * 16_384
    return [early, await finished(port, server, client)]


async def address_in_use(world: World) -> Any:
    """One port, one listener."""
    here = world.host("server")
    port = here.reactor.listenTCP(0, Factory(), interface=here.ip)
    try:
        here.reactor.listenTCP(port.getHost().port, Factory(), interface=here.ip)
    except error.CannotListenError as refusal:
        await port.stopListening()
        return refusal.socketError.args[0]


class Datagrams(DatagramProtocol):
    """Remembers datagrams, and answers if asked to."""

    noisy = False
    transport: Any

    def __init__(self, echo: bool = False) -> None:
        self.echo = echo
        self.heard: list[bytes] = []

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.heard.append(datagram)
        if self.echo:
            self.transport.write(datagram, addr)


async def datagrams(world: World) -> Any:
    """Echo, an empty datagram, one that is cut, and one that is too long."""
    here, there = world.host("server"), world.host("client")
    server, client = Datagrams(echo=True), Datagrams()
    ports = [
        here.reactor.listenUDP(0, server, interface=here.ip),
        there.reactor.listenUDP(0, client, interface=there.ip, maxPacketSize=100),
    ]
    address = here.ip, ports[0].getHost().port
    for size in (3, 0, 1000):
        client.transport.write(b"x" * size, address)
        await world.sleep(0.02)
    try:
        client.transport.write(b"x" * 65_508, address)
    except error.MessageLengthError as refusal:
        story = [type(refusal).__name__, *[len(each) for each in server.heard + client.heard]]
    for port in ports:
        await port.stopListening()
    return story


async def both_close(world: World) -> Any:
    """Both ends close in the same moment."""
    server, client = Recorder(), Recorder()
    port, _ = await joined(world, server, client)
    client.transport.loseConnection()
    server.transport.loseConnection()
    return await finished(port, server, client)


async def no_protocol(world: World) -> Any:
    """Be closed by a factory that answers None."""

    class Nobody(Factory):
        def buildProtocol(self, addr: Any) -> Protocol | None:
            return None

    here, there = world.host("server"), world.host("client")
    client = Recorder()
    port = here.reactor.listenTCP(0, Nobody(), interface=here.ip)
    there.reactor.connectTCP(here.ip, port.getHost().port, Once(client))
    return await finished(port, client)


async def write_after_the_peer_has_gone(world: World) -> Any:
    """Two writes to a peer that has closed: the second finds out."""
    server, client = Recorder(), HalfCloser()
    port, _ = await joined(world, server, client)
    server.transport.loseConnection()
    await server.lost
    await world.sleep(0.05)
    client.transport.write(b"too late")
    await world.sleep(0.05)
    client.transport.write(b"and again")
    return await finished(port, server, client)


async def linger(world: World) -> Any:
    """Reset a peer that has not read: what its kernel has is still read."""
    server, client = Recorder(), Recorder()
    port, _ = await joined(world, server, client)
    reading: Any = server.transport
    reading.pauseProducing()
    client.transport.write(b"x" * 1000)
    await world.sleep(0.05)
    client.transport.abortConnection()
    await world.sleep(0.05)
    reading.resumeProducing()
    return await finished(port, server, client)


async def names(world: World) -> Any:
    """Both ends agree on who is who."""
    server, client = Recorder(), Recorder()
    port, connector = await joined(world, server, client)
    one, other = server.transport, client.transport
    story = [
        one.getHost() == other.getPeer() == port.getHost() == connector.getDestination(),
        one.getPeer() == other.getHost(),
        one.getTcpNoDelay(),
        one.getTcpKeepAlive(),
    ]
    client.transport.loseConnection()
    return [story, await finished(port, server, client)]


async def shut_twice(world: World) -> Any:
    """Ask sockets themselves about shutdowns in either direction."""
    server, client = Recorder(), Recorder()
    port, _ = await joined(world, server, client)
    handle: Any = client.transport
    sock = handle.getHandle()
    story = []
    for how in (socket.SHUT_WR, socket.SHUT_WR, socket.SHUT_RD):
        try:
            sock.shutdown(how)
            story.append("shut")
        except OSError as refusal:
            story.append(str(refusal.args[0]))
    try:
        sock.send(b"x")
    except OSError as refusal:
        story.append(str(refusal.args[0]))
    await server.lost
    await client.lost
    return [story, await finished(port, server, client)]


SCENARIOS = [
    abort, address_in_use, backpressure, both_close, close_with_unread_data, datagrams, echo,
    half_close, half_close_with_a_plain_peer, linger, names, no_protocol, refused, shut_twice,
    write_after_the_peer_has_gone,
]  # fmt: skip


# Older versions of Twisted leave the socket that could not be bound to the garbage collector.
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)
def test_both_worlds_tell_the_same_story(scenario: Callable[[World], Any]) -> None:
    """Whatever happens to real sockets happens to simulated ones."""
    assert SimWorld().run(scenario) == LoopbackWorld().run(scenario)


def test_a_scenario_that_does_not_end_fails_in_both() -> None:
    """Neither world waits for ever."""

    async def endless(world: World) -> None:
        await world.sleep(1000)

    with pytest.raises(AssertionError, match=r"not done after 0.1 s"):
        SimWorld().run(endless, timeout=0.1)
    with pytest.raises(AssertionError, match=r"not done after 0.1 s"):
        LoopbackWorld().run(endless, timeout=0.1)


def test_a_failure_is_raised_by_both() -> None:
    """What a scenario raises, its world raises."""

    async def failing(world: World) -> None:
        raise ValueError("mine")

    for world in (SimWorld(), LoopbackWorld()):
        with pytest.raises(ValueError, match="mine"):
            world.run(failing)
