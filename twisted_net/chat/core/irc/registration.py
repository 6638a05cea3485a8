"""Coming and going: CAP, PASS, NICK, USER, QUIT, PING (RFC 2812, 3.1; capability-negotiation)."""

import hmac
import re
from functools import partial
from itertools import islice
from math import ceil

from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import MAX_MESSAGE, Message, fitting, write
from twisted_net.chat.codec.refusals import Refusal, Why
from twisted_net.chat.codec.requests import Away, Nick
from twisted_net.chat.core.ident import IRC_SPECIAL, checked_reason, hidden_host
from twisted_net.chat.core.irc import about, metadata, subscribing
from twisted_net.chat.core.irc.capabilities import lines_of
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.isupport import ROOM_MODES, WITH_VALUE
from twisted_net.chat.core.irc.server import Outcome
from twisted_net.chat.core.irc.session import Claim, Session
from twisted_net.chat.core.metadata import MAX_KEYS
from twisted_net.chat.core.modes import USER_MODES

#: Characters of the user name that are shown; the rest of it nobody needs.
MAX_USER = 10

_USER = re.compile(r"[A-Za-z0-9_.-]+")


def cap(session: Session, message: Message) -> None:
    """Negotiate capabilities."""
    subcommand, words = message.params[0].upper(), message.params[1:]
    capabilities = session.capabilities
    registering = session.member is None and session.entering is None
    if subcommand == "LS":
        capabilities.negotiating = registering
        _list(session, "LS", capabilities.offer(words[0] if words else ""))
    elif subcommand == "LIST":
        _list(
            session,
            "LIST",
            [each for each in session.offered if each in capabilities.on],
        )
    elif subcommand == "REQ":
        capabilities.negotiating = registering
        asked = words[-1] if words else ""
        granted = capabilities.request(asked.split())
        session.say("CAP", session.nick, "ACK" if granted else "NAK", asked.strip())
        session.capable()
    elif subcommand == "END":
        capabilities.negotiating = False
        proceed(session)
    else:
        session.reply(Numeric.ERR_INVALIDCAPCMD, message.params[0])


def _list(session: Session, subcommand: str, names: list[str]) -> None:
    start = ["CAP", session.nick, subcommand]
    lines = [" ".join(names)]
    if session.capabilities.understands_lists:
        room = MAX_MESSAGE - len(write(session.server.name, *start, "*", ":"))
        lines = lines_of(names, room)
    for line in lines[:-1]:
        session.put(write(session.server.name, *start, "*", line))
    session.put(write(session.server.name, *start, lines[-1]))


def password(session: Session, message: Message) -> None:
    """Take the password of the server."""
    if session.member is not None:
        session.reply(Numeric.ERR_ALREADYREGISTERED)
    else:
        session.claim.password = message.params[0]


def nick(session: Session, message: Message) -> None:
    """Take a name, the first or another one."""
    name = message.params[0] if message.params else ""
    if not name:
        session.reply(Numeric.ERR_NONICKNAMEGIVEN)
    elif session.member is not None:
        session.ask(Nick(name), about=(name,))
    elif session.entering is None:
        _claim(session, name)


def _claim(session: Session, name: str) -> None:
    try:
        session.claim.nick = session.hub.free(name, IRC_SPECIAL, session.account)
    except Refusal as refusal:
        session.refuse(refusal, name)
        return
    proceed(session)


def user(session: Session, message: Message) -> None:
    """Take the user's and the real name."""
    if session.member is not None or session.claim.user:
        session.reply(Numeric.ERR_ALREADYREGISTERED)
        return
    name, realname = message.params[0], message.params[3]
    if not name or not realname:
        session.reply(Numeric.ERR_NEEDMOREPARAMS, message.command)
        return
    try:
        session.claim.realname = checked_reason(realname, "real name")
    except Refusal as refusal:
        session.fail("INVALID_REALNAME", refusal.text)
        return
    session.claim.user = f"~{''.join(_USER.findall(name))[:MAX_USER] or 'user'}"
    proceed(session)


def abort(session: Session) -> None:
    """Give up an attempt to authenticate, and say so."""
    session.attempt = None
    session.reply(Numeric.ERR_SASLABORTED)


def too_many_guesses(session: Session) -> str:
    """Return what to say to who has guessed too many passwords lately; empty: it may try."""
    guesses = session.server.guesses
    wait = guesses.wait(session.address, session.now) if guesses is not None else 0.0
    return f"too many wrong passwords: wait {max(1, ceil(wait))} s" if wait > 0 else ""


def _refused(session: Session) -> str:
    """Say whether the client's password of the server is wrong; return why, or nothing."""
    server, said = session.server, session.claim.password or ""
    if not server.password:
        return ""
    late = too_many_guesses(session)
    if not late and hmac.compare_digest(server.password.encode(), said.encode()):
        return ""
    if not late and said and server.guesses is not None:  # to say none is to guess none
        server.guesses.take(session.address, session.now)
    return late or "password incorrect"


def proceed(session: Session) -> None:
    """Let the client in as soon as all has been said that must be."""
    claim = session.claim
    waits = session.capabilities.negotiating or session.entering or session.member
    if waits or not claim.nick or not claim.user:
        return
    if session.attempt is not None:
        abort(session)  # it did not wait for the end (sasl-3.1)
    why = _refused(session)
    if why:
        session.reply(Numeric.ERR_PASSWDMISMATCH)
        close(session, why)
        return
    server = session.server
    if claim.kept is None and session.account and server.profiles is not None:
        server.profiles.load(session.account, session.later(partial(_looked_up, session)))
    else:
        _enter(session)


def _enter(session: Session) -> None:
    """Come into the chat, as what the client has said of itself."""
    claim, server = session.claim, session.server
    try:
        session.entering = session.hub.enter(
            claim.nick,
            session.line.outlet,
            "irc",
            session.now,
            special=IRC_SPECIAL,
            user=claim.user,
            host=hidden_host(session.address, server.secret),
            realname=claim.realname,
            account=session.account,
            metadata=dict(islice({**claim.metadata, **_new(claim)}.items(), MAX_KEYS)),
        )
    except Refusal as refusal:  # taken since it was asked for
        _not_let_in(session, refusal)
        return
    server.post.arrive(
        session.entering, session.waiting(lambda outcome: _entered(session, outcome))
    )


def _not_let_in(session: Session, refusal: Refusal) -> None:
    """Let the client take another name, unless it is not wanted under any."""
    if refusal.why is Why.BANISHED:
        session.reply(Numeric.ERR_YOUREBANNEDCREEP)
        close(session, refusal.text)
        return
    name, session.claim.nick = session.claim.nick, ""
    session.refuse(refusal, name)


def _looked_up(session: Session, found: dict[str, str] | Refusal) -> None:
    """Go on with what the account has told before; nobody is kept out because that is not known."""
    if not session.over:
        session.claim.kept = {} if isinstance(found, Refusal) else found
        proceed(session)


def _new(claim: Claim) -> dict[str, str]:
    """Return what the account has told before, but for what the client has set anew."""
    return {key: value for key, value in (claim.kept or {}).items() if key not in claim.metadata}


def _entered(session: Session, outcome: Outcome) -> None:
    if session.over:
        return  # it hung up meanwhile
    member, session.entering = session.entering, None
    if isinstance(outcome, Refusal):
        _not_let_in(session, outcome)
        return
    session.member = member
    session.server.waiting -= 1
    session.server.sessions[session.me.key] = session
    session.capable()
    for key, value in session.claim.metadata.items():
        metadata.keep(session, key, value)
    if session.claim.away:
        session.ask(Away(session.claim.away))
    _welcome(session)


def _welcome(session: Session) -> None:
    server = session.server
    source = f"{session.nick}!{session.me.mask}"
    session.reply(Numeric.RPL_WELCOME, f"Welcome to the {server.network} network, {source}")
    host = f"Your host is {server.name}, running netdemo {server.version}"
    session.reply(Numeric.RPL_YOURHOST, host)
    session.reply(Numeric.RPL_CREATED, f"This server was started at {about.date(server.started)}")
    session.reply(
        Numeric.RPL_MYINFO, server.name, server.version, f"{USER_MODES}o", ROOM_MODES, WITH_VALUE
    )
    about.isupport(session)
    about.lusers(session)
    subscribing.own(session)
    about.motd(session)


def ping(session: Session, message: Message) -> None:
    """Answer with the token."""
    if not message.params or not message.params[0]:
        session.reply(Numeric.ERR_NOORIGIN)
    else:
        session.say("PONG", session.server.name, message.params[0])


def pong(session: Session, message: Message) -> None:
    """Say nothing: that something came is enough."""


def leave(session: Session, message: Message) -> None:
    """Leave, and hear that one has."""
    reason = message.params[0] if message.params else ""
    close(session, f"Quit: {reason}" if reason else "Quit")


def close(session: Session, why: str) -> None:
    """Let the member out, and hang up."""
    gone(session, why)
    session.line.hang_up(closing(session, why))


def closing(session: Session, why: str) -> bytes:
    """Return the last words to a client."""
    return fitting(write("", "ERROR", f"Closing link: {session.address} ({why})"))


def gone(session: Session, why: str) -> None:
    """Let the member out whose connection is over; a second call changes nothing."""
    if session.over:
        return
    session.over = True
    here = session.member or session.entering
    session.server.waiting -= session.member is None
    session.member = session.entering = None
    session.server.subscriptions.clear(session)
    if here is not None:
        session.server.sessions.pop(here.key, None)
        session.server.watches.clear(session)
        session.server.post.leave(here, _sayable(why), session.now)


def _sayable(reason: str) -> str:
    """Return a reason that others may hear: nobody is kept from leaving by a bad one."""
    try:
        return checked_reason(reason)
    except Refusal:
        return "Quit"


COMMANDS = {
    "CAP": Command(cap, "<subcommand> [<capabilities>]", 1, early=True),
    "PASS": Command(password, "<password>", 1, early=True),
    "NICK": Command(nick, "<nickname>", early=True),
    "USER": Command(user, "<user> 0 * <real name>", 4, early=True),
    "PING": Command(ping, "<token>", early=True),
    "PONG": Command(pong, "<token>", early=True),
    "QUIT": Command(leave, "[<reason>]", early=True),
}
