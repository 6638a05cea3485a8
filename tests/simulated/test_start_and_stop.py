"""The bench comes up whole or not at all, and goes down without cutting anybody short."""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from twisted.internet.protocol import Factory

from tests.simulated.bench import ECHO_TCP, SERVER, Bench, serving, together
from tests.simulated.chatters import Member
from tests.simulated.fetching import Fetch, Fetcher, whole_or_failed
from tests.simulated.scenarios import NARROW, ROUGH
from twisted_net.echo.client import ask_stream
from twisted_net.net.errors import ConnectError, StartError
from twisted_net.stopping import CUT_WITHIN
from twisted_net.testing import Link, SimNetwork, simulate


@simulate(seeds=8, link=NARROW)
async def test_a_stop_lets_files_be_finished(net: SimNetwork, shared: Path) -> None:
    """SIGTERM while files are on their way: they arrive, and then the process is gone."""
    serving(net, files_root=str(shared), grace="120")
    fetches = await _stopped_while_fetching(net, 0.0)
    assert [fetch.error for fetch in fetches] == [None, None]
    await net.sleep(60)
    assert not net[SERVER].up


@simulate(seeds=8, link=NARROW)
async def test_a_stop_that_cannot_wait_cuts_and_says_so(net: SimNetwork, shared: Path) -> None:
    """After the grace period what is left is cut: the files failed, and the process is gone."""
    serving(net, files_root=str(shared), grace="0.5")
    fetches = await _stopped_while_fetching(net, 0.5 + CUT_WITHIN)
    assert [fetch.error is None for fetch in fetches] == [False, False]
    assert not net[SERVER].up


async def _stopped_while_fetching(net: SimNetwork, gone_after: float) -> list[Fetch]:
    """Tell the server to stop as soon as two files are on their way; return what became of them.

    :param gone_after: seconds after which the process has to be gone; 0: it may take its time.
    """

    async def stop(folder: str) -> None:
        while len([part for part in Path(folder).iterdir() if part.stat().st_size]) < 2:
            await net.sleep(0.05)
        net[SERVER].shutdown()
        if gone_after:
            await net.sleep(gone_after + 0.01)
            assert not net[SERVER].up

    with TemporaryDirectory() as folder:
        one, two = (Fetcher(net.host(f"c{n}"), Path(folder), patience=30.0) for n in range(2))
        fetching = together(one.by_line("book"), two.by_tftp("book"))
        await stop(folder)
        await fetching
        fetches = [*one.fetches, *two.fetches]
        whole_or_failed(fetches)
    return fetches


@simulate(seeds=5, link=Link(latency=0.02))
async def test_a_stop_tells_everybody_in_the_chat(net: SimNetwork) -> None:
    """Members of both doors hear that the server stops, and nobody new is let in."""
    serving(net)
    members = [Member(net.host("line"), "tcp"), Member(net.host("datagram"), "udp")]
    for member in members:
        assert await member.enter()
    net[SERVER].shutdown()
    await net.sleep(8)
    assert [str(member.visit.ended).partition(": ")[2] for member in members] == [
        "stopping",
        "server stopping",
    ]
    assert not net[SERVER].up
    with pytest.raises(ConnectError, match="refused"):
        await ask_stream(net["line"].reactor, ECHO_TCP, b"anybody?")


@simulate(seeds=5, link=ROUGH)
async def test_a_bench_that_is_started_again_serves_again(net: SimNetwork) -> None:
    """At once, on the same ports: connections of its former life do not keep them."""
    bench = serving(net)
    client = net.host("client")
    for _ in range(3):
        assert await ask_stream(client.reactor, ECHO_TCP, b"hello", 60) == b"hello"
        net[SERVER].kill()
        net[SERVER].restart()
        await net.sleep(0.001)
    assert len(bench.lives) == 4


@pytest.fixture
def excepthook() -> Iterator[None]:
    """Put the hook back that a failing start replaces."""
    before = sys.excepthook
    yield
    sys.excepthook = before


@pytest.mark.parametrize("port", [7007, 7008, 7009])
def test_a_port_that_is_taken_keeps_every_door_closed(port: int, excepthook: None) -> None:
    """The start fails in one line, no door stays open, and a second try works."""
    net = SimNetwork()
    server, bench = net.host(SERVER), Bench()
    taken = server.reactor.listenTCP(port, Factory())
    with pytest.raises(StartError, match=f"{port}.*in use"):
        server.run(bench.assembled(server).startService)
    net.run_for(1)
    assert net.netstat().count("LISTEN") == 1
    net.run(taken.stopListening)
    server.run(bench.assembled(server).startService)
    assert net.run(ask_stream(net.host("client").reactor, ECHO_TCP, b"hello")) == b"hello"


def test_after_a_stop_nothing_is_left(shared: Path) -> None:
    """No timer, no port, no connection: a stop that is complete needs no process to end."""
    net = SimNetwork(link=ROUGH)
    server, bench = net.host(SERVER), Bench(files_root=str(shared), grace="1")
    assembled = bench.assembled(server)
    server.run(assembled.startService)
    members = [Member(net.host("line"), "tcp"), Member(net.host("datagram"), "udp")]
    net.run(together(*(member.enter() for member in members)))
    net.run(lambda: server.run(assembled.stopService))
    net.run_for(1)
    assert server.reactor.getDelayedCalls() == []
    assert server.reactor.getReaders() == server.reactor.getWriters() == []
    assert [name for name, door in bench.counters if door.open] == []
    assert {"echo-tcp", "chat-tcp", "chat-udp"} <= {name for name, _ in bench.counters}
