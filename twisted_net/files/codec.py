"""The files line protocol as bytes: requests, replies, and names that survive a line.

Pure. The grammar is in ``docs/protocols/files.md``; the order of things is `core`'s affair.
"""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from twisted_net.net.errors import NetError, RemoteProtocolError

Kind = Literal["file", "folder"]

#: Entries in one answer to LIST, and at most so many: some 100 KiB, which is soon written and
#: soon read. Whoever wants more asks again with ``after``.
MOST_LISTED = 1000

#: The words that make a line a request of the session form.
WORDS = (b"LIST", b"STAT", b"SUM", b"GET", b"PUT", b"HELP", b"QUIT")

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)

HELP = """\
LIST [prefix] [after NAME] [limit N]   names that begin so; folders end in /
STAT name                              kind, size and time of one
SUM name                               OK sha256 and that of the whole file
GET name [offset [length]]             OK length size sha256 mtime, the bytes, DONE sha256
PUT name size sha256 [offset]          OK send; then the bytes from there on; OK stored
HELP                                   this
QUIT                                   good-bye
anything else as the first line        a name: its bytes, and the connection closes
"""


class RefusedError(NetError):
    """A request that is not granted; the peer is told ``ERR``, the code and the message.

    :ivar code: 400 bad request, 403 not shared or not writable, 404 no such file, 408 too slow,
        409 not what was announced, or in somebody's way, 413 too large, 416 past the end, 500 the
        file changed or cannot be read, 503 busy, 507 no room.
    """

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Entry:
    """What there is under a name.

    :ivar mtime: seconds since 1970, whole.
    """

    kind: Kind
    size: int
    mtime: int
    name: bytes


@dataclass(frozen=True, slots=True)
class List:
    """``LIST``: the entries whose names begin with ``prefix``, no deeper than its last slash.

    :ivar after: only names that sort behind this one.
    """

    prefix: bytes = b""
    after: bytes = b""
    limit: int = MOST_LISTED


@dataclass(frozen=True, slots=True)
class Stat:
    """``STAT``: kind, size and time of one name."""

    name: bytes


@dataclass(frozen=True, slots=True)
class Get:
    """``GET``: the bytes of a file from ``offset`` on; ``length`` None: all there are."""

    name: bytes
    offset: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    """``SUM``: the SHA-256 of a whole file."""

    name: bytes


@dataclass(frozen=True, slots=True)
class Put:
    """``PUT``: store ``size`` bytes under a name; those from ``offset`` on follow ``OK send``.

    :ivar sha256: of all of them, in hex.
    """

    name: bytes
    size: int
    sha256: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Help:
    """``HELP``: the requests there are."""


@dataclass(frozen=True, slots=True)
class Quit:
    """``QUIT``: close when all that was asked before is answered."""


Request = List | Stat | Sum | Get | Put | Help | Quit


@dataclass(frozen=True, slots=True)
class Promise:
    """What follows an ``OK`` to GET.

    :ivar length: the bytes that will come.
    :ivar size: the bytes of the whole file.
    :ivar sha256: of the whole file, in hex; empty: not known.
    """

    length: int
    size: int
    sha256: str
    mtime: int


def quoted(name: bytes) -> bytes:
    r"""Return a name as it stands in a line: blanks, controls, ``%`` and odd bytes as ``%20``.

    >>> quoted("my café".encode()), quoted(b"caf\xe9")
    (b'my%20caf\xc3\xa9', b'caf%E9')
    """
    text = name.decode("utf-8", "surrogateescape")
    return b"".join(_quoted(each) for each in text)


def _quoted(character: str) -> bytes:
    raw = character.encode("utf-8", "surrogateescape")
    if character.isprintable() and character not in " %":
        return raw
    return b"".join(b"%%%02X" % byte for byte in raw)


def unquoted(text: bytes) -> bytes:
    """Return the name that ``text`` stands for; a ``%`` before anything else is itself."""
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), text)


def is_request(line: bytes) -> bool:
    """Say whether a line begins with a word of the session form, in capitals or not."""
    return b"".join(line.split(None, 1)[:1]).upper() in WORDS


def is_put(line: bytes) -> bool:
    """Say whether a line asks to store something, be it well-formed or not."""
    return b"".join(line.split(None, 1)[:1]).upper() == b"PUT"


@functools.lru_cache(maxsize=512)  # who asks often asks for the same
def parse_request(line: bytes) -> Request:
    """Read a line of the session form.

    :raises RefusedError: it is no request, or not a whole one.
    """
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(400, "not UTF-8; write such bytes as %E9") from error
    word, *rest = line.split() or [b""]
    match word.upper():
        case b"LIST":
            return _list(rest)
        case b"STAT":
            return Stat(unquoted(_one_name("STAT", rest)))
        case b"SUM":
            return Sum(unquoted(_one_name("SUM", rest)))
        case b"GET":
            return _get(rest)
        case b"PUT":
            return _put(rest)
        case b"HELP":
            return Help()
        case b"QUIT":
            return Quit()
    raise RefusedError(400, f"unknown request {word[:32].decode('utf-8', 'replace')!r}; try HELP")


@functools.lru_cache(maxsize=512)
def parse_get(data: bytes) -> Get | None:
    """Return the ``GET`` that the bytes are, no more and no less; None: they are something else.

    The bytes are remembered: only for those that are not too many.
    """
    if not data.startswith(b"GET ") or data.find(b"\n") != len(data) - 1:
        return None
    try:
        request = parse_request(data[:-1].removesuffix(b"\r"))
    except RefusedError:
        return None
    return request if isinstance(request, Get) else None


def _list(words: list[bytes]) -> List:
    prefix = after = b""
    limit = MOST_LISTED
    if words and words[0].lower() not in (b"after", b"limit"):
        prefix = unquoted(words.pop(0))
    while words:
        match [words[0].lower(), *words[1:2]]:
            case [b"after", name]:
                after = unquoted(name)
            case [b"limit", number]:
                limit = max(1, min(_whole("limit", number), MOST_LISTED))
            case _:
                raise RefusedError(400, "LIST takes [prefix] [after NAME] [limit N]")
        del words[:2]
    return List(prefix, after, limit)


def _get(words: list[bytes]) -> Get:
    if len(words) > 3:
        raise RefusedError(400, "GET takes name [offset [length]]; write a blank in a name as %20")
    name = _one_name("GET", words[:1])
    offset = _whole("offset", words[1]) if len(words) > 1 else 0
    length = _whole("length", words[2]) if len(words) > 2 else None
    return Get(unquoted(name), offset, length)


def _put(words: list[bytes]) -> Put:
    if not 3 <= len(words) <= 4:
        raise RefusedError(400, "PUT takes name size sha256 [offset]; write a blank as %20")
    size = _whole("size", words[1])
    sha256 = words[2].lower().decode("ascii", "replace")
    if not _SHA256.fullmatch(sha256):
        raise RefusedError(400, "sha256 must be 64 hexadecimal digits")
    offset = _whole("offset", words[3]) if len(words) > 3 else 0
    if offset > size:
        raise RefusedError(400, f"offset {offset} lies behind the size {size}")
    return Put(unquoted(words[0]), size, sha256, offset)


def _one_name(word: str, words: list[bytes]) -> bytes:
    if not words:
        raise RefusedError(400, f"{word} needs a name")
    if len(words) > 1:
        raise RefusedError(400, f"{word} takes one name; write a blank in it as %20")
    return words[0]


def _whole(what: str, text: bytes) -> int:
    # Python refuses to read more than 4300 digits; no file needs more than 19.
    if not text.isdigit() or len(text) > 30:
        raise RefusedError(400, f"{what} must be a whole number")
    return int(text)


def render_request(request: Request) -> bytes:
    """Return a request as a client sends it."""
    match request:
        case List():
            words = [b"LIST"]
            words += [_prefix(request.prefix)] if request.prefix else []
            words += [b"after", quoted(request.after)] if request.after else []
            words += [b"limit", b"%d" % request.limit]
        case Stat():
            words = [b"STAT", quoted(request.name)]
        case Get():
            words = [b"GET", quoted(request.name), b"%d" % request.offset]
            words += [b"%d" % request.length] if request.length is not None else []
        case Sum():
            words = [b"SUM", quoted(request.name)]
        case Put():
            words = [b"PUT", quoted(request.name), b"%d" % request.size, request.sha256.encode()]
            words += [b"%d" % request.offset] if request.offset else []
        case Help():
            words = [b"HELP"]
        case Quit():
            words = [b"QUIT"]
    return b" ".join(words) + b"\n"


def _prefix(prefix: bytes) -> bytes:
    if prefix.lower() in (b"after", b"limit"):  # a name, not the word
        return b"%%%02X" % prefix[0] + prefix[1:]
    return quoted(prefix)


def render_refusal(refused: RefusedError) -> bytes:
    """Return ``ERR code text``."""
    return f"ERR {refused.code} {refused}\n".encode()


def render_listing(entries: Sequence[Entry], more: bool) -> bytes:
    """Return the answer to LIST."""
    head = b"OK %d %s\n" % (len(entries), b"more" if more else b"end")
    return head + b"".join(_fields(each) + b" " + quoted(each.name) + b"\n" for each in entries)


def render_stat(entry: Entry) -> bytes:
    """Return the answer to STAT."""
    return b"OK " + _fields(entry) + b"\n"


def _fields(entry: Entry) -> bytes:
    return b"%s %d %d" % (entry.kind.encode(), entry.size, entry.mtime)


def render_sum(sha256: str) -> bytes:
    """Return the answer to SUM; the digest is in hex."""
    return f"OK sha256 {sha256}\n".encode()


def render_help() -> bytes:
    """Return the answer to HELP."""
    return b"OK %d\n" % HELP.count("\n") + HELP.encode()


def render_promise(promise: Promise) -> bytes:
    """Return the line before the bytes of a file."""
    sha256 = promise.sha256 or "-"
    return f"OK {promise.length} {promise.size} {sha256} {promise.mtime}\n".encode()


def render_done(sha256: str) -> bytes:
    """Return the line behind the bytes of a file.

    :param sha256: of the bytes that were sent, in hex.
    """
    return f"DONE {sha256}\n".encode()


#: The answers to PUT: before the bytes, and when they have their name.
SEND = b"OK send\n"
STORED = b"OK stored\n"

_KINDS: dict[str, Kind] = {"file": "file", "folder": "folder"}
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
_TIME = re.compile(r"-?[0-9]{1,19}", re.ASCII)  # a file may be older than 1970


def parse_promise(line: bytes) -> Promise:
    """Read the line before the bytes of a file.

    :raises RefusedError: the server says ``ERR``.
    :raises RemoteProtocolError: it is no such line.
    """
    fields = _ok(line, 4)
    length, size, sha256, mtime = fields
    if sha256 != "-" and not _SHA256.fullmatch(sha256):
        raise _unexpected(line)
    promise = Promise(
        _number(length, line), _number(size, line), sha256.strip("-"), _time(mtime, line)
    )
    if promise.length > promise.size:
        raise _unexpected(line)
    return promise


def parse_done(line: bytes) -> str:
    """Return the SHA-256 that the line behind the bytes tells; raises as `parse_promise`."""
    words = line.split(b" ")
    if words[0] == b"DONE" and len(words) == 2:
        sha256 = words[1].decode("ascii", "replace")
        if _SHA256.fullmatch(sha256):
            return sha256
    _raise_refusal(line)
    raise _unexpected(line)


def parse_sum(line: bytes) -> str:
    """Return the digest that is the answer to SUM, in hex; raises as `parse_promise`."""
    kind, sha256 = _ok(line, 2)
    if kind != "sha256" or not _SHA256.fullmatch(sha256):
        raise _unexpected(line)
    return sha256


def parse_word(line: bytes, wanted: bytes) -> None:
    """Check that a line is the answer to PUT that is `wanted`; raises as `parse_promise`."""
    _raise_refusal(line)
    if line != wanted.rstrip():
        raise _unexpected(line)


def parse_listing_head(line: bytes) -> tuple[int, bool]:
    """Return how many entries follow, and whether there are more; raises as `parse_promise`."""
    count, end = _ok(line, 2)
    if end not in ("more", "end") or _number(count, line) > MOST_LISTED:
        raise _unexpected(line)
    return int(count), end == "more"


def parse_stat(line: bytes, name: bytes) -> Entry:
    """Read the answer to STAT of ``name``; raises as `parse_promise`."""
    kind, size, mtime = _ok(line, 3)
    return _entry(kind, size, mtime, name, line)


def parse_entry(line: bytes) -> Entry:
    """Read one line of a listing; raises as `parse_promise`."""
    words = line.split(b" ")
    if len(words) != 4:
        raise _unexpected(line)
    kind, size, mtime = (word.decode("ascii", "replace") for word in words[:3])
    return _entry(kind, size, mtime, unquoted(words[3]), line)


def _entry(kind: str, size: str, mtime: str, name: bytes, line: bytes) -> Entry:
    if kind not in _KINDS:
        raise _unexpected(line)
    return Entry(_KINDS[kind], _number(size, line), _time(mtime, line), name)


def _ok(line: bytes, count: int) -> list[str]:
    _raise_refusal(line)
    word, *fields = line.decode("ascii", "replace").split(" ")
    if word != "OK" or len(fields) != count:
        raise _unexpected(line)
    return fields


def _raise_refusal(line: bytes) -> None:
    match line.decode("utf-8", "replace").split(" ", 2):
        case ["ERR", code, text] if _NUMBER.fullmatch(code):
            raise RefusedError(int(code), text)


def _number(text: str, line: bytes) -> int:
    if not _NUMBER.fullmatch(text):
        raise _unexpected(line)
    return int(text)


def _time(text: str, line: bytes) -> int:
    if not _TIME.fullmatch(text):
        raise _unexpected(line)
    return int(text)


def _unexpected(line: bytes) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"unexpected answer {line[:80].decode('utf-8', 'backslashreplace')!r}"
    )
