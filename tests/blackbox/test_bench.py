"""``python -m bench`` as a developer runs it, and servers that answer wrongly."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import building, echo
from bench.processes import PATIENCE, Running, family
from bench.rounds import Measured, Servers, measure
from bench.rows import Row, Server
from tests.blackbox import environments
from tests.blackbox.conftest import gone, until, unused_port
from tests.blackbox.environments import ROOT

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the bench needs epoll"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="cc is not installed (package gcc)"),
]

#: How long a round lasts: enough for an answer, where many others want the processors too.
SECONDS = 0.25

#: A server whose answers are made by the expression that is put in, of the bytes ``data``.
OWN_ECHO = """
import socket, threading
stream, datagrams = socket.create_server(("127.0.0.1", 0)), socket.socket(type=socket.SOCK_DGRAM)
datagrams.bind(("127.0.0.1", 0))
print("echo-tcp 127.0.0.1:%d" % stream.getsockname()[1])
print("echo-udp 127.0.0.1:%d" % datagrams.getsockname()[1], flush=True)
def serve_datagrams():
    while True:
        data, peer = datagrams.recvfrom(65536)
        datagrams.sendto(ANSWER, peer)
threading.Thread(target=serve_datagrams, daemon=True).start()
while True:
    talk, _ = stream.accept()
    while data := talk.recv(65536):
        talk.sendall(ANSWER)
    talk.close()
"""

#: A server that is told its ports and prints nothing.
SILENT = """
import signal, socket, sys
stream = socket.create_server(("127.0.0.1", int(sys.argv[1])))
datagrams = socket.socket(type=socket.SOCK_DGRAM)
datagrams.bind(("127.0.0.1", int(sys.argv[2])))
signal.pause()
"""


def _bench(*words: str) -> tuple[int, str]:
    done = environments.run(sys.executable, "-m", "bench", *words, folder=ROOT, patience=600)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def _measured(command: list[str], row: str, rounds: int = 1) -> Measured:
    """Measure a server of the test's own on one of the rows of echo."""
    [chosen] = [each for each in echo.ROWS if each.name == row]
    server = Server("mine", "a server of a test", lambda: Running(command, echo.DOORS))
    with Servers() as servers:
        mine = Row(row, chosen.title, chosen.unit, (server,), chosen.load)
        return measure(mine, servers, rounds, SECONDS)


def _build() -> None:
    echo.load_program()
    building.c_program("echo-c", echo.PEERS / "echo.c")


def _answering(answer: str) -> list[str]:
    return [sys.executable, "-c", OWN_ECHO.replace("ANSWER", answer)]


@pytest.mark.slow
def test_two_short_rounds_print_a_table_with_the_peers(tmp_path: Path) -> None:
    """``make bench`` must not rot between the days on which somebody has the time for it."""
    file = tmp_path / "figures.json"
    code, said = _bench(
        "--rows=tcp-1x64|udp-window1",
        "--servers=netdemo,twisted,c",
        "--rounds=2",
        f"--seconds={SECONDS}",
        f"--json={file}",
    )
    assert code == 0, said
    assert "tcp-1x64: 1 connection" in said
    assert "Aims:" in said
    rows = json.loads(file.read_text())["rows"]
    assert [row["name"] for row in rows] == ["tcp-1x64", "udp-window1"]
    for row in rows:
        assert {"netdemo", "twisted", "c"} <= row["servers"].keys(), said
        for here in row["servers"].values():
            assert [each["operations"] > 0 for each in here["samples"]] == [True, True]
            assert here["cpu"] > 0


@pytest.mark.parametrize("row", ["tcp-1x64", "tcp-churn", "udp-trains"])
def test_a_right_server_passes(row: str) -> None:
    """The tests below would mean nothing if their server failed without its fault."""
    measured = _measured(_answering("data"), row)
    assert not measured.wrong
    assert measured.samples["mine"][0].operations


@pytest.mark.parametrize("row", ["tcp-1x64", "tcp-churn", "udp-window1", "udp-trains"])
def test_a_server_that_changes_a_byte_fails_the_row(row: str) -> None:
    """A fast answer that is wrong is no answer."""
    measured = _measured(_answering("data[:-1] + bytes([data[-1] ^ 1])"), row, rounds=2)
    assert "other bytes came back" in measured.wrong["mine"]
    assert not measured.samples


def test_a_server_that_answers_too_much_fails_the_row() -> None:
    """Bytes nobody sent must not be counted as answers."""
    assert "more came back" in _measured(_answering("data + data"), "tcp-1x64").wrong["mine"]


def test_a_server_that_cuts_a_datagram_fails_the_row() -> None:
    """A part of an answer is none."""
    assert (
        "bytes came back for 64" in _measured(_answering("data[:9]"), "udp-window1").wrong["mine"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("row", ["tcp-50x64", "tcp-churn", "udp-window32"])
def test_a_server_that_dies_under_load_fails_the_row(row: str) -> None:
    """It was fast until then, which is no figure."""
    measured = _measured(_answering("__import__('os')._exit(3)"), row, rounds=2)
    assert set(measured.wrong) == {"mine"}
    assert not measured.samples


def test_a_bench_that_is_stopped_stops_its_servers() -> None:
    """Otherwise they would go on using the machine, unseen."""
    _build()  # a compiler would be one more child
    words = ("--rows=tcp-1x64", "--servers=c", "--seconds=60", "--rounds=1")
    command = [sys.executable, "-m", "bench", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as running:
        try:
            over = time.monotonic() + PATIENCE
            while len(family(running.pid)) < 3 and time.monotonic() < over:  # itself, server, load
                time.sleep(0.02)
            started = family(running.pid)
        finally:
            running.terminate()
        assert running.wait(PATIENCE) == 128 + signal.SIGTERM
    assert len(started) == 3
    until(lambda: all(map(gone, started)), "nothing of it is left")


def test_a_server_may_be_told_its_ports_and_say_nothing() -> None:
    """Most servers that others wrote do not print where they listen."""
    stream, datagrams = unused_port(), unused_port(socket.SOCK_DGRAM)
    command = [sys.executable, "-c", SILENT, str(stream), str(datagrams)]
    doors = {"echo-tcp": stream, "echo-udp": datagrams}
    with Running(command, doors) as running:
        assert running.ports == doors
        socket.create_connection(("127.0.0.1", stream)).close()


def test_a_server_that_never_listens_fails_the_row() -> None:
    """And what it said last is shown."""
    command = [sys.executable, "-c", "import sys; sys.exit('no port is free')"]
    assert "no port is free" in _measured(command, "tcp-1x64").wrong["mine"]
