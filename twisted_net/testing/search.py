"""The search for a seed that fails, by this process or by several."""

import gc
import multiprocessing
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from multiprocessing.connection import Connection
from typing import Any

from twisted_net.testing.faults import Fault
from twisted_net.testing.network import SimNetwork

#: Runs after which the networks that are done with are collected. Runs keep Python's collector
#: from working, and without this 10,000 of them take more than a gigabyte. A few runs at a time
#: are still in the processor's caches: of those of 100, each took more than twice as long.
COLLECT_AFTER = 5

#: Runs after which everything is, and not only what is young.
COLLECT_ALL_AFTER = 100

Scenario = Callable[[SimNetwork], Any]

#: Makes the network of a seed: `SimNetwork`, or something that adds options to it.
Make = Callable[..., SimNetwork]

#: Draws the options of one seed's network.
Swarm = Callable[[random.Random], Mapping[str, Any]]

Seed = int | str


@dataclass(frozen=True, slots=True)
class Failed:
    """A run that failed.

    :ivar faults: those that were injected.
    :ivar options: what was drawn for this seed, besides faults.
    """

    seed: Seed
    error: Exception
    faults: list[Fault]
    options: Mapping[str, Any]


@dataclass(slots=True)
class Tally:
    """What was seen on the way.

    :ivar runs: seeds that were run.
    :ivar seen: for each *sometimes*, whether any seed met it.
    """

    runs: int = 0
    seen: dict[str, bool] = field(default_factory=dict)

    def add(self, runs: int, seen: Mapping[str, bool]) -> None:
        """Count in what was seen elsewhere."""
        self.runs += runs
        for what, met in seen.items():
            self.seen[what] = self.seen.get(what, False) or met


@dataclass(frozen=True, slots=True)
class Search:
    """A search through seeds, up to the first that fails.

    :ivar deadline: on the real, monotonic clock, when no further seed is begun; None: never.
    """

    scenario: Scenario
    make: Make
    swarm: Swarm | None = None
    deadline: float | None = None

    def run(self, seed: Seed, tally: Tally) -> Failed | None:
        """Run one seed."""
        dice = random.Random(f"{seed}/swarm")  # noqa: S311 - repeatable, not secret
        options = {} if self.swarm is None else self.swarm(dice)
        net = self.make(seed, trace=False, **options)
        error = attempt(self.scenario, net)
        tally.add(1, net.promises.seen)
        return None if error is None else Failed(seed, error, net.faults.recorded, options)

    def alone(self, seeds: Iterable[Seed], tally: Tally) -> Failed | None:
        """Run seeds in this process."""
        for seed in seeds:
            if self.deadline is not None and time.monotonic() > self.deadline:
                return None
            failed = self.run(seed, tally)
            if failed is not None:
                return failed
            if tally.runs % COLLECT_AFTER == 0:
                gc.collect(1 if tally.runs % COLLECT_ALL_AFTER else 2)
        return None

    def shared(self, seeds: Iterable[Seed], jobs: int, tally: Tally) -> Failed | None:
        """Run seeds in several processes, and the first that failed once more in this one."""
        todo = list(seeds)
        if "fork" not in multiprocessing.get_all_start_methods():
            return self.alone(todo, tally)
        failing = [each for each in self._forked(todo, jobs, tally) if each is not None]
        if not failing:
            return None
        seed = todo[min(failing)]
        failed = self.run(seed, Tally())
        if failed is None:
            raise AssertionError(f"seed {seed!r} fails in another process, but not in this one")
        return failed

    def _forked(self, todo: list[Seed], jobs: int, tally: Tally) -> list[int | None]:
        """Return which place in the list failed first, for each process."""
        fork = multiprocessing.get_context("fork")  # so that a scenario may be any function
        workers = []
        for job in range(jobs):
            ours, theirs = fork.Pipe(duplex=False)
            worker = fork.Process(target=self._work, args=(todo, job, jobs, theirs))
            worker.start()
            theirs.close()
            workers.append((worker, ours))
        failing = []
        for worker, ours in workers:
            place, runs, seen = ours.recv()
            worker.join()
            failing.append(place)
            tally.add(runs, seen)
        return failing

    def _work(self, todo: list[Seed], job: int, jobs: int, told: "Connection[Any, Any]") -> None:
        gc.freeze()  # what was there before is not searched again and again
        tally = Tally()
        mine = range(job, len(todo), jobs)
        failed = self.alone((todo[place] for place in mine), tally)
        place = None if failed is None else mine[tally.runs - 1]
        told.send((place, tally.runs, tally.seen))


def attempt(scenario: Scenario, net: SimNetwork) -> Exception | None:
    """Run a scenario on a network to the end; return what it failed with."""
    try:
        if iscoroutinefunction(scenario):
            net.run(scenario(net))
        else:
            scenario(net)
        net.finish()
    except Exception as error:
        return error
    return None
