"""The Procfile starts what it says, for everybody who runs one (honcho, foreman, a platform)."""

import os
import re
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import (
    BIN,
    PATIENCE,
    Bench,
    free_ports,
    gone,
    listening,
    serving,
    until,
)
from tests.blackbox.environments import ROOT


@pytest.fixture
def honcho(tmp_path: Path) -> Iterator[Bench]:
    """Start the Procfile, elsewhere than in the checkout, with every door on a free port."""
    shutil.copy(ROOT / "Procfile", tmp_path)
    variables = dict(_as_variable(option) for option in free_ports())
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    clean = {**os.environ, **variables, "PATH": path}
    with serving(BIN / "honcho", "start", cwd=tmp_path, env=clean) as started:
        yield started


def test_the_procfile_serves(honcho: Bench) -> None:
    """The table of doors is shown, and a door answers."""
    port = int(honcho.wait_for(r"echo-tcp +127\.0\.0\.1:(\d+) ")[1])
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(b"through honcho\n")
        assert connection.recv(100) == b"through honcho\n"


def test_sigterm_ends_it_and_leaves_nothing_behind(honcho: Bench, tmp_path: Path) -> None:
    """Every process is gone, and no pid file is left for the next start to stumble over."""
    port = int(honcho.wait_for(r"echo-tcp +127\.0\.0\.1:(\d+) ")[1])
    server = int(honcho.wait_for(r"started \(pid=(\d+)\)")[1])
    honcho.stop(signal.SIGTERM)
    until(lambda: gone(server), "the server has ended")
    until(lambda: not listening(port), "nobody listens")
    assert re.search(r"netdemo\.1 .*stopped", honcho.text)
    assert [each.name for each in tmp_path.iterdir()] == ["Procfile"]


def _as_variable(option: str) -> tuple[str, str]:
    name, _, value = option.removeprefix("--").partition("=")
    return f"NETDEMO_{name.upper().replace('-', '_')}", value
