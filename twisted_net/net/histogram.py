"""How often each value came, in bounded memory: pure; percentiles within a thousandth.

Values are sorted into buckets that are as wide as they are near: every power of two is cut into 512
of the same width, as in Gil Tene's HdrHistogram. A bucket's middle is then at most 0.1 % from
whatever fell into it, and all values from a nanosecond to a century make fewer than 28,000 buckets.
"""

import math
from collections.abc import Iterator

#: Values below are kept as they are: a power of two, cut in halves of as many buckets.
_EXACT = 1024


class Histogram:
    """Whole numbers from 0, counted.

    :ivar count: how many were added.
    :ivar lowest: the smallest, exactly; 0 where there is none.
    :ivar highest: the largest, exactly.
    """

    def __init__(self) -> None:
        self.count = 0
        self.lowest = 0
        self.highest = 0
        self._sum = 0
        self._squares = 0
        self._buckets: dict[int, int] = {}

    def add(self, value: int) -> None:
        """Count one value; below 0 is 0."""
        value = max(0, value)
        self.lowest = min(self.lowest, value) if self.count else value
        self.highest = max(self.highest, value)
        self.count += 1
        self._sum += value
        self._squares += value * value
        bucket = _bucket(value)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    @property
    def mean(self) -> float:
        """The arithmetic mean, exactly; 0 where there is nothing."""
        return self._sum / self.count if self.count else 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation of these very values, not of those they may be a sample of."""
        if not self.count:
            return 0.0
        # Whole numbers as they are: nothing is lost where the two are large and nearly the same.
        return math.sqrt(self._squares * self.count - self._sum * self._sum) / self.count

    def percentile(self, percent: float) -> int:
        """Return the value that ``percent`` of all do not exceed, by nearest rank; 0 without any.

        :param percent: 0 to 100.
        :return: within 0.1 %, never below the lowest nor above the highest.
        """
        rank = max(1, math.ceil(percent / 100 * self.count))
        if rank >= self.count:
            return self.highest
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return min(max(_middle(bucket), self.lowest), self.highest)
        return self.highest

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield values and how often each came, from the lowest; each within 0.1 %."""
        for bucket in sorted(self._buckets):
            yield min(max(_middle(bucket), self.lowest), self.highest), self._buckets[bucket]

    def rows(self, most: int) -> list[tuple[int, int, int]]:
        """Return at most so many rows: from (included), to (excluded), how often.

        The rows are equally wide on a logarithmic scale, so that a tail ten times as far away is
        seen beside the bulk. None is left out between the first and the last.
        """
        if not self.count:
            return []
        low, high = max(1, self.lowest), max(1, self.highest) + 1
        edges = [round(low * (high / low) ** (row / most)) for row in range(most)]
        edges = [0 if self.lowest < 1 else low, *sorted({*edges[1:]} - {low, high}), high]
        counts = [0] * (len(edges) - 1)
        row = 0
        for value, times in self:
            while value >= edges[row + 1]:
                row += 1
            counts[row] += times
        return list(zip(edges, edges[1:], counts, strict=False))


def _bucket(value: int) -> int:
    if value < _EXACT:
        return value
    shift = value.bit_length() - _EXACT.bit_length() + 1
    return shift * (_EXACT // 2) + (value >> shift)


def _middle(bucket: int) -> int:
    """Return the value in the middle of a bucket, rounded down."""
    if bucket < _EXACT:
        return bucket
    shift = bucket // (_EXACT // 2) - 1
    low = (bucket - shift * (_EXACT // 2)) << shift
    return low + ((1 << shift) - 1) // 2
