"""SCRAM-SHA-256 (RFC 5802, RFC 7677): what a server keeps instead of a password, and the exchange.

The password never travels, and from what is kept nobody can log in: the client proves that it
knows ``ClientKey``, of which the server holds the hash; the server proves that it holds
``ServerKey``. Both are made from the password by many rounds of HMAC, which is the only slow part;
whoever calls `derive` does so in a thread.

Without channel binding: nothing here knows of TLS.
"""

import base64
import binascii
import hmac
import stringprep
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b, pbkdf2_hmac, sha256
from random import Random

#: Rounds of HMAC for one password: some 25 ms. RFC 7677, 4 asks for 4,096 at least, of the
#: machines of 2015.
ITERATIONS = 65_536

#: Most rounds that a client does for a server, which could else stop it for hours.
MAX_ITERATIONS = 1_000_000

#: Bytes of a password.
MAX_PASSWORD = 1024

#: Bytes of any one message of the exchange; names and nonces are far shorter.
MAX_MESSAGE = 2048

_SALT = 16
_NONCE = 18

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


class ScramError(Exception):
    """The other side broke the protocol, or could not prove what it had to."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is kept of a password (RFC 5802, 3)."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


def prepared(password: str) -> bytes:
    """Return a password as SASLprep makes it, so that it is the same on every keyboard (RFC 4013).

    :raises ValueError: it is empty or too long, or has characters that nobody can type.
    """
    mapped = "".join(
        " " if stringprep.in_table_c12(each) else each
        for each in password
        if not stringprep.in_table_b1(each)
    )
    text = unicodedata.normalize("NFKC", mapped)
    if any(prohibited(each) for each in text for prohibited in _PROHIBITED) or _mixed(text):
        raise ValueError("password: no control characters")
    encoded = text.encode()
    if not 1 <= len(encoded) <= MAX_PASSWORD:
        raise ValueError(f"password: 1-{MAX_PASSWORD} bytes")
    return encoded


def derive(password: bytes, salt: bytes, iterations: int = ITERATIONS) -> Credentials:
    """Return what to keep of a password; slow."""
    salted = pbkdf2_hmac("sha256", password, salt, iterations)
    client_key = _mac(salted, b"Client Key")
    stored_key = sha256(client_key).digest()
    return Credentials(salt, iterations, stored_key, _mac(salted, b"Server Key"))


def fresh(password: bytes, dice: Random, iterations: int = ITERATIONS) -> Credentials:
    """Return what to keep of a new password; slow."""
    return derive(password, dice.randbytes(_SALT), iterations)


def matches(password: bytes, kept: Credentials) -> bool:
    """Say whether a password is the one; slow, and as slow if it is not."""
    derived = derive(password, kept.salt, kept.iterations)
    return hmac.compare_digest(derived.stored_key, kept.stored_key)


def pretended(name: str, secret: bytes, iterations: int = ITERATIONS) -> Credentials:
    """Return credentials that no password matches, always the same ones for a name.

    Who asks for an account that is not there sees what they would see if it were (RFC 5802, 9).
    """
    made = [_mac(secret, f"{what} {name}".encode()) for what in ("salt", "stored", "server")]
    return Credentials(made[0][:_SALT], iterations, made[1], made[2])


class ScramServer:
    """The server's side of one exchange.

    :param credentials: of an account, by the name that the client gives; `pretended` for none.
    :ivar name: who the client says it is; empty before the first message.
    :ivar proven: whether it is.
    :ivar key: 16 bytes that only who knows the password, and we, can make of this exchange.
    """

    def __init__(self, credentials: Callable[[str], Credentials], dice: Random) -> None:
        self.name = ""
        self.authzid = ""
        self.proven = False
        self.key = b""
        self._credentials = credentials
        self._nonce = _text_of(dice.randbytes(_NONCE))
        self._kept: Credentials | None = None
        self._header = b""
        self._said = ""

    def first(self, message: bytes) -> bytes:
        """Answer the client's first message: salt, iterations, a nonce.

        :raises ScramError: it is none, or wants what we have not.
        """
        flag, authzid, bare = _split(message, 3)
        if flag not in ("n", "y") or (authzid and not authzid.startswith("a=")):
            raise ScramError("no channel binding here")
        name, nonce = _values(bare, "nr")
        if not nonce:
            raise ScramError("no nonce")
        self.name, self.authzid = _plain(name), _plain(authzid[2:])
        self._header = f"{flag},{authzid},".encode()
        self._nonce = nonce + self._nonce
        self._kept = kept = self._credentials(self.name)
        answer = f"r={self._nonce},s={_text_of(kept.salt)},i={kept.iterations}"
        self._said = f"{bare},{answer}"
        return answer.encode()

    def final(self, message: bytes) -> bytes:
        """Check the client's proof, and return ours.

        :raises ScramError: it does not know the password, or said something else before.
        """
        kept = self._kept
        if kept is None:
            raise ScramError("no first message")
        self._kept = None
        text = _text(message)
        binding, nonce, proof = _values(text, "crp")
        fits = _bytes_of(binding) == self._header and nonce == self._nonce
        said = f"{self._said},{text.rpartition(',p=')[0]}".encode()
        client_key = _xor(_bytes_of(proof), _mac(kept.stored_key, said))
        right = hmac.compare_digest(sha256(client_key).digest(), kept.stored_key)
        if not (fits and right):
            raise ScramError("wrong proof")
        self.proven = True
        self.key = _key(kept.server_key, said)
        return f"v={_text_of(_mac(kept.server_key, said))}".encode()


class ScramClient:
    """The client's side of one exchange.

    :param password: as `prepared` returns it.
    :ivar key: as `ScramServer.key`, once the proof is made.
    """

    def __init__(self, name: str, password: bytes, dice: Random) -> None:
        self._password = password
        self._nonce = _text_of(dice.randbytes(_NONCE))
        self._bare = f"n={_quoted(name)},r={self._nonce}"
        self._expected = b""
        self.key = b""

    def first(self) -> bytes:
        """Return the first message."""
        return f"n,,{self._bare}".encode()

    def final(self, answer: bytes) -> bytes:
        """Return the proof; slow.

        :raises ScramError: the server answers another client, or wants too many iterations.
        """
        text = _text(answer)
        nonce, salt, iterations = _values(text, "rsi")
        count = int(iterations) if iterations.isascii() and iterations.isdigit() else 0
        if not 4096 <= count <= MAX_ITERATIONS or not nonce.startswith(self._nonce):
            raise ScramError("the server's answer is wrong")
        salted = pbkdf2_hmac("sha256", self._password, _bytes_of(salt), count)
        client_key = _mac(salted, b"Client Key")
        rest = f"c={_text_of(b'n,,')},r={nonce}"
        said = f"{self._bare},{text},{rest}".encode()
        proof = _xor(client_key, _mac(sha256(client_key).digest(), said))
        server_key = _mac(salted, b"Server Key")
        self._expected = _mac(server_key, said)
        self.key = _key(server_key, said)
        return f"{rest},p={_text_of(proof)}".encode()

    def verify(self, answer: bytes) -> None:
        """Check that the server knew the account.

        :raises ScramError: it did not.
        """
        (signature,) = _values(_text(answer), "v")
        if not self._expected or not hmac.compare_digest(_bytes_of(signature), self._expected):
            raise ScramError("the server could not prove that it knows the account")


def _mac(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, said, "sha256")


def _key(server_key: bytes, said: bytes) -> bytes:
    return blake2b(said, digest_size=16, key=server_key).digest()


def _xor(left: bytes, right: bytes) -> bytes:
    if len(left) != len(right):
        raise ScramError("a proof of the wrong length")
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes_of(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ScramError("not base64") from None


def _text(message: bytes) -> str:
    try:
        text = message.decode()
    except UnicodeDecodeError:
        raise ScramError("not UTF-8") from None
    if len(message) > MAX_MESSAGE or "\0" in text:
        raise ScramError("not a message of SCRAM")
    return text


def _split(message: bytes, parts: int) -> list[str]:
    found = _text(message).split(",", parts - 1)
    if len(found) != parts:
        raise ScramError("not a message of SCRAM")
    return found


def _values(text: str, names: str) -> list[str]:
    """Return the values of the attributes that a message begins with (RFC 5802, 7)."""
    pairs = [each.partition("=") for each in text.split(",")]
    if [name for name, _, _ in pairs[: len(names)]] != list(names):
        raise ScramError("not a message of SCRAM")
    return [value for _, _, value in pairs[: len(names)]]


def _quoted(name: str) -> str:
    return name.replace("=", "=3D").replace(",", "=2C")


def _plain(quoted: str) -> str:
    name = quoted.replace("=2C", ",").replace("=3D", "=")
    if _quoted(name) != quoted:
        raise ScramError("a name with a wrong escape")
    return name


def _mixed(text: str) -> bool:
    """Say whether a text mixes directions in a way that RFC 3454, 6 forbids."""
    right = [stringprep.in_table_d1(each) for each in text]
    if not any(right):
        return False
    return not (right[0] and right[-1]) or any(map(stringprep.in_table_d2, text))
