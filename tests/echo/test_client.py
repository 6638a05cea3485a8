"""Tests of `twisted_net.echo.client`, without a socket."""

import errno
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import connectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from twisted_net.echo.client import DatagramAsker, EchoClient, ask_stream
from twisted_net.net.clients import Target
from twisted_net.net.errors import ClientError, ConnectError, NoAnswerError


class HalfCloseable(StringTransport):
    """A string transport that can close one half."""

    half_closed = False

    def loseWriteConnection(self) -> None:
        """Close our half."""
        self.half_closed = True


class Reactor(MemoryReactorClock):
    """A reactor whose clients connect, and whose UDP ports keep what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: Any = None
        self.sent: list[tuple[bytes, Any]] = []

    def connectUNIX(  # noqa: N802
        self,
        address: str,
        factory: Any,
        timeout: float = 30,
        checkPID: int = 0,  # noqa: N803
    ) -> Any:
        """Connect at once."""
        self.transport = HalfCloseable()
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def listenUDP(
        self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192
    ) -> Any:
        """Open a port."""
        self.protocol = protocol
        protocol.makeConnection(self)

        return self

    def connect(self, host: str, port: int) -> None:
        """Send to this peer from now on."""
        self.peer = host, port

    def write(self, packet: bytes) -> None:
        """Keep what is sent."""
        self.sent.append((packet, self.peer))

    def stopListening(self) -> Any:
        """Close the port."""
        return ensureDeferred(_nothing())


async def _nothing() -> None:
    """Be done at once."""


def outcome(waiting: Any) -> list[Any]:
    """Return a list that will hold what this comes to."""
    came: list[Any] = []
    ensureDeferred(waiting).addBoth(came.append)
    return came


STREAM = Target("unix", "/run/x", 0)


def ask(reactor: Reactor) -> list[Any]:
    """Ask over a stream."""
    return outcome(ask_stream(reactor, STREAM, b"hello", patience=2.0))


def test_a_question_is_sent_whole_and_its_end_is_said() -> None:
    """The half-close tells the server that this was all."""
    reactor = Reactor()
    came = ask(reactor)
    assert (reactor.transport.value(), reactor.transport.half_closed) == (b"hello", True)
    reactor.protocol.dataReceived(b"HEL")
    reactor.protocol.dataReceived(b"LO")
    assert came == []
    reactor.protocol.connectionLost(connectionDone)
    assert came == [b"HELLO"]
    assert not reactor.getDelayedCalls()


def test_a_server_that_does_not_come_to_an_end_is_given_up() -> None:
    """And the connection is not left open."""
    reactor = Reactor()
    came = ask(reactor)
    reactor.protocol.dataReceived(b"HEL")
    reactor.advance(2.0)
    assert came[0].check(NoAnswerError)
    assert came[0].getErrorMessage() == "/run/x did not answer to the end within 2 s"
    assert reactor.transport.disconnected


@pytest.mark.parametrize(
    ("reason", "error"), [(ConnectionDone(), None), (ConnectionLost(), ConnectError)]
)
def test_only_an_orderly_end_is_an_end(reason: Exception, error: type[ClientError] | None) -> None:
    """After a reset nobody knows whether that was all."""
    client = EchoClient(lambda _: None)
    client.makeConnection(StringTransport())
    client.connectionLost(Failure(reason))
    [ended] = outcome(client.ended)
    assert ended is None if error is None else ended.check(error)


class Names:
    """A resolver that finds what it is asked for."""

    def resolveHostName(self, receiver: Any, host: str, port: int = 0) -> None:
        """Resolve at once."""
        receiver.resolutionBegan(self)
        receiver.addressResolved(type("Address", (), {"host": host}))
        receiver.resolutionComplete()


def asker(reactor: Reactor) -> DatagramAsker:
    """Return an asker with an open port."""
    reactor.nameResolver = Names()  # type: ignore[assignment]
    made = DatagramAsker(reactor, Target("udp", "192.0.2.1", 7), patience=2.0)
    assert outcome(made.open()) == [None]
    return made


PEER = ("192.0.2.1", 7)


def test_each_datagram_waits_for_its_own_answer() -> None:
    """One question at a time; what comes unasked is nobody's answer."""
    reactor = Reactor()
    asking = asker(reactor)
    reactor.protocol.datagramReceived(b"unasked", PEER)
    for question, answer in ((b"one", b"ONE"), (b"two", b"TWO")):
        came = outcome(asking.ask(question))
        reactor.protocol.datagramReceived(answer, PEER)
        reactor.protocol.datagramReceived(b"again", PEER)
        assert came == [answer]
    assert reactor.sent == [(b"one", PEER), (b"two", PEER)]
    assert outcome(asking.close()) == [None]


def test_an_answer_that_comes_twice_is_not_the_next_one() -> None:
    """One doubled packet would otherwise shift all answers that follow."""
    reactor = Reactor()
    asking = asker(reactor)
    outcome(asking.ask(b"one"))
    first = reactor.protocol
    first.datagramReceived(b"ONE", PEER)
    came = outcome(asking.ask(b"two"))
    assert reactor.protocol is not first
    assert came == []
    reactor.protocol.datagramReceived(b"TWO", PEER)
    assert came == [b"TWO"]


def test_a_datagram_that_is_not_answered_is_given_up() -> None:
    """Lost, either way."""
    reactor = Reactor()
    came = outcome(asker(reactor).ask(b"hello"))
    reactor.advance(2.0)
    assert came[0].check(NoAnswerError)
    assert came[0].getErrorMessage() == "no answer from 192.0.2.1:7 in 2 s"


def test_a_datagram_that_is_refused_is_not_waited_for() -> None:
    """The peer's machine has said that nobody listens."""
    reactor = Reactor()
    asking = asker(reactor)
    came = outcome(asking.ask(b"hello"))
    reactor.protocol.connectionRefused()
    assert came[0].check(ConnectError)
    assert "nobody listens on that UDP port" in came[0].getErrorMessage()
    reactor.protocol.connectionRefused()  # twice: as when two were sent
    reactor.protocol.datagramReceived(b"late", PEER)
    assert len(came) == 1


def test_a_datagram_that_cannot_be_sent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the network is gone."""
    reactor = Reactor()
    asking = asker(reactor)

    def write(packet: bytes) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(reactor, "write", write)
    [error] = outcome(asking.ask(b"hello"))
    assert error.check(ConnectError)
    assert error.getErrorMessage() == "cannot send to 192.0.2.1:7: network is unreachable"
