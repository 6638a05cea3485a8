"""Timers, threads and what hangs on the global reactor, told alike by both worlds."""

from twisted.internet.defer import Deferred, TimeoutError, gatherResults
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.task import LoopingCall, cooperate, deferLater
from twisted.internet.threads import deferToThread

from tests.parity.story import tells
from twisted_net.testing.worlds import World


@tells(list(range(50)))
async def test_calls_that_are_due_together_come_in_the_order_of_asking(world: World) -> list[int]:
    """First come, first served."""
    reactor = world.host("client").reactor
    seen: list[int] = []
    for number in range(50):
        reactor.callLater(0.01, seen.append, number)
    await world.sleep(0.05)
    return seen


@tells(["now", "soon", "later"])
async def test_calls_come_in_the_order_of_their_times(world: World) -> list[str]:
    """Whatever the order of asking."""
    reactor = world.host("client").reactor
    seen: list[str] = []
    reactor.callLater(0.04, seen.append, "later")
    reactor.callLater(0.02, seen.append, "soon")
    reactor.callLater(0, seen.append, "now")
    await world.sleep(0.1)
    return seen


@tells(["moved", "reset", "AlreadyCalled", "AlreadyCancelled"])
async def test_a_call_can_be_moved_and_cancelled(world: World) -> list[str]:
    """As long as it has not happened."""
    reactor = world.host("client").reactor
    seen: list[str] = []
    moved = reactor.callLater(0.01, seen.append, "reset")
    moved.delay(0.05)
    reset = reactor.callLater(10, seen.append, "moved")
    reset.reset(0.01)
    cancelled = reactor.callLater(0.01, seen.append, "never")
    cancelled.cancel()
    await world.sleep(0.15)
    for call in (moved, cancelled):
        try:
            call.cancel()
        except (AlreadyCalled, AlreadyCancelled) as error:
            seen.append(type(error).__name__)
    return seen


@tells([1, 2, 3, "stopped"])
async def test_a_loop_runs_until_it_is_stopped(world: World) -> list[object]:
    """On the clock it was given."""
    seen: list[object] = []

    def step() -> None:
        seen.append(len(seen) + 1)
        if len(seen) == 3:
            loop.stop()

    loop = LoopingCall(step)
    loop.clock = world.host("client").reactor
    await loop.start(0.01)
    return [*seen, "stopped"]


@tells([1, 2, "stopped"])
async def test_a_loop_without_a_clock_runs_on_the_global_reactor(world: World) -> list[object]:
    """Which is that of the world."""
    seen: list[object] = []

    def step() -> None:
        seen.append(len(seen) + 1)
        if len(seen) == 2:
            loop.stop()

    loop = LoopingCall(step)
    await loop.start(0.01)
    return [*seen, "stopped"]


@tells([0, 1, 2, "done"])
async def test_work_can_be_shared_out(world: World) -> list[object]:
    """By the cooperator that everybody has in common."""
    seen: list[object] = []
    await cooperate(map(seen.append, range(3))).whenDone()
    return [*seen, "done"]


@tells([42, "ZeroDivisionError"])
async def test_threads_work_and_fail(world: World) -> list[object]:
    """Their results come back to the reactor."""
    seen: list[object] = [await deferToThread(lambda: 42)]
    try:
        await deferToThread(lambda: 1 // 0)
    except ZeroDivisionError as error:
        seen.append(type(error).__name__)
    return seen


@tells("from elsewhere")
async def test_a_call_from_a_thread_runs_in_the_reactor(world: World) -> str:
    """And wakes it up."""
    reactor = world.host("client").reactor
    done: Deferred[str] = Deferred()
    reactor.callInThread(reactor.callFromThread, done.callback, "from elsewhere")
    return await done


@tells(["TimeoutError", "in time"])
async def test_what_takes_too_long_is_given_up(world: World) -> list[str]:
    """After the time it was given."""
    reactor = world.host("client").reactor
    seen = []
    never: Deferred[None] = Deferred()
    try:
        await never.addTimeout(0.02, reactor)
    except TimeoutError as error:
        seen.append(type(error).__name__)
    seen.append(await deferLater(reactor, 0.001, lambda: "in time").addTimeout(5, reactor))
    return seen


@tells([True, True])
async def test_time_goes_on_while_one_sleeps(world: World) -> list[bool]:
    """By as much as was asked for, at least."""
    reactor = world.host("client").reactor
    before = reactor.seconds()
    await gatherResults([deferLater(reactor, 0.02), deferLater(reactor, 0.03)])
    passed = reactor.seconds() - before
    return [passed >= 0.03 - 1e-6, passed < 5]


@tells(["running"])
async def test_what_waits_for_the_reactor_to_run_is_called(world: World) -> list[str]:
    """At once, since it runs."""
    seen: list[str] = []
    world.host("client").reactor.callWhenRunning(seen.append, "running")
    return seen
