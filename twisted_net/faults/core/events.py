"""What was done to what was passed on: single events, and their numbers."""

from dataclasses import dataclass, field

from twisted_net.faults.core.harm import Way


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    :ivar connection: which connection, or which client of a datagram port; from 1, as they came.
    :ivar way: the direction; None: both, or none.
    :ivar what: ``opened``, ``loss``, ``reset`` …
    :ivar at: of a datagram its number in its direction, of a stream the offset of its first byte;
        from 0. None: it stands for the whole.
    :ivar why: more about it, in words.
    """

    connection: int
    way: Way | None
    what: str
    at: int | None = None
    why: str = ""

    def __str__(self) -> str:
        parts = [
            str(self.connection),
            self.way.value if self.way is not None else "",
            self.what,
            f"#{self.at}" if self.at is not None else "",
            self.why,
        ]
        return " ".join(filter(None, parts))

    def record(self) -> dict[str, object]:
        """Return it as JSON shows it; what does not apply is left out."""
        full: dict[str, object] = {
            "event": self.what,
            "connection": self.connection,
            "way": self.way.value if self.way is not None else None,
            "at": self.at,
            "why": self.why or None,
        }
        return {name: value for name, value in full.items() if value is not None}


@dataclass(slots=True)
class Tally:
    """What one direction has carried.

    :ivar came: bytes that were read.
    :ivar passed: bytes that were passed on, copies too.
    :ivar datagrams_came: datagrams that were read; 0 of a stream.
    :ivar faults: what was done how often.
    """

    came: int = 0
    passed: int = 0
    datagrams_came: int = 0
    datagrams_passed: int = 0
    faults: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, times: int = 1) -> None:
        """Count something that was done."""
        self.faults[what] = self.faults.get(what, 0) + times

    def __str__(self) -> str:
        parts = [f"{self.came} bytes in", f"{self.passed} out"]
        if self.datagrams_came:
            parts = [
                f"{self.datagrams_came} datagrams in, {self.datagrams_passed} out",
                f"{self.passed} bytes out",
            ]
        faults = ", ".join(f"{name}={times}" for name, times in sorted(self.faults.items()))
        return ", ".join(parts) + (f"; {faults}" if faults else "")

    def record(self) -> dict[str, object]:
        """Return it as JSON shows it."""
        return {
            "bytes_in": self.came,
            "bytes_out": self.passed,
            "datagrams_in": self.datagrams_came,
            "datagrams_out": self.datagrams_passed,
            "faults": dict(sorted(self.faults.items())),
        }
