"""The web door: `WebFactory` behind a port, and the `WebRequest` that it makes for each request.

It is `twisted.web`, HTTP/1.1, made safe for a machine with a browser: see `core`.
"""

import re
from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.error import UnsupportedMethod
from twisted.web.http import datetimeToString
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.pages import DOOR, Pages, RefusedBodyError, Reply, Taker, said
from twisted_net.net.waiting import Waiting
from twisted_net.web.again import MORE, Heads
from twisted_net.web.channel import WebChannel
from twisted_net.web.core import ASKED_FIRST, HEADER, SAFE, Head, refusal
from twisted_net.web.root import Root

#: What every answer says. A page takes scripts and styles from here only, is framed by nobody, and
#: no page of another origin may embed or read it (CSP 3, Fetch, HTML).
HEADERS = {
    b"Server": b"netdemo",
    b"Content-Security-Policy": (
        b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    b"X-Content-Type-Options": b"nosniff",
    b"Referrer-Policy": b"no-referrer",
    b"Cross-Origin-Opener-Policy": b"same-origin",
    b"Cross-Origin-Resource-Policy": b"same-origin",
}

_LINES = {name: b"%b: %b\r\n" % (name, value) for name, value in HEADERS.items()}

_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]*)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class WebLimits:
    """What one connection is granted.

    :ivar request: seconds from the connection, or from the answer before, to the end of a request.
    :ivar body: bytes of a request's body.
    """

    request: float = 30.0
    body: int = 64 << 10


class WebRequest(Request):
    """One request: refused if a browser was tricked into it, else answered by a page."""

    log = Logger()
    defaultContentType = b"text/plain; charset=utf-8"
    site: Any
    channel: Any
    content: Any
    transport: Any
    path: bytes
    taker: Taker | None = None
    #: Called when the server stops: a page whose answer never ends by itself ends it.
    ends: Callable[[], object] | None = None

    def begin(self, method: bytes, uri: bytes, version: bytes, length: int | None) -> bool:
        """Let a page take the body as it comes, if there is one that wants to.

        :raises RefusedBodyError: the page does not, or a browser was tricked into the request.
        """
        if method in SAFE or length == 0:
            return False
        self.method, self.uri, self.clientproto = method, uri, version
        self.path = uri.partition(b"?")[0]
        self._locate()
        found = self.site.getResourceFor(self)
        beginning = getattr(found, f"begin_{method.decode('latin-1')}", None)
        if beginning is None:
            return False
        refused = self._refusal(found)
        if refused is not None:
            self.site.refused(refused[0], self.getClientAddress())
            raise RefusedBodyError(*refused)
        self.taker = beginning(self, length)
        return True

    def gotLength(self, length: int | None) -> None:
        """Keep the body in memory: it is small, or it is refused."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self.taker is not None:
            self.taker.received(data)
        elif self.content.tell() + len(data) > self.channel.site.limits.body:
            self.channel.too_long()
        else:
            self.content.write(data)

    def process(self) -> None:
        """Answer."""
        self._locate()
        try:
            found = self.site.getResourceFor(self)
            refused = self._refusal(found)
            if refused is None:
                self.render(found)
            else:
                self.refuse(*refused)
        except Exception:
            self.processingFailed(Failure())

    def render(self, found: Any) -> None:
        """Let a resource answer, now or later."""
        proven = self.getHeader(HEADER) or getattr(found, "bears_token", False)
        unforced = self.method in SAFE or self.method in ASKED_FIRST
        if not (unforced or proven) and _takes(found, self.method):
            self.refuse(403, f"{self.method.decode()} needs the header {HEADER.decode()}")
            return
        try:
            body = found.render(self)
        except UnsupportedMethod as error:
            allowed = b", ".join(sorted(error.allowedMethods))
            self.setHeader(b"Allow", allowed)
            self.refuse(405, f"this takes {allowed.decode()}")
            return
        if body is not NOT_DONE_YET:
            self.answer(body)

    def refuse(self, code: int, why: str) -> None:
        """Answer in one line that there is no answer."""
        self.site.refused(code, self.getClientAddress())
        self.answer(said(self, code, why))

    def answer(self, body: bytes) -> None:
        """Send a whole body, or what HEAD wants of it."""
        self.setHeader(b"Content-Length", b"%d" % len(body))
        self.write(b"" if self.method == b"HEAD" else body)
        self.finish()

    def again(self, reply: Reply) -> None:
        """Let the same request, to the byte, be answered by ``reply``; see there."""
        if not any(self.requestHeaders.hasHeader(name) for name in MORE):
            self.channel.again(reply)

    def processingFailed(self, reason: Failure) -> Failure:
        """Say that it is our fault; where the answer has begun, by a reset."""
        self.site.drops.crash(_host(self.getClientAddress()), reason)
        if self.startedWriting:
            self.transport.abortConnection()
        else:
            self.answer(said(self, 500, "this is a bug of the server's; its log says more"))
        return reason

    def connectionLost(self, reason: Failure) -> None:
        """Tell whoever takes the body, or answers."""
        if self.taker is not None:
            self.taker.lost()
        super().connectionLost(reason)

    def _locate(self) -> None:
        self.site = self.channel.site
        self._resolve()
        self.prepath: list[bytes] = []
        self.postpath = [unquote_to_bytes(each) for each in self.path[1:].split(b"/")]

    def _resolve(self) -> None:
        """Take an absolute URL for what it stands for (RFC 9112, 3.2.2)."""
        whole = _ABSOLUTE.fullmatch(self.path)
        if whole is not None:
            self.requestHeaders.setRawHeaders(b"Host", [whole[1]])
            self.path = whole[2] or b"/"

    def _refusal(self, found: Any) -> tuple[int, str] | None:
        if not self.method.isalpha():
            return 501, "no such method"
        return refusal(
            Head(
                self.method,
                self.clientproto,
                tuple(self.requestHeaders.getRawHeaders(b"Host", [])),
                self.getHeader(b"Origin"),
                self.getHeader(b"Sec-Fetch-Site"),
            ),
            self.site.names,
            getattr(found, "origins", ()),
        )


class WebFactory(Site):
    """Make a `WebChannel` for each connection; all show the same pages.

    :param names: host names that are ours, in small letters, beside ``localhost`` and addresses.
    :param pages: looked into at each request.
    :param own: resources at the top that are nobody's page, by the name in their paths.
    :ivar heads: of requests that can be answered again.
    :ivar silent: connections whose first request is not answered yet.
    """

    noisy = False
    protocol = WebChannel  # type: ignore[assignment]  # HTTP/1.1 only, and no proxy before it
    requestFactory = WebRequest

    def __init__(
        self,
        pages: Pages,
        reactor: Any,
        names: Collection[str] = (),
        limits: WebLimits = WebLimits(),
        counters: DoorCounters | None = None,
        own: Mapping[bytes, Any] | None = None,
    ) -> None:
        super().__init__(Root(pages, own), reactor=reactor)
        self.timeOut = None  # the channel and the guard of the door have better ones
        self.names = frozenset(names)
        self.limits = limits
        self.heads = Heads(pages)
        self.silent: Waiting[WebChannel] = Waiting(reactor, limits.request, WebChannel.check)
        self.drops = Drops(DOOR, counters or DoorCounters(), reactor.seconds)
        self._now = -1
        self._lines: dict[bytes, bytes] = {}
        self._block = b""

    def startFactory(self) -> None:
        """Do nothing: Twisted would begin an access log, and a timer for its clock."""

    def stopFactory(self) -> None:
        """Do nothing, as `startFactory`."""

    def log(self, request: Any) -> None:
        """Write no access log: what is worth a line is the page's to say."""

    def acceptableProtocols(self) -> list[bytes]:
        """Offer HTTP/1.1, and nothing else, to who negotiates by ALPN."""
        return [b"http/1.1"]

    def said_by_all(self, names: Set[bytes]) -> bytes:
        """Return the lines of a head that are the same in all answers, but for those it has.

        :param names: of the lines that an answer has of its own.
        """
        now = int(self.reactor.seconds())
        if now != self._now:
            self._now = now
            date = datetimeToString(now)
            self._lines = {**_LINES, b"Date": b"Date: %b\r\n" % date}
            self._block = b"".join(self._lines.values())
        if names.isdisjoint(self._lines):
            return self._block
        return b"".join(line for name, line in self._lines.items() if name not in names)

    def refused(self, code: int, peer: IAddress) -> None:
        """Count a refusal."""
        self.drops.drop(f"refused_{code}", _host(peer))


def _takes(found: Any, method: bytes) -> bool:
    """Say whether a resource would look at a method at all."""
    stock = isinstance(found, Resource) and type(found).render is Resource.render
    return not stock or hasattr(found, f"render_{method.decode()}")


def _host(peer: IAddress) -> str:
    return str(getattr(peer, "host", "local"))
