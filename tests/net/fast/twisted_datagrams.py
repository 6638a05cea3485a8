"""Run Twisted's own tests of UDP, and of DNS above it, on fast ports; print JSON.

``python -m tests.net.fast.twisted_datagrams 8`` says how many datagrams are read singly before a
batch is tried. A process of its own: these tests install a reactor.
"""

import importlib
import json
import sys
from typing import Any

from twisted.internet.main import installReactor
from twisted.internet.pollreactor import PollReactor
from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.trial.reporter import TestResult
from twisted.trial.runner import TestLoader

from twisted_net.net.fast import datagrams
from twisted_net.net.fast.datagrams import FastDatagramPort, FastMulticastPort

MODULES = (
    "twisted.internet.test.test_udp",
    "twisted.internet.test.test_udp_internals",
    "twisted.test.test_udp",
    "twisted.names.test.test_client",
    "twisted.names.test.test_dns",
)

#: What this module is imported as.
NAME = "tests.net.fast.twisted_datagrams"


class FastReactor(PollReactor):
    """A reactor that watches descriptors, and opens fast ports by itself."""

    def listenUDP(
        self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192
    ) -> Any:
        """Open a port."""
        opened = FastDatagramPort(port, protocol, interface, maxPacketSize, self)
        opened.startListening()
        return opened

    def listenMulticast(  # noqa: N802 - Twisted's name
        self,
        port: int,
        protocol: Any,
        interface: str = "",
        maxPacketSize: int = 8192,
        listenMultiple: bool = False,  # noqa: N803 - the same
    ) -> Any:
        """Open a port that can join groups."""
        opened = FastMulticastPort(port, protocol, interface, maxPacketSize, self, listenMultiple)
        opened.startListening()
        return opened


def main(singly: str) -> None:
    """Run the tests, and print the names of those that failed, and how many passed."""
    datagrams.SINGLY = int(singly)
    installReactor(FastReactor())
    ReactorBuilder._reactors = [f"{NAME}.FastReactor"]
    for module in MODULES:
        importlib.import_module(module)
    result: Any = TestResult()
    TestLoader().loadByNames(list(MODULES)).run(result)
    bad = [*result.errors, *result.failures]
    sys.stderr.write("\n".join(str(why) for _, why in bad))
    sys.stdout.write(
        json.dumps({"failed": [test.id() for test, _ in bad], "passed": result.successes})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
