"""A pytest plug-in: no real sockets, nothing logged, nothing left behind; and a network to test on.

It is never loaded by itself. ``pytest -p twisted_net.testing.pytest_plugin`` does so, or a line in
the ``conftest.py`` at the root: ``pytest_plugins = ["twisted_net.testing.pytest_plugin"]``.
"""

import gc
import os
import socket
import sys
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from twisted.internet.abstract import FileDescriptor
from twisted.logger import LogEvent, capturedLogs

from twisted_net.testing.errors import NetworkFailure
from twisted_net.testing.explore import SEED, SEEDS, chosen_seed, unseen
from twisted_net.testing.ladder import ending
from twisted_net.testing.network import SimNetwork

#: The setting that names folders, from the root, whose tests may open real sockets; and the marker
#: of a single test that may.
REAL_SOCKETS = "real_sockets"

#: What each marker means, as ``pytest --markers`` shows it.
MARKERS = (
    "logs(*names): the test means to make the code log failures of these types",
    f"{REAL_SOCKETS}: the test may open real sockets",
    "network(**options): the options of the network that the fixture net makes",
)

_failed = pytest.StashKey[bool]()


_tests = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting."""
    meaning = "folders, from the root, whose tests may open real sockets"
    parser.addini(REAL_SOCKETS, meaning, type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_report_header() -> str | None:
    """Say it where not all seeds are run, or more than a test asks for."""
    chosen = [f"{name}={os.environ[name]}" for name in (SEED, SEEDS) if name in os.environ]
    return f"simulated network: {' '.join(chosen)}" if chosen else None


#: Tests after which what has come to stay, as modules that were imported meanwhile, is set aside.
FREEZE_AFTER = 50


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let the collection after each test look only at what that test made: ten times faster.

    What is there is set aside, and now and then anew: a test may have taken all of it up again.
    """
    tests = item.config.stash.get(_tests, 0)
    item.config.stash[_tests] = tests + 1
    if tests % FREEZE_AFTER == 0:
        gc.collect()
        gc.freeze()


# Nothing logged, nothing left behind


@pytest.fixture(autouse=True)
def leaves_nothing_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that logged a failure, lost a Deferred's failure, or left something running."""
    before = _at_work()
    with capturedLogs() as events:
        yield
        gc.collect()  # a Deferred's unhandled failure is logged when it is collected
    expected = [name for mark in request.node.iter_markers("logs") for name in mark.args]
    failures = [failure for event in events if (failure := _failure_of(event)) is not None]
    surprises = [failure for failure in failures if failure.type.__name__ not in expected]
    if surprises:
        shown = "\n".join(failure.getTraceback() for failure in surprises)
        pytest.fail(f"a failure was logged:\n{shown}", pytrace=False)
    left = [thing for thing in _at_work() if thing not in before]
    if left:
        pytest.fail(f"left behind: {', '.join(map(repr, left))}", pytrace=False)


def _failure_of(event: LogEvent) -> Any:
    """Return the failure of an event; ``log.err``, which Twisted still uses, names it its way."""
    return event.get("log_failure", event.get("failure") if event.get("isError") else None)


def _at_work() -> list[object]:
    """List the timers, ports and connections of the global reactor, without its own wakers.

    A reactor that nobody has installed yet has none, and is not for us to choose.
    """
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is None:
        return []
    ends = [*reactor.getReaders(), *reactor.getWriters()]
    return [*reactor.getDelayedCalls(), *(end for end in ends if isinstance(end, FileDescriptor))]


# No real sockets


@pytest.fixture(autouse=True)
def no_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only tests that say so open real sockets."""
    if request.node.get_closest_marker(REAL_SOCKETS) is None and not _in_a_chosen_folder(request):
        monkeypatch.setattr(socket, "socket", _Refused)


def _in_a_chosen_folder(request: pytest.FixtureRequest) -> bool:
    folders = request.config.getini(REAL_SOCKETS)
    return any(request.path.is_relative_to(request.config.rootpath / each) for each in folders)


class _Refused(socket.socket):
    """What ``socket.socket`` is in a test that has no business with the kernel."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        raise AssertionError(
            "a real socket; use twisted_net.testing, mark the test real_sockets, "
            "or name its folder in the setting real_sockets"
        )


# A network


@pytest.fixture
def net(request: pytest.FixtureRequest) -> Iterator[SimNetwork]:
    """Make a network; after a test that passed, see to what it promised.

    Its seed is that of ``TWISTED_NET_SEED``, or 0. ``@pytest.mark.network(link=Link(loss=0.1))``
    gives it options. When the test fails, the ladder of the run is part of the report.
    """
    options: dict[str, Any] = {}
    for mark in reversed([*request.node.iter_markers("network")]):
        options |= mark.kwargs  # the test's own come last, after those of its class and module
    made = SimNetwork(**{"seed": chosen_seed(), **options})
    yield made
    if not request.node.stash.get(_failed, False):
        made.finish()
        unseen(made.promises.seen, runs=1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a test failed, and show what happened on its network."""
    report = yield
    if report.failed and call.when != "setup":
        item.stash[_failed] = True
        made = getattr(item, "funcargs", {}).get("net")
        if isinstance(made, SimNetwork):
            error = None if call.excinfo is None else call.excinfo.value
            report.sections.append(("simulated network", _story(made, error)))
    return report


def _story(made: SimNetwork, error: BaseException | None) -> str:
    """Tell what happened, less what the error itself shows."""
    lines = [f"seed {made.seed}: {len(made.faults.recorded)} injected faults"]
    lines += [f"   {fault}" for fault in made.faults.recorded]
    if not isinstance(error, NetworkFailure):
        lines += [made.netstat(), ending(made.trace.ladder())]
    lines.append(f"again: {SEED}={made.seed} <same command>")
    return "\n".join(lines)
