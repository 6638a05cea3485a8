"""What a server and its workers tell each other: one JSON object a line."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import RemoteProtocolError

#: Longest line in bytes: the counters of every door of some hundred services.
LONGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Orders:
    """The first line that a worker reads: what it is to do.

    :ivar index: its place in the crew, from 0.
    :ivar chosen: option -> text, as `settings.chosen` returns it.
    :ivar doors: name of a door -> the descriptor of its socket.
    """

    index: int
    chosen: Mapping[str, str]
    doors: Mapping[str, int]

    def line(self) -> bytes:
        """Return it as a line."""
        return _line(asdict(self))

    @classmethod
    def read(cls, line: bytes) -> "Orders":
        """Read a line.

        :raises RemoteProtocolError: it is not one.
        """
        try:
            return cls(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise RemoteProtocolError(f"not the orders of a worker: {error}") from error


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker says of itself: that it serves, and what its doors did since its start.

    :ivar doors: name of a door -> its counters.
    """

    doors: Mapping[str, DoorCounters]

    def line(self) -> bytes:
        """Return it as a line."""
        return _line({name: asdict(counters) for name, counters in self.doors.items()})

    @classmethod
    def read(cls, line: bytes) -> "Report":
        """Read a line.

        :raises RemoteProtocolError: it is not one.
        """
        try:
            doors = json.loads(line)
            return cls({name: DoorCounters(**counters) for name, counters in doors.items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise RemoteProtocolError(f"not the report of a worker: {error}") from error


def _line(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"
