"""Servers as commands see them: whatever they speak, files are fetched, sent and listed alike."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from twisted_net.files.client import line
from twisted_net.files.client.codec import Url, parse_url
from twisted_net.files.client.core import Pace, below
from twisted_net.files.client.line import FileClient
from twisted_net.files.client.told import Fetched, Progress, Stored
from twisted_net.files.client.web import Web
from twisted_net.files.codec import Entry
from twisted_net.files.destination import Destination
from twisted_net.files.origin import Origin
from twisted_net.files.shelf import Source
from twisted_net.files.tftp import client as tftp
from twisted_net.net.clients import Target, Trust
from twisted_net.net.errors import BadAnswerError, ClientError

NO_LISTING = "TFTP cannot list files; ask the TCP door, as 'netdemo ls tcp:HOST'"

#: An upload that is longer is worth the question whether the server has a part of it already.
WORTH_ASKING = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of a listing.

    :ivar name: what to ask for.
    :ivar step: the last part of it, which is safe as the name of a file here; empty: the entry is
        the very file that was to be listed.
    """

    name: str
    step: bytes
    entry: Entry


class Server(Protocol):
    """Where files are fetched from, several at one time.

    :cvar resumes: whether a part can be gone on with.
    """

    resumes: bool

    def source(self, name: str) -> str:
        """Return the URL of a name, by which a part is known again."""

    async def get(self, name: str, into: Destination, progress: Progress) -> Fetched:
        """Fetch a file, or what is still missing of it; raises ClientError."""

    def entries(self, folder: str) -> AsyncIterator[Found]:
        """Yield what is one step below a folder, or the file of that name; raises ClientError."""

    async def put(self, name: str, source: Source, sha256: str, progress: Progress) -> Stored:
        """Send a file, or what is still missing of it there; raises ClientError."""

    async def left(self) -> None:
        """Wait until nothing is owed to the server any more."""

    def close(self) -> None:
        """Close what is open."""


class LineServer:
    """A files line door; each connection serves one transfer after the other."""

    resumes = True

    def __init__(
        self, reactor: Any, target: Target, patience: float, pace: Pace | None = None
    ) -> None:
        self._reactor = reactor
        self._target = target
        self._patience = patience
        self._pace = pace
        self._idle: list[FileClient] = []

    def source(self, name: str) -> str:
        """Return the URL of a name."""
        return str(Url("tcp", self._target.host, self._target.port, name.lstrip("/")))

    async def get(self, name: str, into: Destination, progress: Progress) -> Fetched:
        """Fetch a file, or what is still missing of it; raises ClientError."""
        async with self._connected() as client:
            return await line.get(client, name, into, progress)

    async def entries(self, folder: str) -> AsyncIterator[Found]:
        """Yield what is there."""
        top = os.fsencode(folder.strip("/"))
        async with self._connected() as client:
            async for entry in line.ls(client, folder):
                name = entry.name.removesuffix(b"/")
                steps = [b""] if (name, entry.kind) == (top, "file") else below(top, name)
                if steps is None or len(steps) != 1:
                    raise BadAnswerError(
                        f"{self._target} lists {os.fsdecode(name)!r} in {folder!r}"
                    )
                yield Found(os.fsdecode(name), steps[0], entry)

    async def put(self, name: str, source: Source, sha256: str, progress: Progress) -> Stored:
        """Send a file, or what is still missing of it there; raises ClientError."""
        offset = 0
        if (source.size or 0) >= WORTH_ASKING:
            client = await self._open()
            try:
                offset = await line.stored(client, name, source, sha256)
            finally:
                client.close()
            if offset == source.size:
                return Stored(name, offset, sha256, 0.0, offset)
        async with self._connected() as client:
            return await line.put(client, name, source, sha256, offset, progress)

    async def left(self) -> None:
        """Owe nothing."""

    def close(self) -> None:
        """Hang up."""
        while self._idle:
            self._idle.pop().close()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[FileClient]:
        """Lend a connection; after a failure the rest of an answer may be on its way: hang up."""
        client = await self._open()
        try:
            yield client
        except BaseException:
            client.close()
            raise
        self._idle.append(client)

    async def _open(self) -> FileClient:
        while self._idle:
            client = self._idle.pop()
            if not client.ended:
                return client
        client = await line.open_client(self._reactor, self._target, self._patience)
        client.pace = self._pace
        return client


class TftpServer:
    """A TFTP server; each file is a transfer of its own, and begins at its beginning.

    :param mode: ``octet`` or ``netascii``.
    """

    resumes = False

    def __init__(self, reactor: Any, target: Target, patience: float, mode: str = "octet") -> None:
        self._reactor = reactor
        self._target = target
        self._patience = patience
        self._mode = mode
        self._leaving: set[Deferred[None]] = set()

    def source(self, name: str) -> str:
        """Return the URL of a name."""
        return str(Url("tftp", self._target.host, self._target.port, name.lstrip("/")))

    async def get(self, name: str, into: Destination, progress: Progress) -> Fetched:
        """Fetch a file; raises ClientError."""
        into.begin(Origin(), 0)
        fetched, left = await tftp.get(
            self._reactor, self._target, name, into, self._patience, progress, mode=self._mode
        )
        self._leaving.add(left)
        left.addBoth(lambda _: self._leaving.discard(left))
        return fetched

    def entries(self, folder: str) -> AsyncIterator[Found]:
        """Refuse: TFTP has no listings."""
        raise ClientError(NO_LISTING)

    async def put(self, name: str, source: Source, sha256: str, progress: Progress) -> Stored:
        """Send a file; raises ClientError."""
        sent = await tftp.put(
            self._reactor, self._target, name, source, self._patience, progress, mode=self._mode
        )
        return Stored(sent.name, sent.size, sha256, sent.seconds)

    async def left(self) -> None:
        """Wait for the last acknowledgements to have come, or to be asked for no more."""
        for left in list(self._leaving):
            await left

    def close(self) -> None:
        """Nothing outlasts a transfer but what `left` waits for."""


class WebServers:
    """HTTP servers; a name is a URL."""

    resumes = True

    def __init__(
        self,
        reactor: Any,
        patience: float,
        pace: Pace | None = None,
        trust: Trust | None = None,
    ) -> None:
        self._web = Web(reactor, patience, pace, trust)

    def source(self, name: str) -> str:
        """Return the URL of a name: itself."""
        return str(parse_url(name))

    async def get(self, name: str, into: Destination, progress: Progress) -> Fetched:
        """Fetch a file, or what is still missing of it; raises ClientError."""
        return await self._web.get(parse_url(name), into, progress)

    async def entries(self, folder: str) -> AsyncIterator[Found]:
        """Yield what is there."""
        url = parse_url(folder)
        async for each in self._web.entries(url):
            yield Found(url.base + each.path, each.entry.name.removesuffix(b"/"), each.entry)

    async def put(self, name: str, source: Source, sha256: str, progress: Progress) -> Stored:
        """Send a file; raises ClientError."""
        return await self._web.put(parse_url(name), source, sha256, progress)

    async def left(self) -> None:
        """Owe nothing."""

    def close(self) -> None:
        """Hang up."""
        self._web.close()
