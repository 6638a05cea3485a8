"""Tests of `twisted_net.files.destination`: a file appears whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from twisted_net.files.destination import LocalFile, local_name
from twisted_net.net.errors import ClientError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file will be."""
    return tmp_path / "x"


def left(path: Path) -> list[str]:
    """Return what is in the folder."""
    return sorted(each.name for each in path.parent.iterdir())


def fetch(path: Path, data: bytes = b"new", force: bool = False) -> None:
    """Write a whole file."""
    with LocalFile(str(path), force) as into:
        into.write(data)
        into.keep()


def test_a_file_has_its_name_when_it_is_whole(path: Path) -> None:
    """Until then it is a part."""
    with LocalFile(str(path)) as into:
        into.write(b"ne")
        assert left(path) == ["x.part"]
        into.write(b"w")
        into.keep()
    assert left(path) == ["x"]
    assert path.read_bytes() == b"new"


def test_what_was_not_kept_leaves_nothing_behind(path: Path) -> None:
    """Whatever the reason, Ctrl-C too."""

    def fail(error: BaseException) -> None:
        with LocalFile(str(path)) as into:
            into.write(b"x")
            raise error

    for error in (ClientError("no"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            fail(error)
        assert left(path) == []


def test_what_is_there_already_is_not_touched(path: Path) -> None:
    """Unless the user wants it so."""
    path.write_bytes(b"old")
    with pytest.raises(ClientError) as caught:
        fetch(path)
    assert str(caught.value) == f"{str(path)!r} exists; use --force"
    assert path.read_bytes() == b"old"
    fetch(path, force=True)
    assert path.read_bytes() == b"new"
    assert left(path) == ["x"]


@pytest.mark.parametrize("force", [False, True])
def test_a_device_and_a_pipe_are_written_to_as_standard_output(path: Path, force: bool) -> None:
    """Who measures a transfer writes to /dev/null; --force, which replaces, is no help there."""
    os.mkfifo(path)
    for there in ("/dev/null", str(path)):
        with pytest.raises(ClientError) as caught, LocalFile(there, force=force):
            pass
        assert str(caught.value) == f"{there!r} is no file; write to it by -o - >{there}"
    assert left(path) == ["x"]


def test_what_appears_meanwhile_is_not_touched_either(path: Path) -> None:
    """Two gets of one name: the first to end has it."""
    with LocalFile(str(path)) as into:
        path.write_bytes(b"theirs")
        with pytest.raises(ClientError, match="exists by now"):
            into.keep()
    assert path.read_bytes() == b"theirs"
    assert left(path) == ["x"]


def test_two_gets_of_one_name_do_not_write_into_one_part(path: Path) -> None:
    """The second is told; with force, what a killed one left is replaced."""
    (path.parent / "x.part").write_bytes(b"left behind")
    with pytest.raises(ClientError, match="another get is at work, or one was killed"):
        fetch(path)
    assert left(path) == ["x.part"]
    fetch(path, force=True)
    assert path.read_bytes() == b"new"
    assert left(path) == ["x"]


def test_a_link_in_the_way_is_not_followed(path: Path) -> None:
    """Neither where the file will be nor where its part will."""
    victim = path.parent / "victim"
    for name in ("x", "x.part"):
        (path.parent / name).symlink_to(victim)
        with pytest.raises(ClientError, match="exists"):
            fetch(path)
        (path.parent / name).unlink()
    (path.parent / "x").symlink_to(victim)
    with pytest.raises(ClientError, match="not a regular file"):
        fetch(path, force=True)
    assert not victim.exists()


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    """Before anything is asked for."""
    with pytest.raises(ClientError) as caught:
        fetch(tmp_path / "nope" / "x")
    assert str(caught.value) == (
        f"cannot write {str(tmp_path / 'nope' / 'x')!r}: no such file or directory"
    )


def test_a_disk_that_is_full_is_told_and_the_part_removed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ClientError, match="no space left on device"):
        fetch(path)
    assert left(path) == []


def test_more_than_there_is_room_for_is_not_begun(path: Path) -> None:
    """A hostile server may announce anything."""
    announced = pytest.raises(ClientError, match="9223372036854775807 bytes announced")
    with announced, LocalFile(str(path)) as into:
        into.expect(2**63 - 1)
    assert left(path) == []


def test_a_file_system_without_hard_links_is_written_to_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sticks and cards, often."""

    def none(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", none)
    fetch(path)
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("asked", "local"),
    [("a", "a"), ("/a", "a"), ("sub/a", "a"), ("../../a", "a"), ("a/", "a"), ("a\\b", "a\\b")],
)
def test_the_local_name_is_the_last_part_of_what_was_asked_for(asked: str, local: str) -> None:
    """So it stays in the folder that the user chose."""
    assert local_name(asked) == local


@pytest.mark.parametrize("asked", ["", "/", "..", "a/..", ".", "../"])
def test_what_names_no_file_needs_another_name(asked: str) -> None:
    """It would be the folder itself, or the one above."""
    with pytest.raises(ClientError, match="names no file; use --output"):
        local_name(asked)
