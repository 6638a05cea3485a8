"""Processes for the bench: servers started on one core, loads run on another."""

import contextlib
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

#: Seconds that a server may take to listen or to end. Other work may be on the machine.
PATIENCE = 30.0

_OPEN = re.compile(r"^\s*([a-z][\w-]*)\s+[\d.]+:(\d+)\b", re.MULTILINE)


class MissingError(Exception):
    """Something cannot be measured here; the message says why."""


class DeadError(Exception):
    """A server has ended, or never listened; the message has what it said last."""


def cores() -> tuple[int, int] | None:
    """Return the core for servers and the one for loads; None: there is no choice."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[-1], allowed[0]) if len(allowed) > 1 else None


@contextlib.contextmanager
def _on(core: int | None) -> Iterator[None]:
    """Start what is started meanwhile on one core: threads it makes later stay there too."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before if core is None else {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Running:
    """A server that listens.

    :param doors: names of doors, for a server that prints a line ``door host:port`` for each once
        it listens, as ``netdemo serve`` does; or names and ports, for one that was told its ports
        (see `free_port`) and says nothing.
    :ivar ports: the port of each door.
    :raises DeadError: it does not.
    """

    def __init__(self, command: Sequence[str], doors: Sequence[str] | Mapping[str, int]) -> None:
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - `stop` closes it
        pair = cores()
        with _on(pair[0] if pair else None):
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=self._said, stderr=subprocess.STDOUT
            )
        self.ports: dict[str, int] = {}
        try:
            self._wait_for(doors)
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pids(self) -> list[int]:
        """Its process, and those that it has started."""
        return family(self._process.pid)

    def check(self) -> None:
        """Return if it still runs.

        :raises DeadError: it does not.
        """
        code = self._process.poll()
        if code is not None:
            raise DeadError(f"ended with {code}: {self._last_words()}")

    def stop(self) -> None:
        """End it; a second call does nothing."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(PATIENCE)
        self._said.close()

    def _wait_for(self, doors: Sequence[str] | Mapping[str, int]) -> None:
        over = time.monotonic() + PATIENCE
        while not self.ports.keys() >= set(doors):
            self.check()
            if time.monotonic() > over:
                raise DeadError(f"does not listen after {PATIENCE:g} s: {self._last_words()}")
            time.sleep(0.02)
            if isinstance(doors, Mapping):
                there = _listening()
                self.ports = {name: port for name, port in doors.items() if port in there}
            else:
                self.ports = {name: int(port) for name, port in _OPEN.findall(self._text())}

    def _text(self) -> str:
        size = os.fstat(self._said.fileno()).st_size
        # Not by seek and read: the server writes at the same offset.
        return os.pread(self._said.fileno(), size, 0).decode(errors="replace")

    def _last_words(self) -> str:
        return (self._text().strip().splitlines() or ["it said nothing"])[-1]


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of loopback that nobody has yet, for a server that must be told one."""
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listening() -> set[int]:
    """Return the ports that TCP listens on or UDP receives on (proc(5), /proc/net)."""
    found = set()
    for protocol, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        with contextlib.suppress(OSError):  # no IPv6 here
            for line in Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == state:
                    found.add(int(fields[1].rpartition(":")[2], 16))
    return found


def run_load(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a load to its end on the core for loads.

    :param seconds: how long it means to run; it may take `PATIENCE` more.
    :raises subprocess.TimeoutExpired: it took longer.
    """
    pair = cores()
    with _on(pair[1] if pair else None):
        return subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + PATIENCE, check=False
        )


def family(pid: int) -> list[int]:
    """Return a process, its children, and theirs."""
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):  # it has ended
            for children in Path(f"/proc/{each}/task").glob("*/children"):
                found += [int(child) for child in children.read_text().split()]
    return found
