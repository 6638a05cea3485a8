"""What every server is to who fetches and sends: names, files, listings."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from twisted_net.files.client.told import Fetched, Progress, Stored
from twisted_net.files.codec import Entry
from twisted_net.files.destination import Destination
from twisted_net.files.shelf import Source

NO_LISTING = "TFTP cannot list files; ask the TCP door, as 'netdemo ls tcp:HOST'"


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
