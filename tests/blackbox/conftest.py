"""The installed ``twistd netdemo`` as a subprocess on free ports, and its real clients."""

import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from twisted_net import assembly, registry

#: The folder of the commands that were installed with this Python.
BIN = Path(sys.executable).parent

#: Seconds that a server may take to start or to stop before the test fails.
PATIENCE = 20.0


def free_ports() -> list[str]:
    """Return the options that open every door of ours on a port that the kernel chooses."""
    described = [each for group in assembly.groups(registry.BUILT_IN) for each in group]
    doors = [each for each in described if each.reading.metavar == "ENDPOINT" and each.default]
    return [f"--{each.option}={each.default.partition(':')[0]}:0" for each in doors]


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

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.wait()
        assert "Traceback" not in each.text, each.text


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
