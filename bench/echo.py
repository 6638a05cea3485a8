"""The rows of echo: TCP requests, connections and streams, and datagrams."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import ours
from bench.building import HERE, c_program, go_program
from bench.processes import MissingError, Running, run_load
from bench.rows import Load, Row, Sample, Server, WrongError

PEERS = HERE / "peers"

#: The environment that ``make bench`` makes for peers that we do not depend on.
PEER_PYTHON = HERE.parent / ".venv-bench" / "bin" / "python"

#: What a server has to print before it is measured.
DOORS = ("echo-tcp", "echo-udp")

#: Bytes in flight on a connection of the streaming rows: enough that nobody waits for a round trip.
CHUNK, CHUNKS = 65536, 32


def _c() -> list[str]:
    return [str(c_program("echo-c", PEERS / "echo.c"))]


def _go() -> list[str]:
    return [str(go_program("echo-go", PEERS / "echo.go"))]


def _node() -> list[str]:
    node = shutil.which("node") or shutil.which("nodejs")
    if node is None:
        raise MissingError("no node in PATH; install nodejs")
    return [node, str(PEERS / "echo.js")]


def _python(script: str, *arguments: str) -> list[str]:
    return [sys.executable, str(PEERS / script), *arguments]


def peer_python() -> str:
    """Return a Python that has uvloop.

    :raises MissingError: there is none.
    """
    for python in (str(PEER_PYTHON), sys.executable):
        if Path(python).exists():
            tried = subprocess.run(
                [python, "-c", "import uvloop"], capture_output=True, timeout=60, check=False
            )
            if not tried.returncode:
                return python
    raise MissingError("not installed; make .venv-bench/installed, which needs the package index")


def _uvloop() -> list[str]:
    return [peer_python(), str(PEERS / "echo_asyncio.py"), "uvloop"]


def _server(name: str, note: str, command: Callable[[], list[str]]) -> Server:
    """Describe a server that prints its doors."""
    return Server(name, note, lambda: Running(command(), DOORS))


SERVERS = (
    _server("netdemo", "netdemo serve, as installed, limits on", ours.serve),
    _server(
        "pure",
        "the same with nothing compiled, PURE_PYTHON=1",
        lambda: ["env", "PURE_PYTHON=1", *ours.serve()],
    ),
    _server(
        "unguarded",
        "its echo doors without limits and counters",
        lambda: _python("echo_unguarded.py"),
    ),
    _server(
        "twisted", "stock Twisted, a plain Protocol on epoll", lambda: _python("echo_twisted.py")
    ),
    _server("asyncio", "an asyncio Protocol", lambda: _python("echo_asyncio.py")),
    _server("uvloop", "the same Protocol on uvloop", _uvloop),
    _server("node", "node's net and dgram", _node),
    _server("go", "Go's net, a goroutine a connection", _go),
    _server("c", "C on epoll, no library", _c),
)

SPINNING = (
    _server(
        "netdemo-spin",
        "netdemo serve, polling 50 µs before it sleeps",
        lambda: ours.serve_with("--spin", "50us"),
    ),
    *SERVERS,
)


def load_program() -> Path:
    """Return the program that makes the load.

    :raises MissingError: it cannot be built.
    """
    return c_program("load", *sorted((HERE / "load").glob("*.c")))


def load(kind: str, connections: int, size: int, depth: int = 1, train: int = 1) -> Load:
    """Return a load of ``load/``: see there for what the numbers mean."""

    def run(server: Running, seconds: float) -> Sample:
        port = server.ports["echo-udp" if kind == "datagrams" else "echo-tcp"]
        numbers = (port, connections, size, depth, train, seconds, *server.pids)
        command = [load_program(), kind, "127.0.0.1", *numbers]
        return sample([str(word) for word in command], seconds)

    return run


def sample(command: Sequence[str], seconds: float) -> Sample:
    """Run a load that prints a sample; raises `WrongError`."""
    try:
        done = run_load(command, seconds)
    except subprocess.TimeoutExpired as error:
        raise WrongError(f"the load did not end within {error.timeout:g} s") from error
    if done.returncode:
        raise WrongError(done.stderr.strip() or f"the load ended with {done.returncode}")
    return Sample(**json.loads(done.stdout))


ROWS = (
    Row(
        "tcp-1x64",
        "1 connection, 64 bytes to and fro",
        "requests",
        SPINNING,
        load("stream", 1, 64),
    ),
    Row("tcp-50x64", "50 connections, 64 bytes", "requests", SERVERS, load("stream", 50, 64)),
    Row("tcp-500x1k", "500 connections, 1 KiB", "requests", SERVERS, load("stream", 500, 1024)),
    Row(
        "tcp-50x64-p8",
        "50 connections, 64 bytes, 8 in flight on each",
        "requests",
        SERVERS,
        load("stream", 50, 64, depth=8),
    ),
    Row("tcp-50x16k", "50 connections, 16 KiB", "requests", SERVERS, load("stream", 50, 16384)),
    Row(
        "tcp-churn",
        "connect, ask 64 bytes, close; 50 at a time",
        "connections",
        SERVERS,
        load("churn", 50, 64),
    ),
    *(
        Row(
            f"tcp-stream-{streams}",
            f"{streams} at a time, streams of 64 KiB chunks",
            "chunks",
            SERVERS,
            load("stream", streams, CHUNK, depth=CHUNKS),
        )
        for streams in (1, 4)
    ),
    Row(
        "udp-window1",
        "64 bytes, one datagram in flight",
        "datagrams",
        SERVERS,
        load("datagrams", 1, 64),
    ),
    Row(
        "udp-window32",
        "64 bytes, 32 in flight",
        "datagrams",
        SERVERS,
        load("datagrams", 1, 64, depth=32),
    ),
    Row(
        "udp-8sources",
        "64 bytes, 8 sources, 4 in flight from each",
        "datagrams",
        SERVERS,
        load("datagrams", 8, 64, depth=4),
    ),
    Row(
        "udp-trains",
        "64 bytes, 2 trains of 32 in flight",
        "datagrams",
        SERVERS,
        load("datagrams", 1, 64, depth=64, train=32),
    ),
)
