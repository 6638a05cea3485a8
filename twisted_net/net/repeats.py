"""Which of many events of one kind are told, and how many were not: pure."""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from twisted_net.net.limits import TokenBucket

K = TypeVar("K", bound=Hashable)

#: Events of one kind that are told in a second, and at once: more than people read.
RATE, BURST = 20.0, 100.0

#: Seconds after which it is said that others were held back, if nothing of their kind is told.
SAY_AFTER = 1.0

#: Kinds that are remembered; the oldest is forgotten for a new one.
KINDS = 512


class _Kind:
    """One kind of events.

    :ivar held: how many were not told since the last one that was.
    :ivar since: when the first of them came.
    """

    __slots__ = ("bucket", "held", "since")

    def __init__(self, bucket: TokenBucket) -> None:
        self.bucket = bucket
        self.held = 0
        self.since = 0.0


class Repeats(Generic[K]):
    """Holds back what comes too often, and counts it."""

    def __init__(self, rate: float = RATE, burst: float = BURST) -> None:
        self._rate = rate
        self._burst = burst
        self._kinds: dict[K, _Kind] = {}

    def tell(self, kind: K, now: float) -> int | None:
        """Return None if an event is held back, else how many of its kind were before it."""
        known = self._kinds.get(kind)
        if known is None:
            if len(self._kinds) >= KINDS:
                del self._kinds[next(iter(self._kinds))]
            known = self._kinds[kind] = _Kind(TokenBucket(self._rate, self._burst, now))
        if known.bucket.take(now):
            held, known.held = known.held, 0
            return held
        if not known.held:
            known.since = now
        known.held += 1
        return None

    def overdue(self, now: float, after: float = SAY_AFTER) -> Iterator[tuple[K, int]]:
        """Yield the kinds that were held back for a while, and how many of each; then forget it."""
        for kind, known in self._kinds.items():
            if known.held and not known.since <= now < known.since + after:  # clocks are set back
                held, known.held = known.held, 0
                yield kind, held
