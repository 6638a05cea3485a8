"""The line door's grammar: one line, one command, reply or event (docs/protocols/chat.md)."""

from collections.abc import Callable
from dataclasses import dataclass, fields

from twisted_net.chat.codec.messages import (
    Act,
    Code,
    Command,
    Done,
    Event,
    Heard,
    Help,
    Join,
    Kind,
    Listed,
    Nick,
    Notice,
    Part,
    Ping,
    Pong,
    Present,
    Quit,
    Refusal,
    Refused,
    Reply,
    Rooms,
    Say,
    Talk,
    Tell,
    Usage,
    Use,
    Who,
    decoded,
    quoted,
)

#: What the server says first.
GREETING = b"HELLO netdemo chat; choose a name: NICK <name>\n"

#: What it says when it is about to stop.
STOPPING = b"SERVER stopping\n"


@dataclass(frozen=True, slots=True)
class _Form:
    """How a command is written.

    :ivar made: makes the command from its words.
    :ivar runs_on: whether the last word is a text that runs to the end of the line.
    """

    made: Callable[..., Command]
    words: str
    least: int
    most: int
    meaning: str
    runs_on: bool = False


_FORMS: dict[str, _Form] = {
    "NICK": _Form(Nick, " <name>", 1, 1, "take a name, the first or another one"),
    "JOIN": _Form(Join, " <room>", 1, 1, "enter a room; what you type is said there"),
    "PART": _Form(Part, " [room]", 0, 1, "leave a room"),
    "USE": _Form(Use, " <room>", 1, 1, "say what you type in another of your rooms"),
    "SAY": _Form(Say, " <room> <text>", 2, 2, "say anything, even a command's word", True),
    "TELL": _Form(Tell, " <name> <text>", 2, 2, "say something to one member", True),
    "ME": _Form(Act, " <text>", 1, 1, "do something, in words", True),
    "WHO": _Form(Who, " [room]", 0, 1, "who is here"),
    "ROOMS": _Form(Rooms, "", 0, 0, "what rooms there are"),
    "PING": _Form(Ping, " [token]", 0, 1, "ask for an answer", True),
    "HELP": _Form(Help, " [command]", 0, 1, "this list"),
    "QUIT": _Form(Quit, "", 0, 0, "leave"),
}

_VERBS: dict[Callable[..., Command], str] = {form.made: verb for verb, form in _FORMS.items()}


def parse(line: bytes) -> Command | None:
    """Read what a member typed; None: an empty line.

    A command begins with its word in capitals, or with ``/`` and its word in any case. All else
    is said, ``//x`` as ``/x``.

    :param line: without its ending.
    :raises Refusal: no such command, the wrong number of words, or not text at all.
    """
    text = decoded(line)
    if not text.strip(" "):
        return None
    if text.startswith("//"):
        return Talk(text[1:])
    word, _, rest = text.partition(" ")
    verb = word[1:].upper() if word.startswith("/") else word
    if verb in _FORMS:
        return _command(verb, rest)
    if word.startswith("/"):
        raise Refusal(Code.BAD, f"unknown command {quoted(word)}; try HELP")
    return Talk(text)


def usages(verb: str = "") -> list[Usage]:
    """Return how the commands are written: one, or all of them.

    :raises Refusal: there is no such command.
    """
    verb = verb.removeprefix("/").upper()
    if verb and verb not in _FORMS:
        raise Refusal(Code.BAD, f"unknown command {quoted(verb)}; try HELP")
    chosen = [verb] if verb else list(_FORMS)
    return [Usage(each + _FORMS[each].words, _FORMS[each].meaning) for each in chosen]


def spoken(command: Command) -> bytes:
    """Write a command as a client sends it."""
    if isinstance(command, Talk):
        return _line(f"/{command.text}" if command.text.startswith("/") else command.text)
    verb = verb_of(command)
    words = [getattr(command, each.name) for each in fields(command)]
    return _line(verb, *words[: _FORMS[verb].most])  # an Act says its room on other doors only


def verb_of(command: Command) -> str:
    """Return a command's word; of a plain line the one that it could have had."""
    return "SAY" if isinstance(command, Talk) else _VERBS[type(command)]


def told(event: Event) -> bytes:
    """Write an event."""
    match event.kind:
        case Kind.SAID | Kind.ACTED | Kind.JOINED | Kind.PARTED:
            return _line(event.kind.name, event.where, event.sender, event.text)
        case Kind.TOLD | Kind.LEFT | Kind.RENAMED:
            return _line(event.kind.name, event.sender, event.text)


def answered(reply: Reply) -> bytes:
    """Write a reply."""
    match reply:
        case Done(verb, about):
            return _line("OK", verb, about)
        case Present(room, name, role, door, idle):
            return _line("MEMBER", room, name, role, door, str(idle))
        case Listed(room, members, topic):
            return _line("ROOM", room, str(members), topic)
        case Pong(token):
            return _line("PONG", token)
        case Usage(form, meaning):
            return _line("HELP", f"{form}: {meaning}")


def refused(refusal: Refusal) -> bytes:
    """Write a refusal."""
    return _line("ERR", str(refusal))


def heard(line: bytes) -> Heard:
    """Read what the server said, as a client does.

    What it does not know is handed on as a `Notice`, so that an older client can show what a
    newer server says.
    """
    text = line.decode("utf-8", "backslashreplace")
    word, _, rest = text.partition(" ")
    reader = _READERS.get(word)
    if reader is None:
        return Notice(text)
    try:
        return reader(rest)
    except ValueError:
        return Notice(text)


def _command(verb: str, rest: str) -> Command:
    form = _FORMS[verb]
    words = _running(rest, form.most) if form.runs_on else rest.split(" ")
    words = [word for word in words if word.strip(" ")]
    if not form.least <= len(words) <= form.most:
        raise Refusal(Code.BAD, f"{verb} wants: {verb}{form.words}")
    return form.made(*words)


def _running(rest: str, most: int) -> list[str]:
    """Cut ``rest`` into ``most`` words, of which the last keeps its spaces."""
    words = []
    for _ in range(most - 1):
        word, _, rest = rest.lstrip(" ").partition(" ")
        words.append(word)
    return [*words, rest]


def _line(*words: str) -> bytes:
    return " ".join(word for word in words if word).encode() + b"\n"


def _cut(rest: str, count: int) -> list[str]:
    """Cut ``rest`` into ``count`` words; those at the end may be empty, the first may not."""
    words = rest.split(" ", count - 1)
    if not words[0]:
        raise ValueError("nothing said")
    return words + [""] * (count - len(words))


def _of_room(kind: Kind) -> Callable[[str], Event]:
    def read(rest: str) -> Event:
        where, sender, text = _cut(rest, 3)
        return Event(0, kind, where, sender, text)

    return read


def _of_nobodys_room(kind: Kind) -> Callable[[str], Event]:
    def read(rest: str) -> Event:
        sender, text = _cut(rest, 2)
        return Event(0, kind, "", sender, text)

    return read


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
    "SAID": _of_room(Kind.SAID),
    "ACTED": _of_room(Kind.ACTED),
    "JOINED": _of_room(Kind.JOINED),
    "PARTED": _of_room(Kind.PARTED),
    "TOLD": _of_nobodys_room(Kind.TOLD),
    "LEFT": _of_nobodys_room(Kind.LEFT),
    "RENAMED": _of_nobodys_room(Kind.RENAMED),
    "OK": _read_done,
    "ERR": _read_refused,
    "MEMBER": _read_present,
    "ROOM": _read_listed,
    "PONG": Pong,
    "HELP": _read_usage,
}
