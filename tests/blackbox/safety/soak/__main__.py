"""``python -m tests.blackbox.safety.soak [SECONDS [SEED]]``: exits with 1 if anything is wrong."""

import sys
import tempfile
from pathlib import Path

from tests.blackbox.safety.soak.running import soak


def main(seconds: float = 600.0, seed: int = 32) -> int:
    """Soak, and print what was found."""
    print(f"soak of {seconds:g} s, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        outcome = soak(seconds, seed, Path(folder))
    for line in outcome.table():
        print(line)
    print("passed" if outcome.passed else "FAILED")
    return 0 if outcome.passed else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
