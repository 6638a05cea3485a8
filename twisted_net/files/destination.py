"""Where a client puts what it fetches: whole under its name, or not at all."""

import contextlib
import errno
import os
import stat
import sys
from types import TracebackType
from typing import Protocol

from twisted_net.net.errors import ClientError

#: Behind a file's name while it is being fetched.
PART = ".part"


class Destination(Protocol):
    """What takes the bytes of a file as they come. A context: what was not kept is discarded."""

    def __enter__(self) -> "Destination":
        """Open it."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Discard what was not kept."""

    def expect(self, size: int) -> None:
        """Prepare for so many bytes; raises OSError where there is no room for them."""

    def write(self, data: bytes) -> None:
        """Take the next bytes; raises OSError."""

    def keep(self) -> None:
        """Everything has come and is right."""


class LocalFile:
    """A file of ours, ``NAME.part`` until it is whole.

    The name comes from our own user, never from a server. What is there already is not touched,
    and a symlink in the way is not followed.

    :param force: replace a file that is there.
    """

    def __init__(self, path: str, force: bool = False) -> None:
        self.path = path
        self._force = force
        self._part = path + PART
        self._descriptor = -1

    def __enter__(self) -> "LocalFile":
        """Open the part.

        :raises ClientError: the file exists, or cannot be made.
        """
        if os.path.lexists(self.path):
            if not self._force:
                raise ClientError(f"{self.path!r} exists; use --force")
            if not stat.S_ISREG(os.lstat(self.path).st_mode):
                raise ClientError(f"{self.path!r} is not a regular file; choose another name")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            if self._force:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._part)
            self._descriptor = os.open(self._part, flags, 0o666)
        except FileExistsError as error:
            raise ClientError(
                f"{self._part!r} exists: another get is at work, or one was killed; use --force"
            ) from error
        except (OSError, ValueError) as error:
            raise self._cannot_write(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the part unless it was kept; say so in one line if the disk was the reason."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            with contextlib.suppress(OSError):
                os.unlink(self._part)
        if isinstance(error, OSError):
            raise self._cannot_write(error) from error

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
            view = view[os.write(self._descriptor, view) :]

    def keep(self) -> None:
        """Give the part its name; raises OSError, and `ClientError` if somebody else took it."""
        if self._force:
            os.replace(self._part, self.path)
        else:
            try:
                os.link(self._part, self.path, follow_symlinks=False)  # never replaces
            except FileExistsError as error:
                raise ClientError(f"{self.path!r} exists by now; use --force") from error
            except OSError:  # a file system without hard links
                os.rename(self._part, self.path)
            else:
                os.unlink(self._part)
        os.close(self._descriptor)
        self._descriptor = -1

    def _cannot_write(self, error: Exception) -> ClientError:
        why = (getattr(error, "strerror", None) or str(error)).lower()
        return ClientError(f"cannot write {self.path!r}: {why}")


class StandardOutput:
    """Standard output. What was written cannot be taken back: look at the exit code."""

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

    def expect(self, size: int) -> None:
        """Expect anything."""

    def write(self, data: bytes) -> None:
        """Write."""
        sys.stdout.buffer.write(data)

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
