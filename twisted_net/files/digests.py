"""SHA-256 of whole files, computed where it disturbs nobody, and remembered."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.threads import deferToThreadPool

from twisted_net.files.shelf import Version
from twisted_net.files.store import OpenFile

#: function, its arguments -> its result, later: how slow work is done beside the reactor.
Aside = Callable[..., Awaitable[Any]]

#: Digests remembered: some 200 KiB of them, and enough for every file that people share.
ROOM = 1024

#: Files up to this size are hashed before they are sent; half a second at most. A larger one is
#: sent at once, with its digest behind it, and remembered for the next time.
HASHED_AHEAD = 256 << 20

#: One read; large enough that the calls cost nothing beside the hashing.
CHUNK = 1 << 20


def aside_of(reactor: Any) -> Aside:
    """Return how a reactor does slow work: in its own thread pool."""

    def aside(work: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        return deferToThreadPool(reactor, reactor.getThreadPool(), work, *arguments)

    return aside


class Digests:
    """What is known of the SHA-256 of files.

    Remembered by device, inode, size and time, so that a file that changes is hashed anew; the
    longest unused is forgotten first. Many who want one digest at one time wait for one thread.
    """

    def __init__(self, aside: Aside, room: int = ROOM, ahead: int = HASHED_AHEAD) -> None:
        self.aside = aside
        self._room = room
        self._ahead = ahead
        self._known: dict[Version, str] = {}
        self._waiting: dict[Version, list[Deferred[str]]] = {}

    def of(self, file: OpenFile) -> "Deferred[str]":
        """Return the digest in hex, or nothing if it would take too long or the file changes."""
        if file.version in self._known:
            known = self._known.pop(file.version)
            self._known[file.version] = known  # the last one used is the last one forgotten
            return succeed(known)
        if file.size > self._ahead:
            return succeed("")
        waiter: Deferred[str] = Deferred()
        waiters = self._waiting.setdefault(file.version, [])
        waiters.append(waiter)
        if len(waiters) == 1:
            self._compute(file.again())
        return waiter

    def learn(self, file: OpenFile, sha256: str) -> None:
        """Remember a digest that was come by otherwise, as while sending the file."""
        self._known.pop(file.version, None)
        self._known[file.version] = sha256
        if len(self._known) > self._room:
            del self._known[next(iter(self._known))]

    def _compute(self, file: OpenFile) -> None:
        def done(outcome: object) -> None:
            file.close()
            sha256 = outcome if isinstance(outcome, str) else ""
            if sha256:
                self.learn(file, sha256)
            for waiter in self._waiting.pop(file.version):
                if not waiter.called:
                    waiter.callback(sha256)

        # A failure is a disk that cannot be read: whoever reads on will find out and say so.
        computing: Deferred[Any] = maybeDeferred(self.aside, hashed, file)
        computing.addBoth(done)


def hashed(file: OpenFile) -> str:
    """Read a file to its end and return its SHA-256 in hex; nothing if it changed meanwhile."""
    sha256 = hashlib.sha256()
    offset = 0
    # No further than it was long at first: a log may grow faster than it is read.
    while piece := file.read(offset, min(CHUNK, file.size - offset)):
        sha256.update(piece)
        offset += len(piece)
    return sha256.hexdigest() if offset == file.size and not file.changed() else ""
