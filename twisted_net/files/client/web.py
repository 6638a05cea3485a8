"""Files and folders of HTTP servers, ours and others', that can be gone on with (RFC 9110, 14)."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from twisted_net.files.client.checking import hashed_part, mismatch, patience_for
from twisted_net.files.client.codec import (
    Head,
    Linked,
    parse_content_range,
    parse_html_listing,
    parse_json_listing,
    parse_retry_after,
    redirected,
)
from twisted_net.files.client.core import BrokenOffError, BusyError, Pace
from twisted_net.files.client.http import HttpClient, open_http
from twisted_net.files.client.line import send
from twisted_net.files.client.told import Fetched, Progress, Stored, ignore
from twisted_net.files.client.urls import Url
from twisted_net.files.destination import WORTH, Destination
from twisted_net.files.http.codec import parse_digest, render_digest
from twisted_net.files.origin import Origin, StaleError
from twisted_net.files.shelf import Source
from twisted_net.net.clients import PATIENCE, Trust
from twisted_net.net.errors import (
    BadAnswerError,
    ClientError,
    NoAnswerError,
    RemoteProtocolError,
)
from twisted_net.net.text import safe

#: Redirections that are followed.
MOST_REDIRECTED = 10

#: Bytes of a file whose server does not tell how long it is: it may never end.
LONGEST_UNTOLD = 1 << 30

#: Bytes of a listing.
LONGEST_LISTING = 4 << 20

#: A body up to this size is read and thrown away, because that is quicker than to connect again.
THROWN_AWAY = 64 << 10

#: Codes that may be another one soon (RFC 9110, 15; RFC 6585, 4).
_BUSY = (408, 425, 429, 500, 502, 503, 504)

#: Seconds in which a server may say whether it wants a file before it is sent anyway, and what size
#: of file is worth the question.
WAITED = 2.0
WORTH_ASKING = 1 << 20

#: What a PUT that was granted is answered with (RFC 9110, 9.3.4).
_STORED = (200, 201, 204)

#: Bytes of the words with which a server refuses a file.
_WORDS = 1024

_REDIRECTIONS = (301, 302, 303, 307, 308)


class Web:
    """HTTP servers, with the connections that can be used again.

    :param pace: how fast to read.
    :param trust: whose certificates are taken; None: those that the system trusts.
    """

    def __init__(
        self,
        reactor: Any,
        patience: float = PATIENCE,
        pace: Pace | None = None,
        trust: Trust | None = None,
    ) -> None:
        self._trust = trust
        self._reactor = reactor
        self._patience = patience
        self._pace = pace
        self._idle: dict[str, list[HttpClient]] = {}
        self._no_digests: set[str] = set()

    def close(self) -> None:
        """Close all connections that nobody uses."""
        for clients in self._idle.values():
            for client in clients:
                client.close()
        self._idle.clear()

    async def get(self, url: Url, into: Destination, progress: Progress = ignore) -> Fetched:
        """Fetch one file, or what is still missing of it.

        :raises ClientError: there is none, or it did not come whole.
        :raises StaleError: what had come before is of no use; it was forgotten.
        """
        began = self._reactor.seconds()
        asked = str(url)
        client, url, head = await self._asked(url, _ranged(into))
        offset = _next(into) if head.code == 206 else 0
        with _closed_on_failure(client):
            size, sha256 = await self._taken(client, url, head, into, progress)
        into.keep()
        return Fetched(asked, size, sha256, self._reactor.seconds() - began, offset)

    async def put(
        self, url: Url, source: Source, sha256: str, progress: Progress = ignore
    ) -> Stored:
        """Send one file (RFC 9110, 9.3.4).

        :param sha256: of the file, in hex; a server that knows RFC 9530 checks it.
        :raises ClientError: the server does not take it, or it changed while it was sent.
        """
        began = self._reactor.seconds()
        size = source.size or 0
        client = await self._connected(url)
        with _closed_on_failure(client):
            head = await self._sent(client, url, source, sha256, progress)
            if head.code not in _STORED:
                raise await _told(client, url, head)
            await self._throw_away(client, url, head, "PUT")
        return Stored(str(url), size, sha256, self._reactor.seconds() - began)

    async def _sent(
        self, client: HttpClient, url: Url, source: Source, sha256: str, progress: Progress
    ) -> Head:
        """Send a file, or as much of it as the server wants; return what it answers."""
        size, heeding = source.size or 0, True
        fields = {
            "Content-Length": str(size),
            "Content-Type": "application/octet-stream",
            "Repr-Digest": render_digest(sha256).decode(),
        }
        if size >= WORTH_ASKING:
            client.begin(url, {**fields, "Expect": "100-continue"}, "PUT")
            try:
                head = await client.answered(WAITED, interim=100)
            except NoAnswerError:
                heeding = False  # an old server; RFC 9110, 10.1.1 wants us to go on
            else:
                if head.code != 100:
                    return head
        else:
            client.begin(url, fields, "PUT")
        await send(client, source, 0, progress, heeding=heeding)
        return await client.answered(patience_for(size, self._patience))

    async def entries(self, folder: Url) -> AsyncIterator[Linked]:
        """Yield what is in a folder, of our own HTTP door or any that shows a page of links.

        :raises ClientError: there is no such folder, or it is not shown.
        """
        path = folder.path.partition("?")[0]
        page: Url | None = replace(folder, path=f"{path.rstrip('/')}/?json")
        seen: set[str] = set()
        while page is not None:
            if page.path in seen:
                raise BadAnswerError(f"{folder}: a listing without an end")
            seen.add(page.path)
            entries, page = await self._page(page)
            for each in entries:
                yield each

    async def _page(self, url: Url) -> tuple[list[Linked], Url | None]:
        client, url, head = await self._asked(url, {})
        folder = replace(url, path=url.path.partition("?")[0])
        with _closed_on_failure(client):
            if head.code != 200:
                raise _refusal(str(folder), head)
            body = b""
            async for piece in client.body(head):
                body += piece
                if len(body) > LONGEST_LISTING:
                    raise BadAnswerError(
                        f"{folder}: a listing of more than {LONGEST_LISTING} bytes"
                    )
            kind = head.fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
            if kind == b"application/json":
                found = parse_json_listing(body, folder)
            elif kind == b"text/html":
                found = parse_html_listing(body, folder), None
            else:
                raise ClientError(f"'{folder}': not a folder that can be listed")
        self._done_with(client, url, head)
        return found

    async def _taken(
        self, client: HttpClient, url: Url, head: Head, into: Destination, progress: Progress
    ) -> tuple[int, str]:
        """Take a body; return the size and the SHA-256 of the whole file."""
        offset, length, size = _part(url, head, into)
        known = parse_digest(head.fields.get(b"repr-digest", b""))
        into.begin(Origin("", size, 0, head.tag, known), offset)
        if length is not None:
            into.expect(length)
        sha256 = await hashed_part(into, self._reactor)
        count = offset
        progress(size, count)
        most = offset + (LONGEST_UNTOLD if length is None else length)
        async for piece in client.body(head):
            count += len(piece)
            if count > most:
                raise BadAnswerError(f"'{url}': {_too_much(length)}")
            into.write(piece)
            sha256.update(piece)
            progress(size, count)
        if length is not None and count < most:
            raise RemoteProtocolError(f"{most - count} bytes are missing")
        self._done_with(client, url, head)
        known = known or await self._digest(url, head, count)
        if known not in ("", sha256.hexdigest()):
            raise mismatch(str(url), url.base, into, offset)
        return count, sha256.hexdigest()

    async def _digest(self, url: Url, before: Head, size: int) -> str:
        """Ask for the SHA-256 that did not come with the file; empty: it is not to be had."""
        if size < WORTH or not before.tag or url.base in self._no_digests:
            return ""
        fields = {"Want-Repr-Digest": "sha-256=10"}
        patience = patience_for(size, self._patience)
        client, url, head = await self._asked(url, fields, "HEAD", patience)
        self._done_with(client, url, head)
        known = parse_digest(head.fields.get(b"repr-digest", b""))
        if not known:
            self._no_digests.add(url.base)
        return known if head.tag == before.tag else ""

    async def _asked(
        self, url: Url, fields: dict[str, str], method: str = "GET", patience: float = 0.0
    ) -> tuple[HttpClient, Url, Head]:
        """Ask, and ask where it leads to; the connection is the caller's then."""
        for _ in range(MOST_REDIRECTED):
            client = await self._connected(url)
            used = not client.fresh
            try:
                with _closed_on_failure(client):
                    head = await client.ask(url, fields, method, patience)
                    if head.code not in _REDIRECTIONS or b"location" not in head.fields:
                        return client, url, head
                    await self._throw_away(client, url, head, method)
                    url = redirected(url, head.fields[b"location"])
            except BrokenOffError:
                if not used:  # else it was closed for being idle, just now
                    raise
        raise BadAnswerError(f"'{url}': more than {MOST_REDIRECTED} redirections")

    async def _connected(self, url: Url) -> HttpClient:
        idle = self._idle.get(url.base, [])
        while idle:
            client = idle.pop()
            if not client.ended:
                return client
        client = await open_http(self._reactor, url, self._patience, self._trust)
        client.pace = self._pace
        return client

    async def _throw_away(self, client: HttpClient, url: Url, head: Head, method: str) -> None:
        if method != "HEAD":
            if head.length is None or head.length > THROWN_AWAY:
                client.close()
                return
            async for _ in client.body(head):
                pass
        self._done_with(client, url, head)

    def _done_with(self, client: HttpClient, url: Url, head: Head) -> None:
        """Keep a connection for the next request, if it takes one."""
        if head.last or client.ended or (head.length is None and not head.chunked):
            client.close()
        else:
            self._idle.setdefault(url.base, []).append(client)


@contextmanager
def _closed_on_failure(client: HttpClient) -> Iterator[None]:
    """Close a connection if not all went well: the rest of an answer may be on its way."""
    try:
        yield
    except RemoteProtocolError as error:
        client.close()
        raise BadAnswerError(f"{client.target}: {error}") from error
    except BaseException:
        client.close()
        raise


def _next(into: Destination) -> int:
    """Return where to go on; where nothing is missing but the proof, at the last byte once more.

    There is no range behind the end, and no other way to be told that the file is the same.
    """
    whole = into.origin is not None and into.origin.size == into.offset
    return into.offset - 1 if whole and into.offset else into.offset


def _ranged(into: Destination) -> dict[str, str]:
    """Return the fields that ask for what is still missing, if the rest is still what it was."""
    if not _next(into):
        return {}
    fields = {"Range": f"bytes={_next(into)}-"}
    if into.origin is not None and into.origin.tag:
        fields["If-Range"] = into.origin.tag
    return fields


def _part(url: Url, head: Head, into: Destination) -> tuple[int, int | None, int | None]:
    """Return which part of a file comes: offset, length, and the size of the whole."""
    if head.code == 200:
        return 0, head.length, head.length
    if head.code == 206 and _next(into):
        told = head.fields.get(b"content-range", b"")
        offset, length, size = parse_content_range(told)
        whole = size is None or offset + length == size
        if offset != _next(into) or not whole or head.length not in (None, length):
            raise RemoteProtocolError(
                f"a part that was not asked for: {told[:80].decode('latin-1')}"
            )
        return offset, length, size
    if head.code == 416 and into.offset:
        into.forget()
        raise StaleError(f"'{url}' is shorter than it was; begun anew")
    raise _refusal(str(url), head)


def _refusal(name: str, head: Head) -> ClientError:
    why = f"{name!r}: {head.code} {head.reason}".rstrip()
    if head.code in _BUSY:
        return BusyError(why, parse_retry_after(head.fields.get(b"retry-after", b"")))
    if 400 <= head.code < 600:
        return ClientError(why)
    return BadAnswerError(f"{why}: nobody asked for that")


async def _told(client: HttpClient, url: Url, head: Head) -> ClientError:
    """Return why a file was not taken, in the server's own words if they are few."""
    kind = head.fields.get(b"content-type", b"").partition(b";")[0].strip()
    if kind != b"text/plain" or not 0 < (head.length or 0) <= _WORDS:
        return _refusal(str(url), head)
    words = b"".join([piece async for piece in client.body(head)])
    line = words.decode("utf-8", "backslashreplace").partition("\n")[0]
    return _refusal(str(url), replace(head, reason=safe(line.removeprefix(f"{head.code} "))))


def _too_much(length: int | None) -> str:
    if length is None:
        return f"more than {LONGEST_UNTOLD} bytes, and the server does not tell how many there are"
    return "more bytes than the server announced"
