"""Tests of `twisted_net.net.health` and `usage`."""

import os
from pathlib import Path

import pytest

from twisted_net.net.health import Usage
from twisted_net.net.usage import usage


def test_what_several_processes_use_is_added_up() -> None:
    """The first one began first; what nobody says stays unsaid."""
    total = Usage(1, 1.5, 100, 10, 1024, 2000.0)
    total.add(Usage(1, 0.5, 50, None, 1024, 1000.0))
    assert total == Usage(2, 2.0, 150, 10, 2048, 1000.0)
    none = Usage(1)
    none.add(Usage(1))
    assert none == Usage(2)


def test_of_a_process_that_has_ended_only_its_time_is_left() -> None:
    """A counter must not go back when a worker is replaced."""
    assert Usage(1, 1.5, 100, 10, 1024, 2000.0).ended() == Usage(0, 1.5)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_this_process_is_measured() -> None:
    """As the system sees it."""
    psutil = pytest.importorskip("psutil")
    used, seen = usage(), psutil.Process()
    assert used.processes == 1
    assert used.memory == pytest.approx(seen.memory_info().rss, rel=0.2)
    assert used.descriptors == pytest.approx(seen.num_fds(), abs=3)
    assert used.began == pytest.approx(seen.create_time(), abs=2)
    assert 0 < used.cpu <= sum(os.times()[:2])


def test_where_there_is_no_proc_the_rest_is_told(tmp_path: Path) -> None:
    """Not every system is Linux; and a broken /proc breaks nothing."""
    assert (usage(tmp_path).memory, usage(tmp_path).began) == (None, None)
    (tmp_path / "self").mkdir()
    for name in ("statm", "stat"):
        (tmp_path / "self" / name).write_bytes(b"x (y")
    used = usage(tmp_path)
    assert (used.processes, used.memory, used.descriptors, used.began) == (1, None, None, None)
