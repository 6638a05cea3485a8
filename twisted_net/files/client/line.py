"""The client side of the files line door: fetch, send and list."""

import hashlib
import os
import re
from collections.abc import AsyncIterator
from typing import Any

from twisted_net.files import codec
from twisted_net.files.client.checking import hashed_part, mismatch, patience_for
from twisted_net.files.client.conversation import LONGEST_LINE, MOST_UNREAD, Conversation
from twisted_net.files.client.core import BusyError
from twisted_net.files.client.told import Fetched, Progress, Stored, ignore
from twisted_net.files.codec import Entry, Get, List, Promise, Put, RefusedError, Request, Stat, Sum
from twisted_net.files.destination import Destination
from twisted_net.files.escaped import meant
from twisted_net.files.origin import Origin, StaleError
from twisted_net.files.shelf import Source
from twisted_net.net.clients import PATIENCE, Target, connect
from twisted_net.net.errors import BadAnswerError, ClientError, RemoteProtocolError
from twisted_net.net.sendfile import Sending, StoppedError

__all__ = ["LONGEST_LINE", "MOST_UNREAD", "FileClient", "get", "ls", "open_client", "put"]

#: Codes that are the server's fault: what was promised is not what came.
_BROKEN_PROMISE = 500

#: Codes that may be another one soon.
_BUSY = (429, 503)

#: The code for a name that there is not.
_NOT_FOUND = 404

#: The code for an offset behind the end.
_PAST_END = 416

#: What the refusal of such an offset tells of an upload.
_THERE = re.compile(r"\(size ([0-9]{1,18})\)", re.ASCII)


class FileClient(Conversation):
    """One connection to a files server."""

    def ask(self, request: Request) -> None:
        """Send a request."""
        self.transport.write(codec.render_request(request))


async def open_client(reactor: Any, target: Target, patience: float = PATIENCE) -> FileClient:
    """Connect to a files server; raises as `twisted_net.net.clients.connect`."""
    return await connect(reactor, target, FileClient(reactor, target, patience), patience)


async def get(
    client: FileClient, name: str, into: Destination, progress: Progress = ignore
) -> Fetched:
    """Fetch one file, or what is still missing of it, and check it against the server's promise.

    :param name: as the server knows it, not quoted.
    :raises ClientError: there is none, or it did not come whole.
    :raises StaleError: what had come before is of no use; it was forgotten.
    """
    try:
        return await _got(client, name, into, progress)
    except RefusedError as refused:
        # Perhaps it was copied from a listing, where what is no text is shown escaped.
        if refused.code != _NOT_FOUND or meant(name) == name:
            raise _refusal(name, refused) from refused
    try:
        return await _got(client, meant(name), into, progress)
    except RefusedError as refused:
        raise _refusal(name, refused) from refused


async def _got(client: FileClient, name: str, into: Destination, progress: Progress) -> Fetched:
    began = client.reactor.seconds()
    offset = into.offset
    client.ask(Get(os.fsencode(name), offset))
    try:
        promise = codec.parse_promise(await client.line())
        into.begin(Origin("", promise.size, promise.mtime, "", promise.sha256), offset)
        sha256 = await _checked(client, name, promise, into, progress)
    except RefusedError as refused:
        if refused.code == _PAST_END and offset:
            into.forget()
            raise StaleError(f"{name!r} is shorter than it was; begun anew") from refused
        raise
    except RemoteProtocolError as error:
        raise BadAnswerError(f"{client.target}: {error}") from error
    into.keep()
    return Fetched(name, promise.size, sha256, client.reactor.seconds() - began, offset)


async def _checked(
    client: FileClient, name: str, promise: Promise, into: Destination, progress: Progress
) -> str:
    """Take what comes, and return the SHA-256 of the whole file."""
    offset = into.offset
    into.expect(promise.length)
    whole = await hashed_part(into, client.reactor)
    sent = whole if not offset else hashlib.sha256()
    end = offset + promise.length
    progress(end, offset)
    count = offset
    while count < end:
        piece = await client.some(end - count)
        into.write(piece)
        sent.update(piece)
        if whole is not sent:
            whole.update(piece)
        count += len(piece)
        progress(end, count)
    told = codec.parse_done(await client.line())
    known = promise.sha256
    if offset and not known:
        # What the server has hashed is only what it has sent now.
        client.ask(Sum(os.fsencode(name)))
        known = codec.parse_sum(await client.line(patience_for(promise.size, client.patience)))
    right = end == promise.size and told == sent.hexdigest()
    if not right or known not in ("", whole.hexdigest()):
        raise mismatch(name, client.target, into, offset)
    return str(whole.hexdigest())


async def put(
    client: FileClient,
    name: str,
    source: Source,
    sha256: str,
    offset: int = 0,
    progress: Progress = ignore,
) -> Stored:
    """Send one file, or what the server does not have of it yet.

    :param name: what it is to be called there.
    :param sha256: of the whole file, in hex.
    :param offset: bytes that the server has of an earlier attempt, see `stored`.
    :raises ClientError: the server does not take it, or it changed while it was sent.
    """
    began = client.reactor.seconds()
    size = source.size or 0
    client.ask(Put(os.fsencode(name), size, sha256, offset))
    try:
        codec.parse_word(await client.line(), codec.SEND)
        await send(client, source, offset, progress)
        codec.parse_word(await client.line(patience_for(size, client.patience)), codec.STORED)
    except RefusedError as refused:
        raise _refusal(name, refused) from refused
    except RemoteProtocolError as error:
        raise BadAnswerError(f"{client.target}: {error}") from error
    return Stored(name, size, sha256, client.reactor.seconds() - began, offset)


async def stored(client: FileClient, name: str, source: Source, sha256: str) -> int:
    """Return how many bytes of a file the server has of an upload that was broken off.

    All of them: it has stored the file now. Otherwise the server closes the connection.

    :raises ClientError: it would not take the file at all.
    """
    size = source.size or 0
    client.ask(Put(os.fsencode(name), size, sha256, size))
    try:
        codec.parse_word(await client.line(), codec.SEND)
        codec.parse_word(await client.line(patience_for(size, client.patience)), codec.STORED)
    except RefusedError as refused:
        if refused.code == _PAST_END and (found := _THERE.search(str(refused))):
            return min(int(found[1]), size)
        raise _refusal(name, refused) from refused
    except RemoteProtocolError as error:
        raise BadAnswerError(f"{client.target}: {error}") from error
    return size


async def send(
    client: Conversation,
    source: Source,
    offset: int,
    progress: Progress,
    *,
    heeding: bool = True,
) -> None:
    """Send the bytes from ``offset`` on; if the server takes no more, its answer says why.

    :param heeding: stop at whatever the server says meanwhile: only that it takes no more.
    :raises ClientError: they cannot be read.
    """
    size = source.size or 0
    count = offset

    def seen(piece: bytes) -> None:
        nonlocal count
        count += len(piece)
        progress(size, count)

    progress(size, offset)
    sending = Sending(client.transport, source, offset, size - offset, seen=seen)
    sent = sending.start()
    client.interrupted = sent.cancel if heeding else None
    try:
        await sent
    except StoppedError as stopped:
        if not (stopped.lost or client.ended or client.told):
            raise ClientError(f"{os.fsdecode(source.name)!r}: {stopped}") from stopped
    finally:
        client.interrupted = None


async def ls(client: FileClient, folder: str = "") -> AsyncIterator[Entry]:
    """Yield the entries of a folder, or the one file of that name, in order of their names.

    A page of them is read at one time, so the connection is free while none is asked for.

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
        page = [codec.parse_entry(await client.line()) for _ in range(count)]
        for entry in page:
            yield entry
        last = page[-1].name if page else request.after
        if more and last == request.after:
            raise RemoteProtocolError("a listing without an end")
        request = List(request.prefix, last, request.limit)


def _refusal(name: str, refused: RefusedError) -> ClientError:
    if refused.code in _BUSY:
        return BusyError(f"{name!r}: {refused}")
    kind = BadAnswerError if refused.code == _BROKEN_PROMISE else ClientError
    return kind(f"{name!r}: {refused}")
