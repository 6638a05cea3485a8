"""Who is banned from the server: KLINE, UNKLINE, STATS (RFC 2812, 3.4.4)."""

import re
from functools import partial
from ipaddress import ip_address

from twisted_net.chat.codec.events import Event
from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.codec.requests import Banish, Pardon
from twisted_net.chat.core.ident import hidden_host
from twisted_net.chat.core.irc.about import asked, date
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.operators import is_operator
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.masks import completed

_TIME = re.compile(r"([0-9]{1,5})([mhd])")
_UNITS = {"m": 60, "h": 3600, "d": 86400}


def kline(session: Session, message: Message) -> None:
    """Ban somebody from the server, or say who is."""
    if not is_operator(session):
        return
    words = message.params
    seconds = _seconds(words[0]) if len(words) > 1 else None
    words = words if seconds is None else words[1:]
    mask = _mask(session, words[0])
    why = words[1] if len(words) > 1 else ""

    def done(event: Event | None) -> None:
        until = _until(float(dict(event.tags)["until"])) if event is not None else ""
        session.say("NOTICE", session.nick, f"{mask} is banned {until}")

    session.ask(Banish(mask, why, seconds or 0), done)


def unkline(session: Session, message: Message) -> None:
    """Ban somebody no more."""
    if is_operator(session):
        mask = _mask(session, message.params[0])
        text = f"{mask} is banned no more"
        done = partial(session.say, "NOTICE", session.nick, text)
        session.ask(Pardon(mask), lambda event: done())


def _say_bans(session: Session) -> None:
    for ban in session.hub.bans():
        if ban.holds(session.now):
            words = ("K", ban.mask, "*", ban.by or "*", _until(ban.until), ban.why or "no reason")
            session.reply(Numeric.RPL_STATSKLINE, *words[:4], " ".join(words[4:]))


def _mask(session: Session, text: str) -> str:
    """Return the mask of a member's or an address' host, or what is one already."""
    member = session.hub.known(text)
    if member is not None and member.host != "hidden":
        return f"*!*@{member.host}"
    try:
        return f"*!*@{hidden_host(str(ip_address(text)), session.server.secret)}"
    except ValueError:
        return completed(text)


def _seconds(text: str) -> int | None:
    """Return how long ``30m``, ``12h`` or ``7d`` is; None: it is no time.

    >>> _seconds("2h"), _seconds("red")
    (7200, None)
    """
    found = _TIME.fullmatch(text)
    return None if found is None else int(found[1]) * _UNITS[found[2]]


def _until(when: float) -> str:
    return f"until {date(when)}" if when else "for ever"


def stats(session: Session, message: Message) -> None:
    """Say how long the server has run, or who is banned."""
    letter = asked(message)[:1] or "*"
    if letter == "u":
        seconds = int(session.now - session.server.started)
        days, rest = divmod(max(0, seconds), 86400)
        up = f"Server up {days} days {rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"
        session.reply(Numeric.RPL_STATSUPTIME, up)
    elif letter in "kK" and is_operator(session):
        _say_bans(session)
    session.reply(Numeric.RPL_ENDOFSTATS, letter)


COMMANDS = {
    "KLINE": Command(kline, "[<n>m|h|d] <mask, nickname or address> [<reason>]", 1),
    "UNKLINE": Command(unkline, "<mask, nickname or address>", 1),
    "STATS": Command(stats, "u|k"),
}
