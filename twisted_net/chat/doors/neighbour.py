"""A neighbour of the IP Messenger door: how they are told things, and their place in the chat."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.core.hub import Member
from twisted_net.chat.core.neighbours import Neighbour, Spoke
from twisted_net.chat.doors.outlet import Outlet

#: Messages that a neighbour says before the chat has let them in.
MAX_EARLY = 16


@dataclass(frozen=True, slots=True)
class IpmsgProfile:
    """Events as messages of a LAN messenger, which opens a window for each: only what is said.

    Before the text, and a NUL, stands who is to be told if it gets lost: whoever said it to one.
    """

    echoes: frozenset[Kind] = frozenset()

    def render(self, event: Event) -> bytes:
        """Write an event; nothing: it is not shown."""
        if event.kind is Kind.ACTED:
            text = f"* {event.sender} {event.text}"
        elif event.kind in (Kind.SAID, Kind.TOLD, Kind.NOTICED):
            text = f"{event.sender}: {event.text}"
        else:
            return b""
        return f"{event.sender if event.private else ''}\0{text}".encode()

    def announced(self, text: str) -> bytes:
        """Write what the server says in its own name."""
        return f"\0{text}".encode()


PROFILE = IpmsgProfile()


class NeighbourDoor(Protocol):
    """What a neighbour's outlet needs of its door."""

    def tell(self, outlet: "NeighbourOutlet", author: str, text: str) -> None:
        """Send a message; its author hears of it if it gets lost, if anybody is named."""

    def forget(self, outlet: "NeighbourOutlet") -> None:
        """Forget a neighbour's place in the chat."""


class NeighbourOutlet:
    """Where a neighbour hears, and their place in the chat.

    :ivar member: who they are there; None: not yet, or no more.
    :ivar partner: who told them something last; empty: nobody did.
    :ivar early: what they said before they were in the chat.
    :ivar told: by message, who is to be told if it gets lost.
    :ivar hinted: when they were told last that nobody heard them, in seconds.
    """

    profile = PROFILE

    def __init__(self, door: NeighbourDoor, who: Neighbour) -> None:
        self.who = who
        self.member: Member[Outlet] | None = None
        self.partner = ""
        self.early: deque[Spoke] = deque(maxlen=MAX_EARLY)
        self.told: dict[int, str] = {}
        self.hinted = -math.inf
        self._door = door

    def add(self, message: bytes) -> None:
        """Take a message."""
        author, _, text = message.decode().partition("\0")
        self._door.tell(self, author, text)

    def expel(self, why: str) -> None:
        """Forget that they are in the chat; they are let in again when they say something."""
        self._door.forget(self)
