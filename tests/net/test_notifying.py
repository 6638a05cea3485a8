"""Tests of `twisted_net.net.notifying`, with a service manager of the test's own."""

from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent

from twisted_net.net import notifying
from twisted_net.net.notifying import Manager, watchdog


class Socket:
    """A socket that notes what is sent, or fails."""

    sent: list[tuple[bytes, str]]
    error: OSError | None = None

    def __enter__(self) -> "Socket":
        return self

    def __exit__(self, *_: object) -> None:
        """Be closed."""

    def setblocking(self, blocking: bool) -> None:
        """Do not block."""
        assert not blocking

    def sendto(self, data: bytes, where: str) -> None:
        """Note it."""
        if self.error is not None:
            raise self.error
        self.sent.append((data, where))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> type[Socket]:
    """Return what the manager hears by."""
    kind = type("Heard", (Socket,), {"sent": []})
    monkeypatch.setattr("socket.socket", lambda *_: kind())
    return kind


def manager(reactor: Any, **environment: str) -> Manager:
    """Return a manager with this environment."""
    return Manager(reactor, environment, 42)


def test_the_manager_hears_that_we_serve_live_and_stop(heard: type[Socket]) -> None:
    """In this order; alive twice in the time that it waits, and while we stop too."""
    reactor = MemoryReactorClock()
    made = manager(reactor, NOTIFY_SOCKET="/run/notify", WATCHDOG_USEC="20000000")
    made.ready()
    made.ready()
    reactor.advance(10.0)
    for call, arguments, named in reactor.triggers["before"]["shutdown"]:
        call(*arguments, **named)
    reactor.advance(10.0)
    said = [data.decode() for data, _ in heard.sent]
    assert said == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1", "WATCHDOG=1"]
    assert {where for _, where in heard.sent} == {"/run/notify"}


def test_a_name_without_a_file_begins_with_a_nul(heard: type[Socket]) -> None:
    """As unix(7) has it; systemd writes an @ for it."""
    manager(MemoryReactorClock(), NOTIFY_SOCKET="@/org/x").ready()
    assert heard.sent == [(b"READY=1", "\0/org/x")]


def test_where_nobody_asks_nothing_is_told(heard: type[Socket]) -> None:
    """Not even that we live."""
    reactor = MemoryReactorClock()
    manager(reactor, WATCHDOG_USEC="1000").ready()
    assert (heard.sent, reactor.getDelayedCalls()) == ([], [])


@pytest.mark.logs("the service manager is not told")
def test_a_manager_that_cannot_be_told_does_no_harm(heard: type[Socket]) -> None:
    """It is said once, and tried again; one that is busy is not even that."""
    reactor = MemoryReactorClock()
    heard.error = FileNotFoundError(2, "No such file or directory")
    with capturedLogs() as events:
        manager(reactor, NOTIFY_SOCKET="/gone", WATCHDOG_USEC="2000000").ready()
        reactor.advance(1.0)
        heard.error = BlockingIOError()
        reactor.advance(1.0)
        heard.error = None
        reactor.advance(1.0)
    assert [formatEvent(each) for each in events] == [
        "the service manager is not told: [Errno 2] No such file or directory"
    ]
    assert heard.sent == [(b"WATCHDOG=1", "/gone")]


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "20000000"}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "42"}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "43"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_manager_says_how_often_it_wants_to_hear(
    environment: dict[str, str], seconds: float | None
) -> None:
    """If it means us."""
    assert watchdog(environment, 42) == seconds
    assert notifying.ALIVE >= 2
