"""Blocks of a source as datagrams: what a sender says is to go out, laid out."""

from dataclasses import dataclass
from typing import Protocol

from twisted_net.files.shelf import Source
from twisted_net.files.tftp.core.numbers import Numbers
from twisted_net.files.tftp.core.options import Agreed

#: What goes out in one call: a datagram, or several of one size, laid end to end.
Buffer = bytes | memoryview


class ChangedError(Exception):
    """A source is no longer what it was; a short block would look like its end."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Blocks that lie ready to be sent, end to end; none of them is the last one of a source.

    Their memory may be used for others as soon as something else is laid out.

    :ivar first: the first block, and ``until``, the last one.
    :ivar segment: bytes from the beginning of one packet to that of the next.
    """

    packets: memoryview
    first: int
    until: int
    segment: int

    def train(self, first: int, until: int) -> memoryview:
        """Return the packets of some of them."""
        begin = (first - self.first) * self.segment
        return self.packets[begin : begin + (until - first + 1) * self.segment]


NOTHING = Stretch(memoryview(b""), first=1, until=0, segment=0)


class Layout(Protocol):
    """How blocks become datagrams.

    :ivar size: bytes in all; None: the end has not been seen yet.
    """

    size: int | None

    def lay_out(self, first: int, until: int) -> list[Buffer]:
        """Return these blocks, fewer where the source ends, ready to be sent.

        The next call may use the same memory again.

        :raises OSError: the source cannot be read.
        :raises ChangedError: it is not what it was.
        """

    def read_ahead(self, first: int) -> Stretch:
        """Prepare what comes next, while the peer is busy; raises nothing.

        :return: this block and some behind it. What is not in there has to be laid out when it is
            its turn: as the last one has, whose source may have changed by then.
        """


class Blocks:
    """Blocks laid out one by one, with nothing but `Source.read`: the portable way."""

    def __init__(self, source: Source, agreed: Agreed) -> None:
        self.size = source.size
        self._source = source
        self._blksize = agreed.blksize
        self._number = Numbers(agreed.rollover).of

    def lay_out(self, first: int, until: int) -> list[Buffer]:
        """Read them in one piece, and cut it."""
        blksize = self._blksize
        start = (first - 1) * blksize
        wanted = (until - first + 1) * blksize
        if self.size is not None:
            wanted = min(wanted, self.size - start)
        data = self._source.read(start, wanted) if wanted else b""
        if len(data) < wanted:
            self._ends_at(start + len(data))
        if self.size is not None and start + len(data) == self.size:
            until = min(until, self.size // blksize + 1)
            self._unchanged()
        return [
            b"\0\3"
            + self._number(first + at).to_bytes(2, "big")
            + data[at * blksize : (at + 1) * blksize]
            for at in range(until - first + 1)
        ]

    def read_ahead(self, first: int) -> Stretch:
        """Do nothing: a kernel reads ahead by itself."""
        return NOTHING

    def _ends_at(self, size: int) -> None:
        """Take note of the end; it is too early if we were told where it is."""
        if self.size is not None:
            raise ChangedError
        self.size = size

    def _unchanged(self) -> None:
        if self._source.changed():
            raise ChangedError
