"""Whether what has come is what was promised."""

import hashlib
from typing import Any

from twisted.internet.task import deferLater

from twisted_net.files.destination import Destination
from twisted_net.files.origin import StaleError
from twisted_net.net.clients import Target
from twisted_net.net.errors import BadAnswerError

#: Bytes a second that a server on slow hardware hashes: it is given that long for a digest.
HASHED = 20_000_000

#: Bytes that are hashed in one turn of the reactor.
TURN = 4 << 20


def patience_for(size: int, patience: float) -> float:
    """Return the seconds to wait for the digest of so many bytes."""
    return patience + size / HASHED


async def hashed_part(into: Destination, reactor: Any) -> Any:
    """Return a SHA-256 that has seen what is there already; others have their turn meanwhile."""
    sha256 = hashlib.sha256()
    seen = 0
    for piece in into.pieces():
        sha256.update(piece)
        seen += len(piece)
        if seen >= TURN:
            seen = 0
            await deferLater(reactor, 0)
    return sha256


def mismatch(name: str, target: Target | str, into: Destination, offset: int) -> BadAnswerError:
    """Forget what has come, and return the error that says why.

    Of what was gone on with, the fault may be in what was here before: it is worth another try.
    """
    into.forget()
    if offset:
        return StaleError(f"{name!r} is not what {target} promised; begun anew")
    return BadAnswerError(f"{name!r} is not what {target} promised; nothing was kept")
