"""Long answers, sent by a producer of the transport itself, which `twisted.web` need not know.

The channel is its transport's producer, and an answer's own producer would be asked through it, by
a global timer and in small steps. So the channel steps aside while a long answer is sent: the
transport asks directly, when all that was written before has left.
"""

import contextlib
import hashlib
from collections.abc import Callable, Generator, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from twisted.internet.task import deferLater
from zope.interface import implementer

from twisted_net.files.http.codec import Span
from twisted_net.files.journal import Journal, peer_name
from twisted_net.files.shelf import Source
from twisted_net.net.sendfile import LOST, Sending, StoppedError

#: The last bytes of a file are sent only when it is known that it did not change meanwhile: who
#: misses them cannot take what there is for the whole. A file that has no more is sent at once.
TAIL = 64 << 10

#: One read and one write of what is not sent by the kernel.
PIECE = 256 << 10

Fields = list[tuple[bytes, bytes]]


def begin(request: Any, code: int, fields: Fields) -> None:
    """Say how an answer begins; it is sent with the first byte."""
    if code != request.code:
        request.setResponseCode(code)
    for name, value in fields:
        request.setHeader(name, value)


def finish(request: Any, body: bytes, fields: Fields = [], code: int = 200) -> None:  # noqa: B006
    """Send a short answer, or what HEAD wants of it."""
    begin(request, code, fields)
    if code != 304:
        request.setHeader(b"Content-Length", b"%d" % len(body))
    request.write(b"" if request.method == b"HEAD" else body)
    request.finish()


class Download:
    """One answer with the content of something, and what the log is told of it.

    :ivar sent: bytes of it handed on so far.
    """

    def __init__(self, request: Any, name: bytes, journal: Journal) -> None:
        self.sent = 0
        self._request = request
        self._name = name
        self._journal = journal

    async def send(self, source: Source, span: Span, code: int, fields: Fields) -> None:
        """Send a part of a source whose size is known.

        :raises StoppedError: not all of it; where the answer has begun it cannot be mended.
        """
        request, bulk = self._request, max(0, span.length - TAIL)
        fields = [*fields, (b"Content-Length", b"%d" % span.length)]
        if request.method == b"HEAD":
            begin(request, code, fields)
            request.finish()
            return
        with self._told():
            if bulk:
                begin(request, code, fields)
                await self._aside(_Moving(source, span.offset, bulk))
            tail = _tail(source, span.offset + bulk, span.length - bulk)
            if not bulk:
                begin(request, code, fields)
            request.write(tail)
            self.sent += len(tail)
            request.finish()

    async def stream(self, pieces: Generator[bytes, None, None], fields: Fields) -> None:
        """Send what is made piece by piece, none of them empty; raises as `send`."""
        begin(self._request, 200, fields)
        if self._request.method == b"HEAD":
            self._request.finish()
            return
        with self._told(), contextlib.closing(pieces):
            await self._aside(Pieces(pieces, self._request.write))
            self._request.finish()

    async def _aside(self, producer: "_Moving | Pieces") -> None:
        """Send while the channel steps aside."""
        request = self._request
        request.write(b"")  # the head
        transport, channel = request.transport, request.channel
        transport.unregisterProducer()
        try:
            await producer.start(transport)
        finally:
            self.sent = producer.sent
        transport.registerProducer(channel, True)
        # The transport may have asked the channel to pause before, and has forgotten it by now.
        channel.resumeProducing()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        began, peer = self._journal.seconds(), peer_name(self._request.getClientAddress())
        try:
            yield
        except StoppedError as stopped:
            self._journal.stopped(self._name, peer, self.sent, began, str(stopped))
            raise
        self._journal.sent(self._name, peer, self.sent, began)


class _Moving:
    """A part of a file, moved by the kernel where that can be."""

    def __init__(self, source: Source, offset: int, length: int) -> None:
        self._part = (source, offset, length)
        self._sending: Sending | None = None

    @property
    def sent(self) -> int:
        """Bytes so far."""
        return self._sending.sent if self._sending is not None else 0

    def start(self, transport: Any) -> "Deferred[None]":
        """Begin; fires when all was handed on."""
        self._sending = Sending(transport, *self._part)
        return self._sending.start()


@implementer(IPullProducer)
class Pieces:
    """Send what is made piece by piece, each when the one before has left.

    :ivar sent: bytes so far.
    :ivar done: fires when all have left; fails with `StoppedError`.
    """

    def __init__(self, pieces: Iterator[bytes], write: Callable[[bytes], object]) -> None:
        self.sent = 0
        self.done: Deferred[None] = Deferred(lambda _: self.stopProducing())
        self._pieces = pieces
        self._write = write
        self._transport: Any = None

    def start(self, transport: Any) -> "Deferred[None]":
        """Begin, and return `done`."""
        self._transport = transport
        transport.registerProducer(self, False)
        return self.done

    def resumeProducing(self) -> None:
        """Send the next piece."""
        if self.done.called:
            return
        try:
            piece = next(self._pieces, None)
        except StoppedError as stopped:
            self._transport.unregisterProducer()
            self.done.errback(stopped)
        else:
            if piece is None:
                self._transport.unregisterProducer()
                self.done.callback(None)
            else:
                self.sent += len(piece)
                self._write(piece)

    def stopProducing(self) -> None:
        """Stop: the connection is gone."""
        if not self.done.called:
            self.done.errback(StoppedError(LOST))


def read(source: Source, offset: int, count: int) -> bytes:
    """Read from a source; raises StoppedError where that fails."""
    try:
        return source.read(offset, count)
    except OSError as error:
        raise StoppedError(f"cannot read: {(error.strerror or str(error)).lower()}") from error


def pieces_of(source: Source) -> Generator[bytes, None, None]:
    """Yield the content of a source whose size is not known, to its end."""
    offset = 0
    while piece := read(source, offset, PIECE):
        offset += len(piece)
        yield piece
    if source.changed():
        raise StoppedError("the file changed")


async def hashed_here(source: Source, reactor: Any) -> str:
    """Hash what only the reactor's thread may read, with a turn for everybody else between."""
    sha256 = hashlib.sha256()
    for piece in pieces_of(source):
        sha256.update(piece)
        await deferLater(reactor, 0)
    return sha256.hexdigest()


def _tail(source: Source, offset: int, length: int) -> bytes:
    tail = read(source, offset, length) if length else b""
    if len(tail) != length:
        raise StoppedError("the file became shorter")
    if source.changed():
        raise StoppedError("the file changed")
    return tail
