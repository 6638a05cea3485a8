"""How much a sender may have under way: Reno (RFC 5681), or as much as the peer takes."""

from typing import Protocol

#: The window before anything was acknowledged, in segments of at most 1,460 bytes (RFC 6928).
INITIAL_SEGMENTS = 10
INITIAL_SEGMENT = 1_460

#: A window that never limits anything.
UNLIMITED = 1 << 40


class Congestion(Protocol):
    """What decides the congestion window.

    :ivar window: bytes that may be under way.
    """

    window: int

    def acked(self, size: int) -> None:
        """Learn that so many bytes arrived, in the ordinary way."""

    def lost(self, in_flight: int) -> None:
        """Learn that a segment was lost and later ones arrived."""

    def timed_out(self, in_flight: int) -> None:
        """Learn that nothing arrives any more."""


class Reno:
    """Slow start, congestion avoidance and the halvings of fast recovery.

    :param mss: bytes of a full segment.
    """

    __slots__ = ("_mss", "_threshold", "window")

    def __init__(self, mss: int) -> None:
        self.window = max(INITIAL_SEGMENTS * min(mss, INITIAL_SEGMENT), 2 * mss)
        self._mss = mss
        self._threshold = UNLIMITED

    def acked(self, size: int) -> None:
        """Grow by what was acknowledged, or by a segment a round trip above the threshold."""
        if self.window < self._threshold:
            self.window += min(size, 2 * self._mss)  # RFC 3465: two segments an acknowledgement
        else:
            self.window += max(1, self._mss * min(size, self._mss) // self.window)
        self.window = min(self.window, UNLIMITED)

    def lost(self, in_flight: int) -> None:
        """Go on at half the speed."""
        self._threshold = max(in_flight // 2, 2 * self._mss)
        self.window = self._threshold

    def timed_out(self, in_flight: int) -> None:
        """Start again with one segment."""
        self._threshold = max(in_flight // 2, 2 * self._mss)
        self.window = self._mss


class Unlimited:
    """No congestion control, for tests that are about something else."""

    __slots__ = ("window",)

    def __init__(self) -> None:
        self.window = UNLIMITED

    def acked(self, size: int) -> None:
        """Change nothing."""

    def lost(self, in_flight: int) -> None:
        """Change nothing."""

    def timed_out(self, in_flight: int) -> None:
        """Change nothing."""
