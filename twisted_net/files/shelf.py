"""What the doors share: a shelf of names, what is under them, and what may be put there.

`twisted_net.files.store.Folder` is the shelf that the command line makes. One's own, with content
made on the fly, by name or by who asks, is a subclass of `Shelf` with an ``open``::

    class Greetings(Shelf):
        def open(self, name: bytes, peer: str = "") -> Source:
            return Content(name, b"Hello, " + peer.encode())
"""

from twisted_net.files.codec import Entry, List, RefusedError

#: What tells one state of one file from another: device, inode, size, time in nanoseconds.
Version = tuple[int, int, int, int]


class Source:
    """Bytes under a name, open for reading; a door closes it when they have been sent.

    All is called in the reactor's thread and must not wait for anything but a disk.

    :ivar name: as it was asked for.
    :ivar size: bytes; None: not known before all have been read.
    :ivar mtime: seconds since 1970, whole.
    :ivar version: what the digest is remembered by; None: it is computed anew each time.
    """

    name: bytes = b""
    size: int | None = None
    mtime: int = 0
    version: Version | None = None

    def read(self, offset: int, count: int) -> bytes:
        """Return up to ``count`` bytes; fewer only at the end. No position is kept.

        :raises OSError: they cannot be read.
        """
        raise NotImplementedError

    def changed(self) -> bool:
        """Say whether it is no longer what it was when it was opened."""
        return False

    def fileno(self) -> int:
        """Return the descriptor of a regular file with just these bytes; -1: there is none."""
        return -1

    def close(self) -> None:
        """Close it; a second call changes nothing."""


class Content(Source):
    """Bytes that are there already."""

    def __init__(self, name: bytes, content: bytes, mtime: int = 0) -> None:
        self.name = name
        self.size = len(content)
        self.mtime = mtime
        self._content = content

    def read(self, offset: int, count: int) -> bytes:
        """Return a part of them."""
        return self._content[offset : offset + count]


class Sink:
    """Bytes on their way to a name; they are there, whole, once `keep` has returned.

    All may be called in any thread, but in one at a time: a disk may be slow.

    :ivar size: the bytes there will be; None: not known.
    :ivar offset: where the next byte belongs.
    """

    size: int | None = None
    offset: int = 0

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        :raises RefusedError: 413, more than was announced or is granted; 507, no room.
        """
        raise NotImplementedError

    def keep(self) -> None:
        """Give all that came its name, in one step; or `leave`, and say why.

        :raises RefusedError: 400, some are missing; 409, they are not what was announced, or
            somebody else was quicker; 507, no room.
        """
        raise NotImplementedError

    def leave(self) -> None:
        """Give up; nothing is to be seen of it. After `keep` it changes nothing."""
        raise NotImplementedError


class Shelf:
    """Names and what is under them, to be subclassed.

    Names are bytes, with ``/`` between folders. ``peer`` is the address that asks, without its
    port, as ``192.0.2.7``; ``local`` where it has none, as at a UNIX socket.
    """

    def open(self, name: bytes, peer: str = "") -> Source:
        """Open what is under a name for reading; in the reactor's thread.

        :raises RefusedError: 403 for what is not to be had, 404 for what is not there.
        """
        raise RefusedError(404, "no such file")

    def peek(self, name: bytes) -> tuple[int, ...] | None:
        """Return what tells the state of what is under a name, cheaply; None: open it and see.

        Answers are remembered by it. Only for a shelf that gives everybody the same.
        """
        return None

    def stat(self, name: bytes, peer: str = "") -> Entry:
        """Tell what a name stands for; in the reactor's thread; raises as `open`."""
        source = self.open(name, peer)
        try:
            return Entry("file", source.size or 0, source.mtime, name)
        finally:
            source.close()

    def list(self, request: List, peer: str = "") -> tuple[list[Entry], bool]:
        """Return the entries asked for, in order of their names, and whether there are more.

        Called in another thread, for it may wait for a disk; raises as `open`.
        """
        return [], False

    def receive(
        self,
        name: bytes,
        size: int | None = None,
        sha256: str = "",
        offset: int = 0,
        peer: str = "",
    ) -> Sink:
        """Make ready to store bytes under a name; called in another thread, if it may wait.

        :param size: the bytes there will be; None: not known.
        :param sha256: of all of them, in hex; empty: not known, and not checked.
        :param offset: go on from here with what an earlier `Sink` for the same was left with.
        :raises RefusedError: 403 for what may not be written, 409 for what is there or is being
            written, 413 for what could never fit, 416 where less is there than ``offset``, 507
            for want of room.
        """
        raise RefusedError(403, "server is read-only")
