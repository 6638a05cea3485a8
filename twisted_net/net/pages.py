"""Pages that services hand over, to be shown by whoever speaks HTTP; neither knows the other.

A service says ``runtime.pages.add("quote", "Quotes", resource)`` in its ``doors``, and is reached
at ``/quote/`` of the web door. The order does not matter, nor whether anything shows it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from twisted_net.net.errors import NetError

#: The door that shows them: counters of what is asked for there go by this name.
DOOR = "web"

#: Gives an answer once more, to the address of whoever asks: its body, as bytes; None: by now the
#: answer would be another one. ``request.again(reply)`` leaves one with an answer to GET that is
#: about to be given, where ``request`` has that: the same request, to the byte, is then answered by
#: it, with the same head. It looks at what may have changed, and logs what is to be logged.
Reply = Callable[[Any], bytes | None]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """One thing to look at.

    :ivar name: what its URL begins with, ``files`` for ``/files/``.
    :ivar title: what it is called where all pages are listed; empty: it is for programs, and not
        listed.
    :ivar resource: an ``IResource`` of ``twisted.web``.
    :ivar summary: one line about it; may be empty.
    """

    name: str
    title: str
    resource: Any
    summary: str = ""


class RefusedBodyError(NetError):
    """A page does not take the body of a request.

    :ivar code: the status of the answer, which is the last one on this connection.
    """

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Taker(Protocol):
    """Takes the body of one request as it comes; a resource makes it.

    A resource that wants bodies beyond what the web door keeps in memory has, for PUT say, a
    ``begin_PUT(request, length)`` beside its ``render_PUT(request)``. It is called when the head of
    the request is there, with the length of the body or None, and returns a `Taker` or raises
    `RefusedBodyError`. ``render_PUT`` is called when all has come, and finds it as
    ``request.taker``. While a taker has enough, it says ``request.channel.hold()``; when it is
    ready for the body or for more, ``release()``; and ``request.channel.refuse(code, why)`` any
    time, which ends the connection.
    """

    def received(self, data: bytes) -> None:
        """Take the next bytes."""

    def lost(self) -> None:
        """Learn that the connection is gone."""


class Pages:
    """The pages of all services, in the order of their names.

    :ivar changes: how often one was handed over.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._pages: dict[str, Page] = {}

    def add(self, name: str, title: str, resource: Any, summary: str = "") -> None:
        """Hand a page over; it takes the place of an earlier one of that name.

        :param name: a-z, 0-9 and ``-``; a service's own name is nobody else's.
        :raises ValueError: the name cannot stand in a URL.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"the page's name {name!r} is not made of a-z, 0-9 and -")
        self.changes += 1
        self._pages[name] = Page(name, title, resource, summary)

    def get(self, name: str) -> Page | None:
        """Return the page of a name, if there is one."""
        return self._pages.get(name)

    def __iter__(self) -> Iterator[Page]:
        """Yield what there is now."""
        return iter(sorted(self._pages.values(), key=lambda page: page.name))


def said(request: Any, code: int, why: str) -> bytes:
    """Make the answer to a request one line of text, ``404 no such file``, and return it.

    :param request: one of ``twisted.web`` that nothing was written to yet.
    """
    request.setResponseCode(code, HTTPStatus(code).phrase.encode())
    request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
    return f"{code} {why}\n".encode()
