"""Tests of `twisted_net.echo.doors`, without a socket."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from twisted_net.echo.core import QUESTION, Dialog, Discard, Identity, Transform, Upper
from twisted_net.echo.doors import EchoDatagramProtocol, EchoFactory, EchoProtocol


def connect(
    transform: Callable[[], Transform] = Identity,
) -> tuple[EchoProtocol, StringTransport]:
    """Connect a client to a factory."""
    transport = StringTransport()
    protocol = EchoFactory(transform, Clock()).buildProtocol(None)
    protocol.makeConnection(transport)
    return protocol, transport


def by_bytes(data: bytes) -> list[bytes]:
    """Cut into single bytes."""
    return [bytes([byte]) for byte in data]


@pytest.mark.parametrize("cut", [lambda data: [data], by_bytes])
def test_many_messages_on_one_connection_are_answered(cut: Callable[[bytes], list[bytes]]) -> None:
    """Whole and byte by byte."""
    protocol, transport = connect(Upper)
    for message in (b"one\n", b"two\n", b"three"):
        for piece in cut(message):
            protocol.dataReceived(piece)
    assert transport.value() == b"ONE\nTWO\nTHREE"


def test_a_half_close_gets_its_answer() -> None:
    """``printf hi | nc -N`` prints hi, though hi has no newline."""
    protocol, transport = connect(Dialog)
    protocol.dataReceived(b"hi?")
    protocol.readConnectionLost()
    assert transport.value() == QUESTION + b"hi!\n"
    assert transport.disconnecting


def test_a_client_that_does_not_read_is_not_read_from() -> None:
    """The transport, full, pauses its own reading."""
    _, transport = connect()
    assert transport.producer is transport
    transport.producer.pauseProducing()
    assert transport.producerState == "paused"


def test_a_line_without_end_is_refused_and_said_so() -> None:
    """A dialog needs lines."""
    protocol, transport = connect(Dialog)
    protocol.dataReceived(b"x" * 3000)
    assert transport.value() == QUESTION + b"ERR 413 line longer than 1024 bytes\n"
    assert transport.disconnecting


def test_each_connection_has_a_dialog_of_its_own() -> None:
    """Half a line of one client is not the beginning of another's."""
    factory = EchoFactory(Dialog, Clock())
    first, second = factory.buildProtocol(None), factory.buildProtocol(None)
    transports = [StringTransport(), StringTransport()]
    first.makeConnection(transports[0])
    second.makeConnection(transports[1])
    first.dataReceived(b"one")
    second.dataReceived(b"two\n")
    first.dataReceived(b"!\n")
    answers = [transport.value().removeprefix(QUESTION) for transport in transports]
    assert answers == [b"one!\n", b"two\n"]


class Wire:
    """A datagram transport that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Any]] = []

    def write(self, packet: bytes, addr: Any) -> None:
        """Keep it."""
        self.sent.append((packet, addr))


@pytest.mark.parametrize(
    ("transform", "answers"),
    [(Identity, [b"hi?"]), (Upper, [b"HI?"]), (Dialog, [b"hi!"]), (Discard, [])],
)
def test_a_datagram_gets_one_answer_or_none(
    transform: Callable[[], Transform], answers: list[bytes]
) -> None:
    """To where it came from."""
    protocol, wire = EchoDatagramProtocol(transform), Wire()
    protocol.makeConnection(wire)  # type: ignore[arg-type]
    protocol.datagramReceived(b"hi?", ("192.0.2.1", 40000))
    assert wire.sent == [(answer, ("192.0.2.1", 40000)) for answer in answers]
