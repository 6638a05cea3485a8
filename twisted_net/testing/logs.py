"""Failures logged during a run: none may go unnoticed."""

from collections.abc import Callable
from types import TracebackType
from typing import Any

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_net.testing.errors import LoggedErrors, NetworkFailure


@implementer(ILogObserver)
class LoggedFailures:
    """An observer that keeps failures; a context manager that observes while it is open."""

    def __init__(self) -> None:
        self._failures: list[Failure] = []

    def __enter__(self) -> None:
        globalLogPublisher.addObserver(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        globalLogPublisher.removeObserver(self)

    def __call__(self, event: LogEvent) -> None:
        """Keep the failure of an event, if it has one."""
        failure: Any = event.get("log_failure")
        if failure is None and event.get("isError"):
            failure = event.get("failure")  # from log.err, before it is translated
        if isinstance(failure, Failure):
            self._failures.append(failure)

    def flush(self, *types: type[BaseException]) -> list[Failure]:
        """Return and forget the failures of some types, or all."""
        found = [each for each in self._failures if not types or each.check(*types)]
        self._failures = [each for each in self._failures if each not in found]
        return found

    def tell(self, error: BaseException) -> None:
        """Note in an error what was logged before it, which is often its cause."""
        for each in self._failures:
            error.add_note(f"logged before:\n{each.getTraceback().rstrip()}")

    def check(self, explained: Callable[[type[NetworkFailure], str], NetworkFailure]) -> None:
        """Fail if there are any.

        :param explained: makes the error, and shows in it how the network stands.
        :raises LoggedErrors: showing all of them.
        """
        failures = self.flush()
        if failures:
            shown = "\n".join(each.getTraceback() for each in failures)
            count = "a failure was" if len(failures) == 1 else f"{len(failures)} failures were"
            raise explained(LoggedErrors, f"{count} logged:\n{shown.rstrip()}")
