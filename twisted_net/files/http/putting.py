"""What a PUT is answered with (RFC 9110, 9.3.4): whether it is granted, and what became of it."""

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from twisted_net.files.codec import RefusedError
from twisted_net.files.http import codec
from twisted_net.files.http.core import Asked, outcome
from twisted_net.files.http.fields import held_of
from twisted_net.files.http.receiving import LostError, Receiving
from twisted_net.files.http.sending import finish
from twisted_net.files.journal import peer_name
from twisted_net.net.pages import said

if TYPE_CHECKING:
    from twisted_net.files.http.resource import ShelfResource


def name_of(request: Any) -> bytes:
    """Return the name on the shelf that a request is for."""
    name: bytes = b"/".join(request.postpath)
    return name


def host_of(request: Any) -> str:
    """Return the address that asks, as shelves are told it."""
    return str(getattr(request.getClientAddress(), "host", "local"))


def begin_putting(
    shown: "ShelfResource", request: Any, length: int | None, granted: bool
) -> Receiving:
    """Make ready to store a file, and see to the answer.

    :param length: the bytes there will be; None: not known.
    :raises RefusedError: it is not granted.
    """
    name, host = name_of(request), host_of(request)
    if not granted:
        raise RefusedError(403, "server is read-only (start it with --files-write yes)")
    if not name or name.endswith(b"/"):
        raise RefusedError(403, "a folder")
    sha256 = announced(request)
    if _fails(shown, request):
        raise RefusedError(412, "what is there is not what the request wants there")
    opening = partial(shown.shelf.receive, name, length, sha256, 0, host)
    slot = contextlib.ExitStack()
    slot.enter_context(shown.one_of("transfers"))
    taker = Receiving(request.channel, shown.digests.aside, opening)
    stored = Deferred.fromCoroutine(_stored(shown, request, taker, slot))
    stored.addErrback(request.processingFailed)
    return taker


def announced(request: Any) -> str:
    """Return the SHA-256 of what is to come, in hex; empty: the client does not tell it.

    :raises RefusedError: what comes is not the file itself, or only a part of it.
    """
    if request.getHeader(b"Content-Range") is not None:
        raise RefusedError(400, "a part of a file cannot be put (RFC 9110, 14.5)")
    coding = (request.getHeader(b"Content-Encoding") or b"identity").strip().lower()
    if coding != b"identity":
        raise RefusedError(415, "put the file itself, without Content-Encoding")
    for field in (b"Repr-Digest", b"Content-Digest"):
        if sha256 := codec.parse_digest(request.getHeader(field) or b""):
            return sha256
    return ""


def _fails(shown: "ShelfResource", request: Any) -> bool:
    """Say whether a condition of the request does not hold (RFC 9110, 13.2.2)."""
    wanted, unwanted = request.getHeader(b"If-Match"), request.getHeader(b"If-None-Match")
    if wanted is None and unwanted is None:
        return False
    try:
        with contextlib.closing(shown.shelf.open(name_of(request), host_of(request))) as source:
            held = held_of(source)
    except RefusedError:
        return wanted is not None
    return outcome(Asked(b"PUT", if_match=wanted, if_none_match=unwanted), held).code != 200


async def _stored(
    shown: "ShelfResource", request: Any, taker: Receiving, slot: contextlib.ExitStack
) -> None:
    name, began = name_of(request), shown.journal.seconds()
    peer = peer_name(request.getClientAddress())
    try:
        with slot:
            await taker.done
    except LostError as lost:
        shown.journal.stopped(name, peer, taker.count, began, str(lost), taking=True)
    except RefusedError as refused:
        if taker.gone:
            shown.tell(request, refused)
        elif taker.whole:
            shown.refuse(request, refused)
        else:  # the rest would be read for nothing
            shown.tell(request, refused)
            request.channel.refuse(refused.code, str(refused), told=True)
    else:
        shown.journal.stored(name, peer, taker.count, began)
        if not taker.gone:
            finish(request, said(request, 201, "stored"), [], 201)
