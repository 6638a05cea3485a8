"""Text for logs and terminals: what strangers wrote made safe, and addresses."""

import unicodedata

#: Longest value of a stranger's that is shown, in characters.
SHOWN = 256

#: Joiners: Persian needs them inside words, and so do composed emoji. They move no cursor.
_JOINERS = "\u200c\u200d"


def safe(text: str | bytes, limit: int = SHOWN) -> str:
    r"""Return ``text`` on one line, with everything escaped that a terminal might obey.

    Controls, ESC sequences, bidirectional overrides, lone surrogates and bytes that are not
    UTF-8 become ``\x1b``, ``\u202e``, ``\udc80``, ``\xff``; letters of any script stay.

    >>> safe(b"caf\xc3\xa9 \x1b[31mred \xff")
    'café \\x1b[31mred \\xff'

    :param limit: characters of ``text`` shown; what was cut is counted at the end.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    shown = "".join(_escaped(character) for character in text[:limit])
    return shown if len(text) <= limit else f"{shown}… ({len(text) - limit} more)"


def counted(number: int, noun: str) -> str:
    """Return a number and its noun, in the plural where there are not one.

    >>> counted(1, "connection"), counted(2, "connection")
    ('1 connection', '2 connections')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def with_port(host: str, port: int) -> str:
    """Return a host and its port as a URL has them (RFC 3986, 3.2.2).

    >>> with_port("127.0.0.1", 7007), with_port("::1", 7007)
    ('127.0.0.1:7007', '[::1]:7007')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _escaped(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    if unicodedata.category(character) == "Zs":  # the spaces of other scripts
        return character
    return character.encode("unicode_escape").decode("ascii")
