"""Echo on the real reactor and real sockets."""

from typing import Any

import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.patience import PATIENCE
from twisted_net.assembly import Assembly
from twisted_net.echo.core import Identity, Upper
from twisted_net.echo.doors import EchoDatagramProtocol, EchoFactory
from twisted_net.net.clients import Target, open_datagrams
from twisted_net.net.limits import LimitSettings
from twisted_net.net.service import Door, Runtime
from twisted_net.settings import BenchSettings


class Ask(Protocol):
    """Say something, half-close, and keep what comes back until the end."""

    transport: ITCPTransport

    def __init__(self, question: bytes) -> None:
        self.question = question
        self.answer: Deferred[bytes] = Deferred()
        self._got = bytearray()

    def connectionMade(self) -> None:
        """Ask."""
        self.transport.write(self.question)
        self.transport.loseWriteConnection()

    def dataReceived(self, data: bytes) -> None:
        """Keep the answer."""
        self._got += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Hand the answer out."""
        self.answer.callback(bytes(self._got))


@pytest_twisted.ensureDeferred
async def test_the_reply_survives_a_half_close() -> None:
    """``printf hi | nc -N`` gets its answer, and so do 20 MB."""
    from twisted.internet import reactor

    here = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    port = await here.listen(EchoFactory(Upper, reactor))
    there = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
    asked = await connectProtocol(there, Ask(b"h" * 20_000_000))
    assert await asked.answer.addTimeout(PATIENCE, reactor) == b"H" * 20_000_000
    await port.stopListening()


def bench(reactor: Any) -> Assembly:
    """Make a bench of echo on free ports."""
    doors = [
        Door("echo-tcp", "stream", "tcp:0", EchoFactory(Identity, reactor)),
        Door("echo-udp", "datagram", "udp:0", EchoDatagramProtocol()),
    ]
    return Assembly(
        lambda: doors, Runtime(reactor), BenchSettings(), LimitSettings(), lambda _: None
    )


def port_of(assembly: Assembly, door: str) -> int:
    """Return the port that a door listens on."""
    [opened] = [each for each in assembly.opened if each.door.name == door]
    number: int = opened.port.getHost().port  # type: ignore[attr-defined]
    return number


@pytest_twisted.ensureDeferred
async def test_fifty_clients_at_once_get_each_their_own_answer() -> None:
    """Through the whole assembly, with its limits and counters on."""
    from twisted.internet import reactor

    assembly = bench(reactor)
    assembly.startService()
    there = TCP4ClientEndpoint(reactor, "127.0.0.1", port_of(assembly, "echo-tcp"))
    asked = [await connectProtocol(there, Ask(b"%d " % number * 1000)) for number in range(50)]
    answers = await gatherResults([each.answer for each in asked]).addTimeout(PATIENCE, reactor)
    assert answers == [each.question for each in asked]
    await assembly.stopService()


class Mute(Protocol):
    """Send without end, and never read."""

    transport: Any

    def connectionMade(self) -> None:
        """Read nothing, and send as much as the peer takes."""
        self.transport.pauseProducing()
        self.lost: Deferred[None] = Deferred()
        self.sent = 0
        self.transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """Send more."""
        self.sent += 65536
        self.transport.write(b"x" * 65536)

    def stopProducing(self) -> None:
        """Be complete."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits."""
        self.lost.callback(None)


@pytest_twisted.ensureDeferred
async def test_a_client_that_never_reads_costs_no_memory() -> None:
    """The server stops reading, so the kernel's buffers fill, and nothing of ours does."""
    from twisted.internet import reactor

    assembly = bench(reactor)
    assembly.startService()
    there = TCP4ClientEndpoint(reactor, "127.0.0.1", port_of(assembly, "echo-tcp"))
    mute = await connectProtocol(there, Mute())
    before = -1
    while mute.sent != before:  # until nobody takes any more
        before = mute.sent
        await deferLater(reactor, 0.2)
    [connection] = assembly.opened[0].guard.connections  # type: ignore[union-attr]
    transport = connection.transport
    held = len(transport.dataBuffer) + sum(map(len, transport._tempDataBuffer))
    assert held < 4 * 65536 * 2
    mute.transport.abortConnection()
    await mute.lost
    for _ in range(2000):
        if not assembly.opened[0].guard.connections:  # type: ignore[union-attr]
            break
        await deferLater(reactor, 0.05)
    await assembly.stopService()


@pytest_twisted.ensureDeferred
async def test_a_datagram_comes_back_as_it_was() -> None:
    """The empty one and the longest one too."""
    from twisted.internet import reactor

    assembly = bench(reactor)
    assembly.startService()
    heard: list[bytes] = []
    target = Target("udp", "127.0.0.1", port_of(assembly, "echo-udp"))
    client = await open_datagrams(reactor, target, heard.append)
    sent = [b"hi", b"", b"x" * 65507]
    for datagram in sent:
        client.send(datagram)
    for _ in range(2000):
        if len(heard) == len(sent):
            break
        await deferLater(reactor, 0.05)
    assert heard == sent
    await client.transport.stopListening()
    await assembly.stopService()
