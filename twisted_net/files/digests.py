"""SHA-256 of files, computed where it disturbs nobody, and remembered."""

import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.threads import deferToThreadPool

from twisted_net.files.shelf import Source, Version
from twisted_net.files.store import OpenFile

#: function, its arguments -> its result, later: how slow work is done beside the reactor.
Aside = Callable[..., Awaitable[Any]]

#: Digests remembered: some 300 KiB of them, and enough for every file that people share.
ROOM = 1024

#: Computed at one time. The threads are the reactor's, which also looks up names in them; and
#: more would only take each other's disk.
AT_ONCE = 2

#: Seconds around a file's time of change in which it may change again without a trace: the
#: coarsest clock of a file system in use ticks every other second.
UNSETTLED = 2.0

#: One read; large enough that the calls cost nothing beside the hashing.
CHUNK = 1 << 20

#: Bytes hashed before others have their turn: who asks for the digest of a huge file must not keep
#: everybody else waiting.
TURN = 64 << 20

#: A file in one state, and the part of it: offset and length.
Part = tuple[Version, int, int]


def aside_of(reactor: Any) -> Aside:
    """Return how a reactor does slow work: in its own thread pool."""

    def aside(work: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        return deferToThreadPool(reactor, reactor.getThreadPool(), work, *arguments)

    return aside


class _Hashing:
    """One digest that is being computed, or waits to be.

    :ivar waiters: who wants it.
    :ivar wanted: whether it is worth going on: whoever broke off in the middle of a file will want
        the digest of the whole when they come back for the rest, but of the part never again.
    """

    def __init__(self, part: Part, file: OpenFile) -> None:
        self.part = part
        self.file = file
        self.whole = part[1:] == (0, file.size)
        self.waiters: list[Deferred[str]] = []
        self.wanted = True
        self.begun = False
        self._sha256 = hashlib.sha256()
        # No further than it was long at first: a log may grow faster than it is read.
        self._at, self._end = part[1], part[1] + part[2]

    def run(self) -> str | None:
        """Hash for one turn; return the digest in hex, or None: there is more to do.

        Nothing, if the file changed, or the digest is no longer wanted.
        """
        until = min(self._at + TURN, self._end)
        while self._at < until and self.wanted:
            piece = self.file.read(self._at, min(CHUNK, until - self._at))
            if not piece:
                return ""
            self._sha256.update(piece)
            self._at += len(piece)
        if self._at < self._end:
            return None if self.wanted else ""
        return "" if self.file.changed() else self._sha256.hexdigest()


class Digests:
    """What is known of the SHA-256 of files and of parts of them.

    Remembered by device, inode, size and time, so that a file that changes is hashed anew; the
    longest unused is forgotten first. Many who want one digest at one time wait for one thread.

    :param now: seconds since 1970.
    """

    def __init__(
        self, aside: Aside, room: int = ROOM, now: Callable[[], float] = time.time
    ) -> None:
        self.aside = aside
        self._room = room
        self._now = now
        self._known: dict[Part, str] = {}
        self._hashings: dict[Part, _Hashing] = {}  # those that another waiter may join
        self._queue: dict[_Hashing, None] = {}
        self._running = 0
        self._stopping = False

    def known(self, source: Source, offset: int = 0, length: int | None = None) -> str:
        """Return the digest of a file or a part of it in hex, or nothing."""
        part = _part(source, offset, length)
        sha256 = self._known.pop(part, "") if part else ""
        if part and sha256:
            self._known[part] = sha256  # the last one used is the last one forgotten
        return sha256

    def of(self, file: OpenFile, offset: int = 0, length: int | None = None) -> "Deferred[str]":
        """Return the digest of a file or a part of it in hex; nothing, if it changes meanwhile.

        Who no longer wants it cancels the Deferred.
        """
        known = self.known(file, offset, length)
        if known:
            return succeed(known)
        part = (file.version, offset, file.size - offset if length is None else length)
        hashing = self._hashings.get(part)
        if hashing is None:
            hashing = self._hashings[part] = _Hashing(part, file.again())
            self._queue[hashing] = None
        waiter: Deferred[str] = Deferred(lambda waiter: self._leave(hashing, waiter))
        hashing.waiters.append(waiter)
        self._begin()
        return waiter

    def settled(self, version: Version) -> bool:
        """Say whether a file in this state cannot change without a trace any more."""
        return abs(self._now() - version[3] / 1e9) >= UNSETTLED

    def learn(self, source: Source, sha256: str) -> None:
        """Remember the digest of a whole file that was come by otherwise."""
        if (part := _part(source, 0, None)) is not None:
            self._learn(part, sha256)

    def stop(self) -> None:
        """Finish only what somebody waits for: the server stops, but sends what it began.

        No thread works on when the last one who waits is gone.
        """
        self._stopping = True
        for hashing in self._hashings.values():
            hashing.wanted = bool(hashing.waiters)

    def _learn(self, part: Part, sha256: str) -> None:
        if not self.settled(part[0]):
            return
        self._known.pop(part, None)
        self._known[part] = sha256
        if len(self._known) > self._room:
            del self._known[next(iter(self._known))]

    def _begin(self) -> None:
        while self._queue and self._running < AT_ONCE:
            hashing = next(iter(self._queue))
            del self._queue[hashing]
            hashing.begun = True
            self._running += 1
            computing: Deferred[Any] = maybeDeferred(self.aside, hashing.run)
            computing.addBoth(self._end, hashing)

    def _end(self, outcome: object, hashing: _Hashing) -> None:
        # A failure is a disk that cannot be read: whoever reads on will find out and say so.
        self._running -= 1
        if outcome is None and hashing.wanted and (hashing.waiters or not self._queue):
            self._queue[hashing] = None  # behind all others
            self._begin()
            return
        self._forget(hashing)
        hashing.file.close()
        sha256 = outcome if isinstance(outcome, str) else ""
        if sha256:
            self._learn(hashing.part, sha256)
        waiters, hashing.waiters = hashing.waiters, []
        for waiter in waiters:
            waiter.callback(sha256)
        self._begin()

    def _leave(self, hashing: _Hashing, waiter: "Deferred[str]") -> None:
        hashing.waiters.remove(waiter)
        waits = hashing in self._queue
        if hashing.waiters or self._worth_ending(hashing):
            return
        hashing.wanted = False
        self._forget(hashing)  # a thread that works on it stops, and whoever comes begins anew
        if waits:
            del self._queue[hashing]
            hashing.file.close()

    def _worth_ending(self, hashing: _Hashing) -> bool:
        """Return whether a digest is computed to its end although nobody waits for it now."""
        return hashing.whole and hashing.begun and not self._queue and not self._stopping

    def _forget(self, hashing: _Hashing) -> None:
        if self._hashings.get(hashing.part) is hashing:
            del self._hashings[hashing.part]


def _part(source: Source, offset: int, length: int | None) -> Part | None:
    if source.version is None or source.size is None:
        return None
    return source.version, offset, source.size - offset if length is None else length
