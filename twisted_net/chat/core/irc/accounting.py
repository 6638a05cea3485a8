"""AUTHENTICATE, REGISTER, VERIFY (IRCv3 sasl-3.1 and -3.2, draft/account-registration)."""

from base64 import b64decode, b64encode
from binascii import Error
from typing import Any

from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.codec.refusals import Refusal, Why
from twisted_net.chat.codec.requests import Identify
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.registration import abort
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.sasl import MAX_RESPONSE, Challenge, Granted

#: Characters of base64 in one message; a shorter one ends a response.
PIECE = 400

_LONGEST = MAX_RESPONSE * 4 // 3 + PIECE

_REGISTER = {
    Why.TAKEN: "ACCOUNT_EXISTS",
    Why.BAD_NAME: "BAD_ACCOUNT_NAME",
    Why.BAD_TEXT: "UNACCEPTABLE_PASSWORD",
}


def authenticate(session: Session, message: Message) -> None:
    """Prove that one owns an account."""
    word = message.params[0]
    if session.server.accounts is None or "sasl" not in session.capabilities:
        session.reply(Numeric.ERR_SASLFAIL)
    elif session.account and session.member is None:
        session.reply(Numeric.ERR_SASLALREADY)  # who is in may take another account (sasl-3.2)
    elif word == "*":
        abort(session)
    elif session.attempt is None:
        _begin(session, word)
    else:
        _go_on(session, word)


def _begin(session: Session, mechanism: str) -> None:
    accounts = session.accounts
    host, secure, fingerprint = session.address, session.secure, session.fingerprint
    try:
        session.attempt = accounts.attempt(mechanism, host, secure, fingerprint)
    except Refusal as refusal:
        _fail(session, refusal.text)
        return
    session.response = ""
    if session.attempt is None:
        names = ",".join(accounts.mechanisms(secure, fingerprint))
        session.reply(Numeric.RPL_SASLMECHS, names)
        session.reply(Numeric.ERR_SASLFAIL)
    else:
        session.say("AUTHENTICATE", "+")  # the client speaks first in all of them


def _go_on(session: Session, word: str) -> None:
    if len(word) > PIECE:
        session.attempt = None
        session.reply(Numeric.ERR_SASLTOOLONG)
        return
    if len(session.response) > _LONGEST:
        _fail(session, "a response is too long")
        return
    session.response += "" if word == "+" else word
    if len(word) == PIECE:
        return
    try:
        data = b64decode(session.response, validate=True)
    except (Error, ValueError):
        _fail(session, "a response is no base64")
        return
    session.response = ""
    told = session.later(lambda outcome: _told(session, outcome))
    session.accounts.respond(session.attempt, data, told)


def _told(session: Session, outcome: Any) -> None:
    if session.over:
        return
    if isinstance(outcome, Challenge):
        text = b64encode(outcome.data).decode()
        for at in range(0, len(text), PIECE):
            session.say("AUTHENTICATE", text[at : at + PIECE])
        if len(text) % PIECE == 0:
            session.say("AUTHENTICATE", "+")
    elif isinstance(outcome, Granted):
        session.attempt = None
        _logged_in(session, outcome.account)
        session.reply(Numeric.RPL_SASLSUCCESS)
    else:
        _fail(session, outcome.text if isinstance(outcome, Refusal) else outcome.why)


def _fail(session: Session, why: str) -> None:
    session.attempt = None
    session.say(f"{Numeric.ERR_SASLFAIL:03}", session.nick, f"SASL authentication failed: {why}")


def _logged_in(session: Session, account: str) -> None:
    session.account = account
    member = session.member
    mask = f"{session.nick}!{member.mask}" if member is not None else f"{session.nick}!*@*"
    session.reply(Numeric.RPL_LOGGEDIN, mask, account, f"You are now logged in as {account}")
    if member is not None:
        session.ask(Identify(account))


def register(session: Session, message: Message) -> None:
    """Make an account."""
    account, _, password = message.params[:3]
    name = session.member.name if session.member is not None else session.claim.nick
    accounts = session.server.accounts
    account = name if account == "*" else account
    if accounts is None or not accounts.open:
        session.fail("TEMPORARILY_UNAVAILABLE", account or "*", "Nobody may make accounts here")
    elif not name:
        session.fail("NEED_NICK", "*", "Say NICK first")
    elif session.account:
        session.fail("ALREADY_AUTHENTICATED", session.account, "You have an account already")
    elif not session.secure:
        text = "Passwords may be said over TLS only"
        session.fail("TEMPORARILY_UNAVAILABLE", account, text)
    else:
        told = session.later(lambda outcome: _registered(session, account, outcome))
        accounts.register(account, password, session.address, name, told)


def _registered(session: Session, account: str, outcome: str | Refusal) -> None:
    if session.over:
        return
    if isinstance(outcome, Refusal):
        code = _REGISTER.get(outcome.why, "TEMPORARILY_UNAVAILABLE")
        session.fail(code, account or "*", outcome.text)
        return
    session.say("REGISTER", "SUCCESS", outcome, "The account is made, and you are logged in")
    _logged_in(session, outcome)


def verify(session: Session, message: Message) -> None:
    """Say that nothing waits to be verified: there is no e-mail here."""
    session.fail("INVALID_CODE", message.params[0], "No account waits to be verified")


COMMANDS = {
    "AUTHENTICATE": Command(authenticate, "<mechanism or response>", 1, early=True),
    "REGISTER": Command(register, "<account> * <password>", 3, early=True, cost=5.0),
    "VERIFY": Command(verify, "<account> <code>", 2, early=True),
}
