"""One connection to an HTTP/1.1 server (RFC 9110, RFC 9112)."""

from collections.abc import AsyncIterator
from typing import Any

from twisted_net.files.client.codec import Head, parse_chunk, parse_head
from twisted_net.files.client.conversation import Conversation
from twisted_net.files.client.urls import Url
from twisted_net.net.clients import PATIENCE, Target, Trust, connect
from twisted_net.net.errors import RemoteProtocolError

#: Fields of one answer, and answers of a server before the one that counts (RFC 9110, 15.2).
MOST_FIELDS = 200
MOST_INTERIM = 10


class HttpClient(Conversation):
    """One connection to an HTTP server.

    :ivar fresh: whether nothing was asked on it yet.
    """

    fresh = True

    async def ask(
        self, url: Url, fields: dict[str, str], method: str = "GET", patience: float = 0.0
    ) -> Head:
        """Send a request, and return what its answer begins with.

        :raises ClientError: there is none, or it is not HTTP.
        """
        self.begin(url, fields, method)
        return await self.answered(patience)

    def begin(self, url: Url, fields: dict[str, str], method: str = "GET") -> None:
        """Send what a request begins with."""
        self.fresh = False
        lines = [f"{method} {url.path} HTTP/1.1", f"Host: {_host(url)}", *_always(fields)]
        self.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def answered(self, patience: float = 0.0, *, interim: int = 0) -> Head:
        """Return what the answer begins with.

        :param interim: the code of an interim answer (RFC 9110, 15.2) that is an answer too.
        :raises ClientError: there is none, or it is not HTTP.
        """
        for _ in range(MOST_INTERIM):
            head = parse_head(await self._head_lines(patience))
            if head.code >= 200 or head.code == interim:
                return head
        raise RemoteProtocolError("only interim answers")

    async def body(self, head: Head) -> AsyncIterator[bytes]:
        """Yield the body of an answer, piece by piece."""
        if head.chunked:
            while left := parse_chunk(await self.line()):
                async for piece in self._exactly(left):
                    yield piece
                if await self.line():
                    raise RemoteProtocolError("a chunk that does not end")
            for _ in range(MOST_FIELDS):
                if not await self.line():
                    return
            raise RemoteProtocolError("too many trailers")
        if head.length is not None:
            async for piece in self._exactly(head.length):
                yield piece
            return
        while piece := await self.some_or_end(1 << 20):
            yield piece

    async def _exactly(self, left: int) -> AsyncIterator[bytes]:
        while left:
            piece = await self.some(left)
            left -= len(piece)
            yield piece

    async def _head_lines(self, patience: float) -> list[bytes]:
        lines: list[bytes] = []
        while line := await self.line(patience):
            lines.append(line)
            if len(lines) > MOST_FIELDS:
                raise RemoteProtocolError("too many header fields")
        if not lines:
            raise RemoteProtocolError("an empty line for an answer")
        return lines


def _host(url: Url) -> str:
    name = f"[{url.host}]" if ":" in url.host else url.host
    own = {"http": 80, "https": 443}[url.scheme]
    return name if url.port == own else f"{name}:{url.port}"


def _always(fields: dict[str, str]) -> list[str]:
    # Identity: a range of what was compressed anew each time could not be gone on with.
    told = {"User-Agent": "netdemo", "Accept": "*/*", "Accept-Encoding": "identity", **fields}
    return [f"{name}: {value}" for name, value in told.items()]


async def open_http(
    reactor: Any, url: Url, patience: float = PATIENCE, trust: Trust | None = None
) -> HttpClient:
    """Connect to a server; raises as `twisted_net.net.clients.connect`."""
    target = Target("tcp", url.host, url.port)
    if url.scheme == "https":
        target = Target("https", url.host, url.port, trust)
    return await connect(reactor, target, HttpClient(reactor, target, patience), patience)
