"""What names, rooms, texts and ids may be."""

import unicodedata

from twisted_net.chat.codec.messages import Code, Refusal, refuse_controls

#: Longest name in characters and in bytes of UTF-8. RFC 2812 stops at 9 characters, today's IRC
#: servers at 16 to 32; the bytes are what a message of 1,200 has left for it.
MAX_NAME = 24
MAX_NAME_BYTES = 72

#: Longest room in bytes: 50 of IRC (RFC 2812, 1.3) without its ``#``.
MAX_ROOM = 49

#: Longest text in bytes, so that a message with all its fields fits one datagram of 1,200.
MAX_TEXT = 1000

#: Letters by their category, but invisible: fillers of Hangul syllables.
_INVISIBLE = "\u115f\u1160\u3164\uffa0"

_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def checked_name(text: str) -> str:
    """Return a name as the chat shows it, in NFC.

    :raises Refusal: it is not 1-24 letters, digits, ``-`` or ``_``.
    """
    name = unicodedata.normalize("NFC", text)
    fits = 1 <= len(name) <= MAX_NAME and all(_may_name(character) for character in name)
    if not fits or len(name.encode()) > MAX_NAME_BYTES:
        raise Refusal(Code.INVALID, f"name: 1-{MAX_NAME} letters, digits, - or _")
    return name


def checked_room(text: str) -> str:
    """Return a room's name as the chat shows it, in NFC.

    :raises Refusal: it has a space, a comma, a control or bidi character, or is too long.
    """
    room = unicodedata.normalize("NFC", text)
    fits = room and all(_may_room(character) for character in room)
    if not fits or len(room.encode()) > MAX_ROOM:
        raise Refusal(Code.INVALID, f"room: 1-{MAX_ROOM} bytes, no space or comma")
    return room


def checked_text(text: str) -> str:
    """Return a text that may be said, as it is.

    :raises Refusal: it is empty or too long, or a terminal would obey it.
    """
    refuse_controls(text)
    if not 1 <= len(text.encode()) <= MAX_TEXT:
        raise Refusal(Code.INVALID, f"text: at most {MAX_TEXT} bytes")
    return text


def folded(name: str) -> str:
    """Return what equal names have in common: ASCII letters without their case (RFC 4790, 9.2)."""
    return name.translate(_ASCII_LOWER)


def skeleton(name: str) -> str:
    """Return what names have in common that are read as one: ``Ⅸ`` and ``ix``, ``ß`` and ``SS``."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", plain)


class Ids:
    """Number events in the order in which they happen: ``unix_ms << 16 | n``."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, now: float) -> int:
        """Return an id greater than all before it.

        If the clock steps back, the millisecond stays and the count goes on; a count that is
        full carries over into the next millisecond.

        :param now: seconds since 1970.
        """
        self._last = max(self._last + 1, int(now * 1000) << 16)
        return self._last


def _may_name(character: str) -> bool:
    if character in "-_":
        return True
    category = unicodedata.category(character)
    return (category[0] == "L" or category == "Nd") and character not in _INVISIBLE


def _may_room(character: str) -> bool:
    # Of class C are controls, bidi overrides and other formats, surrogates and what has no
    # meaning yet; of class Z all spaces.
    return character != "," and unicodedata.category(character)[0] not in "CZ"
