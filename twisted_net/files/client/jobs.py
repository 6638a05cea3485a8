"""Several things at one time."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredList, DeferredLock, FirstError

T = TypeVar("T")


async def side_by_side(
    jobs: int, things: AsyncIterator[T], do: Callable[[T], Awaitable[None]]
) -> None:
    """Do something with each thing, with so many of them at one time.

    When it fails with one, or this is cancelled, nothing goes on.
    """
    lock = DeferredLock()

    async def work() -> None:
        while True:
            await lock.acquire()
            try:
                thing = await anext(things)
            except StopAsyncIteration:
                return
            finally:
                lock.release()
            await do(thing)

    running = [Deferred.fromCoroutine(work()) for _ in range(jobs)]
    try:
        await DeferredList(running, fireOnOneErrback=True, consumeErrors=True)
    except FirstError as first:
        first.subFailure.raiseException()
    finally:
        for each in running:
            each.cancel()
