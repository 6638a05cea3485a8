"""How long TCP waits: round trips measured and timeouts computed from them (RFC 6298).

The constants are Linux's, where these differ from the RFC's.
"""

from twisted_net.testing.clock import SECOND

#: The retransmission timeout before anything was measured, its floor, and its ceiling.
INITIAL_RTO = SECOND
LEAST_RTO = SECOND // 5
MOST_RTO = 120 * SECOND

#: How often a SYN, a SYN-ACK and anything else is sent again before the peer is given up: after
#: 127 s, 63 s and 925 s (tcp_syn_retries, tcp_synack_retries, tcp_retries2).
SYN_RETRIES = 6
SYN_ACK_RETRIES = 5
RETRIES = 15

#: Time before a lone segment is acknowledged; far below any round trip that a test cares about.
DELAYED_ACK = SECOND // 2000

#: How long a closed connection waits for stragglers, and a half-closed one, whose application is
#: gone, for its peer (TCP_TIMEWAIT_LEN, tcp_fin_timeout).
TIME_WAIT = 60 * SECOND
ORPHAN_WAIT = 60 * SECOND


class RoundTrip:
    """The smoothed round trip and its variation, in nanoseconds."""

    __slots__ = ("_smoothed", "_variation")

    def __init__(self) -> None:
        self._smoothed: int | None = None
        self._variation = 0

    def measured(self, sample: int) -> None:
        """Take one measured round trip."""
        if self._smoothed is None:
            self._smoothed = sample
            self._variation = sample // 2
            return
        self._variation += (abs(self._smoothed - sample) - self._variation) // 4
        self._smoothed += (sample - self._smoothed) // 8

    def timeout(self, retries: int) -> int:
        """Return how long to wait for an acknowledgement, doubled for each retry before."""
        if self._smoothed is None:
            base = INITIAL_RTO
        else:
            base = max(LEAST_RTO, self._smoothed + max(SECOND // 1000, 4 * self._variation))
        return min(base << retries, MOST_RTO)
