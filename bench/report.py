"""What the bench shows: a table a row, the aims, and the same for programs."""

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from bench.aims import Verdict
from bench.figures import BUSY, DISTURBED, Figure, figure, ratio
from bench.processes import cores
from bench.rounds import Measured
from twisted_net.net.table import columns

#: The server that the others are compared with.
OURS = "netdemo"


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    pair = cores()
    return {
        "cores": os.cpu_count(),
        "pinned": pair is not None,
        "system": platform.release(),
        "python": platform.python_version(),
        "twisted": version("twisted"),
        "busy": round(os.getloadavg()[0], 2),
    }


def heading() -> str:
    """Return what is said before the first row."""
    here = machine()
    where = "servers on one core, load on another" if here["pinned"] else "all on one core"
    return (
        f"Python {here['python']}, Twisted {here['twisted']}, {sys.platform} {here['system']};"
        f" {where}; {here['busy']:g} processes ran in the last minute.\n"
        f"x: {OURS} to that server, in operations a second (rate) and in operations a second of\n"
        f"processor time (CPU); above 1, {OURS} is the better one. load: share of the time that\n"
        "the load ran or waited for its core. wait: share of the time that the server waited for\n"
        f"its own. From {BUSY:.0%} load or {DISTURBED:.0%} wait on (*), only CPU can be compared.\n"
    )


def table(measured: Measured) -> str:
    """Return a row as a table with a line a server."""
    ours = measured.samples.get(OURS)
    lost = any(each.lost for samples in measured.samples.values() for each in samples)
    head = [
        "server",
        "k/s",
        "±",
        "CPU µs",
        "load",
        "wait",
        "x rate",
        "x CPU",
        *(["lost"] if lost else []),
    ]
    rows = [head]
    for name, samples in measured.samples.items():
        here = figure(samples)
        times = ratio(ours, samples) if ours and name != OURS else None
        compared = [f"{times.rate:.2f}", _shown(times.cpu)] if times else ["", ""]
        rows.append([name, *_cells(here), *compared, *([str(here.lost)] if lost else [])])
    row = measured.row
    lines = [f"{row.name}: {row.title}; {row.unit} in thousands a second", *_right(rows)]
    lines += [f"  {name}: WRONG: {why}" for name, why in measured.wrong.items()]
    return "\n".join([*lines, ""])


def _cells(here: Figure) -> list[str]:
    return [
        f"{here.rate / 1e3:.1f}",
        f"{here.spread:.0%}",
        _shown(here.cpu, 1e6),
        f"{here.busy:.0%}" + "*" * (here.busy >= BUSY),
        f"{here.waited:.0%}" + "*" * (here.waited >= DISTURBED),
    ]


def _shown(number: float | None, times: float = 1.0) -> str:
    return "-" if number is None else f"{number * times:.2f}"


def _right(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align all but the first column to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  "
        + row[0].ljust(widths[0])
        + "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]


def missing(measured: Sequence[Measured]) -> str:
    """Return who could not be measured, and why, one line each."""
    found = {name: why for each in measured for name, why in each.missing.items()}
    return "\n".join(f"missing: {name}: {why}" for name, why in found.items())


def aims(verdicts: Sequence[Verdict]) -> str:
    """Return the aims and what became of them."""
    if not verdicts:
        return ""
    head = ("row", "server", "peer", "aim", "rate", "CPU", "")
    rows = [head, *(_aim(each) for each in verdicts)]
    asked = [each for each in verdicts if each.met is not None]
    met = sum(bool(each.met) for each in asked)
    return "\n".join([f"Aims: {met} of {len(asked)} that were measured are met", *columns(rows)])


def _aim(verdict: Verdict) -> tuple[str, ...]:
    aim, times = verdict.aim, verdict.ratio
    what = (verdict.row, aim.server, aim.peer, f"{aim.times:.2f}")
    if times is None:
        return (*what, "", "", "not measured")
    if verdict.met is None:
        result = f"cannot tell ({times.unfair}, and what the peer used is not known)"
    else:
        result = "met" if verdict.met else "NOT MET"
        why = "the aim says so" if aim.by_cpu else times.unfair
        result += f" by CPU ({why})" if why else ""
    return (*what, f"{times.rate:.2f}", _shown(times.cpu), result)


def for_programs(measured: Sequence[Measured], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return everything, as JSON has it."""
    return {
        "machine": machine(),
        "rows": [_row(each) for each in measured],
        "aims": [
            {
                "row": each.row,
                **asdict(each.aim),
                "ratio": asdict(each.ratio) if each.ratio else None,
                "met": each.met,
            }
            for each in verdicts
        ],
    }


def _row(measured: Measured) -> dict[str, Any]:
    row = measured.row
    return {
        "name": row.name,
        "title": row.title,
        "unit": row.unit,
        "servers": dict(_server(measured)),
        "missing": measured.missing,
        "wrong": measured.wrong,
    }


def _server(measured: Measured) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, samples in measured.samples.items():
        yield name, {**asdict(figure(samples)), "samples": [asdict(each) for each in samples]}
