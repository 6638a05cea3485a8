"""Blocks of a file laid end to end, so that one system call sends many of them.

The kernel cuts a train into datagrams of one size, the last one shorter (``UDP_SEGMENT``). No
Python is run for a single block: the file is read between the headers (``preadv``), and the block
numbers of a whole page are two strided assignments. Who cannot send trains cuts them by hand.
"""

import os

from twisted_net.files.shelf import Source
from twisted_net.files.tftp.core import (
    NOTHING,
    Agreed,
    Blocks,
    Buffer,
    ChangedError,
    Layout,
    Stretch,
)
from twisted_net.files.tftp.core.numbers import MOST, Numbers

#: Bytes of one train: those of the largest datagram over IPv4. A kernel cuts it into `MOST`
#: datagrams at most (UDP_MAX_SEGMENTS).
LONGEST = 65_507

#: Where the number and the block begin in a DATA packet.
_NUMBER, _BLOCK = 2, 4


def lay(source: Source, agreed: Agreed) -> Layout:
    """Return the layout that suits a source: trains from a file, else one block at a time."""
    if source.fileno() >= 0 and source.size is not None and hasattr(os, "preadv"):
        return Trains(source, agreed, source.size)
    return Blocks(source, agreed)


class Trains(Blocks):
    """Blocks laid out in pages, each as much as one system call can send.

    A page holds several narrow windows, or a part of a wide one.
    """

    def __init__(self, source: Source, agreed: Agreed, size: int) -> None:
        super().__init__(source, agreed)
        self._end = size
        self._numbers = Numbers(agreed.rollover)
        self._segment = agreed.blksize + _BLOCK
        self._last = size // agreed.blksize + 1
        fitting = max(1, min(MOST, LONGEST // self._segment))
        parts = -(-agreed.windowsize // fitting)
        whole = fitting // agreed.windowsize * agreed.windowsize
        self._per_page = min(whole or -(-agreed.windowsize // parts), self._last)
        self._enough = parts + 1  # pages: a window's, and one that is read ahead
        self._pages: list[_Page] = []
        self._latest = _Page(0, agreed.blksize)

    def lay_out(self, first: int, until: int) -> list[Buffer]:
        """Return the parts of pages that these blocks are in."""
        if until >= self._last:
            until = self._last
            self._unchanged()
        latest = self._latest
        if latest.first <= first and until <= latest.until:
            return [latest.train(first, until, self._end)]
        used: list[_Page] = []
        trains: list[Buffer] = []
        while first <= until:
            page = self._page(first, used)
            used.append(page)
            upto = min(until, page.until)
            trains.append(page.train(first, upto, self._end))
            first = upto + 1
        return trains

    def read_ahead(self, first: int) -> Stretch:
        """Read the page with this block."""
        latest = self._latest
        try:
            if not latest.first <= first <= latest.until:
                latest = self._page(first, [])
        except (OSError, ChangedError):
            return NOTHING  # `lay_out` will say so, when it is that block's turn
        return latest.ready(self._last - 1)

    def _page(self, block: int, used: "list[_Page]") -> "_Page":
        """Return the page that a block is in; not at the cost of one that is in use."""
        for page in self._pages:
            if page.first <= block <= page.until:
                self._latest = page
                return page
        page = self._free(used) or _Page(self._per_page, self._blksize)
        page.fill(self._source.fileno(), block, min(block + self._per_page - 1, self._last))
        page.number(*self._numbers.bytes_of(block, page.until - block + 1))
        if page.length < min((page.until - block + 1) * self._blksize, self._end - page.start):
            raise ChangedError
        self._pages.append(page)  # the one filled last is taken last
        self._latest = page
        return page

    def _free(self, used: "list[_Page]") -> "_Page | None":
        """Take away a page that is not in use, if there are enough of them."""
        if len(self._pages) < self._enough:
            return None  # nor is it looked for: the widest window has a thousand pages
        page = next((page for page in self._pages if page not in used), None)
        if page is not None:
            self._pages.remove(page)
        return page


class _Page:
    """Consecutive blocks with their headers, ready to be sent.

    :ivar first: the first block's number; ``until``, the last one's.
    :ivar start: where the first is in the file; ``length``, the bytes that were read.
    """

    def __init__(self, blocks: int, blksize: int) -> None:
        self.first, self.until = 1, 0
        self.start = self.length = 0
        self._blksize = blksize
        self._segment = blksize + _BLOCK
        self._packets = bytearray(blocks * self._segment)
        self._packets[1 :: self._segment] = b"\3" * blocks
        self._view = memoryview(self._packets)
        self._bodies = [
            self._view[start + _BLOCK : start + self._segment]
            for start in range(0, len(self._packets), self._segment)
        ]

    def fill(self, descriptor: int, first: int, until: int) -> None:
        """Read blocks between the headers; raises OSError."""
        self.until = 0  # until it is true again
        self.start = (first - 1) * self._blksize
        bodies = self._bodies if until - first + 1 == len(self._bodies) else None
        bodies = bodies or self._bodies[: until - first + 1]
        self.length = os.preadv(descriptor, bodies, self.start)
        self.first, self.until = first, until

    def number(self, high: bytes, low: bytes) -> None:
        """Write the blocks' numbers."""
        end = len(high) * self._segment
        self._packets[_NUMBER : end : self._segment] = high
        self._packets[_NUMBER + 1 : end : self._segment] = low

    def ready(self, until: int) -> Stretch:
        """Return its packets, those of blocks behind ``until`` left out."""
        return Stretch(self._view, self.first, min(self.until, until), self._segment)

    def train(self, first: int, until: int, size: int) -> memoryview:
        """Return the packets of some of its blocks; the file's last may be short.

        :param size: the file's.
        """
        begin = (first - self.first) * self._segment
        end = (until - self.first + 1) * self._segment
        beyond = until * self._blksize - size
        return self._view[begin : end - beyond if beyond > 0 else end]
