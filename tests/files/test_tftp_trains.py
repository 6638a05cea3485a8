"""Tests of `twisted_net.files.tftp.trains`: the fast layout is the slow one, end to end."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.files.bad_wire import Bytes
from tests.files.wires import NOISE
from twisted_net.files.store import Folder, OpenFile
from twisted_net.files.tftp.codec import Error
from twisted_net.files.tftp.core import NOTHING, Agreed, Blocks, Buffer, ChangedError, Sender
from twisted_net.files.tftp.core.numbers import MOST
from twisted_net.files.tftp.trains import LONGEST, Trains, lay


@pytest.fixture
def file(tmp_path: Path) -> Iterator[OpenFile]:
    """Return an open file."""
    (tmp_path / "file").write_bytes(NOISE[:100_000])
    file = Folder(str(tmp_path)).open(b"file")
    yield file
    file.close()


def datagrams(trains: list[Buffer], blksize: int) -> list[bytes]:
    """Cut trains as a kernel does."""
    segment = blksize + 4
    return [
        bytes(train[at : at + segment]) for train in trains for at in range(0, len(train), segment)
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    blksize=st.sampled_from([512, 1000, 1428, 8192, 65464]),
    windowsize=st.sampled_from([1, 2, 7, 16, 64, 100]),
    rollover=st.integers(0, 1),
    steps=st.lists(st.tuples(st.floats(0, 1), st.booleans())),
)
def test_trains_are_blocks_end_to_end(
    file: OpenFile,
    blksize: int,
    windowsize: int,
    rollover: int,
    steps: list[tuple[float, bool]],
) -> None:
    """Whatever part of a window is acknowledged, with reading ahead or without."""
    agreed = Agreed(blksize, windowsize, rollover=rollover)
    fast, slow = lay(file, agreed), Blocks(file, agreed)
    assert isinstance(fast, Trains)
    last = 100_000 // blksize + 1
    first = 1
    for part, ahead in steps:
        until = min(last, first + windowsize - 1)
        trains = fast.lay_out(first, until)
        assert all(len(train) <= LONGEST for train in trains)
        assert all(len(train) <= MOST * (blksize + 4) for train in trains)
        assert datagrams(trains, blksize) == slow.lay_out(first, until)
        after = until + windowsize
        if ahead and until < last and (ready := fast.read_ahead(until + 1)).until >= after:
            assert ready.until < last
            train = ready.train(until + 1, after)
            assert datagrams([train], blksize) == slow.lay_out(until + 1, after)
        first = min(last, first + int(part * windowsize))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    windowsize=st.sampled_from([1, 2, 7, 16, 100]),
    steps=st.lists(
        st.tuples(st.sampled_from(["ack", "ack", "ack", "again", "part", "far", "wait", "error"]),
                  st.floats(0, 0.2), st.booleans()),
        max_size=60,
    ),
)  # fmt: skip
def test_a_sender_that_prepares_says_what_one_says_that_does_not(
    file: OpenFile, windowsize: int, steps: list[tuple[str, float, bool]]
) -> None:
    """Whatever the peer acknowledges, repeats or leaves out, and whenever a timeout falls."""
    agreed = Agreed(512, windowsize)
    quick, plain = Sender(file, agreed, lay=lay), Sender(file, agreed)
    now, heard = 0.0, 0
    assert datagrams(quick.start(now), 512) == plain.start(now)
    for step, pause, ahead in steps:
        now += pause
        last_sent = plain._until
        number = {
            "ack": last_sent,
            "again": heard,
            "part": heard + (last_sent - heard) // 2,
            "far": last_sent + 1,
        }.get(step, 0)
        if step == "wait":
            said = [each.wake(now + 10) for each in (quick, plain)]
            now += 10
        elif step == "error":
            said = [each.received(Error(0, "enough"), now) for each in (quick, plain)]
        else:
            said = [each.acked(number, now) for each in (quick, plain)]
            heard = max(heard, min(number, last_sent))
        assert datagrams(said[0], 512) == said[1]
        if ahead:
            quick.read_ahead()
        for name in ("state", "moved", "deadline", "repeats", "proven", "why", "finishing"):
            assert getattr(quick, name) == getattr(plain, name), name


@pytest.mark.parametrize("rollover", [0, 1])
def test_trains_go_on_across_the_end_of_the_numbers(tmp_path: Path, rollover: int) -> None:
    """In the middle of one."""
    (tmp_path / "file").write_bytes(NOISE[:530_000])
    file = Folder(str(tmp_path)).open(b"file")
    agreed = Agreed(8, 64, rollover=rollover)
    fast, slow = lay(file, agreed), Blocks(file, agreed)
    for first in (65_470, 65_530, 65_535, 65_536):
        assert datagrams(fast.lay_out(first, first + 63), 8) == slow.lay_out(first, first + 63)
    file.close()


def test_a_file_that_shrinks_is_found_out(file: OpenFile, tmp_path: Path) -> None:
    """Before a block of it looks like the last one."""
    fast = lay(file, Agreed(1000, 4))
    fast.lay_out(1, 4)
    os.truncate(tmp_path / "file", 50_000)
    assert fast.read_ahead(65) is NOTHING
    with pytest.raises(ChangedError):
        fast.lay_out(65, 68)


def test_a_file_that_changed_is_found_out_at_its_end(file: OpenFile, tmp_path: Path) -> None:
    """The receiver would take a mixture for the file."""
    fast = lay(file, Agreed(1000, 4))
    os.utime(tmp_path / "file", (1, 1))
    assert fast.lay_out(1, 4)
    with pytest.raises(ChangedError):
        fast.lay_out(101, 104)


def test_memory_is_bounded_by_the_window(file: OpenFile) -> None:
    """And not by the file."""
    fast = lay(file, Agreed(512, 16))
    assert isinstance(fast, Trains)
    for first in range(1, 196 - 16, 5):
        fast.lay_out(first, first + 15)
        fast.read_ahead(first + 16)
    assert len(fast._pages) <= 3


def test_what_is_no_file_is_laid_out_block_by_block() -> None:
    """Content made on the way has no descriptor."""
    layout = lay(Bytes(b"x" * 1000), Agreed())
    assert not isinstance(layout, Trains)
    assert len(layout.lay_out(1, 2)) == 2
