"""The bench starts whole or fails with one line, and stops within its grace period."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.blackbox.conftest import (
    APART,
    BIN,
    PATIENCE,
    Bench,
    free_ports,
    gone,
    listening,
    run,
    serving,
    until,
    unused_port,
)

Start = Callable[..., Bench]

#: Ways to start a bench in the foreground, and what a start that fails exits with.
FOREGROUND = {
    "twistd": ([str(BIN / "twistd"), "-n", "--pidfile=", "netdemo"], 1),
    "twist": ([str(BIN / "twist"), "netdemo"], 1),
    "serve": ([str(BIN / "netdemo"), "serve"], 1),
}


@pytest.mark.parametrize("way", FOREGROUND)
@pytest.mark.parametrize("door", ["echo-tcp", "echo-udp"])
def test_a_taken_port_ends_the_start_with_one_line(way: str, door: str, taken: int) -> None:
    """Soon, with a code, and no other door is left open."""
    command, code = FOREGROUND[way]
    other = unused_port(host=APART)
    kind = door.removeprefix("echo-")
    first = f"--chat-tcp=tcp:{other}:interface={APART}"
    ended = run(*command, *free_ports(), first, f"--{door}={kind}:{taken}")
    assert ended.returncode == code
    assert ended.stderr.decode() == (
        f"netdemo: port {taken} in use ({door}, 127.0.0.1); choose another with --{door};"
        " netdemo doctor says who has it\n"
    )
    assert b"Traceback" not in ended.stdout
    assert not listening(other, APART)


def test_a_daemons_parent_hears_of_a_taken_port(taken: int, tmp_path: Path) -> None:
    """It says the same and exits with 1; no daemon stays, nor its pid file."""
    ended = subprocess.run(
        [str(BIN / "twistd"), "netdemo", *free_ports(), f"--echo-tcp=tcp:{taken}"],
        cwd=tmp_path,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 1
    assert f"port {taken} in use (echo-tcp, 127.0.0.1); choose another" in ended.stderr.decode()
    # The daemon tidies up behind its parent's end.
    until(lambda: not (tmp_path / "twistd.pid").exists(), "the pid file is gone")
    log = tmp_path / "twistd.log"
    wait_for_text(log, f"netdemo: port {taken} in use")
    assert log.read_text().count(f"netdemo: port {taken} in use") == 1


def test_a_daemon_serves_and_stops(tmp_path: Path) -> None:
    """Detached, with a pid file, the table in its log, and gone on SIGTERM."""
    command = [str(BIN / "twistd"), "netdemo", *free_ports()]
    ended = subprocess.run(
        command, cwd=tmp_path, capture_output=True, timeout=PATIENCE, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    log, pid = tmp_path / "twistd.log", int((tmp_path / "twistd.pid").read_text())
    try:
        found = wait_for_text(log, r"echo-tcp +127\.0\.0\.1:(\d+)")
        with socket.create_connection(("127.0.0.1", int(found[1])), PATIENCE) as client:
            client.sendall(b"hi")
            assert client.recv(2) == b"hi"
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for_text(log, "Server Shut Down")
    until(lambda: gone(pid), "the daemon has ended")
    assert "Traceback" not in log.read_text()


def wait_for_text(file: Path, pattern: str) -> re.Match[str]:
    """Return the first match in a file that is being written."""
    until(lambda: file.exists() and re.search(pattern, file.read_text()), f"{pattern!r} in {file}")
    found = re.search(pattern, file.read_text())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--echo-tcp=tcp:99999"], "--echo-tcp 'tcp:99999': port must be 0-65535"),
        (["--interface=300.1.1.1"], "--interface '300.1.1.1': need an IP address, as 127.0.0.1,"),
        (
            ["--interface=192.0.2.1", "--echo-tcp=tcp:7007"],
            "cannot listen on 192.0.2.1:7007: no such address on this host (echo-tcp)",
        ),
        (["--echo-mode=loud"], "--echo-mode 'loud': need one of: identity, upper, dialog, discard"),
        (["--files-root=/nope"], "--files-root '/nope': no such directory"),
        (["--max-conns=-1"], "--max-conns '-1': need a whole number 1-100000"),
        (["--no-such-option"], "option --no-such-option not recognized"),
    ],
)
def test_a_wrong_option_is_one_line(options: list[str], line: str) -> None:
    """It names the option, the value, and what was wanted."""
    ended = run(*FOREGROUND["twistd"][0], *options)
    assert ended.returncode == 1
    assert line in ended.stderr.decode()
    assert ended.stderr.count(b"\n") == 1
    assert b"Traceback" not in ended.stdout + ended.stderr


def test_every_door_moves_with_the_interface(bench: Start) -> None:
    """``--interface 127.0.0.3`` leaves nothing on 127.0.0.1."""
    server = bench("--interface=127.0.0.3")
    addresses = re.findall(r"^\s+\S+\s+(\S+):\d+\s", server.text, re.MULTILINE)
    assert set(addresses) == {"127.0.0.3"}
    assert len(addresses) == len(free_ports())


def test_ipv6_is_one_option_away(bench: Start) -> None:
    """Streams and datagrams alike."""
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    server = bench("--interface=::1")
    with socket.create_connection(("::1", server.port("echo-tcp")), PATIENCE) as client:
        client.sendall(b"hi")
        assert client.recv(2) == b"hi"
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as asker:
        asker.settimeout(PATIENCE)
        asker.sendto(b"hi", ("::1", server.port("echo-udp")))
        assert asker.recv(10) == b"hi"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_it_cleanly(number: signal.Signals, bench: Start) -> None:
    """Connections are closed, the counters are told, nothing is complained of.

    And who is idle is not waited for, or the stop would take longer than anybody waits.
    """
    server = bench("--grace=86400")
    with socket.create_connection(("127.0.0.1", server.port("echo-tcp")), PATIENCE) as client:
        client.sendall(b"hi")
        assert client.recv(2) == b"hi"
        server.stop(number)
        assert client.recv(1) == b""
    assert "echo-tcp: 1 connection (0 open), 2 bytes in, 2 bytes out" in server.text


def slow_reader(port: int) -> socket.socket:
    """Return a connection of which the kernel keeps next to nothing that is not read."""
    made = socket.socket()
    made.settimeout(PATIENCE)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", port))
    return made


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """Return a folder with a file ("big") that no kernel can have sent all of."""
    with (tmp_path / "big").open("wb") as file:
        file.truncate(256 << 20)
    return tmp_path


def test_a_client_that_does_not_read_cannot_hold_the_stop(bench: Start, endless: Path) -> None:
    """After the grace period it is cut; a second signal cuts it at once."""
    server = bench("--grace=86400", f"--files-root={endless}")
    with slow_reader(server.port("files-tcp")) as client:
        client.sendall(b"big\n")
        assert client.recv(1)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("shutting down")
        time.sleep(0.3)
        assert server.process.poll() is None
        server.stop(signal.SIGTERM)
    assert "1 connection cut" in server.text


def test_a_transfer_in_flight_is_finished_before_the_stop(bench: Start, tmp_path: Path) -> None:
    """All of it arrives, while nobody new gets in."""
    (tmp_path / "big").write_bytes(os.urandom(20 << 20))
    server = bench(f"--files-root={tmp_path}", f"--grace={PATIENCE}")
    port = server.port("files-tcp")
    with slow_reader(port) as client, client.makefile("rb") as got:
        client.sendall(b"big\n")
        beginning = got.read(1 << 20)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("shutting down")
        until(lambda: not listening(port), "nobody new gets in")
        assert beginning + got.read() == (tmp_path / "big").read_bytes()
    server.wait()
    assert " cut" not in server.text


def test_what_was_cut_at_the_stop_does_not_look_whole(bench: Start, endless: Path) -> None:
    """The end is a reset, not an orderly close: in the bare form nothing else could tell."""
    server = bench(f"--files-root={endless}", "--grace=0.2")
    with slow_reader(server.port("files-tcp")) as client:
        client.sendall(b"big\n")
        client.recv(1)
        server.stop()
        with pytest.raises(ConnectionResetError):
            _read_to_the_end(client)
    assert "1 connection cut" in server.text


def _read_to_the_end(client: socket.socket) -> None:
    while client.recv(1 << 20):
        pass


def test_counters_are_told_on_request(bench: Start) -> None:
    """SIGUSR2 writes them to the log, and the bench goes on."""
    server = bench()
    server.process.send_signal(signal.SIGUSR2)
    server.wait_for("echo-tcp: nothing yet")
    server.process.send_signal(signal.SIGUSR1)  # of no meaning here, and of no harm
    with socket.create_connection(("127.0.0.1", server.port("echo-tcp")), PATIENCE):
        pass


def test_a_peer_has_only_so_many_connections(bench: Start) -> None:
    """The next one hears so at once, others are not concerned."""
    server = bench("--max-conns-per-peer=3")
    where = ("127.0.0.1", server.port("echo-tcp"))
    held = [socket.create_connection(where, PATIENCE) for _ in range(3)]
    with socket.create_connection(where, PATIENCE) as refused, refused.makefile() as words:
        assert words.read() == "ERR 503 BUSY: too many connections, try again later\n"
    other = socket.create_connection(where, PATIENCE, source_address=("127.0.0.2", 0))
    for client in (*held, other):
        client.sendall(b"hi")
        assert client.recv(2) == b"hi"
        client.close()


def test_netdemo_serve_is_the_same_server() -> None:
    """The same table, a clean end on SIGTERM, and code 2 for a wrong option."""
    with serving(BIN / "netdemo", "serve", *free_ports()) as server:
        with socket.create_connection(("127.0.0.1", server.port("echo-tcp")), PATIENCE) as client:
            client.sendall(b"hi")
            assert client.recv(2) == b"hi"
        assert server.stop() == 0
    assert run(str(BIN / "netdemo"), "serve", "--echo-tcp=tcp:x").returncode == 2


@pytest.mark.parametrize("reactor", ["netdemo", "epoll", "poll", "select", "asyncio"])
def test_every_reactor_will_do(reactor: str, bench: Start) -> None:
    """The doors are Twisted's, whatever waits for them."""
    server = bench(reactor=reactor)
    with socket.create_connection(("127.0.0.1", server.port("echo-tcp")), PATIENCE) as client:
        client.sendall(b"hi")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(2) == b"hi"
    server.stop()
