"""What the chat keeps, as a user meets it: restarts, kills, accounts, one line when it cannot."""

import re
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.blackbox.conftest import PATIENCE, Bench, netdemo, until
from twisted_net.chat.hashing import made

Start = Callable[..., Bench]

#: Members who speak at one time, and the lines of each: as many as one may say at once.
TALKERS, LINES = 8, 95


class Member:
    """A member on the line door."""

    def __init__(self, port: int) -> None:
        self.heard: list[str] = []
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._rest = b""

    def says(self, *lines: str) -> None:
        """Type lines."""
        self._socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def hears(self, pattern: str) -> re.Match[str]:
        """Wait for a line that looks so."""
        while True:
            *lines, self._rest = self._rest.split(b"\n", 1)
            for line in lines:
                self.heard.append(line.decode())
                found = re.fullmatch(pattern, self.heard[-1])
                if found is not None:
                    return found
            if not lines:
                more = self._socket.recv(65536)
                assert more, f"no {pattern!r} in {self.heard}"
                self._rest += more

    def rest(self) -> None:
        """Hear all that still comes, until the connection ends."""
        data = self._rest
        try:
            while more := self._socket.recv(65536):
                data += more
        except ConnectionResetError:
            pass
        self.heard += [line.decode() for line in data.split(b"\n")[:-1]]

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


@contextmanager
def member(server: Bench, *first: str) -> Iterator[Member]:
    """Let somebody connect and say their first lines."""
    with closing(Member(server.port("chat-tcp"))) as one:
        one.says(*first)
        yield one


def stored(path: Path) -> list[str]:
    """Return the texts of a file, as another program reads them."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT text FROM event WHERE kind = 1 ORDER BY id").fetchall()
    return [text for (text,) in rows]


@pytest.mark.slow
def test_what_was_delivered_is_there_after_a_kill(bench: Start, tmp_path: Path) -> None:
    """In the middle of many speaking: no hole, nothing twice, and the file opens again."""
    path = tmp_path / "chat.db"
    server = bench("--chat-store", str(path))
    with member(server, "NICK listener") as listener:
        listener.hears("OK JOIN lobby .*")
        talkers = [Member(server.port("chat-tcp")) for _ in range(TALKERS)]
        for n, each in enumerate(talkers):
            each.says(f"NICK t{n}", *(f"{n} says {line}" for line in range(LINES)))
        listener.hears(rf"SAID lobby t\d \d says {LINES // 2}")
        early = len(said(listener))
        until(lambda: len(stored(path)) >= early, "what was heard is kept")
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        listener.rest()
        for each in talkers:
            each.close()
    heard, kept = said(listener), stored(path)
    assert len(kept) >= early
    shared = min(len(heard), len(kept))
    assert kept[:shared] == heard[:shared]
    assert len(set(kept)) == len(kept)
    server = bench("--chat-store", str(path))
    with member(server, "NICK red", "HISTORY lobby 1") as red:
        assert red.hears(r"OLD \S+ lobby t\d (.*)") is not None
        red.hears("OK HISTORY 1")
    server.stop()
    assert [each.name for each in tmp_path.iterdir()] == ["chat.db"]


def said(listener: Member) -> list[str]:
    """Return what somebody heard others say."""
    return [line.split(" ", 3)[3] for line in listener.heard if line.startswith("SAID ")]


@pytest.mark.slow
def test_an_account_and_its_words_outlive_the_server_until_they_are_forgotten(
    bench: Start, tmp_path: Path
) -> None:
    """Registered, restarted, logged in, forgotten."""
    path = tmp_path / "chat.db"
    server = bench("--chat-store", str(path))
    with member(server, "NICK red", "REGISTER red pencil", "the secret is xyzzy") as red:
        red.hears("OK REGISTER red")
        red.says("SEARCH xyzzy", "QUIT")
        red.hears("OLD .* red the secret is xyzzy")
        red.hears("OK BYE")
    done = netdemo("chat", "forget", "red", "--store", str(path))
    assert (done.returncode, b"another server is using it" in done.stderr) == (1, True)
    server.stop()
    server = bench("--chat-store", str(path))
    with member(server, "NICK red", "LOGIN red pencil", "NICK red") as red:
        red.hears("ERR 401 'red' is registered: LOGIN <account> <password>")
        red.hears("OK LOGIN red")
        red.hears("OLD .* lobby red the secret is xyzzy")
    server.stop()
    done = netdemo("chat", "forget", "red", "--store", str(path))
    assert (done.returncode, done.stdout) == (0, b"forgot 'red', 1 message and 0 rooms\n")
    assert b"xyzzy" not in path.read_bytes()


@pytest.mark.slow
def test_a_room_that_is_kept_is_its_founders_after_a_kill(bench: Start, tmp_path: Path) -> None:
    """With its ban, its key, its topic and what was said in it."""
    path = tmp_path / "chat.db"
    server = bench("--chat-store", str(path))
    with member(server, "NICK red", "REGISTER red pencil", "JOIN tea", "MODE tea +P") as red:
        red.says("TOPIC tea news", "SAY tea psst", "MODE tea +kb key blue")
        red.hears(r"OK MODE tea \+kb key blue!\*@\*")
        until(lambda: "blue!" in kept_room(path), "the ban is kept")
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    server = bench("--chat-store", str(path))
    with (
        member(server, "NICK blue", "JOIN tea key") as blue,
        member(server, "NICK green", "JOIN tea", "JOIN tea key") as green,
        member(server, "LOGIN red pencil", "NICK red") as red,
    ):
        blue.hears("ERR 403 banned")
        green.hears("ERR 403 wrong key")
        green.hears("OK JOIN tea 1 .*")
        green.hears("OLD .* tea red psst")
        red.hears("OK NICK red")
        red.says("JOIN tea", "MODE tea", "KICK tea green")
        red.hears(r"MODED tea red \+o red")
        red.hears("TOPIC tea red news")
        red.hears(r"OK MODE tea \+Pntk key")
        green.hears("KICKED tea green .*")
    server.stop()


@pytest.mark.slow
def test_bans_and_what_accounts_tell_outlive_the_server(bench: Start, tmp_path: Path) -> None:
    """Set through IRC, and there on all doors the next time."""
    opers = tmp_path / "opers"
    opers.write_text(made("root", "secret"))
    options = ("--chat-store", str(tmp_path / "chat.db"), "--chat-opers", str(opers))
    server = bench(*options)
    with on_irc(server, "NICK red", "USER r 0 * :R", "REGISTER * * pencil") as red:
        red.hears(r".* REGISTER SUCCESS .*\r")
        red.says("METADATA * SET url :http://example.com", "OPER root secret", "KLINE 1d bad* :no")
        red.hears(r".* NOTICE red :bad\*!\*@\* is banned until .*\r")
    server.stop()
    server = bench(*options)
    with member(server, "NICK badger") as bad, member(server, "NICK good") as good:
        bad.hears("ERR 403 banned from this server: no")
        good.hears("OK NICK good")
    caps = "CAP REQ :batch draft/metadata-2 sasl"
    with on_irc(server, caps, "AUTHENTICATE PLAIN", "AUTHENTICATE AHJlZABwZW5jaWw=") as red:
        red.says("NICK red", "USER r 0 * :R", "CAP END")
        red.hears(r"@batch=\S+ :\S+ METADATA red url \* http://example.com\r")
        red.hears(r".* 376 .*\r")
    server.stop()


@contextmanager
def on_irc(server: Bench, *first: str) -> Iterator[Member]:
    """Let somebody connect to the IRC door and say their first lines."""
    with closing(Member(server.port("irc"))) as one:
        one.says(*first)
        yield one


def kept_room(path: Path) -> str:
    """Return what a file has of the only room that is kept."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT record FROM room").fetchall()
    return "".join(record for (record,) in rows)


@pytest.mark.parametrize(
    ("option", "content", "why"),
    [
        ("--chat-store", b"a letter " * 100, "file is not a database"),
        ("--auth", b"", "has no users; need lines of name:password"),
    ],
)
def test_a_file_of_no_use_keeps_the_start(
    bench: Start, tmp_path: Path, option: str, content: bytes, why: str
) -> None:
    """One line, and nothing is left open."""
    path = tmp_path / "file"
    path.write_bytes(content)
    value = f"file:{path}" if option == "--auth" else str(path)
    done = netdemo("serve", option, value, "--interface", "127.0.0.1")
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(f"netdemo: {option}")
    assert why in line
    assert path.read_bytes() == content
