"""A TFTP door, as a server to fetch from and send to."""

from collections.abc import AsyncIterator
from typing import Any

from twisted.internet.defer import Deferred

from twisted_net.files.client.servers import NO_LISTING, Found
from twisted_net.files.client.told import Fetched, Progress, Stored
from twisted_net.files.client.urls import Url
from twisted_net.files.destination import Destination
from twisted_net.files.origin import Origin
from twisted_net.files.shelf import Source
from twisted_net.files.tftp import client as tftp
from twisted_net.net.clients import Target
from twisted_net.net.errors import ClientError


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
