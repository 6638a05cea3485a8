"""What nodes and their broker speak of: entries, leases, ids, and who listens. Pure."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take, in seconds.

    :ivar lease: after so long without a renewal a node is taken out of the chat.
    :ivar settle: how long a node that has just reached the broker lets others be, whose leases have
        lapsed: after an absence of the broker they come back just as it did itself.
    :ivar renew: a lease is renewed, and others are looked after, so often.
    :ivar nick: the lease of a name; renewed by whoever holds it.
    :ivar block: how long one reading waits for something new.
    :ivar retry: the first wait after a link was lost; each is twice the one before it.
    :ivar retry_most: the longest of these waits.
    :ivar keep: what is older is no longer on the bus.
    :ivar history: what is older is no longer in a room's history.
    """

    lease: float = 15.0
    settle: float = 15.0
    renew: float = 5.0
    nick: float = 30.0
    block: float = 5.0
    retry: float = 0.1
    retry_most: float = 2.0
    keep: float = 3600.0
    history: float = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class Entry:
    """Something on the bus.

    :ivar id: ``unix_ms << 16 | n``.
    :ivar node: whose draft it is, ``node.epoch``; or who is gone, with all their members.
    :ivar number: the draft's number, of those of this node.
    :ivar draft: what was published; None: the node is gone.
    """

    id: int
    node: str
    number: int
    draft: bytes | None


@dataclass(frozen=True, slots=True)
class Names:
    """The leases of names that change hands with a draft, both by their key; empty: none.

    :ivar owner: the member's key: ``node.epoch.member``.
    """

    owner: str
    claimed: str = ""
    released: str = ""


class Audience(Protocol):
    """Who takes part in the chat through a `Broker`; nothing of this may raise."""

    def begin(self, state: bytes) -> list[str]:
        """Forget everything, and begin from what a node's `state` was; empty: from nothing.

        :return: the rooms whose history is wanted.
        """

    def remember(self, room: str, said: list[tuple[int, bytes]]) -> None:
        """Take what was said in a room before, ids and drafts."""

    def heard(self, entry: Entry) -> None:
        """Take the next thing on the bus."""

    def caught_up(self) -> None:
        """Have everything that there was on the bus at the beginning."""

    def away(self) -> None:
        """Know that the broker cannot be reached; drafts wait."""

    def back(self) -> None:
        """Know that the broker can be reached again."""

    def fenced(self) -> None:
        """Know that the others have taken this node out of the chat; `begin` comes next."""

    def state(self) -> bytes:
        """Return all that a new node has to know of what was heard so far."""


def stream_id(number: int) -> str:
    """Return an id as the broker writes it.

    >>> stream_id(1767225600123 << 16 | 4)
    '1767225600123-4'
    """
    return f"{number >> 16}-{number & 0xFFFF}"


def number_of(id: bytes) -> int:
    """Return an id that the broker wrote as a number.

    >>> number_of(b"1767225600123-4") == 1767225600123 << 16 | 4
    True
    """
    milliseconds, _, count = id.partition(b"-")
    return int(milliseconds) << 16 | int(count)


def milliseconds(seconds: float) -> int:
    """Return a time as the broker takes it."""
    return int(seconds * 1000)
