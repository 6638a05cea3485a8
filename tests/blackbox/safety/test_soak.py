"""A long time, in short: ``make soak`` is the long one."""

from pathlib import Path

import pytest

from tests.blackbox.safety.conftest import Shows
from tests.blackbox.safety.probe import sized
from tests.blackbox.safety.soak.running import TELLS, soak
from tests.blackbox.safety.watching import MEGABYTE

pytestmark = pytest.mark.slow


def test_nothing_grows_and_nothing_is_left(tmp_path: Path, shows: Shows) -> None:
    """R32: Mixed load on every door, with faults from a fixed seed."""
    pytest.importorskip("psutil", reason="psutil is not installed")
    seconds = sized(15, 180)
    found = soak(seconds, 32, tmp_path)
    growth = f"{found.growth / MEGABYTE:+.2f} MB/min" if seconds >= TELLS else "(too short to tell)"
    shows(f"{seconds} s: memory under +1 MB/min", growth)
    shows("descriptors back to start", f"{found.left:+d}")
    shows("0 failures in the log, 0 wrong answers", f"{len(found.failures)}, {len(found.wrong)}")
    shows(
        "transfers meanwhile", f"{found.done['transfers']}, {found.faults} datagrams with a fault"
    )
    assert found.passed, "\n".join(found.table())
    assert found.most < 256 * MEGABYTE
