"""What room there is below a folder for what is put there: a quota that many writers share."""

import contextlib
import errno
import os
import stat
import threading

from twisted_net.files import beneath
from twisted_net.files.codec import RefusedError


class Room:
    """What room there is below a folder, shared by all who write there at one time."""

    def __init__(self, folder: int, quota: int) -> None:
        self.quota = quota
        self._folder = folder
        self._entering = threading.Lock()  # held while the folder is looked through
        self._lock = threading.Lock()  # never held for long
        self._promised: dict[object, int] = {}  # to whom, and how many bytes are still to come
        self._free = 0  # for those who could not say how much they bring

    def enter(self, writer: object, size: int | None, there: int, kept: int) -> None:
        """Promise room for ``size`` bytes; raises as `Shelf.receive`.

        Looks at every file there is: what others put there counts too.

        :param there: bytes of an earlier attempt.
        :param kept: how many of them stay.
        """
        if (size or 0) > self.quota:
            raise RefusedError(413, f"more than {self.quota} bytes, which is the quota")
        with self._entering:
            with self._lock:
                promised, before = sum(self._promised.values()), self._free
            # What is written meanwhile may be counted twice: to be too strict is the safe side.
            free = self.quota - _taken(self._folder) - promised
            found = os.statvfs(self._folder)
            wanted = (size or 0) - there
            if wanted > min(free, found.f_bavail * found.f_frsize - promised):
                raise RefusedError(507, "no room")
            with self._lock:
                self._free = free - wanted - (before - self._free)
                if size is not None:
                    self._promised[writer] = size - kept

    def take(self, writer: object, count: int) -> None:
        """Note that so many bytes are being written.

        :raises RefusedError: 507, there is no room left for them.
        """
        with self._lock:
            if writer in self._promised:
                self._promised[writer] -= count
            elif count > self._free:
                raise RefusedError(507, "no room")
            else:
                self._free -= count

    def check(self) -> None:
        """Look once more, when all of something has come.

        Of several processes that serve one folder (``--workers``) none knows what the others have
        promised.

        :raises RefusedError: 507, there was less room than was promised.
        """
        with self._entering:
            if _taken(self._folder) > self.quota:
                raise RefusedError(507, "no room")

    def leave(self, writer: object) -> None:
        """Need no more room."""
        with self._lock:
            self._promised.pop(writer, None)


def _taken(folder: int) -> int:
    """Return the bytes of all files below a folder; never more than one of them is open."""
    total = 0
    left = [b"."]
    while left:
        here = left.pop()
        try:
            count, inner = _inside(folder, here)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise  # it would count as empty
            continue  # gone meanwhile, or not ours to read
        total += count
        left += [here + b"/" + name for name in inner]
    return total


def _inside(folder: int, here: bytes) -> tuple[int, list[bytes]]:
    """Return the bytes of the files in one folder, and the names of the folders there."""
    total, folders = 0, []
    descriptor = os.open(here, beneath.FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    try:
        for name in map(os.fsencode, os.listdir(descriptor)):
            with contextlib.suppress(FileNotFoundError):  # gone meanwhile
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    folders.append(name)
                elif stat.S_ISREG(found.st_mode):
                    total += found.st_size
    finally:
        os.close(descriptor)
    return total, folders
