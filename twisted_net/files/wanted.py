"""What a ``get`` fetches: every file that its words mean, and where each is written to."""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from twisted_net.files.client.core import Pace
from twisted_net.files.client.fetching import Item, walked
from twisted_net.files.client.servers import Server
from twisted_net.files.client.urls import parse_url
from twisted_net.files.destination import local_name
from twisted_net.files.words import Asked
from twisted_net.net.errors import ClientError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to fetch, and where to.

    :ivar words: who is asked, for what.
    :ivar output: the file to write, ``-`` for standard output; empty: named as on the server.
    :ivar below: folders are fetched with all that is below them.
    """

    words: list[Asked]
    output: str
    directory: str
    below: bool

    def path(self, name: str) -> str:
        """Return where a file is written to; ``-``: standard output; raises ClientError."""
        if self.output == "-":
            return "-"
        return os.path.normpath(os.path.join(self.directory, self.output or local_name(name)))


class Servers:
    """The servers that a command asks, each once."""

    def __init__(self, reactor: Any, patience: float, pace: Pace | None = None) -> None:
        self._reactor = reactor
        self._patience = patience
        self._pace = pace
        self._made: dict[object, Server] = {}

    def __getitem__(self, asked: Asked) -> Server:
        """Return the server that is asked."""
        key = asked.target, asked.mode
        if key not in self._made:
            self._made[key] = self._make(asked)
        return self._made[key]

    def _make(self, asked: Asked) -> Server:
        # Each protocol is imported when a word asks for it: a start should not pay for all three.
        if asked.web:
            from twisted_net.files.client.webservers import WebServers

            return WebServers(self._reactor, self._patience, self._pace, asked.target.trust)
        if asked.target.scheme == "tftp":
            from twisted_net.files.client.tftpserver import TftpServer

            return TftpServer(self._reactor, asked.target, self._patience, asked.mode)
        from twisted_net.files.client.lineserver import LineServer

        return LineServer(self._reactor, asked.target, self._patience, self._pace)

    async def left(self) -> None:
        """Wait until nothing is owed to any of them."""
        for each in self._made.values():
            await each.left()

    def close(self) -> None:
        """Hang up."""
        for each in self._made.values():
            each.close()


async def items(
    wanted: Wanted, servers: Servers, failed: Callable[[Item, ClientError], None]
) -> AsyncIterator[Item]:
    """Yield every file that is wanted.

    :param failed: told of what cannot be listed, or has no name here; the rest comes all the same.
    """
    for asked in wanted.words:
        server, name = servers[asked], asked.name
        try:
            if not wanted.below or (asked.web and parse_url(name).name):
                yield Item(server, name, wanted.path(_own_name(asked)))
                continue
            top = os.path.join(wanted.directory, _folder(asked))
            async for found, steps in walked(server, name):
                path = os.path.join(top, *steps) if steps else wanted.path(name)
                yield Item(server, found, os.path.normpath(path), wanted.directory)
        except ClientError as error:
            failed(Item(server, name, ""), error)


def _own_name(asked: Asked) -> str:
    name = os.fsdecode(parse_url(asked.name).name) if asked.web else asked.name
    return name or asked.name.partition("?")[0].removesuffix("/") + "/."  # which names no file


def _folder(asked: Asked) -> str:
    """Return the folder that the files of a folder go to: of the same name, but for the top."""
    name = asked.name
    if asked.web:
        name = unquote(parse_url(name).path.partition("?")[0], errors="surrogateescape")
    name = name.strip("/")
    return local_name(name) if name else ""
