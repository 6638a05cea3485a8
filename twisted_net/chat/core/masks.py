"""Masks of members: ``nick!user@host`` with ``*`` and ``?`` (RFC 2812, 2.5), muting ones too."""

from twisted_net.chat.core.ident import folded

#: Longest mask in characters: the longest name, user and host.
MAX_MASK = 200

#: Masks on one list.
MAX_LIST = 100

#: What a mask begins with that only keeps members from speaking (EXTBAN ``m``).
MUTE = "m:"


def completed(text: str) -> str:
    """Return a mask with all its parts.

    >>> completed("red"), completed("*@*.hidden"), completed("m:red")
    ('red!*@*', '*!*@*.hidden', 'm:red!*@*')
    """
    if text.startswith(MUTE):
        return MUTE + completed(text.removeprefix(MUTE))
    name, bang, rest = text.partition("!")
    if not bang and "@" in text:
        name, rest = "*", text
    user, _, host = rest.partition("@")
    return f"{name or '*'}!{user or '*'}@{host or '*'}"


def matches(mask: str, text: str) -> bool:
    """Say whether a mask matches; ASCII letters are equal whatever their case.

    Each piece between two stars is looked for where the one before it ended, and never again: as a
    regular expression, a mask of many stars could take for ever.
    """
    first, *pieces = folded(mask).split("*")
    text = folded(text)
    if len(first) + sum(map(len, pieces)) > len(text):
        return False
    if not pieces:
        return len(first) == len(text) and _fits(first, text, 0)
    last = pieces.pop()
    end = len(text) - len(last)
    if not _fits(first, text, 0) or not _fits(last, text, end):
        return False
    at = len(first)
    for piece in pieces:
        at = _find(piece, text, at, end)
        if at < 0:
            return False
        at += len(piece)
    return at <= end


def _find(piece: str, text: str, at: int, end: int) -> int:
    if "?" not in piece:
        return text.find(piece, at, end)
    places = range(at, end - len(piece) + 1)
    return next((place for place in places if _fits(piece, text, place)), -1)


def _fits(piece: str, text: str, at: int) -> bool:
    for part in piece.split("?"):
        if not text.startswith(part, at):
            return False
        at += len(part) + 1
    return True
