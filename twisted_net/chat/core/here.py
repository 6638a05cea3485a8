"""Who hears something together: those in a room, and what the doors carry along with them.

Doors work out once how those in a room are told things (`twisted_net.chat.doors.outlet.Audience`).
What they have worked out is kept with the room, and who has left is remembered until they have
caught up with it. Nothing of it is looked at here.
"""

from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

#: Who has left a room and is remembered for that; of more, the doors work the room out anew.
MAX_LEFT = 16


class Past(Generic[T]):
    """What has happened to those in a room, one version after the other.

    :ivar version: one more with each who comes or goes.
    :ivar prepared: what the doors have worked out, of this version or an earlier one.
    """

    def __init__(self) -> None:
        self.version = 0
        self.prepared: object = None
        self._left: deque[tuple[int, T]] = deque()
        self._forgotten = 0

    def came(self) -> None:
        """Count who comes."""
        self.version += 1

    def left(self, who: T) -> None:
        """Count who goes."""
        self.version += 1
        if self.prepared is None:
            self._forgotten = self.version
            return
        self._left.append((self.version, who))
        if len(self._left) > MAX_LEFT:
            self.forget(self._left[0][0])

    def left_since(self, version: int, until: int) -> list[T] | None:
        """Return who has gone after one version and until another; None: it is forgotten."""
        if version < self._forgotten:
            return None
        return [who for number, who in self._left if version < number <= until]

    def forget(self, version: int) -> None:
        """Forget who had gone by a version."""
        while self._left and self._left[0][0] <= version:
            self._left.popleft()
        self._forgotten = max(self._forgotten, version)

    def here(self, members: Iterable[T]) -> "Here[T]":
        """Return those who are there now."""
        made = Here(members)
        made.past, made.version = self, self.version
        return made


class Here(tuple[T, ...]):
    """The members of a room who are on this node, as long as nobody comes or goes.

    :ivar past: of the room.
    :ivar version: of the room, when this was made.
    """

    past: Past[T]
    version: int

    @property
    def prepared(self) -> object:
        """What the doors have worked out about the room."""
        return self.past.prepared

    @prepared.setter
    def prepared(self, prepared: object) -> None:
        self.past.prepared = prepared


class Neighbours(tuple[T, ...]):
    """Members of several rooms, each once.

    :ivar here: those in the largest one.
    :ivar others: those who are not in that.
    """

    here: Here[T]
    others: tuple[T, ...]

    @classmethod
    def of(cls, here: Here[T], others: tuple[T, ...]) -> "Neighbours[T]":
        """Put them together."""
        made = cls((*here, *others))
        made.here, made.others = here, others
        return made
