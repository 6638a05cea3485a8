"""A check that a scenario is repeatable: the same seed, in differing surroundings, one digest."""

import os
import pickle
import subprocess
import sys

from twisted_net.testing.network import SimNetwork
from twisted_net.testing.search import Make, Scenario, attempt

#: Objects put on the heap before the second run, so that addresses differ: whatever iterates over
#: a set of objects shows itself.
_JUNK = 1_000

#: What the other processes have for PYTHONHASHSEED.
_HASH_SEEDS = ("0", "1")


def check_determinism(
    scenario: Scenario,
    seed: int | str = 0,
    *,
    make: Make = SimNetwork,
    processes: bool = True,
    payload: bool = True,
) -> str:
    """Run one seed several times and return its digest.

    :param processes: run it in two fresh processes too, with different seeds of Python's hashes;
        scenario and ``make`` must then be importable by name.
    :param payload: whether contents count; see `SimNetwork.digest`.
    :raises AssertionError: the digests differ.
    """
    digests = {"first run": digest_of(scenario, seed, make, payload)}
    junk = [[object()] for _ in range(_JUNK)]
    del junk[::2]
    digests["with a disturbed heap"] = digest_of(scenario, seed, make, payload)
    if processes:
        work = pickle.dumps((scenario, seed, make, payload))
        for hashes in _HASH_SEEDS:
            digests[f"with PYTHONHASHSEED={hashes}"] = _elsewhere(work, hashes)
    first = digests["first run"]
    differing = [how for how, digest in digests.items() if digest != first]
    if differing:
        raise AssertionError(f"seed {seed} is not repeatable: it differs {', '.join(differing)}")
    return first


def digest_of(scenario: Scenario, seed: int | str, make: Make, payload: bool) -> str:
    """Run a seed and return its digest, with its failure if it has one."""
    net = make(seed, trace=False)
    error = attempt(scenario, net)
    failed = "" if error is None else f" {type(error).__name__}"
    return net.digest(payload) + failed


def _elsewhere(work: bytes, hashes: str) -> str:
    surroundings = {
        **os.environ, "PYTHONHASHSEED": hashes, "PYTHONPATH": os.pathsep.join(sys.path)
    }  # fmt: skip
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", f"from {__name__} import _elsewhere_main; _elsewhere_main()"],
        input=work,
        env=surroundings,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    return done.stdout.decode()


def _elsewhere_main() -> None:
    """Do the work of `_elsewhere`, in the other process."""
    sys.stdout.write(digest_of(*pickle.load(sys.stdin.buffer)))  # noqa: S301 - our own
