"""Where a client puts what it fetches: whole under its name, or not at all."""

import contextlib
import errno
import fcntl
import os
import shlex
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Protocol

from twisted_net.files.origin import Origin, StaleError, parse_origin, render_origin
from twisted_net.net.errors import ClientError

#: Behind a file's name while it is being fetched.
PART = ".part"

#: Behind the name of a part: where it is from, for whoever goes on with it.
NOTE = ".json"

#: A part that is shorter is not kept: to fetch it again costs one round trip.
WORTH = 64 << 10

#: Bytes of a part that are read at one time.
CHUNK = 1 << 20

#: More than a note can have: a URL, a tag, a digest.
_LONGEST_NOTE = 64 << 10


class Destination(Protocol):
    """What takes the bytes of a file as they come. A context: what was not kept is discarded.

    :ivar offset: bytes that are there already.
    :ivar origin: of what they are; None: nobody knows.
    """

    offset: int
    origin: Origin | None

    def __enter__(self) -> "Destination":
        """Open it."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Discard what was not kept."""

    def begin(self, origin: Origin, offset: int) -> None:
        """Prepare for the bytes from ``offset`` on, and forget those behind it.

        :raises StaleError: those before it are of something else; all are forgotten.
        """

    def expect(self, size: int) -> None:
        """Prepare for so many bytes more; raises OSError where there is no room for them."""

    def write(self, data: bytes) -> None:
        """Take the next bytes; raises OSError."""

    def pieces(self) -> Iterator[bytes]:
        """Yield what is there already; raises OSError."""

    def forget(self) -> None:
        """Forget what is there: it is not what it should be."""

    def keep(self) -> None:
        """Everything has come and is right."""


class LocalFile:
    """A file of ours, ``NAME.part`` until it is whole.

    The name comes from our own user, or was looked at by `twisted_net.files.client.core.below`.
    What is there already is not touched, and a symlink in the way is not followed.

    :param force: replace a file that is there.
    :param source: where it is fetched from. With it, a part that is broken off stays, with a note
        of where it is from, and is gone on with; without, a part never outlasts the attempt.
    :param resume: go on with any part that is there, wherever it is from.
    :ivar offset: bytes that are there already.
    :ivar origin: of what they are; None: nobody knows.
    :ivar kept: bytes of a part that was left for another time.
    """

    def __init__(
        self, path: str, force: bool = False, source: str = "", resume: bool = False
    ) -> None:
        self.path = path
        self.part = path + PART
        self.offset = 0
        self.kept = 0
        self._note = self.part + NOTE
        self._force = force
        self._source = source
        self._resume = resume
        self.origin: Origin | None = None
        self._descriptor = -1

    def __enter__(self) -> "LocalFile":
        """Open the part.

        :raises ClientError: the file exists, or cannot be made.
        """
        if os.path.lexists(self.path):
            mode = os.lstat(self.path).st_mode
            if stat.S_ISDIR(mode):
                raise ClientError(f"{self.path!r} is a folder; write into it with --directory")
            if stat.S_ISCHR(mode) or stat.S_ISFIFO(mode):
                where = shlex.quote(self.path)
                raise ClientError(f"{self.path!r} is no file; write to it by -o - >{where}")
            if not self._force:
                raise ClientError(f"{self.path!r} exists; use --force")
            if not stat.S_ISREG(mode):
                raise ClientError(f"{self.path!r} is not a regular file; choose another name")
        try:
            if not self._reopened():
                self._open_new()
        except (OSError, ValueError) as error:
            self._close()
            raise self._cannot_write(error) from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the part unless it was kept or may be gone on with; say so if the disk failed."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                if self._worth_keeping():
                    self.kept = self.offset
                else:
                    self._remove()
            self._close()
        if isinstance(error, OSError):
            raise self._cannot_write(error) from error

    def begin(self, origin: Origin, offset: int) -> None:
        """Prepare for the bytes from ``offset`` on, and forget those behind it.

        :raises StaleError: those before it are of something else; all are forgotten.
        """
        if offset and self.origin is not None and not self.origin.same(origin):
            self.forget()
            raise StaleError(f"{self.path!r}: the file is no longer what it was; begun anew")
        self._cut(offset)
        self.origin = replace(origin, source=self._source)
        if self._source and (origin.size is None or origin.size > WORTH):
            self._write_note(self.origin)

    def expect(self, size: int) -> None:
        """Refuse what there is no room for, before it fills the disk; raises OSError."""
        disk = os.fstatvfs(self._descriptor)
        free = disk.f_bavail * disk.f_frsize
        if size > free:
            raise OSError(errno.ENOSPC, f"{size} bytes announced, {free} free")

    def write(self, data: bytes) -> None:
        """Write all of ``data``; raises OSError."""
        view = memoryview(data)
        while view:
            count = os.write(self._descriptor, view)
            self.offset += count
            view = view[count:]

    def pieces(self) -> Iterator[bytes]:
        """Yield what is there already; raises OSError."""
        at = 0
        while at < self.offset:
            piece = os.pread(self._descriptor, min(CHUNK, self.offset - at), at)
            if not piece:
                raise OSError(errno.EIO, "the part became shorter")
            yield piece
            at += len(piece)

    def forget(self) -> None:
        """Forget what is there, and where it is from; raises OSError."""
        self._cut(0)
        self.origin = None
        self._remove_note()

    def keep(self) -> None:
        """Give the part its name; raises OSError, and `ClientError` if somebody else took it."""
        if self._force:
            os.replace(self.part, self.path)
        else:
            try:
                os.link(self.part, self.path, follow_symlinks=False)  # never replaces
            except FileExistsError as error:
                raise ClientError(f"{self.path!r} exists by now; use --force") from error
            except OSError:  # a file system without hard links
                os.rename(self.part, self.path)
            else:
                os.unlink(self.part)
        self._remove_note()
        self._close()

    def _reopened(self) -> bool:
        """Open a part that an earlier get has left, if it is to be gone on with."""
        if not (self._source and os.path.lexists(self.part)):
            return False
        if not stat.S_ISREG(os.lstat(self.part).st_mode):
            raise ClientError(f"{self.part!r} exists, and is not a regular file")
        self._descriptor = os.open(self.part, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._lock()
        self.origin = self._read_note()
        if not self._ours(self.origin):
            if not self._force:
                raise ClientError(f"{self.part!r} exists, {self._whose()}")
            self.forget()
        self.offset = os.fstat(self._descriptor).st_size
        return True

    def _ours(self, origin: Origin | None) -> bool:
        if self._resume:
            return True
        return origin is not None and origin.source == self._source and origin.certain

    def _whose(self) -> str:
        source = self.origin.source if self.origin is not None else ""
        strange = source not in ("", self._source)
        of = f"from {source}" if strange else "and nothing tells which file's it is"
        return f"{of}; --resume goes on with it, --force begins anew"

    def _open_new(self) -> None:
        if self._force:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.part)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self.part, flags, 0o666)
        except FileExistsError as error:
            raise ClientError(
                f"{self.part!r} exists: another get is at work, or one was killed; use --force"
            ) from error
        self._lock()

    def _lock(self) -> None:
        """Keep others from writing into the same part."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ClientError(f"{self.part!r}: another get is at work on it") from error
        except OSError:  # a file system without locks
            return
        # Between its opening and its lock another get may have given the part its name.
        found, ours = os.stat(self.part, follow_symlinks=False), os.fstat(self._descriptor)
        if (found.st_dev, found.st_ino) != (ours.st_dev, ours.st_ino):
            raise ClientError(f"{self.part!r}: another get was at work on it; try again")

    def _cut(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)
        os.lseek(self._descriptor, size, os.SEEK_SET)
        self.offset = size

    def _worth_keeping(self) -> bool:
        if not self._source or self.origin is None or not self.origin.certain:
            return False
        return self.offset >= WORTH

    def _read_note(self) -> Origin | None:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            with open(os.open(self._note, flags), "rb") as note:
                return parse_origin(note.read(_LONGEST_NOTE))
        except OSError:
            return None

    def _write_note(self, origin: Origin) -> None:
        self._remove_note()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(self._note, flags, 0o666), "wb") as note:
            note.write(render_origin(origin))

    def _remove_note(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._note)

    def _remove(self) -> None:
        os.unlink(self.part)
        self._remove_note()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _cannot_write(self, error: Exception) -> ClientError:
        why = (getattr(error, "strerror", None) or str(error)).lower()
        return ClientError(f"cannot write {self.path!r}: {why}")


class StandardOutput:
    """Standard output. What was written cannot be taken back: look at the exit code."""

    def __init__(self) -> None:
        self.offset = 0
        self.origin: Origin | None = None
        self._written = 0

    def __enter__(self) -> "StandardOutput":
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""

    def begin(self, origin: Origin, offset: int) -> None:
        """Begin, once.

        :raises ClientError: something was written already.
        """
        if self._written:
            raise ClientError("what was written to standard output cannot be taken back")

    def expect(self, size: int) -> None:
        """Expect anything."""

    def write(self, data: bytes) -> None:
        """Write."""
        self._written += len(data)
        sys.stdout.buffer.write(data)

    def pieces(self) -> Iterator[bytes]:
        """Yield nothing."""
        return iter(())

    def forget(self) -> None:
        """Forget nothing: it is written."""

    def keep(self) -> None:
        """Hand on what is still buffered."""
        sys.stdout.buffer.flush()


def local_name(name: str) -> str:
    """Return the last part of a requested name, which is what the file is called here.

    :raises ClientError: it has none.
    """
    last = name.rstrip("/").rpartition("/")[2]
    if last in ("", ".", ".."):
        raise ClientError(f"{name!r} names no file; use --output")
    return last
