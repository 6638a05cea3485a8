"""Servers to share, and the table R1 to R32 that stands at the end."""

import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.blackbox.conftest import BIN, Bench, ending
from tests.blackbox.safety.rules import Row, rules_of, table
from tests.blackbox.safety.watching import all_doors

HERE = Path(__file__).parent

#: Names of what a report takes along, from a process of xdist too.
RULES, SHOWN = "rules", "shown"

Shows = Callable[[str, object], None]


@pytest.fixture
def shows(record_property: Callable[[str, object], None]) -> Shows:
    """Tell the table what is expected, and what was measured: before it is asserted."""

    def show(expected: str, measured: object) -> None:
        record_property(SHOWN, [expected, str(measured)])

    return show


def start(*options: str, reactor: str = "default", **popen: object) -> Bench:
    """Start ``twistd -n netdemo`` with every door that there is open."""
    twistd = [str(BIN / "twistd"), f"--reactor={reactor}", "-n", "--pidfile="]
    made = Bench([*twistd, "netdemo", *all_doors(), *options], **popen)
    try:
        made.wait_for("netdemo is listening|listens nowhere")
    except AssertionError:
        made.stop(signal.SIGKILL)
        raise
    return made


@contextmanager
def stopping(running: Collection[Bench]) -> Iterator[None]:
    """Stop all servers in order at the end; none of them may have shown a traceback."""
    with ending(running):
        yield
        for each in running:
            each.stop()


@contextmanager
def started(*options: str, **popen: Any) -> Iterator[Bench]:
    """Start a server with all doors open, and stop it in order at the end."""
    made = start(*options, **popen)
    with stopping([made]):
        yield made


@pytest.fixture(scope="session")
def shared() -> Iterator[Callable[..., Bench]]:
    """Start a server with all doors open, or hand over the one that has these options."""
    running: dict[tuple[str, ...], Bench] = {}

    def start_once(*options: str) -> Bench:
        if options not in running or running[options].process.poll() is not None:
            running[options] = start(*options)
        return running[options]

    with stopping(running.values()):
        yield start_once


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that servers may share, and whoever wants to may write to."""
    return tmp_path_factory.mktemp("writable")


@pytest.fixture
def alone() -> Iterator[Callable[..., Bench]]:
    """Start a server with all doors open, for one test."""
    running: list[Bench] = []

    def start_one(*options: str, **popen: Any) -> Bench:
        running.append(start(*options, **popen))
        return running[-1]

    with ending(running):
        yield start_one


# The table


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test of this folder the rules that its docstring names."""
    for item in items:
        if HERE in item.path.parents and isinstance(item, pytest.Function):
            item.user_properties.append((RULES, rules_of(item.function.__doc__)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table, if any of these tests ran."""
    stats = terminalreporter.stats
    rows = [
        row
        for outcome in ("passed", "failed", "error", "skipped")
        for report in stats.get(outcome, ())
        for row in _rows(report)
    ]
    if rows:
        terminalreporter.section("R1 to R32: expected, measured, outcome")
        for line in table(rows):
            terminalreporter.write_line(line)


def _rows(report: Any) -> Iterator[Row]:
    properties = getattr(report, "user_properties", ())
    shown = [value for name, value in properties if name == SHOWN]
    outcome = {"passed": "pass", "skipped": "skip"}.get(report.outcome, "FAIL")
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        shown = [["", report.longrepr[2].removeprefix("Skipped: ")]]
    elif not shown:
        shown = [["", report.nodeid.rpartition("::")[2]]]
    for rule in next((value for name, value in properties if name == RULES), ()):
        for expected, measured in shown:
            yield Row(rule, expected, measured, outcome)
