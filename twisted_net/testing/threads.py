"""A thread pool without threads: its work is done in order, one piece at a time, on the clock."""

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure


class SimThreadPool:
    """What Twisted asks of a `ThreadPool`.

    Work is done by the one thread there is, later at the same instant, so that it can never
    happen at the same time as something else.

    :param soon: calls something as an event of its own.
    """

    log = Logger()
    min = 0
    max = 10
    name = "simulated"

    def __init__(self, soon: Callable[[Callable[[Any], object], Any], None]) -> None:
        self._soon = soon
        self.started = True
        self.joined = False
        self.threads: list[object] = []
        self.workers = 0

    def start(self) -> None:
        """Do nothing; it works from the beginning."""

    def stop(self) -> None:
        """Take no further work."""
        self.started = False
        self.joined = True

    def adjustPoolsize(self, minthreads: int | None = None, maxthreads: int | None = None) -> None:
        """Remember how many threads there would be."""
        self.min = self.min if minthreads is None else minthreads
        self.max = self.max if maxthreads is None else maxthreads

    def callInThread(self, func: Callable[..., Any], *args: Any, **kw: Any) -> None:
        """Do a piece of work; a failure is logged."""
        self.callInThreadWithCallback(None, func, *args, **kw)

    def callInThreadWithCallback(
        self,
        onResult: Callable[[bool, Any], object] | None,
        func: Callable[..., Any],
        *args: Any,
        **kw: Any,
    ) -> None:
        """Do a piece of work and hand over its result, or its failure."""
        if not self.joined:
            self._soon(self._work, (onResult, func, args, kw))

    def _work(self, work: tuple[Any, Callable[..., Any], Any, Any]) -> None:
        told, func, args, kw = work
        try:
            success, result = True, func(*args, **kw)
        except Exception:
            success, result = False, Failure()
        if told is not None:
            told(success, result)
        elif not success:
            self.log.failure("in a thread", result)
