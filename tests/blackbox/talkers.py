"""Clients in processes of their own: of lines in and lines out, and of a terminal."""

import contextlib
import json
import os
import pty
import queue
import re
import select
import subprocess
import threading

from tests.patience import PATIENCE


class Talker:
    """A client with lines in and lines out."""

    def __init__(self, *command: str) -> None:
        self.heard: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def says(self, *lines: str) -> None:
        """Type lines."""
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.process.stdin.flush()

    def hears(self, line: str) -> None:
        """Wait for a line; what comes before it is passed over."""
        self.matches(re.escape(line))

    def matches(self, pattern: str) -> None:
        """Wait for a line that looks so; what comes before it is passed over."""
        while True:
            try:
                said = self._lines.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"no {pattern!r} in {self.heard}") from None
            self.heard.append(said)
            if re.fullmatch(pattern, said):
                return

    def hears_record(self, kind: str) -> dict[str, object]:
        """Wait for an object of JSON of a kind, and return it."""
        while True:
            self.heard.append(self._lines.get(timeout=PATIENCE))
            record: dict[str, object] = json.loads(self.heard[-1])
            if record["kind"] == kind:
                return record

    def ends(self) -> tuple[int, str]:
        """End the input; return the exit code, and what was said on standard error."""
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        with self.process.stderr as errors:
            return code, errors.read().decode()

    def kill(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.ends()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line.decode().removesuffix("\n"))


class Screen:
    """A client on a terminal of its own, and what that shows.

    :param complains: whether standard error is shown too.
    :param stdin: a descriptor that it reads from instead; None: it is what is typed.
    """

    def __init__(
        self,
        *command: str,
        complains: bool = True,
        stdin: int | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self._terminal, theirs = pty.openpty()
        errors = theirs if complains else subprocess.DEVNULL
        self.process = subprocess.Popen(
            command,
            stdin=theirs if stdin is None else stdin,
            stdout=theirs,
            stderr=errors,
            env=env,
            start_new_session=True,
        )
        os.close(theirs)
        self._shown = b""

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)

    def types(self, keys: bytes) -> None:
        """Type."""
        os.write(self._terminal, keys)

    def shows(self, wanted: bytes) -> None:
        """Wait until the terminal has shown something more."""
        while wanted not in self._shown:
            piece = self._read()
            assert piece, f"the end, and no {wanted!r} in {self._shown!r}"
            self._shown += piece
        self._shown = self._shown.partition(wanted)[2]

    def rest(self) -> bytes:
        """Return all that it shows until the client has ended."""
        while piece := self._read():
            self._shown += piece
        self.process.wait(PATIENCE)
        return self._shown

    def _read(self) -> bytes:
        ready, _, _ = select.select([self._terminal], [], [], PATIENCE)
        assert ready, self._shown
        with contextlib.suppress(OSError):  # the other side is closed
            return os.read(self._terminal, 65536)
        return b""
