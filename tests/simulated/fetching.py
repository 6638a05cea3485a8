"""Fetches of files by our own clients, and what is in the folder afterwards."""

import atexit
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulated.bench import FILES_TCP, TFTP
from twisted_net.files.client import FileClient, get, open_client
from twisted_net.files.destination import LocalFile
from twisted_net.files.shelf import Content
from twisted_net.files.tftp import client as tftp
from twisted_net.net.errors import ClientError
from twisted_net.testing import Host

#: What is shared. The sizes sit on and beside the edges of TFTP's blocks, of 1428 bytes here, and
#: of what a socket buffers.
SIZES = {"empty": 0, "note": 700, "block": 1428, "page": 20_000, "blocks": 28_560, "book": 300_000}

#: A time of change for all of them: answers tell it, and runs are to be repeatable.
WRITTEN = 1_700_000_000


@cache
def shelf() -> Path:
    """Return a folder to share, with the same files as ever; it lasts as long as this process."""
    temporary = TemporaryDirectory(prefix="netdemo-shared-")
    atexit.register(temporary.cleanup)
    folder = Path(temporary.name)
    for name in SIZES:
        (folder / name).write_bytes(content(name))
        os.utime(folder / name, (WRITTEN, WRITTEN))
    return folder


def content(name: str) -> bytes:
    """Return what is in a file."""
    return random.Random(name).randbytes(SIZES[name])  # noqa: S311


@dataclass(slots=True)
class Fetch:
    """One fetch.

    :ivar error: why it failed; None: it says that it worked.
    :ivar done: whether it is over.
    """

    name: str
    path: Path
    error: ClientError | None = None
    done: bool = False

    @property
    def worked(self) -> bool:
        """Whether it is over and says that it worked."""
        return self.done and self.error is None


@dataclass(slots=True)
class Fetcher:
    """Somebody who fetches files into a folder, one after the other.

    :ivar uploads: the folder that the server stores in.
    :ivar fetches: all that were begun.
    """

    host: Host
    folder: Path
    patience: float = 10.0
    uploads: Path | None = None
    fetches: list[Fetch] = field(default_factory=list)

    async def by_line(self, *names: str) -> None:
        """Fetch over the line door, on one connection."""
        try:
            client = await open_client(self.host.reactor, FILES_TCP, self.patience)
        except ClientError as error:
            for name in names:
                self._begin(name, error)
            return
        for name in names:
            await self._get(client, name)
        client.close()

    async def by_tftp(self, *names: str) -> None:
        """Fetch over TFTP, and stay until nothing is owed any more."""
        for name in names:
            fetch = self._begin(name)
            try:
                with LocalFile(str(fetch.path)) as into:
                    _, left = await tftp.get(self.host.reactor, TFTP, name, into, self.patience)
            except ClientError as error:
                fetch.error = error
            else:
                await left
            fetch.done = True

    async def by_tftp_with(self, name: str, options: Mapping[str, str], mode: str) -> None:
        """Fetch one file over TFTP, and ask for what the options say."""
        fetch = self._begin(name)
        try:
            with LocalFile(str(fetch.path)) as into:
                _, left = await tftp.get(
                    self.host.reactor, TFTP, name, into, self.patience, options=options, mode=mode
                )
        except ClientError as error:
            fetch.error = error
        else:
            await left
        fetch.done = True

    async def send_by_tftp(self, name: str, options: Mapping[str, str], mode: str) -> None:
        """Send one file over TFTP; its name there is one of its own."""
        sending = self._begin(name, folder=self.uploads)
        source = Content(name.encode(), content(name))
        to = sending.path.name
        try:
            await tftp.put(
                self.host.reactor, TFTP, to, source, self.patience, options=options, mode=mode
            )
        except ClientError as error:
            sending.error = error
        sending.done = True

    async def _get(self, client: FileClient, name: str) -> None:
        fetch = self._begin(name)
        try:
            with LocalFile(str(fetch.path)) as into:
                await get(client, name, into)
        except ClientError as error:
            fetch.error = error
        fetch.done = True

    def _begin(
        self, name: str, error: ClientError | None = None, folder: Path | None = None
    ) -> Fetch:
        path = (folder or self.folder) / f"{self.host.name}-{len(self.fetches)}-{name}"
        fetch = Fetch(name, path, error, done=error is not None)
        self.fetches.append(fetch)
        return fetch


def stored_or_failed(sendings: list[Fetch]) -> None:
    """Look whether what was sent is there, whole; what was given up, whole or not at all.

    A client that heard nothing after its last block cannot know which of the two.
    """
    for sending in sendings:
        kept = sending.path.read_bytes() if sending.path.exists() else None
        if sending.worked or kept is not None:
            assert kept == content(sending.name), f"{sending.path.name} is not what was sent"


def whole_or_failed(fetches: list[Fetch]) -> None:
    """Each file has its name once it is whole; of one that failed nothing is left."""
    for fetch in fetches:
        kept = fetch.path.read_bytes() if fetch.path.exists() else None
        if fetch.worked:
            assert kept == content(fetch.name), f"{fetch.path.name} is not what is shared"
        elif fetch.done:
            assert kept is None, f"{fetch.path.name} failed, and is there: {fetch.error}"
        part = Path(f"{fetch.path}.part")
        assert not (fetch.done and part.exists()), f"{part.name} is left"
