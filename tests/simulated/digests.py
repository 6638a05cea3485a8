"""One digest over many seeds: the same in every process, whatever Python it is run by.

``python -m tests.simulated.digests 100`` prints it.
"""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from tests.simulated.fetching import shelf
from tests.simulated.scenarios import CUT, NARROW, STORM, Chat, Files
from twisted_net.testing import SimNetwork

#: Repository of which this file is a part.
ROOT = Path(__file__).parents[2]

#: Seeds of Python's own hashes under which it must be the same.
HASH_SEEDS = ("0", "1", "random")


def digest(seeds: int) -> str:
    """Play all doors with disasters under so many seeds; return the digest of all packets."""
    whole = blake2b(digest_size=16)
    for seed in range(seeds):
        for net in _played(seed):
            whole.update(net.digest().encode())
    return whole.hexdigest()


def _played(seed: int) -> Iterator[SimNetwork]:
    chat = Chat(("tcp", "udp", "tcp", "udp"), disasters=("power_off", "stall", "cut"))
    files = Files(shelf(), (("note", "page"),), (("blocks", "empty"),), disasters=("kill", "cut"))
    for scenario, link in ((chat, STORM), (files, NARROW)):
        net = SimNetwork(seed, link=link, chunking=CUT, order="shuffle", trace=False)
        scenario(net)
        yield net


#: The interpreter that ``make simulate`` prepares with the oldest libraries.
OLDEST = ROOT / ".venv-floor" / "bin" / "python"


def pythons() -> list[str]:
    """Return an interpreter of each Python that is here, and that of the oldest libraries."""
    known = [sys.executable, *([str(OLDEST)] if OLDEST.exists() else [])]
    found = subprocess.run(
        [ROOT / ".ci" / "pythons", sys.executable], capture_output=True, text=True, check=False
    )
    return known + found.stdout.split()


def elsewhere(python: str, hash_seed: str, seeds: int) -> str:
    """Return the digest of another process, with the packages of this one or its own oldest ones.

    :raises RuntimeError: it could not be had.
    """
    packages = [] if python == str(OLDEST) else [sysconfig.get_path("purelib")]
    surroundings = {
        **os.environ,
        "PYTHONHASHSEED": hash_seed,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *packages]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [python, "-m", __name__, str(seeds)],
        cwd=ROOT,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout.strip()


if __name__ == "__main__":
    sys.stdout.write(digest(int(sys.argv[1])) + "\n")
