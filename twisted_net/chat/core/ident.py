"""What names, rooms, texts, hosts and ids may be."""

import unicodedata
from base64 import b32encode
from hashlib import blake2b

from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.texts import MAX_TEXT, refuse_controls, unformatted

#: Longest name in characters and in bytes of UTF-8. RFC 2812 stops at 9 characters, today's IRC
#: servers at 16 to 32; the bytes are what a message of 1,200 has left for it.
MAX_NAME = 24
MAX_NAME_BYTES = 72

#: Longest room in bytes: 50 of IRC (RFC 2812, 1.3) without its ``#``.
MAX_ROOM = 49

#: Lines of a message of several, and bytes of all of them with what is between them: as much as a
#: member at a datagram door hears without a gap while others speak.
MAX_LINES = 32
MAX_LINES_BYTES = 4096

#: Longest topic and reason in bytes, so that they fit one line of IRC with all that goes before.
MAX_REASON = 390

#: What IRC's names may hold besides (RFC 2812, 2.3.1).
IRC_SPECIAL = "[]\\`^{|}"

#: Letters by their category, but invisible: fillers of Hangul syllables.
_INVISIBLE = "\u115f\u1160\u3164\uffa0"

_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def checked_name(text: str, special: str = "") -> str:
    """Return a name as the chat shows it, in NFC.

    :param special: characters that it may hold besides, on the door that asks.
    :raises Refusal: it is not 1-24 letters, digits, ``-`` or ``_``.
    """
    name = unicodedata.normalize("NFC", text)
    fits = 1 <= len(name) <= MAX_NAME and all(_may_name(each, special) for each in name)
    if not fits or len(name.encode()) > MAX_NAME_BYTES:
        raise Refusal(Code.INVALID, f"name: 1-{MAX_NAME} letters, digits, - or _", Why.BAD_NAME)
    return name


def checked_room(text: str) -> str:
    """Return a room's name as the chat shows it, in NFC.

    :raises Refusal: it has a space, a comma, a control or bidi character, or is too long.
    """
    room = unicodedata.normalize("NFC", text)
    fits = room and all(_may_room(character) for character in room)
    if not fits or len(room.encode()) > MAX_ROOM:
        raise Refusal(Code.INVALID, f"room: 1-{MAX_ROOM} bytes, no space or comma", Why.BAD_ROOM)
    return room


def checked_text(text: str) -> str:
    """Return a text that may be said, as it is; IRC's formatting may be in it.

    :raises Refusal: it is empty or too long, or a terminal would obey it.
    """
    refuse_controls(text if text.isprintable() else unformatted(text))
    if not 1 <= len(text.encode()) <= MAX_TEXT:
        raise Refusal(Code.INVALID, f"text: at most {MAX_TEXT} bytes", Why.BAD_TEXT)
    return text


def checked_lines(text: str) -> str:
    """Return a text of several lines that may be said, as it is; one of them may be a long one.

    :raises Refusal: it is empty or too long, or a terminal would obey one of its lines.
    """
    lines = text.split("\n")
    for line in lines:
        refuse_controls(line if line.isprintable() else unformatted(line))
    size = len(text.encode())
    if not any(lines) or len(lines) > MAX_LINES or size > MAX_LINES_BYTES:
        limits = f"{MAX_LINES} lines and {MAX_LINES_BYTES} bytes"
        raise Refusal(Code.INVALID, f"text: at most {limits}", Why.BAD_TEXT)
    return text


def checked_reason(text: str, what: str = "reason") -> str:
    """Return a reason, a topic or a real name as it is; it may be empty.

    :raises Refusal: it is too long, or a terminal would obey it.
    """
    refuse_controls(text if text.isprintable() else unformatted(text))
    if len(text.encode()) > MAX_REASON:
        raise Refusal(Code.INVALID, f"{what}: at most {MAX_REASON} bytes", Why.BAD_TEXT)
    return text


def hidden_host(address: str, secret: bytes) -> str:
    """Return what others see of an address: the same for the same one, and no way back.

    :param secret: at most 64 bytes; who has it can find addresses by trying them all.
    """
    digest = blake2b(address.encode(), key=secret, digest_size=10).digest()
    return f"{b32encode(digest).decode().lower()}.hidden"


def folded(name: str) -> str:
    """Return what equal names have in common: ASCII letters without their case (RFC 4790, 9.2)."""
    return name.translate(_ASCII_LOWER)


def skeleton(name: str) -> str:
    """Return what names have in common that are read as one: ``Ⅸ`` and ``ix``, ``ß`` and ``SS``."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", plain)


class Ids:
    """Number events in the order in which they happen: ``unix_ms << 16 | n``.

    :param last: an id that all others are to be greater than.
    """

    def __init__(self, last: int = 0) -> None:
        self._last = last

    def next(self, now: float) -> int:
        """Return an id greater than all before it.

        If the clock steps back, the millisecond stays and the count goes on; a count that is
        full carries over into the next millisecond.

        :param now: seconds since 1970.
        """
        self._last = max(self._last + 1, int(now * 1000) << 16)
        return self._last


def _may_name(character: str, special: str) -> bool:
    if character in "-_" or character in special:
        return True
    category = unicodedata.category(character)
    return (category[0] == "L" or category == "Nd") and character not in _INVISIBLE


def _may_room(character: str) -> bool:
    # Of class C are controls, bidi overrides and other formats, surrogates and what has no
    # meaning yet; of class Z all spaces.
    return character != "," and unicodedata.category(character)[0] not in "CZ"
