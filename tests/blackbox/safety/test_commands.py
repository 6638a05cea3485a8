"""Commands in any form, and peers that end in any way."""

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.blackbox.conftest import BIN, PATIENCE, Bench, peer, run, serving
from tests.blackbox.safety.conftest import Shows
from tests.blackbox.safety.probe import FULL, sized
from tests.blackbox.safety.watching import (
    MEGABYTE,
    all_doors,
    connected,
    counted,
    descriptors,
    doors,
    reset,
    to_the_end,
    until,
)

pytestmark = pytest.mark.slow

Start = Callable[..., Bench]

#: What may stand behind a command's word.
PARAMETERS = (
    "",
    " ",
    " x",
    " x y",
    " :",
    " ::",
    " \N{SNOWMAN} \N{SNOWMAN}",
    " ,,,",
    " #" + "x" * 200,
    " *",
    " -1 99999999999999999999",
    " " + " ".join(["x"] * 50),
    " {x.password} %s {0}",
)

#: The commands of RFC 1459 and 2812, of IRCv3, and some that are none.
IRC = re.findall(
    r"\S+",
    "PASS NICK USER SERVER OPER SERVICE QUIT SQUIT JOIN PART MODE TOPIC NAMES LIST INVITE KICK "
    "PRIVMSG NOTICE MOTD LUSERS VERSION STATS LINKS TIME CONNECT TRACE ADMIN INFO SERVLIST SQUERY "
    "WHO WHOIS WHOWAS KILL PING PONG ERROR AWAY REHASH DIE RESTART SUMMON USERS WALLOPS USERHOST "
    "ISON CAP AUTHENTICATE TAGMSG BATCH CHATHISTORY MONITOR SETNAME 001 x : @a=b @ :x",
)


class Line:
    """One connection to a door that takes lines, and what it says."""

    def __init__(self, server: Bench, door: str) -> None:
        self.socket = connected(server.port(door))
        self._lines = self.socket.makefile("rb")
        self._fences = 0

    def says(self, line: str | bytes) -> None:
        """Send a line."""
        data = line.encode() if isinstance(line, str) else line
        self.socket.sendall(data + b"\n")

    def survives(self) -> bool:
        """Say whether it still answers; what comes before the answer is passed over."""
        self._fences += 1
        fence = f"fence{self._fences}"
        with contextlib.suppress(OSError):
            self.says(f"PING {fence}")
            for line in self._lines:
                if fence.encode() in line or b" 451 " in line:
                    return True
        return False

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self.socket.close()


def chat_commands(server: Bench) -> list[str]:
    """Return the words that the chat says it knows."""
    line = Line(server, "chat-tcp")
    line.says("HELP")
    line.says("QUIT")
    said = to_the_end(line.socket).decode()
    line.close()
    return re.findall(r"^HELP (\w+)", said, re.MULTILINE)


GREETINGS = {"chat-tcp": ["NICK somebody"], "irc": ["NICK somebody", "USER a 0 * :a"]}


@pytest.mark.parametrize("door", ["chat-tcp", "irc"])
@pytest.mark.parametrize("greeted", [False, True])
def test_no_command_ends_the_connection(
    door: str, greeted: bool, shared: Start, shows: Shows
) -> None:
    """R26: With no, one, two, fifty parameters, before a name and after: an answer, and on."""
    if door not in doors("stream"):
        pytest.skip("not built yet: IRC")
    server = shared("--max-conns-per-peer=1000")
    words = IRC if door == "irc" else [*chat_commands(server), "/nick", "/", "//", "/x", "\u202e"]
    assert len(words) > 10
    tried, ended = 0, []
    line = None
    for word in words:
        for parameters in PARAMETERS:
            if line is None:
                line = Line(server, door)
                for each in GREETINGS[door] if greeted else ():
                    line.says(each)
            line.says(word + parameters)
            tried += 1
            if not line.survives():
                if word not in ("QUIT", "ERROR", "SQUIT", "DIE"):
                    ended.append(word + parameters[:20])
                line.close()
                line = None
            elif tried % 40 == 0:  # a member may do a hundred things at once, and then a few
                line.close()
                line = None
    if line is not None:
        line.close()
    shows("an answer, the connection stays", f"{door} {tried} lines, {len(ended)} ended it")
    assert ended == []


WORD = st.one_of(
    st.sampled_from(["NICK", "JOIN", "PART", "SAY", "TELL", "WHO", "ROOMS", "USE", "ME", "HELP"]),
    st.text(max_size=30),
)
LINES = st.lists(
    st.one_of(
        st.lists(WORD, max_size=4).map(lambda words: " ".join(words).encode(errors="replace")),
        st.binary(max_size=60),
    ).map(lambda line: line.replace(b"\n", b" ").replace(b"QUIT", b"quit")),
    max_size=12,
)


@settings(max_examples=sized(40, 1000), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES)
def test_no_conversation_breaks_the_chat(lines: list[bytes], shared: Start) -> None:
    """R26: Whatever is typed, in whatever order; no exception, and the next is answered."""
    server = shared("--max-conns-per-peer=1000")
    line = Line(server, "chat-tcp")
    try:
        for each in lines:
            line.says(each.lstrip(b"/"))
        assert line.survives()
    finally:
        line.close()
    assert "Traceback" not in server.text


# Ends of all kinds

NOTHING = b"0" * 64

#: How far a connection to a door can be when it ends.
STATES: dict[str, tuple[bytes, ...]] = {
    "echo-tcp": (b"", b"hello"),
    "chat-tcp": (b"", b"NI", b"NICK red\n", b"NICK red\nJOIN games\nhel", b"HELP\n" * 200),
    "irc": (
        b"",
        b"NI",
        b"NICK red\r\nUSER a 0 * :a\r\n",
        b"NICK red\r\nUSER a 0 * :a\r\nJOIN #x\r\n",
    ),
    "files-tcp": (
        b"",
        b"GET",
        b"GET big\n",
        b"GET big\nGET big\nSUM big\n",
        b"big\n",
        b"PUT new 1000 " + NOTHING + b"\nhalf",
    ),
    "web": (
        b"",
        b"GET /",
        b"GET /files/big HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /files/?zip HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf",
    ),
}


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file that takes a while."""
    folder = tmp_path_factory.mktemp("busy")
    (folder / "big").write_bytes(bytes(20 * MEGABYTE))
    return folder


def half_close(connection: socket.socket) -> None:
    """Say nothing more, and wait for the end."""
    connection.shutdown(socket.SHUT_WR)
    to_the_end(connection)
    connection.close()


def shut(connection: socket.socket) -> None:
    """Go in the middle of what comes."""
    connection.shutdown(socket.SHUT_WR)
    connection.close()


@pytest.mark.parametrize("end", [reset, half_close, shut])
@pytest.mark.parametrize("door", doors("stream"))
def test_nothing_is_left_of_who_has_gone(
    door: str, end: Callable[[socket.socket], None], shared: Start, busy: Path, shows: Shows
) -> None:
    """R27: Whatever it was doing: no connection, no member, no transfer, no descriptor."""
    server = shared(f"--files-root={busy}", "--files-write=yes")
    until(lambda: not counted(server, door).get("open"), "nobody is there")
    before, states = descriptors(server), STATES.get(door, (b"", b"hello"))
    for state in states:
        connection = connected(server.port(door))
        connection.sendall(state)
        if state:
            connection.settimeout(0.1)
            with contextlib.suppress(TimeoutError):
                connection.recv(1)
            connection.settimeout(PATIENCE)
        end(connection)
    until(lambda: not counted(server, door).get("open"), f"all have left {door}")
    until(lambda: descriptors(server) <= before, "all descriptors are back")
    members = who(server)
    shows("nothing left", f"{door}, {end.__name__} in {len(states)} states: {len(members)} members")
    assert members == []


def who(server: Bench) -> list[str]:
    """Return who is in the lobby besides who asks."""
    line = Line(server, "chat-tcp")
    line.says("NICK asker\nWHO\nQUIT")
    said = to_the_end(line.socket).decode()
    line.close()
    members = re.findall(r"^MEMBER lobby (\S+)", said, re.MULTILINE)
    return [each for each in members if each != "asker"]


REPLIES = {
    "echo-tcp": (b"hello", b"hello"),
    "chat-tcp": (b"PING here", b"PONG here\n"),
    "files-tcp": (b"STAT big", b"OK file "),
    "web": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 200 "),
}


@pytest.mark.parametrize("door", REPLIES)
def test_a_half_close_gets_its_reply(door: str, shared: Start, busy: Path, shows: Shows) -> None:
    """R27: What was asked before it is answered."""
    server = shared(f"--files-root={busy}", "--files-write=yes")
    question, wanted = REPLIES[door]
    with connected(server.port(door)) as asker:
        asker.sendall(question)
        asker.shutdown(socket.SHUT_WR)
        said = to_the_end(asker)
    shows("the reply, after a half-close", f"{door} {len(said)} bytes")
    assert wanted in said


@pytest.fixture
def isolated() -> Iterator[Bench]:
    """Start a server in a network of its own."""
    unshare, ip = peer("unshare", "util-linux"), peer("ip", "iproute2")
    peer("nsenter", "util-linux")
    if os.geteuid() or run(unshare, "--net", ip, "link").returncode:
        pytest.skip("only root may make a network of its own")
    words = [str(BIN / "twistd"), "-n", "--pidfile=", "netdemo", *all_doors(), "--keepalive=1:1:3"]
    script = 'ip link set lo up && exec "$@"'
    with serving(unshare, "--net", "sh", "-c", script, "sh", *words) as server:
        yield server


def test_a_peer_whose_network_is_gone_is_noticed(isolated: Bench, shows: Shows) -> None:
    """R27: By keepalive, with no word from it."""
    inside = ["nsenter", "--target", str(isolated.process.pid), "--net"]
    port = str(isolated.port("chat-tcp"))
    client = subprocess.Popen(
        [*inside, peer("nc", "netcat-openbsd"), "127.0.0.1", port],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(b"NICK red\n")
        client.stdin.flush()
        assert client.stdout.readline()
        assert client.stdout.readline() == b"OK NICK red\n"
        assert counted(isolated, "chat-tcp")["open"] == 1
        began = time.monotonic()
        assert run(*inside, "ip", "link", "set", "lo", "down").returncode == 0
        until(lambda: not counted(isolated, "chat-tcp").get("open"), "it is noticed")
        took = time.monotonic() - began
    finally:
        client.kill()
        client.communicate()
    shows("keepalive 1:1:3: noticed in 5 s", f"{took:.1f} s")
    assert took <= 5 or not FULL
