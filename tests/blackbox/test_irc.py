"""IRC as a user meets it: irssi and WeeChat in a terminal, with members of every other door."""

import os
import re
import selectors
import shlex
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, PATIENCE, Bench, peer, run, until
from tests.blackbox.talkers import Talker
from twisted_net.chat.hashing import made

Start = Callable[..., Bench]


class Terminal:
    """A terminal of its own (tmux) with a program in it."""

    def __init__(self, folder: Path, name: str, *command: str) -> None:
        self._socket = str(folder / "tmux")
        self._name = name
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-s", name, "-x", "120", "-y", "40",
            shlex.join(command),
        )  # fmt: skip

    def types(self, *lines: str) -> None:
        """Type lines, each with its Enter."""
        for line in lines:
            self._tmux("send-keys", "-t", self._name, "-l", line)
            self._tmux("send-keys", "-t", self._name, "Enter")

    def shows(self, wanted: str) -> None:
        """Wait until this stands on the screen."""
        over = time.monotonic() + PATIENCE
        while time.monotonic() < over:
            screen = self._tmux("capture-pane", "-p", "-J", "-t", self._name)
            if wanted in screen:
                return
            time.sleep(0.05)
        raise AssertionError(f"no {wanted!r} in:\n{screen}")

    def ends(self) -> None:
        """Wait until the program has ended."""
        ended = self._command("has-session", "-t", self._name)
        until(lambda: run(*ended).returncode, f"{self._name} has ended")

    def kill(self) -> None:
        """End it, whatever it does."""
        run(*self._command("kill-session", "-t", self._name))

    def _tmux(self, *words: str) -> str:
        done = run(*self._command(*words))
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def _command(self, *words: str) -> list[str]:
        return [peer("tmux", "tmux"), "-S", self._socket, *words]


def irssi(home: Path, port: int, nick: str) -> list[str]:
    """Return the command of irssi."""
    where = ["--connect", "127.0.0.1", "--port", str(port), "--nick", nick]
    return [peer("irssi", "irssi"), f"--home={home}", *where]


def weechat(home: Path, port: int, nick: str) -> list[str]:
    """Return the command of WeeChat, which asks for every capability that there is."""
    server = f"/server add here 127.0.0.1/{port} -notls -nicks={nick} -autoconnect"
    everything = '/set irc.server_default.capabilities "*"'
    program = [peer("weechat", "weechat-curses"), "--dir", str(home), "--no-plugin"]
    load = "/plugin load irc"
    return [*program, "-r", load, "-r", everything, "-r", server, "-r", "/connect here"]


CLIENTS = {"irssi": irssi, "weechat": weechat}


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Start programs in terminals that are gone after the test."""
    started: list[Terminal] = []

    def start(name: str, *command: str) -> Terminal:
        started.append(Terminal(tmp_path, name, *command))
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.mark.slow
@pytest.mark.parametrize("client", list(CLIENTS))
def test_a_real_client_talks_with_members_of_every_other_door(
    client: str,
    bench: Start,
    terminal: Callable[..., Terminal],
    talker: Callable[..., Talker],
    tmp_path: Path,
) -> None:
    """It enters, says, hears, changes its name, leaves the room, and leaves."""
    server = bench()
    home = tmp_path / "home"
    here = terminal(client, *CLIENTS[client](home, server.port("irc"), "red"))
    here.shows("Welcome to the netdemo network")
    here.types("/join #lobby")
    here.shows("has joined")
    line = talker(peer("nc", "netcat-openbsd"), "-N", "127.0.0.1", str(server.port("chat-tcp")))
    line.says("NICK blue", "WHO")
    line.hears("OK WHO 2")
    address = f"127.0.0.1:{server.port('chat-udp')}"
    datagrams = talker(str(BIN / "netdemo"), "chat", "--udp", "--nick", "green", "-s", address)
    here.shows("green")
    line.says("hello from nc")
    datagrams.says("grüß dich from udp")
    here.shows("hello from nc")
    here.shows("grüß dich from udp")
    here.types("hello from irc", "/me waves")
    line.hears("SAID lobby red hello from irc")
    line.hears("ACTED lobby red waves")
    datagrams.hears("<red> hello from irc")
    here.types("/nick crimson")
    line.hears("RENAMED red crimson")
    here.types("/msg blue psst")
    line.hears("TOLD crimson psst")
    here.types("/part #lobby bye")
    line.hears("PARTED lobby crimson bye")
    here.types("/quit so long")
    here.ends()


def test_a_bot_of_a_few_lines_is_served(bench: Start, tmp_path: Path) -> None:
    """Password, operators and gateways from files; whoever knows neither is told so."""
    (tmp_path / "password").write_text("sesame\n")
    (tmp_path / "opers").write_text(f"# who may\n{made('root', 'secret')}\n")
    (tmp_path / "gateways").write_text(made("127.0.0.0/8", "hunter2"))
    server = bench(
        "--irc-name=irc.example",
        f"--irc-gateways={tmp_path / 'gateways'}",
        f"--irc-password={tmp_path / 'password'}",
        f"--chat-opers={tmp_path / 'opers'}",
    )
    address = ("127.0.0.1", server.port("irc"))
    with socket.create_connection(address, PATIENCE) as bot, bot.makefile("rw", newline="") as io:
        io.write("PASS sesame\r\nNICK bot\r\nUSER bot 0 * :A bot\r\n")
        io.write("OPER root wrong\r\nOPER root secret\r\nJOIN #lobby\r\nQUIT\r\n")
        io.flush()
        heard = io.read().split("\r\n")
    assert heard[0].startswith(":irc.example 001 bot ")
    told = [line.split(" ")[1] for line in heard if line]
    assert told[told.index("464") :] == [
        "464", "MODE", "381", "JOIN", "353", "366", ":Closing",
    ]  # fmt: skip
    with socket.create_connection(address, PATIENCE) as bot, bot.makefile("rw", newline="") as io:
        io.write("NICK bot\r\nUSER bot 0 * :A bot\r\n")
        io.flush()
        assert " 464 " in io.read()
    with socket.create_connection(address, PATIENCE) as bot, bot.makefile("rw", newline="") as io:
        io.write("WEBIRC hunter2 kiwi 2001:db8::5 2001:db8::5\r\n")
        io.write("PASS sesame\r\nNICK bot\r\nUSER bot 0 * :A bot\r\nWHOIS bot\r\nQUIT\r\n")
        io.flush()
        heard = io.read().split("\r\n")
    assert ":irc.example 320 bot bot :is connected through the gateway kiwi (127.0.0.1)" in heard
    assert heard[-2] == "ERROR :Closing link: 2001:db8::5 (Quit)"


class Crowd:
    """Members of a room who hear all that is said; the last of them never reads.

    Its kernel keeps little of what it does not read: how much is the same on every machine.
    """

    def __init__(self, port: int, size: int) -> None:
        self.heard: dict[socket.socket, bytes] = {}
        self._selector = selectors.DefaultSelector()
        for number in range(size):
            member = socket.socket()
            member.settimeout(PATIENCE)
            if number == size - 1:
                member.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            member.connect(("127.0.0.1", port))
            text = f"NICK m{number}\r\nUSER m 0 * :m\r\nJOIN #a\r\n"
            member.sendall(text.encode())
            self._selector.register(member, selectors.EVENT_READ)
            self.heard[member] = b""
            self.read_until(lambda: b" 366 " in self.heard[member])  # noqa: B023 - called at once
        self.members = list(self.heard)
        self.idle = self.members[-1]
        self._selector.unregister(self.idle)

    def read_until(self, enough: Callable[[], bool]) -> None:
        """Read what members hear until that is enough."""
        over = time.monotonic() + 3 * PATIENCE
        while not enough():
            assert time.monotonic() < over, "it does not come"
            for key, _ in self._selector.select(0.1):
                member = key.fileobj
                assert isinstance(member, socket.socket)
                self.heard[member] += member.recv(1 << 20)

    def close(self) -> None:
        """Let all of them go."""
        self._selector.close()
        for member in self.members:
            member.close()


def resident(process: int) -> int:
    """Return the bytes that a process holds in memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc here")
def test_who_does_not_read_costs_little_and_is_shown_out(bench: Start) -> None:
    """Nobody else misses anything meanwhile (R5)."""
    server = bench("--chat-rate=0", "--max-conns-per-peer=100")
    crowd = Crowd(server.port("irc"), 20)
    talker, reader = crowd.members[:2]
    before = resident(server.process.pid)
    most = 0
    for number in range(4000):
        talker.sendall(b"PRIVMSG #a :%d %s\r\n" % (number, b"x" * 400))
        if number % 20 == 0:
            wanted = b" PRIVMSG #a :%d " % number
            crowd.read_until(lambda: wanted in crowd.heard[reader])  # noqa: B023 - called at once
            most = max(most, resident(server.process.pid) - before)
    crowd.read_until(lambda: b" :3999 " in crowd.heard[reader])
    crowd.read_until(lambda: b" QUIT :send queue full" in crowd.heard[talker])
    said = re.findall(rb" PRIVMSG #a :(\d+) x{400}\r\n", crowd.heard[reader])
    assert said == [b"%d" % number for number in range(4000)]
    assert most < 8 << 20
    crowd.close()


def test_a_line_for_the_file_of_operators_is_made() -> None:
    """By a module that can be run."""
    python = str(BIN / "python")
    done = subprocess.run(
        [python, "-m", "twisted_net.chat.opers", "a b"], capture_output=True, timeout=PATIENCE
    )
    assert done.returncode == 1
    assert done.stderr == b"need one name, without a space or #\n"
