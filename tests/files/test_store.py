"""Tests of `twisted_net.files.store`: a folder as a shelf."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twisted_net.files import beneath
from twisted_net.files.codec import Entry, List, RefusedError
from twisted_net.files.store import Folder
from twisted_net.net.errors import StartError


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """Return a folder with files, a folder, and things that cannot be fetched."""
    share = tmp_path / "share"
    (share / "sub").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "c.txt", "sub/inner.txt", "sub.txt"):
        (share / name).write_bytes(name.encode())
        os.utime(share / name, (1700000000, 1700000000))
    (share / "link").symlink_to("a.txt")
    (share / "way-out").symlink_to("/etc")
    (share / "nowhere").symlink_to("/nope/nope")
    (share / ".git").mkdir()
    for name in (".git/config", "sub/.key", ".empty"):
        (share / name).touch()
    os.mkfifo(share / "fifo")
    os.utime(share / "sub", (1700000000, 1700000000))
    return share


@pytest.fixture(params=[beneath.by_openat2, beneath.by_walking])
def shelf(share: Path, request: pytest.FixtureRequest) -> Folder:
    """Return a shelf of it, with each way of opening."""
    return Folder(str(share), request.param)


def names(shelf: Folder, request: List) -> list[bytes]:
    """List names only."""
    return [entry.name for entry in shelf.list(request)[0]]


def test_a_file_is_read_by_offset(shelf: Folder) -> None:
    """Several readers of one file do not disturb each other."""
    file = shelf.open(b"a.txt")
    assert (file.size, file.mtime) == (5, 1700000000)
    assert file.read(2, 100) == b"txt"
    assert file.read(0, 2) == b"a."
    assert file.read(5, 1) == b""
    file.close()
    file.close()


def test_a_file_that_changes_is_noticed(shelf: Folder, share: Path) -> None:
    """By its size or its time."""
    file = shelf.open(b"a.txt")
    assert not file.changed()
    os.utime(share / "a.txt", (1700000000, 1700000001))
    assert file.changed()


def test_a_file_that_is_replaced_stays_what_it_was(shelf: Folder, share: Path) -> None:
    """Whoever writes beside and renames, as editors do, disturbs no transfer."""
    file = shelf.open(b"a.txt")
    os.replace(share / "b.txt", share / "a.txt")
    assert not file.changed() or file.read(0, 5) == b"a.txt"
    assert file.read(0, 5) == b"a.txt"


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        (b"../x", 403, "outside the shared folder"),
        (b"/etc/passwd", 403, "outside the shared folder"),
        (b"link", 403, "a link; links are not followed"),
        (b"way-out", 403, "a link; links are not followed"),
        (b"way-out/passwd", 403, "a link; links are not followed"),
        (b"nowhere", 403, "a link; links are not followed"),
        (b"sub/.key", 404, "no such file"),
        (b".git/config", 404, "no such file"),
        (b"x" * 300, 403, "outside the shared folder"),
        (b"fifo", 403, "not a regular file"),
        (b"sub", 403, "a folder"),
        (b"sub/", 403, "a folder"),
        (b"a.txt/", 403, "not a regular file"),
        (b"a.txt\0", 403, "not a regular file"),
        (b"nope", 404, "no such file"),
        (b"nope/nope", 404, "no such file"),
        (b"a.txt/nope", 404, "no such file"),
    ],
)
def test_what_cannot_be_fetched_is_refused(shelf: Folder, name: bytes, code: int, why: str) -> None:
    """Every way out has one code, and tells nothing of what is outside."""
    with pytest.raises(RefusedError) as caught:
        shelf.open(name)
    assert (caught.value.code, str(caught.value)) == (code, why)


def test_hidden_files_are_shared_when_that_was_asked_for(share: Path) -> None:
    """Not listed, not there for STAT, and no folder to list, unless somebody said so."""
    shy, open_hearted = Folder(str(share)), Folder(str(share), hidden=True)
    assert [each for each in names(open_hearted, List()) if each not in names(shy, List())] == [
        b".empty",
        b".git/",
    ]
    assert names(open_hearted, List(b".git/")) == [b".git/config"]
    assert open_hearted.open(b"sub/.key").size == 0
    asked: list[Callable[[], object]] = [
        lambda: shy.stat(b".git/"),
        lambda: shy.list(List(b".git/")),
        lambda: shy.list(List(b"./.git/")),
    ]
    for ask in asked:
        with pytest.raises(RefusedError, match="no such file"):
            ask()


def test_too_many_open_files_are_our_trouble_and_not_the_peer_s(
    share: Path,
) -> None:
    """Who comes back later is served."""

    def full(folder: int, parts: list[bytes], flags: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with pytest.raises(RefusedError) as caught:
        Folder(str(share), full).open(b"a.txt")
    assert caught.value.code == 503


def test_a_listing_is_sorted_and_shows_only_what_can_be_fetched(shelf: Folder) -> None:
    """No links, no FIFOs; folders end in a slash."""
    entries, more = shelf.list(List())
    assert not more
    assert entries == [
        Entry("file", 5, 1700000000, b"a.txt"),
        Entry("file", 5, 1700000000, b"b.txt"),
        Entry("file", 5, 1700000000, b"c.txt"),
        Entry("folder", 0, 1700000000, b"sub/"),
        Entry("file", 7, 1700000000, b"sub.txt"),
    ]


def test_an_unreadable_file_is_not_shown(
    shelf: Folder, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the question itself is replaced."""
    real = os.access

    def access(path: bytes, mode: int, **options: Any) -> bool:
        return path != b"b.txt" and real(path, mode, **options)

    monkeypatch.setattr(os, "access", access)
    assert b"b.txt" not in names(shelf, List())


def test_a_listing_goes_no_deeper_than_its_prefix(shelf: Folder) -> None:
    """The names are whole, so that each can be asked for as it stands."""
    assert names(shelf, List(b"sub/")) == [b"sub/inner.txt"]
    assert names(shelf, List(b"sub")) == [b"sub/", b"sub.txt"]
    assert names(shelf, List(b"sub/i")) == [b"sub/inner.txt"]
    assert names(shelf, List(b"nope")) == []


def test_a_long_listing_comes_in_pages(shelf: Folder) -> None:
    """No name is left out between two pages, a folder's beside a file's neither."""
    whole = names(shelf, List())
    pages: list[bytes] = []
    more = True
    while more:
        entries, more = shelf.list(List(b"", pages[-1] if pages else b"", 1))
        pages += [entry.name for entry in entries]
    assert pages == whole


@pytest.mark.parametrize("prefix", [b"../", b"/", b"/etc/", b"link/", b"sub/../../"])
def test_a_listing_never_leads_out(shelf: Folder, prefix: bytes) -> None:
    """Names outside are nobody's business either."""
    with pytest.raises(RefusedError):
        shelf.list(List(prefix))


def test_stat_tells_files_from_folders(shelf: Folder) -> None:
    """And refuses what is neither."""
    assert shelf.stat(b"a.txt") == Entry("file", 5, 1700000000, b"a.txt")
    assert shelf.stat(b"sub").kind == "folder"
    assert shelf.stat(b"sub/").kind == "folder"
    for name, code in ((b"fifo", 403), (b"link", 403), (b"nope", 404), (b"a.txt/", 403)):
        with pytest.raises(RefusedError) as caught:
            shelf.stat(name)
        assert caught.value.code == code


def test_a_name_that_is_not_utf_8_is_listed_and_opened(shelf: Folder, share: Path) -> None:
    """Old archives hold such names."""
    (share / os.fsdecode(b"caf\xe9")).write_bytes(b"x")
    assert b"caf\xe9" in names(shelf, List())
    assert shelf.open(b"caf\xe9").size == 1


def test_the_first_file_is_an_example(shelf: Folder, tmp_path: Path) -> None:
    """For the line that the server prints at the start."""
    assert shelf.first() == b"a.txt"
    dull = tmp_path / "dull"
    dull.mkdir()
    (dull / "empty").touch()
    (dull / ".profile").write_text("x")
    for name in (b"\x1b[31mred", b"a\nb", "\u202egnp.exe".encode(), b"caf\xe9"):
        (dull / os.fsdecode(name)).write_text("shown as it is, it would do something else")
    assert Folder(str(dull), hidden=True).first() == b""


EVERYTHING = "this would share every file there is; --i-know yes shares them all the same"


@pytest.mark.parametrize(
    ("root", "why"),
    [
        ("{}/nope", "'{}/nope': no such directory"),
        ("{}/share/a.txt", "'{}/share/a.txt': not a directory"),
        ("/", f"'/': {EVERYTHING}"),
        ("/../", f"'/../': {EVERYTHING}"),
        ("{}/link", f"'{{}}/link': {EVERYTHING}"),
        ("x\0", "'x\\x00': no such directory"),
    ],
)
def test_a_folder_that_cannot_be_shared_is_told_at_the_start(
    share: Path, tmp_path: Path, root: str, why: str
) -> None:
    """In one line that names the option."""
    (tmp_path / "link").symlink_to("/")
    with pytest.raises(StartError) as caught:
        Folder(root.format(tmp_path))
    assert str(caught.value) == "--files-root " + why.format(tmp_path)


def test_an_unreadable_folder_is_told_at_the_start(
    share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the question itself is replaced."""
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(StartError, match="permission denied"):
        Folder(str(share))
