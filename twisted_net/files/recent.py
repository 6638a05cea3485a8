"""Small files and answers that were asked for lately, as long as they are what they were."""

from typing import Generic, TypeVar

from twisted_net.files.codec import Get
from twisted_net.files.shelf import Shelf

#: Bytes that are remembered, for small files that are asked for again and again.
REMEMBERED = 8 << 20

#: What remembering one takes beside its bytes: there may be as many without content as there are
#: numbers that can stand behind a GET.
_BESIDE = 1024

T = TypeVar("T")


class Recent(Generic[T]):
    """What was given lately, with small files in it, by what was asked.

    What is asked for often is then looked at once (`Shelf.peek`), and not opened, read, hashed
    and closed again.
    """

    def __init__(self, shelf: Shelf, room: int = REMEMBERED) -> None:
        self._shelf = shelf
        self._room = room
        self._kept: dict[Get, tuple[tuple[int, ...], T, int]] = {}

    def find(self, request: Get) -> T | None:
        """Return what was given; None: it is not to be had here."""
        kept = self._kept.get(request)
        if kept is None:
            return None
        state, given, _ = kept
        if self._shelf.peek(request.name) == state:
            return given
        self._forget(request)
        return None

    def keep(self, request: Get, state: tuple[int, ...] | None, given: T, size: int) -> None:
        """Remember what is given; those that were kept for the longest time make room.

        :param state: what `Shelf.peek` said before the file was opened.
        :param size: bytes that it takes.
        """
        if state is None or request in self._kept:
            return
        self._kept[request] = (state, given, size)
        self._room -= size + _BESIDE
        while self._room < 0:
            self._forget(next(iter(self._kept)))

    def _forget(self, request: Get) -> None:
        self._room += self._kept.pop(request)[2] + _BESIDE
