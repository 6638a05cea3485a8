"""What one direction of a connection suffers: a plain description, no state."""

from dataclasses import dataclass
from enum import Enum

from twisted_net.testing.links import Link


class Way(Enum):
    """A direction, as seen from who connects."""

    TO_SERVER = "to-server"
    TO_CLIENT = "to-client"


@dataclass(frozen=True, slots=True)
class After:
    """When something happens to a connection, once.

    :ivar octets: after so many bytes have been passed on in its direction; None: by the clock.
    :ivar seconds: after so many seconds, where ``octets`` is None.
    """

    octets: int | None = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.seconds:g}s" if self.octets is None else str(self.octets)


@dataclass(frozen=True, slots=True)
class Harm:
    """What one direction does to what it carries. The words are those of `Link` and `Chunking`.

    :ivar delay: seconds from one end to the other; the `Link`'s latency.
    :ivar loss: probability that a datagram is lost; that `CELL` bytes of a stream come as late as
        if TCP had lost them, and what follows waits for them.
    :ivar corrupt: probability that one bit of a datagram, or of `CELL` bytes of a stream, is
        turned over.
    :ivar queue: bytes of datagrams that may wait for the bandwidth; what comes on top is dropped.
    :ivar size: bytes of a stream that are passed on at a time; each piece leaves by itself.
    :ivar split: probability that `CELL` bytes of a stream are cut in two.
    :ivar gap: seconds between two pieces of a stream that is cut, so that who reads gets each by
        itself.
    :ivar merge: seconds that a stream waits for more, so that it leaves in one piece.
    :ivar slow_reader: bytes a second that are read from the sender; 0: none; None: all.
    :ivar only: probability that a connection suffers anything at all.
    """

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_delay: float = 0.05
    corrupt: float = 0.0
    bandwidth: float | None = None
    queue: int | None = None
    size: int | None = None
    split: float = 0.0
    gap: float = 0.0002
    merge: float = 0.0
    slow_reader: float | None = None
    blackhole: After | None = None
    half_close: After | None = None
    close: After | None = None
    reset: After | None = None
    only: float = 1.0

    @property
    def link(self) -> Link:
        """What a link of the simulated network would be like."""
        return Link(
            latency=self.delay,
            jitter=self.jitter,
            loss=self.loss,
            duplicate=self.duplicate,
            reorder=self.reorder,
            reorder_delay=self.reorder_delay,
        )


#: What does nothing to anything.
HARMLESS = Harm()
