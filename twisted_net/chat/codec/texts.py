"""What strangers' bytes may be, and how their texts are shown."""

import re

from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.net.text import safe

#: Longest text in bytes, so that a message with all its fields fits one datagram of 1,200.
MAX_TEXT = 1000

#: No terminal obeys a text without these: C0, DEL, C1; and lone surrogates, which UTF-8 has not.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

#: Characters of a stranger's word that an error repeats: a whole name, and no more.
_REPEATED = 72

#: Controls that may be said on IRC: CTCP's, and those that make text bold or coloured. No terminal
#: obeys them, and `plain` takes them out.
_FORMATTING = dict.fromkeys(map(ord, "\x01\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f"))
_COLOURED = re.compile("\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?|\x04(?:[0-9A-Fa-f]{6})?")


def quoted(word: str) -> str:
    """Return a stranger's word as errors repeat it."""
    return f"'{safe(word, _REPEATED)}'"


def decoded(data: bytes, charset: str = "utf-8") -> str:
    """Return a stranger's bytes as text.

    :raises Refusal: they are not of that charset, or a terminal would obey them.
    """
    try:
        text = data.decode(charset)
    except UnicodeDecodeError:
        raise Refusal(Code.BAD, f"not {charset.upper()}", Why.NOT_TEXT) from None
    refuse_controls(text)
    return text


def refuse_controls(text: str) -> None:
    """Refuse a text that holds a control character.

    :raises Refusal: it does.
    """
    found = _CONTROL.search(text)
    if found is not None:
        raise Refusal(Code.BAD, f"control character {ord(found[0]):#04x}", Why.NOT_TEXT)


def plain(text: str) -> str:
    r"""Return a text without IRC's formatting, for terminals.

    >>> plain("\x02bold\x02, \x0304,12red\x0f")
    'bold, red'
    """
    return text if text.isprintable() else unformatted(_COLOURED.sub("", text))


def unformatted(text: str) -> str:
    """Return a text without the controls that IRC's formatting is made of."""
    return text.translate(_FORMATTING)


def split(text: str, room: int, charset: str = "utf-8", *, whole: bool = False) -> list[str]:
    """Cut a text into parts of at most ``room`` bytes, never within a character.

    At a space if there is one in the last quarter of a part, so that words stay whole.

    :param whole: whether such a space is kept, at the end of its part: else nobody would miss it.
    """
    parts = []
    while len(text.encode(charset, "replace")) > room:
        end = size = 0
        for character in text:
            size += len(character.encode(charset, "replace"))
            if size > room:
                break
            end += 1
        space = text.rfind(" ", end - end // 4, end if whole else end + 1)
        cut = end if space <= 0 else space + whole
        parts.append(text[:cut])
        text = text[cut + (space > 0 and not whole) :]
    return [*parts, text] if text or not parts else parts
