"""What kind of content a name promises, the same on every machine."""

from functools import lru_cache
from mimetypes import MimeTypes

#: Python's own table; what the machine's administrator added to it is not ours to tell others.
_TYPES = MimeTypes(filenames=())

#: Text that Python's table does not know, or would have browsers save instead of show; and scripts,
#: which no page of this server's origin is to take from among files that somebody put there.
_TEXTS = frozenset(
    "cfg cjs conf ini js log lock md mjs patch py rst sh toml tsv yaml yml".split()  # noqa: SIM905
)

#: Kinds that may bring scripts along. They run in an origin of their own that has nothing.
_ACTIVE = ("text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml")

#: What such content may do: show itself, with its own styles and pictures.
SANDBOX = (
    b"sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; font-src 'self';"
    b" style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)

_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


@lru_cache(maxsize=512)
def content_type(name: bytes) -> str:
    """Return the type of a file by its name, with how its text is encoded.

    >>> content_type(b"a.txt"), content_type(b"a.tar.gz"), content_type(b"a")
    ('text/plain; charset=utf-8', 'application/gzip', 'application/octet-stream')
    """
    text = name.rpartition(b"/")[2].decode("utf-8", "replace")
    if text.rpartition(".")[2].lower() in _TEXTS:
        return "text/plain; charset=utf-8"
    kind, packed = _TYPES.guess_type("./" + text.replace(":", "_"))  # it is no URL
    if packed is not None:
        return _PACKED.get(packed, "application/octet-stream")
    if kind is None:
        return "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def is_active(kind: str) -> bool:
    """Say whether a type may bring scripts along."""
    return kind.partition(";")[0] in _ACTIVE or kind.partition(";")[0].endswith("+xml")
