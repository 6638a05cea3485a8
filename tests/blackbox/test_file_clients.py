"""`netdemo get`, `put` and `ls` as users meet them: broken off, gone on with, and badly served."""

import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, PATIENCE, Bench, netdemo, peer, until, unused_port

pytestmark = pytest.mark.slow  # each starts programs; `make test-slow` runs them

Start = Callable[..., Bench]

#: Of a file to break off. When 30 % of it have come, what is missing is more than the kernel may
#: hold of it (33 MB to be read, 4 MB to be sent), so that a killed server cannot have sent it all.
SIZE = 64 << 20
#: Slow enough that whoever waits for a part of it may be late by seconds, and still is in time.
RATE = "16MiB"
SHA = hashlib.sha256(b"hello").hexdigest()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file to break off, and a tree."""
    root = tmp_path_factory.mktemp("root")
    (root / "large").write_bytes(random.Random(5).randbytes(SIZE))  # noqa: S311 - no secret
    (root / "tree" / "deep").mkdir(parents=True)
    for name in ("tree/a b", "tree/deep/ü", "tree/deep/empty"):
        (root / name).write_bytes(name.encode() * (name != "tree/deep/empty"))
    return root


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def url_of(server: Bench, over: str, name: str) -> str:
    """Return the URL of a file."""
    if over == "http":
        return f"http://127.0.0.1:{server.port('web')}/files/{name}"
    return f"tcp://127.0.0.1:{server.port('files-tcp')}/{name}"


def part_of(path: Path) -> int:
    """Return how much of a file has come."""
    part = path.with_name(path.name + ".part")
    return part.stat().st_size if part.exists() else 0


SOME = ["tcp", pytest.param("http", marks=pytest.mark.slow)]


@pytest.mark.slow
@pytest.mark.parametrize("over", SOME)
def test_a_kill_of_the_server_in_the_middle_costs_nothing(
    over: str, bench: Start, root: Path, tmp_path: Path
) -> None:
    """At 30 %; a get that runs goes on by itself when the server is there again."""
    door = {"tcp": "files-tcp", "http": "web"}[over]
    options = ("--files-root", str(root), f"--{door}=tcp:{unused_port()}")
    server = bench(*options)
    url, path = url_of(server, over, "large"), tmp_path / "large"
    command = [str(BIN / "netdemo"), "get", url, "-d", str(tmp_path), "--json"]
    command += ["--limit-rate", RATE, "--retries", "100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        until(lambda: part_of(path) > SIZE * 3 // 10)
        server.stop(signal.SIGKILL)
        bench(*options)
        said, _ = running.communicate(timeout=3 * PATIENCE)
    record = json.loads(said)
    assert record["offset"] > SIZE // 4
    assert record["sha256"] == digest(path) == digest(root / "large")
    assert [each.name for each in tmp_path.iterdir()] == ["large"]


@pytest.mark.parametrize("over", SOME)
def test_ctrl_c_keeps_what_has_come_for_the_next_get(
    over: str, bench: Start, root: Path, tmp_path: Path
) -> None:
    """It says so, and exits as an interrupted command does."""
    url, path = url_of(bench("--files-root", str(root)), over, "large"), tmp_path / "large"
    command = [str(BIN / "netdemo"), "get", url, "-d", str(tmp_path)]
    with subprocess.Popen([*command, "--limit-rate", RATE], stderr=subprocess.PIPE) as running:
        until(lambda: part_of(path) > SIZE // 4)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130
    assert b"interrupted; " in said
    assert b"the same command goes on with it\n" in said
    kept = part_of(path)
    assert kept > SIZE // 4
    (record,) = map(json.loads, netdemo(*command[1:], "--json").stdout.splitlines())
    assert (record["offset"], record["size"]) == (kept, SIZE)
    assert digest(path) == digest(root / "large")


class Hostile:
    """A server that says one thing to everybody, and may never stop saying it."""

    def __init__(self, said: bytes, endless: bool = False) -> None:
        self._said = said
        self._endless = endless
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(1000)
                    connection.sendall(self._said)
                    while self._endless:
                        connection.sendall(bytes(65536))
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1000)
                except OSError:
                    continue

    def close(self) -> None:
        """Stop."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def hostile() -> Iterator[Callable[..., Hostile]]:
    """Start hostile servers."""
    started: list[Hostile] = []

    def start(said: bytes, endless: bool = False) -> Hostile:
        started.append(Hostile(said, endless))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said", "endless", "code"),
    [
        (["get", "tcp://{}/x"], f"OK 5 5 {'0' * 64} 0\nhelloDONE {SHA}\n", False, 5),
        (["get", "tcp://{}/x"], f"OK 5 5 {SHA} 0\n", True, 5),
        (["get", "tcp://{}/x"], f"OK {2**63 - 1} {2**63 - 1} - 0\n", True, 1),
        (["get", "tcp://{}/x"], "ERR 404 \x1b]0;owned\x07\x1b[2J\n", False, 1),
        (["get", "-r", "tcp://{}/x"], "OK folder 0 0\nOK 1 end\nfile 1 0 ../../x\n", False, 5),
        (["get", "-r", "tcp://{}/x"], "OK folder 0 0\nOK 1 end\nfile 1 0 %2Fetc%2Fx\n", False, 5),
        (["ls", "tcp://{}/x"], "OK folder 0 0\nOK 1 end\nfile 1 0 x/\x1b[2J\n", False, 0),
        (["get", "http://{}/x"], "HTTP/1.1 200 \x1b[2J\nContent-Length: 5\n\n", True, 0),
        (["get", "http://{}/x"], "HTTP/1.1 404 \x1b[2J\n\n", False, 1),
        (["get", "http://{}/x"], f"HTTP/1.1 200 OK\nContent-Length: {10**17}\n\n", True, 1),
        (["get", "http://{}/..%2f..%2fx"], "HTTP/1.1 404 No\n\n", False, 1),
    ],
)
def test_a_hostile_server_does_no_harm(
    words: list[str],
    said: str,
    endless: bool,
    code: int,
    hostile: Callable[..., Hostile],
    tmp_path: Path,
) -> None:
    """Nothing is written but what was asked for, no more than was announced, all on one line."""
    here = tmp_path / "a" / "b"
    here.mkdir(parents=True)
    server = hostile(said.encode(), endless)
    words = [word.format(f"127.0.0.1:{server.port}") for word in words]
    words += ["--retries", "1", "-d", str(here)] if words[0] == "get" else []
    done = netdemo(*words)
    assert done.returncode == code
    for told in (done.stdout, done.stderr):
        assert not [byte for byte in told if byte < 0x20 and byte != 0x0A]
    assert (done.stdout + done.stderr).count(b"\n") == 1
    found = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert sum(each.stat().st_size for each in found) <= 5
    assert all(each.parent == here for each in found)


@pytest.mark.slow
def test_a_tree_comes_whole_and_again_costs_nothing(
    bench: Start, root: Path, tmp_path: Path
) -> None:
    """Over lines and over HTTP; the second time nothing is fetched, the third it is replaced."""
    server = bench("--files-root", str(root))
    for over in ("tcp", "http"):
        to = tmp_path / over
        words = ["get", "-r", url_of(server, over, "tree/"), "-d", str(to)]
        done = netdemo(*words, "--json")
        assert done.returncode == 0, done.stderr
        for name in ("tree/a b", "tree/deep/ü", "tree/deep/empty"):
            assert digest(to / name) == digest(root / name)
        assert {json.loads(line)["path"] for line in done.stdout.splitlines()} == {
            str(each) for each in to.rglob("*") if each.is_file()
        }
        again = netdemo(*words, "--no-clobber")
        assert (again.returncode, again.stdout.count(b"was left as it is\n")) == (0, 3)
        refused = netdemo(*words, "--quiet")
        assert (refused.returncode, refused.stderr.count(b"exists; use --force\n")) == (1, 3)
        assert netdemo(*words, "--force", "-q").returncode == 0


@pytest.mark.slow
def test_another_s_web_server_is_fetched_from(root: Path, tmp_path: Path) -> None:
    """Python's own knows no ranges and no digests, but shows folders as pages."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "-d", str(root)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().split()[5].decode()
            url = f"http://127.0.0.1:{port}/"
            listed = netdemo("ls", url)
            assert [line.split()[-1] for line in listed.stdout.splitlines()] == [b"large", b"tree/"]
            (tmp_path / "large.part").write_bytes(b"x" * 100_000)
            done = netdemo("get", url + "large", "-d", str(tmp_path), "--resume")
            assert done.returncode == 0, done.stderr
            assert netdemo("get", "-r", url + "tree/", "-d", str(tmp_path)).returncode == 0
        finally:
            server.terminate()
    assert digest(tmp_path / "large") == digest(root / "large")
    assert digest(tmp_path / "tree/deep/ü") == digest(root / "tree/deep/ü")


@pytest.mark.parametrize(
    "over", ["tcp", *(pytest.param(each, marks=pytest.mark.slow) for each in ("tftp", "http"))]
)
def test_what_is_put_can_be_fetched(over: str, bench: Start, root: Path, tmp_path: Path) -> None:
    """Where that was allowed; what is there is not replaced."""
    (tmp_path / "share").mkdir()
    options = ["--files-root", str(tmp_path / "share"), "--files-write", "yes"]
    server = bench(*options, "--tftp-write", "yes")
    port = server.port({"tcp": "files-tcp", "http": "web"}.get(over, over))
    target = f"{over}://127.0.0.1:{port}/" + ("files/" if over == "http" else "")
    done = netdemo("put", str(root / "large"), target + "sub/", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert set(record) == {"path", "name", "size", "seconds", "sha256", "offset"}
    assert record["sha256"] == digest(tmp_path / "share/sub/large") == digest(root / "large")
    again = netdemo("put", str(root / "large"), target + "sub/")
    assert (again.returncode, again.stdout) == (1, b"")
    assert b"exists, and may not be overwritten" in again.stderr
    assert netdemo("put", "-r", str(root / "tree"), target, "-q").returncode == 0
    assert digest(tmp_path / "share/tree/deep/ü") == digest(root / "tree/deep/ü")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl in PATH")
def test_curl_puts_what_it_is_told_to(bench: Start, root: Path, tmp_path: Path) -> None:
    """From a file, and from a pipe whose length nobody knows."""
    (tmp_path / "share").mkdir()
    server = bench("--files-root", str(tmp_path / "share"), "--files-write", "yes")
    url = f"http://127.0.0.1:{server.port('web')}/files/sub/"
    for source, name in ((str(root / "large"), "file"), ("-", "pipe")):
        with (root / "large").open("rb") as file:
            done = subprocess.run(
                ["curl", "-sSf", "-T", source, url + name],
                stdin=file,
                capture_output=True,
                timeout=PATIENCE,
                check=False,
            )
        assert (done.returncode, done.stdout) == (0, b"201 stored\n"), done.stderr
        assert digest(tmp_path / "share/sub" / name) == digest(root / "large")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx in PATH")
def test_a_file_is_put_to_a_server_of_another_kind(root: Path, tmp_path: Path) -> None:
    """As nginx, with its DAV module."""
    for each in ("share", "temp"):
        (tmp_path / each).mkdir(mode=0o777)
        (tmp_path / each).chmod(0o777)
    port = unused_port()
    (tmp_path / "nginx.conf").write_text(
        f"""daemon off; worker_processes 1; pid {tmp_path}/pid; error_log stderr;
        {"user root;" if os.getuid() == 0 else ""}
        events {{}} http {{ access_log off; client_body_temp_path {tmp_path}/temp;
        proxy_temp_path {tmp_path}/temp; fastcgi_temp_path {tmp_path}/temp;
        uwsgi_temp_path {tmp_path}/temp; scgi_temp_path {tmp_path}/temp;
        server {{ listen 127.0.0.1:{port}; root {tmp_path}/share; client_max_body_size 0;
        dav_methods PUT; create_full_put_path on; }} }}"""
    )
    command = ["nginx", "-c", str(tmp_path / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    if "unknown directive" in checked.stderr:
        pytest.skip("this nginx has no DAV module")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as nginx:
        try:
            url = f"http://127.0.0.1:{port}/sub/"
            done = netdemo("put", str(root / "large"), url, "--retries=20", "--timeout=20")
            assert done.returncode == 0, done.stderr
            refused = netdemo("put", str(root / "large"), f"{url}large/x", "--retries=0")
        finally:
            nginx.terminate()
    assert digest(tmp_path / "share/sub/large") == digest(root / "large")
    assert (refused.returncode, refused.stderr.count(b"\n")) == (1, 1)


def test_a_server_that_takes_nothing_says_so(bench: Start, root: Path) -> None:
    """In one line, before a byte of the file is sent."""
    server = bench()
    for words in (["-s", f"127.0.0.1:{server.port('files-tcp')}"],
                  [f"http://127.0.0.1:{server.port('web')}/files/"],
                  ["-s", f"127.0.0.1:{server.port('tftp')}", "--tftp"]):  # fmt: skip
        done = netdemo("put", str(root / "large"), *words)
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"read-only" in done.stderr
        assert done.stderr.count(b"\n") == 1


@pytest.mark.slow
def test_where_nothing_can_be_written_nothing_is_asked_for(bench: Start, tmp_path: Path) -> None:
    """A folder of that name, no such folder, a file in the way: one line each."""
    server = ["-s", f"127.0.0.1:{bench().port('files-tcp')}"]
    (tmp_path / "hello.txt").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for words, said in (
        (["-d", str(tmp_path)], "hello.txt' is a folder; write into it with --directory"),
        (["-d", str(tmp_path / "nope")], "hello.txt': no such file or directory"),
        (["-d", str(tmp_path / "file")], "hello.txt': not a directory"),
        (["-r", "-d", str(tmp_path / "file")], "file': file exists"),
    ):
        done = netdemo("get", *server, "hello.txt", *words)
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.decode().endswith(f"{said}\n")
        assert done.stderr.count(b"\n") == 1


@pytest.mark.slow
def test_a_disk_that_is_full_keeps_what_has_come(root: Path, bench: Start, tmp_path: Path) -> None:
    """As much as there was room for, to be gone on with."""
    prlimit = peer("prlimit", "util-linux")
    url = url_of(bench("--files-root", str(root)), "tcp", "large")
    command = [prlimit, "--fsize=1000000", str(BIN / "netdemo"), "get", url, "-d", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert f"cannot write '{tmp_path}/large': file too large; 1.0 MB are in" in done.stderr.decode()
    assert part_of(tmp_path / "large") == 1_000_000
    assert netdemo("get", url, "-d", str(tmp_path)).returncode == 0
    assert digest(tmp_path / "large") == digest(root / "large")
    assert os.listdir(tmp_path) == ["large"]
