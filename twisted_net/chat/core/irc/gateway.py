"""WEBIRC: a gateway says for whom it connects (IRCv3 webirc)."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import Message, unescaped
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.registration import close
from twisted_net.chat.core.irc.session import Session

_NAME = re.compile(r"[\x21-\x7e]{1,63}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_PORT = re.compile(r"0|[1-9][0-9]{0,4}")


@dataclass(frozen=True, slots=True)
class Behind:
    """Who is behind a gateway, by its word.

    The host's name that it gives counts for nothing: hosts are hidden here, and no name is looked
    up.

    :ivar gateway: what it calls itself.
    :ivar address: of the user, as numbers.
    :ivar secure: whether the user has TLS as far as the gateway.
    :ivar fingerprint: SHA-256 of the certificate that the user has shown there; empty: none.
    """

    gateway: str
    address: str
    port: int = 0
    secure: bool = False
    fingerprint: str = ""


def read(params: tuple[str, ...]) -> Behind | None:
    """Read what stands behind WEBIRC; None: there is no address in it."""
    name, address = params[1], params[3]
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if "%" in address or found.is_unspecified or found.is_multicast:
        return None
    options = _options(params[4] if len(params) > 4 else "")
    port = options.get("remote-port", "")
    fingerprint = options.get("certfp-sha-256", "").lower()
    return Behind(
        name if _NAME.fullmatch(name) else "*",
        str(getattr(found, "ipv4_mapped", None) or found),
        int(port) if _PORT.fullmatch(port) and int(port) < 65536 else 0,
        "secure" in options,
        fingerprint if _FINGERPRINT.fullmatch(fingerprint) else "",
    )


def _options(text: str) -> Mapping[str, str]:
    words = (word.partition("=") for word in text.split(" ") if word)
    return {name: unescaped(value) for name, _, value in words}


def webirc(session: Session, message: Message) -> None:
    """Take a gateway's word for who this is; from anybody else it is the end."""
    if session.member is not None:
        session.reply(Numeric.ERR_ALREADYREGISTERED)
        return
    gateways = session.server.gateways
    if gateways is None or not gateways.knows(session.address):
        _refuse(session, "webirc_not_believed", "WEBIRC is believed of known gateways only")
    elif not session.fresh:
        _refuse(session, "webirc_late", "WEBIRC comes before all else")
    elif (behind := read(message.params)) is None:
        _refuse(session, "webirc_bad_address", "WEBIRC without an IP address that can be read")
    else:
        told = session.later(lambda right: _checked(session, behind, bool(right)))
        gateways.check(session.address, message.params[0], told)


def _checked(session: Session, behind: Behind, right: bool) -> None:
    if session.over:
        return  # it hung up meanwhile
    if not right:
        _refuse(session, "webirc_bad_password", "invalid WebIRC password")
    elif not session.line.speak_for(behind.address, behind.port):
        close(session, "too many connections, try again later")
    else:
        session.gateway = f"{behind.gateway} ({session.address or 'local'})"
        session.address = behind.address
        session.policy = None  # it is the gateway that comes
        # Whoever listens between the gateway and here hears all, however the user came to it.
        session.secure = session.tls = session.tls and behind.secure
        session.showed(behind.fingerprint if session.tls else "")


def _refuse(session: Session, reason: str, why: str) -> None:
    session.line.drop(reason)
    close(session, why)


COMMANDS = {
    "WEBIRC": Command(
        webirc, "<password> <gateway> <hostname> <ip> [<options>]", 4, early=True, cost=5.0
    ),
}
