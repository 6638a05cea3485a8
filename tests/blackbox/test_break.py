"""``netdemo break`` in front of servers, with real clients."""

import contextlib
import json
import re
import select
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
    until,
)
from twisted_net.faults.core.dice import draws

LENGTH = 300_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Serve a file, and echo."""
    root = tmp_path_factory.mktemp("root")
    (root / "file").write_bytes(bytes(LENGTH))
    with serving(BIN / "netdemo", "serve", *free_ports(), "--files-root", root) as made:
        yield made


class Broken:
    """A running ``netdemo break --json``.

    :ivar said: what it said before it answered.
    """

    def __init__(self, listen: str, target: str, *rules: str) -> None:
        self.process = subprocess.Popen(
            [str(BIN / "netdemo"), "break", listen, target, *rules, "--json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[dict[str, Any]] = []
        self.began = self.next()

    def next(self) -> dict[str, Any]:
        """Return the next thing that it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr and self.process.stderr.read()
        said: dict[str, Any] = json.loads(line)
        return said

    def type(self, line: str) -> dict[str, Any]:
        """Type a line; return the rules that hold then."""
        return self._answer(line, "rules")

    def is_idle(self) -> bool:
        """Say whether no connection is open: a client may be gone before its own is."""
        return bool(self._answer("totals", "totals")["open"] == 0)

    def _answer(self, line: str, event: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        while (said := self.next())["event"] != event:
            self.said.append(said)
        return said

    @property
    def address(self) -> str:
        """Where it listens."""
        return str(self.began["address"])

    def end(self, number: int = signal.SIGTERM) -> tuple[int, list[dict[str, Any]], str]:
        """Stop it; return its exit code, what else it said, and what it complained of."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()], err


@pytest.fixture
def breaking() -> Iterator[Callable[..., Broken]]:
    """Start proxies."""
    made: list[Broken] = []

    def start(*arguments: str) -> Broken:
        made.append(Broken(*arguments))
        return made[-1]

    yield start
    for each in made:
        if each.process.poll() is None:
            each.process.kill()
            each.process.communicate()


Start = Callable[..., Broken]


def fetch(address: str, where: Path) -> tuple[int, bytes]:
    """Fetch the file with curl; return its exit code and what has arrived."""
    command = [peer("curl", "curl"), "--silent", "--max-time", str(PATIENCE), "-o", str(where)]
    done = run(*command, f"http://{address}/files/file")
    return done.returncode, where.read_bytes() if where.exists() else b""


def test_curl_meets_every_fault_of_a_stream(server: Bench, breaking: Start, tmp_path: Path) -> None:
    """Rules are typed while it runs; curl says of each what it makes of it."""
    broken = breaking("tcp:0", f"127.0.0.1:{server.port('web')}", "--seed", "7")
    assert (broken.began["seed"], broken.began["rules"]) == (7, [])
    assert fetch(broken.address, tmp_path / "whole") == (0, bytes(LENGTH))
    until(broken.is_idle)  # else the rule is for this one too
    assert broken.type("to-client:reset=100000")["rules"] == ["to-client:reset=100000"]
    code, got = fetch(broken.address, tmp_path / "reset")
    assert (code, len(got) < 100_000) == (56, True)  # failure in receiving
    until(broken.is_idle)
    broken.type("reset=off to-client:close=100000")
    code, got = fetch(broken.address, tmp_path / "short")
    assert (code, 99_000 < len(got) < 100_000) == (18, True)  # partial file
    until(broken.is_idle)
    broken.type("close=off to-client:corrupt=2% size=1000 gap=0s merge=1ms")
    spoilt = []
    for name in ("one", "two"):
        code, got = fetch(broken.address, tmp_path / name)
        spoilt.append([at for at, byte in enumerate(got) if byte])
        assert (code, len(got)) == (0, LENGTH)
    assert all(spoilt)
    broken.type("clear")
    ended, said, complaints = broken.end(signal.SIGINT)
    assert (ended, complaints) == (130, "")
    totals = said[-1]
    assert (totals["event"], totals["connections"], totals["open"]) == ("totals", 5, 0)
    faults = totals["to-client"]["faults"]
    assert (faults["reset"], faults["close"]) == (1, 1)
    assert faults["corrupt"] == sum(map(len, spoilt))  # this seed spares the heads


@pytest.mark.slow
def test_a_ping_loses_just_the_probes_that_the_seed_says(server: Bench, breaking: Start) -> None:
    """10 % of 200 on the way back, and the figures of both sides match."""
    broken = breaking(
        "udp:0", f"127.0.0.1:{server.port('echo-udp')}", "to-client:loss=10%", "--seed", "7"
    )
    ping = ["--count", "200", "--rate", "500", "--timeout", "5", "--json", "--quiet"]
    summary = json.loads(netdemo("ping", broken.address, *ping).stdout)
    lost = [n for n in range(200) if draws(f"7/1 to-client fate {n}")[0] < 0.1]
    assert summary["sent"] == 200
    assert summary["lost"] == len(lost)
    ended, said, complaints = broken.end()
    assert (ended, complaints) == (143, "")
    assert [each["at"] for each in said if each["event"] == "loss"] == lost
    totals = said[-1]
    assert totals["to-client"]["faults"] == {"loss": len(lost)}
    assert (totals["to-server"]["datagrams_out"], totals["to-client"]["datagrams_in"]) == (200, 200)
    assert totals["to-client"]["datagrams_out"] == 200 - len(lost)


@pytest.mark.slow
def test_tftp_arrives_whole_through_a_bad_network(
    server: Bench, breaking: Start, tmp_path: Path
) -> None:
    """Its server answers each request from a port of its own: the proxy does, too."""
    door = f"127.0.0.1:{server.port('tftp')}"
    broken = breaking("udp:0", door, "loss=5%", "duplicate=10%", "jitter=2ms", "--seed", "4")
    done = netdemo("get", f"tftp://{broken.address}/file", "-d", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "file").read_bytes() == bytes(LENGTH)
    _, said, complaints = broken.end()
    assert complaints == ""
    lost = [each for each in said if each["event"] == "loss"]
    assert lost, "the network was a good one"


@pytest.mark.slow
def test_for_people_there_are_lines_and_quit_ends_it(server: Bench) -> None:
    """Typed, from a pipe; the totals stand at the end."""
    done = run(
        *(str(BIN / "netdemo"), "break", "tcp:0", "127.0.0.1:1", "delay=5ms", "--seed", "3"),
        stdin=b"to-server:loss=5%\nnonsense\nquit\n",
    )
    lines = done.stdout.decode().splitlines()
    assert re.fullmatch(
        r"127\.0\.0\.1:\d+ -> 127\.0\.0\.1:1 over TCP, seed 3: delay=0\.005s", lines[0]
    )
    assert lines[1] == "rules: delay=0.005s to-server:loss=5%"
    assert lines[2].endswith("seed 3 ---")
    assert lines[3:] == [
        "0 connections, 0 open, 0 refused",
        "to-server: 0 bytes in, 0 out",
        "to-client: 0 bytes in, 0 out",
    ]
    assert done.stderr.decode().startswith("netdemo: rule 'nonsense': no such fault; there are ")
    assert (done.returncode, done.stderr.count(b"\n")) == (0, 1)


@pytest.mark.slow
def test_who_has_read_enough_ends_it(tmp_path: Path) -> None:
    """As other programs do; and a UNIX socket may be listened on."""
    where = tmp_path / "socket"
    command = f"{BIN / 'netdemo'} break unix:{where} 127.0.0.1:1 --json | head -n 1"
    with subprocess.Popen(
        ["bash", "-c", command + '; echo "${PIPESTATUS[@]}"'], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["address"] == str(where)
        # One client is said to nobody, or to a reader that has not ended yet.
        while not select.select([running.stdout], [], [], 0.1)[0]:
            with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
                client.connect(str(where))
        assert running.stdout.readline() == "141 0\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["tcp:0", "127.0.0.1:1", "loss=2"], 2, "rule 'loss=2': need a probability, as 10%"),
        (["tcp:0:interface=192.0.2.1", "h:1"], 1, "cannot listen on 192.0.2.1:0: cannot assign"),
        (["udp:0", "nope.invalid:1"], 3, "cannot resolve 'nope.invalid'"),
    ],
)
def test_what_cannot_work_is_one_line(arguments: list[str], code: int, complaint: str) -> None:
    """And the code that scripts look at."""
    done = netdemo("break", *arguments)
    assert (done.returncode, done.stderr.count(b"\n"), done.stdout) == (code, 1, b"")
    assert done.stderr.decode().startswith(f"netdemo: {complaint}")
