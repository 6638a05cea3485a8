"""Tests of `twisted_net.chat.commands` and `terminal`, without a server."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from twisted_net.chat import commands, conversation, terminal
from twisted_net.chat import typed as typed_here
from twisted_net.chat.client import RefusedError
from twisted_net.chat.codec.messages import (
    Announced,
    Code,
    Command,
    Heard,
    Help,
    Nick,
    Quit,
    Refusal,
    Talk,
    Tell,
    Usage,
)
from twisted_net.chat.core.known import Standing
from twisted_net.chat.keyring import KnownFile, folder
from twisted_net.chat.peer import ChatPeer
from twisted_net.net.clients import Target
from twisted_net.net.errors import NetError, SettingError


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("hello", Talk("hello")),
        ("NICK red", Talk("NICK red")),
        ("/nick red", Nick("red")),
        ("/msg blue psst", Tell("blue", "psst")),
        ("/TELL blue psst", Tell("blue", "psst")),
        ("/quit", Quit()),
        ("/help msg", Help("msg")),
        ("//etc", Talk("/etc")),
        ("a\tb", Talk("a       b")),
        ("", None),
        ("  ", None),
    ],
)
def test_a_command_begins_with_a_slash(typed: str, command: Command | None) -> None:
    """A word in capitals is only a loud word here."""
    assert typed_here.parse(typed) == command


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--discover"], "--discover is for peers; add --peer"),
        (["--port", "7010"], "--port is for peers; add --peer"),
        (["--interface", "0.0.0.0"], "--interface is for peers; add --peer"),  # noqa: S104
        (
            ["--peer", "--interface", "x"],
            "--interface 'x': need an IP address, as 127.0.0.1, 0.0.0.0 or ::1",
        ),
        (["--peer", "tcp:127.0.0.1"], "'tcp:127.0.0.1' is no address of a peer; want HOST[:PORT]"),
        (["--peer", "a b"], "'a b': want HOST[:PORT] or tcp:host=…:port=…"),
    ],
)
def test_what_makes_no_sense_among_peers_is_one_line(options: list[str], error: str) -> None:
    """And exit code 2, before anything is opened."""
    done = CliRunner().invoke(commands.chat, options)
    assert (done.exit_code, done.output) == (2, f"netdemo: {error}\n")


@pytest.mark.parametrize(
    ("other", "discover", "interface", "address"),
    [
        (None, False, None, "127.0.0.1"),
        ("localhost:7010", False, None, "127.0.0.1"),
        ("[::1]:7010", False, None, "::1"),
        (None, True, None, "0.0.0.0"),  # noqa: S104
        ("192.0.2.1", False, None, "0.0.0.0"),  # noqa: S104
        ("[fe80::1%eth0]", False, None, "::"),
        ("192.0.2.1", True, "192.0.2.7", "192.0.2.7"),
    ],
)
def test_a_peer_listens_on_loopback_unless_others_are_elsewhere(
    other: str | None,
    discover: bool,
    interface: str | None,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Whoever names one, or looks for them, wants to be called back."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    connect = commands._as_peer(other, discover, None, interface, 5.0)
    peer = connect(None, lambda heard: None)
    assert isinstance(peer, ChatPeer)
    assert peer.address == (address, 7008)


def test_a_peer_without_a_key_is_told_so_once_and_chats(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where there is no room for one, or no library to make one with."""
    pytest.importorskip("cryptography")
    (tmp_path / "netdemo").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    heard: list[Heard] = []
    peer = commands._as_peer(None, False, None, None, 5.0)(None, heard.append)
    assert isinstance(peer, ChatPeer)
    (told,) = heard
    assert isinstance(told, Announced)
    assert told.text.startswith("no key, so nobody is proven to anybody: ")
    assert str(tmp_path) in told.text
    monkeypatch.setitem(sys.modules, "twisted_net.chat.core.keypair", None)
    heard.clear()
    commands._as_peer(None, False, None, None, 5.0)(None, heard.append)
    (told,) = heard
    assert isinstance(told, Announced)
    assert told.text.endswith("needs cryptography: pip install 'twisted_net[tls]'")


def test_a_peer_that_is_known_can_be_forgotten(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """So that its new key is believed; nobody else is forgotten."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    known = KnownFile(folder())
    known.learn("red", b"r")
    known.learn("blue", b"b")
    done = CliRunner().invoke(commands.chat, ["--forget-peer", "RED"])
    assert (done.exit_code, done.output) == (
        0,
        "forgot the key of RED; the next one under that name is believed\n",
    )
    done = CliRunner().invoke(commands.chat, ["--forget-peer", "red"])
    assert (done.exit_code, done.output) == (
        1,
        "netdemo: no peer 'red' is known; nothing was forgotten\n",
    )
    assert KnownFile(folder()).look("blue", b"b") is Standing.SAME


def test_an_unknown_command_is_refused_here() -> None:
    """It need not travel for that."""
    with pytest.raises(Refusal, match="unknown command '/foo'; try HELP"):
        typed_here.parse("/foo")


@pytest.mark.parametrize(
    ("refusal", "shown"),
    [
        ("unknown command '/foo'; try HELP", "unknown command '/foo'; try /help"),
        ("TELL wants: TELL <name> <text>", "/msg wants: /msg <name> <text>"),
        ("JOIN wants: JOIN <room>", "/join wants: /join <room>"),
        ("not in games: JOIN games", "not in games: /join games"),
        ("choose a name first: NICK <name>", "choose a name first: /nick <name>"),
        ("'x' is registered: LOGIN <a> <p>", "'x' is registered: /login <a> <p>"),
        ("only accounts may enter: LOGIN", "only accounts may enter: /login"),
        ("name: 1-24 letters, digits, - or _", "name: 1-24 letters, digits, - or _"),
        ("nobody is called 'HELP'", "nobody is called 'HELP'"),
    ],
)
def test_a_refusal_names_commands_as_they_are_typed_here(refusal: str, shown: str) -> None:
    """The server's words are for those who have a line to it."""
    assert typed_here.as_typed(refusal) == shown


def test_help_shows_commands_as_they_are_typed_here() -> None:
    """With their meaning."""
    usages = typed_here.usages_of(Help())
    assert Usage("/msg <name> <text>", "say something to one member") in usages
    assert Usage("/quit", "leave") in usages
    assert Usage("/charset <name>", "speak another charset than UTF-8") not in usages
    assert typed_here.usages_of(Help("msg")) == [
        Usage("/msg <name> <text>", "say something to one member")
    ]


@pytest.mark.parametrize(
    ("address", "server", "udp", "target"),
    [
        (None, None, False, Target("tcp", "127.0.0.1", 7008)),
        (None, None, True, Target("udp", "127.0.0.1", 7008)),
        ("udp:h:1", None, False, Target("udp", "h", 1)),
        (None, "h:1", True, Target("udp", "h", 1)),
        ("[::1]", None, False, Target("tcp", "::1", 7008)),
    ],
)
def test_a_server_is_named_as_people_do(
    address: str | None, server: str | None, udp: bool, target: Target
) -> None:
    """By its place on the line or by an option."""
    assert commands._target(address, server, udp) == target


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["h:abc"], "netdemo: 'h:abc': want HOST[:PORT] or tcp:host=…:port=…\n"),
        (["tcp:h", "--udp"], "netdemo: 'tcp:h' is no address of a chat over UDP\n"),
        (["h", "-s", "i"], "netdemo: two servers, 'h' and 'i'; name one\n"),
    ],
)
def test_a_wrong_address_is_one_line(arguments: list[str], error: str) -> None:
    """And exit code 2."""
    result = CliRunner().invoke(commands.chat, arguments)
    assert result.exit_code == 2
    assert result.output == error


@pytest.mark.parametrize(
    ("login", "name"),
    [("red", "red"), ("DOMAIN\\red.x", "DOMAINredx"), ("é", "guest"), ("x" * 40, "x" * 24)],
)
def test_the_login_name_is_made_a_name(
    login: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the system calls people."""
    monkeypatch.setattr("getpass.getuser", lambda: login)
    assert conversation.login_name() == name


def test_nobody_is_a_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container a user may have no name."""

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert conversation.login_name() == "guest"


class Crowded:
    """A client of a server where some names are taken."""

    def __init__(self, *taken: str) -> None:
        self.taken = taken
        self.tried: list[str] = []

    async def enter(self, name: str) -> str:
        """Take a name."""
        self.tried.append(name)
        if name in self.taken:
            raise RefusedError(Code.TAKEN, f"name {name!r} is taken")
        return name


def finished(coroutine: Any) -> Any:
    """Return or raise what a coroutine that does not wait comes to."""
    results: list[Any] = []
    ensureDeferred(coroutine).addBoth(results.append)
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


def test_a_taken_login_name_gets_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """But a name that the user chose is that or none."""
    monkeypatch.setattr("getpass.getuser", lambda: "r" * 24)
    crowded: Any = Crowded("r" * 24, "r" * 23 + "2")
    finished(conversation.enter(crowded, None))
    assert crowded.tried == ["r" * 24, "r" * 23 + "2", "r" * 23 + "3"]
    with pytest.raises(RefusedError):
        finished(conversation.enter(crowded, "r" * 24))


class Descriptors:
    """A reactor, as far as standard input needs one."""

    def __init__(self) -> None:
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        """Watch a descriptor."""
        self.readers = [reader]

    def removeReader(self, reader: Any) -> None:
        """Watch it no more."""
        self.readers = []


def typed(lines: terminal.PlainLines) -> tuple[list[Any], Any]:
    """Ask for a line; return a list in which it will be."""
    got: list[Any] = []
    ensureDeferred(lines.next()).addBoth(got.append)
    return got, lines


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> tuple[Descriptors, list[bytes]]:
    """Put pieces into standard input."""
    pieces: list[bytes] = []
    monkeypatch.setattr(os, "read", lambda descriptor, length: pieces.pop(0))
    return Descriptors(), pieces


def test_lines_come_one_at_a_time_and_end(piped: tuple[Descriptors, list[bytes]]) -> None:
    """The last one may have no ending; no more is read than is wanted."""
    reactor, pieces = piped
    lines = terminal.PlainLines(reactor)
    pieces += [b"one\ntw", b"o\r\nthree", b""]
    got, _ = typed(lines)
    assert got == []
    reactor.readers[0].doRead()
    assert got == ["one"]
    assert reactor.readers == []
    for expected in ("two", "three", None):
        got, _ = typed(lines)
        while reactor.readers:
            reactor.readers[0].doRead()
        assert got == [expected]
    lines.close()


@pytest.mark.parametrize(
    ("piece", "error"),
    [
        (b"\xff\n", "standard input: b'\\xff' is not UTF-8"),
        (b"x" * 70000, "standard input has a line longer than 65536 bytes"),
    ],
)
def test_what_is_no_line_is_an_error(
    piece: bytes, error: str, piped: tuple[Descriptors, list[bytes]]
) -> None:
    """In one line."""
    reactor, pieces = piped
    lines = terminal.PlainLines(reactor)
    pieces.append(piece)
    got, _ = typed(lines)
    reactor.readers[0].doRead()
    assert isinstance(got[0], Failure)
    assert got[0].check(SettingError)
    assert got[0].getErrorMessage() == error


def test_a_lost_server_ends_the_wait_for_a_line(piped: tuple[Descriptors, list[bytes]]) -> None:
    """Now, and whenever the next one is asked for."""
    reactor, pieces = piped
    lines = terminal.PlainLines(reactor)
    pieces.append(b"one\ntwo\n")
    typed(lines)
    reactor.readers[0].doRead()
    lines.fail(NetError("gone"))
    for _ in range(2):
        got, _ = typed(lines)
        assert got[0].getErrorMessage() == "gone"
