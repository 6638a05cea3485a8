"""What parties see on fast transports is what they see on Twisted's own: random scripts on both."""

import os
from random import Random
from typing import Any

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory

from tests.net.fast.kinds import FAST, kind_of
from tests.net.fast.scripts import Party, Script, Seen, draw
from twisted_net.testing import Chunking, Link, LoopbackWorld, SimNetwork

#: How many scripts are run on the simulated network; SEEDS=3000 in the environment for more.
SEEDS = int(os.environ.get("SEEDS", "100"))


class Hands(Factory):
    """Hands out one protocol."""

    noisy = False

    def __init__(self, party: Party) -> None:
        self.party = party

    def buildProtocol(self, addr: Any) -> Party:
        """Return it."""
        return self.party


def seen(seed: int, **options: Any) -> list[Seen]:
    """Run the scripts of a seed on a simulated network; return what each party saw."""
    dice = Random(f"script {seed}")  # noqa: S311 - repeatable, not secret
    scripts = draw(dice), draw(dice)
    link = Link(latency=dice.choice((0.0005, 0.01)))
    cut = Chunking(split=0.3) if dice.random() < 0.3 else None
    net = SimNetwork(seed, link=link, chunking=cut, trace=False, **options)
    hosts = net.host("server"), net.host("client")
    parties = [
        Party(script, host.reactor.callLater) for script, host in zip(scripts, hosts, strict=True)
    ]

    async def main() -> None:
        port = hosts[0].reactor.listenTCP(7, Hands(parties[0]))
        endpoint = TCP4ClientEndpoint(hosts[1].reactor, hosts[0].ip, 7)
        await connectProtocol(endpoint, parties[1])
        for end in ("loseConnection", "abortConnection"):
            await net.sleep(5)
            for party in parties:
                if not party.lost and party.transport:
                    party.seen.told.append(end)
                    getattr(party.transport, end)()
        await net.sleep(1)
        await port.stopListening()
        net.flush_errors(ZeroDivisionError)

    net.run(main)
    return [party.seen for party in parties]


@pytest.mark.logs("ZeroDivisionError")
@pytest.mark.parametrize("part", range(4))
def test_every_script_is_seen_alike_by_both_parties(part: int) -> None:
    """Bytes, half-closes, ends and their reasons, and what producers are told.

    One thing may differ: where a write finds out that the connection was reset, Twisted's own
    transport throws away what came before and was not read yet, bytes or the end of the peer's
    half; a fast one reads it.
    """
    for seed in range(part, SEEDS, 4):
        for ours, stock in zip(seen(seed, transports=FAST), seen(seed), strict=True):
            if stock.told[-1:] == ["lost: ConnectionLost"]:
                stock.heard = max(ours.heard, stock.heard)
                if len(ours.told) > len(stock.told) and "no more to read" in ours.told:
                    ours.told.remove("no more to read")
            assert ours == stock, f"seed {seed}"


@pytest.mark.real_sockets
def test_every_script_without_a_race_is_seen_alike_on_real_sockets() -> None:
    """Two dozen of them at one time: writes, sequences, producers, pauses; then a close."""
    kinds = [kind_of("epoll", "stock"), kind_of("epoll", "fast"), kind_of("lean", "fast")]
    stock, *others = [LoopbackWorld(kind).run(_all_at_once, timeout=60) for kind in kinds]
    assert others == [stock, stock]
    assert sum(each.heard for each in stock) > 1_000_000


async def _all_at_once(world: LoopbackWorld) -> list[Seen]:
    pairs = [_peaceful(Random(f"peace {seed}")) for seed in range(24)]  # noqa: S311 - likewise
    found = await gatherResults([Deferred.fromCoroutine(_one(world, pair)) for pair in pairs])
    return [each for pair in found for each in pair]


def _peaceful(dice: Random) -> tuple[Script, Script]:
    """Draw two scripts whose outcome does not depend on who is faster."""

    def one() -> Script:
        kept: list[Any] = []
        for step in draw(dice).steps:
            produces = {"push", "pull"} & {*step.action.split(", ")}
            if {"half", "lose", "abort", "raise"} & {*step.action.split(", ")}:
                continue
            if produces and any("pu" in each.action for each in kept):
                continue  # one transport has one producer
            kept.append(step)
        return Script(dice.random() < 0.5, tuple(kept))

    return one(), one()


async def _one(world: LoopbackWorld, pair: tuple[Script, Script]) -> list[Seen]:
    reactor = world.reactor
    server, client = (Party(script, reactor.callLater) for script in pair)
    port = reactor.listenTCP(0, Hands(server), interface="127.0.0.1")
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
    await connectProtocol(endpoint, client)
    while not _settled(server, client):
        await world.sleep(0.01)
    client.transport.loseConnection()
    while not (server.lost and client.lost):
        await world.sleep(0.01)
    await port.stopListening()
    for each in (server, client):
        each.seen.producers.sort()  # how often a real kernel's buffers are full is chance
        each.seen.producers = [told for told in each.seen.producers if "ed" not in told]
    return [server.seen, client.seen]


def _settled(one: Party, other: Party) -> bool:
    """Say whether all is done and heard."""
    heard = one.seen.heard == other.seen.written and other.seen.heard == one.seen.written
    if not heard or one.waiting or other.waiting or one.transport is None:
        return False
    return one.transport.producer is None and other.transport.producer is None
