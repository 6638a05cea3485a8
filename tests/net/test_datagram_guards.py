"""Tests of `twisted_net.net.datagram_guards`."""

from collections import Counter
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import MessageLengthError
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from zope.interface import implementer

from twisted_net.net.counters import DoorCounters
from twisted_net.net.datagram_guards import GuardedDatagrams
from twisted_net.net.limits import GRANT, SOURCES, SourceRates
from twisted_net.net.service import Door, IDrains


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

    def getHost(self) -> IPv4Address:
        """Return where it listens."""
        return IPv4Address("UDP", "192.0.2.9", 7017)


class GuardedUdp:
    """Guarded datagrams and all that they work with."""

    def __init__(
        self, rate: float = 0, inside: DatagramProtocol | None = None, mutual: bool = False
    ) -> None:
        self.clock = Clock()
        self.counters = DoorCounters()
        self.wire = Wire()
        self.inside = inside or EchoDatagrams()
        door = Door("quote-udp", "datagram", "udp:7017", self.inside, mutual=mutual)
        self.own_ports = [7007]
        self.guard = GuardedDatagrams(
            door, self.inside, self.clock, self.counters, SourceRates(rate), self.own_ports
        )
        self.guard.makeConnection(self.wire)  # type: ignore[arg-type]

    def answers(self, datagram: bytes, port: int = 40000, host: str = "192.0.2.1") -> list[Any]:
        """Return what is sent on one datagram from this port."""
        self.wire.sent.clear()
        self.guard.datagramReceived(datagram, (host, port))
        return list(self.wire.sent)


def test_datagrams_are_counted_both_ways() -> None:
    """And the protocol inside sees the real transport in all but writing."""
    udp = GuardedUdp()
    assert udp.answers(b"hi") == [(b"hi", ("192.0.2.1", 40000))]
    counters = udp.counters
    assert (counters.datagrams_received, counters.datagrams_sent) == (1, 1)
    assert (counters.received, counters.sent) == (2, 2)
    assert udp.inside.transport.getHost().port == 7017  # type: ignore[union-attr]


@pytest.mark.parametrize("port", [0, 7, 19, 53, 69, 1023, 1900, 5353, 11211, 7007])
def test_no_service_is_answered_and_no_door_of_our_own(port: int) -> None:
    """Silence and a counter: two servers are never set talking to each other."""
    udp = GuardedUdp()
    assert udp.answers(b"hi", port) == []
    assert udp.counters.dropped == {"loop_port": 1}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "192.0.2.9"])
def test_where_peers_speak_from_the_port_they_listen_on_only_this_host_is_our_own(
    host: str,
) -> None:
    """Two servers on two hosts may have the same door; one must not hear itself."""
    udp = GuardedUdp(mutual=True)
    assert len(udp.answers(b"hi", 7007)) == 1
    assert udp.answers(b"hi", 7007, host) == []
    assert len(udp.answers(b"hi", 40000, host)) == 1
    assert udp.answers(b"hi", 53) == []
    assert udp.counters.dropped == {"loop_port": 2}


def test_a_source_that_floods_is_not_answered() -> None:
    """So many a second, and no more."""
    udp = GuardedUdp(rate=2)
    assert [len(udp.answers(b"x")) for _ in range(4)] == [1, 1, 0, 0]
    assert udp.counters.dropped == {"too_fast": 2}


@pytest.mark.parametrize("together", [1, 50])
def test_a_peer_that_is_known_is_limited_as_before(together: int) -> None:
    """A second's worth and no more, from all of its ports together."""
    udp = GuardedUdp(rate=1000)
    for port in (40000, 40001) * (1000 // together):
        sender = ("192.0.2.1", port)
        udp.guard.datagramsReceived([b"x"] * together, [sender] * together, {sender: together})
    assert len(udp.wire.sent) == 1000
    assert udp.counters.dropped == {"too_fast": 1000}
    assert len(udp.answers(b"x", 40000)) == 0
    udp.clock.advance(0.1)
    assert sum(len(udp.answers(b"x", 40000)) for _ in range(1000)) == 100


def test_a_peer_is_not_answered_for_long_once_its_port_is_a_door_of_ours() -> None:
    """Doors open one after the other: who was known before one did is looked at again."""
    udp = GuardedUdp(rate=10_000)
    assert len(udp.answers(b"x", 7018)) == 1
    udp.own_ports.append(7018)
    heard = sum(len(udp.answers(b"x", 7018)) for _ in range(1000))
    assert heard <= GRANT
    assert udp.counters.dropped == {"loop_port": 1000 - heard}


def test_spoofed_peers_do_not_fill_the_memory() -> None:
    """Neither the addresses nor the ports that a flood can have."""
    udp = GuardedUdp(rate=10_000)
    for number in range(2 * SOURCES + 10):
        udp.guard.datagramReceived(b"x", (f"192.0.{number % 100}.1", 1024 + number))
    assert len(udp.guard._known) <= SOURCES


def test_a_batch_is_handed_on_as_its_datagrams_would_be_one_by_one() -> None:
    """In order; of each source as many as it may send, the first ones."""
    udp = GuardedUdp(rate=2)
    fast, slow, looping = (("192.0.2.1", 1024), ("192.0.2.2", 1025), ("192.0.2.3", 7))
    senders = [fast, slow, fast, looping, fast, fast]
    batch = [b"%d" % number for number in range(6)]
    udp.guard.datagramsReceived(batch, senders, Counter(senders))
    assert udp.wire.sent == [(b"0", fast), (b"1", slow), (b"2", fast)]
    assert udp.counters.dropped == {"too_fast": 2, "loop_port": 1}
    assert (udp.counters.datagrams_received, udp.counters.received) == (6, 6)


@pytest.mark.logs("ZeroDivisionError")
def test_a_datagram_of_a_batch_that_crashes_the_protocol_costs_no_other() -> None:
    """It is counted, and the rest is answered."""
    udp = GuardedUdp()
    peer = ("192.0.2.1", 40000)
    udp.guard.datagramsReceived([b"a", b"crash", b"b"], [peer] * 3, {peer: 3})
    assert [datagram for datagram, _ in udp.wire.sent] == [b"a", b"b"]
    assert udp.counters.dropped == {"crashed": 1}


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
