"""Where a datagram session stands, what moves it on, and what its user is told."""

from dataclasses import dataclass
from enum import Enum, auto


class State(Enum):
    """Where a session stands."""

    GREETING = auto()
    PROVING = auto()
    CONFIRMING = auto()
    HALF = auto()
    OPEN = auto()
    SILENT = auto()
    CLOSED = auto()


class Step(Enum):
    """What moves a session on."""

    RETRIED = auto()
    WELCOMED = auto()
    PROVED = auto()
    SILENCED = auto()
    ENDED = auto()


NEXT: dict[tuple[State, Step], State] = {
    (State.GREETING, Step.RETRIED): State.PROVING,
    (State.PROVING, Step.RETRIED): State.PROVING,
    (State.PROVING, Step.WELCOMED): State.CONFIRMING,
    (State.CONFIRMING, Step.PROVED): State.OPEN,
    (State.CONFIRMING, Step.RETRIED): State.PROVING,
    (State.HALF, Step.PROVED): State.OPEN,
    (State.OPEN, Step.PROVED): State.OPEN,
    (State.OPEN, Step.SILENCED): State.SILENT,
    (State.OPEN, Step.RETRIED): State.PROVING,
    (State.SILENT, Step.PROVED): State.OPEN,
    (State.SILENT, Step.RETRIED): State.PROVING,
    (State.GREETING, Step.ENDED): State.CLOSED,
    (State.PROVING, Step.ENDED): State.CLOSED,
    (State.CONFIRMING, Step.ENDED): State.CLOSED,
    (State.HALF, Step.ENDED): State.CLOSED,
    (State.OPEN, Step.ENDED): State.CLOSED,
    (State.SILENT, Step.ENDED): State.CLOSED,
}


@dataclass(frozen=True, slots=True)
class Opened:
    """The session is open; for an initiator perhaps not for the first time: see `Silent`.

    :ivar name: the name asked for, or given.
    :ivar room: the room that one is in; empty: none.
    :ivar other: what the other side is called, if it has a name.
    """

    name: str
    room: str = ""
    other: str = ""


@dataclass(frozen=True, slots=True)
class Came:
    """A message came, in its turn.

    :ivar body: see `codec.actions`.
    """

    seq: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Hinted:
    """A hint came, in no order: messages may have been said before it that come later."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that never came are not waited for any more.

    :ivar missing: their numbers.
    """

    missing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Messages that nobody acknowledged are given up; no one will hear them later.

    Some of them may have been heard all the same, and only their acknowledgements been lost.

    :ivar numbers: what `Session.send` returned.
    """

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing has been heard of the peer for long; it may come back."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The peer has come back; of the messages between the two nothing is lost."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over.

    :ivar why: in a few words.
    :ivar reason: the number of a refusal; 0: none.
    """

    why: str
    reason: int = 0


@dataclass(frozen=True, slots=True)
class Slowed:
    """A message was not taken, so that its sender sends it again, later."""


@dataclass(frozen=True, slots=True)
class Unproven:
    """The peer said who it is, and its signature does not fit; nothing came of it."""


Happening = (
    Opened | Came | Hinted | Gap | Undelivered | Silent | Resumed | Ended | Slowed | Unproven
)
