"""Members, rooms, and who hears what: the things that the hub's books are made of."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

from twisted_net.chat.codec.events import Event
from twisted_net.chat.core.here import Here, Past

O = TypeVar("O")  # noqa: E741 - the outlet, whatever the doors make of it


class Role(IntEnum):
    """What somebody may do in a room; numbers, so that the higher one may do more."""

    NONE = 0
    VOICE = 1
    OPERATOR = 2
    BOTH = 3  # an operator with a voice: what is left is seen when one of them is taken away

    @property
    def sign(self) -> str:
        """The highest one, as IRC writes it before a name."""
        return ("", "+", "@", "@")[self]

    @property
    def signs(self) -> str:
        """All of them, the highest first (IRCv3 multi-prefix)."""
        return ("", "+", "@", "@+")[self]

    @property
    def word(self) -> str:
        """The highest one, as people read it."""
        return ("-", "voice", "operator", "operator")[self]


@dataclass(eq=False, slots=True)
class Member(Generic[O]):
    """Somebody in the chat.

    :ivar key: tells this member from all others, on all nodes and in all time.
    :ivar outlet: the door's; carried, never called. None: the member is on another node.
    :ivar door: the door's short name, which WHO shows.
    :ivar active: when they last did something, in seconds since 1970.
    :ivar since: when they entered the chat.
    :ivar special: characters that their names may hold besides letters and digits.
    :ivar host: what others see of their address.
    :ivar modes: user modes: ``i``, ``o``, ``w``, ``B``.
    :ivar rooms: by folded name, in the order in which they were entered.
    :ivar metadata: what they tell about themselves, see `metadata`.
    """

    key: str
    name: str
    outlet: O | None
    door: str
    active: float
    since: float = 0.0
    special: str = ""
    user: str = ""
    host: str = ""
    realname: str = ""
    account: str = ""
    away: str = ""
    modes: frozenset[str] = frozenset()
    rooms: "dict[str, Room[O]]" = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def mask(self) -> str:
        """``user@host``."""
        return f"{self.user}@{self.host}"


@dataclass(frozen=True, slots=True)
class Topic:
    """A room's topic: who set it, and when, in seconds since 1970."""

    text: str
    by: str
    when: float


@dataclass(frozen=True, slots=True)
class Entry:
    """Who put a mask on a list, and when."""

    by: str
    when: float


@dataclass(eq=False, slots=True)
class Room(Generic[O]):
    """A room, under the name its first member gave it.

    :ivar members: and their roles, in the order in which they came.
    :ivar flags: modes without a value, of ``CMPRimnstu``.
    :ivar key: what whoever enters must know; empty: nothing.
    :ivar limit: how many may be in it; 0: as many as come.
    :ivar slow: seconds between two messages of one member.
    :ivar lists: masks of ``b`` bans, ``e`` exceptions, ``I`` invited.
    :ivar invited: keys of members who may come in once.
    :ivar spoken: by key, the id of the last message of each, while ``slow`` is set.
    :ivar authors: by id, the keys of those who said the last messages.
    :ivar renamed: when it was given its name in place of another, in seconds since 1970; 0: never.
    :ivar formerly: the name that it had before that one, folded; empty: none.
    :ivar founder: the account that keeps the room (mode ``P``), also while nobody is in it; empty:
        none does, and it ends with its last member.
    :ivar ranks: by folded account, the roles that those have on coming back, while it is kept.
    :ivar metadata: what its operators tell about it, see `metadata`.
    :ivar left: when the last member left, in seconds since 1970, of a room that is kept.
    """

    name: str
    created: float = 0.0
    members: dict[Member[O], Role] = field(default_factory=dict)
    topic: Topic | None = None
    flags: frozenset[str] = frozenset("nt")
    key: str = ""
    limit: int = 0
    slow: int = 0
    lists: dict[str, dict[str, Entry]] = field(default_factory=lambda: {"b": {}, "e": {}, "I": {}})
    invited: dict[str, None] = field(default_factory=dict)
    spoken: dict[str, int] = field(default_factory=dict)
    authors: dict[int, str] = field(default_factory=dict)
    renamed: float = 0.0
    formerly: str = ""
    founder: str = ""
    ranks: dict[str, Role] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    left: float = 0.0
    _local: dict[Member[O], None] = field(default_factory=dict)
    _all: tuple[Member[O], ...] | None = None
    _here: Here[Member[O]] | None = None
    _past: Past[Member[O]] = field(default_factory=Past)
    _altered: int = 0

    @property
    def all(self) -> tuple[Member[O], ...]:
        """The members as a tuple, made anew only when somebody has come or gone."""
        if self._all is None:
            self._all = tuple(self.members)
        return self._all

    @property
    def here(self) -> Here[Member[O]]:
        """Those of them who are on this node."""
        if self._here is None:
            self._here = self._past.here(self._local)
        return self._here

    def ranked(self, least: Role, also: Member[O] | None = None) -> tuple[Member[O], ...]:
        """Return those on this node who may do at least so much here, and one who need not."""
        roles = self.members
        return tuple(each for each in self.here if roles[each] >= least or each is also)

    def add(self, member: Member[O], role: Role) -> None:
        """Let somebody in."""
        self.members[member] = role
        if member.outlet is not None:
            self._local[member] = None
            self._past.came()
        self._all = self._here = None

    def remove(self, member: Member[O]) -> None:
        """Let somebody out."""
        del self.members[member]
        self._altered += 1
        if member in self._local:
            del self._local[member]
            self._past.left(member)
        self.spoken.pop(member.key, None)
        self._all = self._here = None

    @property
    def altered(self) -> int:
        """How often it has changed how those are shown who were there before.

        By another name, host or role, or by leaving; not by somebody's coming.
        """
        return self._altered

    def show_anew(self) -> None:
        """Count that one of the members has another name or host."""
        self._altered += 1

    def give(self, member: Member[O], role: Role) -> None:
        """Let somebody inside do more, or less."""
        if role is not self.members[member]:
            self.members[member] = role
            self._altered += 1

    def role(self, member: Member[O]) -> Role:
        """Return what somebody may do here, who need not be inside."""
        return self.members.get(member, Role.NONE)

    def hides(self, member: Member[O]) -> bool:
        """Say whether the coming and going of a member is hidden here (mode ``u``)."""
        return "u" in self.flags and not self.members.get(member)


@dataclass(frozen=True, slots=True)
class Delivery(Generic[O]):
    """One event and all on this node who hear it, each once.

    :ivar by: whose doing it was; their door decides whether they hear it too. None: of nobody
        here.
    """

    event: Event
    to: tuple[Member[O], ...]
    by: Member[O] | None
