"""What a datagram message asks for: an action and its fields, made of commands.

A *body* is the action in one byte and the fields as they travel: what a packet of type CON or NON
is made of. What the server says is in `actions_said`.
"""

from collections.abc import Callable, Mapping
from enum import IntEnum

from twisted_net.chat.codec.datagram import Key, packed, unpacked
from twisted_net.chat.codec.messages import (
    Act,
    Away,
    Code,
    Command,
    History,
    Join,
    Kick,
    Mode,
    Nick,
    Part,
    Refusal,
    Rooms,
    Say,
    Since,
    Tag,
    Talk,
    Tell,
    Topic,
    Who,
    decoded,
    quoted,
)

#: What is sent instead of a message that was given up.
NOTHING = bytes(1)

#: The tag that says whether somebody types, and what it may say
#: (https://ircv3.net/specs/client-tags/typing).
TYPING = "+typing"
TYPES = ("active", "paused", "done")


class Action(IntEnum):
    """What a message does, asks or tells."""

    NOTHING = 0  # keeps the number of a message that was given up
    SAY = 1
    TELL = 2
    NOTICE = 3
    ACT = 4
    JOIN = 5
    PART = 6
    LEFT = 7
    NICK = 8
    TOPIC = 9
    KICK = 10
    MODE = 11
    WHO = 12
    ROOMS = 13
    HISTORY = 14
    OLD = 15
    MISSED = 16
    RESULT = 17  # ends a request; without an error: done
    AWAY = 18
    TYPING = 19  # a hint, in a packet of type NON
    LOGIN = 20  # a message of SCRAM-SHA-256
    MOVED = 21  # a room has another name


#: The reason in one byte, of an end (BYE, RST) and of a refused request.
REASONS: dict[int, Code] = {
    1: Code.BAD,
    2: Code.NAMELESS,
    3: Code.FORBIDDEN,
    4: Code.UNKNOWN,
    5: Code.TAKEN,
    6: Code.TOO_LONG,
    7: Code.INVALID,
    8: Code.SLOW,
    9: Code.UNAVAILABLE,
    10: Code.LATE,
    11: Code.QUEUE_FULL,
}
_REASONS = {code: reason for reason, code in REASONS.items()}

#: The reasons of an end that no refusal is behind: a datagram was too long, the server stops.
LONG = _REASONS[Code.TOO_LONG]
AWAY = _REASONS[Code.UNAVAILABLE]


def reason_of(refusal: Refusal) -> int:
    """Return the one-byte reason of a refusal."""
    return _REASONS[refusal.code]


#: Fields as they are written.
Fields = Mapping[Key, str | bytes | None]


def body_of(action: Action, fields: Fields) -> bytes:
    """Write a body; a field that is None, or a text that is empty, is left out."""
    parts: dict[Key, bytes] = {}
    for key, each in fields.items():
        if each:
            parts[key] = each.encode() if isinstance(each, str) else each
    return bytes([action]) + packed(parts)


def asked(command: Command) -> bytes:
    """Write a command as a client sends it.

    :raises Refusal: this door has no such command.
    """
    match command:
        case Nick(name):
            return body_of(Action.NICK, {Key.NAME: name})
        case Join(room, text):
            return body_of(Action.JOIN, {Key.ROOM: room, Key.TEXT: text})
        case Part(room, text):
            return body_of(Action.PART, {Key.ROOM: room, Key.TEXT: text})
        case Talk(text):
            return body_of(Action.SAY, {Key.TEXT: text})
        case Say(room, text):
            return body_of(Action.SAY, {Key.ROOM: room, Key.TEXT: text})
        case Act(text, room):
            return body_of(Action.ACT, {Key.ROOM: room, Key.TEXT: text})
        case Tell(name, text):
            return body_of(Action.TELL, {Key.NAME: name, Key.TEXT: text})
        case Tag(room, ((tag, text),), private=False) if tag == TYPING:
            return body_of(Action.TYPING, {Key.ROOM: room, Key.TEXT: text})
        case Away(text):
            return body_of(Action.AWAY, {Key.TEXT: text})
        case _:
            return _asked_of_room(command)


def _asked_of_room(command: Command) -> bytes:
    match command:
        case Topic(room, text):
            # None asks for it; an empty one takes it away, and has to be seen.
            asked_for = body_of(Action.TOPIC, {Key.ROOM: room, Key.TEXT: text})
            return asked_for + _EMPTY_TEXT if text == "" else asked_for
        case Kick(room, name, text):
            return body_of(Action.KICK, {Key.ROOM: room, Key.NAME: name, Key.TEXT: text})
        case Mode(room, text):
            return body_of(Action.MODE, {Key.ROOM: room, Key.TEXT: text})
        case Who(room):
            return body_of(Action.WHO, {Key.ROOM: room})
        case Rooms():
            return body_of(Action.ROOMS, {})
        case History(room, count):
            return body_of(Action.HISTORY, {Key.ROOM: room, Key.TEXT: str(count)})
        case Since(number, room):
            since = number.to_bytes(8, "big")
            return body_of(Action.HISTORY, {Key.ROOM: room, Key.SINCE: since})
        case _:
            raise Refusal(Code.BAD, "no command of the datagram door")


def login(message: bytes) -> bytes:
    """Write a message of SCRAM-SHA-256."""
    return body_of(Action.LOGIN, {Key.CHALLENGE: message})


def scram_of(body: bytes) -> bytes:
    """Return the message of SCRAM-SHA-256 in a request or a result; empty: there is none."""
    return unpacked(body[1:]).get(Key.CHALLENGE, b"")


_EMPTY_TEXT = bytes([Key.TEXT, 0, 0])


def parse(body: bytes) -> Command:
    """Read what a member asks for.

    :raises Refusal: no such action, or not text.
    """
    made = _COMMANDS.get(body[0])
    if made is None:
        raise Refusal(Code.BAD, f"unknown action {body[0]}")
    return made(_Asked(unpacked(body[1:])))


class _Asked:
    """The fields of a request, as text.

    :raises Refusal: they are none.
    """

    def __init__(self, fields: Mapping[int, bytes]) -> None:
        self.fields = fields
        self.room = decoded(fields.get(Key.ROOM, b""))
        self.text = decoded(fields.get(Key.TEXT, b""))
        self.name = decoded(fields.get(Key.NAME, b""))


def _read_topic(asked: _Asked) -> Command:
    return Topic(asked.room, asked.text if Key.TEXT in asked.fields else None)


def _read_history(asked: _Asked) -> Command:
    since = asked.fields.get(Key.SINCE)
    if since is not None:
        return Since(int.from_bytes(since[:8], "big"), asked.room)
    if not asked.text:
        return History(asked.room)
    if not (asked.text.isascii() and asked.text.isdecimal() and len(asked.text) < 6):
        raise Refusal(Code.BAD, f"{quoted(asked.text)} is no number of messages")
    return History(asked.room, int(asked.text))


def _read_typing(asked: _Asked) -> Command:
    if asked.text not in TYPES:
        raise Refusal(Code.BAD, f"typing is one of: {', '.join(TYPES)}")
    return Tag(asked.room, ((TYPING, asked.text),))


_COMMANDS: dict[int, Callable[[_Asked], Command]] = {
    Action.SAY: lambda asked: Say(asked.room, asked.text),
    Action.TELL: lambda asked: Tell(asked.name, asked.text),
    Action.ACT: lambda asked: Act(asked.text, asked.room),
    Action.JOIN: lambda asked: Join(asked.room, asked.text),
    Action.PART: lambda asked: Part(asked.room, asked.text),
    Action.NICK: lambda asked: Nick(asked.name),
    Action.TOPIC: _read_topic,
    Action.KICK: lambda asked: Kick(asked.room, asked.name, asked.text),
    Action.MODE: lambda asked: Mode(asked.room, asked.text),
    Action.WHO: lambda asked: Who(asked.room),
    Action.ROOMS: lambda asked: Rooms(),
    Action.HISTORY: _read_history,
    Action.AWAY: lambda asked: Away(asked.text),
    Action.TYPING: _read_typing,
}
