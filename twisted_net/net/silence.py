"""Which connections are late, or silent for too long: pure; one look for all of a door."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

#: Into how many parts the time is cut after which a connection is idle. A transport notes that
#: there were bytes, not when: a connection may be found silent so much of that time too late.
LOOKS = 8

#: How many looks there may be in that time at most, however many of the ends in it are near.
MOST_LOOKS = 100

#: Seconds that an idle connection is given to close politely before it is cut.
FINISH_WITHIN = 5.0


#: Seconds between two looks for late first messages, at least.
LEAST_WAIT = 0.25


class Watched(Protocol):
    """A connection.

    :ivar told: when it was told to finish, in seconds; None: it was not.
    :ivar since: when it was made, in seconds.
    """

    told: float | None
    since: float

    @property
    def begun(self) -> bool:
        """Whether its first message has come, or is not waited for."""

    def last_active(self, now: float) -> float:
        """Return when bytes last came or went, as far as is known."""


W = TypeVar("W", bound=Watched)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a door waits, in seconds; None: for ever.

    :ivar idle: for any byte.
    :ivar first: for the first message, from the connection on.
    """

    idle: float | None
    first: float | None

    @property
    def soonest(self) -> float | None:
        """Seconds from a connection to the first look; None: nobody need look."""
        waits = [self.idle / LOOKS] if self.idle is not None else []
        waits += [self.first] if self.first is not None else []
        return min(waits, default=None)


@dataclass(slots=True)
class Found(Generic[W]):
    """What a look has found.

    :ivar late: who has not sent its first message in time, and was not told so.
    :ivar silent: who has been silent for too long, and was not told so.
    :ivar staying: who was told to finish, and has had time to.
    :ivar wait: seconds until the next look.
    """

    late: list[W]
    silent: list[W]
    staying: list[W]
    wait: float


def look(connections: Iterable[W], patience: Patience, now: float) -> Found[W]:
    """Find out who is too late or silent for too long, and who was told to finish and has not.

    A clock may be set back: what seems to lie ahead is taken to be now.
    """
    idle, first = patience.idle, patience.first
    late: list[W] = []
    silent: list[W] = []
    staying: list[W] = []
    # Who comes before the next look is not due before it.
    waits = [FINISH_WITHIN if patience.soonest is None else patience.soonest]
    for each in connections:
        leaves = -math.inf if each.told is None else min(each.told, now) + FINISH_WITHIN
        due, where = math.inf, silent
        if idle is not None:
            due = max(min(each.last_active(now), now) + idle, leaves)
        if first is not None and not each.begun:
            begins = max(min(each.since, now) + first, leaves)
            if begins < due:
                due, where = begins, late
        if due <= now:
            (where if each.told is None else staying).append(each)
        else:
            waits.append(due - now)
    if late or silent:
        waits.append(FINISH_WITHIN)
    least = LEAST_WAIT if first is not None or idle is None else idle / MOST_LOOKS
    return Found(late, silent, staying, max(min(waits), least))
