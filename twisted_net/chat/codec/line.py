"""The line door's commands: one line each, a verb and its words (docs/protocols/chat.md)."""

from collections.abc import Callable
from dataclasses import dataclass, fields

from twisted_net.chat.codec.events import read_id, shown_id
from twisted_net.chat.codec.refusals import Code, Refusal
from twisted_net.chat.codec.replies import (
    Usage,
)
from twisted_net.chat.codec.requests import (
    COSTS,
    Act,
    Away,
    Charset,
    Command,
    Help,
    History,
    Ids,
    Invite,
    Join,
    Kick,
    Login,
    Mode,
    Nick,
    Part,
    Ping,
    Quit,
    Register,
    Rooms,
    Say,
    Search,
    Since,
    Talk,
    Tell,
    Topic,
    Use,
    Who,
)
from twisted_net.chat.codec.texts import decoded, quoted


@dataclass(frozen=True, slots=True)
class _Form:
    """How a command is written.

    :ivar made: makes the command from its words.
    :ivar runs_on: whether the last word is a text that runs to the end of the line.
    :ivar names: whether spaces alone are an empty name, which will be refused as one.
    """

    made: Callable[..., Command]
    words: str
    least: int
    most: int
    meaning: str
    runs_on: bool = False
    names: bool = False


def _history(room: str = "", count: str = "") -> History:
    if not count and _is_number(room):
        room, count = "", room
    if count and not _is_number(count):
        raise ValueError(count)
    return History(room, int(count)) if count else History(room)


def _since(shown: str, room: str = "") -> Since:
    number = read_id(shown.removeprefix("@"))
    if number is None:
        raise ValueError(shown)
    return Since(number, room)


def _ids(word: str) -> Ids:
    return Ids({"on": True, "off": False}[word.lower()])


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 7


_FORMS: dict[str, _Form] = {
    "NICK": _Form(Nick, " <name>", 1, 1, "take a name, the first or another one", names=True),
    "LOGIN": _Form(Login, " <account> <password>", 2, 2, "prove that a name is yours", True),
    "REGISTER": _Form(Register, " <account> <password>", 2, 2, "make a name yours", True),
    "JOIN": _Form(Join, " <room> [key]", 1, 2, "enter a room; what you type is said there"),
    "PART": _Form(Part, " [room]", 0, 1, "leave a room"),
    "USE": _Form(Use, " <room>", 1, 1, "say what you type in another of your rooms"),
    "SAY": _Form(Say, " <room> <text>", 2, 2, "say anything, even a command's word", True),
    "TELL": _Form(Tell, " <name> <text>", 2, 2, "say something to one member", True),
    "ME": _Form(Act, " <text>", 1, 1, "do something, in words", True),
    "WHO": _Form(Who, " [room]", 0, 1, "who is here"),
    "ROOMS": _Form(Rooms, "", 0, 0, "what rooms there are"),
    "TOPIC": _Form(Topic, " <room> [text]", 1, 2, "what a room is about; or set it", True),
    "HISTORY": _Form(_history, " [room] [n]", 0, 2, "the last n messages"),
    "SINCE": _Form(_since, " <id> [room]", 1, 2, "what was said after a message"),
    "SEARCH": _Form(Search, " <words>", 1, 1, "messages with these words", True),
    "AWAY": _Form(Away, " [text]", 0, 1, "say that you are away; without a text: back", True),
    "KICK": _Form(Kick, " <room> <name> [why]", 2, 3, "throw somebody out of a room", True),
    "INVITE": _Form(Invite, " <name> <room>", 2, 2, "invite somebody into a room"),
    "MODE": _Form(Mode, " <room> [changes]", 1, 2, "a room's modes; or change them", True),
    "IDS": _Form(_ids, " on|off", 1, 1, "begin events with their ids"),
    "CHARSET": _Form(Charset, " <name>", 1, 1, "speak another charset than UTF-8"),
    "PING": _Form(Ping, " [token]", 0, 1, "ask for an answer", True),
    "HELP": _Form(Help, " [command]", 0, 1, "this list"),
    "QUIT": _Form(Quit, "", 0, 0, "leave"),
}

_VERBS: dict[Callable[..., Command], str] = {
    **{form.made: verb for verb, form in _FORMS.items()},
    History: "HISTORY",
    Since: "SINCE",
    Ids: "IDS",
}
_COSTS = {_VERBS[kind].encode(): cost for kind, cost in COSTS.items()}


def cost(line: bytes) -> int:
    """Return what a line costs of what one member may say."""
    return _COSTS.get(line.partition(b" ")[0].removeprefix(b"/").upper(), 1)


def parse(line: bytes, charset: str = "utf-8") -> Command | None:
    """Read what a member typed; None: an empty line.

    A command begins with its word in capitals, or with ``/`` and its word in any case. All else
    is said, ``//x`` as ``/x``.

    :param line: without its ending.
    :raises Refusal: no such command, the wrong number of words, or not text at all.
    """
    text = decoded(line, charset)
    if not text.strip(" "):
        return None
    if text.startswith("//"):
        return Talk(text[1:])
    word, space, rest = text.partition(" ")
    verb = word[1:].upper() if word.startswith("/") else word
    if verb in _FORMS:
        return _command(verb, rest, named=bool(space))
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
    return _line(verb_of(command), *_words(command))


def _words(command: Command) -> list[str]:
    match command:
        case Topic(room, text):
            return [room, text or ""]
        case History(room, count):
            return [room, str(count)]
        case Since(number, room):
            return [shown_id(number), room]
        case Ids(on):
            return ["on" if on else "off"]
        case _:
            # What only other doors say, an Act's room for one, comes last.
            most = _FORMS[verb_of(command)].most
            return [getattr(command, each.name) for each in fields(command)[:most]]


def verb_of(command: Command) -> str:
    """Return a command's word; of a plain line the one that it could have had."""
    return "SAY" if isinstance(command, Talk) else _VERBS[type(command)]


def _command(verb: str, rest: str, named: bool) -> Command:
    form = _FORMS[verb]
    words = _running(rest, form.most) if form.runs_on else rest.split(" ")
    words = [word for word in words if word.strip(" ")]
    if form.names and named and not words:
        words = [""]
    if not form.least <= len(words) <= form.most:
        raise Refusal(Code.BAD, f"{verb} wants: {verb}{form.words}")
    try:
        return form.made(*words)
    except (KeyError, ValueError):
        raise Refusal(Code.BAD, f"{verb} wants: {verb}{form.words}") from None


def _running(rest: str, most: int) -> list[str]:
    """Cut ``rest`` into ``most`` words, of which the last keeps its spaces."""
    words = []
    for _ in range(most - 1):
        word, _, rest = rest.lstrip(" ").partition(" ")
        words.append(word)
    return [*words, rest]


def _line(*words: str) -> bytes:
    return " ".join(["", *filter(None, words)])[1:].encode() + b"\n"
