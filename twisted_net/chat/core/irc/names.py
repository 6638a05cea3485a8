"""Who is in a room, as the lines of NAMES: written once for all who ask in the same way. Pure.

Whoever enters a room is told all names in it. If each time they were all written anew, a room of a
thousand would cost half a million of them to fill.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from twisted_net.chat.core.irc.capabilities import fill
from twisted_net.chat.core.room import Member, Role, Room

#: Rooms, times ways of asking, whose lines are kept; others are written anew.
KEPT = 32


@dataclass(frozen=True, slots=True)
class Way:
    """A way of asking.

    :ivar whole: whether names come with user and host (IRCv3 userhost-in-names).
    :ivar prefixes: whether all roles are shown and not only the highest (IRCv3 multi-prefix).
    :ivar size: bytes that a line has for names.
    """

    whole: bool
    prefixes: bool
    size: int


@dataclass(slots=True)
class _Lines:
    """Lines for the first ``count`` members of a room, as it was when it was ``altered``."""

    altered: int
    count: int = 0
    lines: list[str] = field(default_factory=lambda: [""])


class Names:
    """The lines of some rooms."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Room[Any], Way], _Lines] = OrderedDict()

    def lines(self, room: Room[Any], way: Way) -> list[str]:
        """Return the names of all in a room; the list stays ours."""
        kept = self._kept.pop((room, way), None)
        if kept is None or kept.altered != room.altered:
            kept = _Lines(room.altered)
        self._kept[room, way] = kept
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        fill(kept.lines, words(room, room.all[kept.count :], way), way.size)
        kept.count = len(room.all)
        return kept.lines


def words(room: Room[Any], members: Iterable[Member[Any]], way: Way) -> list[str]:
    """Return the names of members, with their roles in a room."""
    found = []
    for member in members:
        shown = f"{member.name}!{member.mask}" if way.whole else member.name
        found.append(sign(room.role(member), way.prefixes) + shown)
    return found


def sign(role: Role, prefixes: bool) -> str:
    """Return what stands before a name: the highest role, or all of them."""
    return role.signs if prefixes else role.sign
