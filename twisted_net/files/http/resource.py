"""`ShelfResource`: a shelf as a resource of ``twisted.web``, to be mounted in any site."""

import contextlib
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from twisted_net.files.codec import Get, List, RefusedError
from twisted_net.files.digests import Digests, aside_of
from twisted_net.files.http import codec
from twisted_net.files.http.archive import walked, zipped
from twisted_net.files.http.codec import Span, parse_query
from twisted_net.files.http.core import outcome
from twisted_net.files.http.fields import ASK, asked_of, described, held_of, is_simple, validators
from twisted_net.files.http.listing import Listing, render_json, render_page
from twisted_net.files.http.putting import begin_putting, host_of, name_of
from twisted_net.files.http.receiving import Receiving
from twisted_net.files.http.sending import TAIL, Download, Fields, finish, hashed_here, pieces_of
from twisted_net.files.http.small import Small
from twisted_net.files.http.types import content_type
from twisted_net.files.journal import Journal, peer_name
from twisted_net.files.recent import Recent
from twisted_net.files.shelf import Shelf, Source
from twisted_net.files.store import OpenFile
from twisted_net.net.counters import DoorCounters
from twisted_net.net.pages import DOOR, RefusedBodyError, said
from twisted_net.net.sendfile import StoppedError

_STATIC = Path(__file__).with_name("static")


class ShelfResource(Resource):
    """Show folders, send and take files, send parts of them, and whole folders as zip files.

    A subclass may override `kind`, or `page` and `json`, which show folders.

    :param reactor: digests and listings are made in its threads.
    :param journal: what the log is told; None: a journal of its own.
    :param digests: None: computed in the reactor's thread pool.
    :param transfers: files on their way at one time.
    :param archives: zip files on their way at one time; each reads many files.
    :param title: what the top is called.
    :param write: whether files may be put here, as far as the shelf takes them.
    """

    isLeaf = True

    def __init__(
        self,
        shelf: Shelf,
        reactor: Any,
        journal: Journal | None = None,
        digests: Digests | None = None,
        transfers: int = 64,
        archives: int = 4,
        title: str = "files",
        write: bool = False,
    ) -> None:
        super().__init__()
        self._reactor = reactor
        self._write = write
        self.allowedMethods = (b"GET", b"HEAD", *([b"PUT"] if write else []))
        self.shelf = shelf
        self.journal = journal or Journal(DOOR, DoorCounters(), reactor.seconds)
        self.digests = digests or Digests(aside_of(reactor))
        self.title = title
        self._recent: Recent[Small] = Recent(shelf)
        self._free = {"transfers": transfers, "archives": archives}

    def kind(self, name: bytes) -> str:
        """Return the content type of a file."""
        return content_type(name)

    def page(self, listing: Listing) -> bytes:
        """Return a folder as HTML."""
        return render_page(listing)

    def json(self, listing: Listing) -> bytes:
        """Return a folder as JSON."""
        return render_json(listing)

    def begin_PUT(self, request: Any, length: int | None) -> Receiving:
        """Make ready to store the body that comes (`twisted_net.net.pages.Taker`).

        :raises RefusedBodyError: it is not granted.
        """
        try:
            return begin_putting(self, request, length, self._write)
        except RefusedError as refused:
            self.tell(request, refused)
            raise RefusedBodyError(refused.code, str(refused)) from refused

    def render_PUT(self, request: Any) -> int:
        """Answer when all that came is stored; what has no byte begins only here."""
        try:
            taker = request.taker or begin_putting(self, request, 0, self._write)
        except RefusedError as refused:
            self.refuse(request, refused)
        else:
            taker.ended()
        return NOT_DONE_YET

    def render_GET(self, request: Any) -> int:
        """Answer, now or later."""
        if self._has_again(request):
            return NOT_DONE_YET
        answering = Deferred.fromCoroutine(self._answered(request))
        if not answering.called:
            request.notifyFinish().addErrback(lambda _: answering.cancel())
        answering.addErrback(_broke, request)
        return NOT_DONE_YET

    def _has_again(self, request: Any) -> bool:
        """Answer who simply asks for a small file that was asked for lately; say if it was that.

        This is what `_answered` does, in fewer steps.
        """
        if not is_simple(request) or not self._free["transfers"]:
            return False
        name = name_of(request)
        small = self._recent.find(Get(name))
        if small is None:
            return False
        began, peer = self.journal.seconds(), peer_name(request.getClientAddress())
        sha256 = self.digests.known(small)
        digest = [(b"Repr-Digest", codec.render_digest(sha256))] if sha256 else []
        if hasattr(request, "again"):
            request.again(partial(self._again, Get(name), small.fields, sha256))
        finish(request, small.content, small.fields + digest)
        self.journal.sent(name, peer, len(small.content), began)
        return True

    def _again(self, asked: Get, fields: Fields, sha256: str, address: Any) -> bytes | None:
        """Return a small file once more, if it is what it was (`twisted_net.net.pages.Reply`).

        :param fields: its own, by which it is known again: it is not kept for this alone.
        :param sha256: what was told of it.
        """
        small = self._recent.find(asked) if self._free["transfers"] else None
        if small is None or small.fields is not fields or self.digests.known(small) != sha256:
            return None
        self.journal.sent(
            asked.name, peer_name(address), len(small.content), self.journal.seconds()
        )
        return small.content

    async def _answered(self, request: Any) -> None:
        name = name_of(request)
        try:
            if not request.path.endswith(b"/"):
                await self._file(request, name)
            elif b"zip" in parse_query(request.uri):
                await self._archive(request, name)
            else:
                await self._folder(request, name)
        except RefusedError as refused:
            self.refuse(request, refused)
        except StoppedError as stopped:
            if request.startedWriting:
                # The length that was promised cannot be kept, or the end of the chunks would
                # look like the end of all: a reset is the only way left to say so.
                request.transport.abortConnection()
            else:
                self.refuse(request, RefusedError(500, str(stopped)))

    def tell(self, request: Any, refused: RefusedError) -> None:
        """Tell the log of a refusal."""
        peer = peer_name(request.getClientAddress())
        self.journal.refused(name_of(request), peer, refused.code, str(refused))

    def refuse(self, request: Any, refused: RefusedError) -> None:
        """Answer that there is no answer, and tell the log."""
        self.tell(request, refused)
        fields: Fields = [(b"Retry-After", b"1")] if refused.code == 503 else []
        body = said(request, refused.code, str(refused))
        finish(request, body, fields, refused.code)

    async def _folder(self, request: Any, name: bytes) -> None:
        asked = parse_query(request.uri)
        for query, file, kind in _PARTS:
            if query in asked:
                finish(request, _static(file), [(b"Content-Type", kind), ASK])
                return
        wanted = List(name, asked.get(b"after", b""))
        entries, more = await self.digests.aside(self.shelf.list, wanted, host_of(request))
        listing = Listing(name, self.title, entries, more, self._write)
        if b"json" in asked:
            finish(request, self.json(listing), [(b"Content-Type", b"application/json"), ASK])
        else:
            kind = b"text/html; charset=utf-8"
            finish(request, self.page(listing), [(b"Content-Type", kind), ASK])

    async def _archive(self, request: Any, name: bytes) -> None:
        with self.one_of("archives"):
            host = host_of(request)
            entries = await self.digests.aside(walked, self.shelf, name, host)
            called = name.rstrip(b"/").rpartition(b"/")[2] or self.title.encode()
            pieces = zipped(entries, name, called, lambda each: self.shelf.open(each, host))
            fields = [
                (b"Content-Type", b"application/zip"),
                (b"Content-Disposition", codec.render_attachment(called + b".zip")),
                (b"Cache-Control", b"no-store"),
            ]
            await Download(request, name + b"?zip", self.journal).stream(pieces, fields)

    async def _file(self, request: Any, name: bytes) -> None:
        with self.one_of("transfers"):
            try:
                if not name:
                    raise RefusedError(403, "a folder")
                source = self._opened(name, host_of(request))
            except RefusedError as refused:
                if refused.code != 403 or not self._is_folder(name, host_of(request)):
                    raise
                _redirect(request, name or request.path)
                return
            with contextlib.closing(source):
                if b"sha256" in parse_query(request.uri):
                    sha256 = await self._digest(source)
                    finish(request, f"{sha256}\n".encode(), [ASK])
                else:
                    await self._content(request, source)

    def _opened(self, name: bytes, host: str) -> Source:
        """Return a source: for a small file that was asked for lately, what was read then."""
        request = Get(name)
        found = self._recent.find(request)
        if found is not None:
            return found
        state = self.shelf.peek(name)  # before: what changes from now on is seen
        source = self.shelf.open(name, host)
        if state is not None and isinstance(source, OpenFile) and source.size <= TAIL:
            small = Small.of(source) if self.digests.settled(source.version) else None
            if small is not None:
                source.close()
                small.fields = validators(held_of(source)) + described(self.kind(name), source.size)
                self._recent.keep(request, state, small, source.size)
                return small
        return source

    async def _content(self, request: Any, source: Source) -> None:
        held = held_of(source)
        found = outcome(asked_of(request), held)
        if found.code == 416:
            request.setHeader(b"Content-Range", codec.render_content_range(None, source.size or 0))
            raise RefusedError(416, f"offset past end (size {source.size})")
        if found.code == 412:
            raise RefusedError(412, "it is no longer what it was")
        fields = validators(held)
        if found.code == 304:
            finish(request, b"", fields, 304)
            return
        fields += described(self.kind(source.name), source.size, found.span)
        if b"download" in parse_query(request.uri):
            fields.append((b"Content-Disposition", codec.render_attachment(source.name)))
        fields += await self._digest_field(request, source)
        download = Download(request, source.name, self.journal)
        if source.size is None:
            await download.stream(pieces_of(source), fields)
        else:
            span = found.span or Span(0, source.size)
            await download.send(source, span, found.code, fields)

    async def _digest_field(self, request: Any, source: Source) -> Fields:
        """Return ``Repr-Digest`` where it is known, or where the client would wait for it."""
        sha256 = self.digests.known(source)
        if not sha256:
            wanted = request.getHeader(b"Want-Repr-Digest")
            if wanted is not None and codec.wants_digest(wanted):
                sha256 = await self._digest(source)
        return [(b"Repr-Digest", codec.render_digest(sha256))] if sha256 else []

    async def _digest(self, source: Source) -> str:
        if isinstance(source, Small):
            sha256 = source.sha256()
            self.digests.learn(source, sha256)
        elif isinstance(source, OpenFile):
            sha256 = await self.digests.of(source)
        else:
            sha256 = await hashed_here(source, self._reactor)
        if not sha256:
            raise RefusedError(500, "file changed while reading")
        return sha256

    def _is_folder(self, name: bytes, host: str) -> bool:
        try:
            return not name or self.shelf.stat(name, host).kind == "folder"
        except RefusedError:
            return False

    @contextlib.contextmanager
    def one_of(self, what: str) -> Iterator[None]:
        """Take one of what there are so many of; raises RefusedError: 503, none is left."""
        if not self._free[what]:
            raise RefusedError(503, "busy")
        self._free[what] -= 1
        try:
            yield
        finally:
            self._free[what] += 1


#: Parts of the page itself: query, file, content type.
_PARTS = (
    (b"css", "listing.css", b"text/css; charset=utf-8"),
    (b"js", "listing.js", b"text/javascript; charset=utf-8"),
)


@cache
def _static(name: str) -> bytes:
    return (_STATIC / name).read_bytes()


def _broke(failure: Failure, request: Any) -> None:
    if failure.check(CancelledError) is None:
        request.processingFailed(failure)


def _host(request: Any) -> str:
    return str(getattr(request.getClientAddress(), "host", "local"))


def _redirect(request: Any, name: bytes) -> None:
    """Lead to the same with a slash behind it, so that the links of the page are right.

    By a relative URL: whatever the path was, it leads to no other server.
    """
    _, mark, query = request.uri.partition(b"?")
    where = codec.href(name, folder=True).encode() + mark + query
    body = said(request, 301, "a folder ends in a slash")
    finish(request, body, [(b"Location", where)], 301)
