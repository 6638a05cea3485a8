"""Drafts on their way to the broker: numbered, in order, and not too many. Pure."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from twisted_net.chat.codec.messages import Code, Refusal

T = TypeVar("T")

#: Drafts that may wait for the broker: seconds of a busy chat. Whoever says more is told that it
#: was not sent, for it would be heard too late to make sense.
MAX_WAITING = 1000


class Backlog(Generic[T]):
    """What was handed over and is not acknowledged yet.

    A draft's number is by one higher than that of the draft before: the broker takes none out of
    turn and none twice, and so all of them may be sent again in doubt.
    """

    def __init__(self, limit: int = MAX_WAITING) -> None:
        self._limit = limit
        self._last = 0
        self._waiting: dict[int, T] = {}

    def __len__(self) -> int:
        """Return how many drafts wait."""
        return len(self._waiting)

    @property
    def first(self) -> int | None:
        """The lowest number that waits."""
        return next(iter(self._waiting), None)

    def __iter__(self) -> Iterator[tuple[int, T]]:
        """Yield what waits with its numbers, in order."""
        return iter([*self._waiting.items()])

    def add(self, draft: T, always: bool = False) -> int:
        """Take a draft; return its number.

        :param always: however many wait.
        :raises Refusal: too many wait.
        """
        if len(self._waiting) >= self._limit and not always:
            raise unreachable()
        self._last += 1
        self._waiting[self._last] = draft
        return self._last

    def done(self, number: int) -> T | None:
        """Forget a draft that the broker has; None if that was known."""
        return self._waiting.pop(number, None)

    def skipped(self, number: int) -> list[T]:
        """Forget all drafts before one; return them."""
        before = [each for each in self._waiting if each < number]
        return [self._waiting.pop(each) for each in before]

    def restart(self) -> list[T]:
        """Begin anew at number 1; return what waited."""
        waiting, self._waiting, self._last = [*self._waiting.values()], {}, 0
        return waiting


def unreachable() -> Refusal:
    """Return the refusal of what was not sent, for nobody could hear it."""
    return Refusal(Code.UNAVAILABLE, "other nodes unreachable; nothing was sent")
