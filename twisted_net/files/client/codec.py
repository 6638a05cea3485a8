"""What a client reads of HTTP: heads of answers, ranges, listings. Pure."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote_to_bytes, urljoin

from twisted_net.files.client.urls import Url, parse_url
from twisted_net.files.codec import Entry
from twisted_net.net.errors import RemoteProtocolError, SettingError


def redirected(url: Url, location: bytes) -> Url:
    """Return where a redirection leads (RFC 9110, 10.2.2).

    :raises RemoteProtocolError: not to another page of the web, or out of https.
    """
    shown = location[:200].decode("utf-8", "backslashreplace")
    try:
        found = parse_url(urljoin(str(url), location.decode("utf-8", "surrogateescape")))
    except (SettingError, ValueError) as error:
        raise RemoteProtocolError(f"a redirection to {shown!r}") from error
    if not found.web or (url.scheme, found.scheme) == ("https", "http"):
        raise RemoteProtocolError(f"a redirection to {shown!r}, which is not followed")
    return found


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer begins with.

    :ivar fields: by their names in lower case; several of one name are put together by commas.
    :ivar last: whether the connection ends with this answer.
    """

    code: int
    reason: str
    fields: dict[bytes, bytes] = field(default_factory=dict)
    last: bool = False

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks (RFC 9112, 7.1)."""
        return b"transfer-encoding" in self.fields

    @property
    def length(self) -> int | None:
        """The length of the body; None: it is not told."""
        told = self.fields.get(b"content-length")
        return None if told is None or self.chunked else int(told)

    @property
    def tag(self) -> str:
        """What If-Range may hold: a strong entity tag, or the date of the last change."""
        tag = self.fields.get(b"etag", b"")
        if not _STRONG.fullmatch(tag):
            tag = self.fields.get(b"last-modified", b"")
        return tag.decode("latin-1")


_STATUS = re.compile(rb"HTTP/1\.([0-9]) ([1-5][0-9]{2})(?: (.*))?", re.DOTALL)
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_STRONG = re.compile(rb'"[\x21\x23-\x7e\x80-\xff]*"')


def parse_head(lines: list[bytes]) -> Head:
    """Read a status line and fields (RFC 9112, 4 and 5).

    :raises RemoteProtocolError: that is not what they are, or nobody could tell where the body
        ends.
    """
    match = _STATUS.fullmatch(lines[0])
    if match is None:
        raise _unexpected(lines[0])
    fields: dict[bytes, bytes] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name):
            raise _unexpected(line)
        name, value = name.lower(), value.strip(b" \t")
        fields[name] = fields[name] + b", " + value if name in fields else value
    if b"content-length" in fields:
        fields[b"content-length"] = _one_length(fields[b"content-length"])
    coding = fields.get(b"transfer-encoding", b"chunked")
    if coding.strip().lower() != b"chunked":
        raise RemoteProtocolError(f"a transfer coding {coding[:80].decode('latin-1')!r}")
    words = [word.strip().lower() for word in fields.get(b"connection", b"").split(b",")]
    last = b"close" in words or (match[1] == b"0" and b"keep-alive" not in words)
    return Head(int(match[2]), (match[3] or b"").decode("utf-8", "replace"), fields, last)


def _one_length(value: bytes) -> bytes:
    lengths = {each.strip() for each in value.split(b",")}
    (length, *others) = lengths
    if others or not _LENGTH.fullmatch(length):
        raise RemoteProtocolError(f"a length {value[:80].decode('latin-1')!r}")
    return length


_RANGE = re.compile(rb"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")


def parse_content_range(value: bytes) -> tuple[int, int, int | None]:
    """Return the first byte, the length, and the size of the whole (RFC 9110, 14.4).

    :raises RemoteProtocolError: it is no such field.

    >>> parse_content_range(b"bytes 5-9/10"), parse_content_range(b"bytes 0-0/*")
    ((5, 5, 10), (0, 1, None))
    """
    match = _RANGE.fullmatch(value.strip())
    if match is None:
        raise _unexpected(b"Content-Range: " + value)
    first, last = int(match[1]), int(match[2])
    size = None if match[3] == b"*" else int(match[3])
    if last < first or (size is not None and last >= size):
        raise _unexpected(b"Content-Range: " + value)
    return first, last - first + 1, size


_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", re.DOTALL)


def parse_chunk(line: bytes) -> int:
    """Return the length of a chunk (RFC 9112, 7.1); raises as `parse_head`."""
    match = _CHUNK.fullmatch(line)
    if match is None:
        raise _unexpected(line)
    return int(match[1], 16)


def parse_retry_after(value: bytes) -> float:
    """Return the seconds of a ``Retry-After``; 0: there are none, or it is a date."""
    return float(value) if re.fullmatch(rb"[0-9]{1,6}", value.strip()) else 0.0


@dataclass(frozen=True, slots=True)
class Linked:
    """An entry of a listing, and where it leads: one step below the folder's URL."""

    entry: Entry
    path: str


def parse_json_listing(body: bytes, folder: Url) -> tuple[list[Linked], Url | None]:
    """Read a folder as our HTTP door shows it to programs: the entries, and where more are.

    :raises RemoteProtocolError: it is something else.
    """
    try:
        found = json.loads(body)
        entries = [_json_entry(each, folder) for each in found["entries"]]
        following = found["next"]
        more = redirected(folder, following.encode()) if following is not None else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RemoteProtocolError("a listing that cannot be read") from error
    return [each for each in entries if each is not None], more


def _json_entry(each: Any, folder: Url) -> Linked | None:
    found = linked(folder, each["href"])
    if found is None:
        return None
    size, mtime = each["size"], each["mtime"]
    if not all(type(number) is int and 0 <= number < 1 << 63 for number in (size, mtime)):
        raise ValueError("not a number of bytes")
    return Linked(Entry(found.entry.kind, size, mtime, found.entry.name), found.path)


def parse_html_listing(body: bytes, folder: Url) -> list[Linked]:
    """Return what a page links to one step below its own URL: that is how servers list folders."""
    links = _Links()
    try:
        links.feed(body.decode("utf-8", "replace"))
        links.close()
    except AssertionError as error:  # how html.parser gives up
        raise RemoteProtocolError("a page that cannot be read") from error
    found = {each.path: each for each in (linked(folder, href) for href in links.found) if each}
    return list(found.values())


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        """Note where a link leads."""
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def linked(folder: Url, href: str) -> Linked | None:
    """Return what a link leads to, if that is one step below a folder; sizes are not known.

    >>> folder = parse_url("http://a/files/")
    >>> linked(folder, "b%20c/").entry.name, linked(folder, "../up"), linked(folder, "?sort")
    (b'b c/', None, None)
    """
    try:
        found = parse_url(urljoin(str(folder), href.strip()))
    except (SettingError, ValueError):
        return None
    base = folder.path.partition("?")[0]
    if found.base != folder.base or "?" in found.path or not found.path.startswith(base):
        return None
    step = found.path[len(base) :]
    name = unquote_to_bytes(step.removesuffix("/"))
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name or "/" in step[:-1]:
        return None
    kind = "folder" if step.endswith("/") else "file"
    shown = name + b"/" if kind == "folder" else name
    return Linked(Entry("folder" if kind == "folder" else "file", -1, 0, shown), found.path)


def _unexpected(line: bytes) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"unexpected answer {line[:80].decode('utf-8', 'backslashreplace')!r}"
    )
