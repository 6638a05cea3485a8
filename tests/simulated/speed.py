"""How fast the simulated network is in itself, without any service of ours."""

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol

from twisted_net.testing import Host, SimNetwork

#: Runs of which the best counts: other work on the machine makes a run slower, never faster.
TRIES = 3

ROUND_TRIPS = 5_000
BYTES = 20_000_000
PORT = 7


class _Echo(Protocol):
    """Sends back what it hears."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        """Send it back."""
        self.transport.write(data)


class _Pinger(Protocol):
    """Sends a few bytes, and the next ones when they have come back."""

    transport: Any

    def __init__(self, times: int) -> None:
        self.done: Deferred[None] = Deferred()
        self._left = times

    def connectionMade(self) -> None:
        """Begin."""
        self.transport.write(b"ping")

    def dataReceived(self, data: bytes) -> None:
        """Go on, or be done."""
        self._left -= 1
        if self._left:
            self.transport.write(data)
        else:
            self.done.callback(None)


class _Sink(Protocol):
    """Counts what it hears."""

    def __init__(self, size: int) -> None:
        self.done: Deferred[None] = Deferred()
        self._left = size

    def dataReceived(self, data: bytes) -> None:
        """Count it."""
        self._left -= len(data)
        if not self._left:
            self.done.callback(None)


class _Source(Protocol):
    """Sends so many bytes to whoever connects."""

    transport: Any

    def connectionMade(self) -> None:
        """Send them."""
        self.transport.write(bytes(BYTES))


class _DatagramEcho(DatagramProtocol):
    """Sends back what it hears, so many times."""

    noisy = False
    transport: Any

    def __init__(self, times: int = 1 << 30) -> None:
        self.done: Deferred[None] = Deferred()
        self._left = times

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Send it back, or be done."""
        self._left -= 1
        if self._left:
            self.transport.write(datagram, addr)
        else:
            self.done.callback(None)


def events_a_second() -> float:
    """Return how many entries of its heap a network gets through, carrying datagrams."""

    def measure() -> float:
        net, server, client = _pair()
        pinger = _DatagramEcho(ROUND_TRIPS)
        server.reactor.listenUDP(PORT, _DatagramEcho())
        client.reactor.listenUDP(0, pinger)
        pinger.transport.write(b"ping", (server.ip, PORT))
        return _timed(net, pinger.done, lambda: net.timeline.fired)

    return max(measure() for _ in range(TRIES))


def round_trips_a_second() -> float:
    """Return how often a few bytes go to and fro over TCP."""

    def measure() -> float:
        net, server, client = _pair()
        _listen(server, _Echo)
        pinger = _Pinger(ROUND_TRIPS)
        net.run(connectProtocol(TCP4ClientEndpoint(client.reactor, server.ip, PORT), pinger))
        return _timed(net, pinger.done, lambda: ROUND_TRIPS)

    return max(measure() for _ in range(TRIES))


def megabytes_a_second() -> float:
    """Return how much one TCP connection carries."""

    def measure() -> float:
        net, server, client = _pair()
        _listen(server, _Source)
        sink = _Sink(BYTES)
        net.run(connectProtocol(TCP4ClientEndpoint(client.reactor, server.ip, PORT), sink))
        return _timed(net, sink.done, lambda: BYTES) / 1e6

    return max(measure() for _ in range(TRIES))


def _pair() -> tuple[SimNetwork, Host, Host]:
    net = SimNetwork(trace=False)
    return net, net.host("server"), net.host("client")


def _listen(host: Host, kind: type[Protocol]) -> None:
    factory = Factory.forProtocol(kind)
    factory.noisy = False
    host.reactor.listenTCP(PORT, factory)


def _timed(net: SimNetwork, done: "Deferred[None]", count: Callable[[], float]) -> float:
    begun = time.perf_counter()
    net.run(done)
    return count() / (time.perf_counter() - begun)
