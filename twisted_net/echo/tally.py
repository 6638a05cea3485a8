"""What became of probes, one by one and counted. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum

from twisted_net.net.histogram import Histogram


class Kind(StrEnum):
    """What can become of a probe, and of an answer."""

    ANSWER = "answer"
    LATE = "late"  # an answer, after the timeout
    DUPLICATE = "duplicate"  # one more answer
    LOST = "lost"  # no answer within the timeout
    REFUSED = "refused"  # lost, and something on the way said so
    UNSENT = "unsent"  # this side could not send it
    STRAY = "stray"  # an answer to nothing that is known here


@dataclass(frozen=True, slots=True)
class Event:
    """What became of one probe.

    :ivar number: which, from 0; -1 for a stray.
    :ivar nanoseconds: the latency of an answer or a late one; else 0.
    :ivar reordered: whether an answer was overtaken by a later probe's.
    """

    kind: Kind
    number: int
    nanoseconds: int = 0
    reordered: bool = False


@dataclass(slots=True)
class Tally:
    """The numbers of a run.

    :ivar lost: without an answer so far; `late` ones are not among them.
    :ivar refused: refusals that came, each of which made a probe a lost one.
    :ivar reordered: answers that came after the answer of a later probe (RFC 4737, 3.3: the number
        is less than the next that is expected); duplicates and late ones do not count.
    :ivar altered: answers that are not what was sent.
    :ivar stray: answers to another run, or to a probe that is long forgotten.
    :ivar jitter: nanoseconds (RFC 3550, 6.4.1), of latencies in the order of their coming.
    :ivar latency: of answers in time, in nanoseconds.
    :ivar behind: how much later than due each probe was sent, in nanoseconds.
    """

    sent: int = 0
    answered: int = 0
    lost: int = 0
    late: int = 0
    duplicates: int = 0
    reordered: int = 0
    refused: int = 0
    altered: int = 0
    stray: int = 0
    unsent: int = 0
    jitter: float = 0.0
    latency: Histogram = field(default_factory=Histogram)
    behind: Histogram = field(default_factory=Histogram)

    @property
    def waiting(self) -> int:
        """Probes that may still be answered in time."""
        return self.sent - self.answered - self.lost - self.late

    @property
    def loss(self) -> float:
        """Percent of those no longer waited for that did not come back in time."""
        missing = self.lost + self.late
        return 100 * missing / (missing + self.answered) if missing else 0.0
