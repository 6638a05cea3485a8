"""How long to wait for an answer, learnt from those that came."""

#: Seconds. Below the floor a busy peer is taken for a lost packet; the first guess and the
#: ceiling are those of RFC 6298, 2, the ceiling lowered for people who watch.
FLOOR, FIRST_GUESS, CEILING = 0.1, 1.0, 5.0


class Timeout:
    """How long to wait for an answer, learnt from those that came (RFC 6298, RFC 1123 4.2.3.2).

    :param fixed: seconds that were agreed on; used as they stand.
    :ivar fastest: the quickest answer ever; no packet can have been answered in less.
    """

    def __init__(self, fixed: float | None = None) -> None:
        self.seconds = FIRST_GUESS if fixed is None else fixed
        self.fastest = CEILING
        self._fixed = fixed is not None
        self._mean = self._spread = 0.0

    def measured(self, took: float) -> None:
        """Learn from one round trip; not from one whose packet was repeated (Karn)."""
        if took < self.fastest:
            self.fastest = took
        if self._fixed:
            return
        mean = self._mean
        if mean:
            off = took - mean
            spread = self._spread
            spread += 0.25 * ((off if off > 0 else -off) - spread)
            mean += 0.125 * off
        else:
            mean, spread = took, took / 2
        self._mean, self._spread = mean, spread
        seconds = mean + 4 * spread
        self.seconds = FLOOR if seconds < FLOOR else min(seconds, CEILING)

    def expired(self) -> None:
        """Wait twice as long for the next one."""
        if not self._fixed:
            self.seconds = min(2 * self.seconds, CEILING)
