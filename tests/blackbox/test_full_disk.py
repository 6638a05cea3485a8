"""A standard output that cannot be written, as of a file on a full disk."""

import socket
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, PATIENCE, listening, until, unused_port

FULL = Path("/dev/full")

SLOW = partial(pytest.param, marks=pytest.mark.slow)

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")


@pytest.mark.parametrize("command", [["--help"], SLOW(["limits"]), SLOW(["doctor", "--json"])])
def test_a_command_that_cannot_print_says_so_in_one_line(command: list[str]) -> None:
    """No traceback, and no complaint of Python's own at the end."""
    with FULL.open("w") as full:
        done = subprocess.run(
            [str(BIN / "netdemo"), *command],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    assert done.stderr == b"netdemo: cannot write to standard output: no space left on device\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    "command",
    [["netdemo", "serve"], SLOW(["twistd", "-n", "--pidfile=", "netdemo"])],
    ids=lambda command: command[0],
)
def test_a_server_that_cannot_show_its_table_serves_all_the_same(command: list[str]) -> None:
    """Whoever started it sees nothing of it anyway; its log is another output."""
    port = unused_port()
    doors = ["echo-tcp", "echo-udp", "chat-tcp", "chat-udp", "irc", "files-tcp", "tftp", "web"]
    options = [f"--{door}=" for door in doors[1:]]
    with (
        FULL.open("w") as full,
        subprocess.Popen(
            [str(BIN / command[0]), *command[1:], f"--echo-tcp=tcp:{port}", *options],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        ) as running,
    ):
        try:
            until(lambda: listening(port) or running.poll() is not None)
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                client.sendall(b"still there")
                assert client.recv(100) == b"still there"
        finally:
            running.terminate()
        _, said = running.communicate(timeout=PATIENCE)
    assert "Traceback" not in said
