"""What all connections of a files line door share: the shelf, its limits, and what was answered."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from twisted_net.files.codec import Get, RefusedError
from twisted_net.files.digests import CHUNK, Digests
from twisted_net.files.journal import Journal
from twisted_net.files.recent import Recent
from twisted_net.files.shelf import Content, Shelf, Source

#: Most that is made of a `Source` that cannot say how long it is, before it is sent: the promise
#: in front of it tells the length.
LONGEST_UNTOLD = 16 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one files door grants.

    :ivar transfers: files on their way at one time.
    :ivar first_request: seconds from the connection to the end of its first line, however busily
        the peer sends single bytes meanwhile.
    :ivar write: whether files may be put here, as far as the shelf takes them.
    """

    transfers: int = 64
    first_request: float = 30.0
    write: bool = False


class Desk:
    """What all connections of one door share.

    :ivar transfers: files on their way now.
    :ivar recent: answers, and how much of a file each holds.
    """

    def __init__(
        self, shelf: Shelf, reactor: Any, limits: Limits, journal: Journal, digests: Digests
    ) -> None:
        self.shelf = shelf
        self.reactor = reactor
        self.limits = limits
        self.journal = journal
        self.digests = digests
        self.recent: Recent[tuple[bytes, int]] = Recent(shelf)
        self.transfers = 0

    def again(self, request: Get, peer: str) -> bytes:
        """Return an answer that was given lately, if it is still true; else nothing."""
        found = self.recent.find(request)
        if found is None:
            return b""
        answer, length = found
        self.journal.sent(request.name, peer, length, self.journal.seconds())
        return answer

    def open(self, name: bytes, host: str) -> Source:
        """Open what is to be sent; raises RefusedError: 503, too much is; and as `Shelf.open`."""
        self._refuse_busy()
        return measured(self.shelf.open(name, host))

    @contextlib.contextmanager
    def transfer(self) -> Iterator[None]:
        """Count a file as on its way for as long; raises RefusedError: 503, too many are."""
        self._refuse_busy()
        self.transfers += 1
        try:
            yield
        finally:
            self.transfers -= 1

    def _refuse_busy(self) -> None:
        if self.transfers >= self.limits.transfers:
            raise RefusedError(503, "busy")


def measured(source: Source) -> Source:
    """Return a source that knows its size: itself, or what it had to say.

    :raises RefusedError: 413, there is no end of it.
    """
    if source.size is not None:
        return source
    with contextlib.closing(source):
        content = bytearray()
        while piece := source.read(len(content), CHUNK):
            content += piece
            if len(content) > LONGEST_UNTOLD:
                raise RefusedError(413, f"more than {LONGEST_UNTOLD} bytes of unknown length")
        return Content(source.name, bytes(content), source.mtime)
