"""Tests of `twisted_net.chat.doors.line` and `outlet`, without a socket."""

import itertools
import socket
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor, ISSLTransport
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import alsoProvides

from tests.chat.members import BURST, Cut, OnLine, Server, by_bytes, whole
from twisted_net.chat.doors import delivery, turns
from twisted_net.chat.doors.stream import GOODBYE, NAME_WITHIN
from twisted_net.chat.doors.tuning import SEND_BUFFER, SILENCE
from twisted_net.net.transports import KeepAlive

GREETING = "HELLO netdemo chat; choose a name: NICK <name>"

CUTS = pytest.mark.parametrize("cut", [whole, by_bytes])


@CUTS
def test_two_members_talk(cut: Cut) -> None:
    """The dialogue of the documentation; whole and byte by byte."""
    server = Server()
    blue = server.on_line("blue", cut)
    red = server.on_line(cut=cut)
    assert red.hears() == [GREETING]
    assert red.says("NICK red") == ["OK NICK red", "OK JOIN lobby 2"]
    assert blue.hears() == ["JOINED lobby red"]
    assert blue.says("anyone there?") == []
    assert red.hears() == ["SAID lobby blue anyone there?"]
    assert red.says("yes, me", "TELL blue not so loud") == ["OK TELL blue 1767225600000-6"]
    assert blue.hears() == ["SAID lobby red yes, me", "TOLD red not so loud"]
    assert red.says("/me waves", "/nick green", "QUIT") == ["OK NICK green", "OK BYE"]
    assert red.transport.disconnecting
    assert blue.hears() == ["ACTED lobby red waves", "RENAMED red green", "LEFT green quit"]


def test_what_came_after_quit_is_not_said() -> None:
    """Whoever left has left."""
    server = Server()
    blue, red = server.on_line("blue"), server.on_line("red")
    blue.hears()
    assert red.says("QUIT", "still here?")[-1] == "OK BYE"
    assert blue.hears() == ["LEFT red quit"]


def test_lists_tell_who_and_where() -> None:
    """For people and for programs: each list ends with its count."""
    server = Server()
    server.on_line("blue")
    red = server.on_line("red")
    red.hears()
    server.clock.advance(5)
    assert red.says("JOIN games", "WHO lobby", "ROOMS") == [
        "OK JOIN games 1",
        "MEMBER lobby blue operator tcp 5",
        "MEMBER lobby red - tcp 0",
        "OK WHO 2",
        "ROOM lobby 2",
        "ROOM games 1",
        "OK ROOMS 2",
    ]
    assert red.says("/help tell", "PING 7") == [
        "HELP TELL <name> <text>: say something to one member",
        "OK HELP",
        "PONG 7",
    ]


COMMANDS = ["NICK", "JOIN", "PART", "USE", "SAY", "TELL", "ME", "WHO", "ROOMS", "PING", "HELP"]
COMMANDS += ["QUIT", "/x", "/join", "//", "TOPIC", "KICK", "INVITE", "MODE", "AWAY", "HISTORY"]
COMMANDS += ["SINCE", "SEARCH", "IDS", "CHARSET", "LOGIN", "REGISTER"]

#: Those that need no name, and those whose last word runs to the end of the line.
NAMELESS = ("NICK", "PING", "HELP", "QUIT", "IDS", "CHARSET", "LOGIN", "REGISTER")
RUNNING = ["SAY", "TELL", "ME", "PING", "//", "TOPIC", "KICK", "MODE", "AWAY", "SEARCH", "LOGIN"]
RUNNING += ["REGISTER"]


@pytest.mark.parametrize("name", ["", "red"])
def test_every_command_with_any_words_keeps_the_connection(name: str) -> None:
    """Before and after a name; what is wrong with it is said (R26)."""
    server = Server()
    for command, words in itertools.product(COMMANDS, (0, 1, 2, 50)):
        member = server.on_line(name)
        member.hears()
        replies = member.says(" ".join([command, *["é"] * words]))
        closed = command == "QUIT" and words == 0
        assert member.transport.disconnecting is closed
        if not name and command not in NAMELESS:
            assert replies[0].startswith(("ERR 400 ", "ERR 401 "))
        if words == 50 and command not in RUNNING:
            assert replies[0].startswith(("ERR 400 ", "ERR 422 "))
        if not closed:
            assert member.says("PING still here")[-1] == "PONG still here"
            member.says("QUIT")


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"\xff\n", "ERR 400 not UTF-8"),
        (b"NICK \0\n", "ERR 400 control character 0x00"),
        (b"hello\n", "ERR 401 choose a name first: NICK <name>"),
        (b"NICK admin\x0b\n", "ERR 400 control character 0x0b"),
        (b"NICK " + b"x" * 200 + b"\n", "ERR 422 name: 1-24 letters, digits, - or _"),
        ("NICK a\u202eb\n".encode(), "ERR 422 name: 1-24 letters, digits, - or _"),
        (b"NICK \n", "ERR 422 name: 1-24 letters, digits, - or _"),
        (b"NICK Blue\n", "ERR 409 name 'Blue' is taken"),
    ],
)
@CUTS
def test_what_is_wrong_is_said_and_the_connection_stays(sent: bytes, error: str, cut: Cut) -> None:
    """In the words that are promised."""
    server = Server()
    server.on_line("blue")
    red = server.on_line(cut=cut)
    red.hears()
    red.sends(sent)
    assert red.hears() == [error]
    assert not red.transport.disconnecting


@CUTS
def test_a_line_without_end_is_refused_and_the_member_leaves(cut: Cut) -> None:
    """At the limit, not at its end (R6)."""
    server = Server()
    blue, red = server.on_line("blue"), server.on_line("red", cut)
    blue.hears()
    red.hears()
    red.sends(b"hi\n" + b"x" * 1025)
    assert red.hears() == ["ERR 413 line longer than 1024 bytes"]
    assert red.transport.disconnecting
    assert server.dropped("chat-tcp") == {"line_too_long": 1}
    red.protocol.connectionLost()
    assert blue.hears() == ["SAID lobby red hi", "LEFT red connection lost"]


def test_whoever_chooses_no_name_is_shown_out() -> None:
    """After a time that no amount of typing makes longer (R7)."""
    server = Server()
    red = server.on_line()
    for _ in range(6):
        red.says("PING", "hello")
        server.clock.advance(NAME_WITHIN / 6)
    assert red.hears()[-1] == "ERR 408 no name within 60 s"
    assert red.transport.disconnecting
    assert server.dropped("chat-tcp") == {"no_name": 1}


def test_a_name_in_time_ends_the_wait() -> None:
    """After that one may be silent for ever."""
    server = Server()
    red = server.on_line("red")
    server.clock.advance(10 * NAME_WITHIN)
    assert not red.transport.disconnecting
    assert server.clock.getDelayedCalls() == []


def test_a_fast_sender_is_not_read_for_a_while_and_loses_nothing() -> None:
    """Nobody else waits for it."""
    server = Server()
    blue, red = server.on_line("blue"), server.on_line("red")
    blue.hears()
    red.says(*(f"line {number}" for number in range(150)))
    assert red.transport.producerState == "paused"
    heard = blue.hears()
    assert len(heard) == BURST - 1  # one was the name
    red.sends(b"last\n")  # a transport may still hand over what it has read
    server.clock.pump([0.05] * 60)
    heard += blue.hears()
    assert heard == [
        *(f"SAID lobby red line {number}" for number in range(150)),
        "SAID lobby red last",
    ]
    assert red.transport.producerState == "producing"


@CUTS
def test_a_half_close_says_what_was_said(cut: Cut) -> None:
    """``echo NICK red; printf hi`` into ``nc -N`` says hi, though hi has no newline."""
    server = Server()
    blue, red = server.on_line("blue"), server.on_line(cut=cut)
    blue.hears()
    red.sends(b"NICK red\nhi")
    red.protocol.readConnectionLost()
    assert red.hears()[-1] == "OK JOIN lobby 2"
    assert red.transport.disconnecting
    assert blue.hears() == ["JOINED lobby red", "SAID lobby red hi", "LEFT red hung up"]


def test_a_half_close_after_too_much_waits_for_the_bucket() -> None:
    """All of it is said, then the connection closes."""
    server = Server()
    blue, red = server.on_line("blue"), server.on_line("red")
    blue.hears()
    red.says(*(str(number) for number in range(110)))
    red.protocol.readConnectionLost()
    assert not red.transport.disconnecting
    server.clock.pump([0.05] * 20)
    assert blue.hears()[-2:] == ["SAID lobby red 109", "LEFT red hung up"]
    assert red.transport.disconnecting


def test_a_lost_connection_leaves_the_room_once() -> None:
    """No entry stays, no timer either (R27)."""
    server = Server()
    blue, red = server.on_line("blue"), server.on_line("red")
    blue.hears()
    red.says(*(["hi"] * 120))  # held, with a timer
    red.protocol.connectionLost(Failure(ConnectionLost()))
    assert blue.hears()[-1] == "LEFT red connection lost"
    assert len(server.hub) == 1
    server.clock.advance(0)
    assert server.clock.getDelayedCalls() == []
    nameless = server.on_line()
    nameless.protocol.connectionLost()
    server.clock.advance(0)
    assert server.clock.getDelayedCalls() == []


def test_a_slow_reader_is_dropped_and_the_others_do_not_notice() -> None:
    """It costs what may wait for it, and no more (R5)."""
    server = Server(queue=4096)
    blue, red, slow = (server.on_line(name) for name in ("blue", "red", "slow"))
    for member in (blue, red, slow):
        member.hears()
    slow.protocol.outlet.pauseProducing()  # its transport is full
    for _ in range(50):
        server.clock.advance(0.05)
        blue.says("x" * 100)
    heard = red.hears()
    assert heard.count("SAID lobby blue " + "x" * 100) == 50
    assert heard.count("LEFT slow send queue full") == 1
    assert slow.hears() == ["ERR 507 send queue full"]
    assert slow.transport.disconnecting
    assert server.dropped("chat-tcp") == {"send_queue_full": 1}
    server.clock.advance(GOODBYE)
    assert slow.transport.disconnected


def test_a_reader_that_reads_again_hears_it_all() -> None:
    """In order; and is read from again."""
    server = Server()
    blue, slow = server.on_line("blue"), server.on_line("slow")
    slow.hears()
    slow.protocol.outlet.pauseProducing()
    for number in range(5):
        blue.says(str(number))
    assert slow.transport.producerState == "producing"  # under TLS it may be the handshake
    slow.sends(b"me too\n")
    assert slow.transport.producerState == "paused"
    assert slow.hears() == []
    assert blue.hears() == []
    slow.protocol.outlet.resumeProducing()
    assert slow.hears() == [f"SAID lobby blue {number}" for number in range(5)]
    assert blue.hears() == ["SAID lobby slow me too"]
    assert slow.transport.producerState == "producing"


def test_a_burst_in_one_turn_is_no_slow_reader() -> None:
    """What the transport takes at once does not wait."""
    server = Server(queue=4096)
    blue, red = server.on_line("blue"), server.on_line("red")
    red.hears()
    blue.sends(b"".join(b"x" * 900 + b"\n" for _ in range(50)))
    assert len(red.hears()) == 50
    assert not red.transport.disconnecting


class Counting(StringTransport):
    """A transport that counts its writes."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, data: bytes) -> None:
        """Count one."""
        self.writes += 1
        super().write(data)


def test_a_burst_is_written_once_and_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One write a member and turn; one rendering an event, however many hear it."""
    server = Server()
    blue = server.on_line("blue")
    others = []
    for name in ("red", "green", "grey"):
        monkeypatch.setattr("tests.chat.members.StringTransport", Counting)
        others.append(server.on_line(name))
    for each in others:
        each.hears()
        each.transport.writes = 0  # type: ignore[attr-defined]
    rendered = []
    original = delivery._Renderings.__missing__

    def counted(self: Any, profile: Any) -> bytes:
        rendered.append(profile)
        return original(self, profile)

    monkeypatch.setattr(delivery._Renderings, "__missing__", counted)
    blue.says(*(str(number) for number in range(20)))
    assert len(rendered) == 20
    for each in others:
        assert len(each.hears()) == 20
        assert each.transport.writes == 1  # type: ignore[attr-defined]


def test_a_large_room_is_flushed_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that thousands of writes do not hold up the other doors."""
    monkeypatch.setattr(turns, "FLUSHES_A_TURN", 2)
    server = Server()
    members = [server.on_line(f"m{number}") for number in range(8)]
    server.hub.room("lobby").here.prepared = None
    for together in (False, True):
        for each in members:
            each.hears()
        members[0].sends(b"hi\n")
        reached = []
        while server.clock.getDelayedCalls():
            turn = server.clock.calls.pop(0)  # `advance` would go on to those that this one makes
            turn.called = 1
            turn.func()
            reached.append(sum(bool(each.transport.value()) for each in members))
        assert reached == ([3, 5, 7] if together else [2, 4, 6, 7])


def test_everybody_is_told_when_the_server_stops() -> None:
    """Then the connection closes; a peer that does not read is cut."""
    server = Server()
    red = server.on_line("red")
    red.hears()
    red.protocol.drain()
    assert red.hears() == ["SERVER stopping"]
    assert red.transport.disconnecting
    red.protocol.drain()
    assert red.hears() == []


class WithHandle(StringTransport):
    """A transport that has a socket, which asks silent peers if they live."""

    def __init__(self) -> None:
        super().__init__()
        self.options: dict[tuple[int, int], int] = {}

    def getHandle(self) -> "WithHandle":  # noqa: N802 - Twisted's name
        """Be the socket too."""
        return self

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """Remember what was set."""
        self.options[level, option] = value

    def getsockopt(self, level: int, option: int) -> int:
        """Return what was set."""
        return self.options.get((level, option), 0)


@pytest.mark.parametrize(
    ("keepalive", "patience"),
    [(None, SILENCE), (KeepAlive(60, 10, 3), 90), (KeepAlive(1, 1, 3), 4)],
)
def test_a_peer_that_is_gone_is_found_and_the_kernel_hides_little(
    keepalive: KeepAlive | None, patience: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as keepalive would, which waits for the user timeout once there is one."""

    def made() -> WithHandle:
        transport = WithHandle()
        for option in keepalive.options() if keepalive else ():
            transport.setsockopt(*option)
        return transport

    monkeypatch.setattr("tests.chat.members.StringTransport", made)
    options = OnLine(Server()).transport.options  # type: ignore[attr-defined]
    assert options[socket.SOL_SOCKET, socket.SO_SNDBUF] == SEND_BUFFER
    assert options[socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT] == patience * 1000


class WithoutSocket(StringTransport):
    """A transport whose handle is no socket, as under TLS."""

    def getHandle(self) -> object:  # noqa: N802 - Twisted's name
        """Return something."""
        return object()


def test_a_transport_without_a_socket_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS, a UNIX socket, a test."""
    monkeypatch.setattr("tests.chat.members.StringTransport", WithoutSocket)
    assert Server().on_line().says("NICK red")[-1] == "OK JOIN lobby 1"


class OverTls(StringTransport):
    """A transport as `TLSMemoryBIOProtocol` is: it claims what the one below it can."""

    def __init__(self) -> None:
        super().__init__()
        alsoProvides(self, ISSLTransport, IHalfCloseableDescriptor)

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802 - Twisted's name
        """Do nothing."""

    def loseWriteConnection(self) -> None:
        """Close half of the connection below, which TLS does not survive."""
        raise AssertionError("half of a TLS connection cannot be closed")


def test_a_line_without_end_is_refused_under_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a half-close."""
    monkeypatch.setattr("tests.chat.members.StringTransport", OverTls)
    red = Server().on_line("red")
    red.sends(b"x" * 1025)
    assert red.hears() == ["ERR 413 line longer than 1024 bytes"]
    assert red.transport.disconnecting
