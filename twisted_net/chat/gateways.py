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

#: Wrong passwords of one address before no more are looked at, and seconds until another one is.
GUESSES, EVERY = 5, 30.0

#: The passwords of gateways, by the networks that they connect from.
Known = Mapping[Believed, Hashed]


class Gateways:
    """Who may speak for others (IRCv3 webirc).

    A gateway says its password for each of its users. Only the first time is the slow hash made;
    after that a fast one knows it again, with a key that nothing but this process has. Who has
    guessed a few times may do so again only now and then.

    :param path: of the file.
    :raises ValueError: it cannot be read, or has a line that means nothing.
    """

    def __init__(self, path: str, reactor: Any) -> None:
        self._path = path
        self._known = read(path)
        self._proven: dict[Hashed, bytes] = {}
        self._key = token_bytes(32)
        self._wrong = Penalties(GUESSES, EVERY)
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
        if any(hmac.compare_digest(known.get(each, b""), fast) for each in hashes):
            told(True)
            return
        if self._wrong.wait(host, self._reactor.seconds()) > 0:
            told(False)
            return

        def fitting() -> Hashed | None:
            return next((each for each in hashes if each.fits(password)), None)

        def found(hashed: Hashed | None) -> None:
            if hashed is not None:
                known[hashed] = fast  # of a file that was read anew meanwhile, nothing
            else:
                self._wrong.take(host, self._reactor.seconds())
            told(hashed is not None)

        pool = self._reactor.getThreadPool()
        finding = self._turn.run(deferToThreadPool, self._reactor, pool, fitting)
        finding.addErrback(lambda failure: None)  # the threads are gone: the server stops
        finding.addCallback(found)

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
