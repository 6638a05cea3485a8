"""Who of a crew of processes runs, and what follows when one of them ends: pure."""

import enum
from dataclasses import dataclass, field

#: A process that ends sooner than this after its start, in seconds, has failed to start.
SETTLED = 5.0

#: Seconds before the start that follows the first, second … failed one in a row; the last one
#: for ever: what fails now, for want of memory say, may work again.
PAUSES = (0.1, 0.5, 2.0, 10.0, 30.0)


class State(enum.Enum):
    """Where one place in the crew stands."""

    STARTING = enum.auto()
    READY = enum.auto()
    EMPTY = enum.auto()  # its process has ended; another may follow


@dataclass(slots=True)
class Place:
    """One place in the crew, which one process after another may hold.

    :ivar since: when its process was started, in seconds.
    :ivar failures: starts in a row that failed.
    """

    state: State = State.EMPTY
    since: float = 0.0
    failures: int = 0


@dataclass(slots=True)
class Crew:
    """A fixed number of processes that are kept running until they shall stop.

    :ivar restarts: how often a process had to be replaced.
    :ivar stopping: nobody is replaced any more.
    """

    places: list[Place]
    restarts: int = 0
    stopping: bool = False
    _announced: bool = field(default=False)

    @classmethod
    def of(cls, size: int) -> "Crew":
        """Return a crew that has not started."""
        return cls([Place() for _ in range(size)])

    def started(self, index: int, now: float) -> None:
        """Note that the process of a place was started."""
        place = self.places[index]
        place.state, place.since = State.STARTING, now

    def ready(self, index: int) -> bool:
        """Note that a process serves; say whether all do, once."""
        self.places[index].state = State.READY
        first = not self._announced and all(each.state is State.READY for each in self.places)
        self._announced = self._announced or first
        return first

    def ended(self, index: int, now: float) -> float | None:
        """Note that a process has ended; return after how many seconds another shall start.

        None: none shall, for all are to stop.
        """
        place = self.places[index]
        settled = place.state is State.READY and now - place.since >= SETTLED
        place.failures = 0 if settled else place.failures + 1
        place.state = State.EMPTY
        if self.stopping:
            return None
        self.restarts += 1
        return PAUSES[min(place.failures, len(PAUSES)) - 1] if place.failures else 0.0
