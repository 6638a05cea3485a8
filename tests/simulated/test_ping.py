"""``netdemo ping`` on bad networks: what it reports is what the network did."""

import random
from typing import Any

import pytest
from twisted.internet.protocol import Protocol

from tests.simulated.bench import ECHO_TCP, ECHO_UDP, SERVER, serving
from twisted_net.echo.codec import ProbeCodec
from twisted_net.echo.pace import World
from twisted_net.echo.probe import Plan
from twisted_net.echo.probing import Run
from twisted_net.echo.tally import Kind, Tally
from twisted_net.net.clients import Target, connect
from twisted_net.net.errors import (
    BadAnswerError,
    ClientError,
    ConnectError,
    NoAnswerError,
    SettingError,
)
from twisted_net.testing import DROP, Delay, Duplicate, Host, Link, Packet, SimNetwork, simulate

MS = 1_000_000


class Ping:
    """One run, and what it reported.

    :ivar kinds: what became of probes, in order.
    """

    def __init__(self, host: Host, target: Target, size: int = 56, **plan: Any) -> None:
        self.kinds: list[Kind] = []
        self.run = Run(
            World(host.reactor, host.reactor.seconds),
            target,
            Plan(**{"interval": 0.1, "timeout": 1.0, **plan}),
            ProbeCodec(7, size),
            lambda events, why: self.kinds.extend(event.kind for event in events),
            far=True,
        )

    async def __call__(self) -> Tally:
        """Run it to its end."""
        await self.run.run()
        return self.tally

    async def fails(self, kind: type[ClientError], match: str) -> Tally:
        """Run it to its end, which is an error."""
        with pytest.raises(kind, match=match):
            await self.run.run()
        return self.tally

    @property
    def tally(self) -> Tally:
        """The numbers so far."""
        assert self.run.prober is not None
        return self.run.prober.tally


def probes_of(net: SimNetwork, target: Target, **plan: Any) -> Ping:
    """Return a run from a client of this network."""
    return Ping(net.host("client"), target, **plan)


@pytest.mark.parametrize("target", [ECHO_UDP, ECHO_TCP])
def test_a_good_network_is_measured_as_it_is(net: SimNetwork, target: Target) -> None:
    """10 ms there and 10 back; nothing lost, nothing late, no jitter, no drift."""
    serving(net)
    net.host("client")
    net.link("client", SERVER, latency=0.01)
    tally = net.run(Ping(net["client"], target, count=50))
    assert (tally.sent, tally.answered, tally.loss) == (50, 50, 0.0)
    assert tally.latency.lowest == pytest.approx(20 * MS, rel=0.05)
    assert tally.latency.highest == pytest.approx(20 * MS, rel=0.05)
    assert tally.behind.highest == 0
    assert (tally.duplicates, tally.reordered, tally.jitter < MS) == (0, 0, True)


@pytest.mark.network(reactor="epoll")
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_the_loss_is_the_one_that_the_network_has(net: SimNetwork, share: float) -> None:
    """Every packet that a rule has dropped is one lost probe, and nothing else is."""
    serving(net)
    dice, dropped = random.Random(4), list[Packet]()  # noqa: S311

    def lose(packet: Packet) -> Any:
        if packet.payload.startswith(b"ping") and dice.random() < share / 2:
            dropped.append(packet)
            return DROP
        return None

    ping = probes_of(net, ECHO_UDP, count=400, interval=0.01)
    with net.rule(lose):
        tally = net.run(ping)
    assert tally.lost == len(dropped) == ping.kinds.count(Kind.LOST) > 0
    assert tally.answered == 400 - tally.lost
    assert tally.loss == pytest.approx(100 * len(dropped) / 400)


@simulate(seeds=3, link=Link(latency=0.02, loss=0.051_316_7))
async def test_one_in_ten_lost_is_measured_as_such(net: SimNetwork) -> None:
    """5.13 % each way are 10 % of the round trips; 1000 of them, with five sigmas to spare."""
    serving(net)
    tally = await probes_of(net, ECHO_UDP, count=1000, interval=0.01)()
    assert 5 < tally.loss < 15


def test_doubled_and_overtaken_answers_are_counted(net: SimNetwork) -> None:
    """Every tenth answer comes twice; every tenth takes longer than the next."""
    serving(net)
    seen: list[Packet] = []

    def shake(packet: Packet) -> Any:
        if not packet.payload.startswith(b"ping") or packet.sport != 7007:
            return None
        seen.append(packet)
        return {3: Duplicate(), 7: Delay(0.15)}.get(len(seen) % 10)

    with net.rule(shake):
        tally = net.run(probes_of(net, ECHO_UDP, count=100))
    assert (tally.answered, tally.duplicates, tally.reordered, tally.lost) == (100, 10, 10, 0)
    assert tally.jitter > MS


def test_a_late_answer_is_late_and_not_lost_and_doubled(net: SimNetwork) -> None:
    """It comes two seconds after it was given up."""
    serving(net)
    slow = iter([Delay(3.0)])
    with net.rule(lambda packet: next(slow, None) if packet.payload.startswith(b"ping") else None):
        tally = net.run(probes_of(net, ECHO_UDP, count=60))
    assert (tally.late, tally.lost, tally.duplicates, tally.answered) == (1, 0, 0, 59)


def test_a_server_that_stalls_is_not_hidden(net: SimNetwork) -> None:
    """Five seconds of ten: half of the probes see it, and not the one that met it first."""
    serving(net)
    net.at(2.0, net[SERVER].stall, 5.0)
    tally = net.run(probes_of(net, ECHO_TCP, count=100, timeout=30.0))
    assert (tally.sent, tally.answered, tally.behind.highest) == (100, 100, 0)
    assert 4500 * MS < tally.latency.highest < 5500 * MS
    assert 1000 * MS < tally.latency.percentile(75) < 4000 * MS
    assert tally.latency.percentile(45) < 100 * MS


def test_a_stream_that_is_not_read_is_not_fed_without_end(net: SimNetwork) -> None:
    """What could not be sent is told; memory is not what pays for it."""
    serving(net)
    net.at(1.0, net[SERVER].stall, 20.0)
    tally = net.run(probes_of(net, ECHO_TCP, count=400, interval=0.05, size=65000))
    assert tally.unsent > 0
    assert tally.sent + tally.unsent == 400
    assert tally.lost + tally.late > 0
    assert tally.waiting == 0


@pytest.mark.parametrize("reactor", ["portable", "epoll"])
def test_a_server_that_comes_back_is_found_again(reactor: Any) -> None:
    """Refused while nobody listens, on both kinds of reactor; then answered as before."""
    net = SimNetwork(reactor=reactor)
    serving(net)
    net.at(2.0, net[SERVER].kill)
    net.at(4.0, net[SERVER].restart)
    tally = net.run(probes_of(net, ECHO_UDP, count=60))
    assert tally.refused == pytest.approx(20, abs=1)
    assert (tally.lost, tally.answered, tally.unsent) == (tally.refused, 60 - tally.refused, 0)


def test_a_cut_link_costs_what_was_sent_meanwhile(net: SimNetwork) -> None:
    """Two seconds at ten a second."""
    serving(net)
    ping = probes_of(net, ECHO_UDP, count=60)
    net.at(2.05, net.partition, "client", SERVER)
    net.at(4.05, net.repair, "client", SERVER)
    tally = net.run(ping)
    assert (tally.lost, tally.answered) == (20, 40)


def test_nobody_there_is_said_with_the_numbers(net: SimNetwork) -> None:
    """Refused, silent, and not even a connection."""
    net.host("idle")
    tally = net.run(
        lambda: Ping(net.host("a"), Target("udp", "idle", 7), count=3).fails(
            ConnectError, "idle:7: connection refused; nobody listens"
        )
    )
    assert (tally.sent, tally.refused, tally.loss) == (3, 3, 100.0)
    serving(net, echo_mode="discard")
    tally = net.run(
        lambda: Ping(net.host("b"), ECHO_UDP, count=3).fails(
            NoAnswerError, "no answer from server:7007 in 1 s to any of 3 probes"
        )
    )
    assert (tally.sent, tally.lost, tally.loss) == (3, 3, 100.0)
    silent = Ping(net.host("c"), Target("tcp", "idle", 7), count=3)
    net.run(lambda: refused(silent))


async def refused(ping: Ping) -> None:
    """There was no connection, and so no run."""
    with pytest.raises(ConnectError, match="cannot connect to idle:7: connection refused"):
        await ping.run.run()
    assert ping.run.prober is None


@pytest.mark.parametrize(
    ("mode", "target"), [("upper", ECHO_UDP), ("upper", ECHO_TCP), ("dialog", ECHO_TCP)]
)
def test_a_server_that_says_something_else_is_no_echo_server(
    net: SimNetwork, mode: str, target: Target
) -> None:
    """One clear line, soon, and not a hundred losses."""
    serving(net, echo_mode=mode)
    ping = probes_of(net, target, count=1000)
    tally = net.run(lambda: ping.fails(BadAnswerError, "is this an RFC 862 echo server?"))
    assert tally.altered > 0
    assert tally.sent < 10


def test_a_refusal_of_a_door_is_shown(net: SimNetwork) -> None:
    """A server that is full says so; it is not taken for a broken one."""
    serving(net, max_conns_per_peer="1")
    client = net.host("client")
    net.run(lambda: connect(client.reactor, ECHO_TCP, Protocol()))
    ping = Ping(client, ECHO_TCP, count=3)
    net.run(lambda: ping.fails(BadAnswerError, "server:7007 says: ERR 503 BUSY"))


def test_a_connection_that_ends_in_the_middle_leaves_its_numbers(net: SimNetwork) -> None:
    """What was answered counts, what was under way is lost, and nothing hangs."""
    serving(net)
    net.at(2.05, net[SERVER].kill)
    ping = probes_of(net, ECHO_TCP, count=1000)
    tally = net.run(lambda: ping.fails(ConnectError, "server:7007"))
    assert (tally.answered, tally.waiting) == (21, 0)


@pytest.mark.parametrize("target", [ECHO_UDP, ECHO_TCP])
def test_a_flood_ends_with_its_count(net: SimNetwork, target: Target) -> None:
    """As fast as the answers come, and no faster."""
    serving(net)
    tally = net.run(probes_of(net, target, interval=0.0, count=500))
    assert (tally.sent, tally.answered) == (500, 500)


@pytest.mark.network(link=Link(latency=0.01, loss=0.2))
def test_a_flood_goes_on_where_answers_are_lost(net: SimNetwork) -> None:
    """At a hundred a second at least."""
    serving(net)
    tally = net.run(probes_of(net, ECHO_UDP, interval=0.0, duration=5.0))
    assert tally.sent > 400
    assert 25 < tally.loss < 47


def test_a_flood_does_not_leave_this_machine_unasked(net: SimNetwork) -> None:
    """The other side may not be ours."""
    serving(net)
    ping = probes_of(net, ECHO_UDP, interval=0.0, count=5)
    ping.run._far = False
    with pytest.raises(SettingError, match="say --flood --flood"):
        net.run(ping)
    assert ping.run.prober is None
