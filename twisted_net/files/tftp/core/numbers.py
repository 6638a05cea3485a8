"""Block numbers as they are sent: 16 bits, however long the file is."""

from functools import cache

#: How far a number is ahead that cannot be: no window is as wide.
FAR = 1 << 16

#: Consecutive numbers that can be had at one time.
MOST = 64


class Numbers:
    """Blocks counted on for ever, and their numbers in packets.

    No RFC says what comes after 65535. Nearly everybody goes on with 0, some with 1; the option
    ``rollover`` of a few programs says which.

    :param rollover: the number after 65535, 0 or 1.
    """

    def __init__(self, rollover: int = 0) -> None:
        self._rollover = rollover
        self._cycle = FAR - rollover

    def of(self, block: int) -> int:
        """Return the number of a block; 0 is what comes before the first."""
        return block if block < FAR else (block - self._rollover) % self._cycle + self._rollover

    def ahead(self, number: int, block: int) -> int:
        """Return how many blocks ``number`` is ahead of ``block``; far ahead may be behind."""
        if self._cycle == FAR or not block:
            return (number - block) % FAR
        return (number - block) % self._cycle if number else FAR

    def bytes_of(self, block: int, count: int) -> tuple[bytes, bytes]:
        """Return the high and the low bytes of the numbers of up to `MOST` blocks in a row."""
        high, low = _all(self._rollover)
        at = (block - self._rollover) % self._cycle
        return high[at : at + count], low[at : at + count]


@cache
def _all(rollover: int) -> tuple[bytes, bytes]:
    """Return the high and the low bytes of all numbers in their order, and of some more."""
    high = b"".join(bytes([byte]) * 256 for byte in range(256))
    low = bytes(range(256)) * 256
    more = slice(rollover, rollover + MOST)
    return high[rollover:] + high[more], low[rollover:] + low[more]
