"""Web servers, to fetch from and send to."""

from collections.abc import AsyncIterator
from typing import Any

from twisted_net.files.client.core import Pace
from twisted_net.files.client.servers import Found
from twisted_net.files.client.told import Fetched, Progress, Stored
from twisted_net.files.client.urls import parse_url
from twisted_net.files.client.web import Web
from twisted_net.files.destination import Destination
from twisted_net.files.shelf import Source
from twisted_net.net.clients import Trust


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
