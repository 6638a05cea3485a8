"""WHO, and its extension WHOX (RFC 2812, 3.6.1; IRCv3 WHOX)."""

from collections.abc import Callable, Sequence

from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.pieces import in_pieces
from twisted_net.chat.core.irc.rooms import seen, signs
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.masks import matches
from twisted_net.chat.core.room import Member, Room

#: The fields of WHOX, in the order in which they are told.
_FIELDS = "tcuihsnfdlaor"

#: Members looked at in one turn of the reactor, at most some 2 ms.
SLICE = 200

#: What stands for an address that is not told.
_NO_ADDRESS = "255.255.255.255"

Somebody = Member[object]
Place = Room[object] | None


def who(session: Session, message: Message) -> None:
    """Say who is in a room, or fits a mask; of very many, piece by piece."""
    mask = message.params[0] if message.params else "*"
    options = message.params[1] if len(message.params) > 1 else ""
    flags, percent, wanted = options.partition("%")
    room = seen(session, mask)
    members, meant = _asked(session, mask, room)

    def tell(piece: Sequence[Somebody]) -> bool:
        for member in piece:
            fits = session.hub.present(member) and meant(member)
            if not fits or ("o" in flags and "o" not in member.modes):
                continue
            if session.is_long:
                session.reply(Numeric.ERR_TOOMANYMATCHES, "WHO")
                return False
            place = room or _shared(session, member)
            if percent:
                _extended(session, member, place, wanted)
            else:
                _plain(session, member, place)
        return True

    in_pieces(session, members, SLICE, tell, lambda: session.reply(Numeric.RPL_ENDOFWHO, mask))


def _asked(
    session: Session, mask: str, room: Place
) -> tuple[Sequence[Somebody], Callable[[Somebody], bool]]:
    """Return who may be meant, and what says of each whether they are, when it comes to them."""
    hub, me = session.hub, session.me
    if room is not None:
        return hub.seen(room, me), lambda member: _is_shown(session, room, member)
    if mask[:1] == "#":
        return (), lambda member: False
    named = hub.known(mask)
    if named is not None:
        return (named,), lambda member: True
    mask = "*" if mask == "0" else mask
    return tuple(hub.members()), lambda member: _fits(session, mask, member)


def _is_shown(session: Session, room: Room[object], member: Somebody) -> bool:
    there = seen(session, f"#{room.name}") is room
    return there and session.hub.shows(room, member, session.me)


def _fits(session: Session, mask: str, member: Somebody) -> bool:
    if "i" in member.modes and not session.hub.share(member, session.me):
        return False
    texts = (member.name, member.user, member.host, session.server.name, member.realname)
    return any(matches(mask, text) for text in texts)


def _shared(session: Session, member: Somebody) -> Place:
    """Return a room that both are in."""
    for key, room in member.rooms.items():
        if key in session.me.rooms and session.hub.shows(room, member, session.me):
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
