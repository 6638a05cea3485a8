"""The words of a rule: what it may answer about a packet, or a piece of a stream.

A rule is a callable that sees one thing on its way and answers None (let it pass), `DROP`,
`Delay` or `Duplicate`. The words know nothing of a network, so that a rule written for a
simulated one can be put in front of a real connection.
"""

from dataclasses import dataclass
from enum import Enum


class Drop(Enum):
    """The type of `DROP`."""

    DROP = "drop"


#: It does not arrive.
DROP = Drop.DROP


@dataclass(frozen=True, slots=True)
class Delay:
    """It arrives later.

    :ivar seconds: added to the time it would have taken.
    """

    seconds: float

    def __post_init__(self) -> None:
        if self.seconds < 0:
            raise ValueError(f"a delay is 0 seconds or more, not {self.seconds}")


@dataclass(frozen=True, slots=True)
class Duplicate:
    """It arrives more than once.

    :ivar times: how often beyond the first.
    """

    times: int = 1

    def __post_init__(self) -> None:
        if self.times < 1:
            raise ValueError(f"duplicate at least once, not {self.times} times")


Verdict = Drop | Delay | Duplicate | None
