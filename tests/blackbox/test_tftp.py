"""TFTP with the clients that people have: to and fro, byte for byte."""

import random
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import PATIENCE, Bench, peer
from twisted_net.files.tftp.codec import Ack, Data, OptionAck, Packet, Request, parse, render

pytestmark = pytest.mark.slow  # each starts programs; `make test-slow` runs them

Start = Callable[..., Bench]

SIZES = {"empty": 0, "f511": 511, "f512": 512, "f513": 513, "page": 100_000}

#: Beyond the last block number at 512 bytes, and a good deal beyond.
LARGE = {"m32": (32 << 20) + 1, "m100": 100 << 20}

TEXT = b"line\n\nreturn\rboth\r\n" * 200


class Clients:
    """The command lines of real clients."""

    def __init__(self, port: int, folder: Path) -> None:
        self.folder = folder
        self._port = str(port)
        self._url = f"tftp://127.0.0.1:{port}/"

    def curl(self, way: str, name: str, here: str) -> list[str]:
        """Blocks of 1428 bytes, the size asked for."""
        words = [peer("curl", "curl"), "--silent", "--show-error", "--tftp-blksize", "1428"]
        if way == "put":
            return [*words, "--upload-file", here, self._url + name]
        return [*words, "--output", here, self._url + name]

    def tftp_hpa(self, way: str, name: str, here: str, mode: str = "binary") -> list[str]:
        """No options."""
        names = [here, name] if way == "put" else [name, here]
        words = [peer("tftp", "tftp-hpa"), "-m", mode, "127.0.0.1", self._port, "-c"]
        return [*words, way, *names]

    def tftp_hpa_text(self, way: str, name: str, here: str) -> list[str]:
        """Netascii."""
        return self.tftp_hpa(way, name, here, "ascii")

    def atftp(self, way: str, name: str, here: str) -> list[str]:
        """Windows of 16 blocks of 1024 bytes; it can send in lock-step only."""
        windows = ["--option", "windowsize 16"] if way == "get" else []
        options = ["--option", "blksize 1024", *windows]
        words = ["-r", name, "-l", here, "127.0.0.1", self._port]
        return [peer("atftp", "atftp"), *options, f"--{way}", *words]

    def busybox(self, way: str, name: str, here: str) -> list[str]:
        """Blocks of 1000 bytes."""
        words = ["-r", name, "-l", here, "-b", "1000", "127.0.0.1", self._port]
        return [peer("busybox", "busybox"), "tftp", "-g" if way == "get" else "-p", *words]

    def all_at_once(self, client: str, way: str, names: list[str]) -> None:
        """Move files with one client, each by a process of its own."""
        running = [
            subprocess.Popen(
                getattr(self, client)(
                    way, self._there(client, way, name), self._here(name, client)
                ),
                stdout=subprocess.DEVNULL,
            )
            for name in names
        ]
        assert [each.wait(6 * PATIENCE) for each in running] == [0] * len(names)

    def _there(self, client: str, way: str, name: str) -> str:
        return f"{client}-{name}" if way == "put" else name

    def _here(self, name: str, client: str) -> str:
        return str(self.folder / f"{client}-{name}")


ALL = pytest.mark.parametrize("client", ["curl", "tftp_hpa", "atftp", "busybox"])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with files of each size."""
    root = tmp_path_factory.mktemp("root")
    dice = random.Random(69)  # noqa: S311 - no secret
    for name, size in SIZES.items():
        (root / name).write_bytes(dice.randbytes(size))
    (root / "text").write_bytes(TEXT)
    return root


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with large files."""
    root = tmp_path_factory.mktemp("large")
    dice = random.Random(70)  # noqa: S311 - no secret
    for name, size in LARGE.items():
        (root / name).write_bytes(dice.randbytes(size))
    yield root
    for name in LARGE:
        (root / name).unlink()


@ALL
def test_a_real_client_fetches_and_sends(
    client: str, bench: Start, root: Path, tmp_path: Path
) -> None:
    """Sizes at the borders of a block; what was sent is fetched again by nobody, but is there."""
    files = tmp_path / "files"
    files.mkdir()
    for name in SIZES:
        (files / name).write_bytes((root / name).read_bytes())
    server = bench("--files-root", str(files), "--tftp-write", "yes")
    clients = Clients(server.port("tftp"), tmp_path)
    clients.all_at_once(client, "get", [*SIZES])
    for name in SIZES:
        here = tmp_path / f"{client}-{name}"
        if not here.exists():  # some make no file until a first byte comes
            assert (client, name) == ("curl", "empty")
            here.touch()
        assert here.read_bytes() == (root / name).read_bytes()
    clients.all_at_once(client, "put", [*SIZES])
    for name in SIZES:
        assert (files / f"{client}-{name}").read_bytes() == (root / name).read_bytes()


def test_text_comes_and_goes_as_netascii(bench: Start, root: Path, tmp_path: Path) -> None:
    """What tftp-hpa does unless it is told otherwise."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "text").write_bytes(TEXT)
    server = bench("--files-root", str(files), "--tftp-write", "yes")
    clients = Clients(server.port("tftp"), tmp_path)
    clients.all_at_once("tftp_hpa_text", "get", ["text"])
    assert (tmp_path / "tftp_hpa_text-text").read_bytes() == TEXT
    clients.all_at_once("tftp_hpa_text", "put", ["text"])
    assert (files / "tftp_hpa_text-text").read_bytes() == TEXT


@pytest.mark.slow
@ALL
@pytest.mark.parametrize("name", LARGE)
def test_a_large_file_comes_whole(
    client: str, name: str, bench: Start, large: Path, tmp_path: Path
) -> None:
    """Its block numbers roll over."""
    server = bench("--files-root", str(large), "--udp-rate", "0")
    Clients(server.port("tftp"), tmp_path).all_at_once(client, "get", [name])
    here = tmp_path / f"{client}-{name}"
    same = here.read_bytes() == (large / name).read_bytes()
    here.unlink()
    assert same


def test_a_server_that_writes_nothing_says_so(bench: Start, tmp_path: Path) -> None:
    """With the option that would change it."""
    server = bench()
    here = tmp_path / "file"
    here.write_bytes(b"x")
    words = Clients(server.port("tftp"), tmp_path).tftp_hpa("put", "new", str(here))
    done = subprocess.run(words, capture_output=True, timeout=PATIENCE, check=False)
    assert b"server is read-only (start with --tftp-write yes)" in done.stdout + done.stderr


def _ask(sock: socket.socket, packet: Packet, address: tuple[str, int]) -> None:
    sock.sendto(render(packet), address)


def test_a_server_killed_in_the_middle_leaves_no_half_file(bench: Start, tmp_path: Path) -> None:
    """Nor one that is merely stopped: a name is there when all of it is."""
    files = tmp_path / "files"
    files.mkdir()
    server = bench("--files-root", str(files), "--tftp-write", "yes", "--grace", "0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        address = ("127.0.0.1", server.port("tftp"))
        _ask(sock, Request("write", b"half", "octet", {"windowsize": "4"}), address)
        answer, transfer = sock.recvfrom(1000)
        assert parse(answer) == OptionAck({"windowsize": "4"})
        for number in range(1, 5):
            _ask(sock, Data(number, bytes(512)), transfer)
        assert parse(sock.recv(1000)) == Ack(4)
    server.stop(signal.SIGKILL)
    assert not (files / "half").exists()


def test_a_transfer_that_stalls_is_one_line_that_says_why(
    bench: Start, root: Path, tmp_path: Path
) -> None:
    """Which block, how often, and who; and no line about ports."""
    server = bench("--files-root", str(root))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        address = ("127.0.0.1", server.port("tftp"))
        options = {"windowsize": "8", "utimeout": "500000"}
        _ask(sock, Request("read", b"page", "octet", options), address)
        _, transfer = sock.recvfrom(1000)
        _ask(sock, Ack(0), transfer)
        _ask(sock, Ack(3), transfer)
        me = sock.getsockname()[1]
        why = r"no ACK of blocks 4-11 after 5 retransmissions"
        server.wait_for(
            rf"tftp: stopped sending 'page' to '127.0.0.1:{me}' after 1536 bytes.*{why}"
        )
    said = server.text.partition("netdemo is listening")[2]
    assert "starting on" not in said
    assert "Closed" not in said
