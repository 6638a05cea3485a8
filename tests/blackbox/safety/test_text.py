"""Nothing of a stranger's text reaches a log or a terminal raw."""

import contextlib
import hashlib
import json
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, PATIENCE, Bench
from tests.blackbox.conftest import serving as one_server
from tests.blackbox.safety.conftest import Shows, start
from tests.blackbox.safety.datagrams import asked, at, hello, port, read
from tests.blackbox.safety.hostile import HOSTILE, is_harmless
from tests.blackbox.safety.probe import need_option
from tests.blackbox.safety.test_hostile_server import serving
from tests.blackbox.safety.watching import all_doors, connected, to_the_end
from tests.blackbox.talkers import Screen
from twisted_net.files.codec import quoted
from twisted_net.files.tftp.codec import Error, Request, render

pytestmark = pytest.mark.slow

#: How a line of the log begins; nothing else may begin one.
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} \[[\w.#-]+\] ")

#: Longest line of the log, in characters: 256 of a stranger's, each of them escaped, and ours.
LONGEST = 256 * 6 + 400


def send(server: Bench, door: str, *pieces: bytes) -> bytes:
    """Send bytes to a stream door, and close our half."""
    with connected(server.port(door)) as sender:
        with contextlib.suppress(OSError):
            for piece in pieces:
                sender.sendall(piece)
            sender.shutdown(socket.SHUT_WR)
        return to_the_end(sender)


def attack(server: Bench) -> int:
    """Use each hostile text wherever a stranger's text can come in; return how often."""
    content = b"content"
    digest = hashlib.sha256(content).hexdigest().encode()
    for text in HOSTILE:
        name = text[:200]
        web = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        for door, words in (
            ("echo-tcp", text),
            ("chat-tcp", b"NICK " + text + b"\nNICK red\n" + text + b"\nJOIN " + text + b"\n"),
            ("files-tcp", b"PUT %b 7 %b\n%b" % (quoted(name), digest, content)),
            ("files-tcp", b"GET %b\nSTAT %b\nSUM %b\nQUIT\n" % ((quoted(name),) * 3)),
            ("files-tcp", text + b"\n"),
            ("files-tcp", b"GET %b\n" % quoted(text[:1000])),
            ("web", b"GET /files/" + quoted(name) + web + b"\r\n"),
            ("web", b"GET /" + text + web + b"\r\n"),
            ("web", b"GET /" + web + b"User-Agent: " + text + b"\r\nOrigin: " + text + b"\r\n\r\n"),
            ("web", b"GET / HTTP/1.1\r\nHost: " + text + b"\r\n\r\n"),
        ):
            send(server, door, words)
        with port() as sender:
            for datagram in (text[:9000], b"\xff" + text[:1000]):
                sender.sendto(datagram, at(server, "chat-udp"))
                sender.sendto(datagram, at(server, "echo-udp"))
                sender.sendto(datagram, at(server, "tftp"))
        for request in (
            read(name.replace(b"\0", b"")),
            render(Request("write", name.replace(b"\0", b"?"), "octet", {})),
            b"\0\1name\0" + text[:500].replace(b"\0", b"") + b"\0",
        ):
            with port() as sender:
                _, transfer = asked(sender, request, at(server, "tftp"))
                sender.sendto(render(Error(0, text[:400].decode("latin-1"))), transfer)
    return len(HOSTILE)


def test_the_log_has_one_line_an_event(tmp_path: Path, shows: Shows) -> None:
    """R22: Nothing forged, nothing obeyed, nothing endless, whatever it was sent."""
    options = (f"--files-root={tmp_path}", "--files-write=yes", "--tftp-write=yes")
    server = start(*options, "--max-conns-per-peer=1000")
    table = len(server.text)
    try:
        attack(server)
        with port() as sender:  # it is still there, and says so
            asked(sender, hello(), at(server, "chat-udp"))
        send(server, "files-tcp", b"GET nothing-of-that-name\n")
    finally:
        server.stop()
    lines = server.text[table:].split("\n")[:-1]
    forged = [each for each in lines if not LOG_LINE.match(each)]
    raw = [each for each in lines if not is_harmless(each)]
    longest = max(map(len, lines))
    stored = sum("stored" in each for each in lines)
    shows(
        "one line an event, no control character, values capped",
        f"{len(lines)} lines, {len(forged)} forged, {len(raw)} raw, the longest {longest}",
    )
    assert stored >= len(HOSTILE) // 2, server.text  # names did reach the log
    assert forged == []
    assert raw == []
    assert longest <= LONGEST
    assert "Traceback" not in server.text
    assert "disabled" not in server.text


def test_json_logs_are_json(tmp_path: Path, shows: Shows) -> None:
    """R22: Every line of them, under the same attack."""
    need_option("--log-format", "JSON logs")
    words = [f"--files-root={tmp_path}", "--files-write=yes", "--tftp-write=yes"]
    command = [str(BIN / "netdemo"), "serve", "--log-format=json", *all_doors(), *words]
    with one_server(*command, "--max-conns-per-peer=1000") as server:
        attack(server)
    table, _, log = server.text.partition("netdemo is listening")
    records = [line for line in log.splitlines() if line.startswith("{")]
    parsed = [json.loads(each) for each in records]
    # Whatever else there is, is the table of doors.
    others = [line for line in log.splitlines() if line.strip() and line not in records]
    shows("JSON: every line is one object", f"{len(parsed)} lines")
    assert len(parsed) > 10
    assert all(isinstance(each, dict) for each in parsed)
    assert not [line for line in others if line.startswith(("20", "[", '"'))], table
    assert all(is_harmless(each) for each in records)


# The terminal


@pytest.fixture(scope="module")
def shared_names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose files have hostile names."""
    folder = tmp_path_factory.mktemp("hostile")
    for text in HOSTILE:
        name = text[:200].replace(b"/", b"").replace(b"\0", b"")
        (Path(os.fsdecode(os.fsencode(folder) + b"/" + name))).write_bytes(b"content")
    return folder


def on_a_terminal(*command: str, stdin: int | None = None) -> str:
    """Return what a command shows on a terminal."""
    with Screen(*command, stdin=stdin) as screen:
        return screen.rest().decode().replace("\r\n", "\n")


def piped(*command: str, stdin: int = subprocess.DEVNULL) -> str:
    """Return what a command writes into a pipe."""
    done = subprocess.run(command, stdin=stdin, capture_output=True, timeout=PATIENCE, check=False)
    return (done.stdout + done.stderr).decode()


BOTH = pytest.mark.parametrize("shown_by", [on_a_terminal, piped])

#: What our own commands write on a terminal to redraw a line of progress; the server has no part
#: in it.
OURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def raw_lines(text: str) -> list[str]:
    """Return the lines that have something in them that a terminal obeys."""
    return [line for line in OURS.sub("", text).split("\n") if not is_harmless(line)]


@BOTH
def test_names_are_shown_escaped(
    shown_by: Callable[..., str],
    shared: Callable[..., Bench],
    shared_names: Path,
    tmp_path: Path,
    shows: Shows,
) -> None:
    """R23: By ``ls``, and by ``get``, whatever they are."""
    server = shared(f"--files-root={shared_names}")
    netdemo, where = str(BIN / "netdemo"), f"127.0.0.1:{server.port('files-tcp')}"
    listed = shown_by(netdemo, "ls", "-s", where)
    got = shown_by(netdemo, "get", "-r", "-s", where, ".", "-d", str(tmp_path))
    raw = raw_lines(listed) + raw_lines(got)
    shows(
        "names escaped on a terminal and piped",
        f"{shown_by.__name__} {len(listed.splitlines())} names, {len(raw)} raw",
    )
    assert len(listed.splitlines()) >= len(HOSTILE)
    assert "\x1b]" not in listed + got
    assert raw == []


@BOTH
def test_what_is_said_is_shown_escaped(shown_by: Callable[..., str], shows: Shows) -> None:
    """R23: By ``chat``, even if a server sends what no server of ours would."""
    said = b"".join(
        b"SAID lobby evil %b\nJOINED lobby %b\nTOLD %b %b\nERR 400 %b\nRENAMED a %b\n"
        % ((line,) * 6)
        for text in HOSTILE
        if (line := text.replace(b"\n", b" ")[:900])
    )

    def script(request: bytes) -> tuple[bytes, bool]:
        if request.startswith(b"NICK"):
            return b"OK NICK red\nOK JOIN lobby 1\n" + said + b"SERVER stopping\n", False
        return b"", False

    words, (stdin, ours) = ("chat", "--nick", "red", "--timeout=20"), os.pipe()
    try:
        with serving(script) as number:
            address = f"tcp:127.0.0.1:{number}"
            shown = shown_by(str(BIN / "netdemo"), *words, address, stdin=stdin)
    finally:
        os.close(stdin)
        os.close(ours)
    raw = raw_lines(shown)
    shows(
        "chat escaped on a terminal and piped",
        f"{shown_by.__name__} {len(shown.splitlines())} lines, {len(raw)} raw",
    )
    assert "<evil>" in shown, shown
    assert "\x1b]" not in shown
    assert raw == []


def escapes() -> Iterator[str]:
    """Yield what hostile text must become to be seen."""
    yield from (r"\x1b]0;owned\x07", r"\u202e")


def test_escaped_text_can_still_be_read(
    shared: Callable[..., Bench], shared_names: Path, shows: Shows
) -> None:
    """R23: It is shown, not swallowed."""
    server = shared(f"--files-root={shared_names}")
    where = f"127.0.0.1:{server.port('files-tcp')}"
    listed = piped(str(BIN / "netdemo"), "ls", "-s", where)
    seen = [each for each in escapes() if each in listed]
    shows("escapes are shown", seen)
    assert seen == list(escapes())
