"""The proxy under rules and parties of all kinds: nothing breaks, nothing is left behind."""

import random
from typing import Any

from tests.faults.test_doors import PROXY, Broken
from tests.testing.parties import Echo, Party, Shouts, call, serve
from twisted_net.faults import Way
from twisted_net.testing import Chunking, Link, SimNetwork, simulate

STREAM = [
    *("delay=50ms", "delay=off", "jitter=100ms", "loss=20%", "corrupt=5%", "only=70%"),
    *("size=40", "size=700", "size=off", "split=50%", "merge=30ms", "merge=off"),
    *("bandwidth=20KiB", "bandwidth=off", "slow-reader=50KiB", "slow-reader", "slow-reader=off"),
    *("blackhole=5000", "blackhole=off", "half-close=3000"),
    *("close=9000", "close=off", "reset=2s", "reset=off"),
]

DATAGRAM = [
    *("delay=50ms", "jitter=100ms", "loss=20%", "corrupt=20%", "duplicate=30%", "reorder=30%"),
    *("bandwidth=5KiB", "bandwidth=off", "queue=2000", "blackhole=900", "blackhole=off"),
    "only=60%",
]


def typed(dice: random.Random, words: list[str]) -> list[str]:
    """Return some rules, each for one direction or both."""
    ways = ["", *(f"{way.value}:" for way in Way)]
    return [dice.choice(ways) + dice.choice(words) for _ in range(dice.randrange(4))]


class Server(Echo):
    """Echoes, and now and then closes, half-closes, resets or stops reading."""

    transport: Any
    dice: random.Random

    def dataReceived(self, data: bytes) -> None:
        act = self.dice.randrange(25)
        if act == 0:
            self.transport.abortConnection()
        elif act == 1:
            self.transport.loseConnection()
        elif act == 2:
            self.transport.loseWriteConnection()
        elif act == 3:
            self.transport.pauseProducing()
        else:
            super().dataReceived(data)


@simulate(seeds=20, link=Link(latency=0.002, loss=0.02, jitter=0.01), chunking=Chunking(split=0.3))
async def test_streams_come_and_go_in_a_storm(net: SimNetwork) -> None:
    """Rules change, both sides do what they like; in the end there is nobody and no timer."""
    dice = random.Random(f"{net.seed}")  # noqa: S311
    broken = Broken(net, seed=dice.randrange(99), idle=20.0, room=30_000)
    serve(broken.server, type("Server", (Server,), {"dice": dice}))
    parties: list[Party] = []
    for _ in range(12):
        broken.breakage.change(typed(dice, STREAM))
        parties.append(
            await call(broken.client, PROXY, Party(dice.randbytes(dice.randrange(9_000))))
        )
        for party in dice.sample(parties, min(3, len(parties))):
            if not party.lost.called:
                _act(party.transport, dice)
        await net.sleep(dice.random() * 2)
    for party in parties:
        if not party.lost.called:
            party.transport.abortConnection()
    await net.sleep(1000)
    assert (broken.breakage.open, broken.door.passages) == (0, {})
    assert 0 < broken.breakage.connections <= 12  # one may be gone before it is accepted
    assert not broken.reactor.getDelayedCalls()


def _act(transport: Any, dice: random.Random) -> None:
    match dice.randrange(6):
        case 0:
            transport.loseConnection()
        case 1:
            transport.abortConnection()
        case 2:
            transport.loseWriteConnection()
        case 3:
            transport.pauseProducing()
        case _:
            transport.write(dice.randbytes(3000))


@simulate(seeds=20, link=Link(latency=0.002, loss=0.02, jitter=0.01))
async def test_datagrams_come_and_go_in_a_storm(net: SimNetwork) -> None:
    """What arrives was sent, but for the bits that a rule turned over; then all is forgotten."""
    dice = random.Random(f"{net.seed}")  # noqa: S311
    broken = Broken(net, kind="datagram", seed=dice.randrange(99), idle=5.0, room=20_000, most=6)
    there = Shouts(echo=True)
    broken.server.reactor.listenUDP(7, there)
    guests = [Shouts() for _ in range(8)]
    for port, guest in enumerate(guests, 40_000):
        broken.client.reactor.listenUDP(port, guest)
    for n in range(60):
        broken.breakage.change(typed(dice, DATAGRAM))
        dice.choice(guests).transport.write(bytes([n]) * 100, (net.dns[PROXY][0], 7))
        await net.sleep(dice.random() / 4)
    await net.sleep(60)
    tallies = broken.breakage.tallies
    assert (broken.breakage.open, broken.door.guests) == (0, {})
    assert tallies[Way.TO_SERVER].datagrams_came + broken.breakage.refused <= 60
    assert len(there.heard) <= tallies[Way.TO_SERVER].datagrams_passed
    assert not broken.reactor.getDelayedCalls()
