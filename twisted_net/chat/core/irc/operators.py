"""Operators of the server: OPER, KILL, WALLOPS, REHASH (RFC 2812, 3.1.4, 3.7.1, 4.2, 4.7)."""

from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import Message, fitting, write
from twisted_net.chat.codec.requests import Modes
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.registration import close, too_many_guesses
from twisted_net.chat.core.irc.session import Session


def oper(session: Session, message: Message) -> None:
    """Become an operator, who knows the password."""
    name, password = message.params[:2]
    server = session.server
    if server.operators is None:
        session.reply(Numeric.ERR_NOOPERHOST)
        return
    late = too_many_guesses(session)
    if late:
        session.fail("RATE_LIMITED", late)
        return
    if server.guesses is not None:  # before it is known: many at a time are many guesses
        server.guesses.take(session.address, session.now)
    server.operators(name, password, session.later(lambda right: _checked(session, bool(right))))


def _checked(session: Session, right: bool) -> None:
    if right and session.server.guesses is not None:
        session.server.guesses.give_back(session.address, session.now)
    if session.member is None:
        return  # it has left meanwhile
    if not right:
        session.reply(Numeric.ERR_PASSWDMISMATCH)
        return
    session.ask(Modes("+o", granted=True), lambda event: session.reply(Numeric.RPL_YOUREOPER))


def is_operator(session: Session) -> bool:
    """Say whether somebody is an operator of the server, and tell who is not."""
    if "o" in session.me.modes:
        return True
    session.reply(Numeric.ERR_NOPRIVILEGES)
    return False


def kill(session: Session, message: Message) -> None:
    """Throw somebody out of the chat."""
    if not is_operator(session):
        return
    name, why = message.params[:2]
    victim = session.hub.known(name)
    if victim is None:
        session.reply(Numeric.ERR_NOSUCHNICK, name)
        return
    theirs = session.server.sessions.get(victim.key)
    reason = f"Killed ({session.nick} ({why}))"
    if theirs is not None:
        source = f"{session.nick}!{session.me.mask}"
        theirs.line.put(fitting(write(source, "KILL", victim.name, why)))
        theirs.now = session.now
        close(theirs, reason)
    elif victim.outlet is not None:
        session.server.post.leave(victim, reason, session.now)
        victim.outlet.expel(reason)
    else:
        session.fail("CANNOT_KILL", name, "They are on another node")


def wallops(session: Session, message: Message) -> None:
    """Say something to all who want to hear operators."""
    if is_operator(session):
        line = fitting(write(f"{session.nick}!{session.me.mask}", "WALLOPS", message.params[0]))
        for each in list(session.server.sessions.values()):
            if "w" in each.me.modes:
                each.line.put(line)


def rehash(session: Session, message: Message) -> None:
    """Read the files of passwords anew."""
    if not is_operator(session):
        return
    try:
        session.server.reread()
    except ValueError as error:
        session.fail("CONFIG_BAD", str(error))
    else:
        session.reply(Numeric.RPL_REHASHING, "operators", "Rehashing")


COMMANDS = {
    "OPER": Command(oper, "<name> <password>", 2, cost=10.0),
    "KILL": Command(kill, "<nickname> <reason>", 2),
    "WALLOPS": Command(wallops, "<text>", 1),
    "REHASH": Command(rehash),
}
