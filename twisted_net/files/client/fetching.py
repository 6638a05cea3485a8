"""Many files from many servers: several at one time, again where that may help, one after all."""

import os
import random
import stat
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater

from twisted_net.files.client.core import DEEPEST, Retries
from twisted_net.files.client.jobs import side_by_side
from twisted_net.files.client.servers import Server
from twisted_net.files.client.told import Fetched, Progress
from twisted_net.files.destination import Destination, LocalFile, StandardOutput
from twisted_net.net.errors import BadAnswerError, ClientError, ConnectError, NoAnswerError

#: Folders that are waiting to be listed: a server may make them up as it goes.
MOST_FOLDERS = 100_000


@dataclass(frozen=True, slots=True)
class Item:
    """A file to fetch.

    :ivar path: where it is written to; ``-``: standard output.
    :ivar folder: the user's folder, below which others may have to be made.
    """

    server: Server
    name: str
    path: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class How:
    """How to go about it.

    :ivar force: replace files that exist.
    :ivar skip: leave files that exist as they are, and call it done.
    :ivar resume: go on with any part that is there, wherever it is from.
    :ivar retries: further tries for one file.
    :ivar jobs: files at one time.
    """

    force: bool = False
    skip: bool = False
    resume: bool = False
    retries: int = 5
    jobs: int = 4


class Listener(Protocol):
    """Who is told how it goes."""

    def moving(self, name: str) -> AbstractContextManager[Progress]:
        """Show the progress of one file for as long."""

    def fetched(self, item: Item, file: Fetched) -> None:
        """Tell that a file is there."""

    def skipped(self, item: Item) -> None:
        """Tell that a file was there before."""

    def again(self, error: ClientError, wait: float) -> None:
        """Tell that a file is tried once more in so many seconds."""

    def failed(self, name: str, error: ClientError, into: LocalFile | None = None) -> None:
        """Tell that a file cannot be had; of what has come, ``into`` knows."""

    def interrupted(self, item: Item, into: LocalFile) -> None:
        """Tell that the user has had enough; of what has come, ``into`` knows."""


@dataclass
class Fetching:
    """Fetch files.

    :ivar failures: why files could not be had, one for each.
    """

    reactor: Any
    how: How
    listener: Listener
    dice: random.Random
    failures: list[ClientError] = field(default_factory=list)
    _down: dict[int, ClientError] = field(default_factory=dict)

    async def run(self, items: AsyncIterator[Item]) -> None:
        """Fetch what can be had of all of them."""
        await side_by_side(self.how.jobs, items, self._one)

    async def _one(self, item: Item) -> None:
        if self.how.skip and item.path != "-" and os.path.lexists(item.path):
            self.listener.skipped(item)
            return
        if id(item.server) in self._down:  # that was said already
            self.failures.append(self._down[id(item.server)])
            return
        into: LocalFile | None = None
        try:
            if item.path == "-":
                file = await self._fetched(item, StandardOutput(), 0)
            else:
                make_folders(item.folder, item.path)
                source = item.server.source(item.name) if item.server.resumes else ""
                into = LocalFile(item.path, self.how.force, source, self.how.resume)
                file = await self._fetched(item, into, self.how.retries)
        except CancelledError:
            if into is not None:
                self.listener.interrupted(item, into)
            raise
        except ClientError as error:
            self.failed(item, error, into)
        else:
            self.listener.fetched(item, file)

    def failed(self, item: Item, error: ClientError, into: LocalFile | None = None) -> None:
        """Note that a file cannot be had; of a server that is down it is told once."""
        self.failures.append(error)
        if isinstance(error, ConnectError | NoAnswerError):
            if id(item.server) in self._down:
                return
            self._down[id(item.server)] = error
        self.listener.failed(item.name, error, into)

    async def _fetched(self, item: Item, destination: Destination, retries: int) -> Fetched:
        # The destination first: what cannot be written need not be asked for.
        with destination as into, self.listener.moving(item.name) as moved:
            plan = Retries(retries, self.dice, into.offset)
            while True:
                try:
                    return await item.server.get(item.name, into, moved)
                except ClientError as error:
                    wait = plan.failed(error, into.offset)
                    if wait is None:
                        raise
                    self.listener.again(error, wait)
                    await deferLater(self.reactor, wait)


async def walked(server: Server, top: str) -> AsyncIterator[tuple[str, list[str]]]:
    """Yield every file below a folder: its name there, and the steps to it from the folder.

    A folder that is a file is that file, with no step to it.

    :raises ClientError: it cannot be listed.
    """
    waiting: list[tuple[str, list[str]]] = [(top, [])]
    while waiting:
        folder, way = waiting.pop()
        async for found in server.entries(folder):
            steps = [*way, os.fsdecode(found.step)] if found.step else way
            if found.entry.kind == "file":
                yield found.name, steps
                continue
            waiting.append((found.name, steps))
            if len(waiting) > MOST_FOLDERS or len(steps) > DEEPEST:
                raise BadAnswerError(f"{top!r}: folders without an end")


def make_folders(top: str, path: str) -> None:
    """Make a folder, and those between it and a file below it; follow no link on the way.

    :param top: the user's own; empty: no folder has to be made.
    :raises ClientError: something else is in the way.
    """
    if not top:
        return
    way = os.path.relpath(os.path.dirname(path) or ".", top)
    here = top
    try:
        os.makedirs(top, exist_ok=True)
        for step in () if way == "." else way.split(os.sep):
            here = os.path.join(here, step)
            with suppress(FileExistsError):
                os.mkdir(here)
            if not stat.S_ISDIR(os.lstat(here).st_mode):
                raise ClientError(f"{here!r} is in the way: not a folder, or a link to one")
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or str(error)).lower()
        raise ClientError(f"cannot write {here!r}: {why}") from error
