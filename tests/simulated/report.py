"""What the simulated network promises, measured: ``make simulate`` prints this as one table.

``SEEDS=200 make simulate`` is a quick look; without it, 10,000 seeds take some minutes.
"""

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from twisted.logger import globalLogBeginner

from tests.simulated import digests, speed
from tests.simulated.bugs import PLANTED, Planted
from tests.simulated.fetching import shelf
from tests.simulated.scenarios import CUT, GALE, NARROW, ROUGH, STORM, Chat, Files, Tftp
from twisted_net.testing import SimNetwork, explore
from twisted_net.testing.search import Scenario

#: Seeds of a full run of the longest row; the others have a part of it.
SEEDS = 10_000

#: TFTP transfers of a full run.
TFTP_TRANSFERS = 20_000

#: Processes at work.
PROCESSES = 2

#: Real seconds in which a full run of a row, or of several together, has to be done.
AT_MOST = 120.0

#: The same where addresses change: each change costs a round trip, and what was under way anew.
AT_MOST_MOVING = 180.0

#: Planted bugs: seeds and seconds in which each is found, faults and runs after shrinking, and
#: how many of them have to shrink that far.
FOUND_IN = 500
FOUND_WITHIN = 10.0
FEW_FAULTS = 2
FEW_RUNS = 60
SHRUNK = 10
PLANTED_AT_LEAST = 12
CONTROLS = 50


#: Promises that tests hold: what, how many of them at least, and where they are. Each scenario of
#: the parity tests is two tests, one a world.
HELD = (
    ("A1 its failures are those explained", 1, ("tests/testing/conformance",)),
    ("A6 equal on simulated and real sockets", 80, ("tests/parity",)),
    ("A7 captures that tshark finds valid", 6, ("tests/testing/test_pcap_tshark.py",)),
    ("A10 what a failure shows", 5, ("tests/testing/test_diagnosis.py",)),
    ("A11 the same under every runner", 5, ("tests/testing/test_runners.py",)),
    ("A12 the guide's examples", 5, ("docs/howto/test-without-sockets.md",)),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    :ivar figure: what was measured; ``aim``, what it should be.
    :ivar kept: whether it is.
    :ivar more: what explains it, printed below the table.
    """

    what: str
    figure: str
    aim: str
    kept: bool
    more: str = ""

    def __str__(self) -> str:
        return f"{self.what:46} {self.figure:34} {self.aim:30} {'ok' if self.kept else 'FAILED'}"


def promises(seeds: int) -> Iterator[Row]:
    """Hold what the doors promise against many seeds."""
    root = shelf()
    few = max(1, seeds // 5)
    disasters: Any = ("power_off", "cut")
    alone: list[tuple[str, Scenario, int, dict[str, Any]]] = [
        ("chat over datagrams, 3 x 10", Chat(), seeds, {"link": STORM}),
    ]
    moving: list[tuple[str, Scenario, int, dict[str, Any]]] = [
        ("the same, and all members move", Chat(moves=1), seeds, {"link": STORM}),
    ]
    others: list[tuple[str, Scenario, int, dict[str, Any]]] = [
        (
            "chat over lines, in chunks",
            Chat(("tcp", "tcp", "tcp")),
            few,
            {"link": ROUGH, "chunking": CUT},
        ),
        (
            "file over lines, power off and cuts",
            Files(root, by_line=(("book",), ("page", "note")), disasters=disasters),
            few,
            {"link": NARROW, "chunking": CUT},
        ),
        (
            "file over TFTP, power off and cuts",
            Files(root, by_tftp=(("page",), ("block", "note")), disasters=disasters),
            few,
            {"link": STORM},
        ),
    ]
    tftp = Tftp(root, disasters=(*disasters, "kill", "stall"))
    many: list[tuple[str, Scenario, int, dict[str, Any]]] = [
        (
            f"TFTP to and fro, {tftp.transfers} a seed, all disasters",
            tftp,
            max(1, TFTP_TRANSFERS // tftp.transfers * seeds // SEEDS),
            {"link": GALE},
        )
    ]
    yield from _played(alone, seeds / SEEDS)
    yield from _played(moving, seeds / SEEDS, AT_MOST_MOVING)
    yield from _played(many, seeds / SEEDS)
    yield from _played(others, seeds / SEEDS)


def _played(
    scenarios: list[tuple[str, Scenario, int, dict[str, Any]]],
    part: float,
    at_most: float = AT_MOST,
) -> Iterator[Row]:
    """Play each on all processes; ``part`` says how much of a full run this is."""
    spent = worked = 0.0
    for what, scenario, seeds, options in scenarios:
        scenario(SimNetwork(-1, **options))  # what is loaded once is no part of the measurement
        begun, before = time.monotonic(), _worked()
        make = partial(SimNetwork, **options)
        report = explore(scenario, range(seeds), make=make, jobs=PROCESSES, name=what)
        spent += time.monotonic() - begun
        worked += _worked() - before
        never = [name for name, seen in report.seen.items() if not seen]
        more = f"never seen: {', '.join(never)}" if never else ""
        if report.finding is not None:
            more = f"{report.finding.error!r}\n{report.finding}"
        figure = f"{int(report.finding is not None)} in {report.runs} seeds"
        yield Row(what, figure, "0 violations", not more and report.runs == seeds, more)
    aim = f"at most {at_most * part:.1f} s"
    # How long it takes says little on a machine with other work; how much was worked says more.
    a_seed = worked / sum(each[2] for each in scenarios)
    figure = f"{spent:.1f} s, {a_seed * 1000:.1f} ms of CPU a seed"
    yield Row(f"   on {PROCESSES} processes", figure, aim, spent <= at_most * part)


def _worked() -> float:
    """Return the seconds of processor time that all processes so far have had."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def bugs() -> Iterator[Row]:
    """Look for each planted bug, and for nothing where none is planted."""
    shrunk = 0
    for bug in PLANTED:
        row, few = _hunted(bug)
        shrunk += few
        yield row
    total = len(PLANTED)
    yield Row("   planted", f"{total} bugs", f"{PLANTED_AT_LEAST}", total >= PLANTED_AT_LEAST)
    aim = f"{SHRUNK} in {FEW_RUNS} runs each"
    yield Row(f"   shrunk to {FEW_FAULTS} faults", f"{shrunk} bugs", aim, shrunk >= SHRUNK)


def _hunted(bug: Planted) -> tuple[Row, bool]:
    begun = time.monotonic()
    report = bug.hunt(FOUND_IN, FOUND_WITHIN)
    took = time.monotonic() - begun
    aim = f"{FOUND_IN} seeds, {FOUND_WITHIN:g} s"
    finding = report.finding
    if finding is None:
        return Row(bug.name, f"not in {report.runs} seeds", aim, False), False
    wrong = bug.control(max(CONTROLS, report.runs)).finding
    faults = -1 if finding.needed is None else len(finding.needed)
    figure = f"seed {finding.seed}, {took:.2f} s, {faults} faults, {finding.runs} runs"
    kept = took < FOUND_WITHIN and wrong is None
    more = "" if wrong is None else f"the unbroken version fails too: {wrong.error!r}\n{wrong}"
    few = 0 <= faults <= FEW_FAULTS and finding.runs <= FEW_RUNS
    return Row(bug.name, figure, aim, kept, more), few


def repeatability(seeds: int) -> Iterator[Row]:
    """Compare digests over Pythons and over seeds of Python's hashes."""
    seeds = max(5, seeds // 100)
    which = [(python, hashes) for python in digests.pythons() for hashes in digests.HASH_SEEDS]
    with ThreadPoolExecutor(PROCESSES) as pool:
        made = list(pool.map(lambda each: _digest(each[0], each[1], seeds), which))
    for (python, hashes), digest in zip(which, made, strict=True):
        what = f"digest, {_version(python)}, PYTHONHASHSEED={hashes}"
        more = digest if " " in digest else ""
        figure = "none" if more else digest[:16]
        yield Row(what, figure, f"one for all, {seeds} seeds", digest == made[0] and not more, more)


def _digest(python: str, hashes: str, seeds: int) -> str:
    try:
        return digests.elsewhere(python, hashes, seeds)
    except RuntimeError as error:
        return f"no digest: {error}"


def _version(python: str) -> str:
    done = subprocess.run([python, "--version"], capture_output=True, text=True, check=True)
    oldest = ", oldest Twisted" if python == str(digests.OLDEST) else ""
    return done.stdout.strip().removeprefix("Python ") + oldest


def held() -> Iterator[Row]:
    """Run the tests that hold the other promises; each is a part of ``make test`` too."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.testing.conformance.run"],
        capture_output=True,
        text=True,
        check=True,
    )
    came = {outcome: len(names) for outcome, names in json.loads(done.stdout).items()}
    shown = ", ".join(f"{count} {outcome}" for outcome, count in came.items())
    yield Row("A1 Twisted's own tests of reactors", shown, "178 passed", came["passed"] >= 178)
    for what, least, paths in HELD:
        yield _tested(what, least, paths)


def _tested(what: str, least: int, paths: tuple[str, ...]) -> Row:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *paths], capture_output=True, text=True, check=False
    )
    last = done.stdout.strip().rpartition("\n")[2]
    found = re.search(r"([0-9]+) passed", last)
    passed = int(found[1]) if found else 0
    kept = done.returncode == 0 and passed >= least
    figure = last.partition(" in ")[0]
    return Row(what, figure, f"all, at least {least}", kept, "" if kept else done.stdout[-3000:])


def speeds(seeds: int) -> Iterator[Row]:
    """Measure the network without our services."""
    measured: list[tuple[str, Callable[[], float], float, str]] = [
        ("events", speed.events_a_second, 50_000, "/s"),
        ("echo round trips over TCP", speed.round_trips_a_second, 10_000, "/s"),
        ("TCP, one connection", speed.megabytes_a_second, 40, " MB/s"),
    ]
    for what, measure, aim, unit in measured:
        figure = measure()
        yield Row(what, f"{figure:,.0f}{unit}", f"at least {aim:,}{unit}", figure >= aim)


def main() -> int:
    """Print the table; return 1 if a figure is not what it should be."""
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False)
    seeds = int(os.environ.get("SEEDS", SEEDS))
    parts: dict[str, Callable[[], Iterator[Row]]] = {
        "A8: speed, in real seconds": lambda: speeds(seeds),
        "A2, A3: promises kept": lambda: promises(seeds),
        "A4: planted bugs found": bugs,
        "A5: repeatable": lambda: repeatability(seeds),
        "Held by tests": held,
    }
    missed: list[Row] = []
    for title, rows in parts.items():
        print(f"\n{title}\n")
        for row in rows():
            print(row, flush=True)
            missed += [] if row.kept else [row]
    print(f"\n{len(missed)} not as they should be" if missed else "\nall as it should be")
    for row in missed:
        print(f"\n{row}\n{row.more}".rstrip())
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
