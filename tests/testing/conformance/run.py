"""Run Twisted's own tests of reactors against the simulated one, and print what came of each.

A process of its own: these tests exchange the global reactor, and import nothing of pytest.
"""

import importlib
import json
import sys
import unittest
from collections.abc import Iterator

from twisted.internet import task
from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.conformance.outcomes import outcomes
from twisted_net.testing import SimNetwork
from twisted_net.testing.kernel.sockets import SimSocket
from twisted_net.testing.reactor import SimReactor

#: The modules of `twisted.internet.test` whose reactor tests are run.
MODULES = ("core", "time", "udp", "tcp", "tls", "threads", "fdset")


class Simulated:
    """Makes the reactor under test; no function, which would become a method of the tests."""

    def __init__(self) -> None:
        self._next: SimReactor | None = None

    def __call__(self) -> SimReactor:
        """Make one on a network of its own, not started."""
        reactor = self._prepared()
        self._next = None
        vars(task)["_theCooperator"] = reactor.cooperator  # Twisted's looks at the real clock
        return reactor

    def socket(self, case: SynchronousTestCase, family: int, kind: int) -> SimSocket:
        """Make the socket by which a test calls the reactor that it makes next.

        Twisted's own would be one of the real kernel, which knows of no simulated port.
        """
        made = self._prepared().stack.socket(family, kind)
        case.addCleanup(made.close)
        return made

    def _prepared(self) -> SimReactor:
        if self._next is None:
            self._next = SimNetwork(redirect=False, strict=False).host("here").unstarted()
        return self._next


simulated = Simulated()


def cases() -> Iterator[SynchronousTestCase]:
    """Yield the tests that Twisted makes for this reactor, and those beside that make none."""
    ReactorBuilder._reactors = [f"{__spec__.name}.simulated"]
    shared: Simulated = namedAny(f"{__spec__.name}.simulated")  # that of the tests, not __main__'s
    seen: dict[type, None] = {}
    for module in MODULES:
        imported = importlib.import_module(f"twisted.internet.test.test_{module}")
        if module == "tcp":
            vars(imported)["createTestSocket"] = shared.socket
        for kind in list(vars(imported).values()):
            if not isinstance(kind, type) or not issubclass(kind, SynchronousTestCase):
                continue
            ours = issubclass(kind, ReactorBuilder) or kind.__module__ == imported.__name__
            if not ours or kind in seen:
                continue
            seen[kind] = None
            for name in unittest.TestLoader().getTestCaseNames(kind):
                yield kind(name)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(outcomes(cases())))
