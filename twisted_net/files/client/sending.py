"""Many files to one server: several at one time, and again where that may help."""

import errno
import hashlib
import os
import random
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

from twisted.internet.task import deferLater

from twisted_net.files.client.checking import TURN
from twisted_net.files.client.core import Retries
from twisted_net.files.client.jobs import side_by_side
from twisted_net.files.client.servers import Server
from twisted_net.files.client.told import Progress, Stored
from twisted_net.files.store import OpenFile
from twisted_net.net.errors import ClientError, ConnectError, NoAnswerError


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file to send.

    :ivar path: where it is here.
    :ivar name: what it is to be called there.
    """

    path: str
    name: str


class Listener(Protocol):
    """Who is told how it goes."""

    def moving(self, name: str) -> AbstractContextManager[Progress]:
        """Show the progress of one file for as long."""

    def stored(self, path: str, file: Stored) -> None:
        """Tell that a file is there."""

    def again(self, error: ClientError, wait: float) -> None:
        """Tell that a file is tried once more in so many seconds."""

    def failed(self, name: str, error: ClientError) -> None:
        """Tell that a file could not be sent."""


@dataclass
class Sending:
    """Send files.

    :ivar failures: why files could not be sent, one for each.
    """

    reactor: Any
    server: Server
    retries: int
    listener: Listener
    dice: random.Random
    failures: list[ClientError] = field(default_factory=list)
    _down: list[ClientError] = field(default_factory=list)

    async def run(self, parcels: Iterator[Parcel], jobs: int) -> None:
        """Send all that the server takes."""

        async def coming() -> AsyncIterator[Parcel]:
            for each in parcels:
                yield each

        await side_by_side(jobs, coming(), self._one)

    async def _one(self, parcel: Parcel) -> None:
        if self._down:  # that was said already
            self.failures += self._down
            return
        try:
            file = await self._sent(parcel)
        except ClientError as error:
            self.failures.append(error)
            if isinstance(error, ConnectError | NoAnswerError):
                if self._down:
                    return
                self._down.append(error)
            self.listener.failed(parcel.path, error)
        else:
            self.listener.stored(parcel.path, file)

    async def _sent(self, parcel: Parcel) -> Stored:
        source = opened(parcel.path)
        count = 0
        plan = Retries(self.retries, self.dice)
        try:
            with self.listener.moving(parcel.path) as moved:

                def noted(size: int | None, at: int) -> None:
                    nonlocal count
                    count = at
                    moved(size, at)

                sha256 = await self._digest(source, parcel.path)
                while True:
                    try:
                        return await self.server.put(parcel.name, source, sha256, noted)
                    except ClientError as error:
                        wait = plan.failed(error, count)
                        if wait is None:
                            raise
                        self.listener.again(error, wait)
                        await deferLater(self.reactor, wait)
        finally:
            source.close()

    async def _digest(self, source: OpenFile, path: str) -> str:
        sha256 = hashlib.sha256()
        at = 0
        while at < source.size:
            try:
                piece = source.read(at, TURN)
            except OSError as error:
                raise _unreadable(path, error) from error
            if not piece:
                raise ClientError(f"{path!r} became shorter while it was read")
            sha256.update(piece)
            at += len(piece)
            await deferLater(self.reactor, 0)
        return sha256.hexdigest()


def opened(path: str) -> OpenFile:
    """Open a file of ours.

    :raises ClientError: it is none, or cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        if stat.S_ISDIR(kind):
            raise ClientError(f"{path!r} is a folder; send it with --recursive")
        raise ClientError(f"{path!r} is not a regular file")
    return OpenFile(os.fsencode(path), descriptor)


def parcels(
    paths: tuple[str, ...], folder: str, name: str, below: bool, web: bool = False
) -> Iterator[Parcel]:
    """Yield every file that is to be sent; links are not followed below a folder.

    :param folder: where to there; empty: the top.
    :param name: what a single file is to be called there; empty: as here.
    :param below: folders are sent with all that is in them.
    :param web: ``folder`` is a URL, and what comes behind it is quoted (RFC 3986, 2.1).
    """
    joined = _linked if web else _joined
    for path in paths:
        last = os.path.basename(os.path.normpath(path))
        if not (below and os.path.isdir(path)):
            yield Parcel(path, name or joined(folder, last))
            continue
        top = "" if last in (".", "..", "") else last
        for here, folders, files in os.walk(path):
            folders.sort()
            way = os.path.relpath(here, path)
            for each in sorted(files):
                full = os.path.join(here, each)
                if os.path.islink(full):
                    continue
                yield Parcel(full, joined(folder, top, "" if way == "." else way, each))


def _joined(*steps: str) -> str:
    return "/".join(step.strip("/") for step in steps if step.strip("/"))


def _linked(folder: str, *steps: str) -> str:
    return folder + _joined(*(quote(os.fsencode(step)) for step in steps))


def _unreadable(path: str, error: Exception) -> ClientError:
    why = (getattr(error, "strerror", None) or str(error)).lower()
    if getattr(error, "errno", None) == errno.ENXIO:
        why = "not a regular file"
    return ClientError(f"cannot read {path!r}: {why}")
