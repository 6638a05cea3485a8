"""What the files line door answers to each request, from a shelf."""

import contextlib
import hashlib
from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol

from twisted.internet.task import deferLater

from twisted_net.files import codec
from twisted_net.files.codec import Get, List, Promise, Put, RefusedError, Stat, Sum
from twisted_net.files.core import Bare, Session, Task, part
from twisted_net.files.desk import Desk
from twisted_net.files.digests import CHUNK, Digests
from twisted_net.files.shelf import Sink, Source
from twisted_net.files.store import OpenFile
from twisted_net.net.sendfile import LOST, Sending, StoppedError
from twisted_net.net.transports import IStreamTransport

#: Parts up to this size are read and hashed at once, and leave in one write with the lines around
#: them: to have the kernel move so little costs more than to copy it.
SMALL = 64 << 10

#: Bytes of an upload that are written to the disk in one step.
WRITTEN = 256 << 10

CHANGED = RefusedError(500, "file changed while sending")


class Line(Protocol):
    """What an answer needs of its connection.

    :ivar host: who asks, as a shelf is told.
    :ivar peer: the same with its port, as the log is told.
    :ivar gone: whether the connection was lost.
    """

    transport: IStreamTransport
    host: str
    peer: str
    gone: bool

    def stream(self, sending: Sending) -> Awaitable[None]:
        """Let nobody else write until something is sent; raises `StoppedError`."""

    def more(self) -> Awaitable[None]:
        """Wait until more has come, or nothing will."""

    def take(self, most: int) -> bytes:
        """Return what has come of the file that the peer sends, as `Session.take`."""


#: An answer, or who will have it later.
Answer = bytes | Coroutine[Any, Any, bytes]


class Answers:
    """The answers to one connection."""

    def __init__(self, desk: Desk, session: Session, line: Line) -> None:
        self._desk = desk
        self._session = session
        self._line = line

    def begin(self, task: Task) -> Answer:
        """Return the answer to a request, or what follows the bytes that are sent by then.

        :raises RefusedError: it is not granted; the coroutine may raise it too.
        :raises StoppedError: only from the coroutine: what was promised cannot be kept.
        """
        match task:
            case List():
                return self._list(task)
            case Stat():
                return codec.render_stat(self._desk.shelf.stat(task.name, self._line.host))
            case Sum():
                return self._sum(task)
            case Get() | Bare():
                return self._get(task)
            case Put():
                return self._put(task)

    async def _list(self, request: List) -> bytes:
        asking = self._desk.digests.aside(self._desk.shelf.list, request, self._line.host)
        entries, more = await asking
        return codec.render_listing(entries, more)

    def _sum(self, request: Sum) -> Answer:
        source = self._desk.open(request.name, self._line.host)
        if known := self._desk.digests.known(source):
            source.close()
            return codec.render_sum(known)
        return self._hashed(source)

    async def _hashed(self, source: Source) -> bytes:
        with contextlib.closing(source):
            if isinstance(source, OpenFile):
                sha256 = await self._desk.digests.of(source)
            else:
                sha256 = await self._hashed_here(source)
        if not sha256:
            raise RefusedError(500, "file changed, or cannot be read")
        return codec.render_sum(sha256)

    async def _hashed_here(self, source: Source) -> str:
        """Hash what only the reactor's thread may read, with a turn for everybody else between."""
        sha256, offset = hashlib.sha256(), 0
        while piece := source.read(offset, CHUNK):
            sha256.update(piece)
            offset += len(piece)
            await deferLater(self._desk.reactor, 0, lambda: None)
        return "" if offset != source.size or source.changed() else sha256.hexdigest()

    def _get(self, request: Get | Bare) -> Answer:
        state = self._desk.shelf.peek(request.name)  # before: what changes from now on is seen
        source = self._desk.open(request.name, self._line.host)
        try:
            size = source.size or 0
            offset, length = 0, size
            if isinstance(request, Get):
                offset, length = request.offset, part(size, request.offset, request.length)
            if length <= SMALL:
                answer = self._small(source, offset, length, isinstance(request, Bare))
                if isinstance(request, Get) and self._desk.digests.known(source):
                    self._desk.recent.keep(request, state, (answer, length), len(answer))
                return answer
        except BaseException:
            source.close()
            raise
        if isinstance(request, Bare):
            return self._bare(source)
        return self._large(source, offset, length)

    def _small(self, source: Source, offset: int, length: int, bare: bool) -> bytes:
        journal, digests = self._desk.journal, self._desk.digests
        began = journal.seconds()
        with contextlib.closing(source):
            try:
                body = source.read(offset, length) if length else b""
            except OSError as error:
                raise RefusedError(500, "cannot be read") from error
            if len(body) < length or source.changed():
                raise CHANGED
            if not bare:
                body = _framed(source, offset, body, digests)
        journal.sent(source.name, self._line.peer, length, began)
        return body

    async def _bare(self, source: Source) -> bytes:
        with contextlib.closing(source), self._desk.transfer():
            # Copied, for there is no digest behind it that would tell of a change on the way.
            size = source.size or 0
            sending = Sending(self._line.transport, source, 0, size, copied=True)
            try:
                await self._stream(source, sending)
            except RefusedError as changed:
                raise StoppedError(str(changed)) from changed
        return b""

    async def _large(self, source: Source, offset: int, length: int) -> bytes:
        with contextlib.closing(source), self._desk.transfer():
            known = self._desk.digests.known(source)
            promise = Promise(length, source.size or 0, known, source.mtime)
            self._line.transport.write(codec.render_promise(promise))
            sha256 = await self._vouched(source, offset, length)
        return codec.render_done(sha256)

    async def _vouched(self, source: Source, offset: int, length: int) -> str:
        """Send a part, and return the digest of it."""
        transport = self._line.transport
        if not isinstance(source, OpenFile):
            sha256 = hashlib.sha256()
            sending = Sending(transport, source, offset, length, seen=sha256.update)
            await self._stream(source, sending)
            return sha256.hexdigest()
        digest = self._desk.digests.of(source, offset, length)  # computed meanwhile, in a thread
        try:
            await self._stream(source, Sending(transport, source, offset, length))
            known = await digest
        finally:
            digest.addErrback(lambda _: None)
            digest.cancel()
        if not known:
            raise CHANGED
        return known

    async def _stream(self, source: Source, sending: Sending) -> None:
        """Send bytes, and tell the log how it went.

        :raises StoppedError: not all were sent, or a bare file changed.
        :raises RefusedError: all were sent, but the file changed.
        """
        journal, peer = self._desk.journal, self._line.peer
        began = journal.seconds()
        try:
            await self._line.stream(sending)
        except StoppedError as stopped:
            journal.stopped(source.name, peer, sending.sent, began, str(stopped))
            raise
        if source.changed():
            journal.stopped(source.name, peer, sending.sent, began, "the file changed")
            raise CHANGED
        journal.sent(source.name, peer, sending.sent, began)

    async def _put(self, request: Put) -> bytes:
        if not self._desk.limits.write:
            raise RefusedError(403, "server is read-only (start it with --files-write yes)")
        began = self._desk.journal.seconds()
        aside, shelf = self._desk.digests.aside, self._desk.shelf
        with self._desk.transfer():
            # Nobody cancels this: a thread may be at it, and what it has opened must be closed.
            sink: Sink = await aside(
                shelf.receive,
                request.name,
                request.size,
                request.sha256,
                request.offset,
                self._line.host,
            )
            try:
                await self._received(sink, request.size - request.offset)
                await aside(sink.keep)
            except Exception:
                await aside(sink.leave)
                raise
        count = request.size - request.offset
        self._desk.journal.stored(request.name, self._line.peer, count, began)
        return codec.STORED

    async def _received(self, sink: Sink, count: int) -> None:
        """Take the bytes of an upload as they come."""
        if self._line.gone:
            raise StoppedError(LOST)
        self._session.grant(count)
        self._line.transport.write(codec.SEND)
        while count:
            if data := self._line.take(WRITTEN):
                count -= len(data)
                await self._desk.digests.aside(sink.write, data)
            elif self._line.gone:
                raise StoppedError(LOST)
            else:
                await self._line.more()


def _framed(source: Source, offset: int, body: bytes, digests: Digests) -> bytes:
    """Return a whole answer to GET around the bytes of a part."""
    size = source.size or 0
    known = digests.known(source)
    whole = len(body) == size
    sha256 = known if known and whole else hashlib.sha256(body).hexdigest()
    if whole and not known:
        known = sha256
        digests.learn(source, sha256)
    promise = Promise(len(body), size, known, source.mtime)
    return codec.render_promise(promise) + body + codec.render_done(sha256)
