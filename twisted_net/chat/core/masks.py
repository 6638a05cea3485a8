"""Masks of members: ``nick!user@host`` with ``*`` and ``?`` (RFC 2812, 2.5), muting ones too."""

from twisted_net.chat.core.ident import folded

#: Longest mask in characters: the longest name, user and host.
MAX_MASK = 200

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

    Takes at most as many steps as the product of both lengths: as a regular expression, a mask
    of many stars could take for ever.
    """
    mask, text = folded(mask), folded(text)
    at = here = 0
    star, kept = -1, 0
    while at < len(text):
        if here < len(mask) and mask[here] == "*":
            star, kept = here, at
            here += 1
        elif here < len(mask) and mask[here] in ("?", text[at]):
            here += 1
            at += 1
        elif star >= 0:
            kept += 1
            here, at = star + 1, kept
        else:
            return False
    return not mask[here:].strip("*")
