"""Fields of HTTP that a file server reads and writes: ranges, validators, digests, names. Pure.

Whatever a client sends that is not to the letter is as if it had not been sent: RFC 9110 wants it
so, and the whole file is a right answer to every question.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from email.utils import formatdate, mktime_tz, parsedate_tz
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from twisted_net.files.shelf import Version

#: Ranges of one request that are looked at. A request for more is a request for the whole: the
#: Apache of 2011 was brought down with thousands of them.
MOST_RANGES = 64


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a file, in bytes."""

    offset: int
    length: int


_RANGE = re.compile(rb"([0-9]{0,19})-([0-9]{0,19})")
_TAG = re.compile(rb'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def parse_ranges(field: bytes, size: int) -> list[Span] | None:
    """Read ``Range`` (RFC 9110, 14.2): the parts asked for that there are, in order, merged.

    :return: None: the field is to be ignored; empty: it asks for nothing that there is.

    >>> parse_ranges(b"bytes=-3", 10), parse_ranges(b"bytes=10-", 10)
    ([Span(offset=7, length=3)], [])
    """
    unit, equals, specs = field.partition(b"=")
    words = [word for word in (each.strip(b" \t") for each in specs.split(b",")) if word]
    if not equals or unit.strip().lower() != b"bytes" or not 0 < len(words) <= MOST_RANGES:
        return None
    found = []
    for word in words:
        match = _RANGE.fullmatch(word)
        if match is None or word == b"-":
            return None
        first, last = (int(digits) if digits else None for digits in match.groups())
        if first is not None and last is not None and first > last:
            return None
        span = _span(first, last, size)
        if span.length > 0:
            found.append(span)
    return _merged(found)


def _span(first: int | None, last: int | None, size: int) -> Span:
    if first is None:
        length = min(last or 0, size)
        return Span(size - length, length)
    end = size if last is None else min(last + 1, size)
    return Span(first, end - first)


def _merged(spans: list[Span]) -> list[Span]:
    """Put together what overlaps or adjoins."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda each: each.offset):
        if merged and span.offset <= merged[-1].offset + merged[-1].length:
            before = merged.pop()
            end = max(before.offset + before.length, span.offset + span.length)
            span = Span(before.offset, end - before.offset)
        merged.append(span)
    return merged


def render_content_range(span: Span | None, size: int) -> bytes:
    """Return ``Content-Range``; without a part, as a 416 has it (RFC 9110, 14.4)."""
    if span is None:
        return b"bytes */%d" % size
    return b"bytes %d-%d/%d" % (span.offset, span.offset + span.length - 1, size)


@lru_cache(maxsize=512)
def etag(version: Version | None) -> bytes:
    """Return a strong entity tag for one state of one file (RFC 9110, 8.8.3); empty: there is none.

    The same after a restart, so that a download can go on; it tells nothing of inodes.
    """
    if version is None:
        return b""
    return b'"%s"' % hashlib.sha256(repr(version).encode()).hexdigest()[:24].encode()


def parse_tags(field: bytes) -> list[bytes]:
    """Return the entity tags of a list, ``W/`` included; ``*`` stands for itself."""
    if field.strip() == b"*":
        return [b"*"]
    return [match[0] for match in _TAG.finditer(field)]


@lru_cache(maxsize=512)
def render_date(when: int) -> bytes:
    """Return a time as HTTP has it (RFC 9110, 5.6.7); empty where no calendar goes.

    >>> render_date(784111777)
    b'Sun, 06 Nov 1994 08:49:37 GMT'
    """
    try:
        return formatdate(when, usegmt=True).encode() if when >= 0 else b""
    except (ValueError, OverflowError, OSError):  # a file of the year 10000, from a broken disk
        return b""


def parse_date(field: bytes) -> int | None:
    """Read a time in any of HTTP's three forms; None: it is none.

    >>> parse_date(b"Sunday, 06-Nov-94 08:49:37 GMT") == parse_date(b"Sun Nov  6 08:49:37 1994")
    True
    """
    try:
        fields = parsedate_tz(field.decode("ascii"))
        return int(mktime_tz(fields)) if fields is not None else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def render_digest(sha256: str) -> bytes:
    """Return ``Repr-Digest`` (RFC 9530, 3) for a SHA-256 in hex."""
    return b"sha-256=:%s:" % base64.b64encode(bytes.fromhex(sha256))


_WANT = re.compile(rb"[ \t]*sha-256[ \t]*(?:=[ \t]*([0-9]{1,2}))?[ \t]*(?:;.*)?", re.DOTALL)


_DIGEST = re.compile(rb"(?:^|,)[ \t]*sha-256=:([A-Za-z0-9+/]{43}=):[ \t]*(?=,|$)")


def parse_digest(value: bytes) -> str:
    """Return the SHA-256 of a ``Repr-Digest`` (RFC 9530, 3), in hex; empty: there is none."""
    match = _DIGEST.search(value)
    try:
        return base64.b64decode(match[1], validate=True).hex() if match else ""
    except binascii.Error:
        return ""


def wants_digest(field: bytes) -> bool:
    """Say whether ``Want-Repr-Digest`` (RFC 9530, 4) asks for what there is: SHA-256.

    >>> wants_digest(b"sha-512=3, sha-256=10"), wants_digest(b"sha-256=0"), wants_digest(b"md5=1")
    (True, False, False)
    """
    matches = [match for match in map(_WANT.fullmatch, field.split(b",")) if match]
    return any(match[1] is None or int(match[1]) > 0 for match in matches)


def render_attachment(name: bytes) -> bytes:
    r"""Return ``Content-Disposition`` for a file that is to be saved (RFC 6266, RFC 8187).

    >>> render_attachment("a/naïve.txt".encode())
    b'attachment; filename="na_ve.txt"; filename*=UTF-8\'\'na%C3%AFve.txt'
    """
    text = name.rpartition(b"/")[2].decode("utf-8", "replace")
    safe = "".join(each if " " <= each <= "~" and each not in '"\\%' else "_" for each in text)
    plain = b'attachment; filename="%s"' % safe.encode()
    return plain if safe == text else plain + b"; filename*=UTF-8''" + quote(text, safe="").encode()


def parse_query(url: bytes) -> dict[bytes, bytes]:
    """Return what stands behind the ``?`` of a URL; the last of several, and a ``+`` is a plus.

    >>> parse_query(b"/files/?json&after=a%26b"), parse_query(b"/files/")
    ({b'json': b'', b'after': b'a&b'}, {})
    """
    if b"?" not in url:
        return {}
    parts = [each.partition(b"=") for each in url.partition(b"?")[2].split(b"&") if each]
    return {unquote_to_bytes(key): unquote_to_bytes(value) for key, _, value in parts}


def href(name: bytes, folder: bool = False) -> str:
    r"""Return the last part of a name as a relative URL, whatever bytes it has.

    >>> href(b"a/b c"), href(b"caf\xe9/", folder=True)
    ('./b%20c', './caf%E9/')
    """
    last = name.rstrip(b"/").rpartition(b"/")[2]
    return f"./{quote(last, safe='')}{'/' if folder else ''}"
