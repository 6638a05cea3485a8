"""``python -m bench``: measure, print a table, compare with the aims."""

import contextlib
import dataclasses
import json
import re
import select
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

import click

from bench import aims, echo, report
from bench.groups import ROWS
from bench.processes import MissingError
from bench.rounds import Measured, Servers, measure
from bench.rows import Row
from twisted_net.net.table import columns

#: Rounds, and the seconds of a slice: so many, so short, that what else the machine does meanwhile
#: falls on all alike.
ROUNDS, SECONDS = 5, 0.7
QUICK_ROUNDS, QUICK_SECONDS = 3, 0.2


@click.command()
@click.option("--rows", metavar="REGEX", default=".*", help="Only rows whose whole name matches.")
@click.option("--servers", metavar="A,B", default="", help="Only these servers.")
@click.option("--rounds", type=click.IntRange(1, 1000), help=f"Slices of a server.  [{ROUNDS}]")
@click.option(
    "--seconds", type=click.FloatRange(0.01, 60), help=f"How long a slice counts.  [{SECONDS}]"
)
@click.option("--quick", is_flag=True, help=f"{QUICK_ROUNDS} rounds of {QUICK_SECONDS} s.")
@click.option(
    "--json",
    "file",
    type=click.File("w", encoding="utf-8", lazy=False),
    help="Write every sample to this file too.",
)
@click.option("--list", "only_list", is_flag=True, help="Show what there is, measure nothing.")
def bench(
    rows: str,
    servers: str,
    rounds: int | None,
    seconds: float | None,
    quick: bool,
    file: TextIO | None,
    only_list: bool,
) -> None:
    """Measure netdemo beside its peers, in short slices in turns, and print the medians.

    An aim that is missed is said, and is no failure; a server that answers wrongly is one.
    """
    chosen = _chosen(rows, servers)
    if only_list:
        click.echo(_listed(chosen))
        return
    _need_to_measure()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # stops the servers
    click.echo(report.heading())
    each = (rounds or (QUICK_ROUNDS if quick else ROUNDS), seconds or _slice(quick))
    measured = _measured(chosen, *each)
    verdicts = list(aims.judge(measured))
    click.echo("\n".join(filter(None, (report.missing(measured), report.aims(verdicts)))))
    if file is not None:
        json.dump(report.for_programs(measured, verdicts), file, indent=1)
    sys.exit(1 if any(row.wrong for row in measured) else 0)


def _slice(quick: bool) -> float:
    return QUICK_SECONDS if quick else SECONDS


def _chosen(pattern: str, servers: str) -> list[Row]:
    try:
        rows = [row for row in ROWS if re.fullmatch(pattern, row.name)]
    except re.error as error:
        raise click.UsageError(f"--rows {pattern!r}: no regular expression: {error}") from error
    if not rows:
        there = ", ".join(row.name for row in ROWS)
        raise click.UsageError(f"--rows {pattern!r}: matches none of {there}")
    if not servers:
        return rows
    wanted = servers.split(",")
    known = dict.fromkeys(server.name for row in rows for server in row.servers)
    for name in wanted:
        if name not in known:
            raise click.UsageError(
                f"--servers {name!r}: no such server; there are {', '.join(known)}"
            )
    few = [
        dataclasses.replace(row, servers=tuple(s for s in row.servers if s.name in wanted))
        for row in rows
    ]
    return [row for row in few if row.servers]


def _listed(rows: Sequence[Row]) -> str:
    notes = {server.name: server.note for row in rows for server in row.servers}
    lines = columns([(row.name, row.title) for row in rows])
    return "\n".join(["rows", *lines, "servers", *columns(list(notes.items()))])


def _need_to_measure() -> None:
    if not hasattr(select, "epoll"):
        raise click.ClickException(f"needs Linux; {sys.platform} has no epoll")
    try:
        echo.load_program()
    except MissingError as why:
        raise click.ClickException(f"the load generator cannot be built: {why}") from why


def _measured(rows: Sequence[Row], rounds: int, seconds: float) -> list[Measured]:
    """Measure rows, and show each as soon as it is there."""
    done = []
    with Servers() as servers:
        for row in rows:
            with _progress(row, rounds) as tick:
                done.append(measure(row, servers, rounds, seconds, tick))
            click.echo(report.table(done[-1]))
    return done


@contextlib.contextmanager
def _progress(row: Row, rounds: int) -> Iterator[Callable[[], None]]:
    """Show on a terminal how far a row is, and leave nothing of it behind."""
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        click.echo(f"\r{row.name}: {done} of {rounds * len(row.servers)} ", nl=False, err=True)

    if not sys.stderr.isatty():
        yield lambda: None
        return
    yield tick
    click.echo("\r\033[K", nl=False, err=True)


if __name__ == "__main__":
    bench(prog_name="bench")
