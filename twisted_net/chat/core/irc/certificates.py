"""CERT: the certificates that are as good as an account's password (SASL EXTERNAL).

No specification has a command for this; elsewhere services bots take it. Answers are standard
replies (IRCv3 standard-replies).
"""

from functools import partial
from typing import Any

from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.codec.refusals import Refusal, Why
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.refusals import sentence
from twisted_net.chat.core.irc.session import Session

_CODES = {
    Why.TAKEN: "CERTIFICATE_TAKEN",
    Why.LIST_FULL: "TOO_MANY_CERTIFICATES",
    Why.NO_MEMBER: "NO_SUCH_CERTIFICATE",
}


def cert(session: Session, message: Message) -> None:
    """Say which certificates an account has, or change that."""
    what, about = (*message.params[:2], "", "")[:2]
    what = what.upper() or "LIST"
    if session.server.accounts is None or not session.account:
        session.fail("ACCOUNT_REQUIRED", "*", "You have proven no account")
    elif what == "LIST":
        _list(session)
    elif what == "ADD":
        _add(session)
    elif what == "DEL":
        told = session.later(partial(_told, session, what, "DELETED", about.lower()))
        session.accounts.uncertify(session.account, about.lower(), told)
    else:
        session.fail("INVALID_PARAMS", "*", "It is one of LIST, ADD, DEL")


def _list(session: Session) -> None:
    found = session.accounts.certificates(session.account)
    for each in found:
        here = "the one that you show" if each == session.fingerprint else "another one"
        _note(session, "LIST", each, here)
    _note(session, "LISTED", session.account, f"has {len(found)}")


def _add(session: Session) -> None:
    """Take the one that this connection shows: that its key is the client's TLS has proven."""
    shown = session.fingerprint
    if not shown:
        session.fail("NO_CERTIFICATE", "ADD", "You show none: connect over TLS with one")
        return
    told = session.later(partial(_told, session, "ADD", "ADDED", shown))
    session.accounts.certify(session.account, shown, told)


def _told(session: Session, what: str, done: str, fingerprint: str, outcome: Any) -> None:
    if session.over:
        return
    if isinstance(outcome, Refusal):
        code = _CODES.get(outcome.why, "TEMPORARILY_UNAVAILABLE")
        session.fail(code, what, outcome.text)
    else:
        _note(session, done, fingerprint, f"of the account {session.account}")


def _note(session: Session, code: str, about: str, text: str) -> None:
    session.say("NOTE", "CERT", code, about, sentence(text))


COMMANDS = {"CERT": Command(cert, "[LIST | ADD | DEL <fingerprint>]", cost=5.0)}
