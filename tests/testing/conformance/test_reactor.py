"""The simulated reactor passes Twisted's own tests of reactors, but for those that cannot pass."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

#: Tests that fail, by the reason why they do.
EXPECTED = {
    "signals are the business of whoever runs the tests": [
        "SystemEventTestsBuilder.test_signalHandlersInstalledDuringStartup",
    ],
    "it watches real descriptors": [
        f"ReactorFDSetTestsBuilder.test_{name}"
        for name in (
            "addReader", "addWriter", "connectionLostOnShutdown", "getReaders", "getWriters",
            "lostFileDescriptor", "negativeOneFileDescriptor", "removeAll", "removeReader",
            "removeWriter", "removedFromReactor",
        )
    ],
    "it exhausts real descriptors": [
        f"{kind}TestsBuilder.test_closePeerOnEMFILE" for kind in ("TCPPort", "TCPFDPort", "TLSPort")
    ],
    "there is one thread, and its pool is ours": [
        "ThreadTestsBuilder.test_getThreadPool",
        "ThreadTestsBuilder.test_isInIOThread",
    ],
    "it takes loopback to take no time": [
        "TCPConnectionTestsBuilder.test_connectionLostAfterPausedTransport",
        "TCPConnectionTestsBuilder.test_doubleHalfClose",
    ],
}  # fmt: skip

#: Tests that pass at least, of 244, with the TLS library on the machine; a few need its IPv6.
PASSING = 180


def test_the_reactor_is_one(tmp_path: Path) -> None:
    """Every failure is one that is explained, and every one that is explained still fails."""
    pytest.importorskip("hamcrest")
    pytest.importorskip("OpenSSL")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.testing.conformance.run"],
        cwd=tmp_path,  # some leave files behind
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    outcomes = json.loads(done.stdout)
    expected = [name for names in EXPECTED.values() for name in names]
    surprises = [name for name in outcomes["failed"] if name not in expected]
    assert not surprises, done.stderr
    assert not [name for name in expected if name in outcomes["passed"]]
    assert len(outcomes["passed"]) >= PASSING
