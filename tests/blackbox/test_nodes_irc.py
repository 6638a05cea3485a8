"""IRC clients on two installed servers that share one chat: what each sees of the other's."""

import contextlib
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.blackbox.conftest import PATIENCE, Bench
from tests.blackbox.test_nodes import NOTICED
from tests.loopback.engines import Engine

pytest.importorskip("txredisapi", reason="txredisapi is not installed (extra redis)")
pytestmark = pytest.mark.slow  # two servers, a broker, and a node that dies

Start = Callable[..., Bench]

#: What a client of today asks for.
CAPABILITIES = "message-tags server-time batch echo-message draft/chathistory"

_TAG = re.compile(r"(?:^@|;)msgid=([^; ]+)")


class Irc:
    """A client that shows everything as it came.

    :ivar heard: lines, without their tags.
    :ivar tagged: the same lines with them.
    """

    def __init__(self, bench: Bench, nick: str) -> None:
        self.heard: list[str] = []
        self.tagged: list[str] = []
        self._changed = threading.Condition()
        bench.wait_for("takes part in the chat")
        self._socket = socket.create_connection(("127.0.0.1", bench.port("irc")), PATIENCE)
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.says(f"CAP REQ :{CAPABILITIES}", f"NICK {nick}", f"USER {nick} 0 * :{nick}", "CAP END")

    def says(self, *lines: str) -> None:
        """Send lines."""
        self._socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def hears(self, pattern: str, patience: float = PATIENCE, since: int = 0) -> str:
        """Wait for a line, and return the first one."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._found(pattern, since), patience)
            assert found, f"no {pattern!r} in {self.heard[-30:]}"
            return self._found(pattern, since)

    def messages(self, room: str) -> list[tuple[str, str, str]]:
        """Return who said what in a room, and under which id, in the order in which it came."""
        said = re.compile(rf"(?:@(\S+) )?:([^!]+)!\S+ PRIVMSG {room} :(.*)")
        matches = (said.fullmatch(line) for line in list(self.tagged))
        return [(m[2], m[3], _TAG.findall("@" + m[1])[0]) for m in matches if m]

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _found(self, pattern: str, since: int) -> str:
        return next((line for line in self.heard[since:] if re.fullmatch(pattern, line)), "")

    def _read(self) -> None:
        with contextlib.suppress(OSError), self._socket.makefile("rb") as lines:
            for line in lines:
                text = line.decode().rstrip("\r\n")
                if text.startswith("PING "):
                    self.says(text.replace("PING", "PONG", 1))
                with self._changed:
                    self.tagged.append(text)
                    self.heard.append(text.partition(" ")[2] if text[:1] == "@" else text)
                    self._changed.notify_all()


@pytest.fixture
def clients() -> Iterator[Callable[..., Irc]]:
    """Connect clients that are gone after the test."""
    made: list[Irc] = []

    def connect(bench: Bench, nick: str) -> Irc:
        made.append(Irc(bench, nick))
        return made[-1]

    yield connect
    for each in made:
        each.close()


def enter(red: Irc, blue: Irc) -> None:
    """Let both enter a room: who enters is seen, and its first member is its operator."""
    red.says("JOIN #team")
    red.hears(r":\S+ 366 red #team :.*")
    blue.says("JOIN #team")
    red.hears(r":blue!\S+ JOIN #team")
    names = blue.hears(r":\S+ 353 blue . #team :.*").rpartition(":")[2]
    assert set(names.split()) == {"@red", "blue"}


def talk(red: Irc, blue: Irc) -> list[str]:
    """Let both talk at one time; return the ids, which are the same, in one order, for both."""
    for number in range(30):
        red.says(f"PRIVMSG #team :r{number}")
        blue.says(f"PRIVMSG #team :b{number}")
    for each in (red, blue):
        each.hears(r":red!\S+ PRIVMSG #team :r29")
        each.hears(r":blue!\S+ PRIVMSG #team :b29")
    said = red.messages("#team")
    assert said == blue.messages("#team")
    assert len(said) == len({msgid for _, _, msgid in said}) == 60
    assert [text for who, text, _ in said if who == "red"] == [f"r{n}" for n in range(30)]
    return [msgid for _, _, msgid in said]


def remember(each: Irc, msgids: list[str]) -> None:
    """Ask for what was said."""
    before = len(each.tagged)
    each.says("CHATHISTORY LATEST #team * 50")
    each.hears(r":\S+ BATCH -\S+", since=before)
    lines = [line for line in each.tagged[before:] if "PRIVMSG" in line]
    assert [_TAG.findall(line)[0] for line in lines] == msgids[-50:]


def look(red: Irc, blue: Irc) -> None:
    """Tell somebody something, and look them up, over there."""
    blue.says("PRIVMSG red :psst", "AWAY :lunch")
    red.hears(r":blue!\S+ PRIVMSG red :psst")
    blue.hears(r":\S+ 306 blue :.*")
    red.says("WHOIS blue")
    red.hears(r":\S+ 311 red blue ~blue \S+ \* :?blue")
    red.hears(r":\S+ 301 red blue :?lunch")
    red.hears(r":\S+ 318 red \S+ :.*")


def rule(red: Irc, blue: Irc, green: Irc) -> None:
    """Set topic and modes, and throw somebody out: that holds on both."""
    red.says("TOPIC #team :one network", "MODE #team +v blue", "MODE #team +m")
    blue.hears(r":red!\S+ TOPIC #team :one network")
    blue.hears(r":red!\S+ MODE #team \+v blue")
    blue.hears(r":red!\S+ MODE #team \+m")
    green.says("JOIN #team", "PRIVMSG #team :may I?", "TOPIC #team :mine", "KICK #team blue")
    green.hears(r":\S+ 332 green #team :one network")
    green.hears(r":\S+ 404 green #team :.*")
    green.hears(r":\S+ 482 green #team :.*")
    red.says("KICK #team green :enough", "MODE #team +b green!*@*")
    green.hears(r":red!\S+ KICK #team green :enough")
    blue.hears(r":red!\S+ KICK #team green :enough")
    blue.hears(r":red!\S+ MODE #team \+b green!\*@\*")
    green.says("JOIN #team")
    green.hears(r":\S+ 474 green #team :.*")
    blue.says("MODE #team")
    blue.hears(r":\S+ 324 blue #team \+\w*m\w*")


def test_irc_is_one_network_on_two_servers(
    bench: Start, engine: Engine, clients: Callable[..., Irc]
) -> None:
    """Rooms, names, modes, topics and history are the same on both, in one order."""
    option = f"--chat-bus=redis:{engine.endpoint}"
    here, there = bench(option), bench(option)
    red, blue = clients(here, "red"), clients(there, "blue")
    red.hears(r":\S+ 001 red :.*")
    blue.hears(r":\S+ 001 blue :.*")
    enter(red, blue)
    msgids = talk(red, blue)
    remember(red, msgids)
    remember(blue, msgids)
    look(red, blue)
    green = clients(there, "green")
    rule(red, blue, green)

    # A name is one member's: asked for at one time on both, one of them gets it.
    blue.says("NICK RED")
    blue.hears(r":\S+ 433 blue RED :.*")
    twins = [clients(each, "twin") for each in (here, there)]
    answers = sorted(each.hears(r":\S+ (001|433) .*").split()[1] for each in twins)
    assert answers == ["001", "433"]

    # One leaves, and one node dies: both are seen leaving, the second as a netsplit.
    green.says("JOIN #other", "QUIT :bye")
    green.hears(r"ERROR .*")
    there.stop(signal.SIGKILL)
    red.hears(r":blue!\S+ QUIT :\*\.net \*\.split", NOTICED)
    again = clients(here, "blue")
    again.hears(r":\S+ 001 blue :.*")
    again.says("JOIN #team", "PRIVMSG #team :again")
    red.hears(r":blue!\S+ JOIN #team")
    again.hears(r":\S+ 404 blue #team :.*")
    here.stop()
