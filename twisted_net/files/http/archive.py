"""A folder as a zip file, made while it is sent: never whole, neither in memory nor on a disk."""

import zipfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from twisted_net.files.codec import Entry, List, RefusedError
from twisted_net.files.http.sending import PIECE, read
from twisted_net.files.shelf import Shelf, Source
from twisted_net.net.sendfile import StoppedError

#: Files and folders in one archive. What is known of each is written behind the last one, and so
#: kept until then: some 10 MB at most.
MOST_ENTRIES = 10_000

#: From this size on an entry is written in the form that has room for it (zip64), which zipfile
#: wants to know ahead; it allows 2 GiB in the other one, and level 0 makes a file a little longer.
LARGE = 1 << 30


class _Sink:
    """A file that can only be written, as a connection is; what was written is taken away."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing."""

    def take(self) -> Iterator[bytes]:
        """Yield what was written since the last time, if anything was."""
        pieces, self._pieces = self._pieces, []
        together = b"".join(pieces)
        if together:
            yield together


def walked(shelf: Shelf, folder: bytes, peer: str) -> list[Entry]:
    """Return all that is below a folder, in order; reads disks, so not in the reactor's thread.

    :raises RefusedError: 413, there are too many; else as `Shelf.list`.
    """
    found: list[Entry] = []
    folders = [folder]
    while folders:
        here = folders.pop()
        after, more = b"", True
        while more:
            entries, more = shelf.list(List(here, after), peer)
            found += entries
            if len(found) > MOST_ENTRIES:
                raise RefusedError(413, f"a zip may hold {MOST_ENTRIES} files and folders")
            folders += [entry.name for entry in entries if entry.kind == "folder"]
            after = entries[-1].name if more else b""
    return sorted(found, key=lambda entry: entry.name)


def zipped(
    entries: Sequence[Entry], top: bytes, called: bytes, opened: Callable[[bytes], Source]
) -> Generator[bytes, None, None]:
    """Yield a zip file of the entries, piece by piece, none of them empty.

    Nothing is compressed, so that one archive cannot keep the processor from everybody else; it is
    written as "deflated" all the same, because what reads an archive as a stream cannot find the
    end of a stored file whose size comes behind it.

    :param top: the folder that was asked for, which the names are to be relative to.
    :param called: the folder that they are in instead.
    :raises StoppedError: a file is not what it was when the folder was read.
    """
    sink = _Sink()
    into: Any = sink  # which need not be seekable, whatever its type says
    with zipfile.ZipFile(into, "w") as archive:
        for entry in entries:
            name = _name(called + b"/" + entry.name.removeprefix(top))
            while name in archive.NameToInfo:
                name = "_" + name
            info = _info(entry, name)
            if entry.kind == "folder":
                archive.writestr(info, b"")
            else:
                yield from _file(archive, info, entry, opened, sink)
            yield from sink.take()
    yield from sink.take()


def _file(
    archive: zipfile.ZipFile,
    info: Any,
    entry: Entry,
    opened: Callable[[bytes], Source],
    sink: _Sink,
) -> Iterator[bytes]:
    shown = entry.name[:256].decode("utf-8", "backslashreplace")
    try:
        source = opened(entry.name)
    except RefusedError as refused:
        raise StoppedError(f"{shown!r}: {refused}") from refused
    with closing(source), archive.open(info, "w", force_zip64=entry.size >= LARGE) as out:
        left = entry.size
        while left:
            piece = read(source, entry.size - left, min(PIECE, left))
            if not piece:
                raise StoppedError(f"{shown!r} became shorter")
            left -= len(piece)
            out.write(piece)
            yield from sink.take()
        if source.changed() or source.size not in (None, entry.size):
            raise StoppedError(f"{shown!r} changed")


def _info(entry: Entry, name: str) -> Any:
    info: Any = zipfile.ZipInfo(name, _time(entry.mtime))
    info.compress_type = zipfile.ZIP_DEFLATED
    info._compresslevel = 0  # the one way that all versions of Python have
    info.create_system = 3  # UNIX: the modes below mean something
    folder = entry.kind == "folder"
    info.external_attr = (0o40755 << 16 | 0x10) if folder else 0o100644 << 16
    return info


def _time(mtime: int) -> tuple[int, int, int, int, int, int]:
    """Return a time as zip has it: from 1980 to 2107, every other second."""
    try:
        when = datetime.fromtimestamp(mtime, UTC)
    except (ValueError, OverflowError, OSError):
        return 1980, 1, 1, 0, 0, 0
    year = when.year
    if not 1980 <= year <= 2107:
        return 1980, 1, 1, 0, 0, 0
    return year, when.month, when.day, when.hour, when.minute, when.second


def _name(name: bytes) -> str:
    r"""Return a name as text; bytes that are not UTF-8 as ``%E9``, for zip has no other way.

    A backslash is ``%5C``: where it stands between folders, a name with ``..\`` in it would lead
    out of the folder that the archive is unpacked in.
    """
    text = name.decode("utf-8", "surrogateescape").replace("\\", "%5C")
    return "".join(
        f"%{ord(each) - 0xDC00:02X}" if "\udc80" <= each <= "\udcff" else each for each in text
    )
