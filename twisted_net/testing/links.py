"""What a link and a stream may do to what they carry: plain descriptions, no state."""

from dataclasses import dataclass

#: Seconds by which a merged wake-up comes late: several segments at ordinary latencies, and still
#: far from any timeout.
MERGE_DELAY = 0.02


@dataclass(frozen=True, slots=True)
class Link:
    """One direction between two hosts.

    :ivar latency: seconds from one end to the other.
    :ivar jitter: seconds added at most; packets keep their order.
    :ivar loss: probability that a packet is lost; a datagram longer than the MTU is lost with any
        of its fragments.
    :ivar duplicate: probability that a packet arrives twice.
    :ivar reorder: probability that a packet is held back, so that later ones overtake it.
    :ivar reorder_delay: seconds by which it is held back at most; a fifth of it at least.
    :ivar bandwidth: bytes a second; None: no limit.
    :ivar queue: bytes that may wait for the bandwidth; what comes on top is dropped. None: all.
    :ivar mtu: largest packet in bytes, IP header included.
    """

    latency: float = 0.001
    jitter: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_delay: float = 0.05
    bandwidth: float | None = None
    queue: int | None = None
    mtu: int = 1500

    def __post_init__(self) -> None:
        for name in ("loss", "duplicate", "reorder"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability, not {getattr(self, name)}")
        for name in ("latency", "jitter", "reorder_delay"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is 0 seconds or more, not {getattr(self, name)}")
        if self.mtu < 68:  # RFC 791, 3.2
            raise ValueError(f"an MTU is 68 bytes or more, not {self.mtu}")

    @property
    def harmless(self) -> bool:
        """Whether it never loses, doubles, reorders or shakes anything."""
        return not (self.loss or self.duplicate or self.reorder or self.jitter)


#: A host's way to itself. Ten microseconds is what a loopback round trip costs a real kernel; with
#: none at all, two sockets that talk would be mistaken for a livelock.
LOOPBACK = Link(latency=0.000_01, mtu=65_040)


@dataclass(frozen=True, slots=True)
class Chunking:
    """How streams are cut before the application sees them.

    :ivar split: probability that a read returns less than there is.
    :ivar merge: probability that a reader is woken `MERGE_DELAY` late, so that segments stick
        together.
    :ivar size: bytes that a read returns at most; None: what the reader asks for.
    """

    split: float = 0.0
    merge: float = 0.0
    size: int | None = None

    def __post_init__(self) -> None:
        for name in ("split", "merge"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability, not {getattr(self, name)}")
        if self.size is not None and self.size < 1:
            raise ValueError(f"a read returns a byte at least, not {self.size}")


#: Streams that are read as they arrive.
WHOLE = Chunking()
