"""Tests of `twisted_net.files.recent`."""

import tracemalloc
from pathlib import Path

import pytest

from twisted_net.files.codec import Get
from twisted_net.files.recent import Recent
from twisted_net.files.store import Folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with one small file."""
    (tmp_path / "hello.txt").write_bytes(b"Hello, world\n")
    return tmp_path


def test_what_is_remembered_of_answers_is_bounded(root: Path) -> None:
    """Those that were kept for the longest time make room."""
    recent: Recent[int] = Recent(Folder(str(root)), room=2300)
    state = Folder(str(root)).peek(b"hello.txt")
    for offset in range(5):
        recent.keep(Get(b"hello.txt", offset), state, offset, 40)
    found = [recent.find(Get(b"hello.txt", offset)) for offset in range(5)]
    assert found == [None, None, None, 3, 4]


def test_answers_without_content_take_room_too(root: Path) -> None:
    """There are as many as there are numbers: what is kept beside the bytes counts as well."""
    shelf = Folder(str(root))
    state = shelf.peek(b"hello.txt")
    tracemalloc.start()
    try:
        recent: Recent[bytes] = Recent(shelf, room=1 << 20)
        before = tracemalloc.get_traced_memory()[0]
        for length in range(1 << 40, (1 << 40) + 20_000):
            answer = bytes(100)
            recent.keep(Get(b"hello.txt", 0, length), state, answer, len(answer))
        assert tracemalloc.get_traced_memory()[0] - before < 2 << 20
    finally:
        tracemalloc.stop()
