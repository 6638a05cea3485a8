"""A real ``redis-server`` or ``valkey-server``, which can be killed and started again."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.patience import PATIENCE


class Engine:
    """A server on a UNIX socket of its own, with a log on disk.

    :ivar endpoint: the client endpoint string that leads to it.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            pytest.skip("redis-server is not installed (package redis-server)")
        self._path = folder / "s"
        self.endpoint = f"unix:{self._path}"
        self._command = [program, "--port", "0", "--unixsocket", str(self._path)]
        # Every second would not do: while a disk is slow, what was acknowledged is not yet written.
        self._command += ["--appendonly", "yes", "--appendfsync", "always"]
        self._command += ["--dir", str(folder), "--save", "", *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._path.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        over = time.monotonic() + PATIENCE
        while b"+PONG" not in self.ask("PING"):
            assert time.monotonic() < over, "redis-server does not answer"
            time.sleep(0.01)

    def ask(self, *words: str) -> bytes:
        """Send one command; return what comes at once, as it is on the wire."""
        with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE)
            connection.connect(str(self._path))
            sizes = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            connection.sendall(f"*{len(words)}\r\n{sizes}".encode())
            return connection.recv(65536)
        return b""

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal, and wait for the end."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE)
            self._process = None

    def pause(self, paused: bool = True) -> None:
        """Let it do nothing at all, or go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if paused else signal.SIGCONT)
