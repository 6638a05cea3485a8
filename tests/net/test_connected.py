"""Tests of `twisted_net.net.connected`, on the simulated network."""

import errno
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import MessageLengthError
from twisted.internet.protocol import DatagramProtocol

from twisted_net.net.connected import ConnectedDatagrams
from twisted_net.net.errors import ConnectError
from twisted_net.testing import SimNetwork


class Echo(DatagramProtocol):
    """Sends back what it gets."""

    noisy = False

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.transport.write(datagram, addr)  # type: ignore[union-attr]


@pytest.mark.parametrize("reactor", ["portable", "epoll"])
def test_a_refused_port_is_told_and_lives_on(reactor: Any) -> None:
    """On reactors that say so, and on those where Twisted closes the port without a word."""
    net = SimNetwork(reactor=reactor)
    server, client = net.host("server"), net.host("client")
    heard: list[bytes] = []
    refused: list[bool] = []
    port = ConnectedDatagrams(
        client.reactor, (server.ip, 7), heard.append, lambda: refused.append(True)
    )
    client.run(port.open)
    for times in (1, 2):
        assert client.run(lambda: port.send(b"early")) == ""
        net.run_for(1)
        assert len(refused) == times
    server.run(lambda: server.reactor.listenUDP(7, Echo()))
    client.run(lambda: port.send(b"hello"))
    net.run_for(1)
    assert (heard, len(refused)) == ([b"hello"], 2)
    net.run(port.close)
    assert len(refused) == 2  # our own close is no refusal


def test_a_refusal_that_comes_with_a_send_costs_no_datagram() -> None:
    """The system tells it instead of sending; so the datagram is sent again."""

    class Port:
        sent: list[bytes]

        def write(self, datagram: bytes) -> None:
            if not self.sent:
                self.sent = [b"refused"]
                port.told()
            else:
                self.sent.append(datagram)

    refused: list[bool] = []
    port = ConnectedDatagrams(None, ("192.0.2.1", 7), print, lambda: refused.append(True))
    port._port = below = Port()
    below.sent = []
    assert port.send(b"hello") == ""
    assert (below.sent, refused) == ([b"refused", b"hello"], [True])


class Failing:
    """A reactor, and a port, that fail as they are told to."""

    def __init__(self, connect: Exception | None, write: Exception | None) -> None:
        self._connect = connect
        self._write = write

    def listenUDP(self, port: int, protocol: Any, **options: Any) -> "Failing":
        return self

    def connect(self, host: str, port: int) -> None:
        if self._connect is not None:
            raise self._connect

    def write(self, datagram: bytes) -> None:
        if self._write is not None:
            raise self._write

    def stopListening(self) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done


def test_where_there_is_no_way_it_does_not_open() -> None:
    """One line says why."""
    no_way = OSError(errno.ENETUNREACH, "Network is unreachable")
    port = ConnectedDatagrams(Failing(no_way, None), ("192.0.2.1", 7), print, print)
    with pytest.raises(ConnectError, match=r"cannot send to 192\.0\.2\.1:7: network is unreach"):
        port.open()


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(errno.ENOBUFS, "No buffer space available"), "the send buffer is full"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "network is unreachable"),
        (MessageLengthError("message too long"), "5 bytes are too long for this network"),
    ],
)
def test_a_send_that_fails_says_why_and_is_no_end(error: Exception, why: str) -> None:
    """A network that is away for a moment must not end a run of days."""
    port = ConnectedDatagrams(Failing(None, error), ("192.0.2.1", 7), print, print)
    port.open()
    assert port.send(b"hello") == why
