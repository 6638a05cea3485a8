"""Tests of `twisted_net.net.fast.ports`: what is compiled, beside the Python it stands for.

The sockets are real, but nothing waits: a datagram on loopback is there when it has been sent.
That it does the same is also what all other tests of fast datagram ports show, on real sockets.
"""

import gc
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import MessageLengthError
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from tests.leaks import SLACK, left_by
from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.fast import ports
from twisted_net.net.fast.datagrams import NOBODY, FastDatagramPort
from twisted_net.net.fast.ports import DatagramPort

ROOT = Path(__file__).parents[3]

needs_it = pytest.mark.skipif(bool(ports.why_not), reason=f"not compiled: {ports.why_not}")
pytestmark = pytest.mark.real_sockets

each_kind = pytest.mark.parametrize(
    "kind", [FastDatagramPort, pytest.param(DatagramPort, marks=needs_it)]
)
each_family = pytest.mark.parametrize("host", ["127.0.0.1", "::1"])

#: Longest datagram that is read whole.
LONGEST = 2000

Answer = Callable[["Party", bytes, Any], None]


class Reactor(Clock):
    """Watches nobody: the tests say when something is readable."""

    def addReader(self, reader: Any) -> None:
        """Do nothing."""

    def removeReader(self, reader: Any) -> None:
        """Do nothing."""

    def removeWriter(self, writer: Any) -> None:  # noqa: N802 - Twisted's
        """Do nothing."""


class Party(DatagramProtocol):
    """Answers as it is told."""

    noisy = False
    transport: Any

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.heard: list[tuple[bytes, Any]] = []

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Note it, and answer."""
        self.heard.append((datagram, addr))
        self.answer(self, datagram, addr)


class Bench:
    """A port, and two peers that send to it."""

    def __init__(self, kind: Any, host: str, answer: Answer, account: bool) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.party = Party(answer)
        self.reactor = Reactor()
        self.port = kind(0, self.party, host, LONGEST, self.reactor)
        self.port.startListening()
        self.counters = DoorCounters()
        if account:
            self.port.account(self.counters, Drops("echo-udp", self.counters, self.reactor.seconds))
        self.peers = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(2)]
        for peer in self.peers:
            peer.bind((host, 0))
            peer.setblocking(False)

    def send(self, datagram: bytes, peer: int = 0) -> None:
        """Let a peer send."""
        self.peers[peer].sendto(datagram, self.port.socket.getsockname())

    def got(self, peer: int = 0) -> list[bytes]:
        """Return what a peer got."""
        got = []
        while True:
            try:
                got.append(self.peers[peer].recv(65535))
            except BlockingIOError:
                return got

    def who(self, address: Any) -> int:
        """Return which of the peers an address is."""
        return [peer.getsockname()[:2] for peer in self.peers].index(address)

    def close(self) -> None:
        """Close everything."""
        self.port.stopListening()
        self.reactor.advance(0)
        for peer in self.peers:
            peer.close()


@contextmanager
def bench(
    kind: Any, answer: Answer, host: str = "127.0.0.1", account: bool = True
) -> Iterator[Bench]:
    """Open a port and its peers."""
    try:
        made = Bench(kind, host, answer, account)
    except OSError:
        pytest.skip("no IPv6 here")
    try:
        yield made
    finally:
        made.close()


def echo(party: Party, datagram: bytes, addr: Any) -> None:
    """Answer with the same."""
    party.transport.write(datagram, addr)


@each_family
@each_kind
def test_each_is_answered_where_it_came_from(kind: Any, host: str) -> None:
    """Whoever sent before it; and counted."""
    with bench(kind, echo, host) as table:
        for number in (0, 1, 1, 0, 1):
            table.send(b"%d" % number, number)
            table.port.doRead()
            assert table.got(number) == [b"%d" % number]
        assert [table.who(addr) for _, addr in table.party.heard] == [0, 1, 1, 0, 1]
        assert (table.counters.datagrams_sent, table.counters.sent) == (5, 5)


def _nested(party: Party, datagram: bytes, addr: Any) -> None:
    party.transport.doRead()
    party.transport.write(datagram, addr)


def _twice(party: Party, datagram: bytes, addr: Any) -> None:
    party.transport.write(datagram, addr)
    party.transport.write(datagram + b"!", addr)


def _fail(party: Party, datagram: bytes, addr: Any) -> None:
    raise LookupError(datagram)


#: What a protocol does when it hears a word.
ACTS: dict[bytes, Answer] = {
    b"twice": _twice,
    b"equal": lambda party, datagram, addr: party.transport.write(datagram, (*addr,)),
    b"view": lambda party, datagram, addr: party.transport.write(memoryview(datagram), addr),
    b"array": lambda party, datagram, addr: party.transport.write(bytearray(datagram), addr),
    b"name": lambda party, datagram, addr: party.transport.write(datagram, addr=addr),
    b"first": lambda party, datagram, addr: party.transport.write(datagram, party.heard[0][1]),
    b"long": lambda party, datagram, addr: party.transport.write(b"x" * 70_000, addr),
    b"late": lambda party, datagram, addr: party.transport.reactor.callLater(
        1, party.transport.write, datagram, addr
    ),
    b"none": lambda party, datagram, addr: None,
    b"nested": _nested,
    b"fail": _fail,
}


def act(party: Party, datagram: bytes, addr: Any) -> None:
    """Do what a datagram says."""
    ACTS.get(datagram, echo)(party, datagram, addr)


SCRIPT = st.lists(
    st.tuples(
        st.sampled_from([*ACTS, b"echo", b"", b"y" * (LONGEST + 1), b"read", b"turn", b"batch"]),
        st.integers(0, 1),
    ),
    max_size=40,
)


def outcome(kind: Any, script: Sequence[tuple[bytes, int]], account: bool) -> list[Any]:
    """Play a script, and return all that came of it."""
    with capturedLogs() as events, bench(kind, act, account=account) as table:
        for word, peer in script:
            if word == b"turn":
                table.reactor.advance(1)
                continue
            if word == b"batch":
                table.port._singly = 0
                for number, each in enumerate([*ACTS, b"z" * LONGEST, *[b"echo"] * 40]):
                    table.send(each, number * peer % 2)
            elif word != b"read":
                table.send(word, peer)
            table.port.doRead()
        table.reactor.advance(1)
        assert table.port._sender is NOBODY
        heard = [(datagram, table.who(addr)) for datagram, addr in table.party.heard]
        failures = [repr(each["log_failure"].value) for each in events if "log_failure" in each]
        state = (table.port._singly, table.port._pause, table.port._held)
        return [table.got(0), table.got(1), heard, failures, table.counters, state]


@needs_it
@pytest.mark.logs("LookupError", "MessageLengthError")
@given(script=SCRIPT, account=st.booleans())
def test_nobody_can_tell_which_it_is(script: Sequence[tuple[bytes, int]], account: bool) -> None:
    """Whatever a protocol does with what it is told."""
    assert outcome(DatagramPort, script, account) == outcome(FastDatagramPort, script, account)


@each_kind
def test_what_is_longer_than_asked_for_is_cut(kind: Any) -> None:
    """As on any port."""
    with bench(kind, echo) as table:
        table.send(b"x" * (LONGEST + 1))
        table.port.doRead()
        assert [len(each) for each in table.got()] == [LONGEST]


@each_kind
def test_what_cannot_be_sent_is_raised_where_nobody_counts_it(kind: Any) -> None:
    """As Twisted's own port does."""
    raised: list[Any] = []

    def answer(party: Party, datagram: bytes, addr: Any) -> None:
        try:
            party.transport.write(b"x" * 70_000, addr)
        except MessageLengthError as error:
            raised.append(error)

    with bench(kind, answer, account=False) as table:
        table.send(b"long")
        table.port.doRead()
    assert len(raised) == 1


@each_kind
def test_write_takes_what_it_says(kind: Any) -> None:
    """And nothing else."""
    with bench(kind, echo) as table:
        for arguments, names in (((), {}), ((b"a", None, 1), {}), ((b"a",), {"to": 1})):
            with pytest.raises(TypeError):
                table.port.write(*arguments, **names)


@each_kind
def test_a_port_that_was_closed_is_an_error_and_no_crash(kind: Any) -> None:
    """Nobody's descriptor is read in its place."""
    with bench(kind, echo) as table:
        port = table.port
    with pytest.raises((AttributeError, OSError)):
        port.doRead()


@needs_it
def test_a_bare_one_is_no_crash() -> None:
    """That was never begun."""
    bare: Any = DatagramPort.__new__(DatagramPort)
    for use in (bare.doRead, lambda: bare.write(b"", None), lambda: bare._place):
        with pytest.raises(AttributeError):
            use()


@needs_it
def test_nothing_is_leaked() -> None:
    """Of a thousand datagrams, and of ports."""

    def play() -> None:
        for _ in range(3):
            with bench(DatagramPort, echo) as table:
                for number in range(300):
                    table.port._singly = 8
                    table.send(b"hello", number % 2)
                    table.port.doRead()
                    table.got(number % 2)
                table.port.itself = table.port  # a circle
                table.party.heard.clear()
        gc.collect()

    assert left_by(play) < SLACK
