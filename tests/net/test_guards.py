"""Tests of `twisted_net.net.guards`."""

from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, MessageLengthError
from twisted.internet.interfaces import IHalfCloseableProtocol, ISSLTransport
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from zope.interface import implementedBy, implementer, providedBy

from twisted_net.net.counters import DoorCounters
from twisted_net.net.guards import FINISH_WITHIN, GuardedDatagrams, GuardedFactory, GuardedProtocol
from twisted_net.net.limits import Census, SourceRates
from twisted_net.net.service import Door, IDrains

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
        self, protocol: type[Protocol] = Echo, limit: int = 2, idle: float | None = 10.0
    ) -> None:
        self.clock = Clock()
        self.counters = DoorCounters()
        self.census = Census(limit, limit)
        inside = Factory.forProtocol(protocol)
        self.door = Door("quote-tcp", "stream", "tcp:7017", inside, idle=idle, busy=b"BUSY\n")
        self.factory = GuardedFactory(self.door, inside, self.clock, self.counters, self.census)

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
    assert list(providedBy(protocol)) == [*providedBy(transport), *implementedBy(GuardedProtocol)]
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
    assert (guarded.census.total, guarded.counters.dropped) == (0, {"not_built": 1})


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


def test_a_warning_a_second_is_all_that_a_stranger_can_cause() -> None:
    """The counters miss nothing; the log is not a stranger's to fill."""
    guarded = Guarded()
    with capturedLogs() as events:
        for _ in range(100):
            guarded.factory.drops.drop("idle", "192.0.2.1")
        guarded.clock.advance(1.0)
        guarded.factory.drops.drop("idle", "192.0.2.1")
    assert [event["count"] for event in events] == [1, 101]
    assert guarded.counters.dropped == {"idle": 101}


class EchoDatagrams(DatagramProtocol):
    """Answer every datagram, and crash on one."""

    noisy = False

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Answer."""
        if datagram == b"crash":
            raise ZeroDivisionError
        self.transport.write(datagram, addr)  # type: ignore[union-attr]


class Wire:
    """A datagram transport that keeps what is sent, or refuses it."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Any]] = []
        self.refuse: Exception | None = None

    def write(self, packet: bytes, addr: Any) -> None:
        """Send."""
        if self.refuse is not None:
            raise self.refuse
        self.sent.append((packet, addr))

    def getHost(self) -> str:
        """Return anything."""
        return "here"


class GuardedUdp:
    """Guarded datagrams and all that they work with."""

    def __init__(self, rate: float = 0, inside: DatagramProtocol | None = None) -> None:
        self.clock = Clock()
        self.counters = DoorCounters()
        self.wire = Wire()
        self.inside = inside or EchoDatagrams()
        door = Door("quote-udp", "datagram", "udp:7017", self.inside)
        self.guard = GuardedDatagrams(
            door, self.inside, self.clock, self.counters, SourceRates(rate), lambda p: p == 7007
        )
        self.guard.makeConnection(self.wire)  # type: ignore[arg-type]

    def answers(self, datagram: bytes, port: int = 40000) -> list[Any]:
        """Return what is sent on one datagram from this port."""
        self.wire.sent.clear()
        self.guard.datagramReceived(datagram, ("192.0.2.1", port))
        return list(self.wire.sent)


def test_datagrams_are_counted_both_ways() -> None:
    """And the protocol inside sees the real transport in all but writing."""
    udp = GuardedUdp()
    assert udp.answers(b"hi") == [(b"hi", ("192.0.2.1", 40000))]
    counters = udp.counters
    assert (counters.datagrams_received, counters.datagrams_sent) == (1, 1)
    assert (counters.received, counters.sent) == (2, 2)
    assert udp.inside.transport.getHost() == "here"  # type: ignore[union-attr]


@pytest.mark.parametrize("port", [0, 7, 19, 53, 69, 1023, 1900, 5353, 11211, 7007])
def test_no_service_is_answered_and_no_door_of_our_own(port: int) -> None:
    """Silence and a counter: two servers are never set talking to each other."""
    udp = GuardedUdp()
    assert udp.answers(b"hi", port) == []
    assert udp.counters.dropped == {"loop_port": 1}


def test_a_source_that_floods_is_not_answered() -> None:
    """So many a second, and no more."""
    udp = GuardedUdp(rate=2)
    assert [len(udp.answers(b"x")) for _ in range(4)] == [1, 1, 0, 0]
    assert udp.counters.dropped == {"too_fast": 2}


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (MessageLengthError("too long"), "too_long_to_send"),
        (OSError(11, "again"), "not_sent_eagain"),
        (OverflowError("port"), "not_sent_range"),
    ],
)
def test_what_cannot_be_sent_is_counted_and_raises_nothing(refusal: Exception, reason: str) -> None:
    """UDP promises nothing; a protocol need not catch anything."""
    udp = GuardedUdp()
    udp.wire.refuse = refusal
    udp.answers(b"hi")
    assert udp.counters.dropped == {reason: 1}
    assert udp.counters.datagrams_sent == 0


@pytest.mark.logs("ZeroDivisionError")
def test_datagrams_that_crash_a_protocol_fill_no_log() -> None:
    """One traceback a second for the bug, and a count."""
    udp = GuardedUdp()
    with capturedLogs() as events:
        for _ in range(50):
            udp.answers(b"crash")
    assert udp.answers(b"alive") != []
    assert udp.counters.dropped == {"crashed": 50}
    assert len([event for event in events if "log_failure" in event]) == 1
    assert len(events) <= 3
    udp.clock.advance(1.0)
    with capturedLogs() as events:
        udp.answers(b"crash")
    assert len([event for event in events if "log_failure" in event]) == 1


def test_stopping_reaches_the_protocol_inside() -> None:
    """It may have timers of its own to end."""
    stopped: list[bool] = []

    class Stops(EchoDatagrams):
        def stopProtocol(self) -> None:
            stopped.append(True)

    udp = GuardedUdp(inside=Stops())
    udp.guard.doStop()
    assert stopped == [True]


def test_a_datagram_door_may_take_its_time_to_drain() -> None:
    """A transfer on a port of its own ends before the server does."""
    done: Deferred[None] = Deferred()

    @implementer(IDrains)
    class Transfers(EchoDatagrams):
        def drain(self) -> Deferred[None]:
            return done

    ended: list[str] = []
    for inside in (Transfers(), EchoDatagrams()):
        drained = GuardedUdp(inside=inside).guard.drain()
        drained.addCallback(_note, ended, type(inside).__name__)
    assert ended == ["EchoDatagrams"]
    done.callback(None)
    assert ended == ["EchoDatagrams", "Transfers"]


def _note(_: object, ended: list[str], name: str) -> None:
    ended.append(name)


def test_a_guarded_protocol_names_its_peer() -> None:
    """The address that the limits count."""
    protocol, _ = Guarded(idle=None).connect()
    assert isinstance(protocol, GuardedProtocol)
    assert protocol.peer == "192.0.2.1"
