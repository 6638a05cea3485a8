"""How far somebody has read: MARKREAD (IRCv3 draft/read-marker)."""

from collections.abc import Callable

from twisted_net.chat.codec.irc.render import time_of
from twisted_net.chat.codec.irc.wire import Message, fitting, write
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.past import LAST, read_time, talk
from twisted_net.chat.core.irc.session import Session

#: Markers of somebody who has no account.
MAX_MARKERS = 100


def markread(session: Session, message: Message) -> None:
    """Remember how far somebody has read, or tell it."""
    if not message.params:
        session.fail("NEED_MORE_PARAMS", "Missing parameters")
        return
    target, reference = message.params[0], "".join(message.params[1:2])
    milliseconds = read_time(reference.removeprefix("timestamp=")) if reference else 0
    if milliseconds is None or (reference and not reference.startswith("timestamp=")):
        session.fail("INVALID_PARAMS", target, reference, "Need a time: timestamp=<time>")
        return
    _mark(session, target, milliseconds << 16 | LAST if reference else 0, lambda: None)


def say_marker(session: Session, channel: str, then: Callable[[], None]) -> None:
    """Tell how far somebody has read who enters a room, and then go on."""
    _mark(session, channel, 0, then)


def _mark(session: Session, target: str, number: int, then: Callable[[], None]) -> None:
    """Remember a marker, which only grows, and tell it; 0 only asks.

    That of an account, in a conversation that is kept, is kept too. Of everybody else it lasts as
    long as the connection.
    """
    account, found = session.me.account, talk(session, target)
    if found is None or not account:
        _say_marker(session, target, _marked_here(session, target, number))
        then()
        return
    of, shown = found

    def told(marked: int | Refusal) -> None:
        if session.member is None:
            return
        if isinstance(marked, Refusal):
            session.fail("INTERNAL_ERROR", shown, marked.text)
        else:
            _say_marker(session, shown, marked)
            if number:
                _tell_others(session, account, shown, marked)
        then()

    session.history.ask(session.later(told), "mark_read", account, of, number)


def _marked_here(session: Session, target: str, number: int) -> int:
    markers, key = session.markers, folded(target)
    number = max(number, markers.pop(key, 0))
    if number:
        markers[key] = number
        if len(markers) > MAX_MARKERS:
            del markers[next(iter(markers))]
    return number


def _marker(session: Session, shown: str, number: int) -> bytes:
    when = f"timestamp={time_of(number)}" if number else "*"
    return fitting(write(session.server.name, "MARKREAD", shown, when))


def _say_marker(session: Session, shown: str, number: int) -> None:
    session.put(_marker(session, shown, number))


def _tell_others(session: Session, account: str, shown: str, number: int) -> None:
    """Tell the other clients of the same account."""
    for each in list(session.server.sessions.values()):
        theirs = each is not session and each.me.account == account
        if theirs and "draft/read-marker" in each.capabilities:
            each.line.put(_marker(each, shown, number))


COMMANDS = {"MARKREAD": Command(markread, "<target> [timestamp=<time>]")}
