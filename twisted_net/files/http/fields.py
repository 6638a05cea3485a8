"""What a request's fields ask for, and what an answer's say of a file."""

from typing import Any

from twisted_net.files.http import codec
from twisted_net.files.http.codec import Span
from twisted_net.files.http.core import Asked, Held
from twisted_net.files.http.sending import Fields
from twisted_net.files.http.types import SANDBOX, is_active
from twisted_net.files.shelf import Source

#: A browser may keep everything, if it asks before it uses it again.
ASK = (b"Cache-Control", b"no-cache")

#: The fields that decide, as `Asked` has them.
_DECIDING = (
    b"Range",
    b"If-Match",
    b"If-None-Match",
    b"If-Modified-Since",
    b"If-Unmodified-Since",
    b"If-Range",
)

#: What keeps a request from being a simple one.
_NOT_SIMPLE = frozenset((*_DECIDING, b"Want-Repr-Digest"))


def is_simple(request: Any) -> bool:
    """Say whether a request asks for a file as it is, and for nothing else."""
    if request.method != b"GET" or b"?" in request.uri:
        return False
    return all(name not in _NOT_SIMPLE for name, _ in request.requestHeaders.getAllRawHeaders())


def asked_of(request: Any) -> Asked:
    """Return the fields of a request that decide."""
    return Asked(request.method, *map(request.getHeader, _DECIDING))


def held_of(source: Source) -> Held:
    """Return what conditions are held against."""
    return Held(source.size, codec.etag(source.version), source.mtime)


def validators(held: Held) -> Fields:
    """Return the fields that keep a cache fresh."""
    fields = [ASK]
    if held.etag:
        fields.append((b"ETag", held.etag))
    modified = codec.render_date(held.modified) if held.modified else b""
    if modified:
        fields.append((b"Last-Modified", modified))
    return fields


def described(kind: str, size: int | None, span: Span | None = None) -> Fields:
    """Return the fields that describe content.

    :param size: of the whole; None: not known.
    :param span: the part that is sent; None: the whole.
    """
    fields = [(b"Content-Type", kind.encode())]
    if size is not None:
        fields.append((b"Accept-Ranges", b"bytes"))
        if span is not None:
            fields.append((b"Content-Range", codec.render_content_range(span, size)))
    if is_active(kind):
        fields.append((b"Content-Security-Policy", SANDBOX))
    return fields
