"""What the two worlds have in common besides the network: beginning, end, and failure."""

from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import deferLater
from twisted.python import log

from tests.parity.parties import Fixed, Party, call, serve
from tests.parity.story import Story
from twisted_net.testing import LoggedErrors, SimTimeout
from twisted_net.testing.worlds import MANY_ADDRESSES, LoopbackWorld, World


def test_a_scenario_that_does_not_end_fails(world: World) -> None:
    """Neither world waits for ever."""

    async def endless(world: World) -> None:
        await Deferred()

    with pytest.raises(AssertionError, match=r"the .* is not done"):
        world.run(endless, timeout=0.1)


def test_a_scenario_that_takes_too_long_is_a_timeout(world: World) -> None:
    """By the clock of its world."""

    async def slow(world: World) -> None:
        await world.sleep(3)

    with pytest.raises(SimTimeout, match=r"is not done after 0.1 s"):
        world.run(slow, timeout=0.1)


def test_the_failure_of_a_scenario_is_raised(world: World) -> None:
    """As it was."""

    async def failing(world: World) -> None:
        await world.sleep(0)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        world.run(failing)


def test_a_coroutine_that_knows_its_world_is_a_scenario_too(world: World) -> None:
    """And its result is returned."""

    async def known() -> str:
        await world.sleep(0)
        return "done"

    assert world.run(known()) == "done"


@pytest.mark.logs("ZeroDivisionError")
@pytest.mark.parametrize("old", [False, True], ids=["unhandled", "log.err"])
def test_a_failure_that_is_only_logged_fails_the_scenario(world: World, old: bool) -> None:
    """Unless the scenario flushes it."""

    async def logging(world: World) -> None:
        if old:
            log.err(ZeroDivisionError("unseen"))
        else:
            lost: Deferred[None] = Deferred()
            lost.addCallback(lambda _: 1 // 0)
            lost.callback(None)

    with pytest.raises(LoggedErrors, match="ZeroDivisionError"):
        world.run(logging)


def test_a_world_can_be_run_again(world: World) -> None:
    """Its hosts keep their addresses."""

    async def address(world: World) -> str:
        await world.sleep(0)
        return world.host("server").ip

    assert world.run(address) == world.run(address) == world.host("server").ip


def test_hosts_have_addresses_of_their_own(world: World) -> None:
    """Where the machine has that many."""
    first, second = world.host("first"), world.host("second")
    assert first is world.host("first")
    assert (first.ip != second.ip) is (MANY_ADDRESSES or first.ip.startswith("10."))


def test_what_a_scenario_leaves_open_does_no_harm(world: World) -> None:
    """Ports, connections and timers are gone with the run."""
    story = Story()

    async def careless(world: World) -> None:
        client, server = Party(story, "client"), Party(story, "server")
        await call(world, serve(world, Fixed(server)), client)
        reactor = world.host("client").reactor
        reactor.callLater(1000, story.tell, "client", "too late")
        reactor.listenUDP(0, DatagramProtocol(), world.host("client").ip)
        await story.until(lambda: server.transport is not None)

    world.run(careless)
    assert "too late" not in story.told()["client"]


async def back_soon(world: World) -> bool:
    """Wait on the global reactor, and say whether it was the world's."""
    from twisted.internet import reactor

    await deferLater(reactor, 0.01)
    return reactor.__dict__ is world.host("here").reactor.__dict__


def test_a_real_world_lends_itself_to_the_global_reactor() -> None:
    """And gives it back as it was."""
    from twisted.internet import reactor

    before = reactor.__dict__
    assert LoopbackWorld().run(back_soon)
    assert reactor.__dict__ is before


@pytest_twisted.ensureDeferred
async def test_a_real_world_works_within_a_running_reactor() -> None:
    """Which stands still meanwhile, and goes on afterwards."""
    from twisted.internet import reactor

    await deferLater(reactor, 0.001)
    within: Any = LoopbackWorld().run(back_soon)
    assert within
    await deferLater(reactor, 0.001)
