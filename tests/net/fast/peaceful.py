"""Scripts whose outcome does not depend on who is faster, on real sockets."""

from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from tests.net.fast.parties import Hands, Party, Seen
from tests.net.fast.scripts import Script, Step, draw
from twisted_net.testing import LoopbackWorld

#: What ends a connection, or a producer's work, sooner or later than something else.
HASTY = {"half", "lose", "abort", "linger", "raise", "unregister"}

PRODUCING = {"push", "pull", "own"}


async def play_at_once(world: LoopbackWorld, seeds: Iterable[int], folder: Path) -> list[Seen]:
    """Play the scripts of some seeds, all at one time; return what each party saw."""
    plays = [Deferred.fromCoroutine(_play(world, seed, folder)) for seed in seeds]
    return [each for pair in await gatherResults(plays) for each in pair]


def peaceful(dice: Random, last: bool) -> Script:
    """Draw one; ``last`` is that of the end which may not stop reading: else both might."""
    kept: list[Step] = []
    for step in draw(dice).steps:
        actions = {*step.action.split(", ")}
        produced = any(PRODUCING & {*each.action.split(", ")} for each in kept)
        if actions & HASTY or (actions & PRODUCING and produced) or ("own" in actions and last):
            continue  # one transport has one producer
        kept.append(step)
    return Script(dice.random() < 0.5, tuple(kept))


async def _play(world: LoopbackWorld, seed: int, folder: Path) -> list[Seen]:
    dice = Random(f"peace {seed}")  # noqa: S311 - repeatable, not secret
    reactor = world.reactor
    server, client = (Party(peaceful(dice, last), reactor.callLater) for last in (False, True))
    port: Any
    if seed % 2:
        path = str(folder / f"{type(reactor).__mro__[1].__name__}-{id(reactor)}-{seed}")
        port = reactor.listenUNIX(path, Hands(server))
        reactor.connectUNIX(path, Hands(client))
    else:
        port = reactor.listenTCP(0, Hands(server), interface="127.0.0.1")
        reactor.connectTCP("127.0.0.1", port.getHost().port, Hands(client))
    while not _settled(server, client):
        await world.sleep(0.01)
    client.transport.loseConnection()
    while not (server.lost and client.lost):
        await world.sleep(0.01)
    await port.stopListening()
    for each in (server, client):  # how often a real kernel's buffers are full is chance
        each.seen.producers = [told for told in each.seen.producers if told == "done"]
    return [server.seen, client.seen]


def _settled(one: Party, other: Party) -> bool:
    """Say whether all is done and heard."""
    if one.waiting or other.waiting or not (one.transport and other.transport):
        return False
    if any(each.transport.producer not in (None, each.transport) for each in (one, other)):
        return False
    return one.seen.heard == other.seen.written and other.seen.heard == one.seen.written
