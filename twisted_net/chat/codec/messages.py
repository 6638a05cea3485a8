"""What is said in the chat and about it: the messages that every codec writes and reads.

A member sends a *command*; it is answered by *replies* or a `Refusal`; what it changed is an
*event*, which others hear. Events are past tense, commands are verbs.
"""

import re
from dataclasses import dataclass
from enum import Enum, IntEnum, auto

from twisted_net.net.errors import NetError
from twisted_net.net.text import safe

#: No terminal obeys a text without these: C0, DEL, C1; and lone surrogates, which UTF-8 has not.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

#: Characters of a stranger's word that an error repeats: a whole name, and no more.
_REPEATED = 72


class Code(IntEnum):
    """Why something was refused, in the numbers that every door shows."""

    BAD = 400
    NAMELESS = 401
    FORBIDDEN = 403
    UNKNOWN = 404
    LATE = 408
    TAKEN = 409
    TOO_LONG = 413
    INVALID = 422
    UNAVAILABLE = 503
    QUEUE_FULL = 507


class Refusal(NetError):  # noqa: N818 - the word of the protocol; nothing is in error
    """A command that was not obeyed; the connection stays.

    :ivar code: why, as a number.
    :ivar text: why, in constant words; a stranger's part in them is quoted and escaped.
    """

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(f"{code:d} {text}")
        self.code = code
        self.text = text


def quoted(word: str) -> str:
    """Return a stranger's word as errors repeat it."""
    return f"'{safe(word, _REPEATED)}'"


def decoded(data: bytes) -> str:
    """Return a stranger's bytes as text.

    :raises Refusal: they are not UTF-8, or a terminal would obey them.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Refusal(Code.BAD, "not UTF-8") from None
    refuse_controls(text)
    return text


def refuse_controls(text: str) -> None:
    """Refuse a text that holds a control character.

    :raises Refusal: it does.
    """
    found = _CONTROL.search(text)
    if found is not None:
        raise Refusal(Code.BAD, f"control character {ord(found[0]):#04x}")


# Events.


class Kind(Enum):
    """What happened."""

    SAID = auto()
    ACTED = auto()
    TOLD = auto()
    JOINED = auto()
    PARTED = auto()
    LEFT = auto()
    RENAMED = auto()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as it is heard on every door.

    :ivar id: milliseconds since 1970 and a count, see `shown_id`; 0 where a door does not tell.
    :ivar where: the room, or for what was told the member addressed; empty where it is neither.
    :ivar sender: the name of who did it; of who was renamed, the old one.
    :ivar text: what was said, or why somebody went, or the new name.
    """

    id: int
    kind: Kind
    where: str
    sender: str
    text: str = ""


def shown_id(number: int) -> str:
    """Return an id as people read it.

    >>> shown_id(1767225600123 << 16 | 4)
    '1767225600123-4'
    """
    return f"{number >> 16}-{number & 0xFFFF}"


# Commands. An empty room is the current one.


@dataclass(frozen=True, slots=True)
class Nick:
    """Take a name, the first or another one."""

    name: str


@dataclass(frozen=True, slots=True)
class Join:
    """Enter a room, and make it the current one."""

    room: str


@dataclass(frozen=True, slots=True)
class Part:
    """Leave a room."""

    room: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """Make a room the current one."""

    room: str


@dataclass(frozen=True, slots=True)
class Talk:
    """Say a plain line in the current room."""

    text: str


@dataclass(frozen=True, slots=True)
class Say:
    """Say something in a room, and be told its id."""

    room: str
    text: str


@dataclass(frozen=True, slots=True)
class Act:
    """Do something, in words: ``red waves``."""

    text: str
    room: str = ""


@dataclass(frozen=True, slots=True)
class Tell:
    """Say something to one member."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Who:
    """Ask who is in a room."""

    room: str = ""


@dataclass(frozen=True, slots=True)
class Rooms:
    """Ask what rooms there are."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for an answer."""

    token: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    """Ask what commands there are."""

    verb: str = ""


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave."""


Command = Nick | Join | Part | Use | Talk | Say | Act | Tell | Who | Rooms | Ping | Help | Quit


# Replies.


@dataclass(frozen=True, slots=True)
class Done:
    """A command was obeyed; nothing more follows about it.

    :ivar verb: the command's word: ``JOIN``.
    :ivar about: what is to be known about it: the room and how many are there.
    """

    verb: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody in a room.

    :ivar role: what they may do there; ``-``: what everybody may.
    :ivar door: the door they came by: ``tcp``, ``udp``.
    :ivar idle: whole seconds since they last did something.
    """

    room: str
    name: str
    role: str
    door: str
    idle: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A room that there is, and how many are in it."""

    room: str
    members: int
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping."""

    token: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """A command that there is."""

    form: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Refused:
    """What a client sees of a `Refusal`."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the server says in its own name."""

    text: str


@dataclass(frozen=True, slots=True)
class Missed:
    """Events that a client could not be sent, and how many."""

    count: int


Reply = Done | Present | Listed | Pong | Usage
Heard = Event | Reply | Refused | Notice | Missed
