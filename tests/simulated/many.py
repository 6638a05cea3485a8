"""One scenario under thousands of seeds, on two processes."""

import gc
import resource
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from twisted.logger import globalLogBeginner

from twisted_net.testing import SimNetwork, explore

#: Processes at work, and pieces that the seeds are cut into for each of them.
PROCESSES = 2
PIECES = 10

Scenario = Callable[[SimNetwork], object]


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it.

    :ivar seeds: how many were played.
    :ivar violation: the first one found, in words; empty: none.
    :ivar seconds: of real time.
    :ivar megabytes: the most memory that a process had.
    """

    seeds: int
    violation: str
    seconds: float
    megabytes: float


class Players:
    """The processes; a context manager."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(PROCESSES, initializer=_prepare)

    def __enter__(self) -> "Players":
        """Start them, so that their start is no part of any measurement."""
        for each in [self._pool.submit(time.sleep, 0.1) for _ in range(PROCESSES)]:
            each.result()
        return self

    def __exit__(self, *failure: object) -> None:
        """End them."""
        self._pool.shutdown(cancel_futures=True)

    def play(self, scenario: Scenario, seeds: int, options: Mapping[str, Any]) -> Played:
        """Play a scenario under seeds from 0 on; stop soon after the first violation."""
        begun = time.monotonic()
        size = max(1, seeds // (PROCESSES * PIECES))
        pieces = [range(at, min(seeds, at + size)) for at in range(0, seeds, size)]
        violation, played, megabytes = "", 0, 0.0
        for runs, found, memory in self._pool.map(partial(_piece, scenario, options), pieces):
            played += runs
            megabytes = max(megabytes, memory)
            violation = violation or found
            if violation:
                break
        return Played(played, violation, time.monotonic() - begun, megabytes)


def _prepare() -> None:
    """Let nobody keep what is logged: a log that nobody reads yet holds on to all it names."""
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False)


def _piece(scenario: Scenario, options: Mapping[str, Any], seeds: range) -> tuple[int, str, float]:
    report = explore(scenario, seeds, make=partial(SimNetwork, **options))
    gc.collect()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if report.finding is None:
        return report.runs, "", memory
    return report.runs, f"{report.finding.error!r}\n{report.finding}", memory
