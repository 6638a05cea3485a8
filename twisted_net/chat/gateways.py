"""Gateways to the IRC doors that may say for whom they connect: a file of networks and hashes.

``python -m twisted_net.chat.gateways NETWORK`` asks for a password and prints the line for the
file.
"""

import hmac
from collections.abc import Callable, Mapping
from hashlib import blake2b
from secrets import token_bytes
from typing import Any

from twisted.internet.defer import DeferredSemaphore
from twisted.internet.threads import deferToThreadPool

from twisted_net.chat import hashing
from twisted_net.chat.accounts.penalties import Penalties
from twisted_net.chat.hashing import Hashed
from twisted_net.chat.opers import AT_ONCE
from twisted_net.net.proxied.doors import Believed

#: The passwords of gateways, by the networks that they connect from.
Known = Mapping[Believed, Hashed]


class Gateways:
    """Who may speak for others (IRCv3 webirc).

    A gateway says its password for each of its users. Only the first time is the slow hash made;
    after that a fast one knows it again, with a key that nothing but this process has. Who has
    guessed a few times may do so again only now and then.

    :param path: of the file.
    :param guesses: wrong passwords by address; None: of these alone.
    :raises ValueError: it cannot be read, or has a line that means nothing.
    """

    def __init__(self, path: str, reactor: Any, guesses: Penalties | None = None) -> None:
        self._path = path
        self._known = read(path)
        self._proven: dict[Hashed, bytes] = {}
        self._key = token_bytes(32)
        self._guesses = guesses if guesses is not None else Penalties()
        self._reactor = reactor
        self._turn = DeferredSemaphore(AT_ONCE)

    def reread(self) -> None:
        """Read the file anew; if that fails, those who were known stay known.

        :raises ValueError: as at first.
        """
        self._known, self._proven = read(self._path), {}

    def knows(self, host: str) -> bool:
        """Say whether there may be a gateway at an address; empty: beyond a UNIX socket."""
        return bool(self._at(host))

    def check(self, host: str, password: str, told: Callable[[bool], None]) -> None:
        """Tell whether this is the password of a gateway at that address, in another turn."""
        hashes, known = self._at(host), self._proven
        fast = blake2b(password.encode(), key=self._key, digest_size=32).digest()

        def proven() -> bool:
            return any(hmac.compare_digest(known.get(each, b""), fast) for each in hashes)

        def look() -> Any:
            # While this waited for its turn, the same gateway may have proven itself for another
            # user, or somebody may have guessed too often.
            if proven() or self._late(host):
                return proven()
            return deferToThreadPool(self._reactor, pool, fitting).addCallback(found)

        def fitting() -> Hashed | None:
            return next((each for each in hashes if each.fits(password)), None)

        def found(hashed: Hashed | None) -> bool:
            if hashed is not None:
                known[hashed] = fast  # of a file that was read anew meanwhile, nothing
            else:
                self._guesses.take(host, self._reactor.seconds())
            return hashed is not None

        if proven() or self._late(host):
            told(proven())
            return
        pool = self._reactor.getThreadPool()
        finding = self._turn.run(look)
        finding.addErrback(lambda failure: False)  # the threads are gone: the server stops
        finding.addCallback(told)

    def _late(self, host: str) -> bool:
        return self._guesses.wait(host, self._reactor.seconds()) > 0

    def _at(self, host: str) -> list[Hashed]:
        return [hashed for networks, hashed in self._known.items() if networks.believes(host)]


def read(path: str) -> Known:
    """Return the gateways in a file, one a line; what follows a ``#`` is a remark.

    :raises ValueError: there is no such file, or it has a line that means nothing.
    """
    known = {}
    for number, networks, hashed in hashing.read(path, "networks"):
        try:
            known[Believed(networks)] = hashed
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
    return known


if __name__ == "__main__":
    hashing.ask("network")
