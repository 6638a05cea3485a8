"""IRC messages as bytes: cut from a stream, read, and written (RFC 1459, 2.3; IRCv3 message-tags).

Tolerant in what it reads: LF or CR LF, any number of spaces, a prefix that is passed over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from twisted_net.chat.codec.texts import split

#: Longest message in bytes with its ending (RFC 1459, 2.3), and longest section of tags before it,
#: from the ``@`` to the space. A client may fill 4,094 bytes of the latter, without these two.
MAX_MESSAGE = 512
MAX_TAGS = 8191
MAX_CLIENT_TAGS = 4094

_ENDING = b"\r\n"

_ESCAPES = {"\\": "\\\\", ";": "\\:", " ": "\\s", "\r": "\\r", "\n": "\\n"}
_ESCAPED = str.maketrans(_ESCAPES)
_UNESCAPED = {escape[1]: plain for plain, escape in _ESCAPES.items()}


class NotTextError(ValueError):
    """A message that is not in the charset spoken.

    :ivar command: its command, as far as that can be read; else ``*``.
    """

    def __init__(self, command: str) -> None:
        super().__init__(f"{command} is not text")
        self.command = command


@dataclass(frozen=True, slots=True)
class Message:
    """What a client said.

    :ivar command: in capitals.
    :ivar tags: by their keys; one without a value has an empty one.
    """

    command: str
    params: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


class Lines:
    """Cut a stream into lines, one when one is wanted.

    What waits is what `put` was given; of a line that is too long nothing is kept.
    """

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._skipping = False

    def put(self, data: bytes) -> None:
        """Take what came."""
        self._data, self._at = self._data[self._at :] + data, 0

    def next(self) -> bytes | None:
        """Return the next line without its ending; None: it is not complete.

        :raises OverflowError: it is longer than a line may be; the one after it is not lost.
        """
        end = self._data.find(b"\n", self._at)
        if end < 0:
            self._check_unfinished()
            return None
        line = self._data[self._at : end].removesuffix(b"\r")
        self._at = end + 1
        if self._skipping:
            self._skipping = False  # that was its end; it was refused already
            return self.next()
        if _too_long(line):
            raise OverflowError
        return line

    def rest(self) -> bytes:
        """Return what no line has taken; nothing of it is left."""
        rest = b"" if self._skipping else self._data[self._at :]
        self._data, self._at = b"", 0
        return b"" if _too_long(rest) else rest

    def _check_unfinished(self) -> None:
        held = len(self._data) - self._at
        if self._skipping or held >= MAX_TAGS + MAX_MESSAGE:
            self._data, self._at = b"", 0
            if not self._skipping:
                self._skipping = True
                raise OverflowError


def parse(line: bytes, charset: str = "utf-8") -> Message | None:
    """Read a line; None: there is nothing in it.

    :param line: without its ending.
    :raises NotTextError: it is not text.
    """
    try:
        text = line.decode(charset)
    except UnicodeDecodeError:
        raise NotTextError(_command_of(line)) from None
    tags: Mapping[str, str] = {}
    if text[:1] == "@":
        section, _, text = text.partition(" ")
        tags = read_tags(section[1:])
    text = text.lstrip(" ")
    if text[:1] == ":":  # where it came from; we know better
        text = text.partition(" ")[2].lstrip(" ")
    head, colon, last = text.partition(" :")
    words = [word for word in head.split(" ") if word]
    if not words:
        return None
    if colon:
        words.append(last)
    return Message(words[0].upper(), tuple(words[1:]), tags)


def read_tags(section: str) -> dict[str, str]:
    """Read tags as they stand between ``@`` and the space; of equal keys the last counts."""
    tags = {}
    for tag in section.split(";"):
        key, _, value = tag.partition("=")
        if key:
            tags[key] = unescaped(value) if "\\" in value else value
    return tags


def write_tags(tags: Iterable[tuple[str, str]]) -> str:
    """Write tags with the ``@`` before them and the space behind; nothing for no tags."""
    section = ";".join(f"{key}={escaped(value)}" if value else key for key, value in tags)
    return f"@{section} " if section else ""


def escaped(value: str) -> str:
    r"""Return a tag's value as it is written.

    >>> escaped("a; b")
    'a\\:\\sb'
    """
    return value.translate(_ESCAPED)


def unescaped(value: str) -> str:
    """Return a tag's value as it is meant; a backslash before nothing special is dropped."""
    plain = []
    characters = iter(value)
    for character in characters:
        if character == "\\":
            after = next(characters, "")
            character = _UNESCAPED.get(after, after)
        plain.append(character)
    return "".join(plain)


def write(source: str, command: str, *params: str) -> bytes:
    """Write a message; the last parameter may hold spaces, be empty or begin with a colon.

    :param source: who says it; empty: nobody, as a client does.
    """
    words = [f":{source}", command] if source else [command]
    if params:
        last = params[-1]
        plain = last and last[0] != ":" and " " not in last
        words += [*params[:-1], last if plain else f":{last}"]
    return " ".join(words).encode() + _ENDING


def _too_long(line: bytes) -> bool:
    if line[:1] != b"@":
        return len(line) > MAX_MESSAGE - len(_ENDING)
    tags, _, rest = line.partition(b" ")
    return len(tags) - 1 > MAX_CLIENT_TAGS or len(rest) > MAX_MESSAGE - len(_ENDING)


def _command_of(line: bytes) -> str:
    words = [word for word in line.split(b" ") if word and word[:1] not in (b"@", b":")]
    command = words[0].decode("utf-8", "replace").upper() if words else ""
    return command if command.isascii() and command.isalnum() else "*"


def fitting(line: bytes) -> bytes:
    """Return a line of the server's own that is no longer than lines may be.

    Only strangers' words that are repeated to who said them can make it longer.
    """
    if len(line) <= MAX_MESSAGE:
        return line
    return split(line.decode().removesuffix("\r\n"), MAX_MESSAGE - 2)[0].encode() + b"\r\n"
