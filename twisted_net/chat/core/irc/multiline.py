"""Messages of several lines: BATCH of a client (IRCv3 client-batch, draft/multiline)."""

import re
from functools import partial

from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.render import MULTILINE
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.codec.multiline import combined
from twisted_net.chat.codec.requests import Notice, Say, Tell
from twisted_net.chat.core.irc.batch import Batch, Wrong, invalid
from twisted_net.chat.core.irc.commands import BATCH, Command
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.irc.talking import not_said, noticed, place, silence, tags_of, told

_NAME = re.compile("[A-Za-z0-9-]+", re.ASCII)

_NO_SUCH = invalid(": there is no such batch")


def batch(session: Session, message: Message) -> None:
    """Begin a message of several lines, take one of them, or end and say it."""
    reference = message.params[0] if message.params else ""
    if message.command != BATCH or "batch" in message.tags:
        _gather(session, message)
    elif not reference:
        session.reply(Numeric.ERR_NEEDMOREPARAMS, BATCH)
    elif reference[0] == "-":
        _end(session, reference[1:])
    else:
        _begin(session, reference, message)


def _begin(session: Session, reference: str, message: Message) -> None:
    name = reference[1:]
    target = message.params[2] if len(message.params) > 2 else ""
    wrong = _wrong_of(session, reference, message)
    opened = Batch(name, target, tags_of(message), session.now, wrong=wrong is not None)
    outer, session.batch = session.batch, opened
    if outer is not None and not outer.wrong:
        session.go_on(partial(session.fail, *invalid(": another one began")))
    if wrong is not None:
        session.fail(*wrong)
    else:
        session.postpone()


def _wrong_of(session: Session, reference: str, message: Message) -> Wrong | None:
    """Return what is wrong with a batch from the beginning."""
    if reference[0] != "+" or not _NAME.fullmatch(reference[1:]):
        return "INVALID_REFTAG", _word(reference), "Need +name, of letters, digits and hyphens"
    kind, *words = message.params[1:] or ("",)
    if kind != MULTILINE or MULTILINE not in session.capabilities:
        return "UNKNOWN_TYPE", reference[1:], _word(kind), "There is no such type of batch"
    if session.batch is not None and not session.batch.wrong:
        return invalid(": it began within another one")
    if len(words) != 1 or "," in words[0] or " " in words[0] or place(words[0]) is None:
        return invalid(": need one target")
    return None


def _gather(session: Session, message: Message) -> None:
    opened = session.batch
    if opened is None or message.tags["batch"] != opened.name:
        session.say("FAIL", BATCH, *_NO_SUCH)
        return
    wrong = opened.add(message, session.now)
    if wrong is not None:
        session.go_on(partial(session.fail, *wrong))


def unread(session: Session) -> None:
    """Say nothing of a batch of which something could not be read: it would not be whole."""
    wrong = None if session.batch is None else session.batch.spoil()
    if wrong is not None:
        session.go_on(partial(session.fail, *wrong))


def _end(session: Session, name: str) -> None:
    opened = session.batch
    if opened is None or name != opened.name:
        session.say("FAIL", BATCH, *_NO_SUCH)
        return
    session.batch = None
    was_wrong = opened.wrong
    wrong = opened.end(session.now)
    if wrong is not None:
        session.go_on(partial(session.fail, *wrong))
    elif not was_wrong:
        session.go_on(partial(_say, session, opened))


def _say(session: Session, said: Batch) -> None:
    where, private, only = place(said.target) or ("", True, "")
    text, lines = combined(said.pieces)
    tags = (*said.tags, *lines)
    if said.command == "NOTICE":
        what = Notice(where, text, private, tags, only)
        session.ask(what, partial(noticed, session), silence)
        return
    session.ask(
        Tell(where, text, tags) if private else Say(where, text, tags, only),
        partial(told, session),
        partial(not_said, session, said.target),
    )


def _word(text: str) -> str:
    """Return a stranger's word, for the middle of a reply."""
    return text if text and " " not in text and text[0] != ":" else "*"


COMMANDS = {BATCH: Command(batch, "+<name> draft/multiline <target> | -<name>")}
