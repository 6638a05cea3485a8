"""Rooms that get another name: RENAME (IRCv3 draft/channel-rename).

Who has not asked for the capability is told of it as of leaving one room and entering another.
"""

from dataclasses import replace
from functools import partial

from twisted_net.chat.codec.events import WHY, Event, Kind
from twisted_net.chat.codec.irc.render import REALNAME
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.codec.refusals import Refusal, Why
from twisted_net.chat.codec.requests import RenameRoom
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.rooms import named, say_room
from twisted_net.chat.core.irc.server import IrcServer
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.room import Room

CAPABILITY = "draft/channel-rename"

#: Names that all clients together are told in one turn: of a room of a thousand that makes two.
NAMES_A_TURN = 2000

#: What numerics say better than a standard reply.
_NUMERIC = frozenset({Why.NO_ROOM, Why.NOT_INSIDE, Why.NOT_OPERATOR, Why.UNREACHABLE})


def rename(session: Session, message: Message) -> None:
    """Give a room another name."""
    old, new = message.params[:2]
    why = message.params[2] if len(message.params) > 2 else ""
    name = named(session, old)
    if name is None:
        return
    shown = "*" if " " in new or not new else new  # only the last word of a reply may be so
    if new[:1] != "#":
        session.fail("CANNOT_RENAME", old, shown, "The new name must begin with #")
        return
    session.ask(
        RenameRoom(name, new[1:], why),
        partial(_renamed, session, old, shown),
        partial(_not_renamed, session, old, shown),
    )


def _renamed(session: Session, old: str, new: str, event: Event | None) -> None:
    if event is None:
        session.fail("CANNOT_RENAME", old, new, "The channel has that name")
    elif _lacks(session, event):
        _say_moved(session, event)
        say_room(session, session.hub.inside(session.me, event.text))


def _not_renamed(session: Session, old: str, new: str, refusal: Refusal) -> None:
    if refusal.why in _NUMERIC:
        session.refuse(refusal, old)
    elif refusal.why is Why.TAKEN:
        session.fail("CHANNEL_NAME_IN_USE", old, new, "The channel name is already taken")
    else:
        session.fail("CANNOT_RENAME", old, new, refusal.text)


def tell_all(server: IrcServer, event: Event) -> None:
    """Tell all on this server of a new name who cannot read the event itself.

    :param event: that has happened, of any kind; who did it is answered anyway.
    """
    if event.kind is not Kind.ROOM_RENAMED:
        return
    room, lacking = server.hub.room(event.text), []
    for member in room.here:
        session = server.sessions.get(member.key)
        if session is not None:
            _move_marker(session, event)
            if member.key != event.by and _lacks(session, event):
                _say_moved(session, event)
                lacking.append(session)
    _say_room(server, room, lacking)


def _say_room(server: IrcServer, room: Room[object], sessions: list[Session]) -> None:
    """Say to all of these who is in a room: to some of them now, where that takes a while."""
    most = max(1, NAMES_A_TURN // max(1, len(room.members)))
    for session in sessions[:most]:
        if session.member in room.members:
            say_room(session, room)
    if sessions[most:]:
        server.soon(partial(_say_room, server, room, sessions[most:]))


def _lacks(session: Session, event: Event) -> bool:
    """Say whether a client has to be told in another way; a name of other letters' case is none."""
    return CAPABILITY not in session.capabilities and folded(event.where) != folded(event.text)


def _say_moved(session: Session, event: Event) -> None:
    me = session.me
    mine = Event(event.id, Kind.PARTED, event.where, me.name, account=me.account, mask=me.mask)
    parted = replace(mine, text=dict(event.tags).get(WHY, ""))
    tags = ((REALNAME, me.realname),)
    joined = replace(
        mine, id=0, kind=Kind.JOINED, where=event.text, tags=tags
    )  # one id, one message
    session.put(session.profile.render(parted) + session.profile.render(joined))


def _move_marker(session: Session, event: Event) -> None:
    """Let how far a client without an account has read follow the room."""
    old, new = (folded(f"#{name}") for name in (event.where, event.text))
    number = session.markers.pop(old, 0)
    if number:
        session.markers[new] = max(number, session.markers.get(new, 0))


COMMANDS = {"RENAME": Command(rename, "<channel> <new channel> [<reason>]", 2, cost=5.0)}
