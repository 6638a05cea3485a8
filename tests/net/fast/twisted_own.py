"""Run Twisted's own tests of reactors on our reactor and transports; print JSON.

``python -m tests.net.fast.twisted_own lean fast tcp unix`` names a reactor, transports, and
modules of `twisted.internet.test`. A process of its own: these tests exchange the global reactor.
"""

import gc
import importlib
import json
import sys
import unittest
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase

from tests.net.fast.kinds import kind_of


class Made:
    """Makes the reactor under test; no function, which would become a method of the tests."""

    def __init__(self) -> None:
        self.kind: Callable[[], Any] | None = None

    def __call__(self) -> Any:
        """Make one, not started."""
        assert self.kind is not None
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


def main(reactor: str, transports: str, *modules: str) -> None:
    """Run the tests of some modules."""
    from tests.net.fast import twisted_own  # that of the tests, not __main__'s

    twisted_own.made.kind = kind_of(reactor, transports)
    ReactorBuilder._reactors = ["tests.net.fast.twisted_own.made"]
    sys.stdout.write(json.dumps(outcomes(modules)))


if __name__ == "__main__":
    main(*sys.argv[1:])
