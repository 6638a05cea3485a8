"""What a GET is answered with, from its conditions and ranges: pure (RFC 9110, 13 and 14)."""

from dataclasses import dataclass

from twisted_net.files.http.codec import Span, parse_date, parse_ranges, parse_tags


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields of a request that decide; None: it has no such field."""

    method: bytes = b"GET"
    range: bytes | None = None
    if_match: bytes | None = None
    if_none_match: bytes | None = None
    if_modified_since: bytes | None = None
    if_unmodified_since: bytes | None = None
    if_range: bytes | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of the file as it is.

    :ivar size: None: not known before all has been sent.
    :ivar etag: strong; empty: there is none.
    :ivar modified: seconds since 1970; 0: not known.
    """

    size: int | None
    etag: bytes = b""
    modified: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A code, and which part is sent; None: the whole, or with 304, 412 and 416 nothing."""

    code: int
    span: Span | None = None


WHOLE = Outcome(200)
NOT_MODIFIED = Outcome(304)
FAILED = Outcome(412)
UNSATISFIABLE = Outcome(416)


def outcome(asked: Asked, held: Held) -> Outcome:
    """Decide, in the order of RFC 9110, 13.2.2."""
    if asked.if_match is not None:
        if not _matches(asked.if_match, held, weakly=False):
            return FAILED
    elif asked.if_unmodified_since is not None:
        since = parse_date(asked.if_unmodified_since)
        if since is not None and held.modified > since:
            return FAILED
    if asked.if_none_match is not None:
        if _matches(asked.if_none_match, held, weakly=True):
            return NOT_MODIFIED
    elif asked.if_modified_since is not None and held.modified:
        since = parse_date(asked.if_modified_since)
        if since is not None and held.modified <= since:
            return NOT_MODIFIED
    if asked.method != b"GET" or asked.range is None or held.size is None:
        return WHOLE  # a range means nothing to a HEAD (RFC 9110, 14.2)
    return _ranged(asked.range, asked.if_range, held, held.size)


def _ranged(range_: bytes, if_range: bytes | None, held: Held, size: int) -> Outcome:
    if if_range is not None and not _is_the_same(if_range, held):
        return WHOLE
    spans = parse_ranges(range_, size)
    if spans is None or len(spans) > 1:
        # No downloader asks for several parts, and multipart/byteranges would cost all of them a
        # second way of sending; the whole file is an answer that every client has to take.
        return WHOLE
    return Outcome(206, spans[0]) if spans else UNSATISFIABLE


def _matches(field: bytes, held: Held, weakly: bool) -> bool:
    for tag in parse_tags(field):
        if tag == b"*" or (held.etag and (tag.removeprefix(b"W/") if weakly else tag) == held.etag):
            return True
    return False


def _is_the_same(if_range: bytes, held: Held) -> bool:
    """Say whether a part of what the client has goes with a part of this (RFC 9110, 13.1.5)."""
    if if_range.lstrip().startswith((b'"', b"W/")):
        return bool(held.etag) and if_range.strip() == held.etag
    return bool(held.modified) and parse_date(if_range) == held.modified
