"""Who is told of which metadata: keys that clients have asked for (IRCv3 draft/metadata-2)."""

from collections.abc import Collection, Iterable
from typing import Any

from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import fitting, write
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.metadata import untagged
from twisted_net.chat.core.room import Member, Role, Room

CAPABILITY = "draft/metadata-2"

#: Keys that one client may have asked for.
MAX_SUBS = 50

#: Seconds after which a client is to ask for what was too much.
LATER = 5

#: Bytes that a client is told of somebody who comes: who comes and goes all the time is not to be
#: heard by a large room more than who talks all the time.
BRIEF = 2000


class Subscriptions:
    """Which clients want to hear of which keys, and telling them."""

    def __init__(self, hub: Hub[Any]) -> None:
        self._hub = hub
        self._keys: dict[Session, dict[str, None]] = {}
        self._sessions: dict[str, dict[Session, None]] = {}

    def add(self, session: Session, key: str) -> bool:
        """Tell a client of a key from now on; say whether there was room for it."""
        keys = self._keys.setdefault(session, {})
        if key not in keys and len(keys) >= MAX_SUBS:
            return False
        keys[key] = None
        self._sessions.setdefault(key, {})[session] = None
        return True

    def remove(self, session: Session, key: str) -> None:
        """Tell a client of a key no more."""
        if self._keys.get(session, {}).pop(key, key) is key:
            return
        del self._sessions[key][session]
        if not self._sessions[key]:
            del self._sessions[key]

    def clear(self, session: Session) -> None:
        """Tell a client nothing more."""
        for key in self.of(session):
            self.remove(session, key)
        self._keys.pop(session, None)

    def of(self, session: Session) -> list[str]:
        """Return what a client has asked for."""
        return list(self._keys.get(session, ()))

    # What happens.

    def heard(self, event: Event) -> None:
        """Tell of an event that was applied those whom it concerns."""
        if event.kind is Kind.DESCRIBED:
            self._described(event)
        elif event.kind is Kind.JOINED:
            self._came(event)

    def _described(self, event: Event) -> None:
        target = f"#{event.where}" if event.where else event.sender
        value = untagged(event.tags).get(event.other)
        source = f"{event.sender}!{event.mask}"
        line = said(source, target, event.other, value)
        for session in list(self._sessions.get(event.other, ())):
            if self._concerns(session, event):
                session.line.put(line)

    def _concerns(self, session: Session, event: Event) -> bool:
        me = session.member
        if me is None or me.key == event.by or CAPABILITY not in session.capabilities:
            return False
        if event.where:
            return folded(event.where) in me.rooms
        member = self._hub.known(event.sender)
        return member is not None and may_see(session, member)

    def _came(self, event: Event) -> None:
        """Tell those in a room of who has come into it."""
        member = self._hub.known(event.sender)
        if member is None or not member.metadata:
            return
        for session in list(self._keys):
            me = session.member
            if me is None or me is member or folded(event.where) not in me.rooms:
                continue
            if CAPABILITY in session.capabilities and may_see(session, member):
                told = self.brief(session, member)
                if told:
                    session.line.put(told)

    def brief(self, session: Session, member: Member[Any]) -> bytes:
        """Return what a client has asked for of one member, or that it is to ask later."""
        told = b"".join(self.told(session, [member]))
        if len(told) <= BRIEF:
            return told
        words = (session.nick, member.name, str(LATER))
        return fitting(write(session.server.name, f"{Numeric.RPL_METADATASYNCLATER:03}", *words))

    def told(
        self,
        session: Session,
        about: Iterable[Member[Any] | Room[Any]],
        keys: Collection[str] | None = None,
    ) -> list[bytes]:
        """Return what a client has asked for of these, as lines.

        :param keys: None: all that it has asked for.
        """
        keys = self._keys.get(session, {}) if keys is None else keys
        return [
            said(session.server.name, target_of(each), key, value)
            for each in about
            for key, value in each.metadata.items()
            if key in keys
        ]


def may_see(session: Session, member: Member[Any]) -> bool:
    """Say whether a client may know a member's metadata: it sees them in a room, or watches."""
    me = session.me
    return (
        me is member
        or session.server.watches.watched(session, member.name)
        or any(
            not room.hides(member) or room.role(me) >= Role.OPERATOR
            for room in me.rooms.values()
            if member in room.members
        )
    )


def watched(session: Session, names: Iterable[str]) -> bytes:
    """Return what a client has asked for of those who have these names, which it watches."""
    if CAPABILITY not in session.capabilities:
        return b""
    found = (session.hub.known(name) for name in names)
    told = (session.server.subscriptions.brief(session, each) for each in found if each is not None)
    return b"".join(told)


def target_of(what: Member[Any] | Room[Any]) -> str:
    """Return how a member or a room is called."""
    return f"#{what.name}" if isinstance(what, Room) else what.name


def said(source: str, target: str, key: str, value: str | None) -> bytes:
    """Write the server's message about a key; without a value: it is set no more."""
    words = (target, key, "*") if value is None else (target, key, "*", value)
    return fitting(write(source, "METADATA", *words))
