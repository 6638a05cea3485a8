"""The server under a service manager: sockets that are open already, and what it is told."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, PATIENCE, Bench, ending, free_ports, peer, run, serving

#: The units that are offered.
UNITS = Path(__file__).parents[2] / "contrib" / "systemd"

#: What systemd does between fork and exec: descriptors from 3 on, and who they are for.
HAND_OVER = """
import os, sys
count = int(sys.argv[1])
held = [os.dup(int(each)) for each in sys.argv[2:2 + count]]
held = [os.dup2(os.dup2(each, 100 + number), 100 + number) for number, each in enumerate(held)]
for number in range(count):
    os.dup2(100 + number, 3 + number)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(count)
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""


@pytest.fixture
def activated() -> Iterator[Callable[..., Bench]]:
    """Start the server with sockets that are open already, by name."""
    started: list[Bench] = []

    def start(sockets: dict[str, socket.socket], *options: str, **environment: str) -> Bench:
        numbers = [each.fileno() for each in sockets.values()]
        command = [sys.executable, "-c", HAND_OVER, str(len(numbers)), *map(str, numbers)]
        twistd = [str(BIN / "twistd"), "-n", "--pidfile=", "netdemo", *free_ports(), *options]
        variables = {**os.environ, "LISTEN_FDNAMES": ":".join(sockets), **environment}
        made = Bench([*command, *twistd], pass_fds=numbers, env=variables)
        started.append(made)
        return made

    with ending(started):
        yield start


@pytest.fixture
def sockets() -> Iterator[dict[str, socket.socket]]:
    """Open a socket of each kind."""
    tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
    with tcp, udp:
        for each in (tcp, udp):
            each.bind(("127.0.0.1", 0))
            each.settimeout(PATIENCE)
        tcp.listen()
        yield {"echo": tcp, "udpecho": udp}


DOORS = ("--echo-tcp", "systemd:domain=INET:name=echo", "--echo-udp", "systemd:name=udpecho")


def asked(sockets: dict[str, socket.socket]) -> list[bytes]:
    """Return what is answered at both sockets."""
    answers = []
    with socket.create_connection(sockets["echo"].getsockname(), PATIENCE) as client:
        client.sendall(b"hello")
        answers.append(client.recv(9))
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect(sockets["udpecho"].getsockname())
        client.send(b"hello")
        answers.append(client.recv(9))
    return answers


def test_sockets_that_are_open_already_are_served(
    activated: Callable[..., Bench], sockets: dict[str, socket.socket], tmp_path: Path
) -> None:
    """Over TCP and UDP; the manager is told, and who waited is not lost."""
    path = str(tmp_path / "notify")
    waiting = socket.create_connection(sockets["echo"].getsockname(), PATIENCE)
    with waiting, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(path)
        told.settimeout(PATIENCE)
        server = activated(sockets, *DOORS, NOTIFY_SOCKET=path, WATCHDOG_USEC="3600000000")
        server.wait_for("netdemo is listening")
        assert told.recv(99) == b"READY=1"
        assert told.recv(99) == b"WATCHDOG=1"
        waiting.sendall(b"first")
        assert waiting.recv(9) == b"first"
        assert asked(sockets) == [b"hello"] * 2
        waiting.close()
        assert server.stop() == -signal.SIGTERM
        assert told.recv(99) == b"STOPPING=1"
    # They are the manager's, and are open still.
    socket.create_connection(sockets["echo"].getsockname(), PATIENCE).close()


@pytest.mark.slow
def test_several_processes_share_what_was_inherited(
    activated: Callable[..., Bench], sockets: dict[str, socket.socket]
) -> None:
    """One process has them, and hands them on."""
    server = activated(sockets, *DOORS, "--workers", "2")
    server.wait_for("netdemo is listening")
    for _ in range(5):
        assert asked(sockets) == [b"hello"] * 2
    assert server.stop() == -signal.SIGTERM


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            ("--echo-tcp", "systemd:domain=INET:name=nope"),
            "--echo-tcp 'systemd:domain=INET:name=nope':"
            " no inherited socket named 'nope' (have: echo, udpecho)",
        ),
        (
            ("--echo-tcp", "systemd:index=1"),
            "--echo-tcp 'systemd:index=1': inherited fd 4 is SOCK_DGRAM, need SOCK_STREAM",
        ),
    ],
)
def test_a_socket_that_will_not_do_ends_the_start(
    options: tuple[str, ...],
    why: str,
    activated: Callable[..., Bench],
    sockets: dict[str, socket.socket],
) -> None:
    """With one line, which says what there is (bad input 10)."""
    server = activated(sockets, *options)
    assert server.wait() == 1
    assert server.text.count(f"netdemo: {why}\n") >= 1


def test_the_units_are_what_systemd_takes(tmp_path: Path) -> None:
    """And the service is locked down as far as systemd knows how."""
    analyze = peer("systemd-analyze", "systemd")
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/netdemo/bin/twistd", str(BIN / "twistd"))
        (tmp_path / unit.name).write_text(text)
    units = [str(each) for each in tmp_path.iterdir()]
    done = run(analyze, "verify", "--man=no", *units)
    assert (done.returncode, done.stderr) == (0, b"")
    service = str(tmp_path / "netdemo.service")
    judged = run(analyze, "security", "--offline=true", "--threshold=20", service)
    assert judged.returncode == 0, judged.stdout[-400:]


@pytest.mark.slow
def test_the_server_needs_no_memory_that_is_written_and_run() -> None:
    """MemoryDenyWriteExecute= of the unit, done here by the kernel itself; TLS would need it."""
    code = (
        "import ctypes, os, sys; libc = ctypes.CDLL(None);"
        "done = libc.prctl(65, 1, 0, 0, 0);"  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN
        "sys.exit(77) if done else os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, str(BIN / "twistd"), "-n", "--pidfile=", "netdemo"]
    if run(*command[:3], "/bin/true").returncode == 77:
        pytest.skip("the kernel is older than 6.3")
    with serving(*command, *free_ports()) as server:
        where = f"127.0.0.1:{server.port('echo-tcp')}"
        asked = run(str(BIN / "netdemo"), "echo", "-s", where, "hello")
        assert asked.stdout == b"hello\n", asked.stderr
