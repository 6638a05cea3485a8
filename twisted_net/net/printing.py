"""Standard output that cannot take everything: a full disk, a reader who has had enough, a charset.

Names and words of others may hold what a terminal's charset does not have. That is shown escaped:
nobody can make a program of ours fail by saying something.
"""

import os
from io import TextIOWrapper
from typing import TextIO


def escaping(out: TextIO) -> None:
    """Let an output show escaped what its charset does not have."""
    if isinstance(out, TextIOWrapper):
        out.reconfigure(errors="backslashreplace")


def printed(text: str, out: TextIO) -> bool:
    """Print a line; say whether it could be. One that cannot be must not stop a server."""
    escaping(out)
    try:
        print(text, file=out, flush=True)
    except OSError:
        nowhere(out)
        return False
    return True


def nowhere(out: TextIO) -> None:
    """Let what is still in an output's buffer, and all that follows, go nowhere.

    Else Python tries once more at its end, complains, and exits with a code of its own.
    """
    with open(os.devnull, "w") as null:
        os.dup2(null.fileno(), out.fileno())
