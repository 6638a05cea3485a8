"""Tests of `twisted_net.web.metrics`."""

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred

from tests.files.wires import lose
from tests.watch.exposition import read
from tests.web.browsers import Answer, Web, answers, request
from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import NoAnswerError
from twisted_net.net.health import Health, Measured, Phase, Usage
from twisted_net.web.metrics import READERS, Doors, Metrics, Ready, is_near

MEASURED = Measured({"echo-tcp": DoorCounters(open=3)}, Usage(1))


class Watched(Web):
    """A web door of a server that is measured.

    :ivar waiting: what the measuring waits for.
    """

    def __init__(self, readers: str = "all") -> None:
        self.waiting: Deferred[Measured] = Deferred()
        self.health = Health(Phase.READY, measure=lambda: self.waiting)
        own = {
            b"readyz": Ready(self.health),
            b"metrics": Metrics(self.health, readers),
            b"doors": Doors(self.health, readers),
        }
        super().__init__(own=own)

    def asking(self) -> Any:
        """Ask for the metrics; return what the answer is written to."""
        protocol, wire = self.connect()
        protocol.dataReceived(request("/metrics"))
        return protocol, wire


def test_metrics_come_when_all_is_measured() -> None:
    """Other processes may have to be asked."""
    web = Watched()
    _, wire = web.asking()
    assert wire.read_all() == b""
    web.waiting.callback(MEASURED)
    answer: Answer
    (answer,) = answers(wire.read_all())
    assert answer.code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert read(answer.body).value("netdemo_connections", door="echo-tcp") == 3


def test_processes_that_do_not_answer_are_a_503() -> None:
    """One line, and the next scrape may do better."""
    web = Watched()
    web.waiting.errback(NoAnswerError("the other processes do not answer"))
    answer = web.ask("/metrics")
    assert (answer.code, answer.body) == (503, b"503 the other processes do not answer\n")


@pytest.mark.logs("ZeroDivisionError")
def test_metrics_that_break_are_a_500() -> None:
    """And a traceback in the log, not in the answer."""
    web = Watched()
    web.waiting.errback(ZeroDivisionError())
    assert web.ask("/metrics").code == 500


def test_who_leaves_before_the_answer_is_not_waited_for() -> None:
    """The measuring is told, and nothing is written to nobody."""
    web = Watched()
    cancelled: list[Any] = []
    web.waiting = Deferred(cancelled.append)
    protocol, wire = web.asking()
    lose(protocol, wire)
    assert cancelled == [web.waiting]


@pytest.mark.parametrize(("readers", "code"), [("all", 200), ("loopback", 403), ("none", 404)])
def test_only_some_may_read(readers: str, code: int) -> None:
    """The wires of these tests come from elsewhere."""
    assert readers in READERS
    web = Watched(readers)
    web.waiting.callback(MEASURED)
    assert web.ask("/metrics").code == code
    assert web.ask("/doors").code == code


@pytest.mark.parametrize(
    ("readers", "listed"), [("all", True), ("loopback", False), ("none", False)]
)
def test_what_every_door_does_is_a_page_listed_for_who_may_read_it(
    readers: str, listed: bool
) -> None:
    """Nobody is led to a page that is not for them."""
    web = Watched(readers)
    assert (b'<a href="/doors">Doors</a>' in web.ask("/").body) is listed


def test_what_every_door_does_is_shown_in_a_browser() -> None:
    """With the numbers of all processes."""
    web = Watched()
    web.waiting.callback(MEASURED)
    answer = web.ask("/doors")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<td>echo-tcp</td><td>3</td>" in answer.body


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("::ffff:192.0.2.1", False),
        ("fe80::1%eth0", False),
        ("not an address", False),
    ],
)
def test_who_is_on_this_machine(host: str, near: bool) -> None:
    """Over IPv4, IPv6 and a UNIX socket."""
    kind = IPv6Address if ":" in host else IPv4Address
    assert is_near(kind("TCP", host, 1)) is near
    assert is_near(UNIXAddress(None))


def test_a_server_is_ready_only_while_all_doors_are_open() -> None:
    """Alive it is all the time."""
    web = Watched()
    seen = []
    for phase in Phase:
        web.health.phase = phase
        answer = web.ask("/readyz")
        seen.append((answer.code, answer.body))
        assert web.ask("/healthz").body == b"ok\n"
    assert seen == [(503, b"503 starting\n"), (200, b"ready\n"), (503, b"503 draining\n")]
