"""The hub: who is there, in which rooms, and who hears what. Pure, shared by all doors.

Two steps lead to every change. `Hub.command` checks what a member wants and returns a draft, an
event without an id; a bus gives it one; `Hub.apply` changes the state and says who hears it. So
several nodes that apply the same events have the same state. The members' outlets are carried for
the doors, and never called here.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic

from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.codec.requests import Deed
from twisted_net.chat.core.bans import Ban, meant, refuse_banned
from twisted_net.chat.core.books import Books, Gone
from twisted_net.chat.core.changes import Changes
from twisted_net.chat.core.drafts import Drafts, drafted
from twisted_net.chat.core.ident import checked_reason, checked_room, folded
from twisted_net.chat.core.metadata import tagged
from twisted_net.chat.core.room import Delivery, Member, O, Role, Room
from twisted_net.chat.core.snapshot import dumped, load
from twisted_net.chat.core.words import Words

__all__ = ["Delivery", "Gone", "Hub", "Member", "Role", "Room"]


def _nobodys(name: str) -> str | None:
    return None


class Hub(Generic[O]):
    """Members and rooms.

    :param registered: returns the account that a name belongs to, None if to none.
    :param node: begins the keys of this node's members: different on all nodes and at each start.
    :param words: that are not said in rooms.
    :ivar lobby: the room that everybody enters on choosing a name; empty: none.
    :ivar node: begins the keys of those who enter here.
    """

    def __init__(
        self,
        lobby: str = "lobby",
        registered: Callable[[str], str | None] = _nobodys,
        node: str = "",
        words: Words | None = None,
    ) -> None:
        self.lobby = checked_room(lobby) if lobby else ""
        self._books: Books[O] = Books(self.lobby, registered)
        self._drafts = Drafts(self._books, words or Words())
        self._changes = Changes(self._books)
        self.node = node
        self._entered = 0

    def __len__(self) -> int:
        """Return how many members there are."""
        return len(self._books.keys)

    # Entering: the name is kept from now on, but nobody is there before the event was applied.

    def enter(
        self,
        name: str,
        outlet: O,
        door: str,
        now: float,
        *,
        special: str = "",
        user: str = "",
        host: str = "",
        realname: str = "",
        account: str = "",
        metadata: dict[str, str] | None = None,
    ) -> Member[O]:
        """Keep a name for somebody who is about to enter; `entering` is the draft of that.

        :param special: characters that the name may hold besides letters and digits.
        :raises Refusal: it is no name, somebody has one that reads the same, or they are banned.
        """
        name = self._books.free(name, special, account)
        checked_reason(realname, "real name")
        self._entered += 1
        member = Member(
            f"{self.node}.{self._entered}", name, outlet, door, now, now,
            special, user or "~", host or "hidden", realname, account, metadata=metadata or {},
        )  # fmt: skip
        refuse_banned(self._books, member, now)
        self._books.reserve(member)
        return member

    def entering(self, member: Member[O]) -> Event:
        """Return the draft of somebody's entering into the chat, and into no room yet."""
        tags = (("door", member.door), ("special", member.special), *tagged(member.metadata))
        return drafted(Kind.ENTERED, member, "", member.realname, tags=tags)

    def fix(self, room: str) -> None:
        """Let a room keep its name, whoever wants to give it another one on this node."""
        self._books.fixed.add(folded(room))

    def release(self, member: Member[O]) -> None:
        """Keep a name no more whose member has not entered."""
        self._books.released(member.key)

    # The two steps.

    def command(self, member: Member[O], what: Deed, now: float) -> Event | None:
        """Return what would happen, a draft; None: nothing would change. Changes nothing.

        :raises Refusal: it cannot be done.
        """
        return self._drafts.draft(member, what, now)

    def apply(self, event: Event) -> list[Delivery[O]]:
        """Let happen what has an id by now; return who on this node hears it.

        :raises Refusal: it cannot be done any more; nothing has changed.
        """
        return self._changes.apply(event)

    # Several nodes.

    def state(self) -> bytes:
        """Return all that a node has to know that comes later, see `restart`."""
        return dumped(self._books)

    def restart(self, node: str, state: bytes = b"") -> None:
        """Forget everybody, and begin from another node's `state`; empty: from nothing.

        :param node: begins the keys of those who enter here from now on.
        :raises ValueError: it is no state that this version can read.
        """
        self.node = node
        load(self._books, state)

    # What there is.

    def free(self, name: str, special: str = "", account: str = "") -> str:
        """Return a name that nobody has, as it would be shown.

        :raises Refusal: it is no name, or somebody has one that reads the same.
        """
        return self._books.free(name, special, account)

    def known(self, name: str) -> Member[O] | None:
        """Return who is called so."""
        return self._books.known(name)

    def find(self, name: str) -> Member[O]:
        """Return who is called so.

        :raises Refusal: nobody is.
        """
        return self._books.find(name)

    def present(self, member: Member[O]) -> bool:
        """Say whether somebody is in the chat: has entered, and not left."""
        return self._books.keys.get(member.key) is member

    def members(self) -> Iterator[Member[O]]:
        """Return all members, of all nodes."""
        return self._books.members()

    def bans(self) -> list[Ban]:
        """Return who is to be kept out, those among them whose time is over."""
        return list(self._books.bans.values())

    def banned(self, member: Member[O], now: float) -> Ban | None:
        """Return the ban that means a member."""
        return meant(self._books, member, now)

    def whowas(self, name: str) -> list[Gone]:
        """Return who was called so, the last one first."""
        return self._books.whowas(name)

    def room(self, name: str, seen_by: Member[O] | None = None) -> Room[O]:
        """Return a room; a secret one only to those inside, and to None.

        :raises Refusal: there is no such room.
        """
        return self._books.room(name, seen_by)

    def known_room(self, name: str) -> Room[O] | None:
        """Return the room that is called so."""
        return self._books.rooms.get(folded(name))

    def inside(self, member: Member[O], room: str) -> Room[O]:
        """Return a room that the member is in.

        :raises Refusal: there is no such room, or they are not in it.
        """
        return self._books.inside(member, room)

    def seen(self, room: Room[O], by: Member[O] | None) -> Sequence[Member[O]]:
        """Return whom somebody sees in a room; None sees all."""
        return self._books.seen(room, by)

    def shows(self, room: Room[O], member: Member[O], by: Member[O]) -> bool:
        """Say whether somebody sees a member in a room."""
        return self._books.shows(room, member, by)

    def share(self, one: Member[O], other: Member[O]) -> bool:
        """Say whether two are in the same room."""
        return self._books.share(one, other)

    def rooms(self, seen_by: Member[O] | None = None) -> list[Room[O]]:
        """Return all rooms that somebody may know of, in the order in which they began."""
        return self._books.listed(seen_by)
