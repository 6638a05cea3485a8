"""What a request for the chat asks, and how it is answered: JSON, and the page's own files."""

from collections.abc import Coroutine
from functools import cache
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET

from twisted_net.chat.codec import web as codec
from twisted_net.chat.codec.events import read_id
from twisted_net.chat.codec.refusals import Code, Refusal
from twisted_net.chat.codec.texts import refuse_controls
from twisted_net.net.pages import said

COOKIE = "netdemo-chat"

#: Events in one answer.
PAGE = 100

_STATIC = Path(__file__).with_name("static")


def answer(request: Any, answering: Coroutine[Any, Any, dict[str, Any]]) -> Any:
    """Answer when it is known, unless nobody waits for it any more."""
    gone: list[object] = []
    request.notifyFinish().addErrback(gone.append)

    def refused(failure: Failure) -> bytes:
        failure.trap(Refusal)
        return refuse(request, failure.value)

    def finish(body: bytes) -> None:
        if not gone:
            request.setHeader(b"Content-Length", b"%d" % len(body))
            request.write(b"" if request.method == b"HEAD" else body)
            request.finish()

    def broke(failure: Failure) -> None:
        if not gone:
            request.processingFailed(failure)

    asked = Deferred.fromCoroutine(answering)
    done = asked.addCallbacks(lambda made: answered(request, made), refused)
    done.addCallback(finish).addErrback(broke)
    return NOT_DONE_YET


def redirect(request: Any) -> bytes:
    """Lead to the same with a slash behind it, so that what the page names is found."""
    request.setHeader(b"Location", b"/".join([b"", *request.prepath, b""]))
    return said(request, 301, "the page ends in a slash")


def answered(request: Any, made: dict[str, Any]) -> bytes:
    """Return an object as the answer."""
    request.setHeader(b"Content-Type", b"application/json")
    request.setHeader(b"Cache-Control", b"no-store")
    return codec.dumped(made) + b"\n"


def refuse(request: Any, refusal: Any) -> bytes:
    """Return a refusal as the answer."""
    said(request, int(refusal.code), refusal.text)
    if refusal.code is Code.SLOW:
        request.setHeader(b"Retry-After", b"1")
    return answered(request, codec.refused(refusal))


def token_of(request: Any) -> str:
    """Return what the cookie says; empty: there is none."""
    try:
        cookies = SimpleCookie((request.getHeader(b"Cookie") or b"").decode("latin-1"))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def query_of(request: Any) -> dict[str, str]:
    """Return the query of a request.

    :raises Refusal: it is none.
    """
    _, _, query = request.uri.partition(b"?")
    try:
        pairs = parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=10)
    except ValueError:
        raise Refusal(Code.BAD, "not a query") from None
    refuse_controls("".join(map("".join, pairs)))
    return dict(pairs)


def number_of(text: str) -> int:
    """Return how many events are wanted.

    :raises Refusal: there may not be so many in one answer.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= PAGE):
        raise Refusal(Code.BAD, f"n: 1-{PAGE}")
    return int(text)


def id_in(fields: dict[str, str], name: str) -> int | None:
    """Return an id that may have been given.

    :raises Refusal: it is none.
    """
    if name not in fields:
        return None
    found = read_id(fields[name])
    if found is None:
        raise Refusal(Code.BAD, f"{name}: need an id, as 1767225600123-4")
    return found


@cache
def static(name: str) -> bytes:
    """Return a file of the page."""
    return (_STATIC / name).read_bytes()
