"""Files as a user meets them: the installed commands, and the clients that people have."""

import hashlib
import json
import random
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, PATIENCE, Bench, netdemo, peer, run

pytestmark = pytest.mark.slow  # each starts programs; `make test-slow` runs them

Start = Callable[..., Bench]

#: Sizes at the borders of a block, and one at which 16-bit block numbers roll over.
SIZES = {"empty": 0, "f511": 511, "f512": 512, "f513": 513, "large": 40 << 20}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with files of each size, and bait."""
    root = tmp_path_factory.mktemp("root")
    dice = random.Random(7009)  # noqa: S311 - no secret
    for name, size in SIZES.items():
        (root / name).write_bytes(dice.randbytes(size))
    (root / "sub").mkdir()
    (root / "sub" / "in side").write_bytes(b"inner")
    (root / "link").symlink_to("/etc/passwd")
    (root.parent / "secret").write_bytes(b"secret")
    return root


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or that there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "no file"


class Fetches:
    """The command lines that fetch a file, one for each client that people have."""

    def __init__(self, server: Bench, folder: Path) -> None:
        self.folder = folder
        self._tcp, self._tftp = str(server.port("files-tcp")), str(server.port("tftp"))
        self._own = str(BIN / "netdemo")

    def nc(self, name: str, to: str) -> list[str]:
        """Send a name and close our half."""
        nc = peer("nc", "netcat-openbsd")
        return ["sh", "-c", f"printf {name} | {nc} -N 127.0.0.1 {self._tcp} > {to}"]

    def curl(self, name: str, to: str) -> list[str]:
        """Fetch in blocks of 512 bytes."""
        url = f"tftp://127.0.0.1:{self._tftp}/{name}"
        return [peer("curl", "curl"), "--silent", "--show-error", "--output", to, url]

    def curl_with_options(self, name: str, to: str) -> list[str]:
        """Fetch in blocks of 1428 bytes."""
        return [*self.curl(name, to), "--tftp-blksize", "1428"]

    def tftp_hpa(self, name: str, to: str) -> list[str]:
        """Fetch in blocks of 512 bytes, without any option."""
        tftp = peer("tftp", "tftp-hpa")
        return [tftp, "-m", "binary", "127.0.0.1", self._tftp, "-c", "get", name, to]

    def atftp(self, name: str, to: str) -> list[str]:
        """Fetch in blocks of 8192 bytes."""
        options = ["--option", "blksize 8192", "--option", "tsize 0"]
        return [peer("atftp", "atftp"), *options, "-g", "-r", name, "-l", to, *self._address()]

    def netdemo(self, name: str, to: str) -> list[str]:
        """Fetch over TCP."""
        return [self._own, "get", "-s", f"127.0.0.1:{self._tcp}", name, "-o", to]

    def netdemo_tftp(self, name: str, to: str) -> list[str]:
        """Fetch over TFTP."""
        return [self._own, "get", f"tftp://127.0.0.1:{self._tftp}/{name}", "-o", to]

    def _address(self) -> list[str]:
        return ["127.0.0.1", self._tftp]


CLIENTS = ("nc", "curl", "curl_with_options", "tftp_hpa", "atftp", "netdemo", "netdemo_tftp")


def fetch_all(fetches: Fetches, names: list[str]) -> dict[str, list[str]]:
    """Fetch some files with every client, all at one time; return the digests of what came."""
    running = {
        (client, name): subprocess.Popen(
            getattr(fetches, client)(name, str(fetches.folder / f"{client}-{name}")),
            stdout=subprocess.DEVNULL,
        )
        for client in CLIENTS
        for name in names
    }
    exits = {key: process.wait(3 * PATIENCE) for key, process in running.items()}
    assert exits == dict.fromkeys(running, 0)
    return {
        client: [digest(fetches.folder / f"{client}-{name}") for name in names]
        for client in CLIENTS
    }


@pytest.mark.slow
def test_forty_megabytes_come_whole_to_every_client(
    bench: Start, root: Path, tmp_path: Path
) -> None:
    """All of them at one time; at 512 bytes a block the number rolls over."""
    fetches = Fetches(bench("--files-root", str(root)), tmp_path)
    assert fetch_all(fetches, ["large"]) == {client: [digest(root / "large")] for client in CLIENTS}


@pytest.mark.slow
def test_files_at_the_borders_of_a_block_come_whole(
    bench: Start, root: Path, tmp_path: Path
) -> None:
    """The last block may be empty."""
    fetches = Fetches(bench("--files-root", str(root)), tmp_path)
    names = ["f511", "f512", "f513"]
    expected = [digest(root / name) for name in names]
    assert fetch_all(fetches, names) == dict.fromkeys(CLIENTS, expected)


def test_an_empty_file_comes_to_every_client(bench: Start, root: Path, tmp_path: Path) -> None:
    """Some make no file until a first byte comes, but none calls it an error."""
    fetches = Fetches(bench("--files-root", str(root)), tmp_path)
    nothing = hashlib.sha256().hexdigest()
    for client, digests in fetch_all(fetches, ["empty"]).items():
        assert digests == [nothing] or (client.startswith("curl") and digests == ["no file"])


def test_a_missing_file_leaves_nothing_behind(bench: Start, root: Path, tmp_path: Path) -> None:
    """It is one line, and an exit code that a script sees; nor does a way out lead anywhere."""
    fetches = Fetches(bench("--files-root", str(root)), tmp_path)
    for client, name in (
        ("netdemo", "nope"),
        ("netdemo", "../secret"),
        ("netdemo_tftp", "nope"),
        ("netdemo_tftp", "link"),
    ):
        done = run(*getattr(fetches, client)(name, str(tmp_path / "to")))
        assert done.returncode == 1
        assert done.stdout == b""
        assert done.stderr.startswith(b"netdemo: '" + name.encode())
        assert done.stderr.count(b"\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_listing_and_what_it_names(bench: Start, root: Path, tmp_path: Path) -> None:
    """Every file that ``ls`` shows can be fetched by ``get``."""
    server = ("-s", f"127.0.0.1:{bench('--files-root', str(root)).port('files-tcp')}")
    shown = netdemo("ls", *server)
    names = [line.split()[-1] for line in shown.stdout.decode().splitlines()]
    assert names == ["empty", "f511", "f512", "f513", "large", "sub/"]
    (record,) = map(json.loads, netdemo("ls", *server, "sub", "--json").stdout.splitlines())
    assert record.pop("mtime") > 0
    assert record == {"name": "sub/in side", "kind": "file", "size": 5}
    done = netdemo("get", *server, "sub/in side", "f513", "-d", str(tmp_path), "--json", "-j1")
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["name"], second["sha256"]) == ("sub/in side", digest(root / "f513"))
    assert (tmp_path / "in side").read_bytes() == b"inner"


def test_what_is_shared_by_default_can_be_tried_at_once(bench: Start) -> None:
    """Without a folder of one's own there is a small one."""
    server = bench()
    assert "netdemo get --server" in server.text
    address = f"127.0.0.1:{server.port('files-tcp')}"
    hello = netdemo("get", "-s", address, "hello.txt", "-o", "-")
    assert "你好" in hello.stdout.decode()
    assert b"sha256" in hello.stderr


def test_it_is_said_where_a_file_was_written(bench: Start, tmp_path: Path) -> None:
    """A name on the server has folders; here it has one, or another."""
    server = ["-s", f"127.0.0.1:{bench().port('files-tcp')}", "-d", str(tmp_path)]
    done = netdemo("get", *server, "poems/ripples.txt")
    assert done.stdout.decode().startswith(f"poems/ripples.txt -> {tmp_path}/ripples.txt  136 ")
    done = netdemo("get", *server, "hello.txt", "--json")
    assert json.loads(done.stdout)["path"] == f"{tmp_path}/hello.txt"
    done = netdemo("get", *server, "poems")
    assert done.stderr == b"netdemo: 'poems': a folder; see netdemo ls poems\n"


def test_a_server_of_another_kind_is_told_in_words(bench: Start) -> None:
    """Not in Python."""
    done = netdemo("ls", "-s", f"127.0.0.1:{bench().port('echo-tcp')}")
    assert done.returncode == 5
    assert done.stderr.decode().endswith(": unexpected answer 'LIST limit 1000'\n")


@pytest.mark.parametrize("over", ["tcp", "tftp"])
def test_the_others_come_when_one_cannot_be_had(over: str, bench: Start, tmp_path: Path) -> None:
    """A line for each failure, and a code that says that not all is well."""
    server = bench()
    words = ["-s", f"127.0.0.1:{server.port('files-tcp')}"]
    if over == "tftp":
        words = ["-s", f"127.0.0.1:{server.port('tftp')}", "--tftp"]
    names = ["hello.txt", "nosuch", "192.0.2.7", "bytes.bin", "--jobs", "1"]
    done = netdemo("get", *words, *names, "-d", str(tmp_path), "--quiet")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().splitlines() == [
        "netdemo: 'nosuch': no such file",
        "netdemo: '192.0.2.7': no such file; for a server: -s 192.0.2.7",
    ]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bytes.bin", "hello.txt"]


def test_what_exists_is_not_overwritten(bench: Start, tmp_path: Path) -> None:
    """Unless one says so."""
    server = ("-s", f"127.0.0.1:{bench().port('files-tcp')}")
    mine = tmp_path / "hello.txt"
    mine.write_text("mine")
    refused = netdemo("get", *server, "hello.txt", "-d", str(tmp_path))
    assert (refused.returncode, mine.read_text()) == (1, "mine")
    assert refused.stderr.decode() == f"netdemo: {str(mine)!r} exists; use --force\n"
    assert netdemo("get", *server, "hello.txt", "-d", str(tmp_path), "--force").returncode == 0
    assert mine.read_text() != "mine"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["get", "tcp:127.0.0.1:1", "x"], 3, "cannot connect to 127.0.0.1:1: connection refused"),
        (["get", "-s", "nope.invalid", "x"], 3, "cannot resolve 'nope.invalid'"),
        (
            ["get", "-s", "127.0.0.1:abc", "x"],
            2,
            "'127.0.0.1:abc': want HOST[:PORT] or tcp:host=…:port=…",
        ),
        (
            ["get", "--timeout", "0.2", "tftp:127.0.0.1:1", "x"],
            4,
            "no answer in 0.2 s from 127.0.0.1:1",
        ),
        (
            ["ls", "tftp:127.0.0.1:1"],
            2,
            "TFTP cannot list files; ask the TCP door, as 'netdemo ls tcp:HOST'\n",
        ),
        (["get", "tcp:127.0.0.1"], 2, "'tcp:127.0.0.1': a server without a NAME; say what to"),
        (["get", "tftp://127.0.0.1:7069"], 2, "'tftp://127.0.0.1:7069': a server without a NAME;"),
        (["get", "http://127.0.0.1:1/x"], 3, "cannot connect to 127.0.0.1:1: connection refused"),
        (["ls", "http://127.0.0.1:1/"], 3, "cannot connect to 127.0.0.1:1: connection refused"),
        (["get", "ftp://127.0.0.1/x"], 2, "'ftp://127.0.0.1/x': want tcp:HOST[:PORT], tcp://"),
        (["get", "http:///x"], 2, "'http:///x': want SCHEME://HOST[:PORT]/NAME"),
        (["get", "http://a:b@h/x"], 2, "'h': a password in a URL is seen by everybody here"),
        (["get", "--resume", "tftp://h/x"], 2, "--resume: TFTP knows no offsets"),
        (["get", "-r", "tftp://h/x"], 2, "--recursive: TFTP cannot list files"),
        (["get", "--limit-rate", "9", "tftp://h/x"], 2, "--limit-rate: not for TFTP"),
        (["get", "--force", "--no-clobber", "x"], 2, "--force and --no-clobber contradict"),
        (["get", "-o", "a", "x", "y"], 2, "--output 'a': is for one file, this is 2 NAMEs"),
        (["put", "http://h/x"], 2, "'http://h/x': a server without a FILE; say what to send"),
        (["put", "tcp:h"], 2, "'tcp:h': a server without a FILE; say what to send there"),
        (["put", "a", "b", "tcp://h/c"], 2, "'c': is for one file; for a folder write 'c/'"),
        (["put", "/nope", "-s", "127.0.0.1:1"], 1, "cannot read '/nope': no such file or"),
    ],
)
def test_what_went_wrong_is_one_line(words: list[str], code: int, said: str) -> None:
    """With an exit code for each kind of trouble."""
    done = netdemo(*words)
    assert done.returncode == code
    assert done.stdout == b""
    assert done.stderr.decode().startswith(f"netdemo: {said}")
    assert done.stderr.count(b"\n") == 1


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    """Its port is open, and that is all."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        done = netdemo("get", "--timeout", "1", "-s", address, "x", "-d", str(tmp_path))
    assert done.returncode == 4
    assert done.stderr.decode() == f"netdemo: no answer from {address} in 1 s\n"
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_has_enough_ends_it_in_silence(bench: Start, root: Path) -> None:
    """``netdemo get large -o - | head``."""
    port = bench("--files-root", str(root)).port("files-tcp")
    command = [str(BIN / "netdemo"), "get", "-s", f"127.0.0.1:{port}", "large", "-o", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE) == 141


def test_a_stopping_server_sends_what_it_has_begun(bench: Start, root: Path) -> None:
    """SIGTERM in the middle: the slow reader gets all of it, before the server ends."""
    server = bench("--files-root", str(root), "--grace", str(PATIENCE))
    with socket.create_connection(("127.0.0.1", server.port("files-tcp")), PATIENCE) as slow:
        slow.sendall(b"large\n")
        got = hashlib.sha256(first := slow.recv(1000))
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("Received SIGTERM")
        size = len(first)
        while piece := slow.recv(1 << 20):
            got.update(piece)
            size += len(piece)
    assert (size, got.hexdigest()) == (SIZES["large"], digest(root / "large"))
    assert server.wait() == -signal.SIGTERM


def test_nc_puts_a_file_that_is_then_there_for_everybody(bench: Start, tmp_path: Path) -> None:
    """Where that was allowed; and it goes on where a broken one ended."""
    (tmp_path / "share").mkdir()
    (tmp_path / "new").write_bytes(b"hello, world\n" * 100_000)
    size, sha256 = (tmp_path / "new").stat().st_size, digest(tmp_path / "new")
    server = bench("--files-root", str(tmp_path / "share"), "--files-write", "yes")
    nc = f"{peer('nc', 'netcat-openbsd')} -N 127.0.0.1 {server.port('files-tcp')}"
    broken = f"(echo PUT sub/new {size} {sha256}; head -c 99999 {tmp_path}/new) | {nc}"
    done = run("sh", "-c", broken)
    assert done.stdout == b"OK send\nERR 400 1200001 bytes are missing, nothing stored\n"
    asked = run("sh", "-c", f"echo PUT sub/new {size} {sha256} {size} | {nc}")
    assert asked.stdout == b"ERR 416 offset past end (size 99999)\n"
    rest = f"(echo PUT sub/new {size} {sha256} 99999; tail -c +100000 {tmp_path}/new) | {nc}"
    assert run("sh", "-c", rest).stdout == b"OK send\nOK stored\n"
    assert digest(tmp_path / "share/sub/new") == sha256
    assert [each.name for each in (tmp_path / "share").rglob("*")] == ["sub", "new"]
    again = run("sh", "-c", f"(echo PUT sub/new 0 {sha256}; echo SUM sub/new) | {nc}")
    assert again.stdout == b"ERR 409 exists, and may not be overwritten\n"


def test_a_download_goes_on_behind_a_kill_of_the_server(bench: Start, root: Path) -> None:
    """By offset, from another server on the same folder; the digest says that it is the same."""
    whole = (root / "large").read_bytes()
    first = bench("--files-root", str(root))
    with socket.create_connection(("127.0.0.1", first.port("files-tcp")), PATIENCE) as client:
        client.sendall(b"GET large\n")
        got = b""
        while len(got) < len(whole) * 3 // 10:
            piece = client.recv(1 << 20)
            assert piece, "the end"
            got += piece
        first.stop(signal.SIGKILL)
    got = got.partition(b"\n")[2]
    second = bench("--files-root", str(root))
    with socket.create_connection(("127.0.0.1", second.port("files-tcp")), PATIENCE) as client:
        client.sendall(b"SUM large\nGET large %d\nQUIT\n" % len(got))
        with client.makefile("rb") as answers:
            sha256 = digest(root / "large").encode()
            assert answers.readline() == b"OK sha256 %b\n" % sha256
            promise = answers.readline().split()
            assert promise[1:4] == [b"%d" % (len(whole) - len(got)), b"%d" % len(whole), sha256]
            rest = answers.read(int(promise[1]))
            assert answers.readline().split()[0] == b"DONE"
            assert answers.readline() == b"OK bye\n"
    assert got + rest == whole


def test_the_demo_folder_is_nobody_s_to_write_to() -> None:
    """It belongs to the package."""
    done = run(str(BIN / "twistd"), "-n", "--pidfile=", "netdemo", "--files-write", "yes")
    assert done.returncode == 1
    assert (
        b"--files-write yes: needs a folder of your own: --files-root" in done.stdout + done.stderr
    )


def test_a_folder_that_is_not_there_stops_the_start() -> None:
    """With one line that names the option, and no port open."""
    done = run(str(BIN / "twistd"), "-n", "--pidfile=", "netdemo", "--files-root", "/nope")
    assert done.returncode == 1
    assert b"--files-root '/nope': no such directory" in done.stdout + done.stderr
