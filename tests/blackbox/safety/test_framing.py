"""However a stream is cut, and whatever comes in it."""

import ast
import contextlib
import re
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.blackbox.conftest import Bench
from tests.blackbox.environments import ROOT, run
from tests.blackbox.safety.conftest import Shows
from tests.blackbox.safety.probe import FULL, sized
from tests.blackbox.safety.watching import connected, doors, to_the_end, until

pytestmark = pytest.mark.slow

Start = Callable[..., Bench]

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"

#: For each door a stream with several requests, whose answers do not depend on the time.
STREAMS = {
    "echo-tcp": b"are you there?\r\nand you?\nand now",
    "chat-tcp": b"PING a\r\nPING b\nHELP\nNICK a b\nWHO\n/nope\nPING c\nQUIT\n",
    "irc": b"CAP LS 302\r\nPING a\r\nCAP END\r\nJOIN\r\nPING b\nQUIT\r\n",
    "files-tcp": b"STAT hello.txt\r\nGET hello.txt\nLIST\nGET nothing\nGET hello.txt 5 5\nQUIT\n",
    "web": GET * 2
    + b"GET /files/hello.txt HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-5\r\n\r\n"
    + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
}

#: What is of its time, and not of the question.
_TIMELY = re.compile(rb"\r\n(Date|Expires): [^\r]*|:\S+ (?=PONG|CAP)")

#: Nobody knows how many come at one time: each connection is one of its own.
OPTIONS = ("--max-conns-per-peer=1000", "--echo-mode=dialog")


def answered(server: Bench, door: str, pieces: Sequence[bytes]) -> bytes:
    """Return what a door answers to a stream that comes in these pieces."""
    with connected(server.port(door)) as sender:
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):  # it may have been ended, or have had enough
            for piece in pieces:
                sender.sendall(piece)
            sender.shutdown(socket.SHUT_WR)
        return _TIMELY.sub(b"", to_the_end(sender))


def cut(stream: bytes, at: Sequence[int]) -> list[bytes]:
    """Cut a stream in pieces."""
    ends = sorted({each for each in at if each < len(stream)})
    return [stream[i:j] for i, j in zip([0, *ends], [*ends, len(stream)], strict=True)]


@pytest.mark.parametrize("door", [each for each in doors("stream") if each in STREAMS])
def test_a_stream_may_be_cut_anywhere(door: str, shared: Start, shows: Shows) -> None:
    """R28: Whole, byte by byte, and at random: the same answers, in the same order."""
    server = shared(*OPTIONS)
    stream = STREAMS[door]
    whole = answered(server, door, [stream])
    assert answered(server, door, [bytes([byte]) for byte in stream]) == whole
    number = sized(30, 1000)

    @settings(max_examples=number, suppress_health_check=[HealthCheck.differing_executors])
    @given(at=st.lists(st.integers(1, len(stream)), max_size=12))
    def check(at: list[int]) -> None:
        assert answered(server, door, cut(stream, at)) == whole

    check()
    shows("any segmentation: the same answers", f"{door} {len(whole)} bytes, {number} ways")
    assert len(whole) > 20


@pytest.mark.parametrize("door", doors("stream"))
def test_random_bytes_raise_nothing(door: str, shared: Start, shows: Shows) -> None:
    """R28: Nor half of what would be valid; the next is served."""
    server = shared(*OPTIONS)
    number = sized(30, 2000)
    stream = STREAMS.get(door, b"hello\n")

    @settings(max_examples=number, suppress_health_check=[HealthCheck.differing_executors])
    @given(data=st.binary(max_size=300), kept=st.integers(0, len(stream)))
    def check(data: bytes, kept: int) -> None:
        answered(server, door, [stream[:kept], data])

    check()
    again = answered(server, door, [stream])
    shows("random bytes: no exception", f"{door} {number} streams")
    assert again
    until(lambda: server.process.poll() is None, "it is alive")
    assert "Traceback" not in server.text


#: Folders whose tests may open real sockets; all others may not.
REAL = {"tests/blackbox", "tests/loopback", "tests/parity"}

#: Watches from below whether anybody opens, binds or connects a socket of the Internet.
WATCH = """
import socket, sys
def watch(event, arguments):
    if event in ("socket.bind", "socket.connect", "socket.sendto"):
        if isinstance(arguments[1], tuple):
            raise AssertionError(f"a real socket: {event} {arguments[1]}")
sys.addaudithook(watch)
"""


def test_no_test_but_those_that_say_so_opens_a_socket(tmp_path: Path, shows: Shows) -> None:
    """R31: The interpreter itself would tell."""
    config = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r"^real_sockets = (\[.*?\])", config, re.MULTILINE | re.DOTALL)
    assert found
    may = set(ast.literal_eval(found[1]))
    (tmp_path / "watching_sockets.py").write_text(WATCH)
    folders = ["tests/echo", "tests/web"]
    if FULL:
        folders = ["tests", *(f"--ignore={each}" for each in sorted(may))]
    words = ["-q", "-p", "no:cacheprovider", "-p", "watching_sockets"]
    words += ["-m", "not slow and not real_sockets", *folders]
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import pytest;"
    script = f"{path} sys.exit(pytest.main({words!r}))"
    done = run(sys.executable, "-c", script, folder=ROOT, patience=1200)
    last = done.stdout.strip().splitlines()[-1]
    shows("sockets blocked: green", f"{last}; only {', '.join(sorted(may))} may")
    assert may == REAL
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in last
