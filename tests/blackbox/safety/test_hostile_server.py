"""Our client, and a server that means harm."""

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, PATIENCE, run
from tests.blackbox.safety.conftest import Shows
from tests.blackbox.safety.datagrams import port
from tests.blackbox.safety.watching import MEGABYTE
from twisted_net.files.tftp.codec import Data, OptionAck, render

pytestmark = pytest.mark.slow

#: What a script answers to a request: bytes, and whether it goes on with zeros for ever.
Script = Callable[[bytes], tuple[bytes, bool]]

NO_DIGEST = b"0" * 64


@contextlib.contextmanager
def serving(script: Script, ending: bytes = b"\n") -> Iterator[int]:
    """Answer as a script says, on a port of 127.0.0.1, until nobody asks any more."""
    stopping = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as requests, contextlib.suppress(OSError):
            question = b""
            for line in requests:
                question += line
                if not question.endswith(ending):
                    continue
                answer, endless = script(question)
                question = b""
                connection.sendall(answer)
                while endless and not stopping.is_set():
                    connection.sendall(bytes(65536))

    def accept() -> None:
        while not stopping.is_set():
            if select.select([listening], [], [], 0.05)[0]:
                connection = listening.accept()[0]
                connection.settimeout(PATIENCE)
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threads = [threading.Thread(target=accept, daemon=True)]
        threads[0].start()
        yield listening.getsockname()[1]
        stopping.set()
        for each in threads:
            each.join(PATIENCE)


def says(answer: bytes, endless: bool = False) -> Script:
    """Answer every request in the same way."""
    return lambda _: (answer, endless)


SIZE = 1000

#: What a server says to GET; the code that the client ends with; and what it must not store.
ANSWERS: dict[str, tuple[Script, tuple[int, ...], int]] = {
    "a wrong digest": (
        says(b"OK 5 5 %b 0\nhelloDONE %b\n" % (NO_DIGEST, NO_DIGEST)),
        (5,),
        5,
    ),
    "a body without an end": (says(b"OK 1000 1000 - 0\n", True), (5,), SIZE),
    "a size of 2^63": (says(b"OK 9223372036854775808 9223372036854775808 - 0\nhello"), (1, 5), 0),
    "a size that is none": (says(b"OK -1 -1 - 0\nhello"), (5,), 0),
    "less than it said": (says(b"OK 1000 1000 - 0\nhelloDONE %b\n" % NO_DIGEST), (4, 5), SIZE),
    "a line without an end": (says(b"OK 5 5 ", True), (5,), 0),
    "escape sequences": (says(b"ERR 404 \x1b]0;owned\x07\x1b[2J\xe2\x80\xae\n"), (1,), 0),
    "no such protocol": (says(b"220 ftp.example.org\r\n"), (5,), 0),
}


def stored(folder: Path) -> dict[str, int]:
    """Return what there is below a folder, and how large it is."""
    return {
        str(Path(where, name).relative_to(folder)): Path(where, name).stat().st_size
        for where, _, names in os.walk(folder)
        for name in names
    }


def fetched(folder: Path, *words: str) -> tuple[int, str, bytes, dict[str, int]]:
    """Run ``netdemo get``; return its code, what it said, and what is in its folders."""
    here = folder / "home" / "dest"
    here.mkdir(parents=True, exist_ok=True)
    options = ["-d", str(here), "--retries=0", "--timeout=5"]
    done = run(str(BIN / "netdemo"), "get", *options, *words)
    return done.returncode, done.stderr.decode(), done.stdout, stored(folder)


def harmless(text: str) -> bool:
    """Say whether a terminal could be shown it: lines of printable characters."""
    return all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_wrong_is_refused(answer: str, tmp_path: Path, shows: Shows) -> None:
    """R16: One line, a code, and at most a part of the announced size."""
    script, codes, most = ANSWERS[answer]
    with serving(script) as number:
        code, said, _, files = fetched(tmp_path, "-s", f"127.0.0.1:{number}", "x")
    parts = {name: size for name, size in files.items() if size > 200}
    shows("only .part, at most the announced size; exit 5; escaped", f"{answer}: exit {code}")
    assert code in codes, said
    assert said.startswith("netdemo: ")
    assert said.count("\n") == 1
    assert harmless(said), said
    assert {name.partition("dest/x.part")[0] for name in files} <= {"home/"}, files
    assert sum(parts.values()) <= most


LISTED = (
    b"../../.ssh/authorized_keys",
    b"/etc/cron.d/owned",
    b"sub/../../../owned",
    b"%1b]0;owned%07",
    b"..",
    b"good",
)


def a_listing(request: bytes) -> tuple[bytes, bool]:
    """List names that lead out, and give the same file for each."""
    if request.startswith(b"LIST"):
        entries = b"".join(b"file 5 0 %b\n" % name for name in LISTED)
        return b"OK %d end\n%b" % (len(LISTED), entries), False
    digest = b"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    return b"OK 5 5 %b 0\nhelloDONE %b\n" % (digest, digest), False


def test_a_listing_writes_nothing_elsewhere(tmp_path: Path, shows: Shows) -> None:
    """R16: What is fetched with all that is below it stays below the folder it goes to."""
    with serving(a_listing) as number:
        code, said, out, files = fetched(tmp_path, "-s", f"127.0.0.1:{number}", "-r", "sub")
    elsewhere = [name for name in files if not name.startswith("home/dest/")]
    shows("get -r: nothing outside the destination", f"{elsewhere}, exit {code}")
    assert elsewhere == []
    assert code != 0
    assert harmless(said)
    assert harmless(out.decode())


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

#: What a web server says to GET, and how much of it may be stored.
PAGES: dict[str, tuple[Script, tuple[int, ...], int]] = {
    "a body without an end": (says(HEAD + b"Content-Length: 1000\r\n\r\n", True), (0, 5), SIZE),
    "less than it said": (says(HEAD + b"Content-Length: 1000\r\n\r\nhello"), (4, 5), SIZE),
    "a size of 2^63": (
        says(HEAD + b"Content-Length: 9223372036854775808\r\n\r\nhello"),
        (1, 4, 5),
        5,
    ),
    "a head without an end": (says(HEAD + b"X-Long: ", True), (5,), 0),
    "a wrong digest": (
        says(
            HEAD + b"Content-Length: 5\r\nRepr-Digest: sha-256=:" + b"A" * 43 + b"=:\r\n\r\nhello"
        ),
        (5,),
        5,
    ),
    "a redirect to a file": (
        says(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
        (1, 2, 5),
        0,
    ),
    "a name of its own": (
        says(
            HEAD + b"Content-Disposition: attachment; filename=../../owned\r\n"
            b"Content-Length: 5\r\n\r\nhello"
        ),
        (0,),
        5,
    ),
    "escape sequences": (
        says(b"HTTP/1.1 404 \x1b]0;owned\x07\r\nContent-Length: 4\r\n\r\n\x1b[2J"),
        (1, 5),
        0,
    ),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_hostile_web_server_does_no_harm(page: str, tmp_path: Path, shows: Shows) -> None:
    """R16: Likewise, whatever its headers say."""
    script, codes, most = PAGES[page]
    with serving(script, b"\r\n\r\n") as number:
        code, said, out, files = fetched(tmp_path, f"http://127.0.0.1:{number}/x")
    parts = {name: size for name, size in files.items() if size > 200}
    shows("HTTP: nothing elsewhere, at most the announced size", f"{page}: exit {code}")
    assert code in codes, said
    assert said.count("\n") <= 1
    assert harmless(said + out.decode()), said
    assert {name.partition("dest/x")[0] for name in files} <= {"home/"}, files
    assert sum(parts.values()) <= most


def test_a_tftp_server_fills_no_disk(tmp_path: Path, shows: Shows) -> None:
    """R16: What is more than it announced is not taken."""
    stopping = threading.Event()

    def serve(door: socket.socket) -> None:
        request, client = door.recvfrom(65536)
        assert request
        door.sendto(render(OptionAck({"tsize": str(SIZE)})), client)
        number, door_waits = 0, 0.05
        while not stopping.is_set():
            if select.select([door], [], [], door_waits)[0]:
                packet = door.recv(65536)
                if packet[:2] == b"\0\5":
                    return
                number = int.from_bytes(packet[2:4], "big")
            door.sendto(render(Data((number + 1) % 65536, bytes(512))), client)

    with port() as door:
        serving_it = threading.Thread(target=serve, args=(door,), daemon=True)
        serving_it.start()
        address = f"tftp://127.0.0.1:{door.getsockname()[1]}/x"
        code, said, _, files = fetched(tmp_path, address)
        stopping.set()
        serving_it.join(PATIENCE)
    shows("TFTP: stops at the announced size", f"exit {code}, {said.strip()}")
    assert code == 5, said
    assert said.count("\n") == 1
    assert sum(files.values()) <= SIZE + 512
    assert sum(files.values()) < MEGABYTE
