"""Names as listings show them, read back: somebody copies them from there."""

import re

#: What `twisted_net.net.text.safe` writes in the place of what a terminal might obey.
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|([nrt]))", re.ASCII)

_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}


def meant(name: str) -> str:
    r"""Return the name that is shown as ``name``; one without escapes is itself.

    A byte that is no text becomes what `os.fsdecode` makes of it.

    >>> meant(r"caf\xe9"), meant(r"gpj\u202e"), meant("plain")
    ('caf\udce9', 'gpj\u202e', 'plain')
    """
    return _ESCAPE.sub(_read, name)


def _read(escape: re.Match[str]) -> str:
    byte, code, letter = escape.groups()
    if letter:
        return _LETTERS[letter]
    if code:
        return escape[0] if "d800" <= code <= "dfff" else chr(int(code, 16))
    return chr(int(byte, 16)) if byte < "80" else chr(0xDC00 + int(byte, 16))
