"""What a server and its workers tell each other: one JSON object a line."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.health import Usage
from twisted_net.net.text import safe

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


#: What a worker says that wants to know what all of them did; the answer is an order,
#: `ALL` and a report.
GATHER, ALL = b"gather", b"all "


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker says of itself: that it serves, and what it did and used since its start.

    Also what the server says of all of them together.

    :ivar doors: name of a door -> its counters.
    """

    doors: Mapping[str, DoorCounters] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)

    def line(self) -> bytes:
        """Return it as a line."""
        doors = {name: asdict(counters) for name, counters in self.doors.items()}
        return _line({"doors": doors, "usage": asdict(self.usage)})

    @classmethod
    def read(cls, line: bytes) -> "Report":
        """Read a line.

        :raises RemoteProtocolError: it is not one.
        """
        try:
            parts = json.loads(line)
            doors = {name: DoorCounters(**each) for name, each in parts["doors"].items()}
            return cls(doors, Usage(**parts["usage"]))
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise RemoteProtocolError(f"not the report of a worker: {error}") from error


#: Longest line of a worker's log that is shown whole, in characters.
LONGEST_LINE = 4096


@dataclass(frozen=True, slots=True)
class Words:
    """A line of a worker's log, or what else it says on standard error.

    :ivar level: as `twisted.logger` names it.
    :ivar lines: its message, and the lines of a traceback if there is one; made safe.
    """

    level: str
    logger: str
    lines: tuple[str, ...]

    @classmethod
    def read(cls, line: bytes) -> "Words":
        """Read a line; what is none of `twisted_net.net.log` is taken as it is."""
        text = line.decode("utf-8", "backslashreplace")
        try:
            said = json.loads(text)
            traceback = [f"| {each}" for each in said.get("traceback", "").splitlines()]
            lines = [str(said["message"]), *traceback]
            level, logger = str(said["level"]), str(said["logger"])
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
            level, logger, lines = "info", "-", [text]
        return cls(level, safe(logger), tuple(safe(each, LONGEST_LINE) for each in lines))


def _line(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"
