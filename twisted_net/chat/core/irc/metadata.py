"""METADATA: what members and rooms tell about themselves (IRCv3 draft/metadata-2).

A client sees that of rooms that it may see, of itself, and of whom it shares a room with or
watches; of everybody else it is told that nothing is set.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted_net.chat.codec.events import Event
from twisted_net.chat.codec.irc.numerics import TEXTS, Numeric
from twisted_net.chat.codec.irc.wire import Message, fitting, write
from twisted_net.chat.codec.refusals import Refusal, Why
from twisted_net.chat.codec.requests import Describe
from twisted_net.chat.core.irc import subscribing
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.past import batch
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.irc.subscriptions import LATER, MAX_SUBS, may_see
from twisted_net.chat.core.metadata import MAX_KEYS, MAX_VALUE, change, is_key, refuse_change
from twisted_net.chat.core.room import Member, Role, Room

#: What the capability says of the limits.
VALUE = f"before-connect,max-subs={MAX_SUBS},max-keys={MAX_KEYS},max-value-bytes={MAX_VALUE}"

_CODES = {
    Why.BAD_NAME: "KEY_INVALID",
    Why.BAD_TEXT: "VALUE_INVALID",
    Why.NOT_TEXT: "VALUE_INVALID",
    Why.NOT_THERE: "KEY_NOT_SET",
    Why.LIST_FULL: "LIMIT_REACHED",
}


class _Target:
    """Whose metadata is meant.

    :ivar name: as it is shown; the client's own name where it said ``*``.
    :ivar what: None: a client's own, before it has come in.
    """

    def __init__(
        self, name: str, held: dict[str, str], what: Member[Any] | Room[Any] | None
    ) -> None:
        self.name = name
        self.held = held
        self.what = what


def metadata(session: Session, message: Message) -> None:
    """Tell, set, and be told."""
    name, subcommand = message.params[:2]
    words = message.params[2:]
    obeyed, own = _OBEYED.get(subcommand.upper()), _OWN.get(subcommand.upper())
    target = _found(session, name)
    if obeyed is None and own is None:
        session.fail("SUBCOMMAND_INVALID", subcommand or "*", "There is no such subcommand")
    elif target is None or (own is not None and target.what is not session.member):
        session.fail("INVALID_TARGET", name or "*", "There is nobody and no channel of that name")
    elif own is not None:
        own(session, words)
    elif obeyed is not None:
        obeyed(session, target, words)


def _found(session: Session, name: str) -> _Target | None:
    if session.member is None:
        # It has no name yet, whatever it has said (draft/metadata-2, client command).
        return _Target("*", session.claim.metadata, None) if name == "*" else None
    if name[:1] == "#":
        try:
            room = session.hub.room(name[1:], session.me)
        except Refusal:
            return None
        return _Target(f"#{room.name}", room.metadata, room)
    member = session.me if name == "*" else session.hub.known(name)
    if member is None:
        return None
    return _Target(member.name, member.metadata if may_see(session, member) else {}, member)


# To look at.


def _line(session: Session, target: str, key: str, value: str | None) -> bytes:
    """Return the reply about a key; None: it is not set."""
    server, nick = session.server.name, session.nick
    if value is None:
        words = [f"{Numeric.RPL_KEYNOTSET:03}", nick, target, key, TEXTS[Numeric.RPL_KEYNOTSET]]
    else:
        words = [f"{Numeric.RPL_KEYVALUE:03}", nick, target, key, "*", value]
    return fitting(write(server, *words))


def _get(session: Session, target: _Target, keys: tuple[str, ...]) -> None:
    told = []
    for key in keys:
        if is_key(key):
            told.append(_line(session, target.name, key, target.held.get(key)))
        else:
            words = ("METADATA", "KEY_INVALID", key or "*", "That is no valid key")
            told.append(fitting(write(session.server.name, "FAIL", *words)))
    batch(session, "metadata", (target.name,), told)


def _list(session: Session, target: _Target, words: tuple[str, ...]) -> None:
    _get(session, target, tuple(target.held))


def _sync(session: Session, target: _Target, words: tuple[str, ...]) -> None:
    told = session.server.subscriptions.told(session, subscribing.all_of(session, target.what))
    if subscribing.is_much(session, told):
        session.reply(Numeric.RPL_METADATASYNCLATER, target.name, str(LATER))
    else:
        batch(session, "metadata", (target.name,), told)


# To change.


def _set(session: Session, target: _Target, words: tuple[str, ...]) -> None:
    if _is_anothers(session, target):
        session.fail("KEY_NO_PERMISSION", target.name, (words or "*")[0], "You may not set that")
        return
    key, value = (words[0] if words else ""), (words[1] if len(words) > 1 else None)
    _change(
        session,
        target,
        key,
        value,
        lambda event: session.put(_line(session, target.name, key, value)),
        partial(_refused, session, target.name, key),
    )


def _change(
    session: Session,
    target: _Target,
    key: str,
    value: str | None,
    done: Callable[[Event | None], None],
    refused: Callable[[Refusal], None],
) -> None:
    """Set a key, or take it away; before a client is in, nobody needs to be asked."""
    if target.what is not None:
        room = target.what.name if isinstance(target.what, Room) else ""

        def changed(event: Event | None) -> None:
            if not room:
                keep(session, key, value)
            done(event)

        session.ask(Describe(key, value, room), changed, refused)
        return
    try:
        refuse_change(target.held, key, value)
    except Refusal as refusal:
        refused(refusal)
    else:
        change(target.held, key, value)
        done(None)


def keep(session: Session, key: str, value: str | None) -> None:
    """Remember for the next time what somebody tells who has an account."""
    profiles, member = session.server.profiles, session.member
    if profiles is not None and member is not None and member.account:
        profiles.keep(member.account, key, value)


def _refused(session: Session, target: str, key: str, refusal: Refusal) -> None:
    code = _CODES.get(refusal.why, "KEY_NO_PERMISSION")
    about = {
        "KEY_INVALID": (key or "*",),
        "VALUE_INVALID": (),
        "LIMIT_REACHED": (target,),
    }.get(code, (target, key))
    session.fail(code, *about, refusal.text)


def _is_anothers(session: Session, target: _Target) -> bool:
    return isinstance(target.what, Member) and target.what is not session.member


def _clear(session: Session, target: _Target, words: tuple[str, ...]) -> None:
    room = target.what if isinstance(target.what, Room) else None
    ruled = room is None or room.role(session.me) >= Role.OPERATOR
    if _is_anothers(session, target) or not ruled:
        session.fail("KEY_NO_PERMISSION", target.name, "*", "You may not clear that")
        return
    cleared = dict(target.held)
    told: list[bytes] = []
    waits = len(cleared)

    def one(line: Callable[[], bytes], _: object = None) -> None:
        nonlocal waits
        waits -= 1
        told.append(line())
        if not waits:
            batch(session, "metadata", (target.name,), told)

    if not cleared:
        batch(session, "metadata", (target.name,), told)
    for key, value in cleared.items():
        done = partial(one, partial(_line, session, target.name, key, value))
        _change(session, target, key, None, done, partial(one, lambda: b""))


_OBEYED: dict[str, Callable[[Session, _Target, tuple[str, ...]], None]] = {
    "GET": _get,
    "LIST": _list,
    "SET": _set,
    "CLEAR": _clear,
    "SYNC": _sync,
}

#: Of these the target is the client, and nobody else.
_OWN: dict[str, Callable[[Session, tuple[str, ...]], None]] = {
    "SUB": subscribing.subscribe,
    "UNSUB": subscribing.unsubscribe,
    "SUBS": subscribing.subscriptions,
}

COMMANDS = {
    "METADATA": Command(
        metadata,
        "<target> GET|LIST|SET|CLEAR|SYNC|SUB|UNSUB|SUBS [<key>...] [<value>]",
        2,
        early=True,
        cost=2.0,
    )
}
