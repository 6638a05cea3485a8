"""Tests of `twisted_net.files.beneath`: there is no way out of the folder."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from twisted_net.files import beneath

SECRET = b"nobody may see this"

OPENERS = pytest.mark.parametrize("opener", [beneath.by_openat2, beneath.by_walking])

#: What people have tried, to get out of folders like ours or to stop their servers.
TRAVERSAL = [
    b"../secret",
    b"..",
    b"../",
    b"sub/../../secret",
    b"./../secret",
    b"sub/..//../secret",
    b"/etc/passwd",
    b"//etc/passwd",
    b"/proc/self/environ",
    b"../share-evil/x",
    b"link",
    b"absolute-link",
    b"folder-link/secret",
    b"inner-link",
    b"secret\0",
    b"hello.txt\0.png",
    b"..\0",
    b"fifo",
    b"sub",
    b".",
    b"",
    b"sub/",
    b"x" * 300,
    b"a/" * 3000,
    b"hello.txt/",
    b"hello.txt/x",
    b"....//secret",
    b"..\\secret",
    b"%2e%2e/secret",
    b"..%00/secret",
    b"..%c0%af",
    b"CON",
    b"hello.txt.",
    b"hello.txt ",
    b"\xed\xb2\x80",
    "\u202etxt.olleh".encode(),
    b"\x1b[31m",
]


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """Return a folder with a secret beside it, and every kind of bait in it."""
    share = tmp_path / "share"
    (share / "sub").mkdir(parents=True)
    (share / "hello.txt").write_bytes(b"hello")
    (share / "sub" / "inner.txt").write_bytes(b"inner")
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "share-evil").mkdir()
    (tmp_path / "share-evil" / "x").write_bytes(SECRET)
    (share / "link").symlink_to("../secret")
    (share / "absolute-link").symlink_to(tmp_path / "secret")
    (share / "folder-link").symlink_to("..")
    (share / "inner-link").symlink_to("hello.txt")
    os.mkfifo(share / "fifo")
    return share


@pytest.fixture
def folder(share: Path) -> Iterator[int]:
    """Open it."""
    descriptor = beneath.open_root(str(share))
    yield descriptor
    os.close(descriptor)


def read(opener: beneath.Opener, folder: int, name: bytes) -> bytes:
    """Read a whole file."""
    descriptor = beneath.open_regular(opener, folder, name)
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


@OPENERS
@pytest.mark.parametrize(
    "name", [b"hello.txt", b"./hello.txt", b"sub/inner.txt", b"sub//inner.txt"]
)
def test_what_is_in_the_folder_opens(opener: beneath.Opener, folder: int, name: bytes) -> None:
    """Both ways of opening agree on what a name means."""
    assert read(opener, folder, name) in (b"hello", b"inner")


@OPENERS
@pytest.mark.parametrize("name", TRAVERSAL, ids=repr)
def test_no_name_leads_out(opener: beneath.Opener, folder: int, name: bytes) -> None:
    """It fails at once, a FIFO too, and leaves no descriptor open."""
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match=r"."):
        read(opener, folder, name)
    assert len(os.listdir("/proc/self/fd")) == before


@OPENERS
@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        (b"../secret", [errno.EXDEV]),
        (b"/etc/passwd", [errno.EXDEV]),
        (b"link", [errno.ELOOP]),
        (b"folder-link/secret", [errno.ELOOP]),
        (b"fifo", [errno.EINVAL]),
        (b"sub", [errno.EISDIR]),
        (b".", [errno.EISDIR]),
        (b"hello.txt\0", [errno.EINVAL]),
        (b"nope", [errno.ENOENT]),
        (b"x" * 300, [errno.ENAMETOOLONG]),
    ],
)
def test_the_reason_is_told(
    opener: beneath.Opener, folder: int, name: bytes, numbers: list[int]
) -> None:
    """To our side; the peer is told less."""
    with pytest.raises(OSError, match=r".") as caught:
        beneath.open_regular(opener, folder, name)
    assert caught.value.errno in numbers


@OPENERS
def test_a_device_is_no_file(opener: beneath.Opener) -> None:
    """``/dev/zero`` would never end."""
    folder = beneath.open_root("/dev")
    try:
        with pytest.raises(OSError, match="not a regular file"):
            beneath.open_regular(opener, folder, b"zero")
    finally:
        os.close(folder)


@OPENERS
def test_a_socket_is_no_file(opener: beneath.Opener, folder: int, share: Path) -> None:
    """A path that a server of somebody's listens on."""
    os.mknod(share / "sock", 0o140644)  # S_IFSOCK: made without a socket
    with pytest.raises(OSError, match=r"."):
        beneath.open_regular(opener, folder, b"sock")


@OPENERS
def test_a_name_that_is_a_link_half_of_the_time_never_leads_out(
    opener: beneath.Opener, folder: int, share: Path
) -> None:
    """Looking first and opening afterwards leaks hundreds of times a second here."""
    over = threading.Event()

    def flip() -> None:
        target, link = share / "target", share / "new-link"
        while not over.is_set():
            link.symlink_to("../secret")
            os.replace(link, share / "flips")
            target.write_bytes(b"hello")
            os.replace(target, share / "flips")

    flipper = threading.Thread(target=flip)
    flipper.start()
    started = time.monotonic()
    enough, too_long = started + 0.7, started + 120.0  # a busy machine may lose every race at first
    read_fine = 0
    try:
        while time.monotonic() < (enough if read_fine else too_long):
            try:
                content = read(opener, folder, b"flips")
            except OSError:
                continue
            assert content == b"hello"
            read_fine += 1
    finally:
        over.set()
        flipper.join()
    assert read_fine


def test_the_best_opener_works_here(folder: int) -> None:
    """Whichever it is."""
    assert read(beneath.best_opener(folder), folder, b"hello.txt") == b"hello"


def test_a_kernel_without_the_call_is_walked_on(
    folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux before 5.6, other systems, and sandboxes that know the call not."""

    def unknown(*_: object) -> int:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(beneath, "by_openat2", unknown)
    assert beneath.best_opener(folder) is beneath.by_walking
