"""The hub's books: who is there under what name, in which rooms; and what may be seen of it."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.texts import quoted
from twisted_net.chat.core.here import Neighbours
from twisted_net.chat.core.ident import checked_name, folded, skeleton
from twisted_net.chat.core.room import Member, O, Role, Room

if TYPE_CHECKING:
    from twisted_net.chat.core.bans import Ban

#: Rooms that there may be, and that one member may be in: whoever may make rooms without end
#: could fill the memory with their names.
MAX_ROOMS = 1000
MAX_ROOMS_EACH = 20

#: Names that are remembered after their members have left or taken another one.
WHOWAS = 500


@dataclass(frozen=True, slots=True)
class Gone:
    """Somebody who was called so until they left, or took another name."""

    name: str
    mask: str
    realname: str
    account: str
    when: float


class Books(Generic[O]):
    """Members and rooms.

    :ivar lobby: the room that may always be begun, however many there are.
    :ivar fixed: rooms that keep their names, by these: the server's settings name them.
    :ivar keys: the members by their keys.
    :ivar rooms: by their folded names, in the order in which they began.
    :ivar bans: from the whole chat, by their folded masks, see `bans`.
    :ivar told: the last private messages, by id: the keys of who said it, and to whom.
    :ivar gone: who was there, the last one first.
    """

    def __init__(self, lobby: str, registered: Callable[[str], str | None]) -> None:
        self.lobby = lobby
        self.fixed = {folded(lobby)}
        self.keys: dict[str, Member[O]] = {}
        self.rooms: dict[str, Room[O]] = {}
        self._registered = registered
        self._names: dict[str, Member[O]] = {}
        self._skeletons: dict[str, Member[O]] = {}
        self._reserved: dict[str, Member[O]] = {}
        self._coming: dict[str, Member[O]] = {}
        self.bans: dict[str, Ban] = {}
        self.told: dict[int, tuple[str, str]] = {}
        self.gone: deque[Gone] = deque(maxlen=WHOWAS)

    def clear(self) -> None:
        """Forget everything and everybody."""
        tables: tuple[dict[Any, Any], ...] = (
            self.keys, self.rooms, self._names, self._skeletons, self._reserved, self._coming,
            self.bans, self.told,
        )  # fmt: skip
        for each in tables:
            each.clear()
        self.gone.clear()

    # Names.

    def free(self, name: str, special: str, account: str, holder: Member[O] | None = None) -> str:
        """Return the name as it would be shown.

        :raises Refusal: it is no name, belongs to another account, or somebody but ``holder`` has
            one that reads the same.
        """
        name = checked_name(name, special)
        owner = self._registered(name)
        if owner is not None and folded(owner) != folded(account):
            text = f"{quoted(name)} is registered: LOGIN <account> <password>"
            raise Refusal(Code.NAMELESS, text, Why.REGISTERED)
        read = skeleton(name)
        self.refuse_taken(name, holder)
        if self._reserved.get(read, holder) is not holder:
            raise _taken(name)
        return name

    def refuse_taken(self, name: str, but_by: Member[O] | None = None) -> None:
        """Refuse a name that reads like one in use.

        :raises Refusal: it does.
        """
        holder = self._skeletons.get(skeleton(name))
        if holder is not None and holder is not but_by:
            raise _taken(name)

    def reserve(self, member: Member[O]) -> None:
        """Keep a name for somebody who is about to enter."""
        self._reserved[skeleton(member.name)] = self._coming[member.key] = member

    def released(self, key: str) -> Member[O] | None:
        """Keep a name no more; return whom it was kept for."""
        member = self._coming.pop(key, None)
        if member is not None:
            del self._reserved[skeleton(member.name)]
        return member

    def claim(self, member: Member[O]) -> None:
        """Enter a member under its name."""
        self.keys[member.key] = member
        self._names[folded(member.name)] = member
        self._skeletons[skeleton(member.name)] = member

    def forget(self, member: Member[O], when: float) -> None:
        """Strike a member out, under its name."""
        del self.keys[member.key]
        del self._names[folded(member.name)]
        del self._skeletons[skeleton(member.name)]
        gone = Gone(member.name, member.mask, member.realname, member.account, when)
        self.gone.appendleft(gone)

    def known(self, name: str) -> Member[O] | None:
        """Return who is called so."""
        return self._names.get(folded(name))

    def find(self, name: str) -> Member[O]:
        """Return who is called so.

        :raises Refusal: nobody is.
        """
        found = self._names.get(folded(name))
        if found is None:
            raise Refusal(Code.UNKNOWN, f"nobody is called {quoted(name)}", Why.NO_MEMBER)
        return found

    def whowas(self, name: str) -> list[Gone]:
        """Return who was called so, the last one first."""
        key = folded(name)
        return [each for each in self.gone if folded(each.name) == key]

    def members(self) -> Iterator[Member[O]]:
        """Return all members."""
        return iter(self.keys.values())

    # Rooms.

    def room(self, name: str, seen_by: Member[O] | None) -> Room[O]:
        """Return a room; a secret one only to those inside.

        :param seen_by: None: whoever sees all.
        :raises Refusal: there is no such room.
        """
        found = self.rooms.get(folded(name))
        if found is None or not _sees(seen_by, found):
            raise Refusal(Code.UNKNOWN, f"no room {quoted(name)}", Why.NO_ROOM)
        return found

    def inside(self, member: Member[O], room: str) -> Room[O]:
        """Return a room that the member is in.

        :raises Refusal: there is no such room, or they are not in it.
        """
        found = member.rooms.get(folded(room))
        if found is None:
            raise outside(self.room(room, member))
        return found

    def seen(self, room: Room[O], by: Member[O] | None) -> Sequence[Member[O]]:
        """Return whom somebody sees in a room: outside no invisible ones, all of them inside.

        In a room that hides ordinary members (mode ``u``), those are seen only by its operators.
        """
        if by is None or room.role(by) >= Role.OPERATOR:
            return room.all
        if by in room.members and "u" not in room.flags:
            return room.all
        return [each for each in room.all if self.shows(room, each, by)]

    def shows(self, room: Room[O], member: Member[O], by: Member[O]) -> bool:
        """Say whether somebody sees a member in a room, as `seen` says of all."""
        if member not in room.members:
            return False
        if room.role(by) >= Role.OPERATOR:
            return True
        if "u" in room.flags:
            return bool(room.members[member]) or member is by
        return by in room.members or "i" not in member.modes or self.share(member, by)

    def listed(self, member: Member[O] | None) -> list[Room[O]]:
        """Return all rooms that somebody may know of, in the order in which they began."""
        return [each for each in self.rooms.values() if _sees(member, each)]

    def share(self, one: Member[O], other: Member[O]) -> bool:
        """Say whether two are in the same room."""
        return one is other or not one.rooms.keys().isdisjoint(other.rooms)

    def neighbours(self, member: Member[O]) -> tuple[Member[O], ...]:
        """Return all on this node who share a room with a member, once each, and the member.

        Those of the largest room together, where the member's doings are not hidden.
        """
        open_ = [room for room in member.rooms.values() if not room.hides(member)]
        largest = max(open_, key=lambda room: len(room.here), default=None)
        met: dict[Member[O], None] = {}
        if largest is None and member.outlet is not None:
            met[member] = None
        for room in member.rooms.values():
            if room is not largest:
                met.update(dict.fromkeys(self.witnesses(room, member)))
        if largest is None:
            return tuple(met)
        others = tuple(each for each in met if each not in largest.members)
        return Neighbours.of(largest.here, others) if others else largest.here

    def witnesses(self, room: Room[O], member: Member[O]) -> tuple[Member[O], ...]:
        """Return who hears of a member's coming and going, on this node."""
        return room.ranked(Role.OPERATOR, also=member) if room.hides(member) else room.here

    def full(self, key: str) -> bool:
        """Say whether a room, which there is not yet, would be one too many."""
        if len(self.rooms) < MAX_ROOMS or key == folded(self.lobby):
            return False
        # Those that are kept have a bound of their own, and keep nobody from beginning one.
        return sum(not room.founder for room in self.rooms.values()) >= MAX_ROOMS

    def remove(self, member: Member[O], room: Room[O], when: float) -> None:
        """Let a member out of a room, which ends with its last one, unless it is kept."""
        room.remove(member)
        del member.rooms[folded(room.name)]
        if not room.members:
            room.left = when
        self.end_empty(room)

    def end_empty(self, room: Room[O]) -> None:
        """Let a room end in which nobody is, unless it is kept."""
        if not room.members and not room.founder:
            del self.rooms[folded(room.name)]


def outside(room: Room[O]) -> Refusal:
    """Return the refusal of what only those inside may do."""
    return Refusal(Code.FORBIDDEN, f"not in {room.name}: JOIN {room.name}", Why.NOT_INSIDE)


def _sees(member: Member[O] | None, room: Room[O]) -> bool:
    return member is None or "s" not in room.flags or member in room.members


def _taken(name: str) -> Refusal:
    return Refusal(Code.TAKEN, f"name {quoted(name)} is taken", Why.TAKEN)
