"""The receiving half of a connection: putting segments in order, and saying how much fits.

Pure: it is told what arrived and answers with what to acknowledge.
"""

from bisect import insort

#: Segments kept that arrived ahead of a gap; more are dropped, and come again.
MOST_EARLY = 512

#: Blocks that fit into the options of one acknowledgement (RFC 2018, 3).
MOST_BLOCKS = 4


class Receiver:
    """Everything that one end has heard and not read.

    :param first: sequence number of the first byte.
    :param size: bytes that wait here at most.
    :param mss: bytes of a full segment.
    :ivar nxt: the next number expected.
    :ivar edge: the number up to which the peer was told that it may send.
    :ivar ended: whether the peer's end of the stream was reached.
    """

    __slots__ = ("_data", "_early", "_end", "_latest", "edge", "ended", "mss", "nxt", "size")

    def __init__(self, first: int, size: int, mss: int) -> None:
        self.nxt = first
        self.edge = first + size
        self.size = size
        self.mss = mss
        self.ended = False
        self._data = bytearray()
        self._early: list[tuple[int, bytes]] = []  # by number; may overlap
        self._end: int | None = None  # the number of the peer's FIN
        self._latest = first  # where the newest early segment starts

    @property
    def available(self) -> int:
        """Bytes that can be read."""
        return len(self._data)

    @property
    def gap(self) -> bool:
        """Whether something is missing before what arrived."""
        return bool(self._early)

    def window(self) -> int:
        """Return how much more the peer may send, opening the window where that is worth it.

        A window never shrinks, and opens by a segment or half the buffer at least (RFC 9293,
        3.8.6.2.2: the silly window syndrome).
        """
        edge = self.nxt + self.size - len(self._data)
        if edge - self.edge >= min(self.mss, self.size // 2):
            self.edge = edge
        return max(0, self.edge - self.nxt)

    @property
    def worth_telling(self) -> bool:
        """Whether reading has opened the window so far that the peer should know at once."""
        told = self.edge - self.nxt
        free = self.size - len(self._data)
        return (
            2 * told <= self.size
            and free >= 2 * told
            and free - told >= min(self.mss, self.size // 2)
        )

    def wanted(self, seq: int, end: int) -> bool:
        """Say whether a segment holds anything of the window (RFC 9293, 3.4)."""
        return seq <= self.edge and (end > self.nxt or (end == seq and seq >= self.nxt))

    def arrived(self, seq: int, data: bytes, end: bool) -> bool:
        """Take a segment; say whether it was the next one expected.

        :param end: whether the stream ends behind it.
        """
        if end and seq + len(data) <= self.edge:
            self._end = seq + len(data)
        if seq > self.nxt:
            self._keep(seq, data)
            return False
        expected = seq + len(data) > self.nxt or (end and self._end == self.nxt)
        self._append(seq, data)
        while self._early and self._early[0][0] <= self.nxt:
            self._append(*self._early.pop(0))
        if self._end is not None and self.nxt == self._end:
            self.nxt += 1
            self.edge = max(self.edge, self.nxt)
            self.ended = True
            self._end = None
        return expected

    def _append(self, seq: int, data: bytes) -> None:
        if seq != self.nxt or seq + len(data) > self.edge:
            data = data[self.nxt - seq : max(0, self.edge - seq)]
        self._data += data
        self.nxt += len(data)

    def _keep(self, seq: int, data: bytes) -> None:
        data = data[: max(0, self.edge - seq)]
        if data and len(self._early) < MOST_EARLY and (seq, data) not in self._early:
            insort(self._early, (seq, data))
            self._latest = seq

    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Return what lies beyond the gap, the newest block first (RFC 2018, 4)."""
        merged: list[list[int]] = []
        for seq, data in self._early:
            if merged and seq <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], seq + len(data))
            else:
                merged.append([seq, seq + len(data)])
        blocks = [(start, end) for start, end in merged]
        blocks.sort(key=lambda block: not block[0] <= self._latest < block[1])
        return tuple(blocks[:MOST_BLOCKS])

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes."""
        if size >= len(self._data):
            data = bytes(self._data)
            self._data.clear()
            return data
        data = bytes(memoryview(self._data)[:size])
        del self._data[:size]
        return data
