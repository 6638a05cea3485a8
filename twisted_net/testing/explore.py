"""One scenario under many seeds; and for a seed that fails, what it takes to fail.

A failure is reported with the fewest faults that bring it about, a ladder of that run, a capture
of it, and the line that runs it again.
"""

import os
import re
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted_net.testing.faults import Fault
from twisted_net.testing.ladder import ending
from twisted_net.testing.network import SimNetwork
from twisted_net.testing.search import (
    Failed,
    Make,
    Scenario,
    Search,
    Seed,
    Swarm,
    Tally,
    attempt,
)
from twisted_net.testing.shrink import Shrinker

#: Runs one seed only; runs so many of them instead of what a test says; where captures go.
SEED = "TWISTED_NET_SEED"
SEEDS = "TWISTED_NET_SEEDS"
CAPTURES = "TWISTED_NET_CAPTURES"


@dataclass(frozen=True, slots=True)
class Finding:
    """A failure, and what it takes.

    :ivar faults: those that were injected when it was found.
    :ivar needed: those that are enough; None: they do not bring it about again.
    :ivar runs: how many runs it took to find these.
    :ivar options: what was drawn for this seed, besides faults.
    :ivar capture: where the capture of the shrunk run is.
    """

    seed: Seed
    error: BaseException
    faults: list[Fault]
    needed: list[Fault] | None
    runs: int
    options: Mapping[str, Any]
    ladder: str
    capture: Path | None

    def __str__(self) -> str:
        lines = [f"seed {self.seed}: {len(self.faults)} injected faults, {self._verdict()}"]
        lines += [f"   {name} = {value!r}" for name, value in self.options.items()]
        lines += [f"   {fault}" for fault in self.needed or ()]
        lines += [f"   {line}" for line in ending(self.ladder).splitlines()]
        again = f"again: {SEED}={self.seed} <same command>"
        lines.append(again if self.capture is None else f"capture: {self.capture}      {again}")
        return "\n".join(lines)

    def _verdict(self) -> str:
        if self.needed is None:
            return "but they do not bring it about again: the scenario is not repeatable"
        return f"{len(self.needed)} needed:" if self.needed else "none needed"


@dataclass(slots=True)
class Report(Tally):
    """What came of exploring.

    :ivar finding: the first failure; None: there was none.
    """

    finding: Finding | None = None

    def check(self) -> None:
        """Raise the failure, with the finding as a note; or complain of what was never met."""
        if self.finding is not None:
            self.finding.error.add_note(str(self.finding))
            raise self.finding.error
        unseen(self.seen, self.runs)


def unseen(seen: Mapping[str, bool], runs: int) -> None:
    """Complain of what was to be seen sometimes and never was, unless one seed is replayed.

    :raises AssertionError: naming all of it.
    """
    never = [name for name, met in seen.items() if not met]
    if never and SEED not in os.environ:
        raise AssertionError(f"never in {runs} seeds: {', '.join(never)}")


def explore(
    scenario: Scenario,
    seeds: int | Iterable[Seed] = 50,
    *,
    make: Make = SimNetwork,
    jobs: int = 1,
    budget: float | None = None,
    swarm: Swarm | None = None,
    name: str | None = None,
) -> Report:
    """Run a scenario under many seeds, up to the first failure.

    :param scenario: takes the network; may be a coroutine function, which is then run.
    :param seeds: how many, from 0 on, or which.
    :param make: makes the network of a seed.
    :param jobs: processes that share the seeds.
    :param budget: real seconds after which no further seed is begun; None: no limit.
    :param swarm: draws options of the network for each seed, so that runs differ in kind too.
    :param name: what the capture of a failure is called; None: as the scenario.
    """
    deadline = None if budget is None else time.monotonic() + budget
    search = Search(scenario, make, swarm, deadline)
    report = Report()
    todo = _seeds(seeds)
    failed = search.alone(todo, report) if jobs == 1 else search.shared(todo, jobs, report)
    if failed is not None:
        called = name or str(getattr(scenario, "__name__", "scenario"))
        report.finding = _explained(scenario, make, failed, called)
    if SEED in os.environ:
        report.seen.clear()  # what has to be seen once need not be seen under this very seed
    return report


def chosen_seed(default: Seed = 0) -> Seed:
    """Return the seed that the environment asks for."""
    seed = os.environ.get(SEED)
    if seed is None:
        return default
    return int(seed) if seed.isdecimal() else seed


def _seeds(seeds: int | Iterable[Seed]) -> Iterable[Seed]:
    if SEED in os.environ:
        return [chosen_seed()]
    if not isinstance(seeds, int):
        return seeds
    return range(int(os.environ.get(SEEDS, seeds)))


def _explained(scenario: Scenario, make: Make, failed: Failed, name: str) -> Finding:
    seed, error, options = failed.seed, failed.error, failed.options

    def fails(plan: list[Fault]) -> bool:
        again = attempt(scenario, make(seed, **{**options, "faults": plan, "trace": False}))
        return type(again) is type(error)

    needed: list[Fault] | None = None
    runs = 1
    if fails(failed.faults):
        shrinker = Shrinker(failed.faults, fails)
        needed = shrinker.shrink()
        runs += shrinker.runs
    plan = failed.faults if needed is None else needed
    net = make(seed, **{**options, "faults": plan})
    attempt(scenario, net)
    capture = _capture(net, f"{name}_{seed}.pcap")
    ladder = net.trace.ladder()
    return Finding(seed, error, failed.faults, needed, runs, options, ladder, capture)


def _capture(net: SimNetwork, name: str) -> Path | None:
    if not any(event.packet is not None for event in net.trace.events):
        return None
    folder = Path(os.environ.get(CAPTURES) or tempfile.gettempdir())
    path = folder / re.sub(r"[^\w.-]", "_", name)
    net.trace.write_pcap(path)
    return path
