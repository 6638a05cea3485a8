"""What is put into a folder: into a hidden part first, under its name only when it is whole.

A part lies in the same folder as the name it is for, or in the deepest one that is there, so that
giving it the name is one step. Its own name is made from that name and the digest that was
announced: whoever comes back with both goes on where the connection broke. A lock (flock(2)) keeps
two writers from one part, and parts that nobody has come back for are swept away.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import stat
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_bytes

from twisted_net.files import beneath
from twisted_net.files.codec import RefusedError
from twisted_net.files.quota import Room
from twisted_net.files.shelf import Sink

#: The names of parts; no door lists them or opens them.
PART = re.compile(rb"\.[0-9a-f]{32}\.part")

#: Seconds after which a part is swept away: a day is long enough to come back.
KEPT = 86_400.0

#: Folders that one name may add. A line of the protocol has room for some 500, and each costs a
#: block of the disk that no quota counts.
DEEPEST = 32

#: What a stored file and an added folder may be used for: a daemon's umask would hide them.
FILE_MODE = 0o644
FOLDER_MODE = 0o755

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Writes:
    """What may be stored.

    :ivar quota: bytes that the whole folder may take, with what is there already.
    :ivar overwrite: whether a name that is taken may be given to something new.
    """

    quota: int = 1 << 30
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name is, or will be.

    :ivar ground: descriptor of the deepest folder on the way to it that is there.
    :ivar missing: the folders that are not.
    :ivar last: the name in the last one.
    """

    ground: int
    missing: list[bytes]
    last: bytes

    def taken(self) -> bool:
        """Say whether the name is that of a file; raises RefusedError if of something else."""
        if self.missing:
            return False
        with told():
            try:
                found = os.stat(self.last, dir_fd=self.ground, follow_symlinks=False)
            except FileNotFoundError:
                return False
        if not stat.S_ISREG(found.st_mode):
            raise RefusedError(403, "not a regular file")
        return True


def find(opener: beneath.Opener, folder: int, parts: beneath.Parts) -> Place:
    """Find the place of a name; whoever called closes ``ground``.

    :raises OSError: as a `beneath.Opener`.
    :raises RefusedError: 403, a file is where a folder would have to be.
    """
    *folders, last = parts
    for depth in range(len(folders), -1, -1):
        try:
            ground = opener(folder, folders[:depth], beneath.FOLDER)
        except FileNotFoundError:
            continue
        except NotADirectoryError as error:
            raise RefusedError(403, "a file is in the way") from error
        return Place(ground, folders[depth:], last)
    raise FileNotFoundError(errno.ENOENT, "the shared folder is gone")


class Upload(Sink):
    """A `Sink` into a folder.

    :param place: once this is made, it is closed with it.
    :raises RefusedError: as `Shelf.receive`.
    """

    def __init__(
        self,
        place: Place,
        room: Room,
        overwrite: bool,
        size: int | None,
        sha256: str,
        offset: int,
    ) -> None:
        self.size = size
        self.offset = 0
        self._place = place
        self._room = room
        self._overwrite = overwrite
        self._sha256 = sha256
        self._hash = hashlib.sha256()
        self._lock = threading.Lock()  # who leaves may be another thread than who writes
        self._over = False
        if len(place.missing) > DEEPEST:
            raise RefusedError(403, f"more than {DEEPEST} folders that are not there")
        self._refuse_taken()
        _sweep(place.ground)
        self._resumable = bool(sha256) and size is not None
        self._part = _part_name(place, sha256 if self._resumable else "")
        self._descriptor = _open_part(place.ground, self._part)
        # Whoever forgets it, or is killed in a simulation, must not keep the lock.
        self._close = weakref.finalize(self, os.close, self._descriptor)
        there = os.fstat(self._descriptor).st_size
        try:
            if offset > there:
                raise RefusedError(416, f"offset past end (size {there})")
            room.enter(self, size, there, offset)
            self._go_back(offset)
        except BaseException:
            room.leave(self)
            self._unlock(keep=bool(there))
            raise
        self._close_ground = weakref.finalize(self, os.close, place.ground)

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        with self._lock, told():
            if self._over:
                return
            if self.size is not None and self.offset + len(data) > self.size:
                raise RefusedError(413, f"more than the {self.size} bytes that were announced")
            self._room.take(self, len(data))
            view = memoryview(data)
            while view:
                count = os.pwrite(self._descriptor, view, self.offset)
                self._hash.update(view[:count])
                self.offset += count
                view = view[count:]

    def keep(self) -> None:
        """Give it its name, if it is what was announced."""
        with self._lock:
            if self._over:
                return
            try:
                self._check()
                with told():
                    self._room.check()
                    renamed = self._name()
            except BaseException:
                self._end(keep=False)
                raise
            self._end(keep=renamed)

    def leave(self) -> None:
        """Give up; what came may be gone on with if it can be told what it is."""
        with self._lock:
            if not self._over:
                self._end(keep=self._resumable and bool(self.offset))

    def _go_back(self, offset: int) -> None:
        with told():
            os.ftruncate(self._descriptor, offset)
            while piece := os.pread(self._descriptor, _CHUNK, self.offset):
                self._hash.update(piece)
                self.offset += len(piece)

    def _check(self) -> None:
        if self.size is not None and self.offset != self.size:
            missing = self.size - self.offset
            raise RefusedError(400, f"{missing} bytes are missing, nothing stored")
        if self._sha256 and self._hash.hexdigest() != self._sha256:
            raise RefusedError(409, "digest mismatch, nothing stored")

    def _name(self) -> bool:
        """Give the part its name; say whether it has lost its own by that."""
        os.fchmod(self._descriptor, FILE_MODE)
        os.fsync(self._descriptor)  # a name must not outlive a power cut that its bytes do not
        with _made(self._place) as folder:
            old, new = self._part, self._place.last
            self._refuse_taken(folder)
            if not self._overwrite and _linked(self._place.ground, old, folder, new):
                return False
            os.rename(old, new, src_dir_fd=self._place.ground, dst_dir_fd=folder)
            return True

    def _refuse_taken(self, folder: int | None = None) -> None:
        place = self._place if folder is None else Place(folder, [], self._place.last)
        if place.taken() and not self._overwrite:
            raise RefusedError(409, "exists, and may not be overwritten")

    def _end(self, keep: bool) -> None:
        self._over = True
        self._room.leave(self)
        self._unlock(keep)
        self._close_ground()

    def _unlock(self, keep: bool) -> None:
        if not keep:
            with contextlib.suppress(OSError):
                os.unlink(self._part, dir_fd=self._place.ground)
        self._close()


def _part_name(place: Place, sha256: str) -> bytes:
    """Return the same name for the same upload; one of its own for one that cannot be told."""
    told = b"\0".join([*place.missing, place.last, sha256.encode() or token_bytes(16)])
    return b".%s.part" % hashlib.sha256(told).hexdigest()[:32].encode()


def _open_part(ground: int, part: bytes) -> int:
    """Open a part and lock it; raises RefusedError, if somebody else is writing it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    for _ in range(3):
        with told():
            descriptor = os.open(part, flags, 0o600, dir_fd=ground)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise RefusedError(409, "somebody else is writing it") from error
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
            return descriptor
        # Given its name, or swept away, since it was opened: it is nobody's part any more.
        os.close(descriptor)
        if found.st_nlink > 1:
            os.unlink(part, dir_fd=ground)
    raise RefusedError(409, "somebody else is writing it")


def _sweep(ground: int) -> None:
    """Remove the parts that nobody has come back for."""
    oldest = time.time() - KEPT
    for name in map(os.fsencode, os.listdir(ground)):
        if PART.fullmatch(name):
            with contextlib.suppress(OSError):
                if os.stat(name, dir_fd=ground, follow_symlinks=False).st_mtime < oldest:
                    os.unlink(name, dir_fd=ground)


@contextlib.contextmanager
def _made(place: Place) -> Iterator[int]:
    """Make the folders that are missing, and open the last one for as long as it is needed."""
    here = os.dup(place.ground)
    try:
        for each in place.missing:
            with contextlib.suppress(FileExistsError):  # by another upload
                os.mkdir(each, dir_fd=here)
                os.chmod(each, FOLDER_MODE, dir_fd=here)
            inner = os.open(each, beneath.FOLDER | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = inner
        yield here
    finally:
        os.close(here)


def _linked(ground: int, old: bytes, folder: int, new: bytes) -> bool:
    """Give a part its name unless that is taken; say False where there are no hard links."""
    try:
        os.link(old, new, src_dir_fd=ground, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError as error:
        raise RefusedError(409, "exists, and may not be overwritten") from error
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            return False  # a disk of a camera: looked at a moment ago, which must do
        raise
    return True


_MEANING = {
    errno.ENOSPC: (507, "no room"),
    errno.EDQUOT: (507, "no room"),
    errno.EFBIG: (413, "more than the file system takes"),
    errno.EACCES: (403, "not writable"),
    errno.EPERM: (403, "not writable"),
    errno.EROFS: (403, "not writable"),
    errno.ENOTDIR: (403, "a file is in the way"),
    errno.EISDIR: (403, "a folder is in the way"),
    errno.ELOOP: (403, "a link; links are not followed"),
    errno.ENAMETOOLONG: (400, "a name that is too long"),
    errno.EMFILE: (503, "busy: too many files are open"),
    errno.ENFILE: (503, "busy: too many files are open"),
}


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Let what a disk says be what the peer is told; raises RefusedError for OSError."""
    try:
        yield
    except OSError as error:
        code, why = _MEANING.get(error.errno or 0, (500, "cannot be stored"))
        raise RefusedError(code, why) from error
