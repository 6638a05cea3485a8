"""What a server says of itself to who watches it: whether it takes new work, and what it does."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from twisted_net.net.counters import DoorCounters


class Phase(Enum):
    """Where a server stands."""

    STARTING = "starting"
    READY = "ready"  # all doors are open
    DRAINING = "draining"  # what runs is finished; nothing new is taken


@dataclass(slots=True)
class Usage:
    """What processes use of the machine; None: this platform does not say.

    :ivar processes: how many.
    :ivar cpu: seconds of processor time, in the programs and in the kernel.
    :ivar memory: bytes that are resident.
    :ivar descriptors: open files and sockets.
    :ivar most_descriptors: how many there may be.
    :ivar began: when the first one was started, in seconds since 1970.
    """

    processes: int = 0
    cpu: float = 0.0
    memory: int | None = None
    descriptors: int | None = None
    most_descriptors: int | None = None
    began: float | None = None

    def add(self, other: "Usage") -> None:
        """Add what other processes use."""
        self.processes += other.processes
        self.cpu += other.cpu
        self.memory = _sum(self.memory, other.memory)
        self.descriptors = _sum(self.descriptors, other.descriptors)
        self.most_descriptors = _sum(self.most_descriptors, other.most_descriptors)
        began = [each for each in (self.began, other.began) if each is not None]
        self.began = min(began, default=None)

    def ended(self) -> "Usage":
        """Return what is left of it when the processes have ended: the time they took."""
        return Usage(cpu=self.cpu)


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a server did and uses, all of its processes together.

    :ivar doors: name of a door -> its counters.
    """

    doors: Mapping[str, DoorCounters]
    usage: Usage


@dataclass(slots=True)
class Health:
    """What a server says of itself to who watches it.

    :ivar phase: where this process stands; the assembly sets it.
    :ivar look: brings the counters up to date that are only looked at now and then.
    :ivar measure: measures all processes; None: there is nobody to measure. May take a while, where
        others have to be asked, and then fail with a `NetError`.
    """

    phase: Phase = Phase.STARTING
    look: Callable[[], None] = field(default=lambda: None)
    measure: Callable[[], Awaitable[Measured]] | None = None
