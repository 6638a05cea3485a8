"""Tests of `twisted_net.files.uploads`: what is put into a folder is whole or not there."""

import errno
import hashlib
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twisted_net.files import beneath, quota
from twisted_net.files.codec import List, RefusedError
from twisted_net.files.store import Folder
from twisted_net.files.uploads import DEEPEST, KEPT, Upload, Writes

HELLO = b"hello, world\n"
SHA = hashlib.sha256(HELLO).hexdigest()

Make = Callable[..., Folder]


@pytest.fixture(params=[beneath.by_openat2, beneath.by_walking])
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Make:
    """Return what makes a shelf that may be written to, with each way of opening."""
    (tmp_path / "share" / "sub").mkdir(parents=True)
    (tmp_path / "share" / "old").write_bytes(b"old")

    def make(quota: int = 1000, overwrite: bool = False, hidden: bool = False) -> Folder:
        writes = Writes(quota, overwrite)
        return Folder(str(tmp_path / "share"), request.param, hidden, writes)

    return make


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """Return the folder."""
    return tmp_path / "share"


def begin(shelf: Folder, name: bytes = b"new", offset: int = 0) -> Upload:
    """Announce the content."""
    return shelf.receive(name, len(HELLO), SHA, offset)


def put(shelf: Folder, name: bytes, content: bytes = HELLO) -> None:
    """Store something."""
    upload = shelf.receive(name, len(content), hashlib.sha256(content).hexdigest())
    upload.write(content)
    upload.keep()


def refused(act: Callable[..., object], *arguments: Any) -> tuple[int, str]:
    """Do something that is refused; return the code and the words."""
    with pytest.raises(RefusedError) as caught:
        act(*arguments)
    return caught.value.code, str(caught.value)


def everything(share: Path) -> list[str]:
    """Return the names of all that is below the folder, parts too."""
    return sorted(str(each.relative_to(share)) for each in share.rglob("*"))


def seen(shelf: Folder) -> list[bytes]:
    """Return what a client sees."""
    return [entry.name for entry in shelf.list(List())[0]]


def test_a_file_is_there_when_it_is_whole(make: Make, share: Path) -> None:
    """Not a byte of it before."""
    shelf = make(hidden=True)
    upload = begin(shelf)
    upload.write(HELLO[:5])
    assert upload.offset == 5
    assert seen(shelf) == [b"old", b"sub/"]
    upload.write(HELLO[5:])
    assert seen(shelf) == [b"old", b"sub/"]
    upload.keep()
    upload.leave()
    assert seen(shelf) == [b"new", b"old", b"sub/"]
    assert (share / "new").read_bytes() == HELLO
    assert everything(share) == ["new", "old", "sub"]


def test_a_stored_file_can_be_read_by_others(make: Make, share: Path) -> None:
    """A daemon has a umask that would hide it."""
    before = os.umask(0o077)
    try:
        put(make(), b"sub/far/away")
    finally:
        os.umask(before)
    assert (share / "sub/far/away").stat().st_mode & 0o777 == 0o644
    assert (share / "sub/far").stat().st_mode & 0o777 == 0o755


def test_folders_on_the_way_are_made_with_the_file(make: Make, share: Path) -> None:
    """And not before: an upload that is given up leaves none."""
    shelf = make()
    upload = begin(shelf, b"sub/one/two/new")
    upload.write(HELLO)
    assert [each for each in everything(share) if "one" in each] == []
    upload.keep()
    assert everything(share) == ["old", "sub", "sub/one", "sub/one/two", "sub/one/two/new"]


def test_what_is_not_what_was_announced_is_not_stored(make: Make, share: Path) -> None:
    """Nor kept to go on with."""
    upload = begin(make())
    upload.write(HELLO.swapcase())
    assert refused(upload.keep) == (409, "digest mismatch, nothing stored")
    assert everything(share) == ["old", "sub"]


def test_what_is_not_whole_is_not_stored(make: Make, share: Path) -> None:
    """However it ends."""
    upload = begin(make())
    upload.write(HELLO[:5])
    assert refused(upload.keep) == (400, "8 bytes are missing, nothing stored")
    assert everything(share) == ["old", "sub"]


def test_more_than_was_announced_is_not_taken(make: Make) -> None:
    """Or a quota would be worth nothing."""
    upload = begin(make())
    why = "more than the 13 bytes that were announced"
    assert refused(upload.write, HELLO + b"x") == (413, why)
    upload.leave()


def test_an_upload_goes_on_where_it_broke(make: Make, share: Path) -> None:
    """For who comes back with the same name and digest, a restart of the server between."""
    upload = begin(make())
    upload.write(HELLO[:9])
    upload.leave()
    shelf = make(hidden=True)
    assert seen(shelf) == [b"old", b"sub/"]
    assert refused(begin, shelf, b"new", 13) == (416, "offset past end (size 9)")
    again = begin(shelf, b"new", 7)
    assert again.offset == 7
    again.write(HELLO[7:])
    again.keep()
    assert (share / "new").read_bytes() == HELLO
    assert everything(share) == ["new", "old", "sub"]


def test_an_upload_may_begin_anew(make: Make, share: Path) -> None:
    """Then what came before is gone."""
    upload = begin(make())
    upload.write(HELLO[:9].swapcase())
    upload.leave()
    put(make(), b"new")
    assert (share / "new").read_bytes() == HELLO


def test_a_part_cannot_be_fetched_or_written_by_its_name(make: Make, share: Path) -> None:
    """It belongs to one upload."""
    shelf = make(hidden=True)
    upload = begin(shelf)
    upload.write(HELLO[:9])
    upload.leave()
    (part,) = (each for each in everything(share) if each.endswith(".part"))
    assert refused(shelf.open, part.encode()) == (404, "no such file")
    assert refused(shelf.stat, part.encode()) == (404, "no such file")
    assert refused(begin, shelf, part.encode()) == (403, "a hidden name")


def test_what_is_nothing_yet_is_not_kept(make: Make, share: Path) -> None:
    """An upload that was announced and never came."""
    begin(make()).leave()
    assert refused(begin, make(), b"new", 1) == (416, "offset past end (size 0)")
    assert everything(share) == ["old", "sub"]


def test_a_part_that_nobody_comes_back_for_is_swept_away(make: Make, share: Path) -> None:
    """By the next upload into that folder."""
    upload = begin(make())
    upload.write(HELLO[:9])
    upload.leave()
    (part,) = (each for each in everything(share) if each.endswith(".part"))
    os.utime(share / part, (0, os.stat(share / part).st_mtime - KEPT - 1))
    put(make(), b"other")
    assert everything(share) == ["old", "other", "sub"]


def test_two_writers_of_one_upload_are_not_mixed(make: Make, share: Path) -> None:
    """The second one hears that it is being written."""
    shelf = make()
    first = begin(shelf)
    assert refused(begin, shelf) == (409, "somebody else is writing it")
    assert refused(begin, make()) == (409, "somebody else is writing it")
    first.write(HELLO)
    first.keep()
    assert (share / "new").read_bytes() == HELLO


def test_of_two_writers_of_one_name_the_quicker_has_it(make: Make, share: Path) -> None:
    """The other one's is not stored, and the first one's stays."""
    shelf = make()
    slow = begin(shelf)
    slow.write(HELLO)
    put(shelf, b"new", b"quick")
    assert refused(slow.keep) == (409, "exists, and may not be overwritten")
    assert (share / "new").read_bytes() == b"quick"
    assert everything(share) == ["new", "old", "sub"]


def test_the_name_is_given_in_one_step(make: Make, share: Path) -> None:
    """To look first and to rename then would be a race."""
    shelf = make()
    slow = begin(shelf)
    slow.write(HELLO)
    real = Upload._refuse_taken

    def late(self: Upload, folder: int | None = None) -> None:
        real(self, folder)
        (share / "new").write_bytes(b"quick")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Upload, "_refuse_taken", late)
        assert refused(slow.keep) == (409, "exists, and may not be overwritten")
    assert (share / "new").read_bytes() == b"quick"


def test_without_hard_links_a_file_is_stored_too(
    make: Make, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a memory card."""

    def link(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    put(make(), b"new")
    assert everything(share) == ["new", "old", "sub"]


def test_a_file_is_not_overwritten(make: Make, share: Path) -> None:
    """That is said before a byte is sent."""
    assert refused(begin, make(), b"old") == (409, "exists, and may not be overwritten")
    assert (share / "old").read_bytes() == b"old"


def test_a_file_is_overwritten_where_that_is_allowed(make: Make, share: Path) -> None:
    """In one step: who reads the old one reads all of it."""
    shelf = make(overwrite=True)
    reading = shelf.open(b"old")
    upload = begin(shelf, b"old")
    upload.write(HELLO)
    assert (share / "old").read_bytes() == b"old"
    upload.keep()
    assert (share / "old").read_bytes() == HELLO
    assert reading.read(0, 100) == b"old"
    assert everything(share) == ["old", "sub"]


def test_a_quota_counts_what_is_there(make: Make, share: Path) -> None:
    """Whoever put it there."""
    shelf = make(quota=20)  # 3 are taken
    upload = begin(shelf)
    upload.write(HELLO[:6])
    assert refused(begin, shelf, b"other") == (507, "no room")
    assert refused(shelf.receive, b"big", 21, SHA) == (
        413,
        "more than 20 bytes, which is the quota",
    )
    upload.leave()
    assert refused(begin, shelf, b"other") == (507, "no room")  # 6 are kept to go on with
    again = begin(shelf, b"new", 6)
    again.write(HELLO[6:])
    again.keep()
    put(shelf, b"sub/more", b"1234")
    assert refused(put, shelf, b"5", b"5") == (507, "no room")
    (share / "old").unlink()
    put(shelf, b"5", b"5")


def test_who_cannot_say_how_much_it_brings_is_stopped_at_the_quota(make: Make, share: Path) -> None:
    """As TFTP does without tsize."""
    shelf = make(quota=20)
    one, other = shelf.receive(b"one"), shelf.receive(b"other")
    one.write(b"12345678")
    other.write(b"12345678")
    assert refused(one.write, b"90") == (507, "no room")
    one.leave()
    other.keep()
    assert everything(share) == ["old", "other", "sub"]


def test_a_full_disk_is_no_room(make: Make, share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever it becomes full."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    upload = begin(make())
    monkeypatch.setattr(os, "pwrite", full)
    assert refused(upload.write, HELLO) == (507, "no room")
    upload.leave()
    assert everything(share) == ["old", "sub"]


def test_a_disk_without_the_room_is_told_at_once(
    make: Make, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a byte is sent."""
    real = os.statvfs(share)

    class Full:
        f_bavail = 0
        f_frsize = real.f_frsize

    monkeypatch.setattr(os, "statvfs", lambda _: Full)
    assert refused(begin, make()) == (507, "no room")
    assert everything(share) == ["old", "sub"]


def test_a_quota_is_kept_by_several_processes_together(make: Make, share: Path) -> None:
    """Each knows only what it has promised itself; what is there at the end counts."""
    one, other = make(quota=20), make(quota=20)  # 3 are taken
    first, second = begin(one), begin(other, b"other")
    for upload in (first, second):
        upload.write(HELLO)
    assert refused(first.keep) == (507, "no room")
    second.keep()
    assert everything(share) == ["old", "other", "sub"]


def test_a_disk_s_room_is_promised_once(
    make: Make, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else all who were let in would fail together, and their parts would fill it."""

    class Small:
        f_bavail = 20
        f_frsize = 1

    monkeypatch.setattr(os, "statvfs", lambda _: Small)
    shelf = make()
    upload = begin(shelf)
    assert refused(begin, shelf, b"other") == (507, "no room")
    upload.leave()
    begin(shelf, b"other").leave()


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        (b"../x", 403, "outside the shared folder"),
        (b"/etc/x", 403, "outside the shared folder"),
        (b"sub/../../x", 403, "outside the shared folder"),
        (b"way-out/x", 403, "a link; links are not followed"),
        (b"way-out", 403, "not a regular file"),
        (b"link", 403, "not a regular file"),
        (b"old/x", 403, "a file is in the way"),
        (b"sub", 403, "not a regular file"),
        (b"sub/", 403, "a folder"),
        (b"", 403, "a folder"),
        (b".", 403, "a folder"),
        (b".ssh/authorized_keys", 403, "a hidden name"),
        (b"sub/.key", 403, "a hidden name"),
        (b"x\0", 403, "not a regular file"),
        (b"x" * 300, 400, "a name that is too long"),
        (b"/".join([b"d"] * (DEEPEST + 2)), 403, "more than 32 folders that are not there"),
    ],
)
def test_nothing_is_written_where_it_must_not_be(
    make: Make, share: Path, name: bytes, code: int, why: str
) -> None:
    """Outside the folder, through a link, in place of a folder."""
    (share / "way-out").symlink_to(share.parent)
    (share / "link").symlink_to("old")
    before = everything(share.parent)
    shelf = make(overwrite=True)
    assert refused(begin, shelf, name) == (code, why)
    assert everything(share.parent) == before


def test_a_link_put_there_meanwhile_leads_nowhere(make: Make, share: Path) -> None:
    """Neither as the name nor as a folder on the way to it."""
    shelf = make(overwrite=True)
    outside = share.parent / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    one, other = begin(shelf, b"one"), begin(shelf, b"far/other")
    one.write(HELLO)
    other.write(HELLO)
    (share / "one").symlink_to(outside / "secret")
    (share / "far").symlink_to(outside)
    assert refused(one.keep) == (403, "not a regular file")
    assert refused(other.keep)[0] == 403
    assert everything(outside) == ["secret"]
    assert (outside / "secret").read_bytes() == b"secret"


def test_a_leftover_of_a_crash_is_not_written_into(make: Make, share: Path) -> None:
    """A part that has got its name already is that file."""
    upload = begin(make())
    upload.write(HELLO)
    (part,) = (each for each in everything(share) if each.endswith(".part"))
    os.link(share / part, share / "new")
    upload.leave()
    shelf = make(overwrite=True)
    assert refused(begin, shelf, b"new", 5) == (416, "offset past end (size 0)")
    begin(shelf).leave()
    assert (share / "new").read_bytes() == HELLO


def test_a_read_only_shelf_takes_nothing(share: Path, tmp_path: Path) -> None:
    """Unless somebody said so."""
    share.mkdir()
    assert refused(begin, Folder(str(share))) == (403, "server is read-only")


def test_no_descriptor_is_left_open(make: Make, share: Path) -> None:
    """Whatever becomes of an upload."""
    shelf = make()
    before = sorted(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else []
    put(shelf, b"far/new")
    begin(shelf, b"left").leave()
    for name in (b"old", b"../x", b"old/x", b"x" * 300):
        refused(begin, shelf, name)
    refused(begin, shelf, b"y", 3)
    refused(shelf.receive, b"big", 10**6, SHA)
    after = sorted(os.listdir("/proc/self/fd")) if before else []
    assert after == before


def test_what_is_written_while_the_folder_is_looked_through_is_counted(
    make: Make, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who cannot say how much they bring have no more room together than one."""
    shelf = make(quota=20)  # 3 are taken
    one = shelf.receive(b"one")
    taken = quota._taken

    def looked_through(folder: int) -> int:
        count = taken(folder)
        one.write(b"1234567890")  # behind the back of who counts
        return count

    with monkeypatch.context() as patch:
        patch.setattr(quota, "_taken", looked_through)
        other = shelf.receive(b"other")
    assert refused(other.write, b"12345678") == (507, "no room")
    other.write(b"1234567")


def test_folders_below_folders_without_end_are_counted_with_few_descriptors(
    make: Make, share: Path
) -> None:
    """What lies deep down counts too, however few files may be open."""
    here, depth = os.open(share, os.O_RDONLY), 0
    for depth in range(200):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
        if depth in (100, 199):
            at = os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=here)
            os.write(at, b"12345")
            os.close(at)
    os.close(here)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 40, hard))
    try:
        shelf = make(quota=20)  # 3 + 10 are taken
        assert refused(put, shelf, b"new", b"12345678") == (507, "no room")
        put(shelf, b"new", b"1234567")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
