"""METADATA SUB, UNSUB, SUBS, and what clients are told without asking (IRCv3 draft/metadata-2)."""

from typing import Any

from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import MAX_MESSAGE, write
from twisted_net.chat.core.irc.capabilities import lines_of
from twisted_net.chat.core.irc.past import batch
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.irc.subscriptions import CAPABILITY, LATER, MAX_SUBS, may_see, said
from twisted_net.chat.core.metadata import is_key
from twisted_net.chat.core.room import Member, Room


def is_much(session: Session, told: list[bytes]) -> bool:
    """Say whether this is more than a client is told at once."""
    return sum(map(len, told)) > session.server.longest // 2


def all_of(session: Session, what: Member[Any] | Room[Any] | None) -> list[Member[Any] | Room[Any]]:
    """Return whose metadata is told with that of a target: of a channel all who are seen in it."""
    if isinstance(what, Room):
        return [what, *session.hub.seen(what, session.me)] if session.me in what.members else [what]
    return [what] if what is not None and may_see(session, what) else []


def entered(session: Session, room: Room[Any]) -> None:
    """Tell who has entered a room what it has asked for, of the room and of all in it."""
    if CAPABILITY not in session.capabilities:
        return
    told = session.server.subscriptions.told(session, all_of(session, room))
    if is_much(session, told):
        session.reply(Numeric.RPL_METADATASYNCLATER, f"#{room.name}", str(LATER))
    else:
        session.put(b"".join(told))


def own(session: Session) -> None:
    """Tell a client that has just come in its own, which may have been kept for it."""
    if CAPABILITY in session.capabilities:
        held = session.me.metadata.items()
        told = [said(session.server.name, session.nick, key, value) for key, value in held]
        batch(session, "metadata", (session.nick,), told)


def subscribe(session: Session, keys: tuple[str, ...]) -> None:
    """Tell a client of keys from now on, in their order as long as there is room."""
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
        about.update(dict.fromkeys(all_of(session, room)))
    for name in session.server.watches.names(session):
        member = session.hub.known(name)
        if member is not None:
            about[member] = None
    told = session.server.subscriptions.told(session, about, keys)
    if is_much(session, told):
        for room in me.rooms.values():
            session.reply(Numeric.RPL_METADATASYNCLATER, f"#{room.name}", str(LATER))
    else:
        session.put(b"".join(told))


def unsubscribe(session: Session, keys: tuple[str, ...]) -> None:
    """Tell a client of keys no more."""
    good = []
    for key in keys:
        if is_key(key):
            session.server.subscriptions.remove(session, key)
            good.append(key)
        else:
            session.fail("KEY_INVALID", key or "*", "That is no valid key")
    _in_lines(session, Numeric.RPL_METADATAUNSUBOK, good)


def subscriptions(session: Session, words: tuple[str, ...]) -> None:
    """Say of which keys a client is told."""
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
