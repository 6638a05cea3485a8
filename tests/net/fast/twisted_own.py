"""Run Twisted's own tests of reactors on the lean reactor; print what came as JSON.

``python -m tests.net.fast.twisted_own lean tcp unix`` names a reactor and modules of
`twisted.internet.test`. A process of its own: these tests exchange the global reactor.
"""

import gc
import importlib
import json
import sys
import unittest
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase

from twisted_net.net.fast.reactor import LeanReactor

REACTORS: dict[str, type[EPollReactor]] = {"lean": LeanReactor, "epoll": EPollReactor}


def kind_of(reactor: str) -> type[EPollReactor]:
    """Return a kind of reactor."""
    # Some of Twisted's tests ask for the name, to know what a reactor on epoll cannot do.
    return type("EPollReactor", (REACTORS[reactor],), {})


class Made:
    """Makes the reactor under test; no function, which would become a method of the tests."""

    def __init__(self) -> None:
        self.kind: Callable[[], Any] = EPollReactor

    def __call__(self) -> Any:
        """Make one, not started."""
        return self.kind()


made = Made()


def cases(modules: Sequence[str]) -> Iterator[SynchronousTestCase]:
    """Yield the tests that Twisted makes for this reactor."""
    seen: dict[type, None] = {}
    for module in modules:
        imported = importlib.import_module(f"twisted.internet.test.test_{module}")
        for kind in list(vars(imported).values()):
            built = isinstance(kind, type) and issubclass(kind, ReactorBuilder)
            if built and issubclass(kind, SynchronousTestCase) and kind not in seen:
                seen[kind] = None
                for name in unittest.TestLoader().getTestCaseNames(kind):
                    yield kind(name)


def outcomes(modules: Sequence[str]) -> dict[str, list[str]]:
    """Run everything; return the names of the tests by what came of them."""
    sorted_out: dict[str, list[str]] = {"passed": [], "skipped": [], "failed": []}
    for case in cases(modules):
        result = TestResult()
        case.run(result)
        kind = type(case).__name__.removesuffix("_madeTests")
        name = f"{kind}.{case._testMethodName}"
        gc.collect()  # a Deferred lost by this test is no failure of the next
        bad = [*result.errors, *result.failures, *result.unexpectedSuccesses]
        if bad:
            sys.stderr.write(f"--- {name}\n{bad[0][1]}\n")
            sorted_out["failed"].append(name)
        else:
            sorted_out["skipped" if result.skips else "passed"].append(name)
    return sorted_out


def main(reactor: str, *modules: str) -> None:
    """Run the tests of some modules."""
    from tests.net.fast import twisted_own  # that of the tests, not __main__'s

    twisted_own.made.kind = kind_of(reactor)
    ReactorBuilder._reactors = ["tests.net.fast.twisted_own.made"]
    sys.stdout.write(json.dumps(outcomes(modules)))


if __name__ == "__main__":
    main(*sys.argv[1:])
