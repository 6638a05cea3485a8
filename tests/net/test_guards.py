"""Tests of `twisted_net.net.guards`."""

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementedBy, implementer, providedBy

from twisted_net.net.counters import DoorCounters
from twisted_net.net.guarded import GuardBetween, GuardedProtocol
from twisted_net.net.guards import GuardedFactory
from twisted_net.net.limits import Census
from twisted_net.net.service import Door, IDrains
from twisted_net.net.silence import FINISH_WITHIN
from twisted_net.net.speaking_for import speak_for

PEER = IPv4Address("TCP", "192.0.2.1", 40000)


class Echo(Protocol):
    """Knows nothing of half-closes or of draining: somebody else's protocol."""

    def dataReceived(self, data: bytes) -> None:
        """Answer."""
        self.transport.write(data)  # type: ignore[union-attr]


@implementer(IHalfCloseableProtocol, IDrains)
class Polite(Echo):
    """Knows both."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def readConnectionLost(self) -> None:
        """Note it."""
        self.seen.append("read half lost")

    def writeConnectionLost(self) -> None:
        """Note it."""
        self.seen.append("write half lost")

    def drain(self) -> None:
        """Note it."""
        self.seen.append("drain")


class Guarded:
    """A guarded factory and all that it works with."""

    def __init__(
        self,
        protocol: type[Protocol] = Echo,
        limit: int = 2,
        idle: float | None = 10.0,
        **more: Any,
    ) -> None:
        self.clock = Clock()
        self.counters = DoorCounters()
        self.census = Census(limit, limit)
        inside = Factory.forProtocol(protocol)
        self.door = Door("quote-tcp", "stream", "tcp:7017", inside, idle=idle, busy=b"BUSY\n")
        self.factory = GuardedFactory(
            self.door, inside, self.clock, self.counters, self.census, **more
        )

    def connect(self) -> tuple[Any, StringTransport]:
        """Connect one client."""
        transport = StringTransport(peerAddress=PEER)
        protocol = self.factory.buildProtocol(PEER)
        assert protocol is not None
        protocol.makeConnection(transport)
        return protocol, transport


def lost(protocol: Protocol) -> None:
    """End a connection in order."""
    protocol.connectionLost(Failure(ConnectionDone()))


def test_bytes_and_connections_are_counted() -> None:
    """In, out, open and ever."""
    guarded = Guarded()
    protocol, transport = guarded.connect()
    protocol.dataReceived(b"hello")
    protocol.writeSequence([b"a", b"b"])
    assert transport.value() == b"helloab"
    counters = guarded.counters
    assert (counters.received, counters.sent, counters.open, counters.accepted) == (5, 7, 1, 1)
    lost(protocol)
    assert (counters.open, counters.accepted, guarded.census.total) == (0, 1, 0)


def test_the_protocol_inside_sees_a_transport() -> None:
    """Whatever the real transport provides and has, the guard has too."""
    guarded = Guarded()
    protocol, transport = guarded.connect()
    assert list(providedBy(protocol)) == [*providedBy(transport), *implementedBy(GuardBetween)]
    inside = protocol.inside.transport
    assert inside.getPeer() == PEER
    inside.loseConnection()
    assert transport.disconnecting
    lost(protocol)


def test_who_comes_when_all_places_are_taken_is_told_so() -> None:
    """An answer and a close, not a silence."""
    guarded = Guarded(limit=1)
    first, _ = guarded.connect()
    _, transport = guarded.connect()
    assert (transport.value(), transport.disconnecting) == (b"BUSY\n", True)
    assert guarded.counters.dropped == {"too_many_all": 1}
    lost(first)
    _, transport = guarded.connect()
    assert not transport.disconnecting


def test_a_peer_that_comes_over_ipv4_to_a_door_for_both_is_still_the_same() -> None:
    """Else it would have twice as many connections as the limit allows."""
    guarded = Guarded(limit=2)
    guarded.census.limit = 9
    for host in ("192.0.2.1", "::ffff:192.0.2.1"):
        assert guarded.factory.buildProtocol(IPv6Address("TCP", host, 40_000)) is not None
    guarded.factory.buildProtocol(PEER)
    assert guarded.census.peers == {"192.0.2.1": 2}
    assert guarded.counters.dropped == {"too_many_peer": 1}


@implementer(ISSLTransport)
class Tls(StringTransport):  # type: ignore[misc]  # as far as this test goes
    """A transport that shakes hands before anything is heard."""


def test_under_tls_who_finds_no_place_is_cut_without_a_word() -> None:
    """Words would wait for a handshake that a hostile peer never makes."""
    guarded = Guarded(limit=1)
    guarded.connect()
    refused = guarded.factory.buildProtocol(PEER)
    assert refused is not None
    transport = Tls()
    refused.makeConnection(transport)
    assert (transport.value(), transport.disconnected) == (b"", True)


def test_who_finds_no_place_and_does_not_leave_is_cut() -> None:
    """It would be counted nowhere, and be there."""
    guarded = Guarded(limit=1, idle=None)
    guarded.connect()
    refused, transport = guarded.connect()
    seen = [transport.disconnected]
    guarded.clock.advance(FINISH_WITHIN)
    assert [*seen, transport.disconnected] == [False, True]
    lost(refused)
    refused, transport = guarded.connect()
    lost(refused)
    assert not guarded.clock.getDelayedCalls()


@pytest.mark.logs("ZeroDivisionError")
def test_a_factory_that_raises_costs_one_connection_and_no_descriptor() -> None:
    """Twisted would keep the socket and leave the client waiting."""

    class Broken(Factory):
        def buildProtocol(self, addr: Any) -> Protocol | None:
            raise ZeroDivisionError

    guarded = Guarded()
    guarded.factory._inside = Broken()
    assert guarded.factory.buildProtocol(PEER) is None
    assert (guarded.census.total, guarded.counters.dropped) == (0, {"crashed": 1})


def test_a_silent_connection_is_closed_and_then_cut() -> None:
    """Politely at first; a peer that does not even close is aborted."""
    guarded = Guarded(idle=10.0)
    protocol, transport = guarded.connect()
    guarded.clock.advance(6.0)
    protocol.dataReceived(b"still here")
    guarded.clock.advance(6.0)
    assert not transport.disconnecting
    guarded.clock.advance(4.0)
    assert (transport.disconnecting, transport.disconnected) == (True, False)
    guarded.clock.pump([FINISH_WITHIN, FINISH_WITHIN])
    assert transport.disconnected
    assert guarded.counters.dropped == {"idle": 1}
    lost(protocol)
    assert not guarded.clock.getDelayedCalls()


def test_a_door_may_let_its_connections_be_silent() -> None:
    """People in a chat say nothing for hours."""
    guarded = Guarded(idle=None)
    guarded.connect()
    assert not guarded.clock.getDelayedCalls()


class Greeting(Echo):
    """Speaks first, and answers lines."""

    def connectionMade(self) -> None:
        """Greet."""
        self._line = b""
        self.transport.write(b"hello\n")  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        """Answer a line that is whole."""
        self._line += data
        if self._line.endswith(b"\n"):
            self.transport.write(self._line)  # type: ignore[union-attr]


@pytest.mark.parametrize("says", [b"", b"x"])
def test_who_sends_no_whole_message_in_time_is_closed_and_then_cut(says: bytes) -> None:
    """Silent or busy, and greeted or not: single bytes do not extend the deadline."""
    guarded = Guarded(Greeting, idle=None, first=30.0)
    protocol, transport = guarded.connect()
    for _ in range(59):
        guarded.clock.advance(0.5)
        protocol.dataReceived(says)
        assert not transport.disconnecting
    guarded.clock.advance(0.5)
    assert (transport.disconnecting, transport.disconnected) == (True, False)
    for _ in range(10):
        protocol.dataReceived(b"x")
        guarded.clock.advance(0.5)
    assert transport.disconnected
    assert guarded.counters.dropped == {"no_first_message": 1}
    lost(protocol)
    assert not guarded.clock.getDelayedCalls()


class Slow(StringTransport):
    """A transport of Twisted's whose peer reads nothing."""

    dataBuffer, offset = b"", 0  # noqa: N815 - Twisted's

    @property
    def _tempDataLen(self) -> int:  # noqa: N802 - Twisted's
        return len(self.value())


class SlowTls(Tls):
    """A transport whose peer does not even shake hands."""


@pytest.mark.parametrize("kind", [Slow, SlowTls])
def test_a_protocol_that_writes_on_to_a_peer_that_does_not_read_is_cut(
    kind: type[StringTransport],
) -> None:
    """On Twisted's own transports as on ours; and it is counted once."""
    guarded = Guarded(idle=None, queue_limit=100)
    protocol = guarded.factory.buildProtocol(PEER)
    assert protocol is not None
    transport = kind(peerAddress=PEER)
    protocol.makeConnection(transport)
    inside: Any = protocol.inside  # type: ignore[attr-defined]
    for _ in range(3):
        inside.transport.write(b"x" * 50)
    assert not transport.disconnected
    for _ in range(3):
        inside.transport.writeSequence([b"x" * 50])
    assert (transport.disconnected, len(transport.value())) == (True, 150)
    assert guarded.counters.dropped == {"send_queue_full": 1}
    lost(protocol)


def test_what_waited_for_tls_to_begin_waits_no_more_when_it_has() -> None:
    """Else a long conversation would end for what its peer has long read."""
    guarded = Guarded(idle=None, queue_limit=100)
    protocol: Any = guarded.factory.buildProtocol(PEER)
    transport = SlowTls(peerAddress=PEER)
    protocol.makeConnection(transport)
    protocol.write(b"x" * 150)
    protocol.handshakeCompleted()
    for _ in range(9):
        protocol.write(b"x" * 50)
    assert not transport.disconnected
    lost(protocol)


def test_who_was_answered_once_is_hurried_no_more() -> None:
    """After its first message only silence ends it."""
    guarded = Guarded(Greeting, idle=None, first=30.0)
    protocol, transport = guarded.connect()
    guarded.clock.advance(29.0)
    protocol.dataReceived(b"hello\n")
    guarded.clock.pump([30.0] * 10)
    assert (protocol.begun, transport.disconnecting) == (True, False)
    lost(protocol)
    assert not guarded.clock.getDelayedCalls()


@pytest.mark.parametrize(
    ("says", "waits"),
    [
        ({}, 30.0),
        ({"first": 5.0}, 5.0),
        ({"first": None}, None),
        ({"first": 5.0, "keeps_first": True}, None),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
def test_a_door_may_have_a_rule_of_its_own(
    says: dict[str, Any], waits: float | None, tls: bool
) -> None:
    """Or leave it to the bench, or see to it itself; but for TLS to begin it waits no longer."""
    guarded = Guarded(idle=None, first=30.0)
    door = Door("quote-tcp", "stream", "tcp:7017", Factory(), idle=None, **says)
    guarded.factory = GuardedFactory(
        door, Factory.forProtocol(Echo), guarded.clock, guarded.counters, guarded.census, first=30.0
    )
    transport = (Tls if tls else StringTransport)(peerAddress=PEER)
    protocol: Any = guarded.factory.buildProtocol(PEER)
    protocol.makeConnection(transport)
    ended = None
    while ended is None and guarded.clock.seconds() < 99:
        guarded.clock.advance(0.5)
        if transport.disconnecting or transport.disconnected:
            ended = guarded.clock.seconds()
    assert ended == (says.get("first") or 30.0 if tls else waits)
    assert transport.disconnected == tls
    lost(protocol)


def test_a_handshake_that_ends_is_no_first_message() -> None:
    """A door that waits for one goes on waiting; one that does not has all the time there is."""
    seen = []
    for keeps in (False, True):
        guarded = Guarded(idle=None, first=30.0)
        door = Door("q", "stream", "tcp:1", Factory(), idle=None, first=30.0, keeps_first=keeps)
        guarded.factory = GuardedFactory(
            door, Factory.forProtocol(Echo), guarded.clock, guarded.counters, guarded.census
        )
        transport = Tls(peerAddress=PEER)
        protocol: Any = guarded.factory.buildProtocol(PEER)
        protocol.makeConnection(transport)
        guarded.clock.advance(29.0)
        protocol.handshakeCompleted()
        guarded.clock.advance(1.0)
        seen.append((transport.disconnecting, transport.disconnected))
        lost(protocol)
    assert seen == [(True, False), (False, False)]


def test_a_half_close_reaches_a_protocol_that_knows_of_it() -> None:
    """And only the protocol decides what then."""
    guarded = Guarded(Polite, idle=None)
    protocol, transport = guarded.connect()
    protocol.readConnectionLost()
    protocol.writeConnectionLost()
    assert protocol.inside.seen == ["read half lost", "write half lost"]
    assert not transport.disconnecting


def test_a_half_close_gets_its_answer_from_a_protocol_that_does_not() -> None:
    """Twisted would drop what the protocol has written."""
    guarded = Guarded(idle=None)
    protocol, transport = guarded.connect()
    protocol.dataReceived(b"hello")
    protocol.readConnectionLost()
    protocol.writeConnectionLost()
    assert (transport.value(), transport.disconnecting) == (b"hello", True)


def test_draining_ends_with_the_last_connection() -> None:
    """Whoever can drain is asked to, the others are closed."""
    guarded = Guarded(Polite, idle=None)
    first, _ = guarded.connect()
    second, _ = guarded.connect()
    drained = guarded.factory.drain()
    assert (first.inside.seen, second.inside.seen) == (["drain"], ["drain"])
    lost(first)
    assert not drained.called
    lost(second)
    assert drained.called


@pytest.mark.logs("ZeroDivisionError")
def test_a_protocol_that_breaks_when_it_is_asked_to_finish_is_cut() -> None:
    """One broken connection must not keep the others from being asked, nor the stop from going."""

    class Broken(Polite):
        def drain(self) -> None:
            raise ZeroDivisionError

    guarded = Guarded(Broken, idle=None)
    (first, one), (second, other) = guarded.connect(), guarded.connect()
    drained = guarded.factory.drain()
    assert (one.disconnected, other.disconnected) == (True, True)
    assert guarded.counters.dropped == {"crashed": 2}
    lost(first)
    lost(second)
    assert drained.called


@pytest.mark.logs("ZeroDivisionError")
def test_a_protocol_that_breaks_when_it_begins_is_cut() -> None:
    """Twisted would leave the client waiting for ever."""

    class Broken(Protocol):
        def connectionMade(self) -> None:
            raise ZeroDivisionError

    guarded = Guarded(Broken, idle=None)
    protocol, transport = guarded.connect()
    assert transport.disconnected
    assert guarded.counters.dropped == {"crashed": 1}
    lost(protocol)
    assert (guarded.counters.open, guarded.census.total) == (0, 0)


def test_draining_nothing_is_done_at_once() -> None:
    """A stop need not wait where nobody is connected."""
    assert Guarded().factory.drain().called


def test_what_does_not_end_can_be_cut() -> None:
    """Aborted, and counted."""
    guarded = Guarded(idle=None)
    _, transport = guarded.connect()
    assert guarded.factory.cut() == 1
    assert transport.disconnected
    assert guarded.counters.dropped == {"cut_at_stop": 1}


def test_a_guarded_protocol_names_its_peer() -> None:
    """The address that the limits count."""
    protocol, _ = Guarded(idle=None).connect()
    assert isinstance(protocol, GuardedProtocol)
    assert protocol.peer == "192.0.2.1"


class Between:
    """Something between a connection and the protocol inside, as a WebSocket is."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    def __getattr__(self, name: str) -> Any:
        """Be the connection in everything else."""
        return getattr(self.transport, name)


def test_a_gateways_connection_counts_for_who_is_behind_it() -> None:
    """Whatever stands between; and as before, where that one has its share already."""
    guarded = Guarded(limit=2, idle=None)
    (first, _), (second, _) = guarded.connect(), guarded.connect()
    assert guarded.factory.buildProtocol(PEER) is not None  # one that says that there is no room
    assert speak_for(first.inside.transport, "198.51.100.3", 5)
    assert first.inside.transport.getPeer() == IPv4Address("TCP", "198.51.100.3", 5)
    assert speak_for(Between(second.inside.transport), "2001:db8::5")
    assert guarded.census.peers == {"198.51.100.3": 1, "2001:db8::/64": 1}
    guarded.census.per_peer = 1
    assert not speak_for(second.inside.transport, "198.51.100.3")
    assert second.peer == "2001:db8::/64"
    lost(first)
    assert speak_for(second.inside.transport, "198.51.100.3")
    lost(second)
    assert (guarded.census.total, guarded.census.peers) == (0, {})
    assert guarded.counters.dropped["too_many_peer"] == 1
