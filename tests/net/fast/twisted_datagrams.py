"""Run Twisted's own tests of UDP, and of DNS above it, on fast ports; print JSON.

``python -m tests.net.fast.twisted_datagrams 8`` says how many datagrams are read singly before a
batch is tried. A process of its own: these tests use the reactor that is installed.
"""

import json
import sys
from typing import Any

from twisted.internet.main import installReactor
from twisted.trial.reporter import TestResult
from twisted.trial.runner import TestLoader

from tests.net.fast.kinds import kind_of
from twisted_net.net.fast import datagrams

MODULES = ("twisted.test.test_udp", "twisted.names.test.test_client", "twisted.names.test.test_dns")


def main(singly: str) -> None:
    """Run the tests, and print the names of those that failed, and how many passed."""
    datagrams.SINGLY = int(singly)
    installReactor(kind_of("epoll", "fast")())
    result: Any = TestResult()
    TestLoader().loadByNames(list(MODULES)).run(result)
    bad = [*result.errors, *result.failures]
    sys.stderr.write("\n".join(str(why) for _, why in bad))
    sys.stdout.write(
        json.dumps({"failed": [test.id() for test, _ in bad], "passed": result.successes})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
