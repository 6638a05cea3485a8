"""What comes of many random scripts on fast transports, as one digest.

``python -m tests.net.fast.outcomes 300`` prints it: with ``PURE_PYTHON=1`` it has to be the same.
"""

import sys
from hashlib import blake2b

from twisted.logger import globalLogBeginner

from tests.net.fast.kinds import FAST
from tests.net.fast.playing import has_tls, play
from tests.net.fast.scripts import draw_play


def digest(seeds: int) -> str:
    """Play so many scripts, and return the digest of all that their parties saw."""
    whole = blake2b(digest_size=16)
    for seed in range(seeds):
        script = draw_play(seed)
        if script.tls == "never" or has_tls():
            whole.update(repr(play(seed, script, FAST)).encode())
    return whole.hexdigest()


if __name__ == "__main__":
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    print(digest(int(sys.argv[1])))
