"""What was just asked and is asked again, to the byte: answered without reading it anew.

Who fetches one file over and over sends the same bytes each time, and all that is decided by what
they say - the page, the host's name, whether a browser was tricked into it - would be decided the
same. So a page may leave with its answer a way to give it once more (`WebRequest.again`), which
looks only at what may have changed since.
"""

import re
from collections.abc import Set
from dataclasses import dataclass

from twisted_net.net.pages import Pages, Reply

#: The longest head that is remembered, and how many are: at most 4 MiB of them. A browser's is
#: about a quarter of that long.
LONGEST, MOST = 2048, 2048

#: Fields after which there is more to a request than its head (RFC 9110, 10.1.1; RFC 9112, 6).
MORE = (b"Content-Length", b"Transfer-Encoding", b"Expect")


@dataclass(frozen=True, slots=True)
class Again:
    """How to answer a request once more.

    :ivar reply: the page's: the body, or None if the answer is another one by now.
    :ivar head: the lines of the answer that are its own, with the status.
    :ivar names: of these lines.
    :ivar length: of the body, as the head says it.
    :ivar last: whether the connection ends with the answer.
    """

    reply: Reply
    head: bytes
    names: Set[bytes]
    length: int
    last: bool


_LENGTH = re.compile(rb"^Content-Length: ([0-9]+)\r$", re.IGNORECASE | re.MULTILINE)


def length_in(head: bytes) -> int | None:
    r"""Return how long the body of an answer is; None: its head does not say.

    >>> length_in(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n"), length_in(b"")
    (7, None)
    """
    found = _LENGTH.search(head)
    return int(found[1]) if found else None


class Heads:
    """The heads of requests that can be answered again; the oldest make room.

    :param pages: whose answers these are; a page that is new may be meant by any of them.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._changes = pages.changes
        self._kept: dict[bytes, Again] = {}

    def find(self, head: bytes) -> Again | None:
        """Return how a request is answered that was asked before."""
        if self._changes != self._pages.changes:
            self._changes = self._pages.changes
            self._kept.clear()
        return self._kept.get(head)

    def keep(self, head: bytes, again: Again) -> None:
        """Remember how a request was answered."""
        self._kept[head] = again
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]

    def forget(self, head: bytes) -> None:
        """Remember it no more."""
        self._kept.pop(head, None)


def is_head(data: bytes) -> bool:
    r"""Say whether these bytes are the head of one request that wants to see something.

    >>> is_head(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), is_head(b"GET / HTTP/1.1\r\n")
    (True, False)
    """
    return (
        len(data) <= LONGEST
        and data.startswith(b"GET ")
        and data.find(b"\r\n\r\n") == len(data) - 4
    )
