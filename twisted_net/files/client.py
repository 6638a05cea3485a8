"""The client side of the files line door: fetch, and list."""

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_net.files import codec
from twisted_net.files.codec import Entry, Get, List, Promise, RefusedError, Request, Stat
from twisted_net.files.destination import Destination
from twisted_net.net.clients import PATIENCE, Target, connect
from twisted_net.net.errors import BadAnswerError, ClientError, NoAnswerError, RemoteProtocolError
from twisted_net.net.framing import LineReader
from twisted_net.net.transports import IStreamTransport

#: Longest line of an answer: a path of 4096 bytes, each of them written as ``%FF``.
LONGEST_LINE = 16384

#: What may lie unread here before the server is made to wait.
MOST_UNREAD = 1 << 20

#: Codes that are the server's fault: what was promised is not what came.
_BROKEN_PROMISE = 500


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that has come and was checked.

    :ivar sha256: of what came, in hex.
    :ivar seconds: from the request to the last byte.
    """

    name: str
    size: int
    sha256: str
    seconds: float


#: Told how much there will be (None: nobody knows), then how much has come.
Progress = Callable[[int | None, int], None]


def ignore(size: int | None, count: int) -> None:
    """Show no progress."""


class FileClient(Protocol):
    """One connection to a files server: bytes and lines, awaited.

    :param patience: seconds to wait for more before the server is given up.
    """

    transport: IStreamTransport

    def __init__(self, reactor: Any, target: Target, patience: float = PATIENCE) -> None:
        self.reactor = reactor
        self.target = target
        self._patience = patience
        self._lines = LineReader(LONGEST_LINE)
        self._unread = b""
        self._waiting: Deferred[None] | None = None
        self._ended = False

    def dataReceived(self, data: bytes) -> None:
        """Keep what came, and go on with who waits for it."""
        self._unread += data
        if len(self._unread) > MOST_UNREAD:
            self.transport.pauseProducing()
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits."""
        self._ended = True
        self._wake()

    def ask(self, request: Request) -> None:
        """Send a request."""
        self.transport.write(codec.render_request(request))

    async def line(self) -> bytes:
        """Return the next line.

        :raises ClientError: none comes.
        """
        while True:
            try:
                line = next(self._lines.feed(self._taken()), None)
            except RemoteProtocolError as error:
                raise BadAnswerError(f"{self.target} answered with a {error}") from error
            if line is not None:
                return line
            await self._more()

    async def some(self, most: int) -> bytes:
        """Return the next bytes, at least one and at most so many; raises as `line`."""
        while not (data := self._lines.rest() + self._taken()):
            await self._more()
        self._unread = data[most:]
        return data[:most]

    def close(self) -> None:
        """Close the connection; nobody owes anything."""
        self.transport.abortConnection()

    def _taken(self) -> bytes:
        data, self._unread = self._unread, b""
        return data

    async def _more(self) -> None:
        if self._ended:
            raise BadAnswerError(f"{self.target} closed the connection in the middle of an answer")
        self.transport.resumeProducing()
        self._waiting = Deferred()
        try:
            await self._waiting.addTimeout(self._patience, self.reactor)
        except TimeoutError as error:
            raise NoAnswerError(f"no answer from {self.target} in {self._patience:g} s") from error
        finally:
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.called:
            self._waiting.callback(None)


async def open_client(reactor: Any, target: Target, patience: float = PATIENCE) -> FileClient:
    """Connect to a files server; raises as `twisted_net.net.clients.connect`."""
    return await connect(reactor, target, FileClient(reactor, target, patience), patience)


async def get(
    client: FileClient, name: str, into: Destination, progress: Progress = ignore
) -> Fetched:
    """Fetch one file, and check that it is what the server promised.

    :param name: as the server knows it, not quoted.
    :raises ClientError: there is none, or it did not come whole; nothing of it is kept.
    """
    began = client.reactor.seconds()
    client.ask(Get(os.fsencode(name)))
    try:
        promise = codec.parse_promise(await client.line())
        into.expect(promise.length)
        sha256 = await _body(client, promise, into, progress)
        told = codec.parse_done(await client.line())
    except RefusedError as refused:
        raise _refusal(name, refused) from refused
    except RemoteProtocolError as error:
        raise BadAnswerError(f"{client.target}: {error}") from error
    if promise.length != promise.size or told != sha256 or promise.sha256 not in ("", sha256):
        raise BadAnswerError(f"{name!r} is not what {client.target} promised; nothing was kept")
    into.keep()
    return Fetched(name, promise.size, sha256, client.reactor.seconds() - began)


async def _body(client: FileClient, promise: Promise, into: Destination, progress: Progress) -> str:
    sha256 = hashlib.sha256()
    count = 0
    progress(promise.length, 0)
    while count < promise.length:
        piece = await client.some(promise.length - count)
        into.write(piece)
        sha256.update(piece)
        count += len(piece)
        progress(promise.length, count)
    return sha256.hexdigest()


async def ls(client: FileClient, folder: str = "") -> AsyncIterator[Entry]:
    """Yield the entries of a folder, or the one file of that name, in order of their names.

    :raises ClientError: there is nothing of that name.
    """
    name = os.fsencode(folder.strip("/"))
    try:
        if name:
            client.ask(Stat(name))
            entry = codec.parse_stat(await client.line(), name)
            if entry.kind == "file":
                yield entry
                return
        async for entry in _listing(client, List(name + b"/" if name else b"")):
            yield entry
    except RefusedError as refused:
        raise _refusal(folder, refused) from refused
    except RemoteProtocolError as error:
        raise BadAnswerError(f"{client.target}: {error}") from error


async def _listing(client: FileClient, request: List) -> AsyncIterator[Entry]:
    more = True
    while more:
        client.ask(request)
        count, more = codec.parse_listing_head(await client.line())
        last = request.after
        for _ in range(count):
            entry = codec.parse_entry(await client.line())
            last = entry.name
            yield entry
        if more and last == request.after:
            raise RemoteProtocolError("a listing without an end")
        request = List(request.prefix, last, request.limit)


def _refusal(name: str, refused: RefusedError) -> ClientError:
    kind = BadAnswerError if refused.code == _BROKEN_PROMISE else ClientError
    return kind(f"{name!r}: {refused}")
