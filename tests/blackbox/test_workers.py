"""Tests of ``--workers``: several processes behind the same doors."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.blackbox.conftest import BIN, PATIENCE, Bench, free_ports, gone, state, until

pytestmark = pytest.mark.slow  # each starts programs; `make test-slow` runs them

Start = Callable[..., Bench]


def crew(bench: Bench) -> list[int]:
    """Return the process ids of the workers."""
    return sorted(each.pid for each in psutil.Process(bench.process.pid).children())


def echoed(port: int, words: bytes = b"hello") -> bytes:
    """Ask the echo door over TCP."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(words)
        client.shutdown(socket.SHUT_WR)
        heard = b""
        while piece := client.recv(65536):
            heard += piece
        return heard


def asked(port: int) -> bytes:
    """Ask the echo door over UDP, from a port of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.sendto(b"hello", ("127.0.0.1", port))
        return client.recv(100)


@pytest.mark.slow
def test_several_processes_serve_one_door_and_make_one_report(bench: Start) -> None:
    """Whichever of them answers."""
    running = bench("--workers=2")
    assert len(crew(running)) == 2
    for _ in range(20):
        assert echoed(running.port("echo-tcp")) == b"hello"
        assert asked(running.port("echo-udp")) == b"hello"
    running.counts("echo-tcp: 20 connections (0 open), 100 bytes in, 100 bytes out")
    running.counts("echo-udp: 20 datagrams in, 20 datagrams out")
    assert running.stop() == -signal.SIGTERM
    assert "Traceback" not in running.text


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_ends_is_replaced_and_nobody_is_refused(
    bench: Start, number: signal.Signals
) -> None:
    """Connections wait in the queue of a socket that outlives it; its counts are kept."""
    running = bench("--workers=2")
    port = running.port("echo-tcp")
    for _ in range(10):
        assert echoed(port) == b"hello"
    running.counts("echo-tcp: 10 connections (0 open)")
    before = crew(running)
    for pid in before:  # all of them: for a moment nobody serves
        os.kill(pid, number)
    for _ in range(10):
        assert echoed(port) == b"hello"
        assert asked(running.port("echo-udp")) == b"hello"
    until(lambda: len(crew(running)) == 2 and not set(crew(running)) & set(before))
    running.counts("echo-tcp: 20 connections (0 open)")
    running.wait_for("worker 0 .*; another takes its place")
    running.counts("workers: 2 replaced")
    assert running.stop() == -signal.SIGTERM


def test_what_every_process_has_begun_is_finished_before_the_stop(
    bench: Start, tmp_path: Path
) -> None:
    """Large files that are being sent; and no process is left."""
    (tmp_path / "large").write_bytes(bytes(8 << 20))
    running = bench("--workers=2", f"--grace={PATIENCE}", f"--files-root={tmp_path}")
    clients = []
    for _ in range(6):
        client = socket.create_connection(("127.0.0.1", running.port("files-tcp")), PATIENCE)
        client.sendall(b"GET large\n")
        assert client.recv(2) == b"OK"
        clients.append(client)
    workers = crew(running)
    running.process.send_signal(signal.SIGTERM)
    for client in clients:
        with client:
            heard, last = 2, b""
            while piece := client.recv(1 << 20):
                heard += len(piece)
                last = last[-100:] + piece
        assert heard > 8 << 20
        assert re.search(rb"DONE [0-9a-f]{64}\n$", last)
    assert running.wait() == -signal.SIGTERM
    until(lambda: all(map(gone, workers)), "no process is left")


def test_one_process_alone_serves_what_its_peers_share(bench: Start) -> None:
    """All who come are in one room, whoever would have been free."""
    running = bench("--workers=3")
    where = ("127.0.0.1", running.port("chat-tcp"))
    members = [socket.create_connection(where, PATIENCE) for _ in range(6)]
    try:
        lines = [each.makefile("rb") for each in members]
        for number, member in enumerate(members):
            member.sendall(b"NICK member%d\nJOIN #lobby\n" % number)
        for number in range(6):
            while b"member5" not in (line := lines[number].readline()):
                assert line
    finally:
        for member in members:
            member.close()
    assert running.stop() == -signal.SIGTERM


def test_a_stop_that_is_told_to_all_processes_is_one_stop(bench: Start) -> None:
    """As by a service manager, or a shell's ``timeout``; and whoever is first.

    Nobody shuts a socket down on which others still listen: they would be told that somebody
    waits, again and again, until they stop.
    """
    running = bench("--workers=2", reactor="select")
    for pid in (workers := crew(running)):
        os.kill(pid, signal.SIGSTOP)
    until(lambda: all(state(pid) == "stopped" for pid in workers), "the workers stand still")
    running.process.send_signal(signal.SIGTERM)
    running.wait_for("TCP Port .* Closed")
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)
    assert running.wait() == -signal.SIGTERM
    assert "accept" not in running.text
    assert "critical" not in running.text


@pytest.mark.slow
def test_workers_end_when_their_server_is_gone(bench: Start) -> None:
    """Nobody would be left to replace or to stop them."""
    running = bench("--workers=2")
    workers = crew(running)
    running.process.kill()
    running.process.wait()
    until(lambda: all(map(gone, workers)), "no process is left")


@pytest.mark.slow
def test_a_door_that_does_not_open_is_one_line(bench: Start) -> None:
    """And no other stays open, and no process starts."""
    first = bench("--workers=2")
    for door in ("echo-tcp", "echo-udp"):
        taken = f"--{door}={door[-3:]}:{first.port(door)}"
        command = [str(BIN / "netdemo"), "serve", *free_ports(), "--workers=2", taken]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 1
        assert done.stderr.startswith(
            f"netdemo: port {first.port(door)} in use ({door}, 127.0.0.1)"
        )
        assert done.stderr.count("\n") == 1
    assert first.stop() == -signal.SIGTERM


@pytest.mark.slow
def test_sockets_of_every_kind_are_shared(bench: Start, tmp_path: Path) -> None:
    """A UNIX socket, whose path goes with the server and not with a worker."""
    path = tmp_path / "echo.sock"
    running = bench("--workers=2", f"--echo-tcp=unix:{path}")
    for pid in crew(running)[:1]:
        os.kill(pid, signal.SIGTERM)
        until(lambda: "another takes its place" in running.text)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
    assert running.stop() == -signal.SIGTERM
    assert not path.exists()
