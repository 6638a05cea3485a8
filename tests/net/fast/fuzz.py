"""Stock transports beside fast ones: ``python -m tests.net.fast.fuzz 5000`` plays so many seeds.

One in sixteen is also played on real sockets. The first seed may be given too, to go on elsewhere.
"""

import gc
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from warnings import simplefilter

from twisted.logger import globalLogBeginner

from tests.net.fast.kinds import FAST, PATIENT, kind_of
from tests.net.fast.peaceful import play_at_once
from tests.net.fast.playing import differences, has_tls, play, sooner
from tests.net.fast.scripts import draw_play
from twisted_net.testing import LoopbackWorld, Transports

#: How many scripts are played at one time on real sockets.
AT_ONCE = 24

#: Seconds that these may take, on a machine with much else to do.
PATIENCE = 120


@dataclass(frozen=True, slots=True)
class Found:
    """How the transports differ in one play.

    :ivar wrong: how they must not; empty: they do not.
    :ivar sooner: whether fast ones differ in what may come of sending answers sooner.
    """

    wrong: str = ""
    sooner: bool = False


def compare(seed: int) -> Found:
    """Play what a seed says on stock transports, on patient and on fast ones.

    Patient ones must do what stock ones do, to the byte; for fast ones see `playing.sooner`.
    """
    script = draw_play(seed)
    if script.tls != "never" and not has_tls():
        return Found()
    stock = play(seed, script, Transports())
    wrong = differences(script, play(seed, script, PATIENT), stock)
    if wrong:
        return Found(f"patient: {wrong}")
    ours = play(seed, script, FAST)
    differs = differences(script, ours, stock)
    if not differs or sooner(script, ours, stock):
        return Found(sooner=bool(differs))
    return Found(f"fast: {differs}")


def compare_on_real_sockets(seeds: Sequence[int], folder: Path) -> str:
    """Do the same on real sockets, all seeds at one time, under each reactor."""
    kinds = (("epoll", "stock"), ("epoll", "fast"), ("lean", "fast"))
    stock, *others = [
        LoopbackWorld(kind_of(*kind)).run(
            lambda world: play_at_once(world, seeds, folder), timeout=PATIENCE
        )
        for kind in kinds
    ]
    for kind, seen in zip(kinds[1:], others, strict=True):
        for number, (ours, theirs) in enumerate(zip(seen, stock, strict=True)):
            if ours != theirs:
                return f"seed {seeds[number // 2]} on {kind}:\n  {ours}\n  {theirs} (stock)"
    return "" if any(each.heard > 100_000 for each in stock) else "hardly anything was heard"


def main(count: int, first: int = 0) -> int:
    """Compare; say what differed; return how many seeds did."""
    differed = lawful = 0
    seeds = range(first, first + count)
    with ProcessPoolExecutor(initializer=_quiet) as pool:
        for seed, found in zip(seeds, pool.map(compare, seeds, chunksize=20), strict=True):
            lawful += found.sooner
            if found.wrong:
                differed += 1
                print(f"seed {seed}: {found.wrong}", flush=True)
    print(
        f"{differed} of {count} seeds differed on the simulated network, and {lawful} lawfully",
        flush=True,
    )
    real = range(first, first + count // 16)
    worse = 0
    _quiet()
    with TemporaryDirectory() as folder:
        for at in range(0, len(real), AT_ONCE):
            wrong = compare_on_real_sockets(real[at : at + AT_ONCE], Path(folder))
            if wrong:
                worse += 1
                print(wrong, flush=True)
    print(f"{worse} batches of {len(real)} seeds differed on real sockets")
    return differed + worse


def _quiet() -> None:
    """Print no log, and no warning of pyOpenSSL's; search for garbage only in what is new."""
    gc.freeze()
    simplefilter("ignore")
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)


if __name__ == "__main__":
    sys.exit(min(1, main(*map(int, sys.argv[1:]))))
