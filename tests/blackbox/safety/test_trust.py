"""Who says that they are somebody: proxies for others, and users for themselves."""

import socket
import statistics
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, Bench, run
from tests.blackbox.safety.conftest import Shows, start, started
from tests.blackbox.safety.probe import FULL, need_option, sized
from tests.blackbox.safety.watching import all_doors, connected, counted, to_the_end, until

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


def test_who_guesses_has_to_wait(known: Bench, shows: Shows) -> None:
    """R25: After five wrong passwords the right one does not help; others are not concerned."""
    first = login(known, "red", "secret", "127.0.25.1")[0]
    wrong = {login(known, "red", f"guess{number}")[0] for number in range(5)}
    sixth = login(known, "red", "secret")[0]
    other = login(known, "red", "secret", "127.0.25.2")[0]
    shows("wrong x 5: a penalty, for that address", f"{wrong}, then {sixth!r}")
    assert first == other == "OK LOGIN red"
    assert wrong == {"ERR 401 wrong account or password"}
    assert sixth.startswith("ERR 429 ")
    assert "secret" not in known.text
    assert "guess" not in known.text


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
