"""METADATA: what members and rooms tell about themselves (IRCv3 draft/metadata-2).

A client sees that of rooms that it may see, of itself, and of whom it shares a room with or
watches; of everybody else it is told that nothing is set.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted_net.chat.codec.events import Event
from twisted_net.chat.codec.irc.numerics import TEXTS, Numeric
from twisted_net.chat.codec.irc.wire import MAX_MESSAGE, Message, write
from twisted_net.chat.codec.refusals import Refusal, Why
from twisted_net.chat.codec.requests import Describe
from twisted_net.chat.core.irc.capabilities import lines_of
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.past import batch
from twisted_net.chat.core.irc.session import Session, fitting
from twisted_net.chat.core.irc.subscriptions import CAPABILITY, LATER, MAX_SUBS, may_see, said
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
    obeyed = _SUBCOMMANDS.get(subcommand.upper())
    if obeyed is None:
        session.fail("SUBCOMMAND_INVALID", subcommand or "*", "There is no such subcommand")
        return
    target = _found(session, name)
    if target is None or (subcommand.upper() in _OWN and target.what is not session.member):
        session.fail("INVALID_TARGET", name or "*", "There is nobody and no channel of that name")
        return
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
    told = session.server.subscriptions.told(session, _all_of(session, target.what))
    if _is_much(session, told):
        session.reply(Numeric.RPL_METADATASYNCLATER, target.name, str(LATER))
    else:
        batch(session, "metadata", (target.name,), told)


def _is_much(session: Session, told: list[bytes]) -> bool:
    return sum(map(len, told)) > session.server.longest // 2


def _all_of(
    session: Session, what: Member[Any] | Room[Any] | None
) -> list[Member[Any] | Room[Any]]:
    """Return whose metadata is told with that of a target: of a channel all who are seen in it."""
    if isinstance(what, Room):
        return [what, *session.hub.seen(what, session.me)] if session.me in what.members else [what]
    return [what] if what is not None and may_see(session, what) else []


def entered(session: Session, room: Room[Any]) -> None:
    """Tell who has entered a room what it has asked for, of the room and of all in it."""
    if CAPABILITY not in session.capabilities:
        return
    told = session.server.subscriptions.told(session, _all_of(session, room))
    if _is_much(session, told):
        session.reply(Numeric.RPL_METADATASYNCLATER, f"#{room.name}", str(LATER))
    else:
        session.put(b"".join(told))


def own(session: Session) -> None:
    """Tell a client that has just come in its own, which may have been kept for it."""
    if CAPABILITY in session.capabilities:
        held = session.me.metadata.items()
        told = [said(session.server.name, session.nick, key, value) for key, value in held]
        batch(session, "metadata", (session.nick,), told)


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


# To be told.


def _subscribe(session: Session, target: _Target, keys: tuple[str, ...]) -> None:
    subscriptions = session.server.subscriptions
    good = []
    for key in keys:
        if not is_key(key):
            session.fail("KEY_INVALID", key or "*", "That is no valid key")
        elif subscriptions.add(session, key):
            good.append(key)
        else:
            session.fail("TOO_MANY_SUBS", key, f"At most {MAX_SUBS} keys")
            break
    _in_lines(session, Numeric.RPL_METADATASUBOK, good)
    if session.member is not None and CAPABILITY in session.capabilities:
        _tell_new(session, good)


def _tell_new(session: Session, keys: list[str]) -> None:
    """Tell what is set now of the keys that a client has just asked for."""
    me = session.me
    about: dict[Member[Any] | Room[Any], None] = {me: None}
    for room in me.rooms.values():
        about.update(dict.fromkeys(_all_of(session, room)))
    for name in session.server.watches.names(session):
        member = session.hub.known(name)
        if member is not None:
            about[member] = None
    told = session.server.subscriptions.told(session, about, keys)
    if _is_much(session, told):
        for room in me.rooms.values():
            session.reply(Numeric.RPL_METADATASYNCLATER, f"#{room.name}", str(LATER))
    else:
        session.put(b"".join(told))


def _unsubscribe(session: Session, target: _Target, keys: tuple[str, ...]) -> None:
    good = []
    for key in keys:
        if is_key(key):
            session.server.subscriptions.remove(session, key)
            good.append(key)
        else:
            session.fail("KEY_INVALID", key or "*", "That is no valid key")
    _in_lines(session, Numeric.RPL_METADATAUNSUBOK, good)


def _subscriptions(session: Session, target: _Target, words: tuple[str, ...]) -> None:
    keys = session.server.subscriptions.of(session)
    told = [_keys(session, Numeric.RPL_METADATASUBS, each) for each in _lines(session, keys)]
    batch(session, "metadata-subs", (), told)


def _in_lines(session: Session, numeric: Numeric, keys: list[str]) -> None:
    for each in _lines(session, keys):
        session.put(_keys(session, numeric, each))


def _lines(session: Session, keys: list[str]) -> list[list[str]]:
    """Put keys into as many lines as they need."""
    room = MAX_MESSAGE - len(write(session.server.name, "772", session.nick, ""))
    return [line.split() for line in lines_of(dict.fromkeys(keys), room) if line]


def _keys(session: Session, numeric: Numeric, keys: list[str]) -> bytes:
    return write(session.server.name, f"{numeric:03}", session.nick, *keys)


_Obeyed = Callable[[Session, _Target, tuple[str, ...]], None]

_SUBCOMMANDS: dict[str, _Obeyed] = {
    "GET": _get,
    "LIST": _list,
    "SET": _set,
    "CLEAR": _clear,
    "SYNC": _sync,
    "SUB": _subscribe,
    "UNSUB": _unsubscribe,
    "SUBS": _subscriptions,
}

#: Of these the target is the client, and nobody else.
_OWN = frozenset({"SUB", "UNSUB", "SUBS"})

COMMANDS = {
    "METADATA": Command(
        metadata,
        "<target> GET|LIST|SET|CLEAR|SYNC|SUB|UNSUB|SUBS [<key>...] [<value>]",
        2,
        early=True,
        cost=2.0,
    )
}
