"""Protocols of others that raise, inside the guard of their door: cut, and told in bounds."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.parity.conftest import loopback_fast, simulated_fast
from tests.parity.parties import Party, call, serve
from tests.parity.story import Story, tells
from twisted_net.net.counters import DoorCounters
from twisted_net.net.guards import GuardedFactory
from twisted_net.net.limits import Census
from twisted_net.net.service import Door
from twisted_net.testing.worlds import World

pytestmark = pytest.mark.logs("ZeroDivisionError", "KeyError")


@implementer(IHalfCloseableProtocol)
class Breaks(Protocol):
    """Raises where it is told to: by its first byte, or in what follows from it."""

    transport: Any
    pulled = False

    def dataReceived(self, data: bytes) -> None:
        """Do as one is told."""
        if data == b"read":
            raise ZeroDivisionError
        if data == b"other":
            raise KeyError(data)
        if data == b"write":
            self.transport.registerProducer(self, False)
        if data == b"lose":
            self.transport.loseConnection()

    def resumeProducing(self) -> None:
        """Write a little; raise, when more is to be written."""
        if self.pulled:
            raise ZeroDivisionError
        self.pulled = True
        self.transport.write(b"x")

    def stopProducing(self) -> None:
        """Be complete."""

    def readConnectionLost(self) -> None:
        """Raise, when the peer has closed its half."""
        raise ZeroDivisionError

    def writeConnectionLost(self) -> None:
        """Be complete."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Raise at the end."""
        if reason.check(type(connectionDone.value)):
            raise ZeroDivisionError


async def broken(world: World, *words: bytes, halves: bool = False) -> tuple[list[Any], int, Any]:
    """Send words, each in a connection of its own; return ends, what was logged, and counters."""
    reactor = world.host("server").reactor
    door = Door("quote-tcp", "stream", "tcp:0", Factory.forProtocol(Breaks))
    counters: Any = DoorCounters()
    inside: Any = door.serve
    guard = GuardedFactory(door, inside, reactor, counters, Census(99, 99))
    served = serve(world, guard)
    ends = []
    for word in words:
        story = Story()
        client = Party(story, "client")
        await call(world, served, client)
        client.transport.write(word)
        if halves:
            client.transport.loseWriteConnection()
        await client.lost()
        ends.append(story.told()["client"][-1])
    while guard.connections:
        await world.sleep(0.01)
    await served.port.stopListening()
    return ends, len(world.flush_errors(ZeroDivisionError, KeyError)), counters.dropped


CUT = "lost: ConnectionLost"


@tells(([CUT] * 20, 1, {"crashed": 20}))
async def test_a_protocol_that_raises_is_cut_and_fills_no_log(world: World) -> Any:
    """One traceback for what a stranger does twenty times, and a reset for each of them."""
    return await broken(world, *[b"read"] * 20)


@tells(([CUT] * 3, 2, {"crashed": 3}))
async def test_the_first_traceback_of_each_kind_is_never_lost(world: World) -> Any:
    """Whatever else has just been told."""
    return await broken(world, b"read", b"other", b"read")


@pytest.mark.parametrize("make", [simulated_fast, loopback_fast])
def test_a_producer_that_raises_is_cut(make: Callable[[], World]) -> None:
    """When it is asked for more; without our transports, Twisted's reactor tells it by itself."""
    told = make().run(lambda world: broken(world, b"write"))
    assert told == ([CUT], 1, {"crashed": 1})


@tells(([CUT], 1, {"crashed": 1}))
async def test_a_protocol_that_raises_at_a_half_close_is_cut(world: World) -> Any:
    """It will say no more."""
    return await broken(world, b"x", halves=True)


@tells((["lost: ConnectionDone"], 1, {"crashed": 1}))
async def test_a_protocol_that_raises_at_its_end_is_counted_out(world: World) -> Any:
    """It holds no place for ever."""
    return await broken(world, b"lose")
