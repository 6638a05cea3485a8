"""A folder as a shelf: its regular files may be read, and nothing outside it."""

import contextlib
import errno
import os
import stat
import weakref
from collections.abc import Iterator
from itertools import islice

from twisted_net.files import beneath, uploads
from twisted_net.files.codec import Entry, List, RefusedError
from twisted_net.files.quota import Room
from twisted_net.files.shelf import Shelf, Source, Version
from twisted_net.files.uploads import PART, Upload, Writes
from twisted_net.net.errors import StartError

#: The option that names the folder; errors at the start name it.
OPTION = "--files-root"


class OpenFile(Source):
    """A regular file of a folder, open for reading.

    :ivar size: bytes when it was opened.
    """

    size: int
    version: Version

    def __init__(self, name: bytes, descriptor: int) -> None:
        self.name = name
        self._descriptor = descriptor
        found = os.fstat(descriptor)
        self.size = found.st_size
        self.mtime = int(found.st_mtime)
        self.version = _version(found)
        self._close = weakref.finalize(self, os.close, descriptor)

    def read(self, offset: int, count: int) -> bytes:
        """Return up to ``count`` bytes; fewer only at the end. No position is kept."""
        return os.pread(self._descriptor, count, offset)

    def changed(self) -> bool:
        """Say whether size or time are no longer what they were.

        A write that is finer than the file system's clock, and keeps the size, goes unseen.
        """
        return _version(os.fstat(self._descriptor)) != self.version

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def again(self) -> "OpenFile":
        """Return the same open file under a descriptor of its own, for use in another thread."""
        return OpenFile(self.name, os.dup(self._descriptor))

    def close(self) -> None:
        """Close it; a second call changes nothing."""
        self._close()


class Folder(Shelf):
    """The shared folder.

    Names are relative to it. Symbolic links are not followed,
    not even those that stay inside, so that nobody who may write in the folder can point out of it.

    :param root: the folder's path.
    :param hidden: share what has a dot at the beginning of its name too: where people keep keys,
        and programs their state.
    :param writes: what may be stored; None: nothing.
    :param everything: share even the root of the file system.
    :raises StartError: it cannot be shared.
    """

    def __init__(
        self,
        root: str,
        opener: beneath.Opener | None = None,
        hidden: bool = False,
        writes: Writes | None = None,
        everything: bool = False,
    ) -> None:
        self._hidden = hidden
        self._peeks = type(self).open is Folder.open
        self._writes = writes
        self._folder = _opened(root, everything)
        self._opener = opener or beneath.best_opener(self._folder)
        self._room = Room(self._folder, writes.quota if writes else 0)
        self.close = weakref.finalize(self, os.close, self._folder)

    def open(self, name: bytes, peer: str = "") -> OpenFile:
        """Open a file for reading.

        :raises RefusedError: 403 for every way out and for what is no regular file, 404 for what is
            not there.
        """
        with _refusing():
            self._parts(name)
            return OpenFile(name, beneath.open_regular(self._opener, self._folder, name))

    def peek(self, name: bytes) -> tuple[int, ...] | None:
        """Tell the state of a file at the top; a subclass may open other things than this would."""
        if b"/" in name or not self._peeks:
            return None
        try:
            found = os.stat(name, dir_fd=self._folder, follow_symlinks=False)
        except (OSError, ValueError):  # a NUL
            return None
        # The time of the inode too: it tells of a file that nobody may read any more.
        state = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
        return (*state, found.st_ctime_ns, found.st_mode)

    def stat(self, name: bytes, peer: str = "") -> Entry:
        """Tell what a name stands for; raises as `open`."""
        with _refusing():
            parts = self._parts(name)
            descriptor = self._opener(self._folder, parts, beneath.READ)
            try:
                found = os.fstat(descriptor)
            finally:
                os.close(descriptor)
            entry = _entry(name.rstrip(b"/"), found)
            if entry is None or (name.endswith(b"/") and entry.kind == "file"):
                raise OSError(errno.EINVAL, "neither file nor folder")
            return entry

    def list(self, request: List, peer: str = "") -> tuple[list[Entry], bool]:
        """Return the entries asked for, in order of their names, and whether there are more.

        What could not be fetched (links, devices, unreadable files) is not shown. Reads the whole
        folder: to be called where waiting for a disk disturbs nobody.

        :raises RefusedError: as `open`, for the folder that the prefix names.
        """
        folder, slash, _ = request.prefix.rpartition(b"/")
        with _refusing():
            parts = self._parts(folder + slash)
            descriptor = self._opener(self._folder, parts, beneath.FOLDER)
            try:
                names = [folder + slash + os.fsencode(name) for name in os.listdir(descriptor)]
                found = _seen(descriptor, sorted(filter(self._shared, names)), request)
                entries = list(islice(found, request.limit))
                return entries, next(found, None) is not None
            finally:
                os.close(descriptor)

    def receive(
        self,
        name: bytes,
        size: int | None = None,
        sha256: str = "",
        offset: int = 0,
        peer: str = "",
    ) -> Upload:
        """Make ready to store a file; folders on the way to it are made when it is whole."""
        if self._writes is None:
            raise RefusedError(403, "server is read-only")
        with _refusing():
            parts = beneath.components(name)
            if not parts or name.endswith(b"/"):
                raise RefusedError(403, "a folder")
            if not all(map(self._shared, parts)):
                raise RefusedError(403, "a hidden name")
            place = uploads.find(self._opener, self._folder, parts)
        try:
            with uploads.told():
                return Upload(place, self._room, self._writes.overwrite, size, sha256, offset)
        except BaseException:
            os.close(place.ground)
            raise

    def first(self) -> bytes:
        """Return the name of a file at the top, or nothing: an example for people.

        One with a dot at the beginning is nobody's idea of a file, and an empty one shows nothing;
        one with controls in it would do something to the terminal that it is shown on.
        """
        entries, _ = self.list(List())
        good = (each.name for each in entries if each.kind == "file" and each.size)
        return next((each for each in good if each[:1] != b"." and _is_plain(each)), b"")

    def _parts(self, name: bytes) -> beneath.Parts:
        """Take a name apart; raises OSError, for what is hidden as for what is not there."""
        parts = beneath.components(name)
        if not all(map(self._shared, parts)):
            raise OSError(errno.ENOENT, "a hidden name")
        return parts

    def _shared(self, name: bytes) -> bool:
        last = name.rpartition(b"/")[2]
        return not PART.fullmatch(last) if self._hidden else not last.startswith(b".")


def _is_plain(name: bytes) -> bool:
    """Say whether a name can be shown as it is."""
    try:
        return name.decode().isprintable()
    except UnicodeDecodeError:
        return False


def _seen(descriptor: int, names: list[bytes], request: List) -> Iterator[Entry]:
    after = request.after.rstrip(b"/")  # as `names` are, so that both sort alike
    for name in names:
        if not name.startswith(request.prefix) or name <= after:
            continue
        last = name.rpartition(b"/")[2]
        with contextlib.suppress(OSError):  # removed since the folder was read
            found = os.stat(last, dir_fd=descriptor, follow_symlinks=False)
            entry = _entry(name, found)
            needed = os.R_OK | (os.X_OK if stat.S_ISDIR(found.st_mode) else 0)
            if entry is not None and os.access(last, needed, dir_fd=descriptor):
                yield entry


def _entry(name: bytes, found: os.stat_result) -> Entry | None:
    if stat.S_ISREG(found.st_mode):
        return Entry("file", found.st_size, int(found.st_mtime), name)
    if stat.S_ISDIR(found.st_mode):
        return Entry("folder", 0, int(found.st_mtime), name + b"/")
    return None


def _version(found: os.stat_result) -> Version:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


#: What a failure to open means to the peer. Whatever is not here is 403: every way out of the
#: folder looks the same from outside.
_MEANING = {
    errno.ENOENT: (404, "no such file"),
    errno.ENOTDIR: (404, "no such file"),
    errno.EINVAL: (403, "not a regular file"),
    errno.ENXIO: (403, "not a regular file"),  # a socket, or a device without a driver
    errno.ENODEV: (403, "not a regular file"),
    errno.EISDIR: (403, "a folder"),
    errno.ELOOP: (403, "a link; links are not followed"),  # wherever it leads
    errno.EACCES: (403, "not readable"),
    errno.EPERM: (403, "not readable"),
    errno.EMFILE: (503, "busy: too many files are open"),
    errno.ENFILE: (503, "busy: too many files are open"),
    errno.EIO: (500, "cannot be read"),
}


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        code, why = _MEANING.get(error.errno or 0, (403, "outside the shared folder"))
        raise RefusedError(code, why) from error


def _opened(root: str, everything: bool) -> int:
    try:
        folder = beneath.open_root(root)
    except OSError as error:
        raise _no_shelf(root, error) from error
    except ValueError as error:  # a NUL
        raise StartError(f"{OPTION} {root!r}: no such directory") from error
    if not everything and os.path.samestat(os.fstat(folder), os.stat("/")):
        os.close(folder)
        why = "this would share every file there is; --i-know yes shares them all the same"
        raise StartError(f"{OPTION} {root!r}: {why}")
    if not os.access(root, os.R_OK | os.X_OK):
        os.close(folder)
        raise StartError(f"{OPTION} {root!r}: permission denied")
    return folder


def _no_shelf(root: str, error: OSError) -> StartError:
    why = {errno.ENOENT: "no such directory", errno.ENOTDIR: "not a directory"}
    text = why.get(error.errno or 0) or (error.strerror or str(error)).lower()
    return StartError(f"{OPTION} {root!r}: {text}")
