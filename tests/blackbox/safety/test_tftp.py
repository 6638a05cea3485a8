"""TFTP: options of all kinds, transfers that go wrong, and files that are written here."""

import contextlib
import hashlib
import os
import random
import shutil
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, PATIENCE, Bench
from tests.blackbox.safety.conftest import Shows
from tests.blackbox.safety.datagrams import Address, asked, at, port, read, within
from tests.blackbox.safety.probe import FULL
from tests.blackbox.safety.watching import (
    MEGABYTE,
    all_doors,
    connected,
    descriptors,
    more,
    resident,
    to_the_end,
    until,
)
from tests.blackbox.safety.watching import begun as begun_at_all
from twisted_net.files.tftp.codec import (
    Ack,
    Code,
    Data,
    Error,
    OptionAck,
    Packet,
    Request,
    parse,
    render,
)

pytestmark = pytest.mark.slow

Start = Callable[..., Bench]


def asking(*words: bytes, mode: bytes = b"octet") -> bytes:
    """Return a read request with options as they are."""
    return b"\0\1" + b"".join(word + b"\0" for word in (b"hello.txt", mode, *words))


FIRST_BLOCK = "DATA 1"

#: A request, and the answer that the RFCs allow.
REQUESTS: dict[str, tuple[bytes, str]] = {
    **{
        f"blksize {value or 'empty'}": (asking(b"blksize", value.encode()), FIRST_BLOCK)
        for value in ("-1", "0", "7", "65465", "1e3", "", "9" * 9, "\u0665\u0661\u0662")
    },
    **{
        f"blksize {value}": (asking(b"blksize", value.encode()), f"OACK blksize {value}")
        for value in ("8", "512", "65464")
    },
    "blksize twice": (asking(b"blksize", b"8", b"blksize", b"512"), "OACK blksize 8"),
    "BLKSIZE": (asking(b"BLKSIZE", b"8"), "OACK blksize 8"),
    "an option without a value": (asking(b"blksize"), FIRST_BLOCK),
    "an empty option": (asking(b"", b""), FIRST_BLOCK),
    "no final NUL": (asking(b"blksize", b"8")[:-1], "ERROR 4"),
    "600 options": (asking(*(b"%d" % number for number in range(1200))), FIRST_BLOCK),
    "an option of 60,000 bytes": (asking(b"blksize", b"8" * 60_000), FIRST_BLOCK),
    "tsize -1": (asking(b"tsize", b"-1"), FIRST_BLOCK),
    "windowsize 0": (asking(b"windowsize", b"0"), FIRST_BLOCK),
    "windowsize 65536": (asking(b"windowsize", b"65536"), FIRST_BLOCK),
    "timeout 0": (asking(b"timeout", b"0"), FIRST_BLOCK),
    "timeout 256": (asking(b"timeout", b"256"), FIRST_BLOCK),
    "mode OCTET": (asking(mode=b"OCTET"), FIRST_BLOCK),
    "mode mail": (asking(mode=b"mail"), "ERROR 4"),
    "mode of 500 bytes": (asking(mode=b"x" * 500), "ERROR 4"),
    "no mode": (b"\0\1hello.txt\0", "ERROR 4"),
}


def shown(packet: Packet) -> str:
    """Return a packet in a few words."""
    match packet:
        case Data():
            return f"DATA {packet.number}"
        case Error():
            return f"ERROR {packet.code}"
        case OptionAck():
            return " ".join(
                ["OACK", *(f"{name} {value}" for name, value in packet.options.items())]
            )
        case _:
            return repr(packet)


def test_every_option_gets_the_answer_of_the_rfc(shared: Start, shows: Shows) -> None:
    """R17: One answer, no exception, and no memory."""
    server = shared()
    with port() as sender:
        asked(sender, read(), at(server, "tftp"))
    before, wrong = resident(server), {}
    for name, (request, wanted) in REQUESTS.items():
        with port() as sender:
            began = time.monotonic()
            sender.sendto(request, at(server, "tftp"))
            answer, transfer = sender.recvfrom(65536)
            again = within(sender, 0.01)
            if time.monotonic() > began + 0.5:
                again = []  # so late that it may be said again
            sender.sendto(render(Error(0, "enough")), transfer)
        if shown(parse(answer)) != wanted or again:
            wrong[name] = (shown(parse(answer)), again)
    added = more(resident(server), before)
    shows(f"{len(REQUESTS)} requests: the RFC's answer, once", f"{len(wrong)} wrong, {added}")
    assert wrong == {}
    assert float(added.removesuffix(" MB")) <= 2


def exchanged(client: socket.socket, packet: Packet, to: Address) -> Packet:
    """Send a packet; return what comes next."""
    client.sendto(render(packet), to)
    return parse(client.recv(65536))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with files of many blocks."""
    folder = tmp_path_factory.mktemp("files")
    dice = random.Random(18)  # noqa: S311 - no secret
    (folder / "page").write_bytes(dice.randbytes(512 * 20))
    (folder / "rolls").write_bytes(dice.randbytes(2 * 8 * 65536 + 1))
    if FULL:
        for size in (32, 64):
            (folder / f"m{size}").write_bytes(dice.randbytes((size << 20) + 1))
    return folder


def begun(
    client: socket.socket, server: Bench, name: bytes, **options: str
) -> tuple[Packet, Address]:
    """Begin a transfer whose server waits long before it sends anything again."""
    answer, transfer = asked(client, read(name, **{"timeout": "20", **options}), at(server, "tftp"))
    return parse(answer), transfer


def test_a_stranger_does_not_disturb_a_transfer(shared: Start, files: Path, shows: Shows) -> None:
    """R18: It alone hears ERROR 5."""
    server = shared(f"--files-root={files}")
    with port() as client, port() as stranger:
        _, transfer = begun(client, server, b"page")
        first = exchanged(client, Ack(0), transfer)
        told = exchanged(stranger, Ack(1), transfer)
        second = exchanged(client, Ack(1), transfer)
        client.sendto(render(Error(0, "enough")), transfer)
    shows("a wrong port: ERROR 5 to the stranger only", f"{shown(told)}, then {shown(second)}")
    assert (shown(first), shown(told), shown(second)) == ("DATA 1", "ERROR 5", "DATA 2")


def test_an_acknowledgement_twice_sends_a_block_once(
    shared: Start, files: Path, shows: Shows
) -> None:
    """R18: Or every block would be sent twice from then on: the Sorcerer's Apprentice."""
    server = shared(f"--files-root={files}")
    came: list[int] = []
    with port() as client:
        _, transfer = begun(client, server, b"page")
        for number in range(20):
            for _ in range(2):
                client.sendto(render(Ack(number)), transfer)
            came.append(int.from_bytes(client.recv(65536)[2:4], "big"))
        came += [int.from_bytes(each[2:4], "big") for each in within(client, 0.2)]
        client.sendto(render(Error(0, "enough")), transfer)
    shows("every ACK twice: each block once", f"{len(came)} blocks for 20")
    assert came == list(range(1, 21))


def test_the_last_acknowledgement_is_repeated(alone: Start, tmp_path: Path, shows: Shows) -> None:
    """R18: The client that has not heard it sends its last block again."""
    server = alone(f"--files-root={tmp_path}", "--tftp-write=yes")
    request = render(Request("write", b"new", "octet", {"timeout": "20"}))
    with port() as client:
        answer, transfer = asked(client, request, at(server, "tftp"))
        assert shown(parse(answer)) == "OACK timeout 20"
        said = [exchanged(client, Data(1, b"hello"), transfer) for _ in range(3)]
    shows("a lost last ACK: repeated", said)
    assert said == [Ack(1)] * 3
    assert (tmp_path / "new").read_bytes() == b"hello"


def test_abandoned_transfers_are_forgotten(alone: Start, files: Path, shows: Shows) -> None:
    """R18: Two hundred of them, some of which had begun."""
    server = alone(f"--files-root={files}", "--tftp-per-peer=300", "--files-transfers=300")
    before = descriptors(server)
    with contextlib.ExitStack() as stack:
        for number in range(200):
            client = stack.enter_context(port())
            question = read(b"page", utimeout="10000", tsize="0")
            _, transfer = asked(client, question, at(server, "tftp"))
            if number % 2:
                client.sendto(render(Ack(0)), transfer)
    begun = time.monotonic()
    most = descriptors(server)
    until(lambda: descriptors(server) <= before, "all of them are forgotten", 3 * PATIENCE)
    took = time.monotonic() - begun
    shows(
        "200 abandoned: nothing is left", f"{most - before:+d} descriptors, none {took:.1f} s later"
    )
    assert server.wait_for("stopped sending 'page'")


def fetched(server: Bench, name: bytes, **options: str) -> bytes:
    """Fetch a file in windows, as RFC 7440 has it; what is lost is asked for again."""
    got, expected, window = bytearray(), 1, int(options.get("windowsize", "1"))
    blksize = int(options["blksize"])
    with port() as client:
        answer, transfer = asked(client, read(name, **options), at(server, "tftp"))
        assert isinstance(parse(answer), OptionAck)
        client.sendto(b"\0\4\0\0", transfer)
        client.settimeout(1.0)
        unacknowledged = 0
        while True:
            try:
                block = client.recv(65536)
            except TimeoutError:
                client.sendto(struct.pack("!HH", 4, (expected - 1) % 65536), transfer)
                continue
            opcode, number = struct.unpack_from("!HH", block)
            assert opcode == 3, block
            if number == expected % 65536:
                got += block[4:]
                expected, unacknowledged = expected + 1, unacknowledged + 1
            last = number == (expected - 1) % 65536 and len(block) < 4 + blksize
            if last or unacknowledged == window or number != (expected - 1) % 65536:
                client.sendto(struct.pack("!HH", 4, (expected - 1) % 65536), transfer)
                unacknowledged = 0
            if last:
                return bytes(got)


@pytest.mark.parametrize(
    ("name", "blksize"), [("rolls", 8), *([("m32", 512), ("m64", 512)] if FULL else [])]
)
def test_block_numbers_roll_over(
    name: str, blksize: int, shared: Start, files: Path, shows: Shows
) -> None:
    """R18: More than 65,535 blocks, and more than twice as many."""
    server = shared(f"--files-root={files}", "--udp-rate=0")
    got = fetched(server, name.encode(), blksize=str(blksize), windowsize="64")
    blocks = len(got) // blksize + 1
    same = got == (files / name).read_bytes()
    shows("more than 65,535 blocks: the same bytes", f"{blocks} blocks of {blksize}, {same}")
    assert same


# Files that are written here


class Writing:
    """How to store a file through one of the doors.

    :ivar door: the name of the door.
    """

    def __init__(self, door: str, server: Bench) -> None:
        self.door = door
        self._server = server

    def put(self, name: str, content: bytes, but: int = 0) -> str:
        """Store a file, or all but some bytes of it; return the error, or nothing."""
        if self.door == "files-tcp":
            return self._by_line(name, content, but)
        return self._by_tftp(name, content, but)

    def _by_line(self, name: str, content: bytes, but: int) -> str:
        digest = hashlib.sha256(content).hexdigest()
        with connected(self._server.port("files-tcp")) as writer:
            writer.sendall(f"PUT {name} {len(content)} {digest}\n".encode())
            lines = writer.makefile("rb")
            answer = lines.readline()
            if answer == b"OK send\n":
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    writer.sendall(content[: len(content) - but])
                    writer.shutdown(socket.SHUT_WR)
                answer = lines.readline()
        return "" if answer == b"OK stored\n" else answer.decode().strip()

    def _by_tftp(self, name: str, content: bytes, but: int) -> str:
        options = {"tsize": str(len(content)), "blksize": "60000", "timeout": "20"}
        request = render(Request("write", name.encode(), "octet", options))
        with port() as writer:
            answer, transfer = asked(writer, request, at(self._server, "tftp"))
            said, number = parse(answer), 0
            while not isinstance(said, Error) and number * 60_000 <= len(content):
                block = content[number * 60_000 : (number + 1) * 60_000]
                number += 1
                if but and number * 60_000 > len(content) - but:
                    writer.sendto(render(Error(0, "changed my mind")), transfer)
                    return "given up"
                said = exchanged(writer, Data(number % 65536, block), transfer)
        return f"ERROR {said.code} {said.text}" if isinstance(said, Error) else ""


BOTH = pytest.mark.parametrize("door", ["files-tcp", "tftp"])
WRITES = ("--files-write=yes", "--tftp-write=yes")


def visible(folder: Path) -> list[str]:
    """Return the names that everybody sees there."""
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))


@BOTH
def test_nothing_is_written_by_default(
    door: str, alone: Start, tmp_path: Path, shows: Shows
) -> None:
    """R19: Whoever wants that says so."""
    error = Writing(door, alone(f"--files-root={tmp_path}")).put("new", b"hello")
    shows("by default: refused", f"{door}: {error}")
    assert error.startswith(("ERR 403 ", f"ERROR {Code.ACCESS:d} "))
    assert visible(tmp_path) == []


@BOTH
def test_what_is_there_is_not_overwritten(
    door: str, alone: Start, tmp_path: Path, shows: Shows
) -> None:
    """R19: Unless that is allowed too; and what is above the quota is not written at all."""
    (tmp_path / "old").write_bytes(b"mine")
    server = alone(f"--files-root={tmp_path}", *WRITES, "--files-quota=1000")
    writing = Writing(door, server)
    error = writing.put("old", b"theirs")
    too_large = writing.put("large", bytes(1001))
    fits = writing.put("fits", bytes(900))
    no_more = writing.put("more", bytes(900))
    shows("another file's name: refused", f"{door}: {error}")
    shows("quota + 1: refused", f"{door}: {too_large}; {no_more}")
    assert error.startswith(("ERR 409 ", f"ERROR {Code.EXISTS:d} "))
    assert too_large.startswith(("ERR 413 ", f"ERROR {Code.DISK_FULL:d} "))
    assert no_more.startswith(("ERR 507 ", f"ERROR {Code.DISK_FULL:d} "))
    assert fits == ""
    assert (tmp_path / "old").read_bytes() == b"mine"
    assert visible(tmp_path) == ["fits", "old"]


@BOTH
def test_half_a_file_is_none(door: str, alone: Start, tmp_path: Path, shows: Shows) -> None:
    """R19: Broken off in the middle, it is not seen, and the old one is whole."""
    (tmp_path / "old").write_bytes(b"mine")
    server = alone(f"--files-root={tmp_path}", *WRITES, "--files-overwrite=yes")
    writing = Writing(door, server)
    for name in ("old", "new"):
        assert writing.put(name, bytes(200_000), but=100_000) != ""
    seen = visible(tmp_path)
    shows("broken off: not seen, the old one whole", f"{door}: {seen}")
    assert seen == ["old"]
    assert (tmp_path / "old").read_bytes() == b"mine"


def test_of_two_writers_one_wins(alone: Start, tmp_path: Path, shows: Shows) -> None:
    """R19: The other is told, and the file is one of theirs, not a mixture."""
    server = alone(f"--files-root={tmp_path}", *WRITES)
    digests = [hashlib.sha256(each * 100_000).hexdigest() for each in (b"1", b"2")]
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(connected(server.port("files-tcp"))) for _ in range(2)]
        said = []
        for writer, digest in zip(writers, digests, strict=True):
            writer.sendall(f"PUT same 100000 {digest}\n".encode())
            said.append(writer.recv(1000))
        for writer, content, begun_with in zip(writers, (b"1", b"2"), said, strict=True):
            if begun_with == b"OK send\n":
                writer.sendall(content * 100_000)
        ends = [
            writer.recv(1000) if begun_with == b"OK send\n" else begun_with
            for writer, begun_with in zip(writers, said, strict=True)
        ]
    shows("two writers: one stored, one told", ends)
    assert sorted(each[:7] for each in ends) == [b"ERR 409", b"OK stor"]
    assert hashlib.sha256((tmp_path / "same").read_bytes()).hexdigest() in digests


@BOTH
def test_a_full_disk_is_an_error_and_no_half_file(door: str, tmp_path: Path, shows: Shows) -> None:
    """R19: On a file system of 1 MiB, in a mount namespace of its own."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("only root may mount a small file system")
    mount = 'mount -t tmpfs -o size=1m none "$0" && printf mine > "$0/old" && exec "$@"'
    options = [*all_doors(), f"--files-root={tmp_path}", *WRITES, "--files-overwrite=yes"]
    twistd = [str(BIN / "twistd"), "-n", "--pidfile=", "netdemo", *options]
    server = Bench(["unshare", "--mount", "sh", "-c", mount, str(tmp_path), *twistd])
    try:
        if not begun_at_all(server):
            pytest.skip(f"no mount namespace can be made here: {server.text.strip()}")
        server.wait_for("netdemo is listening")
        writing = Writing(door, server)
        error = writing.put("old", bytes(2 * MEGABYTE))
        with connected(server.port("files-tcp")) as asker:
            asker.sendall(b"LIST\nGET old\nQUIT\n")
            seen = to_the_end(asker)
        after = writing.put("small", b"fits")
    finally:
        server.stop()
    shows("1 MiB file system: ERROR 3 or ERR 507, the old one whole", f"{door}: {error}")
    assert error.startswith(("ERR 507 ", f"ERROR {Code.DISK_FULL:d} "))
    assert seen.startswith(b"OK 1 end\nfile 4 ")
    assert b"\nmineDONE " in seen
    assert after == ""
    assert "Traceback" not in server.text
