"""Members: WHOIS, WHOWAS, USERHOST, ISON, AWAY, SETNAME (RFC 2812, 3.6 and 4)."""

from twisted_net.chat.codec.charsets import CHARSETS, charset_of
from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.codec.requests import Away, Realname
from twisted_net.chat.core.ident import checked_reason
from twisted_net.chat.core.irc.about import date
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.rooms import signs
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.room import Member

#: Names in one USERHOST (RFC 2812, 4.8).
_HOSTS = 5


def whois(session: Session, message: Message) -> None:
    """Say what may be known of a member."""
    if not message.params:
        session.reply(Numeric.ERR_NONICKNAMEGIVEN)
        return
    name = message.params[min(1, len(message.params) - 1)].partition(",")[0]
    member = session.hub.known(name)
    if member is None:
        session.reply(Numeric.ERR_NOSUCHNICK, name or "*")
    else:
        _tell_of(session, member)
    session.reply(Numeric.RPL_ENDOFWHOIS, member.name if member is not None else name or "*")


def _tell_of(session: Session, member: Member[object]) -> None:
    server, name = session.server, member.name
    session.reply(Numeric.RPL_WHOISUSER, name, member.user, member.host, "*", member.realname)
    channels = [
        f"{signs(session, room, member)}#{room.name}"
        for room in session.hub.rooms(session.me)
        if session.hub.shows(room, member, session.me)
    ]
    if channels:
        session.in_lines(Numeric.RPL_WHOISCHANNELS, (name,), channels)
    session.reply(Numeric.RPL_WHOISSERVER, name, server.name, f"by the {member.door} door")
    if member.away:
        session.reply(Numeric.RPL_AWAY, name, member.away)
    if "o" in member.modes:
        session.reply(Numeric.RPL_WHOISOPERATOR, name)
    if member.account:
        session.reply(Numeric.RPL_WHOISACCOUNT, name, member.account)
    if "B" in member.modes:
        session.reply(Numeric.RPL_WHOISBOT, name)
    theirs = server.open_to(session, member)
    if theirs is not None:
        _tell_of_connection(session, theirs, name)
    if server.is_secure(member):
        session.reply(Numeric.RPL_WHOISSECURE, name)
    idle = str(max(0, int(session.now - member.active)))
    session.reply(Numeric.RPL_WHOISIDLE, name, idle, str(int(member.since)))


def _tell_of_connection(session: Session, theirs: Session, name: str) -> None:
    """Say what only operators may know, and whose connection it is."""
    address, gateway, shown = theirs.address, theirs.gateway, theirs.fingerprint
    if address:
        session.reply(Numeric.RPL_WHOISHOST, name, f"is connecting from *@{address} {address}")
    if gateway:
        session.reply(Numeric.RPL_WHOISSPECIAL, name, f"is connected through the gateway {gateway}")
    if shown:
        text = f"has client certificate fingerprint {shown}"
        session.reply(Numeric.RPL_WHOISCERTFP, name, text)


def whowas(session: Session, message: Message) -> None:
    """Say who was called so."""
    if not message.params or not message.params[0]:
        session.reply(Numeric.ERR_NONICKNAMEGIVEN)
        return
    name = message.params[0]
    count = message.params[1] if len(message.params) > 1 else ""
    most = int(count) if count.isascii() and count.isdecimal() and len(count) < 6 else 0
    gone = session.hub.whowas(name)
    for each in gone[: most or len(gone)]:
        user, _, host = each.mask.partition("@")
        session.reply(Numeric.RPL_WHOWASUSER, each.name, user, host, "*", each.realname)
        session.reply(Numeric.RPL_WHOISSERVER, each.name, session.server.name, date(each.when))
    if not gone:
        session.reply(Numeric.ERR_WASNOSUCHNICK, name)
    session.reply(Numeric.RPL_ENDOFWHOWAS, name)


def userhost(session: Session, message: Message) -> None:
    """Say what members look like, and whether they are away."""
    found = [session.hub.known(name) for name in message.params[:_HOSTS]]
    words = [_userhost(each) for each in found if each is not None]
    session.reply(Numeric.RPL_USERHOST, " ".join(words))


def _userhost(member: Member[object]) -> str:
    operator = "*" if "o" in member.modes else ""
    return f"{member.name}{operator}={'-' if member.away else '+'}{member.mask}"


def ison(session: Session, message: Message) -> None:
    """Say which of these are here."""
    names = " ".join(message.params).split()
    found = [session.hub.known(name) for name in names]
    session.reply(Numeric.RPL_ISON, " ".join(each.name for each in found if each is not None))


def away(session: Session, message: Message) -> None:
    """Be away, or be back."""
    text = message.params[0] if message.params else ""
    numeric = Numeric.RPL_NOWAWAY if text else Numeric.RPL_UNAWAY
    if session.member is not None:
        session.ask(Away(text), lambda event: session.reply(numeric))
    elif "draft/pre-away" in session.capabilities:
        _claim_away(session, text, numeric)
    else:
        session.reply(Numeric.ERR_NOTREGISTERED)


def _claim_away(session: Session, text: str, numeric: Numeric) -> None:
    """Be away from the first moment on (IRCv3 draft/pre-away)."""
    try:
        session.claim.away = checked_reason(text)
    except Refusal as refusal:
        session.refuse(refusal)
    else:
        session.reply(numeric)


def setname(session: Session, message: Message) -> None:
    """Have another real name (IRCv3 setname)."""
    name = message.params[0]
    if name:
        session.ask(Realname(name), refused=lambda refusal: _not_renamed(session, refusal))
    else:
        session.fail("INVALID_REALNAME", "A real name is not empty")


def _not_renamed(session: Session, refusal: Refusal) -> None:
    session.fail("INVALID_REALNAME", refusal.text)


def charconv(session: Session, message: Message) -> None:
    """Speak another charset from the next line on (ngircd's CHARCONV)."""
    try:
        charset = charset_of(message.params[0])
    except Refusal:
        session.reply(Numeric.ERR_CHARCONV, message.params[0], f"One of {', '.join(CHARSETS)}")
        return
    session.reply(Numeric.RPL_CHARCONV, charset)
    session.line.speak(charset)
    session.capable()


COMMANDS = {
    "CHARCONV": Command(charconv, "<charset>", 1),
    "WHOIS": Command(whois, "<nickname>"),
    "WHOWAS": Command(whowas, "<nickname> [<count>]"),
    "USERHOST": Command(userhost, "<nickname>...", 1),
    "ISON": Command(ison, "<nickname>...", 1),
    "AWAY": Command(away, "[<text>]", early=True),
    "SETNAME": Command(setname, "<real name>", 1),
}
