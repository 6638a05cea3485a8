"""Run Twisted's own tests of reactors on our reactor and transports; print JSON.

``python -m tests.net.fast.twisted_own lean fast tcp unix`` names a reactor, transports, and
modules of `twisted.internet.test`. A process of its own: these tests exchange the global reactor.
"""

import importlib
import json
import sys
import unittest
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.trial.unittest import SynchronousTestCase

from tests.net.fast.kinds import kind_of
from tests.testing.conformance.outcomes import outcomes


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


def main(reactor: str, transports: str, *modules: str) -> None:
    """Run the tests of some modules."""
    from tests.net.fast import twisted_own  # that of the tests, not __main__'s

    twisted_own.made.kind = kind_of(reactor, transports)
    ReactorBuilder._reactors = ["tests.net.fast.twisted_own.made"]
    sys.stdout.write(json.dumps(outcomes(cases(modules))))


if __name__ == "__main__":
    main(*sys.argv[1:])
