"""WHO, and its extension WHOX (RFC 2812, 3.6.1; IRCv3 WHOX)."""

from collections.abc import Iterator

from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.rooms import seen, signs
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.masks import matches
from twisted_net.chat.core.room import Member, Room

#: The fields of WHOX, in the order in which they are told.
_FIELDS = "tcuihsnfdlaor"

#: What stands for an address that is not told.
_NO_ADDRESS = "255.255.255.255"

Somebody = Member[object]
Place = Room[object] | None


def who(session: Session, message: Message) -> None:
    """Say who is in a room, or fits a mask."""
    mask = message.params[0] if message.params else "*"
    options = message.params[1] if len(message.params) > 1 else ""
    flags, percent, wanted = options.partition("%")
    for member, room in _found(session, mask):
        if "o" in flags and "o" not in member.modes:
            continue
        if session.is_long:
            session.reply(Numeric.ERR_TOOMANYMATCHES, "WHO")
            break
        if percent:
            _extended(session, member, room, wanted)
        else:
            _plain(session, member, room)
    session.reply(Numeric.RPL_ENDOFWHO, mask)


def _found(session: Session, mask: str) -> Iterator[tuple[Somebody, Place]]:
    if mask[:1] == "#":
        room = seen(session, mask)
        if room is not None:
            for each in session.hub.seen(room, session.me):
                yield each, room
        return
    named = session.hub.known(mask)
    if named is not None:
        yield named, _shared(session, named)
        return
    mask = "*" if mask == "0" else mask
    for each in session.hub.members():
        visible = "i" not in each.modes or session.hub.share(each, session.me)
        if visible and any(
            matches(mask, text)
            for text in (each.name, each.user, each.host, session.server.name, each.realname)
        ):
            yield each, _shared(session, each)


def _shared(session: Session, member: Somebody) -> Place:
    """Return a room that both are in."""
    for key, room in member.rooms.items():
        if key in session.me.rooms and member in session.hub.seen(room, session.me):
            return room
    return None


def flags_of(session: Session, member: Somebody, room: Place) -> str:
    """Return whether somebody is away, and what they are: operator, bot, their role."""
    flags = "G" if member.away else "H"
    flags += "*" if "o" in member.modes else ""
    flags += "B" if "B" in member.modes else ""
    return flags + (signs(session, room, member) if room is not None else "")


def _plain(session: Session, member: Somebody, room: Place) -> None:
    session.reply(
        Numeric.RPL_WHOREPLY,
        f"#{room.name}" if room is not None else "*",
        member.user,
        member.host,
        session.server.name,
        member.name,
        flags_of(session, member, room),
        f"0 {member.realname}",
    )


def _extended(session: Session, member: Somebody, room: Place, wanted: str) -> None:
    letters, _, token = wanted.partition(",")
    role = room.role(member) if room is not None else 0
    told = {
        "t": token if token.isascii() and token.isdecimal() and len(token) < 4 else "0",
        "c": f"#{room.name}" if room is not None else "*",
        "u": member.user,
        "i": session.server.address_for(session, member) or _NO_ADDRESS,
        "h": member.host,
        "s": session.server.name,
        "n": member.name,
        "f": flags_of(session, member, room),
        "d": "0",
        "l": str(max(0, int(session.now - member.active))),
        "a": member.account or "0",
        "o": "0" if role >= 2 else "n/a",
        "r": member.realname,
    }
    words = [told[letter] for letter in _FIELDS if letter in letters]
    session.reply(Numeric.RPL_WHOSPCRPL, *words)


COMMANDS = {"WHO": Command(who, "<mask> [o][%<fields>[,<token>]]", cost=2.0)}
