"""A fast UDP port beside a stock one: the same script, the same story."""

import os
import socket
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from twisted.internet.protocol import DatagramProtocol

from tests.net.fast.kinds import FAST
from tests.parity.parties import Datagrams, address, open_port
from tests.parity.scripts import MakePort, played, script
from tests.parity.story import Story
from twisted_net.echo.doors import EchoDatagramProtocol
from twisted_net.net.counters import DoorCounters
from twisted_net.net.datagram_guards import GuardedDatagrams
from twisted_net.net.drops import Drops
from twisted_net.net.fast import datagrams, offload
from twisted_net.net.fast.opening import Fast
from twisted_net.net.limits import SourceRates
from twisted_net.net.service import Door
from twisted_net.testing import transports
from twisted_net.testing.worlds import LoopbackWorld, Place, SimWorld, World

LARGEST = 65_535

#: How many scripts are played on the simulated network; SEEDS=3000 in the environment for more.
SEEDS = int(os.environ.get("SEEDS", "100"))

SIMULATED: Any = transports.simulated(FAST).datagrams


def stock(host: Place, protocol: DatagramProtocol) -> Any:
    """Open Twisted's own port."""
    return host.reactor.listenUDP(0, protocol, interface=host.ip, maxPacketSize=LARGEST)


def simulated(host: Place, protocol: DatagramProtocol) -> Any:
    """Open a fast port on a simulated socket."""
    port = SIMULATED(0, protocol, host.ip, LARGEST, host.reactor)
    port.startListening()
    return port


def fast(host: Place, protocol: DatagramProtocol) -> Any:
    """Open a fast port."""
    return Fast(host.reactor).listenUDP(0, protocol, host.ip, LARGEST)


def portable(host: Place, protocol: DatagramProtocol) -> Any:
    """Open a fast port that knows nothing of what the kernel can do."""
    port = fast(host, protocol)
    port._reads_batches = port._sends_trains = False
    return port


def alike(world: World, seed: int, make_port: MakePort, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play one script with a fast port and with a stock one."""
    dice = Random(seed)  # noqa: S311 - a script, no secret
    made = script(dice)
    monkeypatch.setattr(datagrams, "SINGLY", dice.randrange(datagrams.SINGLY + 1))

    async def both(world: World) -> list[Any]:
        told = []
        for make in (make_port, stock):
            told.append(await played(world, made, make, make.__name__))
            told.append(len(world.flush_errors(ZeroDivisionError)))
        return told

    told = world.run(both, timeout=60)
    assert told[:2] == told[2:]


@pytest.mark.logs("ZeroDivisionError")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_simulated_fast_port_does_what_a_stock_one_does(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is sent, what it is told, what it raises, and who hears what in which order."""
    alike(SimWorld(), seed, simulated, monkeypatch)


@pytest.mark.logs("ZeroDivisionError")
@pytest.mark.parametrize("make_port", [fast, portable])
@pytest.mark.parametrize("seed", range(8))
def test_a_fast_port_does_what_a_stock_one_does(
    seed: int, make_port: MakePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that the kernel can do, and with none of it."""
    alike(LoopbackWorld(), seed, make_port, monkeypatch)


#: The socket option by which a socket sends without checksums, which rules trains out (socket(7)).
SO_NO_CHECK = 11

BURST = 200


async def flooded(world: World, port: Any, peer: Datagrams) -> Any:
    """Let a peer send many datagrams to an echo port; return the peer's own port."""
    here = open_port(world, peer, "peer")
    for number in range(BURST):
        peer.transport.write(b"%03d" % number, address(port))
    await peer.hears(BURST)
    await here.stopListening()
    return here


@pytest.mark.skipif(not offload.sends_trains(), reason="no UDP_SEGMENT here")
@pytest.mark.parametrize("refused", [False, True])
def test_where_trains_are_refused_datagrams_go_one_by_one(
    refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer notices nothing, and trains are not tried again for it."""
    tried: list[int] = []
    send_train = offload.send_train

    def counting(*args: Any) -> int:
        tried.append(len(args[1]))
        return send_train(*args)

    monkeypatch.setattr(offload, "send_train", counting)
    world, story, counters = LoopbackWorld(), Story(), DoorCounters()
    peer = Datagrams(story, "peer")

    async def scenario(world: World) -> None:
        port = fast(world.host("server"), Datagrams(Story(), "echo", answers=True))
        port.account(counters, Drops("echo-udp", counters, world.host("server").reactor.seconds))
        if refused:
            port.socket.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        await flooded(world, port, peer)
        await port.stopListening()

    world.run(scenario)
    assert peer.heard == [b"%03d" % number for number in range(BURST)]
    assert not counters.dropped
    assert counters.datagrams_sent == BURST
    assert (len(tried) == 1) if refused else (sum(tried) == BURST - datagrams.SINGLY)


@pytest.mark.parametrize("make_port", [stock, fast, portable])
def test_a_guarded_port_counts_alike_whatever_is_beneath(make_port: MakePort) -> None:
    """What came, what went, and what was more than one source may send."""
    world, counters = LoopbackWorld(), DoorCounters()
    peer, other = Datagrams(Story(), "peer"), Datagrams(Story(), "other")

    async def scenario(world: World) -> None:
        host = world.host("server")
        echo = EchoDatagramProtocol()
        door = Door("echo-udp", "datagram", "udp:0", echo)
        rates = SourceRates(BURST)
        guard = GuardedDatagrams(door, echo, Stopped(), counters, rates, ())
        port = make_port(host, guard)
        await flooded(world, port, peer)
        here = open_port(world, peer, "peer")
        peer.transport.write(b"too much", address(port))
        await _told(world, lambda: counters.dropped)
        there = open_port(world, other, "other")
        other.transport.write(b"hello", address(port))
        await other.hears(1)
        for each in (port, here, there):
            await each.stopListening()

    world.run(scenario)
    assert counters.dropped == {"too_fast": 1}
    assert (counters.datagrams_received, counters.received) == (BURST + 2, 3 * BURST + 13)
    assert (counters.datagrams_sent, counters.sent) == (BURST + 1, 3 * BURST + 5)


class Stopped:
    """A clock that stands still: no tokens come back."""

    def seconds(self) -> float:
        """Return the time."""
        return 1.0


async def _told(world: World, condition: Callable[[], object]) -> None:
    while not condition():
        await world.sleep(0.002)
