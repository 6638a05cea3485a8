"""The installed ``twistd netdemo`` as a subprocess on free ports, and its real clients."""

import contextlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

from tests.blackbox.talkers import Talker
from tests.patience import PATIENCE as PATIENCE
from twisted_net import registry
from twisted_net.settings import groups

#: The folder of the commands that were installed with this Python.
BIN = Path(sys.executable).parent

#: A loopback address on which no other test that runs at this time is given a port.
APART = "127.77.0.1"


def free_ports() -> list[str]:
    """Return the options that open every door of ours on a port that the kernel chooses."""
    described = [each for group in groups(registry.BUILT_IN) for each in group]
    doors = [each for each in described if each.reading.metavar == "ENDPOINT" and each.default]
    return [f"--{each.option}={each.default.partition(':')[0]}:0" for each in doors]


def until(true: Callable[[], object], what: str = "", patience: float = PATIENCE) -> None:
    """Wait for something to be so."""
    over = time.monotonic() + patience
    while not true():
        assert time.monotonic() < over, f"in {patience} s not: {what or true}"
        time.sleep(0.02)


def unused_port(kind: socket.SocketKind = socket.SOCK_STREAM, host: str = "127.0.0.1") -> int:
    """Return a port that nobody has now, and that no kernel gives to anybody who asks for any.

    So it can be told to a server that opens it later, or that opens it a second time.
    """
    ranges = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(ranges.read_text().split()[0]) if ranges.exists() else 32768
    for _ in range(100):
        number = random.randint(10_000, lowest - 1) if lowest > 11_000 else 0  # noqa: S311
        with socket.socket(type=kind) as tried, contextlib.suppress(OSError):
            tried.bind((host, number))
            found: int = tried.getsockname()[1]
            return found
    raise AssertionError(f"no port of {host} is free")


def listening(port: int, host: str = "127.0.0.1") -> bool:
    """Say whether anybody listens on a TCP port."""
    with socket.socket() as tried:
        return tried.connect_ex((host, port)) == 0


def state(pid: int) -> str:
    """Return what a process does, in a word of psutil's; "gone" if there is none."""
    psutil = pytest.importorskip("psutil", reason="psutil is not installed")
    try:
        return str(psutil.Process(pid).status())
    except psutil.NoSuchProcess:
        return "gone"


def gone(pid: int) -> bool:
    """Say whether a process has ended; one that nobody has asked about since has, too."""
    return state(pid) in ("gone", "zombie", "dead")


class Bench:
    """A running server: its ports, what it prints, and how it ends.

    :ivar output: what it printed so far, line by line.
    """

    def __init__(self, command: list[str], **popen: object) -> None:
        self.output: list[str] = []
        self.process = subprocess.Popen(  # type: ignore[call-overload]
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            **popen,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str, patience: float = PATIENCE) -> re.Match[str]:
        """Return the first match in the output, waiting for it to come.

        :raises AssertionError: it did not, or the process ended before.
        """
        over = time.monotonic() + patience
        while time.monotonic() < over:
            ended = self.process.poll() is not None
            if ended:
                self._reader.join(patience)
            found = re.search(pattern, self.text, re.MULTILINE)
            if found:
                return found
            if ended:
                break
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} in:\n{self.text}")

    @property
    def text(self) -> str:
        """All that it printed so far."""
        return "".join(self.output)

    def port(self, door: str) -> int:
        """Return the port that a door listens on."""
        return int(self.wait_for(rf"^\s+{door}\s+\S*:(\d+)\s")[1])

    def counts(self, line: str, patience: float = PATIENCE) -> None:
        """Ask for the counters (SIGUSR2) again and again, until a line is among them.

        What was done to the server may not have reached it when it is asked for the first time.
        """
        over = time.monotonic() + patience
        while line not in self.text:
            assert time.monotonic() < over, f"no {line!r} in:\n{self.text[-5000:]}"
            self.process.send_signal(signal.SIGUSR2)
            time.sleep(0.2)

    def stop(self, number: int = signal.SIGTERM, patience: float = PATIENCE) -> int:
        """Send a signal; return what the process exits with."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait(patience)

    def wait(self, patience: float = PATIENCE) -> int:
        """Wait for the end; return the exit code, negative for a signal."""
        code: int = self.process.wait(patience)
        self._reader.join(patience)
        return code

    def _read(self) -> None:
        with self.process.stdout as lines:
            for line in lines:
                self.output.append(line)


@contextlib.contextmanager
def ending(started: Collection[Bench]) -> Iterator[None]:
    """End all servers at the end, whatever happens; none of them may have shown a traceback."""
    try:
        yield
    finally:
        for each in started:
            if each.process.poll() is None:
                each.process.kill()
        for each in started:
            each.wait()
    for each in started:
        assert "Traceback" not in each.text, each.text


@contextlib.contextmanager
def serving(
    *command: str | Path, ready: str = "netdemo is listening", **popen: object
) -> Iterator[Bench]:
    """Start one server, which several tests may share, and stop it in order at the end."""
    made = Bench([str(each) for each in command], **popen)
    with ending([made]):
        made.wait_for(ready)
        yield made
        made.stop()


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    """Start ``twistd -n netdemo`` with more options; it has announced its doors on return."""
    started: list[Bench] = []

    def start(*options: str, reactor: str = "default", **popen: object) -> Bench:
        twistd = [str(BIN / "twistd"), f"--reactor={reactor}", "-n", "--pidfile="]
        command = [*twistd, "netdemo", *free_ports(), *options]
        made = Bench(command, **popen)
        started.append(made)
        made.wait_for("netdemo is listening|listens nowhere")
        return made

    with ending(started):
        yield start


@pytest.fixture
def talker() -> Iterator[Callable[..., Talker]]:
    """Start clients that are gone after the test."""
    started: list[Talker] = []

    def start(*command: str) -> Talker:
        started.append(Talker(*command))
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def taken() -> Iterator[int]:
    """Take a TCP port and the UDP port of the same number."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as stream:
            number: int = stream.getsockname()[1]
            with socket.socket(type=socket.SOCK_DGRAM) as datagram:
                try:
                    datagram.bind(("127.0.0.1", number))
                except OSError:
                    continue  # somebody else has this one
                yield number
                return


def peer(program: str, package: str) -> str:
    """Return the path of a real client, or skip the test where it is not installed."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed (package {package})")
    return path


def run(
    *command: str, stdin: bytes = b"", patience: float = PATIENCE
) -> subprocess.CompletedProcess[bytes]:
    """Run a client to its end."""
    return subprocess.run(command, input=stdin, capture_output=True, timeout=patience, check=False)


def netdemo(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the installed ``netdemo`` to its end."""
    return run(str(BIN / "netdemo"), *arguments, stdin=stdin)
