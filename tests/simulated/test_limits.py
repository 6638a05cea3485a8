"""What one peer may have, on the transports that the doors run on."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from tests.simulated.bench import SERVER, serving, together
from tests.simulated.scenarios import CUT
from twisted_net.chat.doors.stream import NAME_WITHIN
from twisted_net.chat.hashing import made
from twisted_net.net.clients import Target, connect
from twisted_net.net.silence import FINISH_WITHIN
from twisted_net.testing import Link, SimNetwork, simulate
from twisted_net.testing.transports import STOCK


@pytest.fixture(params=["fast", "stock"])
def transports(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run on our transports, and on Twisted's own: the guard stands round those."""
    if request.param == "stock":
        monkeypatch.setattr(SimNetwork, "default_transports", STOCK)


#: A gateway of IRC, wherever it is.
_PASSWORD = "hunter2"  # noqa: S105
_GATEWAYS = made("0.0.0.0/0", _PASSWORD)

#: Seconds between two bytes of a peer that never comes to the point (R7).
DRIP = 0.5


class Drip(Protocol):
    """Send a byte now and then, and note when the other side has had enough."""

    transport: Any

    def __init__(self, reactor: Any, byte: bytes) -> None:
        self.ended: Deferred[float] = Deferred()
        self._reactor = reactor
        self._byte = byte

    def connectionMade(self) -> None:
        """Begin."""
        self._began = self._reactor.seconds()
        self._drip()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Say after how long."""
        self._drips.cancel()
        self.ended.callback(self._reactor.seconds() - self._began)

    def _drip(self) -> None:
        self.transport.write(self._byte)
        self._drips = self._reactor.callLater(DRIP, self._drip)


@pytest.mark.usefixtures("transports")
@simulate(seeds=3, link=Link(latency=0.02))
@pytest.mark.parametrize("byte", [b"", b"x"])
async def test_no_stream_door_waits_longer_for_a_first_message(
    net: SimNetwork, byte: bytes
) -> None:
    """Neither for a peer that is silent nor for one that sends a byte per half second."""
    options = {"first_message": "8", "files_first_request": "8", "web_request": "8"}
    bench = serving(net, echo_mode="dialog", **options)
    within = {7007: 8.0, 7009: 8.0, 7080: 8.0, 7008: NAME_WITHIN}
    for port, most in within.items():
        client = net.host(f"c{port}").reactor
        drip = Drip(client, byte)
        await connect(client, Target("tcp", SERVER, port), drip)
        lasted = await drip.ended
        assert most - 0.1 <= lasted <= most + FINISH_WITHIN + 0.5, port
    assert bench.counters.door("echo-tcp").dropped == {"no_first_message": 1}
    assert bench.counters.door("echo-tcp").open == 0


@pytest.mark.usefixtures("transports")
@simulate(seeds=3, link=Link(latency=0.02))
async def test_who_has_been_answered_is_counted_as_before(net: SimNetwork) -> None:
    """To the byte, before its first message and after; and it may stay."""
    bench = serving(net, first_message="8")
    drips = [Drip(net.host(f"c{n}").reactor, b"x") for n in range(3)]
    target = Target("tcp", SERVER, 7007)
    await together(*(connect(net[f"c{n}"].reactor, target, each) for n, each in enumerate(drips)))
    await net.sleep(20)
    counters = bench.counters.door("echo-tcp")
    assert (counters.open, counters.dropped) == (3, {})
    for each in drips:
        each.transport.loseConnection()
    await net.sleep(5)
    assert (counters.received, counters.sent, counters.open) == (123, 123, 0)


class Says(Protocol):
    """Say something at once, and keep what is answered until the end."""

    transport: Any

    def __init__(self, words: bytes) -> None:
        self.heard = b""
        self.lost: Deferred[None] = Deferred()
        self._words = words

    def connectionMade(self) -> None:
        """Say it."""
        self.transport.write(self._words)

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note the end."""
        self.lost.callback(None)


@pytest.mark.usefixtures("transports")
@simulate(seeds=5, link=Link(latency=0.02), chunking=CUT)
async def test_the_limits_count_who_is_behind_a_proxy(net: SimNetwork) -> None:
    """However its header is cut; the proxy itself may have any number of connections."""
    bench = serving(net, max_conns_per_peer="2", proxy_from="10.0.0.0/8")
    target = Target("tcp", SERVER, 7007)
    reactor = net.host("proxy").reactor
    header = "PROXY TCP4 192.0.2.{} 10.0.0.1 40000 7007\r\nhello"
    wanted = [Says(header.format(n % 3).encode()) for n in range(9)]
    await together(*(connect(reactor, target, each) for each in wanted))
    await net.sleep(3)
    heard = sorted(each.heard[:8] for each in wanted)
    assert heard == [b"ERR 503 "] * 3 + [b"hello"] * 6
    counters = bench.counters.door("echo-tcp")
    assert (counters.dropped, counters.received) == ({"too_many_peer": 3}, 30)
    for each in wanted:
        each.transport.abortConnection()
    await net.sleep(1)
    assert counters.open == 0


@pytest.mark.usefixtures("transports")
@simulate(seeds=3, link=Link(latency=0.02))
async def test_a_header_of_nobody_that_is_believed_is_no_header(net: SimNetwork) -> None:
    """Who sends one is cut, and everybody else is served as ever."""
    bench = serving(net, proxy_from="192.0.2.1")
    target = Target("tcp", SERVER, 7007)
    reactor = net.host("client").reactor
    liar, honest = Says(b"PROXY TCP4 192.0.2.9 192.0.2.1 1 2\r\n"), Says(b"hello")
    await together(*(connect(reactor, target, each) for each in (liar, honest)))
    await liar.lost
    await net.sleep(1)
    assert (liar.heard, honest.heard) == (b"", b"hello")
    assert bench.counters.door("echo-tcp").dropped == {"proxy_not_believed": 1}
    assert bench.counters.door("echo-tcp").open == 1


@pytest.mark.usefixtures("transports")
@simulate(seeds=3, link=Link(latency=0.02), chunking=CUT)
async def test_the_limits_count_who_is_behind_a_gateway_of_irc(
    net: SimNetwork, tmp_path: Path
) -> None:
    """Though it says so after it was counted itself; who has left takes no place."""
    file = tmp_path / "gateways"
    file.write_text(_GATEWAYS)
    bench = serving(net, max_conns_per_peer="2", irc_gateways=str(file))
    target = Target("tcp", SERVER, 6667)
    reactor = net.host("gateway").reactor
    wanted = []
    for number in range(9):
        line = f"WEBIRC {_PASSWORD} kiwi host 192.0.2.{number % 3}\r\nPING x\r\n"
        wanted.append(Says(line.encode()))
        await connect(reactor, target, wanted[-1])
        await net.sleep(1)  # one gateway is known by its password, and makes room
    heard = [each.heard.rpartition(b" ")[2] for each in wanted]
    assert heard == [b"x\r\n"] * 6 + [b"later)\r\n"] * 3
    counters = bench.counters.door("irc")
    assert (counters.dropped, counters.open) == ({"too_many_peer": 3}, 6)
    wanted[0].transport.abortConnection()
    await net.sleep(1)
    for words, answer in ((wanted[-3]._words, b"x\r\n"), (wanted[-2]._words, b"later)\r\n")):
        again = Says(words)
        await connect(reactor, target, again)
        await net.sleep(1)
        assert again.heard.endswith(answer)
