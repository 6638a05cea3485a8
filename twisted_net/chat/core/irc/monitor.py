"""MONITOR: being told when somebody comes and goes (IRCv3 monitor, extended-monitor)."""

from collections.abc import Iterable
from typing import Any

from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.isupport import MAX_MONITORED
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.irc.subscriptions import watched

#: What watchers hear of besides, with ``extended-monitor`` and this.
_CHANGES = {
    Kind.AWAY: "away-notify",
    Kind.ACCOUNT: "account-notify",
    Kind.REALNAME: "setname",
    Kind.HOST: "chghost",
}

_COMING_AND_GOING = (Kind.ENTERED, Kind.LEFT, Kind.RENAMED)


class Watches:
    """Who watches which names; each name is known as it was written first."""

    def __init__(self, hub: Hub[Any]) -> None:
        self._hub = hub
        self._names: dict[Session, dict[str, str]] = {}
        self._watchers: dict[str, dict[Session, None]] = {}
        self._here: dict[str, bool] = {}

    def add(self, session: Session, name: str) -> bool:
        """Watch a name; say whether there was room for it."""
        names = self._names.setdefault(session, {})
        key = folded(name)
        if key not in names and len(names) >= MAX_MONITORED:
            return False
        names.setdefault(key, name)
        self._watchers.setdefault(key, {})[session] = None
        self._here.setdefault(key, self._hub.known(name) is not None)
        return True

    def remove(self, session: Session, name: str) -> None:
        """Watch a name no more."""
        key = folded(name)
        names = self._names.get(session, {})
        if names.pop(key, None) is None:
            return
        if not names:
            del self._names[session]
        del self._watchers[key][session]
        if not self._watchers[key]:
            del self._watchers[key], self._here[key]

    def clear(self, session: Session) -> None:
        """Watch nothing more."""
        for name in self.names(session):
            self.remove(session, name)

    def names(self, session: Session) -> list[str]:
        """Return what somebody watches."""
        return list(self._names.get(session, {}).values())

    def watched(self, session: Session, name: str) -> bool:
        """Say whether somebody watches a name."""
        return folded(name) in self._names.get(session, {})

    def heard(self, event: Event) -> None:
        """Tell watchers what an event means to them, after the hub has applied it."""
        if event.kind in _COMING_AND_GOING:
            for name in {event.sender, event.text if event.kind is Kind.RENAMED else event.sender}:
                self._check(folded(name), name)
        elif event.kind in _CHANGES:
            self._changed(event)

    def _check(self, key: str, name: str) -> None:
        watchers = self._watchers.get(key)
        if watchers is None:
            return
        member = self._hub.known(name)
        if self._here[key] == (member is not None):
            return
        self._here[key] = member is not None
        for session in watchers:
            if member is not None:
                session.tell(Numeric.RPL_MONONLINE, f"{member.name}!{member.mask}")
                told = watched(session, [member.name])
                if told:
                    session.line.put(told)
            else:
                session.tell(Numeric.RPL_MONOFFLINE, name)

    def _changed(self, event: Event) -> None:
        member = self._hub.known(event.sender)
        for session in self._watchers.get(folded(event.sender), ()):
            capable = {"extended-monitor", _CHANGES[event.kind]} <= session.capabilities.on
            if capable and member is not None and not self._hub.share(member, session.me):
                session.line.outlet.add(session.profile.render(event))


def monitor(session: Session, message: Message) -> None:
    """Watch names, and say which of them are here."""
    subcommand = message.params[0].upper()
    names = [name for name in "".join(message.params[1:2]).split(",") if name]
    watches = session.server.watches
    if subcommand == "+":
        _add(session, names)
    elif subcommand == "-":
        for name in names:
            watches.remove(session, name)
    elif subcommand == "C":
        watches.clear(session)
    elif subcommand == "L":
        _in_lists(session, Numeric.RPL_MONLIST, watches.names(session))
        session.reply(Numeric.RPL_ENDOFMONLIST)
    elif subcommand == "S":
        _status(session, watches.names(session))
    else:
        session.reply(Numeric.ERR_NEEDMOREPARAMS, message.command)


def _add(session: Session, names: list[str]) -> None:
    for number, name in enumerate(names):
        if not session.server.watches.add(session, name):
            limit, rest = str(MAX_MONITORED), ",".join(names[number:])
            session.reply(Numeric.ERR_MONLISTFULL, limit, rest)
            names = names[:number]
            break
    _status(session, names)
    session.put(watched(session, names))


def _status(session: Session, names: Iterable[str]) -> None:
    found = {name: session.hub.known(name) for name in names}
    here = [f"{each.name}!{each.mask}" for each in found.values() if each is not None]
    _in_lists(session, Numeric.RPL_MONONLINE, here)
    absent = [name for name, each in found.items() if each is None]
    _in_lists(session, Numeric.RPL_MONOFFLINE, absent)


def _in_lists(session: Session, numeric: Numeric, names: list[str]) -> None:
    """Give a reply with names between commas, over as many lines as they need."""
    if names:
        session.in_lines(numeric, (), names, ",")


COMMANDS = {"MONITOR": Command(monitor, "+|-|C|L|S [<nickname>{,<nickname>}]", 1)}
