"""Server operators: a file of names and scrypt hashes, and a way to make its lines.

``python -m twisted_net.chat.opers NAME`` asks for a password and prints the line for the file.
"""

import hmac
import sys
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from getpass import getpass
from hashlib import scrypt
from secrets import token_bytes
from typing import Any

from twisted.internet.defer import DeferredSemaphore
from twisted.internet.threads import deferToThreadPool

from twisted_net.net.settings import text_in

#: Cost, block size and parallelism of scrypt (RFC 7914, 2): 16 MiB and some 50 ms.
_N, _R, _P = 1 << 14, 8, 1

#: Hashes that are made at one time, each in a thread of its own.
_AT_ONCE = 2

_FORM = "<name> scrypt <salt> <hash>"


@dataclass(frozen=True, slots=True)
class Hashed:
    """A password that can be known again."""

    salt: bytes
    hash: bytes

    def fits(self, password: str) -> bool:
        """Say whether this is the password; takes a moment."""
        return hmac.compare_digest(_hash(password, self.salt), self.hash)


#: Nobody's password: a name that there is not takes as long as one that there is.
_NOBODY = Hashed(b"salt", b"")


class Operators:
    """Who may become an operator of the server.

    :param path: of the file.
    :raises ValueError: it cannot be read, or has a line that means nothing.
    """

    def __init__(self, path: str, reactor: Any) -> None:
        self.path = path
        self._known = read(path)
        self._reactor = reactor
        self._turn = DeferredSemaphore(_AT_ONCE)

    def reread(self) -> None:
        """Read the file anew; if that fails, those who were known stay known.

        :raises ValueError: as at first.
        """
        self._known = read(self.path)

    def check(self, name: str, password: str, told: Callable[[bool], None]) -> None:
        """Tell whether somebody knows the password of that name, in another turn."""
        hashed = self._known.get(name, _NOBODY)
        pool = self._reactor.getThreadPool()
        found = self._turn.run(deferToThreadPool, self._reactor, pool, hashed.fits, password[:1024])
        found.addErrback(lambda failure: False)  # the threads are gone: the server stops
        found.addCallback(told)


def read(path: str) -> Mapping[str, Hashed]:
    """Return the operators in a file, one a line; what follows a ``#`` is a remark.

    :raises ValueError: there is no such file, or it has a line that means nothing.
    """
    known = {}
    for number, line in enumerate(text_in(path).splitlines(), 1):
        words = line.partition("#")[0].split()
        if words:
            known[words[0]] = _read_line(words, number)
    return known


def made(name: str, password: str) -> str:
    """Return the line of an operator."""
    salt = token_bytes(16)
    salted, hashed = (b64encode(each).decode() for each in (salt, _hash(password, salt)))
    return f"{name} scrypt {salted} {hashed}"


def _read_line(words: list[str], number: int) -> Hashed:
    try:
        _, kind, salt, hashed = words
        if kind == "scrypt":
            return Hashed(b64decode(salt, validate=True), b64decode(hashed, validate=True))
    except (ValueError, Error):
        pass
    raise ValueError(f"line {number}: need {_FORM}")


def _hash(password: str, salt: bytes) -> bytes:
    return scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isprintable() or set(" #") & set(sys.argv[1]):
        sys.exit("need one name, without a space or #")
    print(made(sys.argv[1], getpass()))
