"""A files line door, as a server to fetch from and send to."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from twisted_net.files.client import line
from twisted_net.files.client.core import Pace, below
from twisted_net.files.client.line import FileClient
from twisted_net.files.client.servers import Found
from twisted_net.files.client.told import Fetched, Progress, Stored
from twisted_net.files.client.urls import Url
from twisted_net.files.destination import Destination
from twisted_net.files.shelf import Source
from twisted_net.net.clients import Target
from twisted_net.net.errors import BadAnswerError

#: An upload that is longer is worth the question whether the server has a part of it already.
WORTH_ASKING = 1 << 20


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
