"""Rules for every test: nothing logged, nothing left behind, no real socket."""

import gc
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.abstract import FileDescriptor
from twisted.logger import capturedLogs

#: Folders whose tests may open real sockets.
REAL_SOCKETS = {"loopback", "parity", "blackbox"}


def pytest_collection_finish() -> None:
    """Let the collections after each test look only at what that test made: ten times faster."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def leaves_nothing_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that logged a failure, lost a Deferred's failure, or left something running."""
    from twisted.internet import reactor  # never at module scope: --reactor chooses it

    before = _at_work(reactor)
    with capturedLogs() as events:
        yield
        gc.collect()  # a Deferred's unhandled failure is logged when it is collected
    expected = {name for mark in request.node.iter_markers("logs") for name in mark.args}
    failures = [event["log_failure"] for event in events if "log_failure" in event]
    assert not [failure for failure in failures if failure.type.__name__ not in expected]
    left = [thing for thing in _at_work(reactor) if thing not in before]
    assert not left, left


def _at_work(reactor: Any) -> list[object]:
    """List the timers, ports and connections of this reactor, without its own wakers."""
    ends = [*reactor.getReaders(), *reactor.getWriters()]
    return [*reactor.getDelayedCalls(), *(end for end in ends if isinstance(end, FileDescriptor))]


@pytest.fixture(autouse=True)
def no_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only the folders that need them open real sockets."""
    if not REAL_SOCKETS & set(request.path.relative_to(Path(__file__).parent).parts):
        monkeypatch.setattr(socket, "socket", _Refused)


class _Refused(socket.socket):
    """What ``socket.socket`` is in a test that has no business with the kernel."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        raise AssertionError("only tests/loopback and tests/blackbox open real sockets")
