"""About the server: MOTD, LUSERS, VERSION, TIME, INFO, LINKS, HELP (RFC 2812, 3.4)."""

from datetime import timedelta

from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.render import EPOCH
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.core.irc.capabilities import lines_of
from twisted_net.chat.core.irc.commands import Command, Commands
from twisted_net.chat.core.irc.isupport import TOKENS_A_LINE, tokens
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.masks import matches

_INFO = (
    "netdemo: one chat for nc, IRC, UDP and the web",
    "Members of all doors meet in the same rooms: #lobby here is lobby there.",
)


def date(when: float) -> str:
    """Return a time as people read it.

    >>> date(1767225600.0)
    'Thu, 01 Jan 2026 00:00:00 UTC'
    """
    return f"{EPOCH + timedelta(seconds=when):%a, %d %b %Y %H:%M:%S UTC}"


def motd(session: Session) -> None:
    """Say what the server has to say to everybody."""
    server = session.server
    lines = list(server.motd)
    if server.kept:
        lines.append(f"What is said in rooms is kept for {server.kept}.")
    if not lines:
        session.reply(Numeric.ERR_NOMOTD)
        return
    session.reply(Numeric.RPL_MOTDSTART, f"- {server.name} message of the day")
    for line in lines:
        session.reply(Numeric.RPL_MOTD, f"- {line}")
    session.reply(Numeric.RPL_ENDOFMOTD)


def lusers(session: Session) -> None:
    """Count who is here."""
    members = list(session.hub.members())
    here = sum(each.outlet is not None for each in members)
    unseen = sum("i" in each.modes for each in members)
    operators = sum("o" in each.modes for each in members)
    shown = len(members) - unseen
    told = f"There are {shown} users and {unseen} invisible on 1 server"
    session.reply(Numeric.RPL_LUSERCLIENT, told)
    session.reply(Numeric.RPL_LUSEROP, str(operators))
    session.reply(Numeric.RPL_LUSERUNKNOWN, str(session.server.waiting))
    session.reply(Numeric.RPL_LUSERCHANNELS, str(len(session.hub.rooms(None))))
    session.reply(Numeric.RPL_LUSERME, f"I have {here} clients and 0 servers")
    session.server.most = most = max(session.server.most, len(members))
    for numeric, count in ((Numeric.RPL_LOCALUSERS, here), (Numeric.RPL_GLOBALUSERS, len(members))):
        scope = "local" if numeric is Numeric.RPL_LOCALUSERS else "global"
        words = f"Current {scope} users {count}, max {most}"
        session.reply(numeric, str(count), str(most), words)


def _is_elsewhere(session: Session, target: str) -> bool:
    """Refuse a question for another server: there is none."""
    server = session.server.name
    if target and not matches(target, server) and session.hub.known(target) is None:
        session.reply(Numeric.ERR_NOSUCHSERVER, target)
        return True
    return False


def asked(message: Message, at: int = 0) -> str:
    """Return a parameter; empty: it was not given."""
    return message.params[at] if len(message.params) > at else ""


def _motd(session: Session, message: Message) -> None:
    if not _is_elsewhere(session, asked(message)):
        motd(session)


def _lusers(session: Session, message: Message) -> None:
    if not _is_elsewhere(session, asked(message, 1)):
        lusers(session)


def _version(session: Session, message: Message) -> None:
    if _is_elsewhere(session, asked(message)):
        return
    server = session.server
    session.reply(Numeric.RPL_VERSION, f"netdemo-{server.version}", server.name, "Twisted, Python")
    isupport(session)


def isupport(session: Session) -> None:
    """Say what the server supports."""
    words = tokens(session.server.network, session.server.history is not None)
    for at in range(0, len(words), TOKENS_A_LINE):
        line = words[at : at + TOKENS_A_LINE]
        session.reply(Numeric.RPL_ISUPPORT, *line, "are supported by this server")


def _time(session: Session, message: Message) -> None:
    if not _is_elsewhere(session, asked(message)):
        session.reply(Numeric.RPL_TIME, session.server.name, date(session.now))


def _info(session: Session, message: Message) -> None:
    if _is_elsewhere(session, asked(message)):
        return
    started = f"Version {session.server.version}, started at {date(session.server.started)}"
    for line in (*_INFO, started):
        session.reply(Numeric.RPL_INFO, line)
    session.reply(Numeric.RPL_ENDOFINFO)


def _admin(session: Session, message: Message) -> None:
    if _is_elsewhere(session, asked(message)):
        return
    server = session.server
    session.reply(Numeric.RPL_ADMINME, server.name, "Administrative info")
    session.reply(Numeric.RPL_ADMINLOC1, f"The {server.network} network")
    session.reply(Numeric.RPL_ADMINLOC2, "Whoever started this server looks after it")
    session.reply(Numeric.RPL_ADMINEMAIL, "No address is known to the server")


def _links(session: Session, message: Message) -> None:
    server = session.server
    mask = message.params[-1] if message.params else "*"
    if matches(mask, server.name):
        session.reply(Numeric.RPL_LINKS, server.name, server.name, f"0 {server.network}")
    session.reply(Numeric.RPL_ENDOFLINKS, mask)


def helping(commands: Commands) -> Command:
    """Return HELP, which knows these commands and itself."""

    def run(session: Session, message: Message) -> None:
        topic = asked(message).upper()
        if topic and topic not in commands:
            session.reply(Numeric.ERR_HELPNOTFOUND, topic)
            return
        if topic:
            words = [f"{topic} {commands[topic].usage}".strip()]
        else:
            words = lines_of(sorted(commands), 60)
        topic = topic or "*"
        session.reply(Numeric.RPL_HELPSTART, topic, "What this server understands")
        for line in words:
            session.reply(Numeric.RPL_HELPTXT, topic, line)
        session.reply(Numeric.RPL_ENDOFHELP, topic, "End of help")

    return Command(run, "[<command>]")


COMMANDS = {
    "MOTD": Command(_motd, "[<server>]"),
    "LUSERS": Command(_lusers),
    "VERSION": Command(_version, "[<server>]"),
    "TIME": Command(_time, "[<server>]"),
    "INFO": Command(_info, "[<server>]"),
    "ADMIN": Command(_admin, "[<server>]"),
    "LINKS": Command(_links, "[[<server>] <mask>]"),
}
