"""What each door did, in numbers: pure, and shown by the assembly."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from twisted_net.net.text import counted


@dataclass(slots=True)
class DoorCounters:
    """What one door did since the start."""

    open: int = 0  # connections now
    accepted: int = 0  # connections ever
    received: int = 0  # bytes
    sent: int = 0  # bytes
    datagrams_received: int = 0
    datagrams_sent: int = 0
    dropped: dict[str, int] = field(default_factory=dict)  # reason -> times
    queued: int = 0  # bytes that wait for peers to read them; as of the last look, see `Health`

    def drop(self, reason: str, times: int = 1) -> None:
        """Count something that was refused, cut off or thrown away.

        :param reason: a constant of a few lower-case words joined by ``_``; never a peer's text.
        """
        self.dropped[reason] = self.dropped.get(reason, 0) + times

    def add(self, other: "DoorCounters") -> None:
        """Add what another process counted at the same door."""
        self.open += other.open
        self.accepted += other.accepted
        self.received += other.received
        self.sent += other.sent
        self.datagrams_received += other.datagrams_received
        self.datagrams_sent += other.datagrams_sent
        self.queued += other.queued
        for reason, times in other.dropped.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + times

    @property
    def anything(self) -> bool:
        """Whether anything was counted at all."""
        return self != DoorCounters()

    def __str__(self) -> str:
        """Return one line: only what is not zero, so that what matters is seen."""
        parts = [
            f"{counted(self.accepted, 'connection')} ({self.open} open)" if self.accepted else "",
            f"{counted(self.datagrams_received, 'datagram')} in" if self.datagrams_received else "",
            f"{counted(self.datagrams_sent, 'datagram')} out" if self.datagrams_sent else "",
            f"{self.received} bytes in" if self.received else "",
            f"{self.sent} bytes out" if self.sent else "",
            *(f"dropped {reason}={times}" for reason, times in self.dropped.items()),
        ]
        return ", ".join(filter(None, parts)) or "nothing yet"


class Counters:
    """The counters of all doors, by the door's name."""

    def __init__(self) -> None:
        self._doors: dict[str, DoorCounters] = {}

    def door(self, name: str) -> DoorCounters:
        """Return the counters of one door, made when first asked for."""
        return self._doors.setdefault(name, DoorCounters())

    def __iter__(self) -> Iterator[tuple[str, DoorCounters]]:
        """Yield names and counters in the order in which the doors were named."""
        return iter(self._doors.items())
