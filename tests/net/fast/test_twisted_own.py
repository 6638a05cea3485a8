"""The lean reactor and the fast transports pass Twisted's own tests, but for what is explained."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

#: Tests that fail, by the reason why they do.
EXPECTED = {
    "the kernel closes descriptors that nobody asked for, without a line in the log": [
        "UNIXTestsBuilder.test_avoidLeakingFileDescriptors",
    ],
}


def run(tmp_path: Path, reactor: str, transports: str, *modules: str) -> dict[str, list[str]]:
    """Run some of Twisted's tests; return their names by what came of them."""
    pytest.importorskip("hamcrest")
    pytest.importorskip("OpenSSL")
    command = [sys.executable, "-W", "ignore", "-m", "tests.net.fast.twisted_own"]
    done = subprocess.run(
        [*command, reactor, transports, *modules],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    outcomes: dict[str, list[str]] = json.loads(done.stdout)
    sys.stderr.write(done.stderr)  # of the tests that failed; shown if this one does
    return outcomes


def check(outcomes: dict[str, list[str]]) -> None:
    """Make sure that what fails is explained, and what is explained still fails."""
    expected = [name for names in EXPECTED.values() for name in names]
    assert [name for name in outcomes["failed"] if name not in expected] == []
    assert [name for name in expected if name in outcomes["passed"]] == []


def test_the_lean_reactor_and_the_fast_transports_are_twisteds(tmp_path: Path) -> None:
    """Timers, threads, descriptors, datagrams, pipes, streams, TLS: as on epoll."""
    modules = ("core", "time", "udp", "tcp", "tls", "threads", "fdset", "unix", "stdio")
    outcomes = run(tmp_path, "lean", "fast", *modules)
    check(outcomes)
    assert len(outcomes["passed"]) >= 240


@pytest.mark.slow
def test_the_fast_transports_are_twisteds_on_its_own_reactor(tmp_path: Path) -> None:
    """Nothing of them needs the lean one."""
    outcomes = run(tmp_path, "epoll", "fast", "tcp", "tls", "unix", "udp")
    check(outcomes)
    assert len(outcomes["passed"]) >= 160
