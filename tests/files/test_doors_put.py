"""Tests of `twisted_net.files.doors`: what is put through the line door."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from tests.files.wires import NOISE, Later, Wire, at_once, lose
from twisted_net.files.core import MOST_AHEAD
from twisted_net.files.desk import Limits
from twisted_net.files.digests import Aside, Digests
from twisted_net.files.doors import FileFactory, FileProtocol
from twisted_net.files.store import Folder
from twisted_net.files.uploads import Writes

HELLO = b"hello, world\n"
SHA = hashlib.sha256(HELLO).hexdigest()
NOISE_SHA = hashlib.sha256(NOISE).hexdigest()
PUT = f"PUT new 13 {SHA}\n".encode()


class Door:
    """A door that takes files."""

    def __init__(
        self, root: Path, aside: Aside = at_once, limits: Limits | None = None, quota: int = 1 << 30
    ) -> None:
        self.clock = Clock()
        self.root = root
        shelf = Folder(str(root), writes=Writes(quota))
        limits = limits or Limits(write=True)
        self.factory = FileFactory(shelf, self.clock, limits, None, Digests(aside))

    def connect(self) -> tuple[FileProtocol, Wire]:
        """Connect a client."""
        wire = Wire()
        protocol = self.factory.buildProtocol(None)
        protocol.makeConnection(wire)
        return protocol, wire

    def names(self) -> list[str]:
        """Return what is in the folder, parts but not hidden ones."""
        return sorted(each.name for each in self.root.iterdir() if each.name[0] != ".")


@pytest.fixture
def door(tmp_path: Path) -> Door:
    """Return a door to an empty folder."""
    return Door(tmp_path)


CUTS = pytest.mark.parametrize(
    "cut",
    [lambda data: [data], lambda data: [bytes([byte]) for byte in data]],
    ids=["whole", "byte by byte"],
)
Cut = Callable[[bytes], list[bytes]]


@CUTS
def test_a_file_is_put_and_fetched(door: Door, cut: Cut) -> None:
    """On one connection, with requests before and behind it, sent ahead or not."""
    protocol, wire = door.connect()
    for piece in cut(b"STAT new\n" + PUT + HELLO + b"SUM new\nQUIT\n"):
        protocol.dataReceived(piece)
    assert wire.read_all() == (
        b"ERR 404 no such file\nOK send\nOK stored\nOK sha256 " + SHA.encode() + b"\nOK bye\n"
    )
    assert (door.root / "new").read_bytes() == HELLO
    assert wire.disconnecting


def test_a_file_may_hold_requests(door: Door) -> None:
    """They are bytes like others."""
    content = b"QUIT\n" * 10
    protocol, wire = door.connect()
    sha256 = hashlib.sha256(content).hexdigest()
    protocol.dataReceived(f"PUT new 50 {sha256}\n".encode() + content)
    assert wire.read_all() == b"OK send\nOK stored\n"
    assert (door.root / "new").read_bytes() == content
    assert not wire.disconnecting


def test_an_empty_file_is_put_too(door: Door) -> None:
    """Not a byte follows."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"PUT new 0 %b\nSTAT nope\n" % hashlib.sha256().hexdigest().encode())
    assert wire.read_all() == b"OK send\nOK stored\nERR 404 no such file\n"
    assert (door.root / "new").read_bytes() == b""


def test_a_half_close_behind_the_last_byte_is_no_harm(door: Door) -> None:
    """``nc -N`` does it."""
    protocol, wire = door.connect()
    protocol.dataReceived(PUT)
    protocol.dataReceived(HELLO)
    protocol.readConnectionLost()
    assert wire.read_all() == b"OK send\nOK stored\n"
    assert wire.disconnecting


def test_a_half_close_too_early_stores_nothing(door: Door) -> None:
    """And is told how much is missing; what came may be gone on with."""
    protocol, wire = door.connect()
    protocol.dataReceived(PUT + HELLO[:9])
    protocol.readConnectionLost()
    assert wire.read_all() == b"OK send\nERR 400 4 bytes are missing, nothing stored\n"
    assert door.names() == []
    lose(protocol, wire, clean=True)
    protocol, wire = door.connect()
    protocol.dataReceived(PUT.replace(b"\n", b" 9\n") + HELLO[9:])
    assert wire.read_all() == b"OK send\nOK stored\n"
    assert (door.root / "new").read_bytes() == HELLO


def test_what_is_not_what_was_announced_is_told(door: Door) -> None:
    """The connection stays: all that was to come has come."""
    protocol, wire = door.connect()
    protocol.dataReceived(PUT + HELLO.swapcase() + b"STAT new\n")
    assert wire.read_all() == (
        b"OK send\nERR 409 digest mismatch, nothing stored\nERR 404 no such file\n"
    )
    assert door.names() == []
    assert not wire.disconnecting
    assert door.factory.journal.counters.dropped["refused_409"] == 1


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (PUT.replace(b"new", b"../new"), b"ERR 403 outside the shared folder\n"),
        (PUT.replace(b"new", b"old"), b"ERR 409 exists, and may not be overwritten\n"),
        (PUT.replace(b"\n", b" 5\n"), b"ERR 416 offset past end (size 0)\n"),
        (b"PUT new\n", b"ERR 400 PUT takes name size sha256 [offset]; write a blank as %20\n"),
        (b"put new 1 x\n", b"ERR 400 sha256 must be 64 hexadecimal digits\n"),
    ],
)
def test_what_follows_a_refused_upload_is_never_a_request(
    door: Door, line: bytes, answer: bytes
) -> None:
    """It may be the file, by a client that did not wait: the connection is closed."""
    (door.root / "old").write_bytes(b"old")
    protocol, wire = door.connect()
    protocol.dataReceived(b"STAT nope\n" + line + b"GET old\n")
    assert wire.read_all() == b"ERR 404 no such file\n" + answer
    assert wire.half_closed
    protocol.dataReceived(b"GET old\n")
    protocol.readConnectionLost()
    assert wire.disconnecting
    assert wire.read_all().endswith(answer)
    assert door.names() == ["old"]


def test_nothing_is_put_unless_somebody_said_so(tmp_path: Path) -> None:
    """Whatever the shelf would take."""
    door = Door(tmp_path, limits=Limits())
    protocol, wire = door.connect()
    protocol.dataReceived(PUT)
    assert wire.value() == b"ERR 403 server is read-only (start it with --files-write yes)\n"
    assert door.names() == []


def test_a_quota_is_kept(tmp_path: Path) -> None:
    """Too much for ever is another thing than too much for now."""
    door = Door(tmp_path, quota=20)
    (tmp_path / "old").write_bytes(b"x" * 8)
    protocol, wire = door.connect()
    protocol.dataReceived(PUT)
    assert wire.value() == b"ERR 507 no room\n"
    protocol, wire = door.connect()
    protocol.dataReceived(PUT.replace(b"13", b"21"))
    assert wire.value() == b"ERR 413 more than 20 bytes, which is the quota\n"


def test_an_upload_is_a_transfer(tmp_path: Path) -> None:
    """And counts as one."""
    door = Door(tmp_path, limits=Limits(1, write=True))
    first, wire = door.connect()
    first.dataReceived(PUT)
    assert wire.value() == b"OK send\n"
    second, second_wire = door.connect()
    second.dataReceived(PUT)
    assert second_wire.value() == b"ERR 503 busy\n"
    lose(first, wire)
    assert door.factory.desk.transfers == 0


def test_a_client_that_leaves_leaves_nothing_visible(door: Door) -> None:
    """At no point of an upload."""
    for came in (b"", HELLO[:5]):
        protocol, wire = door.connect()
        protocol.dataReceived(PUT + came)
        lose(protocol, wire)
        assert door.names() == []
        assert door.factory.desk.transfers == 0


def test_a_client_that_leaves_behind_the_last_byte_has_stored_it(tmp_path: Path) -> None:
    """All that was announced has come, and is what was announced."""
    later = Later()
    door = Door(tmp_path, later)
    protocol, wire = door.connect()
    protocol.dataReceived(PUT)
    later.do()
    protocol.dataReceived(HELLO)
    lose(protocol, wire)
    while later.waiting:
        later.do()
    assert door.names() == ["new"]
    assert wire.read_all() == b"OK send\n"


def test_a_client_that_leaves_while_a_thread_works_leaves_no_lock(tmp_path: Path) -> None:
    """What the thread had opened is closed, and the same upload may begin anew."""
    later = Later()
    door = Door(tmp_path, later)
    protocol, wire = door.connect()
    protocol.dataReceived(PUT)
    lose(protocol, wire)
    while later.waiting:
        later.do()
    assert door.factory.desk.transfers == 0
    protocol, wire = door.connect()
    protocol.dataReceived(PUT + HELLO)
    while later.waiting:
        later.do()
    assert wire.read_all() == b"OK send\nOK stored\n"


def test_a_slow_disk_makes_the_sender_wait(tmp_path: Path) -> None:
    """What waits for it is bounded."""
    later = Later()
    door = Door(tmp_path, later)
    protocol, wire = door.connect()
    protocol.dataReceived(f"PUT new {len(NOISE)} {NOISE_SHA}\n".encode())
    later.do()
    sent = 0
    while wire.producerState == "producing":
        protocol.dataReceived(NOISE[sent : sent + 30_000])
        sent += 30_000
        assert sent <= MOST_AHEAD + 60_000
    while sent < len(NOISE):
        later.do()
        assert wire.producerState == "producing"
        protocol.dataReceived(NOISE[sent : sent + 200_000])
        sent += 200_000
    while later.waiting:
        later.do()
    assert wire.read_all() == b"OK send\nOK stored\n"
    assert (tmp_path / "new").read_bytes() == NOISE


def test_a_stopping_server_finishes_an_upload(door: Door) -> None:
    """What was begun is stored; nothing behind it is."""
    protocol, wire = door.connect()
    protocol.dataReceived(PUT + HELLO[:3])
    protocol.drain()
    assert not wire.disconnecting
    protocol.dataReceived(HELLO[3:] + b"GET new\n")
    assert wire.read_all() == b"OK send\nOK stored\n"
    assert wire.disconnecting


def test_each_upload_is_one_line_in_the_log(door: Door) -> None:
    """As each download is."""
    protocol, _ = door.connect()
    with capturedLogs() as events:
        protocol.dataReceived(PUT + HELLO)
    (line,) = [formatEvent(event) for event in events if "door" in event]
    assert line == ("files-tcp: stored 'new' from '192.0.2.1:40000': 13 bytes in 0.00 s, 13.0 MB/s")


def test_a_stored_file_is_readable(door: Door) -> None:
    """By whoever may read the folder."""
    protocol, _ = door.connect()
    protocol.dataReceived(PUT + HELLO)
    assert os.stat(door.root / "new").st_mode & 0o777 == 0o644
