"""What is said: PRIVMSG, NOTICE, TAGMSG, REDACT (RFC 2812, 3.3; IRCv3 message-tags)."""

from collections.abc import Callable
from functools import partial

from twisted_net.chat.codec.events import Event, Kind, read_id
from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.codec.refusals import Refusal, Why
from twisted_net.chat.codec.requests import Act, Deed, Notice, Redact, Say, Tag, Tags, Tell
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.isupport import MAX_TARGETS
from twisted_net.chat.core.irc.refusals import silenced
from twisted_net.chat.core.irc.session import Session

_ACTION = "\x01ACTION "

#: Makes a command of a place, whether it is private, who hears it, and the tags.
_Made = Callable[[str, bool, str, Tags], Deed]


def privmsg(session: Session, message: Message) -> None:
    """Say something to rooms and members."""
    targets, text = _addressed(session, message)
    if text.startswith(_ACTION):
        _to_all(session, message, targets, _acted(text.removeprefix(_ACTION).removesuffix("\x01")))
    elif text:
        _to_all(session, message, targets, _said(text))


def _said(text: str) -> _Made:
    return lambda where, private, only, tags: (
        Tell(where, text, tags) if private else Say(where, text, tags, only)
    )


def _acted(text: str) -> _Made:
    return lambda where, private, only, tags: Act(text, where, private, tags, only)


def _addressed(session: Session, message: Message) -> tuple[list[str], str]:
    """Return to whom something is said, and what; nothing, and say so, if one is missing."""
    if not message.params or not message.params[0]:
        session.reply(Numeric.ERR_NORECIPIENT)
    elif len(message.params) == 1 or not message.params[1]:
        session.reply(Numeric.ERR_NOTEXTTOSEND)
    else:
        return message.params[0].split(","), message.params[1]
    return [], ""


def notice(session: Session, message: Message) -> None:
    """Say something that nothing ever answers, no error either."""
    if len(message.params) < 2 or not message.params[1]:
        return
    text = message.params[1]
    for target in message.params[0].split(",")[:MAX_TARGETS]:
        found = place(target)
        if found is not None:
            where, private, only = found
            what = Notice(where, text, private, tags_of(message), only)
            session.ask(what, partial(noticed, session), silence)


def noticed(session: Session, event: Event | None) -> None:
    """Tell those who talk to themselves; a NOTICE has no answer."""
    if event is not None and event.private and session.hub.known(event.where) is session.member:
        session.line.outlet.add(session.profile.render(event))


def silence(refusal: Refusal) -> None:
    """Answer a NOTICE with nothing (RFC 2812, 3.3.2)."""


def tagmsg(session: Session, message: Message) -> None:
    """Send tags alone, typing for one."""
    if not message.params or not message.params[0]:
        session.reply(Numeric.ERR_NORECIPIENT)
    elif tags_of(message):
        targets = message.params[0].split(",")
        _to_all(
            session,
            message,
            targets,
            lambda where, private, only, tags: Tag(where, tags, private, only),
        )


def tags_of(message: Message) -> Tags:
    """Return the tags that go on to others: those that clients make for each other."""
    return tuple((key, value) for key, value in message.tags.items() if key[0] == "+")


def place(target: str) -> tuple[str, bool, str] | None:
    """Return where a target is, whether that is a member, and who of a room hears it."""
    only = target[:1] if target[:1] in ("@", "+") and target[1:2] == "#" else ""
    target = target.removeprefix(only)
    if target[:1] == "#":
        return target[1:], False, only
    return (target, True, "") if target else None


def _to_all(session: Session, message: Message, targets: list[str], made: _Made) -> None:
    tags = tags_of(message)
    for target in targets[:MAX_TARGETS]:
        found = place(target)
        if found is None:
            session.reply(Numeric.ERR_NORECIPIENT)
            continue
        where, private, only = found
        session.ask(
            made(where, private, only, tags),
            partial(told, session),
            partial(not_said, session, target),
        )
    for target in targets[MAX_TARGETS:]:
        session.reply(Numeric.ERR_TOOMANYTARGETS, target)


def told(session: Session, event: Event | None) -> None:
    """Say that who was told something is away; and tell those who talk to themselves."""
    if event is None or not event.private:
        return
    other = session.hub.known(event.where)
    if other is session.member:
        session.line.outlet.add(session.profile.render(event))  # their own doing is the echo
    if other is not None and other.away and event.kind is not Kind.TAGGED:
        session.reply(Numeric.RPL_AWAY, other.name, other.away)


def not_said(session: Session, target: str, refusal: Refusal) -> None:
    """Say why something was not said."""
    lines = silenced(refusal, session.server.name, session.nick, (target,))
    if lines is not None:
        session.put(lines)
    elif refusal.why in (Why.BAD_TEXT, Why.NOT_TEXT):
        session.fail("INVALID_PARAMS", target, refusal.text)
    else:
        session.refuse(refusal, target)


def redact(session: Session, message: Message) -> None:
    """Take back what was said in a room, or to somebody (IRCv3 draft/message-redaction)."""
    target, shown = message.params[:2]
    why = message.params[2] if len(message.params) > 2 else ""
    private = target[:1] != "#"
    if not private and folded(target[1:]) not in session.me.rooms:
        session.fail("INVALID_TARGET", target, "You are in no such channel")
        return
    number = read_id(shown)
    if number is None:
        session.fail("UNKNOWN_MSGID", target, shown, "There is no such message")
        return
    session.ask(
        Redact(target if private else target[1:], number, why, private),
        refused=lambda refusal: _not_redacted(session, refusal, target, shown),
    )


def _not_redacted(session: Session, refusal: Refusal, target: str, shown: str) -> None:
    if refusal.why is Why.NO_MESSAGE:
        session.fail("UNKNOWN_MSGID", target, shown, "There is no such message")
    elif refusal.why is Why.NOT_OPERATOR:
        session.fail("REDACT_FORBIDDEN", target, shown, "You may not redact that message")
    else:
        session.fail("INVALID_TARGET", target, refusal.text)


COMMANDS = {
    "PRIVMSG": Command(privmsg, "<target>{,<target>} <text>"),
    "NOTICE": Command(notice, "<target>{,<target>} <text>"),
    "TAGMSG": Command(tagmsg, "<target>{,<target>}"),
    "REDACT": Command(redact, "<target> <msgid> [<reason>]", 2),
}
