"""What was said before: CHATHISTORY (IRCv3 draft/chathistory, draft/event-playback)."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from twisted_net.chat.codec.events import MESSAGES, Event, read_id
from twisted_net.chat.codec.irc.render import EPOCH, time_of
from twisted_net.chat.codec.irc.wire import Message, write
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.irc.answers import tagged_within
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.isupport import MAX_HISTORY
from twisted_net.chat.core.irc.session import Session

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?Z", re.ASCII)

#: Greater than every id, and the last id of a millisecond.
_NEVER = 1 << 63
LAST = 0xFFFF

#: Conversations that TARGETS looks through.
_ALL = 1000

#: Subcommands, and the references that each needs.
_REFERENCES = {"LATEST": 1, "BEFORE": 1, "AFTER": 1, "AROUND": 1, "BETWEEN": 2}


class _WrongError(Exception):
    """A command that cannot be understood: the code and the words of its refusal."""


def chathistory(session: Session, message: Message) -> None:
    """Tell what was said before."""
    subcommand, words = message.params[0].upper(), message.params[1:]
    if session.server.history is None:
        session.fail("MESSAGE_ERROR", subcommand, "Nothing is kept here")
        return
    try:
        if subcommand == "TARGETS":
            _targets(session, words)
        elif subcommand in _REFERENCES:
            _messages(session, subcommand, words)
        else:
            raise _WrongError("INVALID_PARAMS", subcommand, "Unknown subcommand")
    except _WrongError as error:
        session.fail(*error.args)


def _messages(session: Session, subcommand: str, words: tuple[str, ...]) -> None:
    count = _REFERENCES[subcommand]
    if len(words) != count + 2:
        raise _WrongError("INVALID_PARAMS", subcommand, "Wrong number of parameters")
    target, shown = _target(session, subcommand, words[0])
    low, high = _spans(subcommand, words[1 : count + 1])
    n = _limit(subcommand, words[-1])
    everything = "draft/event-playback" in session.capabilities
    newest = subcommand in ("LATEST", "BEFORE") or (subcommand == "BETWEEN" and low > high)
    told = session.later(partial(_tell, session, shown, newest))
    ask = partial(session.history.ask, told)
    if subcommand == "AROUND":
        ask("around", target, high, n, everything)
    else:
        ask("between", target, min(low, high), max(low, high), n, newest, everything)


def _spans(subcommand: str, references: tuple[str, ...]) -> tuple[int, int]:
    """Return between which two ids, and without them; from behind if the first is the greater."""
    first, first_last = _ids(subcommand, references[0])
    if subcommand == "BEFORE":
        return 0, first
    if subcommand == "AROUND":
        return first - 1, first
    if subcommand in ("LATEST", "AFTER"):
        return first_last, _NEVER
    second, second_last = _ids(subcommand, references[1])
    return (first_last, second) if first <= second else (first, second_last)


def _ids(subcommand: str, reference: str) -> tuple[int, int]:
    """Return the first and the last id that a reference means."""
    kind, _, value = reference.partition("=")
    if reference == "*" and subcommand == "LATEST":
        return 0, 0
    if kind == "msgid":
        number = read_id(value)
        if number is not None:
            return number, number
    elif kind == "timestamp":
        milliseconds = read_time(value)
        if milliseconds is not None:
            return milliseconds << 16, milliseconds << 16 | LAST
    elif value:
        raise _WrongError("INVALID_MSGREFTYPE", subcommand, reference, "Need msgid= or timestamp=")
    raise _WrongError(
        "INVALID_PARAMS", subcommand, reference, "Need msgid=<id> or timestamp=<time>"
    )


def read_time(text: str) -> int | None:
    """Return a time in milliseconds since 1970; None: it is none.

    >>> read_time("2026-01-01T00:00:00.123Z")
    1767225600123
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    *parts, fraction = found.groups()
    try:
        when = datetime(*map(int, parts), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
    seconds = (when - EPOCH) // timedelta(seconds=1)
    return max(0, seconds * 1000 + int((fraction or "0").ljust(3, "0")))


def _limit(subcommand: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 7):
        raise _WrongError("INVALID_PARAMS", subcommand, text, "Need a number")
    return min(int(text), MAX_HISTORY)


def _target(session: Session, subcommand: str, target: str) -> tuple[str, str]:
    """Return how a conversation is called in the history, and how it is shown."""
    found = talk(session, target)
    if found is None:
        raise _WrongError("INVALID_TARGET", subcommand, target, "Messages could not be retrieved")
    return found


def talk(session: Session, target: str) -> tuple[str, str] | None:
    """Return how a conversation is called in the history, and how it is shown.

    None: there is none that may be read: a room that one is not in, or a member without an account
    as long as one has one, for a name alone may be somebody else's tomorrow.
    """
    if session.server.history is None:
        return None
    if target[:1] == "#":
        room = session.me.rooms.get(folded(target[1:]))
        return None if room is None else (session.history.room(room.name), f"#{room.name}")
    member = session.hub.known(target)
    if member is None or not member.account or not session.me.account:
        return None
    return session.history.pair(session.me.account, member.account), member.name


def _tell(session: Session, shown: str, newest: bool, found: list[Event] | Refusal) -> None:
    if isinstance(found, Refusal):
        session.fail("MESSAGE_ERROR", shown, found.text)
        return
    profile = session.profile
    told = [profile.render(event) for event in found if event.text or event.kind not in MESSAGES]
    batch(session, "chathistory", (shown,), _fitting(told, session.server.longest, newest))


def _fitting(told: list[bytes], room: int, newest: bool) -> list[bytes]:
    """Leave out what a queue would not hold: the client asks again from where this ends.

    One message there always is: an answer with none says that there are no more.
    """
    fitting: list[bytes] = []
    size = 0
    for lines in reversed(told) if newest else told:
        size += len(lines) + 32 * lines.count(b"\n")
        if size > room and any(fitting):
            break
        fitting.append(lines)
    return fitting[::-1] if newest else fitting


def batch(session: Session, kind: str, words: tuple[str, ...], told: list[bytes]) -> None:
    """Say lines as a batch, to those who know batches."""
    lines = b"".join(told).splitlines(keepends=True)
    if "batch" not in session.capabilities:
        session.put(b"".join(lines))
        return
    session.batches += 1
    name = f"h{session.batches}"
    server, tag = session.server.name, f"@batch={name} ".encode()
    inside = [tagged_within(line, tag) for line in lines]
    start, end = (
        write(server, "BATCH", *each) for each in ((f"+{name}", kind, *words), (f"-{name}",))
    )
    session.put(b"".join([start, *inside, end]))


def _targets(session: Session, words: tuple[str, ...]) -> None:
    if len(words) != 3:
        raise _WrongError("INVALID_PARAMS", "TARGETS", "Wrong number of parameters")
    if not all(word.startswith("timestamp=") for word in words[:2]):
        raise _WrongError("INVALID_PARAMS", "TARGETS", "Need two times: timestamp=<time>")
    first, second = sorted(_ids("TARGETS", word) for word in words[:2])
    n = _limit("TARGETS", words[2])
    history, me = session.history, session.me
    rooms = {history.room(room.name): f"#{room.name}" for room in me.rooms.values()}
    told = session.later(partial(_tell_targets, session, rooms, second[0], n))
    # Later ones too: a conversation that went on after the second time is not meant.
    history.ask(told, "talks", list(rooms), me.account, first[1], _NEVER, _ALL)


def _tell_targets(session: Session, rooms: dict[str, str], before: int, n: int, found: Any) -> None:
    if isinstance(found, Refusal):
        session.fail("MESSAGE_ERROR", "TARGETS", found.text)
        return
    lines = []
    for name, last in [each for each in found if each[1] < before][:n]:
        shown = rooms.get(name) or session.history.other(name, session.me.account)
        lines.append(write(session.server.name, "CHATHISTORY", "TARGETS", shown, time_of(last)))
    batch(session, "draft/chathistory-targets", (), lines)


COMMANDS = {
    "CHATHISTORY": Command(chathistory, "<subcommand> <target> <reference>... <n>", 1, cost=10.0),
}
