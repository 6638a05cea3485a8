"""Whole or not at all: the start, the stop, and the end that nobody announced."""

import hashlib
import os
import pwd
import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.blackbox.conftest import APART, BIN, PATIENCE, Bench, listening, run, unused_port
from tests.blackbox.safety.conftest import Shows
from tests.blackbox.safety.probe import FULL
from tests.blackbox.safety.watching import MEGABYTE, all_doors, connected, to_the_end, until

pytestmark = pytest.mark.slow

Start = Callable[..., Bench]

#: More than kernels hold of it between a server and a client, for both together: so a server that
#: is killed when little of it has come cannot have sent it all.
SIZE = 64 * MEGABYTE


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file that takes a while."""
    file = tmp_path_factory.mktemp("big") / "big"
    file.write_bytes(random.Random(9).randbytes(SIZE))  # noqa: S311 - no secret
    return file


def digest(file: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


REQUESTS = {
    "files-tcp": b"big\n",
    "web": b"GET /files/big HTTP/1.0\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("door", REQUESTS)
def test_a_stop_lets_what_is_under_way_finish(
    door: str, alone: Start, big: Path, shows: Shows
) -> None:
    """R9: All bytes come; meanwhile nobody new gets in."""
    server = alone(f"--files-root={big.parent}", f"--grace={PATIENCE}")
    port = server.port(door)
    with connected(port) as reader:
        reader.sendall(REQUESTS[door])
        got = reader.recv(MEGABYTE)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("Received SIGTERM")
        until(lambda: not listening(port), "nobody new gets in")
        got += to_the_end(reader)
    server.wait()
    took = time.monotonic() - began
    whole = got.endswith(big.read_bytes())
    shows(
        "SIGTERM: all 64 MiB, within the grace, new ones refused",
        f"{door} {'all' if whole else len(got)} in {took:.1f} s",
    )
    assert whole
    assert " cut" not in server.text


def test_a_killed_server_truncates_nothing_in_silence(
    alone: Start, big: Path, tmp_path: Path, shows: Shows
) -> None:
    """R9: The client says so, keeps its part, and goes on with it later."""
    server = alone(f"--files-root={big.parent}")
    port = server.port("files-tcp")
    words = [str(BIN / "netdemo"), "get", "-d", str(tmp_path), "--quiet", "big"]
    slowly = [*words, "-s", f"127.0.0.1:{port}", "--limit-rate=4MiB", "--retries=0"]
    with subprocess.Popen(slowly, stderr=subprocess.PIPE) as client:
        part = tmp_path / "big.part"
        until(lambda: part.exists() and part.stat().st_size > MEGABYTE, "a part is there")
        server.stop(signal.SIGKILL)
        _, complaint = client.communicate(timeout=PATIENCE)
    kept = part.stat().st_size
    shows(
        "SIGKILL: exit 5, one line, .part kept",
        f"exit {client.returncode}, {kept / MEGABYTE:.1f} MB kept, {complaint.decode().strip()}",
    )
    assert client.returncode == 5
    assert complaint.count(b"\n") == 1
    assert 0 < kept < SIZE
    assert not (tmp_path / "big").exists()
    again = alone(f"--files-root={big.parent}")
    done = run(*words, "-s", f"127.0.0.1:{again.port('files-tcp')}", "--resume")
    same = digest(tmp_path / "big") == digest(big)
    sent = int(again.wait_for(r"sent 'big' to \S+ (\d+) bytes")[1])
    shows("--resume completes, digest equal", f"exit {done.returncode}, {SIZE - sent} not again")
    assert done.returncode == 0
    assert same
    assert sent < SIZE


# The start


def ways() -> dict[str, list[str]]:
    """Return the ways to start a server, by name."""
    return {
        "twistd -n": [str(BIN / "twistd"), "-n", "--pidfile=", "netdemo"],
        "twistd": [str(BIN / "twistd"), "netdemo"],
        "serve": [str(BIN / "netdemo"), "serve"],
    }


def options_of(trouble: str, taken: int) -> tuple[list[str], str]:
    """Return options that cannot work, and what has to be said of them."""
    kind = "tcp" if trouble.endswith("tcp") or trouble == "web" else "udp"
    kind = "tcp" if trouble in ("files-tcp", "irc") else kind
    return {
        "an unknown interface": (["--interface=nope.invalid"], "--interface 'nope.invalid'"),
        "a foreign interface": (["--interface=192.0.2.1"], "192.0.2.1"),
        "a missing root": (["--files-root=/nope"], "--files-root '/nope'"),
        "a root that is a file": (["--files-root=/etc/passwd"], "--files-root '/etc/passwd'"),
    }.get(trouble, ([f"--{trouble}={kind}:{taken}"], f"--{trouble}"))


TROUBLES = [
    *(option.partition("=")[0].removeprefix("--") for option in all_doors()),
    "an unknown interface",
    "a foreign interface",
    "a missing root",
    "a root that is a file",
]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_start_that_cannot_succeed_is_one_line(
    trouble: str, taken: int, tmp_path: Path, shows: Shows
) -> None:
    """R10: Soon, by whatever way, with the option to change; and nothing is left open."""
    options, wanted = options_of(trouble, taken)
    # The first door that is opened would be left open by a start that stops half-way.
    first = unused_port(host=APART)
    for way, command in ways().items():
        if way != "serve" and trouble not in ("echo-udp", "web", "a missing root"):
            continue  # the way matters as little for the others
        opened = [each for each in all_doors() if not each.startswith("--echo-tcp")]
        echo = [] if trouble == "echo-tcp" else [f"--echo-tcp=tcp:{first}:interface={APART}"]
        began = time.monotonic()
        ended = subprocess.run(
            [*command, *opened, *echo, *options],
            cwd=tmp_path,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        took = time.monotonic() - began
        said = ended.stderr.decode()
        line = next((each for each in said.splitlines() if wanted in each), "")
        shows("exit not 0 in 2 s, one line, nothing open", f"{way}: {trouble}")
        assert ended.returncode != 0
        assert line, said
        assert "Traceback" not in said
        assert way == "twistd" or said.count("\n") == 1, said
        # A daemon ends after its parent.
        until(lambda: not listening(first, APART), "nothing is left open")
        until(lambda: not (tmp_path / "twistd.pid").exists(), "nor its pid file")
        assert took < 2 or not FULL


def test_a_folder_that_cannot_be_read_is_told_at_the_start(tmp_path: Path, shows: Shows) -> None:
    """R10: Not to the first who asks for a file."""
    secret = tmp_path / "secret"
    secret.mkdir(mode=0)
    command = [str(BIN / "netdemo"), "serve", *all_doors(), f"--files-root={secret}"]
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        tmp_path.chmod(0o755)
        allowed = run("setpriv", f"--reuid={nobody.pw_uid}", "--clear-groups", str(BIN / "netdemo"))
        if allowed.returncode not in (0, 2):
            pytest.skip("nobody may not run this installation")
        command = ["setpriv", f"--reuid={nobody.pw_uid}", "--clear-groups", *command]
    ended = run(*command)
    shows("unreadable root: exit not 0, one line", ended.stderr.decode().strip())
    assert ended.returncode != 0
    assert ended.stderr.decode().startswith(f"netdemo: --files-root '{secret}'")
    assert ended.stderr.count(b"\n") == 1


def test_privileges_are_given_up_once_all_doors_are_open(tmp_path: Path, shows: Shows) -> None:
    """R11: A port below 1024 is bound, and then the server is nobody."""
    if os.geteuid() != 0:
        pytest.skip("only root has privileges to give up")
    nobody = pwd.getpwnam("nobody")
    host = "127.0.69.11"
    doors = [each for each in all_doors() if not each.startswith("--tftp")]
    twistd = [str(BIN / "twistd"), "-n", "--pidfile=", "--uid=nobody", "--gid=nogroup"]
    server = Bench([*twistd, "netdemo", *doors, f"--tftp=udp:69:interface={host}"], cwd=tmp_path)
    try:
        server.wait_for(rf"^\s+tftp\s+{re.escape(host)}:69\s")
        until(lambda: _status(server)["Uid"][0] == str(nobody.pw_uid), "it is nobody")
        status = _status(server)
        with socket.socket(type=socket.SOCK_DGRAM) as asker:
            asker.settimeout(PATIENCE)
            asker.sendto(b"\0\1hello.txt\0octet\0", (host, 69))
            answer = asker.recv(1000)
    finally:
        server.stop()
    shown = {name: "/".join(sorted({*status[name]})) for name in ("Uid", "Gid", "Groups", "CapEff")}
    shows(
        f"Uid/Gid/Groups = {nobody.pw_uid}, CapEff 0, port 69 answers",
        ", ".join(f"{name} {value}" for name, value in shown.items()),
    )
    assert shown["Uid"] == shown["Gid"] == str(nobody.pw_uid)
    assert shown["Groups"] in (str(nobody.pw_gid), "")
    assert int(shown["CapEff"], 16) == 0
    assert answer.startswith(b"\0\3\0\1")


def _status(server: Bench) -> dict[str, list[str]]:
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
