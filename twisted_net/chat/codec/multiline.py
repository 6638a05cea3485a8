"""A message of several lines: one event, whose text has a line feed between them. Pure.

Whoever says one may have to cut a line that is too long for IRC (IRCv3 draft/multiline); where that
was, a tag of the event keeps, so that other clients are sent the very same pieces. Doors that speak
in lines say each line by itself.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from twisted_net.chat.codec.texts import MAX_TEXT, split

#: The tag of a message of several lines: places in the text, in characters, at which a piece begins
#: that is not a line of its own.
LINES = "lines"

Tags = tuple[tuple[str, str], ...]

#: A piece, and whether it goes on in the line of the one before it.
Piece = tuple[str, bool]


def combined(pieces: Iterable[Piece]) -> tuple[str, Tags]:
    r"""Return the text of some pieces, and the tag that says what they were.

    >>> combined([("how is ", False), ("everyone?", True), ("fine", False)])
    ('how is everyone?\nfine', (('lines', '7'),))
    """
    text, places = "", []
    for number, (piece, joined) in enumerate(pieces):
        if joined and number:
            places.append(str(len(text)))
        elif number:
            text += "\n"
        text += piece
    return text, ((LINES, " ".join(places)),)


def is_composed(tags: Tags) -> bool:
    """Say whether a message with these tags may have several lines."""
    return bool(tags) and any(name == LINES for name, _ in tags)


def pieces_of(text: str, tags: Tags) -> list[Piece]:
    r"""Return the pieces that a text was said in.

    >>> pieces_of("how is everyone?\nfine", (("lines", "7"),))
    [('how is ', False), ('everyone?', True), ('fine', False)]
    """
    if not is_composed(tags):
        return [(text, False)]
    pieces, start = [], 0
    places = _places(dict(tags)[LINES])
    for line in text.split("\n"):
        end = start + len(line)
        inside = [place for place in places if start < place < end]
        pieces += [(text[a:b], a > start) for a, b in pairwise([start, *inside, end])]
        start = end + 1
    return pieces


def lines_of(text: str) -> list[str]:
    r"""Return a text as lines that any door can say: blank ones left out, long ones cut.

    >>> lines_of("hello\n\nthere")
    ['hello', 'there']
    """
    if "\n" not in text and len(text) <= MAX_TEXT // 4:
        return [text]
    return [part for line in text.split("\n") if line for part in split(line, MAX_TEXT)] or [""]


def _places(value: str) -> Sequence[int]:
    words = value.split(" ")
    return sorted({int(word) for word in words if word.isascii() and word.isdecimal()})
