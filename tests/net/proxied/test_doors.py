"""Tests of `twisted_net.net.proxied.doors`."""

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_net.net.counters import DoorCounters
from twisted_net.net.guards import GuardedFactory
from twisted_net.net.limits import Census
from twisted_net.net.proxied import doors
from twisted_net.net.proxied.doors import HEADER_WITHIN, Believed, ProxiedFactory
from twisted_net.net.service import Door

PROXY = IPv4Address("TCP", "192.0.2.1", 40000)
STRANGER = IPv4Address("TCP", "198.51.100.9", 40000)
HEADER = b"PROXY TCP4 203.0.113.7 192.0.2.1 50000 7007\r\n"


@implementer(IHalfCloseableProtocol)
class Tells(Protocol):
    """Greets, and notes whom it talks with and what it hears."""

    transport: Any

    def __init__(self) -> None:
        self.heard = b""
        self.halves = 0

    def connectionMade(self) -> None:
        """Greet."""
        self.peer = self.transport.getPeer()
        self.transport.write(b"hello\n")

    def dataReceived(self, data: bytes) -> None:
        """Note it, and answer."""
        self.heard += data
        self.transport.write(data)

    def readConnectionLost(self) -> None:
        """Note it."""
        self.halves += 1

    def writeConnectionLost(self) -> None:
        """Do nothing."""


class Proxied:
    """A door behind a proxy, and all that it works with."""

    def __init__(self, per_peer: int = 9) -> None:
        self.clock = Clock()
        self.counters = DoorCounters()
        self.census = Census(99, per_peer)
        self.built: list[Tells] = []
        inside = Factory.forProtocol(Tells)
        door = Door("quote-tcp", "stream", "tcp:7017", inside, busy=b"BUSY\n")
        self.guard = GuardedFactory(
            door, inside, self.clock, self.counters, self.census, first=30.0
        )
        believed = Believed("192.0.2.0/24")
        self.factory = ProxiedFactory(self.guard, believed, self.clock, self.guard.drops)

    def connect(self, addr: Any = PROXY) -> Any:
        """Connect somebody; return the transport."""
        transport: Any = StringTransport(peerAddress=addr)
        transport.protocol = self.factory.buildProtocol(addr)
        transport.protocol.makeConnection(transport)
        return transport


def lose(transport: Any) -> None:
    """End a connection in order."""
    transport.protocol.connectionLost(Failure(ConnectionDone()))


@pytest.mark.parametrize("cut", range(len(HEADER)))
def test_who_is_behind_a_proxy_is_the_peer(cut: int) -> None:
    """For the limits and for the protocol, wherever the header is split (R29)."""
    proxied = Proxied()
    transport = proxied.connect()
    assert transport.value() == b""
    for piece in (HEADER[:cut], HEADER[cut:] + b"one ", b"two"):
        transport.protocol.dataReceived(piece)
    guard = transport.protocol
    assert guard.inside.peer == IPv4Address("TCP", "203.0.113.7", 50000)
    assert guard.inside.heard == b"one two"
    assert transport.value() == b"hello\none two"
    assert proxied.census.peers == {"203.0.113.7": 1}
    assert (proxied.counters.received, guard.begun) == (7, True)
    lose(transport)
    assert (proxied.census.peers, proxied.factory.waiting) == ({}, 0)
    assert not proxied.clock.getDelayedCalls()


def test_the_limit_of_a_peer_holds_for_who_is_behind_the_proxy() -> None:
    """And nobody else there is refused for it."""
    proxied = Proxied(per_peer=1)
    answers = []
    for host in (b"203.0.113.7", b"203.0.113.7", b"203.0.113.8"):
        transport = proxied.connect()
        transport.protocol.dataReceived(HEADER.replace(b"203.0.113.7", host))
        answers.append(transport.value())
    assert answers == [b"hello\n", b"BUSY\n", b"hello\n"]
    assert proxied.counters.dropped == {"too_many_peer": 1}


def test_a_proxy_that_speaks_for_itself_is_the_peer() -> None:
    """Its health checks count as its own."""
    proxied = Proxied()
    transport = proxied.connect()
    transport.protocol.dataReceived(b"PROXY UNKNOWN\r\n")
    assert proxied.census.peers == {"192.0.2.1": 1}
    lose(transport)


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n", HEADER.replace(b"203", b"999")])
def test_a_proxy_without_a_right_header_is_cut(said: bytes) -> None:
    """Nobody is served, and no address that is none gets anywhere."""
    proxied = Proxied()
    transport = proxied.connect()
    transport.protocol.dataReceived(said)
    transport.protocol.dataReceived(b"more")
    assert (transport.disconnected, transport.value()) == (True, b"")
    assert proxied.counters.dropped == {"proxy_bad_header": 1}
    lose(transport)
    assert (proxied.census.total, proxied.factory.waiting) == (0, 0)
    assert not proxied.clock.getDelayedCalls()


def test_a_proxy_that_does_not_come_to_the_point_is_cut() -> None:
    """Single bytes do not extend its time."""
    proxied = Proxied()
    transport = proxied.connect()
    for byte in HEADER[:9]:
        transport.protocol.dataReceived(bytes([byte]))
        proxied.clock.advance(HEADER_WITHIN / 10)
    assert not transport.disconnected
    proxied.clock.advance(HEADER_WITHIN / 10)
    assert transport.disconnected
    lose(transport)
    assert proxied.counters.dropped == {"proxy_late": 1}
    assert proxied.factory.waiting == 0


@pytest.mark.parametrize(("said", "dropped"), [(b"", {}), (b"PROX", {"proxy_no_header": 1})])
def test_a_proxy_that_leaves_early_is_forgotten(said: bytes, dropped: dict[str, int]) -> None:
    """A health check that only connects is nothing to count."""
    proxied = Proxied()
    transport = proxied.connect()
    if said:
        transport.protocol.dataReceived(said)
    lose(transport)
    assert (proxied.counters.dropped, proxied.factory.waiting) == (dropped, 0)
    assert not proxied.clock.getDelayedCalls()


def test_no_more_proxies_wait_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other limit counts them yet."""
    monkeypatch.setattr(doors, "MOST_WAITING", 2)
    proxied = Proxied()
    first, _ = proxied.connect(), proxied.connect()
    assert proxied.factory.buildProtocol(PROXY) is None
    assert proxied.counters.dropped == {"too_many_proxy": 1}
    first.protocol.dataReceived(HEADER)
    assert proxied.factory.buildProtocol(PROXY) is not None


def test_who_is_no_proxy_is_served_as_ever() -> None:
    """Greeted at once, half-closes and all."""
    proxied = Proxied()
    transport = proxied.connect(STRANGER)
    assert transport.value() == b"hello\n"
    before: Any = transport.protocol
    assert bool(IHalfCloseableProtocol.providedBy(before))
    before.readConnectionLost()
    transport.protocol.dataReceived(b"one")
    transport.protocol.dataReceived(HEADER)
    [connection] = proxied.guard.connections
    inside: Any = connection.inside
    assert (inside.heard, inside.halves, inside.peer) == (b"one" + HEADER, 1, STRANGER)
    lose(transport)
    assert proxied.census.total == 0


@pytest.mark.parametrize("header", [HEADER, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"])
def test_who_pretends_to_be_a_proxy_is_cut(header: bytes) -> None:
    """It is believed nothing (R29)."""
    proxied = Proxied()
    transport = proxied.connect(STRANGER)
    transport.protocol.dataReceived(header)
    assert transport.disconnected
    assert proxied.counters.dropped == {"proxy_not_believed": 1}
    lose(transport)
    assert proxied.census.total == 0


def test_a_stranger_that_leaves_without_a_word_is_counted_out() -> None:
    """Whoever stands before the protocol inside passes the end on."""
    proxied = Proxied()
    lose(proxied.connect(STRANGER))
    assert proxied.census.total == 0


@pytest.mark.parametrize(
    ("text", "addr", "believed"),
    [
        ("", PROXY, False),
        ("192.0.2.1", PROXY, True),
        ("10.0.0.0/8, 192.0.2.0/24", PROXY, True),
        ("192.0.2.2", PROXY, False),
        ("192.0.2.1", IPv6Address("TCP", "::ffff:192.0.2.1", 1), True),
        ("2001:db8::/32", IPv6Address("TCP", "2001:db8::9", 1), True),
        ("fe80::/10", IPv6Address("TCP", "fe80::9%eth0", 1), True),
        ("0.0.0.0/0", IPv6Address("TCP", "2001:db8::9", 1), False),
        ("192.0.2.1", UNIXAddress(None), False),
        ("unix", UNIXAddress(None), True),
        ("unix", PROXY, False),
        ("unix", None, True),
    ],
)
def test_only_who_is_named_is_believed(text: str, addr: Any, believed: bool) -> None:
    """By address, by network or because it came through a file."""
    assert (addr in Believed(text)) == believed
    assert (bool(Believed(text)), str(Believed(text))) == (bool(text), text)


@pytest.mark.parametrize("text", ["x", "192.0.2.1/24", "192.0.2.999", "10.0.0.0/33", "localhost"])
def test_a_list_that_makes_no_sense_is_refused(text: str) -> None:
    """In words that say what would make sense, and which word did not."""
    with pytest.raises(ValueError, match=f"as 192.0.2.1,10.0.0.0/8, or unix; '{text}' is none"):
        Believed(f"192.0.2.1,{text}")
