"""Passwords in files: scrypt hashes, one a line, and a way to make such lines."""

import hmac
import sys
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterator
from dataclasses import dataclass
from getpass import getpass
from hashlib import scrypt
from secrets import token_bytes

from twisted_net.net.settings import text_in

#: Cost, block size and parallelism of scrypt (RFC 7914, 2): 16 MiB and some 50 ms.
_N, _R, _P = 1 << 14, 8, 1

#: Characters of a password that count.
MAX_PASSWORD = 1024


@dataclass(frozen=True, slots=True)
class Hashed:
    """A password that can be known again."""

    salt: bytes
    hash: bytes

    def fits(self, password: str) -> bool:
        """Say whether this is the password; takes a moment."""
        return hmac.compare_digest(_hash(password[:MAX_PASSWORD], self.salt), self.hash)


#: Nobody's password: a name that there is not takes as long as one that there is.
NOBODY = Hashed(b"salt", b"")


def read(path: str, whose: str) -> Iterator[tuple[int, str, Hashed]]:
    """Yield the lines of a file: number, whose password it is, and the hash.

    What follows a ``#`` is a remark.

    :param whose: what the first word of a line is, for the message.
    :raises ValueError: there is no such file, or it has a line that means nothing.
    """
    for number, line in enumerate(text_in(path).splitlines(), 1):
        words = line.partition("#")[0].split()
        if words:
            yield number, words[0], _read_hash(words, number, whose)


def made(whose: str, password: str) -> str:
    """Return a line."""
    salt = token_bytes(16)
    salted, hashed = (b64encode(each).decode() for each in (salt, _hash(password, salt)))
    return f"{whose} scrypt {salted} {hashed}"


def ask(wanted: str) -> None:
    """Print a line for the one argument of this program, with a password that is asked for.

    :param wanted: what the argument is to be, for the message.
    """
    if len(sys.argv) != 2 or not sys.argv[1].isprintable() or set(" #") & set(sys.argv[1]):
        sys.exit(f"need one {wanted}, without a space or #")
    print(made(sys.argv[1], getpass()))


def _read_hash(words: list[str], number: int, whose: str) -> Hashed:
    try:
        _, kind, salt, hashed = words
        if kind == "scrypt":
            return Hashed(b64decode(salt, validate=True), b64decode(hashed, validate=True))
    except (ValueError, Error):
        pass
    raise ValueError(f"line {number}: need <{whose}> scrypt <salt> <hash>")


def _hash(password: str, salt: bytes) -> bytes:
    return scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P)
