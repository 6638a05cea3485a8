"""Which connections have been silent for too long: pure; one look for all of a door."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

#: Into how many parts the time is cut after which a connection is idle. A transport notes that
#: there were bytes, not when: a connection may be found silent so much of that time too late.
LOOKS = 8

#: How many looks there may be in that time at most, however many of the ends in it are near.
MOST_LOOKS = 100

#: Seconds that an idle connection is given to close politely before it is cut.
FINISH_WITHIN = 5.0


class Watched(Protocol):
    """A connection.

    :ivar told: when it was told to finish, in seconds; None: it was not.
    """

    told: float | None

    def last_active(self, now: float) -> float:
        """Return when bytes last came or went, as far as is known."""


W = TypeVar("W", bound=Watched)


def look(connections: Iterable[W], idle: float, now: float) -> tuple[list[W], float]:
    """Find out who has been silent for ``idle`` seconds, and has had time to finish if told to.

    A clock may be set back: what seems to lie ahead is taken to be now.

    :returns: those connections, and the seconds until the next look.
    """
    silent: list[W] = []
    wait = idle / LOOKS
    for each in connections:
        due = min(each.last_active(now), now) + idle
        if each.told is not None:
            due = max(due, min(each.told, now) + FINISH_WITHIN)
        if due <= now:
            silent.append(each)
        else:
            wait = min(wait, due - now)
    return silent, max(wait, idle / MOST_LOOKS)
