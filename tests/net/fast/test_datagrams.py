"""Tests of `twisted_net.net.fast.datagrams`, on a network in memory: the portable ways."""

import errno
from typing import Any

import pytest
from twisted.internet.error import InvalidAddressError, MessageLengthError
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import capturedLogs

from tests.net.fast.kinds import FAST
from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.fast import datagrams
from twisted_net.net.fast.datagrams import LONGEST_HELD
from twisted_net.net.fast.offload import MOST
from twisted_net.testing import SimNetwork

pytestmark = pytest.mark.network(transports=FAST)

#: Enough datagrams that some of them come as a batch.
BURST = datagrams.SINGLY + 12


class Notes(DatagramProtocol):
    """Keep what is heard."""

    noisy = False
    transport: Any

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, tuple[str, int]]] = []

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Keep it."""
        self.heard.append((datagram, addr))

    @property
    def said(self) -> list[bytes]:
        """What was heard, without who said it."""
        return [datagram for datagram, _ in self.heard]


class Bench:
    """A fast port, and two peers that send to it.

    :param account: whether somebody else counts what the port does.
    """

    def __init__(
        self, net: SimNetwork, protocol: DatagramProtocol, *, account: bool = True
    ) -> None:
        self.net = net
        self.protocol = protocol
        server = net.host("server")
        self.port = server.reactor.listenUDP(7017, protocol, server.ip, 65535)
        self.peers = [Notes(), Notes()]
        for number, peer in enumerate(self.peers):
            host = net.host(f"peer{number}")
            host.reactor.listenUDP(5000, peer, interface=host.ip, maxPacketSize=65535)
        self.addresses = [(net[f"peer{number}"].ip, 5000) for number in (0, 1)]
        self.counters = DoorCounters()
        if account:
            self.port.account(self.counters, Drops("quote-udp", self.counters, net.seconds))

    def send(self, *sent: bytes, peer: int = 0) -> None:
        """Let a peer send."""
        for datagram in sent:
            self.peers[peer].transport.write(datagram, (self.net["server"].ip, 7017))

    def burst(self, peer: int = 0) -> list[bytes]:
        """Let a peer send many, and return them."""
        sent = [b"%02d" % number for number in range(BURST)]
        self.send(*sent, peer=peer)
        return sent

    def settle(self, *errors: type[BaseException]) -> int:
        """Let the network do all that it has to; return how many of these errors were logged."""

        async def wait() -> int:
            await self.net.sleep(1.0)
            return len(self.net.flush_errors(*errors)) if errors else 0

        return int(self.net.run(wait))


class Echo(Notes):
    """Answer."""

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Answer."""
        super().datagramReceived(datagram, addr)
        self.transport.write(datagram, addr)


def test_a_burst_is_answered_in_order_for_each_peer(net: SimNetwork) -> None:
    """And the protocol hears it as it came."""
    bench = Bench(net, Echo())
    sent = [bench.burst(0), bench.burst(1)]
    bench.settle()
    assert [peer.said for peer in bench.peers] == sent
    assert bench.counters.datagrams_sent > 0
    assert bench.counters.sent == 2 * bench.counters.datagrams_sent


def test_what_is_written_in_a_batch_is_held_until_its_end(net: SimNetwork) -> None:
    """So that it can leave as a train; outside of one nothing waits."""
    held: list[int] = []

    class Looks(Echo):
        def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
            super().datagramReceived(datagram, addr)
            held.append(sum(map(len, bench.port._held.values())))

    bench = Bench(net, Looks())
    bench.burst()
    bench.settle()
    assert held[: datagrams.SINGLY] == [0] * datagrams.SINGLY
    assert max(held) > 1
    assert not bench.port._held


def test_one_that_is_too_long_to_be_held_keeps_its_place(net: SimNetwork) -> None:
    """What was written before it to the same peer leaves before it."""
    long = b"x" * (LONGEST_HELD + 1)

    class Mixed(Notes):
        def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
            for answer in (datagram, long, bytearray(datagram)):
                self.transport.write(answer, addr)

    bench = Bench(net, Mixed())
    sent = bench.burst()
    bench.settle()
    expected = [answer for datagram in sent for answer in (datagram, long, datagram)]
    assert bench.peers[0].said == expected


def test_a_buffer_that_its_writer_uses_again_is_sent_as_it_was(net: SimNetwork) -> None:
    """A held one must not change."""

    class Reuses(Notes):
        def startProtocol(self) -> None:
            self.buffer = bytearray(2)

        def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
            self.buffer[:] = datagram
            self.transport.write(self.buffer, addr)

    bench = Bench(net, Reuses())
    sent = bench.burst()
    bench.settle()
    assert bench.peers[0].said == sent


def test_whatever_a_protocol_writes_in_a_batch_what_is_held_is_bounded(net: SimNetwork) -> None:
    """The rest leaves at once, in order."""
    most: list[int] = []

    class Talks(Notes):
        def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
            for number in range(20):
                self.transport.write(b"%s%d" % (datagram, number), addr)
                most.append(max(map(len, bench.port._held.values()), default=0))

    bench = Bench(net, Talks())
    sent = bench.burst()
    bench.settle()
    expected = [b"%s%d" % (datagram, number) for datagram in sent for number in range(20)]
    assert bench.peers[0].said == expected
    assert max(most) == MOST


@pytest.mark.logs("ZeroDivisionError")
def test_a_datagram_that_crashes_the_protocol_costs_nobody_else_a_thing(net: SimNetwork) -> None:
    """It is logged, as by Twisted's own port, and what was written is sent."""

    class Crashes(Echo):
        def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
            super().datagramReceived(datagram, addr)
            if datagram in (b"03", b"15"):
                raise ZeroDivisionError

    bench = Bench(net, Crashes())
    sent = bench.burst()
    assert bench.settle(ZeroDivisionError) == 2
    assert bench.peers[0].said == sent


def test_what_was_written_before_a_port_was_closed_is_sent(net: SimNetwork) -> None:
    """Closed by the protocol itself, in the middle of a batch."""
    last = b"%02d" % (BURST - 3)

    class Leaves(Echo):
        def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
            super().datagramReceived(datagram, addr)
            if datagram == last:
                self.transport.stopListening()

    bench = Bench(net, Leaves())
    sent = bench.burst()
    bench.settle()
    heard = bench.peers[0].said
    assert heard == sent[: len(heard)]
    assert last in heard
    bench.send(b"anybody?")
    bench.settle()
    assert bench.peers[0].said == heard


def test_a_port_may_be_connected_in_a_batch(net: SimNetwork) -> None:
    """What was written before leaves to whom it was written."""

    class Connects(Echo):
        def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
            super().datagramReceived(datagram, addr)
            if datagram == b"15":
                self.transport.connect(*bench.addresses[0])
                self.transport.write(b"only you")

    bench = Bench(net, Connects())
    sent = bench.burst()
    bench.settle()
    assert bench.peers[0].said == [*sent[:16], b"only you", *sent[16:]]


def test_errors_of_one_peer_are_counted_and_hurt_no_other(net: SimNetwork) -> None:
    """While a batch is answered nobody waits for an error."""
    bench = Bench(net, Echo())
    real, lost = bench.port.socket, bench.addresses[0]

    class Refuses:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def sendto(self, data: bytes, addr: tuple[str, int]) -> int:
            if addr == lost and bench.port._held == {} and data >= b"08":
                raise OSError(errno.ENOBUFS, "no buffer space")
            return int(real.sendto(data, addr))

    bench.port.socket = Refuses()
    for number in range(BURST):
        bench.send(b"%02d" % number, peer=0)
        bench.send(b"%02d" % number, peer=1)
    with capturedLogs() as events:
        bench.settle()
    bench.port.socket = real
    assert bench.peers[1].said == [b"%02d" % number for number in range(BURST)]
    assert bench.counters.dropped["not_sent_enobufs"] == BURST - len(bench.peers[0].said)
    assert len([event for event in events if event.get("reason") == "not_sent_enobufs"]) == 1


@pytest.mark.parametrize("account", [False, True])
def test_what_cannot_be_sent_raises_as_on_a_stock_port_or_is_counted(
    account: bool, net: SimNetwork
) -> None:
    """What is no address at all is an error of the writer, and not of a peer."""
    raised: list[str] = []

    class Errs(Notes):
        def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
            for packet, to in ((b"x" * 65536, addr), (b"x", ("localhost", 1)), (b"x", ("::1", 1))):
                try:
                    self.transport.write(packet, to)
                except (MessageLengthError, InvalidAddressError) as error:
                    raised.append(type(error).__name__)

    bench = Bench(net, Errs(), account=account)
    bench.burst()
    bench.settle()
    too_long = [] if account else ["MessageLengthError"]
    assert raised == [*too_long, "InvalidAddressError", "InvalidAddressError"] * BURST
    assert bench.counters.dropped == ({"too_long_to_send": BURST} if account else {})


def test_a_port_without_an_account_keeps_its_own(net: SimNetwork) -> None:
    """Somebody else's protocol, which no assembly has opened."""
    server = net.host("alone")
    port = server.reactor.listenUDP(0, Notes(), server.ip)
    with capturedLogs() as events:
        port._not_sent(OSError(errno.ENOBUFS, "full"), ("192.0.2.1", 1), 3)
    assert [event["count"] for event in events] == [3]
