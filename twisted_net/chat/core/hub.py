"""The hub: who is there, in which rooms, and who hears what. Pure, shared by all doors.

Every change is an event with an id, and one `Delivery` says who hears it. The members' outlets
are carried for the doors, and never called here. Doors deliver what a call returned before they
make the next one: that, and ids that only grow, is what lets every member of a room hear its
events in one order through whatever door.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from twisted_net.chat.codec.messages import Code, Event, Kind, Refusal, quoted
from twisted_net.chat.core.ident import (
    Ids,
    checked_name,
    checked_room,
    checked_text,
    folded,
    skeleton,
)

O = TypeVar("O")  # noqa: E741 - the outlet, whatever the doors make of it

#: Rooms that there may be, and that one member may be in: whoever may make rooms without end
#: could fill the memory with their names.
MAX_ROOMS = 1000
MAX_ROOMS_EACH = 20


@dataclass(eq=False, slots=True)
class Member(Generic[O]):
    """Somebody in the chat.

    :ivar outlet: the door's; carried, never called.
    :ivar door: the door's short name, which WHO shows.
    :ivar active: when they last did something, in seconds.
    :ivar rooms: by folded name, in the order in which they were entered.
    """

    name: str
    outlet: O
    door: str
    active: float
    rooms: "dict[str, Room[O]]" = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Room(Generic[O]):
    """A room, under the name its first member gave it.

    :ivar all: the members as a tuple, made anew only when somebody comes or goes.
    """

    name: str
    members: dict[Member[O], None] = field(default_factory=dict)
    all: tuple[Member[O], ...] = ()

    def add(self, member: Member[O]) -> None:
        """Let somebody in."""
        self.members[member] = None
        self.all = tuple(self.members)

    def remove(self, member: Member[O]) -> None:
        """Let somebody out."""
        del self.members[member]
        self.all = tuple(self.members)


@dataclass(frozen=True, slots=True)
class Delivery(Generic[O]):
    """One event and all who hear it, each once.

    :ivar by: whose doing it was; their door decides whether they hear it too.
    """

    event: Event
    to: tuple[Member[O], ...]
    by: Member[O]


class Hub(Generic[O]):
    """Members and rooms.

    :ivar lobby: the room that everybody enters on choosing a name; empty: none.
    """

    def __init__(self, lobby: str = "lobby") -> None:
        self.lobby = checked_room(lobby) if lobby else ""
        self._ids = Ids()
        self._members: dict[str, Member[O]] = {}
        self._skeletons: dict[str, Member[O]] = {}
        self._rooms: dict[str, Room[O]] = {}

    def __len__(self) -> int:
        """Return how many members there are."""
        return len(self._members)

    def free(self, name: str) -> str:
        """Return the name as it would be shown.

        :raises Refusal: it is no name, or somebody has one that reads the same.
        """
        name = checked_name(name)
        self._refuse_taken(name)
        return name

    def enter(self, name: str, outlet: O, door: str, now: float) -> Member[O]:
        """Let somebody in, into no room yet.

        :raises Refusal: as `free` does.
        """
        member = Member(self.free(name), outlet, door, now)
        self._claim(member)
        return member

    def leave(self, member: Member[O], why: str, now: float) -> list[Delivery[O]]:
        """Let somebody out of all rooms and of the chat."""
        to = self._neighbours(member)
        for room in list(member.rooms.values()):
            self._remove(member, room)
        self._release(member)
        return [self._delivery(now, Kind.LEFT, "", member, why, to)]

    def rename(self, member: Member[O], name: str, now: float) -> list[Delivery[O]]:
        """Give somebody another name.

        :raises Refusal: it is no name, or somebody else has one that reads the same.
        """
        name = checked_name(name)
        self._refuse_taken(name, member)
        if name == member.name:
            return []
        made = self._delivery(now, Kind.RENAMED, "", member, name, self._neighbours(member))
        self._release(member)
        member.name = name
        member.active = now
        self._claim(member)
        return [made]

    def join(self, member: Member[O], room: str, now: float) -> list[Delivery[O]]:
        """Let a member into a room, which begins with its first one.

        :raises Refusal: it is no room's name, or there are too many.
        """
        name = checked_room(room)
        key = folded(name)
        if key in member.rooms:
            return []
        known = self._rooms.get(key)
        if len(member.rooms) >= MAX_ROOMS_EACH or (known is None and self._full(key)):
            raise Refusal(Code.UNAVAILABLE, "too many rooms")
        joined = known or self._rooms.setdefault(key, Room(name))
        joined.add(member)
        member.rooms[key] = joined
        member.active = now
        return [self._delivery(now, Kind.JOINED, joined.name, member, "", joined.all)]

    def part(self, member: Member[O], room: str, now: float, why: str = "") -> list[Delivery[O]]:
        """Let a member out of a room, which ends with its last one.

        :raises Refusal: there is no such room, or they are not in it.
        """
        parted = self.inside(member, room)
        made = self._delivery(now, Kind.PARTED, parted.name, member, why, parted.all)
        self._remove(member, parted)
        member.active = now
        return [made]

    def say(
        self, member: Member[O], room: str, text: str, now: float, kind: Kind = Kind.SAID
    ) -> list[Delivery[O]]:
        """Say something in a room.

        :param kind: SAID or ACTED.
        :raises Refusal: they are not in it, or the text may not be said.
        """
        said = self.inside(member, room)
        text = checked_text(text)
        member.active = now
        return [self._delivery(now, kind, said.name, member, text, said.all)]

    def tell(self, member: Member[O], name: str, text: str, now: float) -> list[Delivery[O]]:
        """Say something to one member.

        :raises Refusal: nobody is called so, or the text may not be said.
        """
        other = self._members.get(folded(name))
        if other is None:
            raise Refusal(Code.UNKNOWN, f"nobody is called {quoted(name)}")
        text = checked_text(text)
        member.active = now
        to = (other,) if other is member else (other, member)
        return [self._delivery(now, Kind.TOLD, other.name, member, text, to)]

    def who(self, room: str) -> Room[O]:
        """Return a room, to see who is in it.

        :raises Refusal: there is no such room.
        """
        found = self._rooms.get(folded(room))
        if found is None:
            raise Refusal(Code.UNKNOWN, f"no room {quoted(room)}")
        return found

    def rooms(self) -> list[Room[O]]:
        """Return all rooms with somebody in them, in the order in which they began."""
        return list(self._rooms.values())

    def inside(self, member: Member[O], room: str) -> Room[O]:
        """Return a room that the member is in.

        :raises Refusal: there is no such room, or they are not in it.
        """
        found = member.rooms.get(folded(room))
        if found is None:
            name = self.who(room).name
            raise Refusal(Code.FORBIDDEN, f"not in {name}: JOIN {name}")
        return found

    def _full(self, key: str) -> bool:
        return len(self._rooms) >= MAX_ROOMS and key != folded(self.lobby)

    def _refuse_taken(self, name: str, but_by: Member[O] | None = None) -> None:
        holder = self._skeletons.get(skeleton(name))
        if holder is not None and holder is not but_by:
            raise Refusal(Code.TAKEN, f"name {quoted(name)} is taken")

    def _claim(self, member: Member[O]) -> None:
        self._members[folded(member.name)] = member
        self._skeletons[skeleton(member.name)] = member

    def _release(self, member: Member[O]) -> None:
        del self._members[folded(member.name)]
        del self._skeletons[skeleton(member.name)]

    def _remove(self, member: Member[O], room: Room[O]) -> None:
        room.remove(member)
        del member.rooms[folded(room.name)]
        if not room.members:
            del self._rooms[folded(room.name)]

    def _neighbours(self, member: Member[O]) -> tuple[Member[O], ...]:
        """Return all who share a room with a member, once each, and the member itself."""
        met: dict[Member[O], None] = {member: None}
        for room in member.rooms.values():
            met.update(room.members)
        return tuple(met)

    def _delivery(
        self,
        now: float,
        kind: Kind,
        where: str,
        by: Member[O],
        text: str,
        to: Iterable[Member[O]],
    ) -> Delivery[O]:
        event = Event(self._ids.next(now), kind, where, by.name, text)
        return Delivery(event, tuple(to), by)
