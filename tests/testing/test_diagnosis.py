"""What a run prints when it fails: the sockets, the ladder, and how to see it again."""

import re
from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol

from tests.testing.parties import Party, call, serve
from twisted_net.testing import (
    Deadlock,
    Fault,
    Livelock,
    LoggedErrors,
    NetworkFailure,
    SimNetwork,
    SimTimeout,
    explore,
)
from twisted_net.testing.ladder import MOST_LINES, ending

#: How every failure below ends: one client has asked one question, whose first copy was lost.
SITUATION = """\
host         state        received  unsent  local           peer
server  tcp  LISTEN       0         50      0.0.0.0:7       *
server  tcp  ESTABLISHED  0         0       10.0.0.1:7      10.0.0.2:49152
client  tcp  ESTABLISHED  0         0       10.0.0.2:49152  10.0.0.1:7
       time  client                                                  server
   0.001000  |------------------------ SYN ------------------------->|  (+1.0 ms)
   0.002000  |<------------------- SYN+ACK ack=1 --------------------|  (+1.0 ms)
   0.003000  |--------------------- ACK ack=1 ---------------------->|  (+1.0 ms)
   0.003000  |---------- DATA seq=1 len=5 ack=1 b'hello' -----------X|  X lost
   0.203000  |------- DATA (retx) seq=1 len=5 ack=1 b'hello' ------->|  (+1.0 ms)
   0.204000  |<---------- DATA seq=1 len=5 ack=6 b'hello' -----------|  (+1.0 ms)
   0.205500  |--------------------- ACK ack=6 ---------------------->|  (+1.0 ms)
again: seed=17 and the same options"""

#: The SYN, its acknowledgement, the question.
QUESTION = Fault("tcp client:49152>server:7", 2, "loss")


def asked() -> SimNetwork:
    """Return a network on which a question was answered, and which is at rest."""
    net = SimNetwork(17, faults=[QUESTION])
    serve(net.host("server"))
    net.host("client")
    net.run(call(net["client"], "server", Party(b"hello")))
    net.settle()
    return net


def failure(kind: type[NetworkFailure], run: Callable[[], object]) -> NetworkFailure:
    """Return what a run fails with."""
    with pytest.raises(kind) as caught:
        run()
    return caught.value


def test_a_deadlock_shows_what_is_open_and_what_happened() -> None:
    """Who waits for what never comes sees where the conversation stopped."""
    net = asked()
    waiting: Deferred[None] = Deferred()
    assert str(failure(Deadlock, lambda: net.run(waiting))) == (
        "deadlock: the main function is not done, and nothing can happen\n"
        f"at 0.206500 s:\n{SITUATION}"
    )


def test_a_timeout_shows_likewise() -> None:
    """Who waits too long sees how the network stands at that moment."""
    net = asked()

    def tick() -> None:
        net["client"].reactor.callLater(1, tick)

    tick()
    assert str(failure(SimTimeout, lambda: net.settle(timeout=10))) == (
        f"timeout: something still goes on after 10 s\nat 10.206500 s:\n{SITUATION}"
    )


def test_a_livelock_shows_likewise() -> None:
    """Who calls himself for ever is stopped, and sees when."""
    net = asked()

    def again() -> None:
        net["client"].reactor.callLater(0, again)

    again()
    assert str(failure(Livelock, lambda: net.run_for(1))) == (
        f"livelock: time does not go on\nat 0.206500 s:\n{SITUATION}"
    )


@pytest.mark.logs("ZeroDivisionError")
def test_a_logged_error_shows_its_traceback_too() -> None:
    """A bug that Twisted only logs is shown as if it had been raised."""
    net = asked()
    net["client"].reactor.callLater(1, lambda: 1 // 0)
    shown = str(failure(LoggedErrors, net.settle))
    assert re.sub(r'  File ".*\n    .*\n', "", shown) == (
        "a failure was logged:\n"
        "Traceback (most recent call last):\n"
        "builtins.ZeroDivisionError: integer division or modulo by zero\n"
        f"at 1.206500 s:\n{SITUATION}"
    )


@pytest.mark.logs("ZeroDivisionError")
def test_what_was_logged_before_a_failure_is_shown_with_it() -> None:
    """An answer never comes because a bug, caught and logged, has closed the connection."""
    net = asked()

    class Faulty(Protocol):
        def dataReceived(self, data: bytes) -> None:
            _ = 1 // 0

    serve(net["server"], Faulty, port=8)
    party = Party(b"hello")
    net.run(call(net["client"], "server", party, port=8))
    error = failure(Deadlock, lambda: net.run_until(lambda: party.heard))
    (note,) = error.__notes__
    assert note.startswith("logged before:\nTraceback")
    assert note.endswith("ZeroDivisionError: integer division or modulo by zero")


def test_a_run_without_a_record_shows_its_sockets() -> None:
    """Nothing is drawn where nothing was kept."""
    net = SimNetwork(trace=False)
    shown = failure(Deadlock, lambda: net.run(Deferred()))
    assert shown.netstat == str(shown).partition("\n")[2]
    assert shown.ladder == ""


def test_a_network_failure_found_by_exploring_shows_them_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error has the sockets; the note has the ladder and the line that replays it."""
    monkeypatch.delenv("TWISTED_NET_SEED", raising=False)

    def hangs(net: SimNetwork) -> None:
        serve(net.host("server"))
        net.run(call(net.host("client"), "server", Party(b"hello")))
        net.run(Deferred())

    report = explore(hangs, 1)
    assert report.finding is not None
    shown = f"{report.finding.error}\n{report.finding}"
    assert shown.count("server  tcp  LISTEN") == 1
    assert shown.count("b'hello' ----------->|") == 1
    assert shown.endswith("again: TWISTED_NET_SEED=0 <same command>")


def test_a_long_ladder_is_cut_to_its_end() -> None:
    """A failure is at the end of a run; the header stays above it."""
    lines = ["header", *(f"line {number}" for number in range(100))]
    assert ending("\n".join(lines[:MOST_LINES])) == "\n".join(lines[:MOST_LINES])
    cut = ending("\n".join(lines)).splitlines()
    assert cut[0] == "header"
    assert cut[1] == f"       … {101 - MOST_LINES} lines before"
    assert cut[2:] == lines[-MOST_LINES:]
