"""Tests of `twisted_net.files.digests`: what is known of files, and how it is come by."""

import errno
import hashlib
import os
from pathlib import Path

import pytest
from twisted.internet.defer import CancelledError, Deferred

from tests.files.wires import Later, at_once
from twisted_net.files import digests
from twisted_net.files.digests import AT_ONCE, UNSETTLED, Digests
from twisted_net.files.shelf import Content
from twisted_net.files.store import Folder, OpenFile

#: When the files were written, in seconds since 1970.
WRITTEN = 1_700_000_000


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """Return a folder with files."""
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_bytes(name.encode())
        os.utime(tmp_path / name, (WRITTEN, WRITTEN))
    return tmp_path


@pytest.fixture
def shelf(share: Path) -> Folder:
    """Return a shelf of it."""
    return Folder(str(share))


def sha256(content: bytes) -> str:
    """Return a digest."""
    return hashlib.sha256(content).hexdigest()


def result(deferred: Deferred[str]) -> list[str]:
    """Return what a Deferred has come to, or nothing yet."""
    got: list[str] = []
    deferred.addCallback(got.append)
    return got


def test_a_digest_is_computed_once(shelf: Folder, share: Path) -> None:
    """However many want it at one time, and again only when the file has changed."""
    later = Later()
    known = Digests(later)
    file = shelf.open(b"a.txt")
    first, second = result(known.of(file)), result(known.of(file))
    assert len(later.waiting) == 1
    later.do()
    expected = [hashlib.sha256(b"a.txt").hexdigest()]
    assert first == second == expected
    assert result(known.of(shelf.open(b"a.txt"))) == expected
    assert not later.waiting
    (share / "a.txt").write_bytes(b"other")
    known.of(shelf.open(b"a.txt"))
    assert len(later.waiting) == 1
    later.do()


def test_a_file_closed_meanwhile_is_hashed_all_the_same(shelf: Folder) -> None:
    """The thread has a descriptor of its own; ours may be another file's by then."""
    later = Later()
    file = shelf.open(b"a.txt")
    waiting = result(Digests(later).of(file))
    file.close()
    shelf.open(b"b.txt")
    later.do()
    assert waiting == [hashlib.sha256(b"a.txt").hexdigest()]


def test_what_is_remembered_is_bounded(shelf: Folder) -> None:
    """What was not used for the longest time goes first."""
    later = Later()
    known = Digests(later, room=2)
    files: list[OpenFile] = [shelf.open(name) for name in (b"a.txt", b"b.txt", b"c.txt")]
    known.learn(files[0], "a")
    known.learn(files[1], "b")
    known.of(files[0])
    known.learn(files[2], "c")
    assert result(known.of(files[0])) == ["a"]
    assert result(known.of(files[1])) == []
    later.do()


def test_a_file_that_changes_while_it_is_hashed_has_no_digest(shelf: Folder, share: Path) -> None:
    """A digest of two halves of two states is worse than none."""
    for other in (b"longer than before", b"", b"other"):
        later = Later()
        digest = result(Digests(later).of(shelf.open(b"a.txt")))
        (share / "a.txt").write_bytes(other)
        later.do()
        assert digest == [""]


def test_a_disk_that_fails_gives_no_digest(shelf: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads on will find out."""

    def broken(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(OpenFile, "read", broken)
    assert result(Digests(at_once).of(shelf.open(b"a.txt"))) == [""]


def test_a_part_has_a_digest_of_its_own(shelf: Folder) -> None:
    """What is sent from an offset on is not the whole."""
    known = Digests(at_once)
    file = shelf.open(b"a.txt")
    assert result(known.of(file, 1, 3)) == [sha256(b".tx")]
    assert result(known.of(file, 2)) == [sha256(b"txt")]
    assert known.known(file, 1, 3)
    assert not known.known(file)
    assert result(known.of(file)) == [sha256(b"a.txt")]


def test_only_so_many_are_computed_at_one_time(shelf: Folder, share: Path) -> None:
    """The others wait: the threads are everybody's."""
    later = Later()
    known = Digests(later)
    parts = [result(known.of(shelf.open(b"a.txt"), 0, length)) for length in range(1, 6)]
    rounds = []
    while later.waiting:
        rounds.append(len(later.waiting))
        later.do()
    assert rounds == [AT_ONCE, AT_ONCE, 1]
    assert parts == [[sha256(b"a.txt"[:length])] for length in range(1, 6)]


def test_what_nobody_waits_for_any_more_is_given_up(shelf: Folder, share: Path) -> None:
    """Or clients that come and go would keep the disk busy for hours."""
    later = Later()
    known = Digests(later)
    files = [shelf.open(name) for name in (b"a.txt", b"b.txt", b"c.txt")]
    wanted = [known.of(files[0], 1), known.of(files[1]), known.of(files[2])]
    for each in (wanted[0], wanted[2]):  # one that runs, one that waits for a thread
        each.addErrback(lambda failure: failure.trap(CancelledError))
        each.cancel()
    again = result(known.of(files[0], 1))
    assert len(later.waiting) == AT_ONCE
    later.do()
    assert not known.known(files[0], 1)
    later.do()
    assert again == [sha256(b".txt")]
    assert known.known(files[1])
    assert not known.known(files[2])
    assert not later.waiting


def test_a_whole_file_is_hashed_to_its_end_for_who_comes_back(shelf: Folder) -> None:
    """A download that broke off is gone on with, and the whole is to be checked then."""
    later = Later()
    known = Digests(later)
    file = shelf.open(b"a.txt")
    wanted = known.of(file)
    wanted.addErrback(lambda failure: failure.trap(CancelledError))
    wanted.cancel()
    again = result(known.of(file))
    assert len(later.waiting) == 1
    later.do()
    assert again == [sha256(b"a.txt")]


def test_a_server_that_stops_hashes_no_further_for_nobody(shelf: Folder) -> None:
    """It would have to wait for its threads, and a disk is large."""
    later = Later()
    known = Digests(later)
    file = shelf.open(b"a.txt")
    left, gone = known.of(file), known.of(shelf.open(b"b.txt"))
    for each in (left, gone):
        each.addErrback(lambda failure: failure.trap(CancelledError))
    left.cancel()
    known.stop()
    gone.cancel()
    later.do()
    assert not known.known(file)
    assert not known.known(shelf.open(b"b.txt"))
    assert not later.waiting


def test_a_server_that_stops_still_hashes_what_somebody_waits_for(shelf: Folder) -> None:
    """A file that is being sent ends with its digest, or it was sent for nothing."""
    later = Later()
    known = Digests(later)
    wanted = result(known.of(shelf.open(b"a.txt")))
    known.stop()
    later.do()
    assert wanted == [sha256(b"a.txt")]


def test_one_of_two_who_wait_may_leave(shelf: Folder) -> None:
    """The other still gets it."""
    later = Later()
    known = Digests(later)
    file = shelf.open(b"a.txt")
    one, other = known.of(file), result(known.of(file))
    one.addErrback(lambda failure: failure.trap(CancelledError))
    one.cancel()
    later.do()
    assert other == [sha256(b"a.txt")]


def test_a_file_written_a_moment_ago_is_not_remembered(shelf: Folder) -> None:
    """It may be written again within one tick of the file system's clock, and look the same."""
    file = shelf.open(b"a.txt")
    for now, remembered in ((WRITTEN + UNSETTLED / 2, False), (WRITTEN + UNSETTLED, True)):
        known = Digests(at_once, now=iter([now] * 9).__next__)
        assert result(known.of(file)) == [sha256(b"a.txt")]
        assert bool(known.known(file)) is remembered


def test_what_is_no_file_is_not_remembered() -> None:
    """Nobody can say whether it is still the same."""
    known = Digests(at_once)
    content = Content(b"x", b"x")
    known.learn(content, sha256(b"x"))
    assert not known.known(content)


def test_huge_files_do_not_keep_others_waiting(
    shelf: Folder, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its turn, the huge ones again and again, until all are done."""
    monkeypatch.setattr(digests, "TURN", 10)
    content = bytes(range(100))
    for name in ("huge", "vast"):
        (share / name).write_bytes(content)
    later = Later()
    known = Digests(later)
    large = [result(known.of(shelf.open(name))) for name in (b"huge", b"vast")]
    small = result(known.of(shelf.open(b"a.txt")))
    later.do()
    later.do()
    assert small == [sha256(b"a.txt")]
    assert large == [[], []]
    for _ in range(20):
        later.do()
    assert large == [[sha256(content)]] * 2
    assert not later.waiting


def test_what_nobody_waits_for_makes_room_for_what_somebody_does(
    shelf: Folder, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is gone on with only while there is nothing else to do."""
    monkeypatch.setattr(digests, "TURN", 1)
    later = Later()
    known = Digests(later)
    abandoned = [known.of(shelf.open(name)) for name in (b"a.txt", b"b.txt")]
    for each in abandoned:
        each.addErrback(lambda failure: failure.trap(CancelledError) and None)
    later.do()
    for each in abandoned:
        each.cancel()
    wanted = [result(known.of(shelf.open(b"c.txt"), 0, length)) for length in range(1, 5)]
    turns = 0
    while later.waiting:
        later.do()
        turns += 1
    assert wanted == [[sha256(b"c.txt"[:length])] for length in range(1, 5)]
    assert turns <= 1 + 1 + 2 + 3 + 4
    assert not known.known(shelf.open(b"a.txt"))
