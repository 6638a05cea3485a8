"""Standard output that cannot be written: a full disk, or a reader who has had enough."""

import os
from typing import TextIO


def printed(text: str, out: TextIO) -> bool:
    """Print a line; say whether it could be. One that cannot be must not stop a server."""
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
