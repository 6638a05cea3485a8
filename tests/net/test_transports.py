"""Tests of `twisted_net.net.transports`."""

from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
    ISSLTransport,
)
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_net.net.transports import LINGER_BYTES, LINGER_SECONDS, KeepAlive, Stream


@implementer(IHalfCloseableDescriptor)
class HalfCloseable(StringTransport):
    """A string transport that can close one half."""

    half_closed = False

    def loseWriteConnection(self) -> None:
        """Close our half."""
        self.half_closed = True

    def readConnectionLost(self, reason: Failure) -> None:
        """Be complete."""

    def writeConnectionLost(self, reason: Failure) -> None:
        """Be complete."""


class Greedy(Stream):
    """Keep what came."""

    def __init__(self) -> None:
        self.got = b""

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.got += data


def connected(transport: StringTransport) -> Greedy:
    """Return a stream on this transport."""
    stream = Greedy()
    stream.makeConnection(transport)
    return stream


def test_a_stream_reads_only_while_the_peer_reads() -> None:
    """The transport is its own producer: a full send buffer stops the reading."""
    transport = StringTransport()
    connected(transport)
    assert (transport.producer, transport.streaming) == (transport, True)


@implementer(ISSLTransport)
class Tls(StringTransport):  # type: ignore[misc]  # as far as these tests go
    """A string transport that shakes hands first."""

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802
        """Be complete."""


def test_under_tls_the_reading_is_not_paused_before_the_handshake_is_done() -> None:
    """Words written before would pause it, and the handshake would never end."""
    transport = Tls()
    stream = connected(transport)
    stream.transport.write(b"hello\n")
    assert transport.producer is None
    stream.handshakeCompleted()
    assert transport.producer is transport


def test_who_hangs_up_under_tls_reads_on_to_hear_the_farewell() -> None:
    """Else it would wait for it until it is cut; what else comes is thrown away, up to a bound."""
    transport = Tls()
    stream = connected(transport)
    stream.handshakeCompleted()
    transport.pauseProducing()
    stream.hang_up(b"bye")
    assert (transport.producerState, transport.disconnecting) == ("producing", True)
    stream.dataReceived(b"x" * LINGER_BYTES)
    assert not transport.disconnected
    stream.dataReceived(b"x")
    assert transport.disconnected


def test_who_hung_up_before_the_handshake_was_done_is_left_alone() -> None:
    """A producer would keep the connection from closing."""
    transport = Tls()
    stream = connected(transport)
    stream.hang_up()
    stream.handshakeCompleted()
    assert transport.producer is None


def test_hanging_up_says_the_last_words_and_lets_the_producer_go_first() -> None:
    """A connection whose producer is still registered would never close."""
    transport = StringTransport()
    connected(transport).hang_up(b"bye\n")
    assert (transport.value(), transport.producer, transport.disconnecting) == (
        b"bye\n",
        None,
        True,
    )


def test_hanging_up_twice_is_hanging_up_once() -> None:
    """A goodbye and the peer's half-close may meet."""
    transport = StringTransport()
    stream = connected(transport)
    stream.hang_up(b"bye\n")
    stream.hang_up(b"bye\n")
    assert transport.value() == b"bye\n"


def test_a_half_close_is_answered_with_a_close() -> None:
    """The peer has said all; so have we."""
    transport = StringTransport()
    stream = connected(transport)
    assert IHalfCloseableProtocol.providedBy(stream)
    stream.readConnectionLost()
    stream.writeConnectionLost()
    assert transport.disconnecting


def test_lingering_throws_away_what_comes_until_the_time_is_over() -> None:
    """The peer hears why, and cannot use the time for anything."""
    clock, transport = Clock(), HalfCloseable()
    stream = connected(transport)
    stream.linger(clock, b"ERR\n")
    stream.dataReceived(b"more")
    assert (transport.value(), transport.half_closed, stream.got) == (b"ERR\n", True, b"")
    assert not transport.disconnecting
    clock.advance(LINGER_SECONDS)
    assert transport.disconnecting


def test_lingering_ends_with_the_peers_end() -> None:
    """Who has heard us and closed need not be waited for."""
    clock, transport = Clock(), HalfCloseable()
    stream = connected(transport)
    stream.linger(clock, b"ERR\n")
    stream.readConnectionLost()
    assert transport.disconnecting
    stream.connectionLost(Failure(ConnectionDone()))
    assert not clock.getDelayedCalls()


def test_lingering_is_bounded_in_bytes() -> None:
    """A peer that never stops is cut."""
    clock, transport = Clock(), HalfCloseable()
    stream = connected(transport)
    stream.linger(clock, b"ERR\n")
    stream.dataReceived(b"x" * (LINGER_BYTES + 1))
    assert transport.disconnected
    stream.connectionLost()
    assert not clock.getDelayedCalls()


def test_where_no_half_can_be_closed_the_whole_is() -> None:
    """Lingering needs a half-close; a transport without it hangs up."""
    clock, transport = Clock(), StringTransport()
    connected(transport).linger(clock, b"ERR\n")
    assert (transport.value(), transport.disconnecting) == (b"ERR\n", True)
    assert not clock.getDelayedCalls()


def test_draining_is_hanging_up() -> None:
    """A stream that does not say otherwise owes nothing when the server stops."""
    transport = StringTransport()
    connected(transport).drain()
    assert transport.disconnecting


def test_keepalive_leaves_what_is_not_tcp_alone() -> None:
    """A UNIX socket or a string has no probes."""
    KeepAlive(60, 10, 3).apply(StringTransport())


@pytest.mark.parametrize("text", [str(KeepAlive(60, 10, 3))])
def test_keepalive_is_shown_as_it_is_typed(text: Any) -> None:
    """The help names the default in the option's own form."""
    assert text == "60:10:3"
