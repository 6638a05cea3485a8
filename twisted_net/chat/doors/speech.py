"""What is said to many at once, gathered for all of them together. Pure.

In a busy turn of the reactor a thousand members hear the same ten lines. So these are put together
once, and not a thousand times; only who hears something else than all the others is kept apart.
"""

from collections.abc import Mapping
from typing import Generic, TypeVar

L = TypeVar("L")


class Speech(Generic[L]):
    """Lines for the same listeners, who have been given none of them yet.

    :ivar listeners: in their order; more may come.
    :ivar apart: those who hear only what was said from a place on.
    :ivar size: bytes that were said.
    """

    def __init__(self, listeners: Mapping[L, None]) -> None:
        self.listeners = listeners
        self.apart: dict[L, int] = {}
        self.size = 0
        self._lines: list[bytes] = []

    @property
    def text(self) -> bytes:
        """All that was said."""
        return b"".join(self._lines)

    def say(self, line: bytes) -> None:
        """Say something to all."""
        self._lines.append(line)
        self.size += len(line)

    def begin_here(self, listener: L) -> None:
        """Let somebody hear only what is said from here on."""
        self.apart[listener] = len(self._lines)

    def owed(self, listener: L) -> bytes:
        """Return what somebody is still to hear; they have been given that now."""
        if listener not in self.listeners:
            return b""
        start = self.apart.get(listener, 0)
        self.begin_here(listener)
        return b"".join(self._lines[start:])
