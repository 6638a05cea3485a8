"""What the line door says: replies, events and refusals, one line each (docs/protocols/chat.md)."""

from collections.abc import Callable
from dataclasses import replace

from twisted_net.chat.codec.events import WHY, Event, Kind, read_id, shown_id
from twisted_net.chat.codec.multiline import lines_of
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.codec.replies import (
    Announced,
    Done,
    Heard,
    Listed,
    Missed,
    Old,
    Pong,
    Present,
    Refused,
    Reply,
    Titled,
    Usage,
)
from twisted_net.chat.codec.texts import plain

#: What the server says first.
GREETING = "HELLO netdemo chat; choose a name: NICK <name>"

#: What it says when it is about to stop.
STOPPING = "SERVER stopping"


def told(event: Event) -> str:
    """Write an event; empty: this door does not tell of it.

    What was said in several lines makes as many, each a message of this door.
    """
    written = _WRITTEN.get(event.kind)
    return "" if written is None else written(event)


def _each_line(event: Event, *before: str) -> str:
    """Write what was said, a line for each of its lines; what was done shows that."""
    me = "/me " if event.kind is Kind.ACTED else ""
    return "\n".join(joined(*before, me + plain(line)) for line in lines_of(event.text))


def _message(event: Event) -> str:
    if event.text.startswith("\x01"):
        return ""  # a question from one program to another
    if event.private:
        return _each_line(event, "TOLD", event.sender)
    return "\n".join(
        joined(event.kind.name, event.where, event.sender, plain(line))
        for line in lines_of(event.text)
    )


def _of_room(event: Event) -> str:
    if event.private:
        return ""
    return joined(event.kind.name, event.where, event.sender, plain(event.text))


def _of_member(event: Event) -> str:
    return joined(event.kind.name, event.sender, plain(event.text))


def _kicked(event: Event) -> str:
    return joined("KICKED", event.where, event.other, event.sender, plain(event.text))


def _invited(event: Event) -> str:
    # The room's operators are told too, on doors where they ask for it.
    return "" if event.only else joined("INVITED", event.where, event.sender)


def _room_renamed(event: Event) -> str:
    why = dict(event.tags).get(WHY, "")
    return joined("MOVED", event.where, event.text, event.sender, plain(why))


_WRITTEN: dict[Kind, Callable[[Event], str]] = {
    Kind.SAID: _message,
    Kind.ACTED: _message,
    Kind.NOTICED: _message,
    Kind.TOLD: _message,
    Kind.JOINED: _of_room,
    Kind.PARTED: _of_room,
    Kind.TOPIC: _of_room,
    Kind.MODED: _of_room,
    Kind.LEFT: _of_member,
    Kind.RENAMED: _of_member,
    Kind.KICKED: _kicked,
    Kind.INVITED: _invited,
    Kind.ROOM_RENAMED: _room_renamed,
}


def answered(reply: Reply | Refused) -> str:
    """Write a reply; what was said in several lines makes as many."""
    match reply:
        case Done(verb, about):
            return joined("OK", verb, about)
        case Present(room, name, role, door, idle):
            return joined("MEMBER", room, name, role, door, str(idle))
        case Listed(room, members, topic):
            return joined("ROOM", room, str(members), plain(topic))
        case Titled(room, name, topic):
            return joined("TOPIC", room, name, plain(topic))
        case Old(event):
            return _each_line(event, "OLD", shown_id(event.id), event.where, event.sender)
        case Pong(token):
            return joined("PONG", token)
        case Usage(form, meaning):
            return joined("HELP", f"{form}: {meaning}")
        case Refused(code, text):
            return joined("ERR", str(code), text)


def refused(refusal: Refusal) -> str:
    """Write a refusal."""
    return joined("ERR", str(refusal))


def heard(line: bytes) -> Heard:
    """Read what the server said, as a client does.

    What it does not know is handed on as `Announced`, so that an older client can show what a
    newer server says.
    """
    text = line.decode("utf-8", "backslashreplace")
    word, _, rest = text.partition(" ")
    number = read_id(word[1:]) if word.startswith("@") else None
    if number is not None:
        word, _, rest = rest.partition(" ")
    reader = _READERS.get(word)
    if reader is None:
        return Announced(text)
    try:
        heard = reader(rest)
    except ValueError:
        return Announced(text)
    return replace(heard, id=number) if number and isinstance(heard, Event) else heard


def joined(*words: str) -> str:
    """Return words as one line, empty ones left out."""
    return " ".join(word for word in words if word)


def _cut(rest: str, count: int) -> list[str]:
    """Cut ``rest`` into ``count`` words; those at the end may be empty, the first may not."""
    words = rest.split(" ", count - 1)
    if not words[0]:
        raise ValueError("nothing said")
    return words + [""] * (count - len(words))


def _in_room(kind: Kind) -> Callable[[str], Event]:
    def read(rest: str) -> Event:
        where, sender, text = _cut(rest, 3)
        return Event(0, kind, where, sender, text)

    return read


def _in_no_room(kind: Kind) -> Callable[[str], Event]:
    def read(rest: str) -> Event:
        sender, text = _cut(rest, 2)
        return Event(0, kind, "", sender, text, private=kind is Kind.TOLD)

    return read


def _read_kicked(rest: str) -> Event:
    where, other, sender, text = _cut(rest, 4)
    return Event(0, Kind.KICKED, where, sender, text, other=other)


def _read_moved(rest: str) -> Event:
    where, name, sender, why = _cut(rest, 4)
    return Event(0, Kind.ROOM_RENAMED, where, sender, name, tags=((WHY, why),) if why else ())


def _read_old(rest: str) -> Old:
    shown, where, sender, text = _cut(rest, 4)
    number = read_id(shown)
    if number is None:
        raise ValueError(shown)
    kind = Kind.ACTED if text.startswith("/me ") else Kind.SAID
    return Old(Event(number, kind, where, sender, text.removeprefix("/me ")))


def _read_missed(rest: str) -> Missed:
    room, count = _cut(rest, 2)
    return Missed(int(count), room)


def _read_done(rest: str) -> Done:
    return Done(*_cut(rest, 2))


def _read_refused(rest: str) -> Refused:
    code, text = _cut(rest, 2)
    return Refused(int(code), text)


def _read_present(rest: str) -> Present:
    room, name, role, door, idle = _cut(rest, 5)
    return Present(room, name, role, door, int(idle))


def _read_listed(rest: str) -> Listed:
    room, members, topic = _cut(rest, 3)
    return Listed(room, int(members), topic)


def _read_usage(rest: str) -> Usage:
    form, _, meaning = rest.partition(": ")
    return Usage(form, meaning)


_READERS: dict[str, Callable[[str], Heard]] = {
    **{
        kind.name: _in_room(kind)
        for kind in (Kind.SAID, Kind.ACTED, Kind.NOTICED, Kind.JOINED, Kind.PARTED, Kind.TOPIC)
    },
    **{kind.name: _in_no_room(kind) for kind in (Kind.TOLD, Kind.LEFT, Kind.RENAMED)},
    "MODED": _in_room(Kind.MODED),
    "INVITED": _in_room(Kind.INVITED),
    "KICKED": _read_kicked,
    "MOVED": _read_moved,
    "OLD": _read_old,
    "MISSED": _read_missed,
    "OK": _read_done,
    "ERR": _read_refused,
    "MEMBER": _read_present,
    "ROOM": _read_listed,
    "PONG": Pong,
    "HELP": _read_usage,
}
