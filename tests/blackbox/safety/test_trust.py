"""Who says that they are somebody: proxies for others, and users for themselves."""

import re
import socket
import statistics
import struct
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from tests.blackbox.conftest import BIN, Bench, run
from tests.blackbox.safety.conftest import Shows, start, started
from tests.blackbox.safety.probe import FULL, need_option, sized
from tests.blackbox.safety.watching import all_doors, connected, counted, to_the_end, until
from twisted_net.chat.accounts.penalties import EVERY
from twisted_net.chat.hashing import made

pytestmark = pytest.mark.slow

Start = Callable[..., Bench]

#: The first bytes of version 2 of the PROXY protocol.
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def second_version(source: str, port: int, command: int = 0x21, length: int = 12) -> bytes:
    """Return a header of version 2 for a TCP connection over IPv4."""
    addresses = socket.inet_aton(source) + socket.inet_aton("127.0.0.1")
    return (
        SIGNATURE
        + struct.pack("!BBH", command, 0x11, length)
        + addresses
        + struct.pack("!HH", port, 7009)
    )


SOUND = {
    "version 1": b"PROXY TCP4 192.0.2.77 127.0.0.1 4000 7009\r\n",
    "version 2": second_version("192.0.2.77", 4000),
}

FORGED = {
    "an address that is none": b"PROXY TCP4 999.2.3.4 127.0.0.1 4000 7009\r\n",
    "an address of another family": b"PROXY TCP4 ::1 127.0.0.1 4000 7009\r\n",
    "a port that is none": b"PROXY TCP4 192.0.2.77 127.0.0.1 99999 7009\r\n",
    "an escape sequence": b"PROXY TCP4 \x1b[2J 127.0.0.1 4000 7009\r\n",
    "no header": b"GET hello.txt\n",
    "a line without an end": b"PROXY TCP4 " + b"1" * 500,
    "a command that is none": second_version("192.0.2.77", 4000, 0x2F),
    "a length that is too small": second_version("192.0.2.77", 4000, length=3),
    "a version that is none": second_version("192.0.2.77", 4000, 0x31),
}

ASKED = b"STAT hello.txt\nQUIT\n"


@pytest.fixture
def proxied() -> Iterator[Bench]:
    """Start a server that believes what comes from 127.0.0.1, and from nowhere else."""
    need_option("--proxy-from", "the PROXY protocol")
    with started("--proxy-from=127.0.0.1", "--max-conns-per-peer=3") as server:
        yield server


def answered(
    server: Bench, words: bytes, source: str = "127.0.0.1", byte_wise: bool = False
) -> bytes:
    """Return what the line door of files answers."""
    with connected(server.port("files-tcp"), source) as asker:
        asker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in [bytes([byte]) for byte in words] if byte_wise else [words]:
                asker.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            return b""
        return to_the_end(asker)


def test_a_forged_header_is_cut(proxied: Bench, shows: Shows) -> None:
    """R29: And its address appears nowhere."""
    answers = {name: answered(proxied, words + ASKED) for name, words in FORGED.items()}
    lines = proxied.text.partition("netdemo is listening")[2]
    served = [name for name, said in answers.items() if b"OK " in said]
    shows(f"{len(FORGED)} bad headers: cut, nothing of them in the log", f"{len(served)} served")
    assert served == []
    assert "999.2.3.4" not in lines
    assert "192.0.2.77" not in lines
    assert "\x1b" not in lines


@pytest.mark.parametrize("version", SOUND)
def test_a_header_may_be_cut_at_each_byte(version: str, proxied: Bench, shows: Shows) -> None:
    """R29: It says whose connection it is, and the limits count them."""
    whole = answered(proxied, SOUND[version] + ASKED)
    cut = answered(proxied, SOUND[version] + ASKED, byte_wise=True)
    logged = answered(proxied, SOUND[version] + b"hello.txt\n")
    line = proxied.wait_for(r"sent 'hello.txt' to '([\d.]+):(\d+)'")
    shows("split at each byte: the same; the log has the peer", f"{version}: {line[1]}")
    assert whole == cut
    assert b"OK file " in whole
    assert logged
    assert (line[1], line[2]) == ("192.0.2.77", "4000")


def test_nobody_else_is_believed(proxied: Bench, shows: Shows) -> None:
    """R29: A header from an address that was not named is no header."""
    said = [answered(proxied, header + ASKED, "127.0.0.9") for header in SOUND.values()]
    plain = answered(proxied, ASKED, "127.0.0.9")
    dropped = counted(proxied, "files-tcp")
    shows("from an untrusted source: cut", f"{sum(b'OK ' in each for each in said)} served")
    assert not any(b"OK " in each for each in said)
    assert b"OK file " in plain
    assert "192.0.2.77" not in proxied.text
    assert any(name.startswith("dropped proxy") for name in dropped), dropped


def test_the_limits_count_who_is_behind_the_proxy(proxied: Bench, shows: Shows) -> None:
    """R29: Three of one address, and three of another; not three of the proxy."""
    port = proxied.port("echo-tcp")
    held, busy = [], 0
    for address in ("192.0.2.1", "192.0.2.2"):
        for _ in range(5):
            one = connected(port)
            held.append(one)
            one.sendall(b"PROXY TCP4 %b 127.0.0.1 4000 7\r\nhello" % address.encode())
            busy += b"BUSY" in one.recv(100)
    shows("3 connections each for 2 peers behind one proxy", f"{len(held) - busy} of {len(held)}")
    for each in held:
        each.close()
    until(lambda: not counted(proxied, "echo-tcp").get("open"), "all have left")
    assert busy == 4


# Users


def users(folder: Path, content: str, mode: int = 0o600) -> Path:
    """Return a file of users."""
    file = folder / "users"
    file.write_text(content)
    file.chmod(mode)
    return file


def need_auth() -> None:
    """Skip the test where there are no users."""
    need_option("--auth", "--auth by strcred")


def test_a_file_without_users_is_refused(tmp_path: Path, shows: Shows) -> None:
    """R25: A server that everybody thinks is closed must not be open."""
    need_auth()
    empty = users(tmp_path, "")
    done = run(str(BIN / "netdemo"), "serve", *all_doors(), f"--auth=file:{empty}")
    shows("an empty file of users: refuses to start", done.stderr.decode().strip())
    assert done.returncode != 0
    assert done.stderr.count(b"\n") == 1


def test_a_file_that_everybody_can_read_is_told(tmp_path: Path, shows: Shows) -> None:
    """R25: At the start."""
    need_auth()
    file = users(tmp_path, "red:secret\n", 0o644)
    server = start(f"--auth=file:{file}")
    server.stop()
    said = [line for line in server.output if str(file) in line and "#warn]" in line]
    shows("a world-readable file: warns", said[:1])
    assert said


def login(
    server: Bench, account: str, password: str, source: str = "127.0.0.1"
) -> tuple[str, float]:
    """Log in on the line door of the chat; return the answer, and the seconds that it took."""
    with connected(server.port("chat-tcp"), source) as asker:
        lines = asker.makefile("r")
        assert lines.readline().startswith("HELLO")
        began = time.perf_counter()
        asker.sendall(f"LOGIN {account} {password}\n".encode())
        answer = lines.readline().strip()
        took = time.perf_counter() - began
        lines.close()
    return answer, took


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Bench]:
    """Start a server that knows one user."""
    need_auth()
    file = users(tmp_path, "red:secret")
    with started(f"--auth=file:{file}", "--max-conns-per-peer=1000") as server:
        yield server


T = TypeVar("T")


def in_time(guess: Callable[[int], T]) -> T:
    """Return what some guesses come to that are made before an address is given one back.

    :param guess: is told how often it was called before: each time it has to use other addresses.
    """
    for number in range(5):
        began = time.monotonic()
        found = guess(number)
        if time.monotonic() < began + EVERY:
            return found
    pytest.skip(f"this machine is so busy that five guesses take more than {EVERY:g} s")


def test_who_guesses_has_to_wait(known: Bench, shows: Shows) -> None:
    """R25: After five wrong passwords the right one does not help; others are not concerned."""

    def guess(attempt: int) -> tuple[str, set[str], str, str]:
        first = login(known, "red", "secret", f"127.0.24.{attempt}")[0]
        source = f"127.0.25.{attempt}"
        wrong = {login(known, "red", f"guess{number}", source)[0] for number in range(5)}
        sixth = login(known, "red", "secret", source)[0]
        return first, wrong, sixth, login(known, "red", "secret", f"127.0.24.{attempt}")[0]

    first, wrong, sixth, other = in_time(guess)
    shows("wrong x 5: a penalty, for that address", f"{wrong}, then {sixth!r}")
    assert first == other == "OK LOGIN red"
    assert wrong == {"ERR 401 wrong account or password"}
    assert sixth.startswith("ERR 429 ")
    assert "secret" not in known.text
    assert "guess" not in known.text


def on_irc(server: Bench, source: str, *lines: str) -> str:
    """Say lines on the IRC door, and leave; return what was said there."""
    with connected(server.port("irc"), source) as client:
        client.sendall("".join(f"{line}\r\n" for line in (*lines, "QUIT")).encode())
        return to_the_end(client).decode()


REGISTERED = ("NICK guest", "USER guest 0 * :guest")


def by_pass(server: Bench, word: str, source: str) -> str:
    """Say the password of the server."""
    said = on_irc(server, source, f"PASS {word}", *REGISTERED)
    return said.splitlines()[-1] if " 001 " not in said else "in"


def by_oper(server: Bench, word: str, source: str) -> str:
    """Say the password of an operator."""
    said = on_irc(server, source, "PASS secret", *REGISTERED, f"OPER root {word}")
    return next((line for line in said.splitlines() if re.search(" 464 | 381 |FAIL", line)), said)


def by_sasl(server: Bench, word: str, source: str) -> str:
    """Say the password of an account, by SASL."""
    proof = b64encode(f"\0red\0{word}".encode()).decode()
    lines = ("CAP REQ sasl", "AUTHENTICATE PLAIN", f"AUTHENTICATE {proof}")
    said = on_irc(server, source, *lines)
    return next((line for line in said.splitlines() if re.search(" 90[345] ", line)), said)


def by_line(server: Bench, word: str, source: str) -> str:
    """Say the password of an account to the line door."""
    return login(server, "red", word, source)[0]


def by_hook(server: Bench, word: str, source: str) -> str:
    """Post something with a token."""
    head = f"POST /hook/lobby HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {word * 3}\r\n"
    with connected(server.port("web"), source) as client:
        client.sendall(f"{head}Content-Length: 2\r\nConnection: close\r\n\r\nhi".encode())
        return to_the_end(client).decode().splitlines()[0]


#: Ways to say a password, what a wrong one is answered, and a right one, and one too many.
WAYS: dict[str, tuple[Callable[[Bench, str, str], str], str, str, str]] = {
    "PASS": (by_pass, "password incorrect", "in", "too many wrong passwords: wait"),
    "OPER": (by_oper, " 464 ", " 381 ", "RATE_LIMITED :Too many wrong passwords: wait"),
    "SASL": (by_sasl, " 904 ", " 903 ", " 904 "),
    "LOGIN": (by_line, "ERR 401 ", "OK LOGIN red", "ERR 429 too many wrong passwords: wait"),
    "token": (by_hook, " 401 ", " 404 ", " 429 "),  # nobody is there who could hear it
}


@pytest.fixture
def everywhere(tmp_path: Path) -> Iterator[Bench]:
    """Start a server where passwords of all kinds are asked for; all of them are "secret"."""
    need_auth()
    for name, text in (
        ("users", "red:secret"),
        ("opers", made("root", "secret")),
        ("password", "secret"),
        ("hooks.toml", f"[lobby]\ntoken = '{'secret' * 3}'\n"),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    with started(
        f"--auth=file:{tmp_path}/users",
        f"--chat-opers={tmp_path}/opers",
        f"--irc-password={tmp_path}/password",
        f"--chat-hooks={tmp_path}/hooks.toml",
        "--max-conns-per-peer=1000",
    ) as server:
        yield server


def guessed(server: Bench, way: str, number: int, attempt: int) -> dict[str, str]:
    """Guess five times in one way; return what a right one is answered in every way."""
    source = f"127.0.{100 + attempt}.{number}"
    say, wrong = WAYS[way][:2]
    for _ in range(5):
        heard = say(server, "guess", source)
        assert wrong in heard, (way, heard)
    # An operator says the password of the server first, and comes no farther.
    return {each: WAYS[each][0](server, "secret", source) for each in WAYS if each != "OPER"}


def test_who_guesses_at_one_door_has_to_wait_at_all(everywhere: Bench, shows: Shows) -> None:
    """R25: Each of them counts for every other; another address is not concerned."""
    for number, (way, (say, _, right, _)) in enumerate(WAYS.items()):
        told = in_time(partial(guessed, everywhere, way, number))
        answers = ", ".join(f"{each} {answer.strip()[-50:]!r}" for each, answer in told.items())
        shows(f"5 wrong by {way}: a penalty at every door", answers)
        for each, answer in told.items():
            assert WAYS[each][3] in answer, (way, each, answer)
        elsewhere = say(everywhere, "secret", f"127.0.27.{number}")
        assert right in elsewhere, (way, elsewhere)
    assert "secret" not in everywhere.text
    assert "guess" not in everywhere.text


def test_time_tells_nothing_of_users(known: Bench, shows: Shows) -> None:
    """R25: A wrong password takes as long for a user who is there as for one who is not."""
    tries = sized(40, 500)
    took: dict[str, list[float]] = {"red": [], "nobody": []}
    login(known, "red", "warm", "127.25.255.1")
    for number in range(tries):
        source = f"127.25.{number // 250}.{1 + number % 250}"  # each may guess wrong five times
        for account, times in took.items():
            answer, seconds = login(known, account, "wrong", source)
            assert answer == "ERR 401 wrong account or password"
            times.append(seconds)
    there, not_there = (statistics.median(times) for times in took.values())
    shows(
        f"{2 * tries} tries: medians within noise",
        f"{there * 1000:.2f} and {not_there * 1000:.2f} ms",
    )
    assert 0.5 < there / not_there < 2 or not FULL
