"""Names as listings show them, read back: somebody copies them from there."""

import re

#: What `twisted_net.net.text.safe` writes in the place of what a terminal might obey.
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U(0010[0-9a-f]{4}|000[0-9a-f]{5})|([nrt]))", re.ASCII
)

_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}


def meant(name: str) -> str:
    r"""Return the name that is shown as ``name``; one without escapes is itself.

    A byte that is no text becomes what `os.fsdecode` makes of it.

    >>> meant(r"caf\xe9"), meant(r"gpj\u202e"), meant("plain")
    ('caf\udce9', 'gpj\u202e', 'plain')
    """
    return _ESCAPE.sub(_read, name)


def _read(escape: re.Match[str]) -> str:
    byte, short, long, letter = escape.groups()
    if letter:
        return _LETTERS[letter]
    if short or long:
        code = int(short or long, 16)
        return escape[0] if 0xD800 <= code <= 0xDFFF else chr(code)
    return chr(int(byte, 16)) if byte < "80" else chr(0xDC00 + int(byte, 16))
