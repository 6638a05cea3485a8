"""Server operators: a file of names and scrypt hashes, and a way to make its lines.

``python -m twisted_net.chat.opers NAME`` asks for a password and prints the line for the file.
"""

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import DeferredSemaphore
from twisted.internet.threads import deferToThreadPool

from twisted_net.chat import hashing
from twisted_net.chat.hashing import NOBODY, Hashed

#: Hashes that are made at one time, each in a thread of its own.
AT_ONCE = 2


class Operators:
    """Who may become an operator of the server.

    :param path: of the file.
    :raises ValueError: it cannot be read, or has a line that means nothing.
    """

    def __init__(self, path: str, reactor: Any) -> None:
        self.path = path
        self._known = read(path)
        self._reactor = reactor
        self._turn = DeferredSemaphore(AT_ONCE)

    def reread(self) -> None:
        """Read the file anew; if that fails, those who were known stay known.

        :raises ValueError: as at first.
        """
        self._known = read(self.path)

    def check(self, name: str, password: str, told: Callable[[bool], None]) -> None:
        """Tell whether somebody knows the password of that name, in another turn."""
        hashed = self._known.get(name, NOBODY)
        pool = self._reactor.getThreadPool()
        found = self._turn.run(deferToThreadPool, self._reactor, pool, hashed.fits, password)
        found.addErrback(lambda failure: False)  # the threads are gone: the server stops
        found.addCallback(told)


def read(path: str) -> Mapping[str, Hashed]:
    """Return the operators in a file, one a line; what follows a ``#`` is a remark.

    :raises ValueError: there is no such file, or it has a line that means nothing.
    """
    return {name: hashed for _, name, hashed in hashing.read(path, "name")}


if __name__ == "__main__":
    hashing.ask("name")
