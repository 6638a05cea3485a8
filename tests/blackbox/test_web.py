"""The web door as a user meets it: curl, wget and unzip against the installed server."""

import hashlib
import os
import random
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, PATIENCE, Bench, free_ports, peer, run, serving, until
from tests.watch.exposition import read
from twisted_net.files.journal import MOST_LINES

pytestmark = pytest.mark.slow  # each starts programs; `make test-slow` runs them

Start = Callable[..., Bench]

#: Sizes around what is sent in one write, and one that does not fit any socket buffer.
SIZES = {"empty": 0, "f511": 511, "f65536": 65_536, "f65537": 65_537, "large": 40 << 20}

NAIVE = "naïve 猫 #1%.txt"
LATIN = os.fsdecode(b"caf\xe9")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with files of each size, names of all kinds, and bait."""
    root = tmp_path_factory.mktemp("root")
    dice = random.Random(7080)  # noqa: S311 - no secret
    for name, size in SIZES.items():
        (root / name).write_bytes(dice.randbytes(size))
    (root / "sub").mkdir()
    (root / "sub" / NAIVE).write_bytes(b"cat")
    (root / "sub" / LATIN).write_bytes(b"latin")
    (root.parent / "secret").write_bytes(b"secret")
    return root


@pytest.fixture(scope="module")
def shared(root: Path) -> Iterator[Bench]:
    """Serve that folder to all who leave the server as it is."""
    options = ["netdemo", *free_ports(), "--files-root", str(root)]
    with serving(BIN / "twistd", "-n", "--pidfile=", *options) as server:
        yield server


def url(server: Bench, path: str = "") -> str:
    """Return the URL of something that a server shares."""
    return f"http://127.0.0.1:{server.port('web')}/files/{path}"


def curl(*arguments: str) -> bytes:
    """Return what curl prints."""
    done = run(peer("curl", "curl"), "--silent", "--show-error", "--path-as-is", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def same(one: Path, other: Path) -> bool:
    """Compare two files."""
    return hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(other.read_bytes()).digest()


def test_the_url_to_paste_is_shown_at_the_start(shared: Bench, root: Path) -> None:
    """And leads to the files."""
    found = shared.wait_for(r"^\s+web\s+\S+\s+(http://\S+/)$")
    assert b'<a href="/files/">' in curl(found[1])
    assert b"large" in curl(url(shared))


def test_who_watches_the_server_is_answered(shared: Bench) -> None:
    """Its numbers, and that it lives and takes new work."""
    top = f"http://127.0.0.1:{shared.port('web')}/"
    assert curl(f"{top}healthz", f"{top}readyz") == b"ok\nready\n"
    found = read(curl(f"{top}metrics"))
    assert found.value("netdemo_connections", door="web") >= 1
    assert found.value("netdemo_processes") == 1


@pytest.mark.parametrize("client", ["curl", "wget"])
def test_files_come_byte_by_byte_and_downloads_go_on(
    shared: Bench, root: Path, tmp_path: Path, client: str
) -> None:
    """Whole, the rest of a part, and nothing where all is there."""
    options = {"curl": ("-sSf", "-C", "-", "-o"), "wget": ("-q", "-c", "-O")}[client]
    for name in SIZES:
        here = tmp_path / name
        for keep in (0, SIZES[name] // 3):
            here.write_bytes((root / name).read_bytes()[:keep])
            done = run(peer(client, client), *options, str(here), url(shared, name))
            assert (done.returncode, done.stderr) == (0, b"")
            assert same(here, root / name), (name, keep)
    rest = SIZES["large"] - SIZES["large"] // 3
    shared.wait_for(rf"sent 'large' to \S+ {rest} bytes")


def test_a_part_is_what_was_asked_for(shared: Bench, root: Path) -> None:
    """From the middle, from the end; HEAD tells how long it would be."""
    whole = (root / "large").read_bytes()
    assert curl("--range", "1000000-2999999", url(shared, "large")) == whole[1_000_000:3_000_000]
    assert curl("--range", "-70000", url(shared, "large")) == whole[-70_000:]
    head = curl("--head", url(shared, "large")).decode()
    assert f"Content-Length: {len(whole)}\r\n" in head
    assert "Accept-Ranges: bytes\r\n" in head


def test_names_of_all_kinds_are_fetched_by_their_links(shared: Bench, root: Path) -> None:
    """As a page has them; what is not UTF-8 too."""
    page = curl(url(shared, "sub/")).decode()
    for link, content in (("na%C3%AFve%20%E7%8C%AB%20%231%25.txt", b"cat"), ("caf%E9", b"latin")):
        assert f'<a href="./{link}">' in page
        assert curl(url(shared, f"sub/{link}")) == content
    head = curl("--head", url(shared, "sub/na%C3%AFve%20%E7%8C%AB%20%231%25.txt?download"))
    assert b"filename*=UTF-8''na%C3%AFve%20%E7%8C%AB%20%231%25.txt\r\n" in head


def test_unzip_finds_a_zipped_folder_sound(shared: Bench, root: Path, tmp_path: Path) -> None:
    """All of it, with names in any script."""
    archive = tmp_path / "all.zip"
    curl("--location", "--output", str(archive), url(shared, "?zip"))
    done = run(peer("unzip", "unzip"), "-q", str(archive), "-d", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    for name in SIZES:
        assert same(tmp_path / "files" / name, root / name)
    assert (tmp_path / "files" / "sub" / "caf%E9").read_bytes() == b"latin"


def test_strangers_pages_get_nothing(shared: Bench, root: Path) -> None:
    """R14 and R24: other hosts, other origins, other methods, other folders."""
    status = ("-o", "/dev/null", "-w", "%{http_code}")
    for arguments, code in (
        (("-H", "Host: evil:7080", url(shared)), b"421"),
        (("-H", "Origin: http://evil", url(shared)), b"403"),
        (("-X", "POST", url(shared)), b"405"),
        (("-d", "x" * 70_000, url(shared)), b"413"),
        ((url(shared, "../../secret"),), b"403"),
        ((url(shared, "%2e%2e/secret"),), b"403"),
    ):
        assert curl(*status, *arguments) == code, arguments


def test_a_stopping_server_sends_what_it_has_begun(bench: Start, root: Path) -> None:
    """R9: SIGTERM in the middle, and a slow reader gets all of it."""
    server = bench("--files-root", str(root), "--grace", str(PATIENCE))
    with socket.create_connection(("127.0.0.1", server.port("web")), PATIENCE) as slow:
        slow.sendall(b"GET /files/large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got = slow.recv(1000)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("Received SIGTERM")
        got += _read_all(slow)
    assert got.partition(b"\r\n\r\n")[2] == (root / "large").read_bytes()
    assert server.wait() == -signal.SIGTERM


@pytest.mark.slow
def test_a_download_goes_on_after_the_server_was_killed(
    bench: Start, root: Path, tmp_path: Path
) -> None:
    """R9: curl knows that it has not all; the next server knows the file by the same tag."""
    server = bench("--files-root", str(root))
    tag = curl("--head", url(server, "large")).partition(b"ETag: ")[2].partition(b"\r")[0]
    part = tmp_path / "large"
    with socket.create_connection(("127.0.0.1", server.port("web")), PATIENCE) as slow:
        slow.sendall(b"GET /files/large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got = slow.recv(1 << 20)
        server.stop(signal.SIGKILL)
    part.write_bytes(got.partition(b"\r\n\r\n")[2])
    again = bench("--files-root", str(root))
    offset = part.stat().st_size
    resumed = ("-H", f"Range: bytes={offset}-", "-H", f"If-Range: {tag.decode()}")
    rest = curl("-i", *resumed, url(again, "large"))
    head, _, body = rest.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 206 ")
    assert part.read_bytes() + body == (root / "large").read_bytes()


@pytest.mark.slow
def test_a_file_that_becomes_shorter_while_it_is_sent_ends_in_a_reset(
    bench: Start, tmp_path: Path
) -> None:
    """Never in an orderly close: the kernel moves the bytes, and says that there are no more."""
    share = tmp_path / "share"
    share.mkdir()
    (share / "log").write_bytes(bytes(40 << 20))
    server = bench("--files-root", str(share))
    with socket.socket() as slow:
        # However much a kernel may hold, of what is read so slowly it takes little.
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(PATIENCE)
        slow.connect(("127.0.0.1", server.port("web")))
        slow.sendall(b"GET /files/log HTTP/1.1\r\nHost: localhost\r\n\r\n")
        slow.recv(1000)
        os.truncate(share / "log", 1000)
        with pytest.raises(ConnectionResetError):
            _read_all(slow)
    server.wait_for("stopped sending 'log' .* the file became shorter")


def test_readers_that_do_not_read_cost_next_to_nothing(bench: Start, root: Path) -> None:
    """R5: twenty of them, of a large file and of a zip file each, and one more is served."""
    server = bench("--files-root", str(root), "--max-conns-per-peer", "100")
    curl(url(server, "f511"))
    curl("-o", "/dev/null", url(server, "?zip"))
    before = _resident(server)
    held = []
    for path in ("large", "?zip") * 2 + ("large",) * 16:
        held.append(socket.create_connection(("127.0.0.1", server.port("web")), PATIENCE))
        held[-1].sendall(f"GET /files/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 5)
        assert held[-1].recv(10)
    assert curl(url(server, "f511")) == (root / "f511").read_bytes()
    assert _resident(server) - before < 16 << 20
    for each in held:
        each.close()
    # The others are summed up.
    wanted = MOST_LINES["stopped"]
    until(lambda: server.text.count("stopped sending") >= wanted, "it is said")


def _read_all(connection: socket.socket) -> bytes:
    got = bytearray()
    while piece := connection.recv(1 << 20):
        got += piece
    return bytes(got)


def _resident(server: Bench) -> int:
    psutil = pytest.importorskip("psutil")
    resident: int = psutil.Process(server.process.pid).memory_info().rss
    return resident
