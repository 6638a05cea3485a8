"""What a datagram message tells: events, replies and refusals, each a body (see `actions`).

An event is rendered once for all members of a room.
"""

from collections.abc import Iterable, Iterator, Mapping

from twisted_net.chat.codec.actions import TYPING, Action, Fields, body_of
from twisted_net.chat.codec.datagram import Key, text_of, unpacked
from twisted_net.chat.codec.messages import (
    WHY,
    Announced,
    Done,
    Event,
    Heard,
    Kind,
    Listed,
    Missed,
    Old,
    Present,
    Refusal,
    Refused,
    Reply,
    Titled,
    plain,
)
from twisted_net.chat.codec.multiline import lines_of

#: Bytes of one packet's text that a list may fill; as much as a text said.
_LIST = 1000

#: Packets that one list may fill. A longer one is cut, and its RESULT still says how long it is:
#: the answer to a question of 30 bytes must not fill all that may wait for a member.
MAX_LISTS = 7

#: The events that have an action of their own.
_OF_KINDS = {
    Kind.SAID: Action.SAY,
    Kind.TOLD: Action.TELL,
    Kind.NOTICED: Action.NOTICE,
    Kind.ACTED: Action.ACT,
    Kind.JOINED: Action.JOIN,
    Kind.PARTED: Action.PART,
    Kind.LEFT: Action.LEFT,
    Kind.RENAMED: Action.NICK,
    Kind.TOPIC: Action.TOPIC,
    Kind.KICKED: Action.KICK,
    Kind.MODED: Action.MODE,
    Kind.AWAY: Action.AWAY,
    Kind.ROOM_RENAMED: Action.MOVED,
}
_KINDS: dict[int, Kind] = {action: kind for kind, action in _OF_KINDS.items()}


def told(event: Event) -> bytes:
    """Write an event, see `parts`; nothing: this door does not tell of it."""
    if event.text.startswith("\x01"):
        return b""  # a question from one program to another
    match event.kind:
        case Kind.TAGGED:
            return _typing(event)
        case Kind.RENAMED:
            return _told(event, {Key.NAME: event.text})
        case Kind.KICKED:
            fields = {Key.ROOM: event.where, Key.NAME: event.other, Key.TEXT: plain(event.text)}
            return _told(event, fields)
        case Kind.INVITED:
            # The room's operators are told too, on doors where they ask for it.
            text = f"{event.sender} invites you into {event.where}"
            return b"" if event.only else announced(text)
        case Kind.ROOM_RENAMED:
            why = dict(event.tags).get(WHY, "")
            fields = {Key.ROOM: event.where, Key.NAME: event.text, Key.TEXT: plain(why)}
            return _told(event, fields)
        case kind if kind in _OF_KINDS:
            place = Key.NAME if event.private else Key.ROOM
            return _told(event, {place: event.where, Key.TEXT: plain(event.text)})
        case _:
            return b""


def _told(event: Event, fields: Mapping[Key, str]) -> bytes:
    number = event.id.to_bytes(8, "big")
    return body_of(_OF_KINDS[event.kind], {**fields, Key.ID: number, Key.FROM: event.sender})


def parts(body: bytes) -> Iterable[bytes]:
    """Return what was said as messages that fit one packet each: a line to each, with one id."""
    if len(body) <= _LIST and b"\n" not in body:
        return (body,)
    fields = {Key(key): value for key, value in unpacked(body[1:]).items()}
    text = fields.get(Key.TEXT, b"").decode()
    lines = lines_of(text)
    if lines == [text]:
        return (body,)
    many = len(lines) if len(lines) > 1 else 0
    action = Action(body[0])
    return [
        body_of(
            action, {**fields, Key.TEXT: line, Key.PART: bytes([number, many]) if many else None}
        )
        for number, line in enumerate(lines)
    ]


def _typing(event: Event) -> bytes:
    """Write that somebody types, or does not any more; of other tags this door does not tell."""
    state = dict(event.tags).get(TYPING, "")
    if not state:
        return b""
    place = Key.NAME if event.private else Key.ROOM
    return body_of(Action.TYPING, {place: event.where, Key.TEXT: state, Key.FROM: event.sender})


def announced(text: str) -> bytes:
    """Write what the server says in its own name."""
    return body_of(Action.NOTICE, {Key.TEXT: text})


def missed(count: int, last: int = 0, room: str = "", *, more: bool = False) -> bytes:
    """Write that events were left out, and how many.

    :param last: the id of the last one; 0: nobody knows.
    :param room: where; empty: in any.
    :param more: it may be more than that.
    """
    last_id = last.to_bytes(8, "big") if last else b""
    text = f"{count}{'+' if more else ''}"
    return body_of(Action.MISSED, {Key.ROOM: room, Key.TEXT: text, Key.ID: last_id})


def id_of(body: bytes) -> int:
    """Return the id of the event that a message tells of; 0: it tells of none."""
    return int.from_bytes(unpacked(body[1:]).get(Key.ID, b""), "big")


def answered(replies: Iterable[Reply | Refused], re: int) -> Iterator[bytes]:
    """Write the replies to the request with the number ``re``; its result comes last.

    Lists go many lines to a packet.
    """
    result = b""
    listed: dict[Action, list[str]] = {}
    number = re.to_bytes(4, "big")
    for reply in replies:
        match reply:
            case Present(room, name, role, door, idle):
                listed.setdefault(Action.WHO, []).append(f"{room} {name} {role} {door} {idle}")
            case Listed(room, members, topic):
                line = f"{room} {members} {plain(topic)}".rstrip()
                listed.setdefault(Action.ROOMS, []).append(line)
            case Titled(room, name, topic):
                yield _titled(room, name, plain(topic), number)
            case Old(event):
                yield from parts(_old(event, number))
            case Done(_, about):
                result = body_of(Action.RESULT, {Key.RE: number, Key.TEXT: about})
    yield from _lists(listed, number)
    if result:
        yield result


def _titled(room: str, name: str, topic: str, number: bytes) -> bytes:
    fields: Fields = {Key.ROOM: room, Key.TEXT: topic, Key.RE: number, Key.FROM: name}
    return body_of(Action.TOPIC, fields)


def _old(event: Event, number: bytes) -> bytes:
    text = plain(event.text)
    fields: Fields = {
        Key.ROOM: event.where,
        Key.TEXT: f"/me {text}" if event.kind is Kind.ACTED else text,
        Key.ID: event.id.to_bytes(8, "big"),
        Key.RE: number,
        Key.FROM: event.sender,
    }
    return body_of(Action.OLD, fields)


def proving(message: bytes, account: str, re: int) -> bytes:
    """Write the answer to a message of SCRAM-SHA-256.

    :param account: the one that is proven by now; empty: none.
    """
    number = re.to_bytes(4, "big")
    fields: Fields = {Key.TEXT: account, Key.RE: number, Key.CHALLENGE: message}
    return body_of(Action.RESULT, fields)


def refused(refusal: Refusal, re: int) -> bytes:
    """Write a refusal of the request with the number ``re``."""
    return body_of(Action.RESULT, {Key.RE: re.to_bytes(4, "big"), Key.ERROR: str(refusal)})


def heard(body: bytes) -> tuple[int | None, list[Heard]]:
    """Read what the server said, as a client does.

    What it does not know is handed on as `Announced`; a RESULT is a `Done` whose verb the client
    knows, or a `Refused`.

    :return: the number of the request that it answers, None for an event, and what it says.
    """
    fields = unpacked(body[1:])
    re = fields.get(Key.RE)
    if re is None:
        return None, _heard(body[0], fields)
    return int.from_bytes(re, "big"), _replied(body[0], fields)


def _heard(action: int, fields: dict[int, bytes]) -> list[Heard]:
    text = text_of(fields, Key.TEXT)
    if action == Action.TYPING:
        where, private = _place(fields)
        tags = ((TYPING, text),)
        sender = text_of(fields, Key.FROM)
        return [Event(0, Kind.TAGGED, where, sender, private=private, tags=tags)]
    if action in _KINDS and (action != Action.NOTICE or Key.FROM in fields):
        return [_event(_KINDS[action], fields)]
    if action == Action.MISSED and text.removesuffix("+").isdecimal() and text.isascii():
        room = text_of(fields, Key.ROOM)
        return [Missed(int(text.removesuffix("+")), room, text.endswith("+"))]
    return [Announced(text)]


def _replied(action: int, fields: dict[int, bytes]) -> list[Heard]:
    text = text_of(fields, Key.TEXT)
    if action == Action.RESULT:
        return [_result(text_of(fields, Key.ERROR), text)]
    try:
        if action == Action.WHO:
            return [_present(line) for line in text.split("\n")]
        if action == Action.ROOMS:
            return [_listed(line) for line in text.split("\n")]
    except ValueError:
        return [Announced(text)]
    room, sender = text_of(fields, Key.ROOM), text_of(fields, Key.FROM)
    if action == Action.TOPIC:
        return [Titled(room, sender, text)]
    if action == Action.OLD:
        done, _, what = text.partition("/me ")
        kind = Kind.SAID if done or not what else Kind.ACTED
        number = int.from_bytes(fields.get(Key.ID, b"")[:8], "big")
        return [Old(Event(number, kind, room, sender, what if kind is Kind.ACTED else text))]
    return [Announced(text)]


def _lists(listed: dict[Action, list[str]], number: bytes) -> Iterator[bytes]:
    for action, lines in listed.items():
        texts = _filled(lines)[:MAX_LISTS]
        for index, text in enumerate(texts):
            part = bytes([index, len(texts)]) if len(texts) > 1 else None
            yield body_of(action, {Key.TEXT: text, Key.RE: number, Key.PART: part})


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


def _place(fields: dict[int, bytes]) -> tuple[str, bool]:
    """Return the room, or the member addressed, and whether it is one."""
    private = Key.ROOM not in fields and Key.NAME in fields
    return text_of(fields, Key.NAME if private else Key.ROOM), private


def _event(kind: Kind, fields: dict[int, bytes]) -> Event:
    number = int.from_bytes(fields.get(Key.ID, b"")[:8], "big")
    sender, text = text_of(fields, Key.FROM), text_of(fields, Key.TEXT)
    name = text_of(fields, Key.NAME)
    if kind is Kind.RENAMED:
        return Event(number, kind, "", sender, name)
    if kind is Kind.KICKED:
        return Event(number, kind, text_of(fields, Key.ROOM), sender, text, other=name)
    if kind is Kind.ROOM_RENAMED:
        tags = ((WHY, text),) if text else ()
        return Event(number, kind, text_of(fields, Key.ROOM), sender, name, tags=tags)
    where, private = _place(fields)
    return Event(number, kind, where, sender, text, private)


def _result(error: str, about: str) -> Done | Refused:
    if not error:
        return Done("", about)
    code, _, text = error.partition(" ")
    return Refused(int(code) if code.isdecimal() and code.isascii() else 0, text)


def _present(line: str) -> Present:
    room, name, role, door, idle = line.split(" ")
    return Present(room, name, role, door, int(idle))


def _listed(line: str) -> Listed:
    room, members, *topic = line.split(" ", 2)
    return Listed(room, int(members), "".join(topic))
