"""What a datagram message says: an action and its fields, made of commands, replies and events.

A *body* is the action in one byte and the fields as they travel: what a packet of type CON is made
of, and what is rendered once for all members of a room.
"""

from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum

from twisted_net.chat.codec.datagram import Key, packed, text_of, unpacked
from twisted_net.chat.codec.messages import (
    Act,
    Announced,
    Code,
    Command,
    Done,
    Event,
    Heard,
    Join,
    Kind,
    Listed,
    Missed,
    Nick,
    Part,
    Present,
    Refusal,
    Refused,
    Reply,
    Rooms,
    Say,
    Talk,
    Tell,
    Who,
    decoded,
)

#: What is sent instead of a message that was given up.
NOTHING = bytes(1)

#: Bytes of one packet's text that a list may fill; as much as a text said.
_LIST = 1000

#: Packets that one list may fill. A longer one is cut, and its RESULT still says how long it is:
#: the answer to a question of 30 bytes must not fill all that may wait for a member.
MAX_LISTS = 7


class Action(IntEnum):
    """What a message does, asks or tells."""

    NOTHING = 0  # keeps the number of a message that was given up
    SAY = 1
    TELL = 2
    ACT = 4
    JOIN = 5
    PART = 6
    LEFT = 7
    NICK = 8
    WHO = 12
    ROOMS = 13
    MISSED = 16
    RESULT = 17  # ends a request; without an error: done


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

_OF_KINDS = {
    Kind.SAID: Action.SAY,
    Kind.ACTED: Action.ACT,
    Kind.TOLD: Action.TELL,
    Kind.JOINED: Action.JOIN,
    Kind.PARTED: Action.PART,
    Kind.LEFT: Action.LEFT,
    Kind.RENAMED: Action.NICK,
}
_KINDS: dict[int, Kind] = {action: kind for kind, action in _OF_KINDS.items()}


def reason_of(refusal: Refusal) -> int:
    """Return the one-byte reason of a refusal."""
    return _REASONS[refusal.code]


def asked(command: Command) -> bytes:
    """Write a command as a client sends it.

    :raises Refusal: this door has no such command.
    """
    if isinstance(command, Talk):
        command = Say("", command.text)
    match command:
        case Nick(name):
            return _body(Action.NICK, {Key.NAME: name.encode()})
        case Join(room) | Part(room) | Who(room):
            return _body(_OF_ROOMS[type(command)], {Key.ROOM: room.encode()})
        case Say(room, text):
            return _body(Action.SAY, {Key.ROOM: room.encode(), Key.TEXT: text.encode()})
        case Act(text, room):
            return _body(Action.ACT, {Key.ROOM: room.encode(), Key.TEXT: text.encode()})
        case Tell(name, text):
            return _body(Action.TELL, {Key.NAME: name.encode(), Key.TEXT: text.encode()})
        case Rooms():
            return _body(Action.ROOMS, {})
        case _:
            raise Refusal(Code.BAD, "no command of the datagram door")


_OF_ROOMS: dict[type[Command], Action] = {
    Join: Action.JOIN,
    Part: Action.PART,
    Who: Action.WHO,
}


def parse(body: bytes) -> Command:
    """Read what a member asks for.

    :raises Refusal: no such action, or not text.
    """
    fields = unpacked(body[1:])
    room, text, name = (decoded(fields.get(key, b"")) for key in (Key.ROOM, Key.TEXT, Key.NAME))
    made = _COMMANDS.get(body[0])
    if made is None:
        raise Refusal(Code.BAD, f"unknown action {body[0]}")
    return made(room, text, name)


_COMMANDS: dict[int, Callable[[str, str, str], Command]] = {
    Action.SAY: lambda room, text, name: Say(room, text),
    Action.TELL: lambda room, text, name: Tell(name, text),
    Action.ACT: lambda room, text, name: Act(text, room),
    Action.JOIN: lambda room, text, name: Join(room),
    Action.PART: lambda room, text, name: Part(room),
    Action.NICK: lambda room, text, name: Nick(name),
    Action.WHO: lambda room, text, name: Who(room),
    Action.ROOMS: lambda room, text, name: Rooms(),
}


def told(event: Event) -> bytes:
    """Write an event; nothing: this door does not tell of it."""
    if event.kind not in _OF_KINDS:
        return b""
    place = Key.NAME if event.kind in (Kind.TOLD, Kind.RENAMED) else Key.ROOM
    renamed = event.kind is Kind.RENAMED
    return _body(
        _OF_KINDS[event.kind],
        {
            place: (event.text if renamed else event.where).encode(),
            Key.TEXT: b"" if renamed else event.text.encode(),
            Key.ID: event.id.to_bytes(8, "big"),
            Key.FROM: event.sender.encode(),
        },
    )


def missed(count: int, last: int = 0, room: str = "", *, more: bool = False) -> bytes:
    """Write that events were left out, and how many.

    :param last: the id of the last one; 0: nobody knows.
    :param room: where; empty: in any.
    :param more: it may be more than that.
    """
    last_id = last.to_bytes(8, "big") if last else b""
    text = f"{count}{'+' if more else ''}".encode()
    return _body(Action.MISSED, {Key.ROOM: room.encode(), Key.TEXT: text, Key.ID: last_id})


def id_of(body: bytes) -> int:
    """Return the id of the event that a message tells of; 0: it tells of none."""
    return int.from_bytes(unpacked(body[1:]).get(Key.ID, b""), "big")


def answered(replies: Iterable[Reply | Refused], re: int) -> Iterator[bytes]:
    """Write the replies to the request with the number ``re``; lists go many to a packet."""
    listed: dict[Action, list[str]] = {}
    number = re.to_bytes(4, "big")
    for reply in replies:
        match reply:
            case Present(room, name, role, door, idle):
                listed.setdefault(Action.WHO, []).append(f"{room} {name} {role} {door} {idle}")
            case Listed(room, members):
                listed.setdefault(Action.ROOMS, []).append(f"{room} {members}")
            case Done(_, about):
                yield from _lists(listed, number)
                yield _body(Action.RESULT, {Key.RE: number, Key.TEXT: about.encode()})


def refused(refusal: Refusal, re: int) -> bytes:
    """Write a refusal of the request with the number ``re``."""
    fields = {Key.RE: re.to_bytes(4, "big"), Key.ERROR: str(refusal).encode()}
    return _body(Action.RESULT, fields)


def heard(body: bytes) -> tuple[int | None, list[Heard]]:
    """Read what the server said, as a client does.

    What it does not know is handed on as a `Announced`; a RESULT is a `Done` whose verb the client
    knows, or a `Refused`.

    :return: the number of the request that it answers, None for an event, and what it says.
    """
    fields = unpacked(body[1:])
    re = fields.get(Key.RE)
    return None if re is None else int.from_bytes(re, "big"), _heard(body[0], fields)


def _heard(action: int, fields: dict[int, bytes]) -> list[Heard]:
    if action in _KINDS:
        return [_event(_KINDS[action], fields)]
    text = text_of(fields, Key.TEXT)
    if action == Action.RESULT:
        return [_result(text_of(fields, Key.ERROR), text)]
    try:
        if action == Action.MISSED:
            room = text_of(fields, Key.ROOM)
            return [Missed(int(text.removesuffix("+")), room, text.endswith("+"))]
        if action == Action.WHO:
            return [_present(line) for line in text.split("\n")]
        if action == Action.ROOMS:
            return [_listed(line) for line in text.split("\n")]
    except ValueError:
        pass
    return [Announced(text)]


def _body(action: Action, fields: dict[Key, bytes]) -> bytes:
    return bytes([action]) + packed(fields)


def _lists(listed: dict[Action, list[str]], number: bytes) -> Iterator[bytes]:
    for action, lines in listed.items():
        for text in _filled(lines)[:MAX_LISTS]:
            yield _body(action, {Key.RE: number, Key.TEXT: text})


def _filled(lines: list[str]) -> list[bytes]:
    """Join lines into texts, each as long as a packet has room for."""
    texts = [b""]
    for line in lines:
        data = line.encode()
        if texts[-1] and len(texts[-1]) + 1 + len(data) > _LIST:
            texts.append(data)
        else:
            texts[-1] += b"\n" + data if texts[-1] else data
    return texts


def _event(kind: Kind, fields: dict[int, bytes]) -> Event:
    number = int.from_bytes(fields.get(Key.ID, b""), "big")
    sender = text_of(fields, Key.FROM)
    if kind is Kind.RENAMED:
        return Event(number, kind, "", sender, text_of(fields, Key.NAME))
    where = text_of(fields, Key.NAME if kind is Kind.TOLD else Key.ROOM)
    private = kind is Kind.TOLD
    return Event(number, kind, where, sender, text_of(fields, Key.TEXT), private)


def _result(error: str, about: str) -> Done | Refused:
    if not error:
        return Done("", about)
    code, _, text = error.partition(" ")
    return Refused(int(code) if code.isdecimal() and code.isascii() else 0, text)


def _present(line: str) -> Present:
    room, name, role, door, idle = line.split(" ")
    return Present(room, name, role, door, int(idle))


def _listed(line: str) -> Listed:
    room, members = line.split(" ")
    return Listed(room, int(members))
