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
    CLOSED = auto()


class Step(Enum):
    """What moves a session on."""

    RETRIED = auto()
    WELCOMED = auto()
    PROVED = auto()
    ENDED = auto()


NEXT: dict[tuple[State, Step], State] = {
    (State.GREETING, Step.RETRIED): State.PROVING,
    (State.PROVING, Step.RETRIED): State.PROVING,
    (State.PROVING, Step.WELCOMED): State.CONFIRMING,
    (State.CONFIRMING, Step.PROVED): State.OPEN,
    (State.HALF, Step.PROVED): State.OPEN,
    (State.OPEN, Step.PROVED): State.OPEN,
    (State.GREETING, Step.ENDED): State.CLOSED,
    (State.PROVING, Step.ENDED): State.CLOSED,
    (State.CONFIRMING, Step.ENDED): State.CLOSED,
    (State.HALF, Step.ENDED): State.CLOSED,
    (State.OPEN, Step.ENDED): State.CLOSED,
}


@dataclass(frozen=True, slots=True)
class Opened:
    """The session is open.

    :ivar name: the name asked for, or given.
    :ivar room: the room that one is in; empty: none.
    """

    name: str
    room: str = ""


@dataclass(frozen=True, slots=True)
class Came:
    """A message came, in its turn.

    :ivar body: see `codec.actions`.
    """

    seq: int
    body: bytes


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


Happening = Opened | Came | Ended | Slowed
