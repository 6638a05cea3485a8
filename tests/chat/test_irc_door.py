"""The IRC door as a connection: too long, not text, silent, slow, fast, half closed."""

import socket
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.chat.irc import IrcChat, OnIrc
from tests.chat.members import BURST, Cut, by_bytes, whole
from twisted_net.chat.doors.irc import GONE_AFTER, PING_AFTER, ChatIrcFactory
from twisted_net.chat.doors.stream import GOODBYE, NAME_WITHIN, RATE
from twisted_net.chat.doors.tuning import SEND_BUFFER

CUTS = pytest.mark.parametrize("cut", [whole, by_bytes])


def registered(server: IrcChat, name: str = "red") -> OnIrc:
    """Return a member who has heard the welcome."""
    member = server.on_irc(name)
    member.hears()
    return member


@CUTS
def test_a_line_too_long_is_refused_and_the_connection_stays(cut: Cut) -> None:
    """417; what follows is obeyed (Modern)."""
    server = IrcChat()
    red = server.on_irc("red", cut=cut)
    red.hears()
    red.sends(b"PING " + b"x" * 600 + b"\r\nPING :a b\r\n")
    assert red.hears() == [
        ":irc.example 417 red :Input line was too long",
        ":irc.example PONG irc.example :a b",
    ]
    assert server.dropped("irc") == {"line_too_long": 1}


def test_a_line_without_end_costs_a_bounded_amount() -> None:
    """It is refused once, at the limit (R6)."""
    server = IrcChat()
    red = registered(server)
    for _ in range(100):
        red.sends(b"x" * 65536)
    assert red.hears() == [":irc.example 417 red :Input line was too long"]
    red.sends(b"\nPING x\n")
    assert red.hears() == [":irc.example PONG irc.example x"]


@CUTS
def test_what_is_not_utf_8_is_refused_and_the_connection_stays(cut: Cut) -> None:
    """Nothing of it is passed on (IRCv3 UTF8ONLY)."""
    server = IrcChat()
    red, blue = server.on_irc("red", cut=cut), registered(server, "blue")
    red.hears()
    red.sends(b"PRIVMSG blue :caf\xe9\r\n\xff\r\nPING x\r\n")
    assert red.hears() == [
        ":irc.example FAIL PRIVMSG INVALID_UTF8 :Message rejected: it is not UTF-8",
        ":irc.example FAIL * INVALID_UTF8 :Message rejected: it is not UTF-8",
        ":irc.example PONG irc.example x",
    ]
    assert blue.hears() == []
    assert server.dropped("irc") == {"not_text": 2}


@pytest.mark.parametrize("charset", ["gb18030", "big5", "shift_jis", "cp1252"])
def test_a_door_for_older_clients_speaks_their_charset(charset: str) -> None:
    """Both ways; what it has not is a question mark."""
    server = IrcChat()
    server.factory = ChatIrcFactory(server.irc, server.clock, charset=charset)
    red = server.on_irc("red")
    line = server.on_line("blue")
    red.says("JOIN #a")
    line.says("JOIN a")
    red.hears()
    text = "café" if charset == "cp1252" else "表示 中"
    red.sends(f"PRIVMSG #a :{text}\r\nTOPIC #a :{text}\r\nTOPIC #a\r\n".encode(charset))
    assert f"SAID a red {text}" in line.hears()
    assert red.hears()[1].endswith(f" 332 red #a :{text}" if " " in text else f"#a {text}")
    line.says(text, "\U0001f600")
    unknown = "\U0001f600" if charset == "gb18030" else "?"
    assert [each.partition(" :")[2] for each in red.hears()] == [text, unknown]


def test_a_client_may_choose_another_charset() -> None:
    """From the next line on, both ways (ngircd's CHARCONV)."""
    server = IrcChat()
    red = registered(server)
    line = server.on_line("blue")
    assert red.says("CHARCONV klingon", "CHARCONV GBK", "JOIN #a")[:2] == [
        ":irc.example 851 red klingon :One of utf-8, gb18030, big5, shift_jis, euc-kr, cp1252,"
        " cp1251, koi8-r",
        ":irc.example 801 red gb18030 :is spoken from now on",
    ]
    line.says("JOIN a")
    red.hears()
    red.sends("PRIVMSG #a :你好\r\n".encode("gb18030"))
    assert line.hears() == ["SAID a red 你好"]
    line.says("再见")
    assert red.hears()[0].endswith(" PRIVMSG #a :再见")


def test_who_does_not_register_is_shown_out() -> None:
    """After a time that no amount of typing makes longer (R7)."""
    server = IrcChat()
    red = server.on_irc()
    for _ in range(6):
        red.says("PING x", "NICK red")
        server.clock.advance(NAME_WITHIN / 6)
    assert red.hears()[-1] == "ERROR :Closing link: 192.168.1.1 (registration timed out)"
    assert red.transport.disconnecting
    assert server.dropped("irc") == {"no_name": 1}
    assert server.irc.waiting == 0
    red.protocol.connectionLost()
    assert server.irc.waiting == 0


def test_a_silent_client_is_asked_and_then_gone() -> None:
    """PING after 60 s, out after 90 s, and the room hears it."""
    server = IrcChat()
    red, blue = registered(server), registered(server, "blue")
    for each in (red, blue):
        each.says("JOIN #a")
    red.hears()
    server.clock.advance(PING_AFTER - 1)
    assert red.hears() == []
    server.clock.advance(1)
    assert red.hears() == ["PING :irc.example"]
    blue.says("PONG :irc.example")
    server.clock.advance(GONE_AFTER - PING_AFTER - 1)
    assert red.hears() == []
    server.clock.advance(1)
    assert red.hears()[-1] == "ERROR :Closing link: 192.168.1.1 (ping timeout: 90 seconds)"
    assert red.transport.disconnecting
    assert not blue.transport.disconnecting
    assert blue.hears()[-1].endswith(" QUIT :ping timeout")
    assert server.dropped("irc") == {"ping_timeout": 1}


def test_whoever_answers_stays_for_ever() -> None:
    """Asked once a minute at most."""
    server = IrcChat()
    red = registered(server)
    asked = 0
    for _ in range(100):
        server.clock.advance(30)
        if red.hears() == ["PING :irc.example"]:
            asked += 1
            red.says("PONG irc.example")
    assert not red.transport.disconnecting
    assert asked == 50


def test_who_speaks_too_fast_is_read_later_and_loses_nothing() -> None:
    """After a burst as fast as the bucket fills; nobody is thrown out."""
    server = IrcChat()
    red = registered(server)
    asked = int(BURST) + 50
    red.sends(b"".join(b"PING %d\r\n" % number for number in range(asked)))
    heard = red.hears()
    assert red.transport.producerState == "paused"
    assert len(heard) < asked
    for _ in range(60):
        server.clock.advance(1 / RATE)
        heard += red.hears()
    assert heard == [f":irc.example PONG irc.example {number}" for number in range(asked)]
    assert red.transport.producerState == "producing"


def test_who_does_not_read_is_shown_out_and_the_room_hears_it() -> None:
    """When more waits than may (R5); the last words say why."""
    server = IrcChat(queue=8192)
    red, blue = registered(server), registered(server, "blue")
    for each in (red, blue):
        each.says("JOIN #a")
    blue.protocol.outlet.pauseProducing()
    heard = red.hears()
    for _ in range(30):
        heard += red.says(f"PRIVMSG #a :{'x' * 400}")
    assert heard[-1].endswith(" QUIT :send queue full")
    assert server.dropped("irc") == {"send_queue_full": 1}
    assert blue.transport.value().endswith(b"(send queue full)\r\n")
    assert blue.transport.disconnecting
    server.clock.advance(GOODBYE)
    assert blue.transport.disconnected


def test_what_was_asked_before_a_half_close_is_answered() -> None:
    """The last line without its ending too; then the member leaves."""
    server = IrcChat()
    blue = registered(server, "blue")
    blue.says("JOIN #a")
    red = registered(server)
    red.says("JOIN #a")
    blue.hears()
    red.sends(b"PRIVMSG #a :one\r\nPRIVMSG #a :two")
    red.protocol.readConnectionLost()
    assert [line.partition(" ")[2] for line in blue.hears()] == [
        "PRIVMSG #a :one",
        "PRIVMSG #a :two",
        "QUIT :hung up",
    ]
    assert red.transport.disconnecting


def test_whoever_hangs_up_while_others_agree_never_enters() -> None:
    """A slow bus: the name is free again, and nobody hears of them."""
    server = IrcChat()
    later: list[Any] = []
    arrive = server.irc.post.arrive
    server.irc.post.arrive = lambda *words: later.append(words)  # type: ignore[method-assign]
    red = server.on_irc("red")
    assert red.says("PING x") == []  # what comes next waits for the answer
    red.protocol.connectionLost()
    arrive(*later[0])
    assert red.hears() == []
    assert server.irc.sessions == {}
    assert server.irc.waiting == 0


def test_a_server_that_stops_says_so() -> None:
    """And everybody is gone from the hub."""
    server = IrcChat()
    red = registered(server)
    red.protocol.drain()
    assert red.hears() == ["ERROR :Closing link: 192.168.1.1 (server stopping)"]
    assert red.transport.disconnecting
    assert len(server.hub) == 0


def test_nothing_is_left_of_who_is_gone() -> None:
    """No timer, no name, no session."""
    server = IrcChat()
    for _ in range(3):
        red = registered(server)
        red.says("JOIN #a", "MONITOR + x")
        red.protocol.connectionLost()
    server.clock.advance(0)
    assert server.clock.getDelayedCalls() == []
    assert (len(server.hub), server.irc.sessions, server.hub.rooms()) == (0, {}, [])


def test_a_reset_in_the_middle_of_a_line_leaves_nothing_said() -> None:
    """What was not finished is not obeyed."""
    server = IrcChat()
    blue = registered(server, "blue")
    red = registered(server)
    red.sends(b"PRIVMSG blue :half")
    red.protocol.connectionLost()
    assert blue.hears() == []


class TunedTransport:
    """A handle that keeps what it is set to."""

    def __init__(self) -> None:
        self.options: list[tuple[int, int, int]] = []

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """Keep it."""
        self.options.append((level, option, value))


def test_the_kernel_hides_little_for_who_does_not_read() -> None:
    """Its own buffers would hide megabytes."""
    server = IrcChat()
    handle = TunedTransport()
    protocol = server.factory.buildProtocol(None)
    transport = StringTransport()
    transport.getHandle = lambda: handle  # type: ignore[attr-defined]
    protocol.makeConnection(transport)
    assert (socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER) in handle.options
    protocol.connectionLost()


@implementer(ISSLTransport)
class Tls(StringTransport):  # type: ignore[misc]  # as far as this test goes
    """A transport that shakes hands first."""

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802 - Twisted's
        """Be complete."""


def test_a_clients_certificate_is_looked_at_once_tls_has_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before that there is none; who is known by it may prove an account so (SASL EXTERNAL)."""
    shown = [""]
    monkeypatch.setattr("twisted_net.chat.doors.irc.fingerprint", lambda _: shown[0])
    protocol: Any = IrcChat().factory.buildProtocol(None)
    protocol.makeConnection(Tls())
    before = protocol.session.fingerprint
    shown[0] = "ab" * 32
    protocol.handshakeCompleted()
    assert (before, protocol.session.fingerprint) == ("", "ab" * 32)
    protocol.connectionLost(Failure(ConnectionDone()))
