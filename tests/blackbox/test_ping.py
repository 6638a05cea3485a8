"""``netdemo ping`` as a user meets it: the installed command, our server and foreign ones."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.blackbox.conftest import (
    BIN,
    PATIENCE,
    Bench,
    free_ports,
    netdemo,
    peer,
    run,
    serving,
    state,
    until,
    unused_port,
)
from tests.blackbox.talkers import Screen

pytestmark = pytest.mark.slow  # each starts programs; `make test-slow` runs them

Start = Callable[..., Bench]

#: What every summary has, and of which type.
SUMMARY = {
    "event": str,
    "peer": str,
    "transport": str,
    "size": int,
    "seconds": float,
    "counted_by": str,
    "sent": int,
    "answered": int,
    "loss_percent": float,
    "lost": int,
    "late": int,
    "refused": int,
    "duplicates": int,
    "reordered": int,
    "altered": int,
    "stray": int,
    "unsent": int,
    "waiting": int,
    "latency": dict,
    "sent_late": dict,
}
LATENCY = ["min", "avg", "p50", "p90", "p99", "max", "stddev", "jitter"]


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    """Serve for all tests that do not harm the server."""
    with serving(BIN / "twistd", "-n", "--pidfile=", "netdemo", *free_ports()) as made:
        yield made


@contextmanager
def foreign() -> Iterator[int]:
    """Echo datagrams in a few lines of plain Python; every third twice."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            for number in range(1_000_000):
                datagram, addr = server.recvfrom(65535)
                if datagram == b"end":
                    return
                for _ in range(1 + (number % 3 == 2)):
                    server.sendto(datagram, addr)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"end", server.getsockname())
        thread.join(PATIENCE)


def test_both_doors_are_measured_one_object_a_line(server: Bench) -> None:
    """An object for each probe, in order, then the summary; each with the same fields as ever."""
    for scheme in ("tcp", "udp"):
        where = f"127.0.0.1:{server.port(f'echo-{scheme}')}"
        done = netdemo("ping", f"{scheme}:{where}", "-c", "5", "-i", "0.02", "--json")
        *probes, summary = map(json.loads, done.stdout.splitlines())
        assert [each["number"] for each in probes] == [0, 1, 2, 3, 4]
        assert {(each["event"], each["reordered"]) for each in probes} == {("answer", False)}
        assert all(each["seconds"] > 0 for each in probes)
        assert {name: type(value) for name, value in summary.items()} == SUMMARY
        assert (summary["peer"], summary["transport"]) == (where, scheme)
        assert (summary["sent"], summary["answered"], summary["loss_percent"]) == (5, 5, 0.0)
        assert list(summary["latency"]) == LATENCY
        times = [summary["latency"][name] for name in ("min", "p50", "p90", "p99", "max")]
        assert times == sorted(times)
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_foreign_server_is_measured_and_what_it_doubles_is_counted() -> None:
    """Any RFC 862 server will do."""
    with foreign() as port:
        done = netdemo("ping", f"127.0.0.1:{port}", "-c", "9", "-i", "0.02", "--json", "-q")
    [summary] = map(json.loads, done.stdout.splitlines())
    assert (summary["answered"], summary["altered"], summary["stray"]) == (9, 0, 0)
    assert 2 <= summary["duplicates"] <= 3  # the last may come when nobody listens any more


def test_socat_is_an_echo_server() -> None:
    """Over TCP, from a program that knows nothing of us."""
    program = peer("socat", "socat")
    port = unused_port()
    server = subprocess.Popen([program, f"TCP-LISTEN:{port},bind=127.0.0.1,fork", "EXEC:cat"])
    try:
        over = time.monotonic() + PATIENCE
        while time.monotonic() < over:  # it opens its port in its own time
            done = netdemo("ping", f"tcp:127.0.0.1:{port}", "-c", "5", "-i", "0.02", "-q")
            if done.returncode != 3:
                break
        assert (done.returncode, done.stdout.count(b"5 answered, 0.0 % loss")) == (0, 1)
    finally:
        server.terminate()
        server.wait(PATIENCE)


def test_without_a_terminal_there_are_plain_lines(server: Bench) -> None:
    """A line a probe, then the summary; nothing that moves a cursor."""
    port = server.port("echo-udp")
    done = netdemo("ping", f"127.0.0.1:{port}", "-c", "2", "--rate", "50")
    lines = done.stdout.decode().splitlines()
    assert [re.sub(r"[0-9.]+ ms", "T", line) for line in lines[:2]] == ["probe 0: T", "probe 1: T"]
    assert re.fullmatch(
        rf"--- 127\.0\.0\.1:{port} over UDP, 56 bytes a probe, [0-9.]+ s ---", lines[2]
    )
    assert lines[3] == (
        "2 sent, 2 answered, 0.0 % loss: 0 lost, 0 late"
        " (counted on this side: no answer here within 5 s)"
    )
    assert lines[4].startswith("min ")
    assert (len(lines), b"\x1b" in done.stdout, b"\r" in done.stdout) == (6, False, False)


def test_a_terminal_gets_a_live_line_and_a_histogram(server: Bench) -> None:
    """And no line for a probe that went well."""
    port = server.port("echo-udp")
    command = [str(BIN / "netdemo"), "ping", f"127.0.0.1:{port}", "-c", "10", "-i", "0.05"]
    utf = {**os.environ, "PYTHONIOENCODING": "utf-8", "TERM": "xterm"}
    with Screen(*command, env=utf) as running:
        text = running.rest().decode()
    assert running.process.returncode == 0
    assert re.search(r"\r[0-9]+ probes?, 0\.0 % loss  p50 [0-9.]+ ms  [▁▂▃▄▅▆▇█]+\x1b\[K", text)
    assert re.search(r"[0-9.]+ - +[0-9.]+ ms  █+ +[0-9]+\r\n", text)
    assert "10 sent, 10 answered" in text
    assert "probe 0" not in text


def test_ctrl_c_on_a_terminal_ends_the_loop_of_a_shell_too(server: Bench) -> None:
    """Who exits with 130 is taken for one that has dealt with it, and the shell goes on."""
    port = server.port("echo-udp")
    with Screen(str(BIN / "netdemo"), "ping", f"127.0.0.1:{port}") as running:
        running.shows(b"1 probe")
        running.process.send_signal(signal.SIGINT)
        assert b" answered, " in running.rest()
        assert running.process.returncode == -signal.SIGINT


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_ctrl_c_ends_it_with_its_summary(options: list[str], server: Bench) -> None:
    """130, the numbers so far, and no traceback."""
    port = server.port("echo-udp")
    running = subprocess.Popen(
        [str(BIN / "netdemo"), "ping", f"127.0.0.1:{port}", "-i", "0.05", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert running.stdout is not None
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    rest, complaints = running.communicate(timeout=PATIENCE)
    assert (running.returncode, complaints) == (130, b"")
    assert b'"event": "summary"' in rest if options else b" answered, 0.0 % loss" in rest


@pytest.mark.parametrize(
    ("command", "codes", "complaint"),
    [
        ("{ping} -i 0.01 | head -n 1 >/dev/null", "141 0", ""),
        ("{ping} -c 1 >&-", "0", ""),
        ("{ping} -c 1 <&-", "0", ""),
        (
            "{ping} -c 1 >/dev/full",
            "1",
            "netdemo: cannot write to standard output: no space left on device\n",
        ),
    ],
)
def test_whatever_a_shell_makes_of_its_output(
    command: str, codes: str, complaint: str, server: Bench
) -> None:
    """Closed, cut short, or full: the usual code, and one line or none."""
    ping = f"{BIN / 'netdemo'} ping 127.0.0.1:{server.port('echo-udp')}"
    filled = command.format(ping=ping) + '; echo "${PIPESTATUS[@]}" >&2'
    ended = run("bash", "-c", filled)
    assert ended.stderr.decode() == f"{complaint}{codes}\n"


def test_a_stopped_server_is_a_loss_and_its_end_an_error(bench: Start) -> None:
    """SIGSTOP: nothing comes back, and the summary says so; SIGKILL: the connection is lost."""
    server = bench()
    tcp, udp = (f"{kind}:127.0.0.1:{server.port(f'echo-{kind}')}" for kind in ("tcp", "udp"))
    server.process.send_signal(signal.SIGSTOP)
    until(lambda: state(server.process.pid) == "stopped", "the server stands still")
    silent = netdemo("ping", udp, "-c", "3", "-i", "0.05", "--timeout", "0.3")
    server.process.send_signal(signal.SIGCONT)
    assert (silent.returncode, b"3 sent, 0 answered, 100.0 % loss" in silent.stdout) == (4, True)
    assert silent.stderr.endswith(b" in 0.3 s to any of 3 probes\n")
    running = subprocess.Popen(
        [str(BIN / "netdemo"), "ping", tcp, "-i", "0.05"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert running.stdout is not None
    running.stdout.readline()
    server.process.kill()
    rest, complaints = running.communicate(timeout=PATIENCE)
    assert (running.returncode, complaints.count(b"\n")) == (3, 1)
    assert b"answered" in rest


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["127.0.0.1:1", "-c", "1"], 3, "127.0.0.1:1: connection refused; nobody listens on"),
        (["tcp:127.0.0.1:1"], 3, "cannot connect to 127.0.0.1:1: connection refused"),
        (["192.0.2.1", "--flood"], 2, "--flood to 192.0.2.1: this is another machine"),
        (["255.255.255.255:7", "-c", "1"], 3, "cannot send to 255.255.255.255:7: permission"),
    ],
)
def test_a_server_that_is_not_there_is_one_line(arguments: list[str], code: int, line: str) -> None:
    """With the code that scripts look at."""
    ended = netdemo("ping", *arguments)
    assert (ended.returncode, ended.stderr.count(b"\n")) == (code, 1)
    assert ended.stderr.decode().startswith(f"netdemo: {line}")


def test_a_flood_is_as_fast_as_the_answers(server: Bench) -> None:
    """And ends with its count."""
    for scheme in ("tcp", "udp"):
        where = f"{scheme}:127.0.0.1:{server.port(f'echo-{scheme}')}"
        done = netdemo("ping", where, "--flood", "-c", "1000", "--json", "-q")
        summary = json.loads(done.stdout)
        assert (summary["sent"], summary["answered"]) == (1000, 1000)


@pytest.mark.skipif(sys.platform != "linux", reason="the largest datagram differs")
def test_the_largest_probe_comes_back(server: Bench) -> None:
    """65,507 bytes are what a datagram over IPv4 holds."""
    for scheme in ("tcp", "udp"):
        where = f"{scheme}:127.0.0.1:{server.port(f'echo-{scheme}')}"
        done = netdemo("ping", where, "-c", "3", "-i", "0.02", "--size", "65507", "-q")
        assert (done.returncode, b"3 sent, 3 answered" in done.stdout) == (0, True)
