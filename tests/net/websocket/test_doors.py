"""Tests of `twisted_net.net.websocket.doors` and `resource`: a protocol of lines as a page."""

import gc
import sys
import weakref
from typing import Any

import pytest
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    ISSLTransport,
)
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.files.wires import Wire
from tests.net.websocket.clients import BINARY, TEXT, Client, Socket, asking
from tests.web.browsers import Web, request
from twisted_net.net.counters import DoorCounters
from twisted_net.net.pages import Pages
from twisted_net.net.service import IDrains
from twisted_net.net.transports import LINGER_BYTES, Stream
from twisted_net.net.websocket.core import CLOSE_WITHIN, GONE_AFTER, PING_EVERY
from twisted_net.net.websocket.resource import FIRST, WebSocketResource


class Quotes(LineReceiver):
    """Somebody's protocol of lines, which knows nothing of WebSockets."""

    transport: Any

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.ends: list[Failure] = []

    def lineReceived(self, line: bytes) -> None:
        """Answer it, or do what it says."""
        self.lines.append(line)
        if line == b"quit":
            self.transport.write(b"goodbye\r\nwithout an end")
            self.transport.loseConnection()
        elif line == b"abort":
            self.transport.abortConnection()
        elif line == b"much":
            self.transport.write(b"0123456789\r\n" * 20_000)
        else:
            self.sendLine(b"you said " + line)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Note it."""
        self.ends.append(reason)


@implementer(IHalfCloseableProtocol, IHandshakeListener, IDrains)
class Polite(Stream):
    """One that knows of half-closes, of TLS and of a server that stops."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def handshakeCompleted(self) -> None:
        """Note it."""
        super().handshakeCompleted()
        self.seen.append("handshake")

    def dataReceived(self, data: bytes) -> None:
        """Note it."""
        self.seen.append(data.decode())

    def readConnectionLost(self) -> None:
        """Note it, and hang up with some words."""
        self.seen.append("half closed")
        self.hang_up(b"bye\r\n")

    def drain(self) -> None:
        """Note it, and hang up with other words."""
        self.seen.append("drain")
        self.hang_up(b"stopping\r\n")

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Note it."""
        super().connectionLost(reason)
        self.seen.append("lost")


@implementer(ISSLTransport)
class Sealed(Wire):  # type: ignore[misc]  # as incomplete as its base
    """A connection over TLS."""

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802 - Twisted's
        """Do nothing."""


class Sockets(Web):
    """A web door with WebSockets at ``/ws``.

    :ivar built: the protocols behind them.
    """

    def __init__(self, protocol: type[Any] = Quotes, **options: Any) -> None:
        self.built: list[Any] = []
        self._protocol = protocol
        self._options = options
        super().__init__(self._add)

    def _add(self, pages: Pages, clock: Clock) -> None:
        factory = Factory()
        factory.buildProtocol = self._build  # type: ignore[method-assign]
        page = WebSocketResource(factory, clock, [TEXT], [BINARY], **self._options)
        pages.add("ws", "", page)

    def _build(self, addr: object) -> Any:
        self.built.append(self._protocol())
        return self.built[-1]

    def opens(self, protocol: str = TEXT, wire: Wire | None = None, ahead: bytes = b"") -> Socket:
        """Let a client open one."""
        return Socket(self.factory, "/ws", protocol, wire, ahead)


@pytest.mark.parametrize("protocol", [TEXT, ""])
def test_a_protocol_of_lines_is_spoken_with_in_messages(protocol: str) -> None:
    """Each a line, both ways; several at once too."""
    web = Sockets()
    socket = web.opens(protocol)
    assert socket.head.startswith(b"HTTP/1.1 101 ")
    assert (b"Sec-WebSocket-Protocol: " + protocol.encode() in socket.head) == bool(protocol)
    assert socket.asks("one", "zwei \u732b") == ["you said one", "you said zwei \u732b"]
    assert web.built[0].lines == [b"one", "zwei \u732b".encode()]


def test_binary_messages_carry_any_charset() -> None:
    """As they are."""
    assert Sockets().opens(BINARY).asks(b"caf\xe9") == [b"you said caf\xe9"]


def test_what_was_sent_ahead_is_not_lost() -> None:
    """And nothing is, if all comes byte by byte."""
    web = Sockets()
    socket = web.opens(ahead=Client().says("one"))
    assert socket.asks("two") == ["you said two"]
    assert web.built[0].lines == [b"one", b"two"]
    slow = Socket(web.factory, "/ws")
    for byte in slow.says("three"):
        slow.sends(bytes([byte]))
    assert slow.read() == ["you said three"]


def test_other_requests_may_come_before_on_the_same_connection() -> None:
    """All in one segment, or byte by byte."""
    sent = request("/healthz") * 3 + asking("/ws", TEXT) + Client().says("one", "two")
    for cut in (len(sent), 1):
        web = Sockets()
        protocol, wire = web.connect()
        for at in range(0, len(sent), cut):
            protocol.dataReceived(sent[at : at + cut])
        client = Client()
        client.hears(b"x\r\n\r\n")
        answers, _, frames = wire.read_all().partition(b"HTTP/1.1 101 ")
        assert answers.count(b"\r\n\r\nok\n") == 3
        assert client.hears(frames.partition(b"\r\n\r\n")[2])[0] == ["you said one", "you said two"]


def test_nothing_of_it_is_left_when_it_is_over() -> None:
    """Neither of the protocol nor of the request."""
    web = Sockets()
    socket = web.opens()
    kept = [weakref.ref(web.built.pop()), weakref.ref(socket.door)]
    socket.asks("one")
    socket.sends(socket.closes())
    socket.loses()
    del socket
    gc.collect()
    assert [each() for each in kept] == [None, None]


def test_who_asks_for_no_websocket_is_told_what_this_is() -> None:
    """A person who clicked, and a program that posts."""
    web = Sockets()
    seen = web.ask("/ws")
    assert (seen.code, seen.body) == (426, b"426 this is for WebSocket clients\n")
    assert seen.headers["upgrade"] == "websocket"
    assert web.ask("/ws", "HEAD").code == 405
    assert web.ask("/ws", "POST", X_Netdemo="1", Content_Length="0").code == 405
    assert not web.built


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Origin": "http://evil"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Host": "evil:7080"}, 421),
        ({"Host": "evil:7080", "Origin": "http://evil:7080"}, 421),
        ({"Origin": "http://localhost"}, 101),
        ({"Origin": "HTTPS://Chat.Example"}, 101),
        ({}, 101),
    ],
)
def test_only_pages_of_ours_and_of_friends_get_in(headers: dict[str, str], code: int) -> None:
    """No browser is asked (R24); who is none says no Origin."""
    web = Sockets(origins=["https://chat.example"])
    socket = Socket(web.factory, "/ws", headers=headers)
    assert socket.head.split()[1] == b"%d" % code
    assert bool(web.built) == (code == 101)


def test_friends_get_at_nothing_else() -> None:
    """The list is one page's."""
    web = Sockets(origins=["https://chat.example"])
    assert web.ask("/healthz", Origin="https://chat.example").code == 403


def test_without_wsproto_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """To who would open one, not at the start."""
    for name in [each for each in sys.modules if each.startswith("wsproto")]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("core", "doors"):
        monkeypatch.delitem(sys.modules, f"twisted_net.net.websocket.{name}")
    protocol, wire = Sockets().connect()
    protocol.dataReceived(asking("/ws"))
    assert wire.read_all().startswith(b"HTTP/1.1 501 ")
    assert b"pip install 'twisted_net[websocket]'" in wire.got


def test_a_close_of_ours_waits_for_the_peer() -> None:
    """With what was said last; then the connection ends, cleanly."""
    web = Sockets()
    socket = web.opens()
    assert socket.asks("quit") == ["goodbye", "without an end"]
    assert socket.closed == (1000, "")
    assert socket.wire.disconnecting
    socket.loses()
    assert len(web.built[0].ends) == 1
    assert not web.clock.getDelayedCalls()


def test_who_does_not_let_us_go_is_cut() -> None:
    """Even if it goes on saying things."""
    web = Sockets()
    socket = web.opens()
    socket.sends(socket.says("quit"))
    socket.sends(socket.says("more"))
    assert web.built[0].lines == [b"quit"]
    assert not socket.wire.disconnecting
    web.clock.advance(CLOSE_WITHIN)
    assert socket.wire.aborted


def test_who_reads_nothing_any_more_is_cut_too() -> None:
    """Our close never gets there."""
    web = Sockets()
    socket = web.opens()
    socket.sends(socket.says("much", "quit") + socket.closes())
    web.clock.advance(CLOSE_WITHIN)
    assert socket.wire.aborted


def test_a_protocol_may_cut_the_connection() -> None:
    """As on any transport."""
    socket = Sockets().opens()
    socket.asks("abort")
    assert socket.wire.aborted


@pytest.mark.parametrize("said", [True, False])
def test_who_closes_is_answered(said: bool) -> None:
    """By a close, or by a half-close without one; what came before counts."""
    web = Sockets(Polite)
    socket = web.opens()
    socket.sends(socket.says("one"))
    if said:
        socket.sends(socket.closes(1001))
    else:
        socket.door.readConnectionLost()
    socket.read()
    assert socket.closed == ((1001, "") if said else (1000, ""))
    assert socket.wire.disconnecting
    assert web.built[0].seen == ["one\r\n", "half closed"]
    socket.loses()
    assert web.built[0].seen[2:] == ["lost"]
    assert not web.clock.getDelayedCalls()


def test_a_protocol_that_knows_no_half_closes_ends_with_the_peer() -> None:
    """It is not left open for ever."""
    socket = Sockets().opens()
    socket.sends(socket.says("one") + socket.closes())
    socket.read()
    assert socket.closed == (1000, "")
    assert socket.wire.disconnecting


@pytest.mark.parametrize(("protocol", "words"), [(Polite, ["stopping"]), (Quotes, [])])
def test_a_server_that_stops_says_that_it_goes_away(
    protocol: type[Any], words: list[str | bytes]
) -> None:
    """1001; the protocol finishes first, if it wants to."""
    web = Sockets(protocol)
    socket = web.opens()
    socket.door.drain()
    assert socket.read() == words
    assert socket.closed == (1001, "")
    assert socket.wire.disconnecting


def test_a_reset_is_told_once_and_leaves_nothing_behind() -> None:
    """In every state of it."""
    for sent in ("one", "quit", "much"):
        web = Sockets()
        socket = web.opens()
        socket.sends(socket.says(sent))
        socket.loses()
        assert len(web.built[0].ends) == 1
        assert not web.clock.getDelayedCalls()


def test_while_the_peer_does_not_read_nothing_is_answered() -> None:
    """The protocol's producer is paused, and of all pings the last gets its pong later."""
    web = Sockets(Polite)
    socket = web.opens()
    inside = web.built[0]
    inside.transport.write(b"x" * 50_000 + b"\r\n" + b"y" * 50_000 + b"\r\n")
    assert socket.wire.producerState == "paused"
    waiting = socket.wire.waiting
    for n in range(1000):
        socket.sends(socket.pings_it(b"%d" % n))
    assert socket.wire.waiting == waiting
    assert [len(each) for each in socket.read()] == [50_000, 50_000]
    assert socket.wire.producerState == "producing"
    socket.read()
    assert socket.pongs == [b"999"]


def test_who_breaks_the_rules_is_told_and_cut_soon() -> None:
    """Not reset at once, for then the answer might not arrive; and it is counted."""
    counters = DoorCounters()
    web = Sockets(counters=counters)
    socket = web.opens()
    wire = socket.wire
    socket.sends(socket.says(b"bytes"))
    socket.hears(wire.read())
    assert socket.closed == (1003, "need text messages")
    assert (wire.half_closed, wire.aborted) == (True, False)
    socket.sends(b"x" * LINGER_BYTES)
    cut = [wire.aborted]
    socket.sends(b"x")
    assert [*cut, wire.aborted] == [False, True]
    assert not web.built[0].lines
    assert counters.dropped == {"wrong_kind": 1}


@pytest.mark.parametrize("closes", [True, False])
def test_who_was_thrown_out_is_gone_after_a_moment(closes: bool) -> None:
    """By itself, or by us."""
    web = Sockets()
    socket = web.opens()
    socket.sends(b"garbage")
    if closes:
        socket.door.readConnectionLost()
        assert socket.wire.disconnecting
    else:
        web.clock.advance(CLOSE_WITHIN)
        assert socket.wire.aborted
    socket.loses()
    assert len(web.built[0].ends) == 1


def test_the_first_message_has_a_deadline() -> None:
    """Pongs and parts do not put it off."""
    web = Sockets()
    socket = web.opens()
    for _ in range(int(FIRST // 10)):
        socket.sends(socket.part("o", last=False) if not socket.pings else b"")
        web.clock.advance(10)
        socket.read()
    assert socket.closed == (1008, "no message within 60 s")


def test_a_silent_peer_is_asked_and_one_that_is_gone_is_cut() -> None:
    """A browser answers without its page's doing."""
    web = Sockets(first=None)
    socket = web.opens()
    for _ in range(10):
        web.clock.advance(PING_EVERY)
        socket.read()
    assert socket.pings == 10
    web.clock.pump([PING_EVERY] * int(GONE_AFTER // PING_EVERY + 1))
    assert socket.wire.aborted


def test_who_is_not_listened_to_is_not_gone() -> None:
    """A protocol that reads no more does not hear the pongs."""
    web = Sockets(first=None)
    socket = web.opens()
    web.built[0].transport.pauseProducing()
    web.clock.pump([PING_EVERY] * 20)
    assert not socket.wire.aborted
    web.built[0].transport.resumeProducing()
    assert socket.asks("one") == ["you said one"]


def test_tls_has_begun_already() -> None:
    """The protocol inside hears so; it may trust in it."""
    web = Sockets(Polite)
    wire = Sealed()
    socket = web.opens(wire=wire)
    inside = web.built[0]
    assert inside.seen == ["handshake"]
    assert ISSLTransport.providedBy(inside.transport)
    assert socket.asks("one") == []
    assert inside.seen[1:] == ["one\r\n"]
    socket.sends(b"garbage")
    assert (wire.disconnecting, wire.half_closed) == (True, False)


def test_a_factory_that_builds_nothing_is_busy() -> None:
    """503, and the connection lives on."""
    web = Sockets()
    web._build = lambda addr: None  # type: ignore[method-assign]
    web.pages.get("ws").resource._factory.buildProtocol = web._build  # type: ignore[union-attr]
    protocol, wire = web.connect()
    protocol.dataReceived(asking("/ws") + request("/healthz"))
    assert b"HTTP/1.1 503 " in wire.read_all()
    assert wire.got.endswith(b"ok\n")
