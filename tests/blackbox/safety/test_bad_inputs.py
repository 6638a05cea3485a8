"""The errors owed for wrong input: which line, word for word, and which exit code."""

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from twisted.python.usage import UsageError

from tests.blackbox.conftest import BIN, PATIENCE, Bench, netdemo, run
from tests.blackbox.safety.conftest import started
from tests.blackbox.safety.datagrams import asked, at, cookie_in, hello, port, within
from tests.blackbox.safety.probe import help_of, need_option
from tests.blackbox.safety.watching import (
    MEGABYTE,
    all_doors,
    connected,
    counted,
    to_the_end,
    until,
)
from twisted_net import tap
from twisted_net.chat.codec import datagram as chat
from twisted_net.chat.codec.datagram import Key, Packet, Type, encode, packed
from twisted_net.files.tftp.codec import Error, parse


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed for some words.

    :ivar row: its number in the list of bad inputs; 0: it is not in there.
    :ivar code: what a client exits with.
    """

    row: int
    words: list[str]
    line: str
    code: int = 0

    def __str__(self) -> str:
        return f"{self.row}: {' '.join(self.words)[:60]}"


#: What is owed for which words, read from the table beside this file.
OWED = tomllib.loads(Path(__file__).with_name("bad_inputs.toml").read_text(encoding="utf-8"))
OPTIONS, OPENING, CLIENTS = (
    [Owed(**row) for row in OWED[kind]] for kind in ("option", "opening", "client")
)


def fits(wanted: str, line: str) -> bool:
    """Say whether a line is the wanted one; a star in that stands for anything."""
    pattern = ".*".join(re.escape(part) for part in wanted.split("*"))
    return re.fullmatch(pattern, line) is not None


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with configuration files, and keys, that are none."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "junk.pem").write_text("junk\n")
    (folder / "syntax.toml").write_text("grace = 1\n[limits]\nmax_conns = \n")
    (folder / "unknown.toml").write_text("[limits]\nmax_conn = 5\n")
    (folder / "type.toml").write_text('[limits]\nmax_conns = "many"\n')
    return folder


@pytest.mark.parametrize("owed", OPTIONS, ids=str)
def test_a_wrong_option_is_owed_a_line(
    owed: Owed, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``twistd`` says it, and nothing else."""
    monkeypatch.setattr("os.environ", {})
    made = tap.Options()
    with pytest.raises(UsageError) as caught:
        made.parseOptions([each.format(folder=inputs) for each in owed.words])
    said = str(caught.value)
    assert fits(owed.line.format(folder=inputs), said), said


def one_of_each(owed: list[Owed]) -> list[Owed]:
    """Return the first of each row."""
    return list({each.row: each for each in reversed(owed)}.values())


@pytest.mark.slow
@pytest.mark.parametrize("owed", one_of_each(OPTIONS), ids=str)
def test_every_way_to_start_says_the_same(owed: Owed, inputs: Path) -> None:
    """Exit 1 from ``twistd``, 2 from ``netdemo serve``; one line, and no traceback."""
    words = [each.format(folder=inputs) for each in owed.words]
    wanted = owed.line.format(folder=inputs)
    for command, code, frame in (
        (["twistd", "-n", "--pidfile=", "netdemo"], 1, f"twistd netdemo: {wanted}; see *"),
        (["netdemo", "serve"], 2, f"netdemo: {wanted}"),
    ):
        done = run(str(BIN / command[0]), *command[1:], *words)
        said = done.stderr.decode().strip()
        assert fits(frame, said), said
        assert done.returncode == code
        assert b"Traceback" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("owed", OPENING, ids=str)
def test_a_door_that_does_not_open_is_owed_a_line(owed: Owed, inputs: Path, taken: int) -> None:
    """Exit 1, and nothing is left open."""
    words = [each.format(folder=inputs, taken=taken) for each in owed.words]
    closed = [each.partition("=")[0] for each in words]
    doors = [each for each in all_doors() if each.partition("=")[0] not in closed]
    done = run(str(BIN / "netdemo"), "serve", *doors, *words)
    said = done.stderr.decode().removesuffix("\n")
    assert fits("netdemo: " + owed.line.format(folder=inputs, taken=taken), said), said
    assert done.returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "line"),
    [
        (
            "--echo-tcp=systemd:domain=INET:name=nope",
            "no inherited socket named 'nope' (have: echo, udpecho)",
        ),
        (
            "--echo-tcp=systemd:domain=INET:name=udpecho",
            "inherited fd 4 is SOCK_DGRAM, need SOCK_STREAM",
        ),
        ("--echo-udp=systemd:name=echo", "inherited fd 3 is SOCK_STREAM, need SOCK_DGRAM"),
    ],
)
def test_an_inherited_socket_of_another_kind_is_owed_a_line(option: str, line: str) -> None:
    """10: As is one of another name."""
    stream = socket.create_server(("127.0.0.1", 0))
    datagram = socket.socket(type=socket.SOCK_DGRAM)
    inherit = f"exec 3<&{stream.fileno()} 4<&{datagram.fileno()}"
    inherit += "; export LISTEN_PID=$$ LISTEN_FDS=2"
    script = f'{inherit} LISTEN_FDNAMES=echo:udpecho; exec "$@"'
    name, _, value = option.partition("=")
    doors = [each for each in all_doors() if each.partition("=")[0] != name]
    words = [str(BIN / "netdemo"), "serve", *doors, option]
    with stream, datagram:
        done = subprocess.run(
            ["bash", "-c", script, "bash", *words],
            pass_fds=(stream.fileno(), datagram.fileno()),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.stderr.decode() == f"netdemo: {name} '{value}': {line}\n"
    assert done.returncode == 1


@pytest.mark.slow
def test_more_connections_than_descriptors_are_capped() -> None:
    """12: And that is said at the start."""
    few = (1024, 1024)
    with started(
        "--max-conns=5000", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, few)
    ) as server:
        assert server.wait_for(r"capped to 960 \(RLIMIT_NOFILE 1024\)")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line"),
    [("/nope", "--auth*: cannot read '/nope'*"), ("{empty}", "--auth*: *has no users*")],
)
def test_users_that_are_not_there_are_told_at_the_start(
    file: str, line: str, tmp_path: Path
) -> None:
    """13: Not to the first who logs in."""
    need_option("--auth", "--auth by strcred")
    empty = tmp_path / "users"
    empty.touch()
    done = run(
        str(BIN / "netdemo"), "serve", *all_doors(), f"--auth=file:{file.format(empty=empty)}"
    )
    said = done.stderr.decode().strip()
    assert fits(f"netdemo: {line}", said), said
    assert done.returncode in (1, 2)


# Clients


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what a folder may have."""
    folder = tmp_path_factory.mktemp("shelf") / "shared"
    folder.mkdir()
    (folder / "hello").write_bytes(b"h" * 42)
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "zero").symlink_to("/dev/zero")
    os.mkfifo(folder / "fifo")
    (folder / os.fsdecode(b"caf\xe9")).write_bytes(b"latin")
    (folder / "big").write_bytes(bytes(30 * MEGABYTE))
    return folder


@pytest.fixture(scope="module")
def server(shelf: Path) -> Iterator[Bench]:
    """Share it."""
    with started(f"--files-root={shelf}", "--files-write=yes") as made:
        yield made


@pytest.fixture(scope="module")
def silent() -> Iterator[int]:
    """Return a port where nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.slow
@pytest.mark.parametrize("owed", CLIENTS, ids=str)
def test_a_client_that_cannot_is_owed_a_line(
    owed: Owed,
    server: Bench,
    silent: int,
    tmp_path: Path,
) -> None:
    """On standard error, with the code that scripts look at."""
    (tmp_path / "hello").write_bytes(b"mine")
    names = {"folder": tmp_path, "silent": silent, "files": server.port("files-tcp")}
    done = netdemo(*(each.format(**names) for each in owed.words))
    said = done.stderr.decode().removesuffix("\n")
    assert fits("netdemo: " + owed.line.format(**names), said), said
    assert (done.returncode, done.stdout) == (owed.code, b"")
    assert (tmp_path / "hello").read_bytes() == b"mine"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("files-tcp", "cannot write '{to}': 31457280 bytes announced, * free"),
        ("web", "cannot write '{to}*': no space left on device*"),
    ],
)
def test_a_full_disk_is_owed_a_line(what: str, line: str, server: Bench, tmp_path: Path) -> None:
    """18: Before the first byte, where the size is known; else when it is full."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("only root may mount a small file system")
    to = tmp_path / "big"
    words = ["-s", f"127.0.0.1:{server.port('files-tcp')}", "big"]
    if what == "web":  # a folder as a zip file, which is made while it is sent
        words = [f"http://127.0.0.1:{server.port('web')}/files/?zip"]
    script = 'mount -t tmpfs -o size=1m none "$0" && "$@"; code=$?; ls -a "$0"; exit $code'
    get = [str(BIN / "netdemo"), "get", *words, "--retries=0", "-o", str(to)]
    done = run("unshare", "--mount", "sh", "-c", script, str(tmp_path), *get)
    said = done.stderr.decode()
    if "mount:" in said or "unshare:" in said:
        pytest.skip("no mount namespace can be made here")
    assert fits(f"netdemo: {line.format(to=to)}\n", said), said
    assert done.returncode == 1
    assert "big" not in done.stdout.decode().split()


@pytest.mark.slow
def test_what_ctrl_c_ends_says_what_there_was(server: Bench) -> None:
    """19: A summary, and 130; a reader who has enough is no error."""
    ping = [str(BIN / "netdemo"), "ping", f"127.0.0.1:{server.port('echo-udp')}", "-i", "0.05"]
    with subprocess.Popen(ping, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as pinging:
        assert pinging.stdout is not None
        pinging.stdout.readline()
        pinging.send_signal(signal.SIGINT)
        out, err = pinging.communicate(timeout=PATIENCE)
    assert pinging.returncode == 130
    assert b" sent, " in out
    assert err == b""
    done = run("bash", "-c", f"set -o pipefail; {' '.join(ping)} | head -1")
    assert done.returncode == 141
    assert done.stderr == b""
    assert done.stdout.count(b"\n") == 1


# What is said on the wire

TOO_MANY_X = b"x" * 10_000

#: Number, door, what is sent to it, and the last line of the answer.
WIRE: list[tuple[int, str, bytes, bytes]] = [
    (20, "chat-tcp", TOO_MANY_X + b"\n", b"ERR 413 line longer than 1024 bytes"),
    (20, "chat-tcp", b"\xff\n", b"ERR 400 not UTF-8"),
    (20, "chat-tcp", b"\0\n", b"ERR 400 control character 0x00"),
    (20, "chat-tcp", b"JOIN games\n", b"ERR 401 choose a name first: NICK <name>"),
    (20, "chat-tcp", b"hello\n", b"ERR 401 choose a name first: NICK <name>"),
    (20, "chat-tcp", b"NICK\n", b"ERR 400 NICK wants: NICK <name>"),
    (20, "chat-tcp", b"NICK " + b"x" * 200 + b"\n", b"ERR 422 name: 1-24 letters, digits, - or _"),
    (20, "chat-tcp", "NICK \u202egpj\n".encode(), b"ERR 422 name: 1-24 letters, digits, - or _"),
    (21, "files-tcp", b"GET ../secret\n", b"ERR 403 outside the shared folder"),
    (21, "files-tcp", b"GET \n", b"ERR 400 GET needs a name"),
    (21, "files-tcp", b"GET hello 1000000000000000000\n", b"ERR 416 offset past end (size 42)"),
    (21, "files-tcp", b"GET hello -1\n", b"ERR 400 offset must be a whole number"),
    (
        21,
        "files-tcp",
        b"PUT new 5 " + b"0" * 64 + b"\nhello",
        b"ERR 409 digest mismatch, nothing stored",
    ),
    (24, "files-tcp", b"GET link\n", b"ERR 403 a link; links are not followed"),
    (24, "files-tcp", b"GET fifo\n", b"ERR 403 not a regular file"),
    (24, "files-tcp", b"STAT caf%E9\n", b"OK file 5 *"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "door", "sent", "answer"), WIRE, ids=repr)
def test_a_wrong_line_is_owed_an_error(
    number: int, door: str, sent: bytes, answer: bytes, server: Bench
) -> None:
    """The connection stays, unless nobody could know where the next line begins."""
    with connected(server.port(door)) as asker:
        asker.sendall(sent)
        asker.shutdown(socket.SHUT_WR)
        said = to_the_end(asker)
    last = said.decode().splitlines()[-1]
    assert fits(answer.decode(), last), said


#: A datagram for TFTP, and the answer; None: there is none, and it is counted.
TFTP: list[tuple[bytes, tuple[int, str] | None]] = [
    (b"\0", None),
    (b"\0\x09what", (4, "illegal operation 9")),
    (b"\0\1hello\0octet", (4, "request not terminated")),
    (b"\0\1hello\0mail\0", (4, "mode 'mail' not supported; use octet (binary)")),
    (b"\0\2new\0octet\0", (2, "server is read-only (start with --tftp-write yes)")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "answer"), TFTP, ids=repr)
def test_wrong_tftp_is_owed_an_error(
    sent: bytes, answer: tuple[int, str] | None, server: Bench
) -> None:
    """22: One that its sender can read; nothing for what is too short to be answered."""
    with port() as asker:
        if answer is None:
            before = sum(dropped(server, "tftp").values())
            asker.sendto(sent, at(server, "tftp"))
            until(lambda: sum(dropped(server, "tftp").values()) > before, "it is counted")
            assert within(asker, 0.05) == []
            return
        said = parse(asked(asker, sent, at(server, "tftp"))[0])
    assert said == Error(*answer)


def dropped(server: Bench, door: str) -> dict[str, int]:
    """Return what a door has dropped, by reason."""
    return {
        name: number for name, number in counted(server, door).items() if name.startswith("dropped")
    }


@pytest.mark.slow
def test_a_datagram_that_is_too_long_is_owed_its_length(server: Bench) -> None:
    """23: If it is a member's; any other one is counted, and that is all."""
    door = at(server, "chat-udp")
    with port() as member, port() as stranger:
        cookie = cookie_in(asked(member, hello("long"), door)[0])
        welcome = chat.decode(asked(member, hello("long", cookie), door)[0])
        assert welcome.type is Type.WELCOME
        fields = chat.unpacked(welcome.fields)
        session, key = fields[Key.SESSION], fields[Key.SECRET]
        pong = asked(member, encode(Packet(Type.PING, session), key), door)[0]
        assert chat.decode(pong).session == session
        within(member, 0.1)
        padding = packed({Key.TEXT: b"x" * 9000})
        long = encode(Packet(Type.PING, session, fields=padding), key)[:9000]
        tagged = encode(Packet(Type.PING, session, fields=padding[: 9000 - 32]), key)
        assert len(tagged) == 9000
        before = sum(dropped(server, "chat-udp").values())
        stranger.sendto(long, door)
        until(lambda: sum(dropped(server, "chat-udp").values()) > before, "it is counted")
        member.sendto(tagged, door)
        member.settimeout(PATIENCE)
        told = ""
        while not told:  # a PONG may come before it
            told = chat.text_of(chat.unpacked(chat.decode(member.recv(65536)).fields), Key.ERROR)
        silence = within(stranger, 0.05)
        member.sendto(encode(Packet(Type.BYE, session), key), door)
    assert told == "TOO_BIG 9000 > 1200"
    assert silence == []


@pytest.mark.slow
def test_a_file_that_shrinks_while_it_is_sent_is_no_whole_one(
    server: Bench, shelf: Path, tmp_path: Path
) -> None:
    """24: The client says so, and exits with 5."""
    file = shelf / "shrinks"
    with file.open("wb") as made:
        made.truncate(256 * MEGABYTE)  # no kernel can have taken all of it by then
    where = f"127.0.0.1:{server.port('files-tcp')}"
    words = [str(BIN / "netdemo"), "get", "-s", where, "shrinks", "-d", str(tmp_path)]
    limited = [*words, "--limit-rate=2MiB", "--retries=0", "--quiet"]
    with subprocess.Popen(limited, stderr=subprocess.PIPE) as client:
        part = tmp_path / "shrinks.part"
        until(lambda: part.exists() and part.stat().st_size > 0, "it has begun")
        os.truncate(file, MEGABYTE // 2)
        time.sleep(0.1)
        _, said = client.communicate(timeout=3 * PATIENCE)
    assert client.returncode == 5, said
    assert said.count(b"\n") == 1
    assert not (tmp_path / "shrinks").exists()
    file.unlink()


@pytest.mark.slow
def test_a_name_that_is_no_text_can_be_fetched(server: Bench) -> None:
    """24: It is listed escaped, and found by what is listed."""
    where = ("-s", f"127.0.0.1:{server.port('files-tcp')}")
    listed = netdemo("ls", *where).stdout.decode()
    assert r"caf\xe9" in listed
    done = netdemo("get", *where, r"caf\xe9", "-o", "-", "--quiet")
    assert (done.returncode, done.stdout) == (0, b"latin"), done.stderr


def test_the_help_names_what_is_promised_here() -> None:
    """Every option of the table is one that there is."""
    shown = help_of("serve")
    for owed in [*OPTIONS, *OPENING]:
        for each in owed.words:
            name = each.partition("=")[0]
            assert f"{name} " in shown or f"{name}," in shown, name
