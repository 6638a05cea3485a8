"""Open a file below a folder and nowhere else, whatever the name and whoever renames meanwhile.

Looking at a path first and opening it afterwards is a race: a symlink put there in between is
followed. So the kernel itself is told not to leave the folder (openat2(2), Linux 5.6), and where it
cannot be told, every component is opened relative to the one before without following symlinks.
"""

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Callable

#: The components of a name.
Parts = list[bytes]

#: folder descriptor, components of a name, flags -> descriptor. Raises OSError.
Opener = Callable[[int, Parts, int], int]

_libc = ctypes.CDLL(None, use_errno=True)
_OPENAT2 = 437  # the same number on every Linux architecture
_BENEATH = 0x08 | 0x04 | 0x02  # RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS

#: O_NONBLOCK: a FIFO without a writer must not hold us. O_NOCTTY: nor a terminal become ours.
READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY

#: Where there is no O_PATH a folder is opened for reading, which needs its read permission.
_PATH = getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC | os.O_DIRECTORY


def open_root(path: str) -> int:
    """Open the folder below which everything else is opened; its own path may hold symlinks."""
    return os.open(path, _PATH)


def components(name: bytes) -> Parts:
    """Take a relative name apart.

    :raises OSError: EXDEV for a name that leads up or starts at the root, EINVAL for a NUL, which
        the kernel would take for the name's end.
    """
    if b"\0" in name:
        raise OSError(errno.EINVAL, "NUL in a name")
    if name.startswith(b"/"):
        raise OSError(errno.EXDEV, "an absolute name")
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        # Even where ".." would stay inside: renaming a folder meanwhile may change where it leads.
        raise OSError(errno.EXDEV, "a name that leads up")
    return parts


def by_openat2(folder: int, parts: Parts, flags: int) -> int:
    """Open in one system call that never leaves ``folder`` (openat2(2))."""
    how = struct.pack("=QQQ", flags, 0, _BENEATH)
    name = b"/".join(parts) or b"."
    descriptor: int = _libc.syscall(_OPENAT2, folder, name, how, ctypes.c_size_t(len(how)))
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return descriptor


def by_walking(folder: int, parts: Parts, flags: int) -> int:
    """Open component by component, none of them a symlink, each relative to the one before."""
    here = folder
    try:
        for part in parts[:-1]:
            inner = _inner(here, part, _PATH)
            if here != folder:
                os.close(here)
            here = inner
        return _inner(here, parts[-1] if parts else b".", flags)
    finally:
        if here != folder:
            os.close(here)


def _inner(here: int, part: bytes, flags: int) -> int:
    """Open one component; a symlink is ELOOP, as with openat2, whatever was wanted of it."""
    try:
        return os.open(part, flags | os.O_NOFOLLOW, dir_fd=here)
    except NotADirectoryError:
        if stat.S_ISLNK(os.stat(part, dir_fd=here, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, "a symlink") from None
        raise


def best_opener(folder: int) -> Opener:
    """Return `by_openat2` where the kernel has it, else `by_walking`."""
    try:
        os.close(by_openat2(folder, [], _PATH))
    except (OSError, AttributeError):  # an older kernel, or a sandbox that forbids the call
        return by_walking
    return by_openat2


def open_regular(opener: Opener, folder: int, name: bytes) -> int:
    """Open a regular file for reading.

    :param name: relative to ``folder``.
    :raises OSError: EXDEV for a way out, ELOOP for a link, EISDIR for a folder, EINVAL for anything
        else but a regular file, and whatever else opening may raise.
    """
    parts = components(name)
    descriptor = opener(folder, parts, READ)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode) and not name.endswith(b"/"):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "a folder")
    raise OSError(errno.EINVAL, "not a regular file")
