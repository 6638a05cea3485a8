"""SASL on the server's side (RFC 4422): PLAIN, EXTERNAL and SCRAM-SHA-256, without their framing.

An `Exchange` is handed the client's responses, decoded, and answers each with one of four: a
`Challenge` for the client; `Check`, a password that somebody has to look at, who then says
`checked`; `Granted`; `Denied`. After either of the last two it is over. On IRC base64 in pieces of
400 bytes lies around it (https://ircv3.net/specs/extensions/sasl-3.1).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.scram import Credentials, ScramError, ScramServer

#: Bytes of one response; a password has 1,024 at most, and everything else is shorter.
MAX_RESPONSE = 4096


@dataclass(frozen=True, slots=True)
class Challenge:
    """Something to tell the client, which has to respond."""

    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Check:
    """A password that the client gave, to be checked by whoever can."""

    account: str
    password: str


@dataclass(frozen=True, slots=True)
class Granted:
    """The client is who it says it is."""

    account: str


@dataclass(frozen=True, slots=True)
class Denied:
    """It is not, or did not say so in the way that it chose.

    :ivar guessed: whether a password or a proof was wrong: guessing costs its address.
    """

    why: str
    guessed: bool = False


Outcome = Challenge | Check | Granted | Denied

_WRONG = Denied("wrong account or password", guessed=True)


@dataclass(frozen=True, slots=True)
class Known:
    """What an exchange may know.

    :ivar credentials: of an account, or pretended ones: `twisted_net.chat.core.scram`.
    :ivar account: what an account is called by a name that a client gave; empty: there is none.
    :ivar certified: the account of the client's certificate; empty: it has none that is known.
    """

    credentials: Callable[[str], Credentials]
    account: Callable[[str], str]
    certified: str = ""


class Mechanism(Protocol):
    """One way of proving who one is."""

    def respond(self, data: bytes) -> Outcome:
        """Take a response of the client."""

    def checked(self, right: bool) -> Outcome:
        """Take the outcome of a `Check`."""


class Plain:
    """Name and password, as they are (RFC 4616); only where nobody listens."""

    def __init__(self, known: Known, dice: Random) -> None:
        self._known = known
        self._asked = ""

    def respond(self, data: bytes) -> Outcome:
        """Take name and password."""
        parts = data.split(b"\0")
        if len(parts) != 3:
            return Denied("PLAIN wants: authzid NUL account NUL password")
        try:
            authzid, name, password = (part.decode() for part in parts)
        except UnicodeDecodeError:
            return Denied("not UTF-8")
        if not name or not password or _other(authzid, name):
            return _WRONG
        self._asked = name
        return Check(name, password)

    def checked(self, right: bool) -> Outcome:
        """Take what was found of the password."""
        return Granted(self._known.account(self._asked) or self._asked) if right else _WRONG


class External:
    """What TLS proved already, by the client's certificate (RFC 4422, appendix A)."""

    def __init__(self, known: Known, dice: Random) -> None:
        self._known = known

    def respond(self, data: bytes) -> Outcome:
        """Take the name that the client wants to be, or none."""
        certified = self._known.certified
        if not certified:
            return Denied("no account has this certificate")
        name = data.decode(errors="replace")
        return _WRONG if _other(name, certified) else Granted(certified)

    def checked(self, right: bool) -> Outcome:
        """Nothing was asked."""
        return Denied("nothing was asked")


class Scram:
    """A proof of the password (RFC 7677)."""

    def __init__(self, known: Known, dice: Random) -> None:
        self._known = known
        self._server = ScramServer(known.credentials, dice)

    def respond(self, data: bytes) -> Outcome:
        """Take the next message."""
        server = self._server
        if server.proven:
            name = self._known.account(server.name)
            return Denied("more than SCRAM has to say") if data else Granted(name or server.name)
        try:
            if not server.name:
                return self._begin(data)
            return Challenge(server.final(data))
        except ScramError as error:
            # Whatever is wrong about a proof is a wrong guess: the account may not even be there.
            return _WRONG if server.name else Denied(str(error))

    def checked(self, right: bool) -> Outcome:
        """Nothing was asked."""
        return Denied("nothing was asked")

    def _begin(self, data: bytes) -> Outcome:
        answer = self._server.first(data)
        if not self._server.name or _other(self._server.authzid, self._server.name):
            return _WRONG
        return Challenge(answer)


#: All there are, the best first.
MECHANISMS: dict[str, Callable[[Known, Random], Mechanism]] = {
    "SCRAM-SHA-256": Scram,
    "EXTERNAL": External,
    "PLAIN": Plain,
}


class Exchange:
    """One attempt to authenticate, with one mechanism.

    :ivar over: whether it was granted or denied.
    """

    def __init__(self, mechanism: Mechanism) -> None:
        self.over = False
        self._mechanism = mechanism
        self._waiting = False

    def respond(self, data: bytes) -> Outcome:
        """Take a response of the client.

        :param data: decoded; empty for the first one of EXTERNAL, and for the last one of SCRAM.
        """
        if self.over or self._waiting:
            return self._told(Denied("one response at a time"))
        if len(data) > MAX_RESPONSE:
            return self._told(Denied("a response is too long"))
        return self._told(self._mechanism.respond(data))

    def checked(self, right: bool) -> Outcome:
        """Take the outcome of the `Check` that was asked for."""
        if not self._waiting:
            return self._told(Denied("nothing was asked"))
        self._waiting = False
        return self._told(self._mechanism.checked(right))

    def _told(self, outcome: Outcome) -> Outcome:
        self._waiting = isinstance(outcome, Check)
        self.over = self.over or isinstance(outcome, Granted | Denied)
        return outcome


def offered(known: Known, plain: bool) -> Sequence[str]:
    """Return the mechanisms to offer a client.

    :param plain: whether nobody can listen: TLS, or the same machine.
    """
    without = {"EXTERNAL": not known.certified, "PLAIN": not plain}
    return [name for name in MECHANISMS if not without.get(name)]


def begin(name: str, known: Known, plain: bool, dice: Random) -> Exchange | None:
    """Begin an exchange; None: the client may not choose that mechanism."""
    if name.upper() not in offered(known, plain):
        return None
    return Exchange(MECHANISMS[name.upper()](known, dice))


def _other(authzid: str, name: str) -> bool:
    """Say whether somebody wants to be somebody else (RFC 4422, 3.4.1)."""
    return bool(authzid) and folded(authzid) != folded(name)
