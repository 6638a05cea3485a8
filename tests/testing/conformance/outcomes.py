"""What comes of Twisted's own tests of reactors, by their names."""

import gc
import re
import sys
from collections.abc import Iterable

from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase


def outcomes(cases: Iterable[SynchronousTestCase]) -> dict[str, list[str]]:
    """Run tests; return their names by what came of them, and print the first error of each.

    The name of a reactor's maker, which Twisted puts behind that of a class of tests, is left out.
    """
    sorted_out: dict[str, list[str]] = {"passed": [], "skipped": [], "failed": []}
    for case in cases:
        result = TestResult()
        case.run(result)
        kind = re.sub(r"_[a-z]+Tests$", "", type(case).__name__)
        name = f"{kind}.{case._testMethodName}"
        gc.collect()  # a Deferred lost by this test is no failure of the next
        bad = [*result.errors, *result.failures, *result.unexpectedSuccesses]
        if bad:
            sys.stderr.write(f"--- {name}\n{bad[0][1]}\n")
            sorted_out["failed"].append(name)
        else:
            sorted_out["skipped" if result.skips else "passed"].append(name)
    return sorted_out
