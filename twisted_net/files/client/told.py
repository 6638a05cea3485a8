"""What clients tell of a transfer: how far it has come, and what has come."""

from collections.abc import Callable
from dataclasses import dataclass

#: Told how much there will be (None: nobody knows), then how much has come.
Progress = Callable[[int | None, int], None]


def ignore(size: int | None, count: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that has come and was checked.

    :ivar sha256: of the whole file, in hex.
    :ivar seconds: from the request to the last byte.
    :ivar offset: bytes that had come before, and were gone on from.
    """

    name: str
    size: int
    sha256: str
    seconds: float
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that a server has taken; the fields are those of `Fetched`."""

    name: str
    size: int
    sha256: str
    seconds: float
    offset: int = 0
