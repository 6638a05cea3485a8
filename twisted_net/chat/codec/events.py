"""What happens in the chat: the one thing that is stored, published, rendered and heard."""

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What happened."""

    ENTERED = auto()  # came into the chat, into no room yet: nodes learn of it, nobody hears it
    SAID = auto()
    TOLD = auto()
    NOTICED = auto()
    ACTED = auto()
    TAGGED = auto()  # only tags, typing for one; never kept
    JOINED = auto()
    PARTED = auto()
    LEFT = auto()
    RENAMED = auto()
    TOPIC = auto()
    KICKED = auto()
    MODED = auto()
    INVITED = auto()
    AWAY = auto()
    ACCOUNT = auto()
    REALNAME = auto()
    HOST = auto()  # their address is another one, or what others see of it
    REDACTED = auto()
    ROOM_RENAMED = auto()
    DESCRIBED = auto()  # metadata; heard by those who asked for its key, see `core.irc.metadata`
    BANISHED = auto()  # from the whole chat; heard by nobody but who is thrown out
    PARDONED = auto()
    KEPT = auto()  # a room that was kept is there again, or ends; of nobody, and heard by nobody


#: What somebody says, to a room or to one member; its sender need not hear it.
MESSAGES = frozenset({Kind.SAID, Kind.TOLD, Kind.NOTICED, Kind.ACTED, Kind.TAGGED})

#: The tag with the reason why a room gets another name: its text is the name.
WHY = "why"
#: Why members left whose node died.
NODE_LOST = "node lost"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as it is heard on every door. With the id 0 it is a draft.

    :ivar id: milliseconds since 1970 and a count, see `shown_id`; 0 where a door does not tell.
    :ivar where: the room, or the member addressed if it is ``private``; empty where it is
        neither.
    :ivar sender: the name of who did it; of who was renamed, the old one.
    :ivar text: what was said, the topic, the reason, the new name of a member or a room, the
        changes of modes (``+o red``), the user modes, the account, the real name, the new host, the
        record of a room.
    :ivar private: whether it is between two members.
    :ivar other: the member kicked or invited; the id of the message redacted; the key described;
        the mask banned; the role in this room of whose host is another one.
    :ivar by: the sender's key, unique over all nodes and all time; empty on the client's side.
    :ivar account: the sender's account.
    :ivar mask: ``user@host``, as IRC shows it.
    :ivar tags: names and values that go with it; of a key that is described its value, if it has
        one.
    :ivar only: ``@`` or ``+``: heard only by those in the room with that role or a higher one.
    """

    id: int
    kind: Kind
    where: str
    sender: str
    text: str = ""
    private: bool = False
    other: str = ""
    by: str = ""
    account: str = ""
    mask: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    only: str = ""


def shown_id(number: int) -> str:
    """Return an id as people read it.

    >>> shown_id(1767225600123 << 16 | 4)
    '1767225600123-4'
    """
    return f"{number >> 16}-{number & 0xFFFF}"


def seconds_of(number: int) -> float:
    """Return the time that an id holds, in seconds since 1970.

    >>> seconds_of(1767225600123 << 16 | 4)
    1767225600.123
    """
    return (number >> 16) / 1000


def read_id(text: str) -> int | None:
    """Return the id that people read, None: it is none.

    >>> read_id("1767225600123-4") == 1767225600123 << 16 | 4
    True
    """
    time, _, count = text.partition("-")
    if not (time.isascii() and time.isdecimal() and count.isascii() and count.isdecimal()):
        return None
    if len(time) > 14 or len(count) > 5 or int(count) > 0xFFFF:
        return None
    return int(time) << 16 | int(count)
