"""Names that lead out, and a name that becomes a link while it is looked at."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import PATIENCE, Bench
from tests.blackbox.safety.conftest import Shows, started
from tests.blackbox.safety.datagrams import at, port
from tests.blackbox.safety.probe import sized
from tests.blackbox.safety.watching import connected, to_the_end
from tests.files.test_way_out import NAMES, SECRET, SHA256, fully_quoted
from twisted_net.files.codec import quoted
from twisted_net.files.tftp.codec import Error, Request, parse, render

pytestmark = pytest.mark.slow

#: More of them, which only a whole machine has.
MORE = [
    b"/dev/zero",
    b"zero",
    b"%2e%2e/secret",
    b"..%00",
    b"....//....//etc/passwd",
    b"/proc/self/root/etc/passwd",
]

HARMLESS = b"harmless"

#: What is in no file inside.
OUTSIDE = (SECRET, SHA256, b"root:x:0")


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder among secrets, with everything in it that a folder can have."""
    share = tmp_path_factory.mktemp("shares") / "share"
    (share / "sub").mkdir(parents=True)
    (share.parent / "share-evil").mkdir()
    for secret in ("secret", "share-evil/secret"):
        (share.parent / secret).write_bytes(SECRET)
    (share / "link").symlink_to(share.parent)
    (share / "straight").symlink_to(share.parent / "secret")
    (share / "zero").symlink_to("/dev/zero")
    os.mkfifo(share / "fifo")
    return share


@pytest.fixture(scope="module")
def server(share: Path) -> Iterator[Bench]:
    """Let everybody read and write there."""
    with started(
        f"--files-root={share}",
        "--files-write=yes",
        "--tftp-write=yes",
        "--files-overwrite=yes",
        "--max-conns-per-peer=1000",
    ) as made:
        yield made


def outside(share: Path) -> dict[str, bytes]:
    """Return the files that lie beside the folder."""
    found: dict[str, bytes] = {}
    for folder, _, names in os.walk(share.parent):
        if not Path(folder).is_relative_to(share):
            found |= {f"{folder}/{name}": Path(folder, name).read_bytes() for name in names}
    return found


def by_line(server: Bench, name: bytes) -> Iterator[bytes]:
    """Use a name in every request of the line door; yield the answers."""
    put = b" 8 " + hashlib.sha256(HARMLESS).hexdigest().encode() + b"\n" + HARMLESS
    for way in (quoted, fully_quoted):
        for verb, rest in ((b"GET ", b"\n"), (b"STAT ", b"\n"), (b"SUM ", b"\n"), (b"PUT ", put)):
            yield _said(server, "files-tcp", verb + way(name) + rest)
    yield _said(server, "files-tcp", name + b"\n")


def by_web(server: Bench, name: bytes) -> Iterator[bytes]:
    """Use a name in a URL, as it is and quoted."""
    for url in (name, quoted(name), fully_quoted(name)):
        for query in (b"", b"?sha256", b"?zip"):
            request = b"GET /files/" + url + query + b" HTTP/1.0\r\nHost: localhost\r\n\r\n"
            yield _said(server, "web", request)


def _said(server: Bench, door: str, words: bytes) -> bytes:
    with connected(server.port(door)) as asker:
        asker.sendall(words)
        asker.shutdown(1)
        return to_the_end(asker)


def by_tftp(server: Bench, name: bytes) -> Iterator[bytes]:
    """Use a name in both requests of TFTP."""
    for action in ("read", "write"):
        with port() as asker:
            asker.settimeout(PATIENCE)
            asker.sendto(
                render(Request(action, name, "octet", {"blksize": "1000"})), at(server, "tftp")
            )
            answer, transfer = asker.recvfrom(65536)
            asker.sendto(render(Error(0, "enough")), transfer)
            yield answer


@pytest.mark.parametrize("way", [by_line, by_web, by_tftp])
def test_no_name_leads_out(
    way: Callable[[Bench, bytes], Iterator[bytes]], server: Bench, share: Path, shows: Shows
) -> None:
    """R14: Not one byte from outside, nothing written there, no wait; by whatever door."""
    before, asked, refused = outside(share), 0, 0
    lines = len(server.output)
    for name in [*NAMES, *MORE]:
        for answer in way(server, name):
            asked += 1
            assert answer, name
            assert not any(secret in answer for secret in OUTSIDE), (name, answer)
            refused += _is_error(answer)
    said = len(server.output) - lines
    shows(
        "no byte from outside, no hang, a line each at most",
        f"{way.__name__} {asked} requests, {refused} refused, {said} lines",
    )
    assert outside(share) == before
    assert refused >= asked // 2
    assert said <= asked


def _is_error(answer: bytes) -> bool:
    if answer.startswith(b"\0"):
        return isinstance(parse(answer), Error)
    return answer.startswith(b"ERR ") or b" 40" in answer[:13]


#: Makes a name now a file, now a link; or, of a folder above it, now a folder, now a link.
FLIP = """
import os, sys
inside, outside, what = sys.argv[1:]
os.chdir(inside)
while True:
    if what == "f":
        os.symlink(outside + "/secret", "tmp")
        os.replace("tmp", "f")
        with open("tmp", "w") as file:
            file.write("harmless")
        os.replace("tmp", "f")
    else:
        os.rename("d", "folder")
        os.symlink(outside, "tmp")
        os.rename("tmp", "d")
        os.unlink("d")
        os.rename("folder", "d")
"""


@pytest.mark.parametrize(("what", "name"), [("f", b"f"), ("d", b"d/secret")])
def test_a_link_is_never_followed_however_it_is_timed(
    what: str, name: bytes, server: Bench, share: Path, shows: Shows
) -> None:
    """R15: Between a look and an open there is no moment."""
    (share / "f").write_bytes(HARMLESS)
    (share / "d").mkdir(exist_ok=True)
    (share / "d" / "secret").write_bytes(HARMLESS)
    number, asked, got = sized(2_000, 10_000), 0, bytearray()
    flip = [sys.executable, "-c", FLIP, str(share), str(share.parent), what]
    over = time.monotonic() + 3 * PATIENCE
    with subprocess.Popen(flip) as flipping, connected(server.port("files-tcp")) as asker:
        try:
            # Until it was met in both states: on a busy machine that may take a while.
            while asked < number or not 0 < got.count(HARMLESS) < asked:
                assert time.monotonic() < over, f"{got.count(HARMLESS)} files of {asked}"
                asker.sendall((b"GET " + name + b"\n") * 100)
                asked += 100
                before = len(got)
                while _answers(bytes(got[before:])) < 100:
                    came = asker.recv(65536)
                    assert came, bytes(got[-200:])
                    got += came
        finally:
            flipping.send_signal(signal.SIGKILL)
    files, leaks = got.count(HARMLESS), got.count(SECRET)
    shows(
        f"0 leaks in {number} gets",
        f"{name.decode()}: {leaks}; {files} files, {asked - files} refusals",
    )
    assert leaks == 0


def _answers(said: bytes) -> int:
    return said.count(b"\nDONE ") + said.count(b"harmlessDONE ") + said.count(b"ERR ")
