"""A fast UDP port passes Twisted's own tests of UDP."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from twisted_net.net.fast.datagrams import SINGLY

#: Tests that pass at least; newer versions of Twisted have more, and some need the machine's IPv6.
PASSING = 390

#: It sends once more what has not come within 0.1 s, and then has one error too many: on a machine
#: with much else to do it fails on Twisted's own ports as well.
HASTY = "twisted.test.test_udp.UDPTests.test_datagramReceivedError"


@pytest.mark.parametrize("singly", [SINGLY, 0])
def test_a_fast_port_is_one_of_twisteds(singly: int, tmp_path: Path) -> None:
    """As it reads by itself, and reading nothing but batches."""
    pytest.importorskip("hamcrest")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.net.fast.twisted_datagrams", str(singly)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    outcomes = json.loads(done.stdout)
    assert [name for name in outcomes["failed"] if name != HASTY] == [], done.stderr
    assert outcomes["passed"] >= PASSING
