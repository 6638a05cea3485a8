"""Tests of `twisted_net.files.doors`: a connection to the shelf, without a socket."""

import gc
import hashlib
import os
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs, formatEvent

from tests.files.wires import NOISE, Later, Wire, at_once, lose
from twisted_net.files.codec import RefusedError
from twisted_net.files.desk import Limits
from twisted_net.files.digests import Aside, Digests
from twisted_net.files.doors import FileFactory, FileProtocol
from twisted_net.files.journal import Journal
from twisted_net.files.shelf import Content, Shelf, Source
from twisted_net.files.store import Folder, OpenFile
from twisted_net.net.counters import DoorCounters
from twisted_net.net.sendfile import COPIED
from twisted_net.net.service import IDrains

HELLO = b"hello, world\n"
SHA = hashlib.sha256(HELLO).hexdigest()
NOISE_SHA = hashlib.sha256(NOISE).hexdigest()
PROMISE = f"OK 13 13 {SHA} 1700000000\n".encode()
ANSWER = PROMISE + HELLO + f"DONE {SHA}\n".encode()

CUTS = pytest.mark.parametrize(
    "cut",
    [lambda data: [data], lambda data: [bytes([byte]) for byte in data]],
    ids=["whole", "byte by byte"],
)
Cut = Callable[[bytes], list[bytes]]


class Door:
    """A door to a folder, and the wires of those who knock."""

    def __init__(self, root: Path, limits: Limits | None = None, aside: Aside = at_once) -> None:
        self.clock = Clock()
        self.root = root
        limits = limits or Limits()
        self.factory = FileFactory(Folder(str(root)), self.clock, limits, None, Digests(aside))

    def connect(self) -> tuple[FileProtocol, Wire]:
        """Connect a client."""
        wire = Wire()
        protocol = self.factory.buildProtocol(None)
        protocol.makeConnection(wire)
        return protocol, wire

    @property
    def dropped(self) -> dict[str, int]:
        """What the counters say was refused or cut off."""
        return self.factory.journal.counters.dropped


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a small and a large file."""
    (tmp_path / "hello.txt").write_bytes(HELLO)
    (tmp_path / "large").write_bytes(NOISE)
    (tmp_path / "empty").write_bytes(b"")
    for name in ("hello.txt", "large", "empty"):
        os.utime(tmp_path / name, (1700000000, 1700000000))
    return tmp_path


@pytest.fixture
def door(root: Path) -> Door:
    """Return a door to it."""
    return Door(root)


@CUTS
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_name_is_answered_with_the_bytes_and_a_close(door: Door, cut: Cut, ending: bytes) -> None:
    """The downloader that everybody writes first."""
    protocol, wire = door.connect()
    for piece in cut(b"hello.txt" + ending):
        protocol.dataReceived(piece)
    assert wire.read_all() == HELLO
    assert wire.disconnecting
    assert not wire.aborted


def test_a_name_without_a_newline_is_answered_at_half_close(door: Door) -> None:
    """``printf hello.txt | nc -N`` (a plain protocol would drop the connection)."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"hello.txt")
    assert wire.value() == b""
    protocol.readConnectionLost()
    assert wire.read_all() == HELLO
    assert wire.disconnecting


def test_a_missing_file_is_one_line_and_a_close(door: Door) -> None:
    """In the bare form too, where a program may take it for content: it begins with ERR."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"nope\n")
    assert wire.value() == b"ERR 404 no such file\n"
    assert wire.disconnecting
    assert door.dropped == {"refused_404": 1}


@CUTS
def test_several_requests_are_answered_in_order(door: Door, cut: Cut) -> None:
    """Sent at once, without waiting for answers."""
    protocol, wire = door.connect()
    for piece in cut(b"STAT hello.txt\nGET hello.txt\nGET ../x\nGET hello.txt 7 5\nQUIT\n"):
        protocol.dataReceived(piece)
    part = hashlib.sha256(b"world").hexdigest()
    assert wire.read_all() == b"".join(
        [
            b"OK file 13 1700000000\n",
            ANSWER,
            b"ERR 403 outside the shared folder\n",
            f"OK 5 13 {SHA} 1700000000\nworldDONE {part}\n".encode(),
            b"OK bye\n",
        ]
    )
    assert wire.disconnecting


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"GET", b"ERR 400 GET needs a name\n"),
        (b"GET hello.txt 14", b"ERR 416 offset past end (size 13)\n"),
        (b"GET hello.txt 1000000000000000000", b"ERR 416 offset past end (size 13)\n"),
        (b"GET hello.txt -1", b"ERR 400 offset must be a whole number\n"),
        (b"GET /etc/passwd", b"ERR 403 outside the shared folder\n"),
        (b"GET %2e%2e/x", b"ERR 403 outside the shared folder\n"),
        (b"GET .", b"ERR 403 a folder\n"),
        (b"STAT nope", b"ERR 404 no such file\n"),
        (b"LIST ../", b"ERR 403 outside the shared folder\n"),
    ],
)
def test_a_bad_request_does_not_end_the_session(door: Door, request_: bytes, answer: bytes) -> None:
    """And its words are those that were promised."""
    protocol, wire = door.connect()
    protocol.dataReceived(request_ + b"\nGET hello.txt\n")
    assert wire.read_all() == answer + ANSWER
    assert not wire.disconnecting


def test_a_listing_names_what_can_be_fetched(door: Door) -> None:
    """A line for each."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"LIST limit 2\nLIST after hello.txt\n")
    assert wire.value() == (
        b"OK 2 more\nfile 0 1700000000 empty\nfile 13 1700000000 hello.txt\n"
        b"OK 1 end\nfile 600000 1700000000 large\n"
    )


def test_a_large_file_waits_for_its_reader(door: Door) -> None:
    """However large it is, one piece of it is in memory for a client that does not read."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"GET large\n")
    assert wire.waiting <= COPIED + 200
    digest = hashlib.sha256(NOISE).hexdigest()
    expected = b"OK 600000 600000 - 1700000000\n" + NOISE
    assert wire.read_all() == expected + f"DONE {digest}\n".encode()
    assert wire.producer is protocol


def test_requests_wait_unread_while_answers_are_not_read(door: Door) -> None:
    """Or a client could fill our memory with answers."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"HELP\n" * 10_000)
    assert wire.waiting < Wire.ROOM + 2000
    assert wire.producerState == "paused"
    assert wire.read_all().count(b"OK 8\n") == 10_000
    assert wire.producerState == "producing"


def test_requests_behind_a_transfer_wait_unread(door: Door) -> None:
    """What is sent ahead is bounded by one read."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"GET large\n")
    assert wire.producerState == "producing"
    protocol.dataReceived(b"STAT empty\n")
    assert wire.producerState == "paused"
    assert wire.read_all().endswith(b"OK file 0 1700000000\n")
    assert wire.producerState == "producing"


def test_reading_is_not_resumed_behind_a_half_close(door: Door) -> None:
    """It would only be told of the end again, and again."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"GET large\nGET large\n")
    wire.pauseProducing()
    protocol.readConnectionLost()
    assert wire.read_all().count(b"DONE") == 2
    assert wire.producerState == "paused"
    assert wire.disconnecting


def test_an_empty_file_is_sent_too(door: Door) -> None:
    """In both forms."""
    nothing = hashlib.sha256().hexdigest()
    protocol, wire = door.connect()
    protocol.dataReceived(b"GET empty\nQUIT\n")
    assert wire.value() == (f"OK 0 0 {nothing} 1700000000\nDONE {nothing}\nOK bye\n".encode())
    protocol, wire = door.connect()
    protocol.dataReceived(b"empty\n")
    assert wire.value() == b""
    assert wire.disconnecting


def test_a_digest_that_takes_long_delays_only_its_own_connection(root: Path) -> None:
    """It is computed in a thread; others are served meanwhile."""
    later = Later()
    door = Door(root, aside=later)
    slow, slow_wire = door.connect()
    slow.dataReceived(b"SUM large\n")
    assert slow_wire.value() == b""
    other, other_wire = door.connect()
    other.dataReceived(b"large\n")
    assert other_wire.read_all() == NOISE
    later.do()
    assert slow_wire.read_all() == f"OK sha256 {NOISE_SHA}\n".encode()


def test_a_client_that_leaves_meanwhile_leaves_nothing_behind(root: Path) -> None:
    """No transfer is counted, no answer is written to a connection that is gone."""
    later = Later()
    door = Door(root, aside=later)
    protocol, wire = door.connect()
    protocol.dataReceived(b"GET large\n")
    assert wire.read_all().endswith(NOISE)
    assert door.factory.desk.transfers == 1
    lose(protocol, wire)
    assert door.factory.desk.transfers == 0
    later.do()
    assert wire.value() == b""
    assert b"DONE" not in wire.got
    assert not door.clock.getDelayedCalls()


def shrink(root: Path) -> None:
    """Cut the large file."""
    os.truncate(root / "large", COPIED + 5)


def touch(root: Path) -> None:
    """Change the large file, but not its size."""
    os.utime(root / "large", (1700000000, 1700000099))


def test_a_session_is_told_that_the_file_changed(door: Door) -> None:
    """Its length could be kept; the last line is not DONE."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"GET large\nSTAT empty\n")
    touch(door.root)
    got = wire.read_all()
    assert got.endswith(b"ERR 500 file changed while sending\nOK file 0 1700000000\n")
    assert b"DONE" not in got
    assert door.dropped["transfer_stopped"] == 1


def test_a_file_that_became_shorter_resets_the_connection(door: Door) -> None:
    """The promised length cannot be kept, and an orderly end would look like success."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"GET large\n")
    shrink(door.root)
    wire.read_all()
    assert wire.aborted


@pytest.mark.parametrize("change", [shrink, touch])
def test_a_bare_form_is_never_ended_as_if_it_were_whole(
    door: Door, change: Callable[[Path], None]
) -> None:
    """There is no line behind it that could say so: the reset is the only word left."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"large\n")
    change(door.root)
    wire.read_all()
    assert wire.aborted
    assert door.factory.desk.transfers == 0


def test_a_disk_that_fails_resets_the_connection(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says why in the log."""

    def broken(file: OpenFile, offset: int, count: int) -> bytes:
        raise OSError(5, "Input/output error")

    protocol, wire = door.connect()
    protocol.dataReceived(b"large\n")
    monkeypatch.setattr(OpenFile, "read", broken)
    with capturedLogs() as events:
        wire.read_all()
    assert wire.aborted
    assert "cannot read: input/output error" in logged(events)


def logged(events: Sequence[LogEvent]) -> str:
    """Return what the log shows."""
    return "\n".join(formatEvent(event) for event in events if "door" in event)


def test_each_transfer_is_one_line_in_the_log(door: Door) -> None:
    """What, to whom, how much, how fast; a stranger's name cannot begin a line of its own."""
    (door.root / "a\nb\x1b").write_bytes(b"x")
    with capturedLogs() as events:
        for name in (b"hello.txt", b"a%0Ab%1B"):
            protocol, _ = door.connect()
            protocol.dataReceived(b"GET " + name + b"\nQUIT\n")
    assert logged(events) == (
        "files-tcp: sent 'hello.txt' to '192.0.2.1:40000': 13 bytes in 0.00 s, 13.0 MB/s\n"
        "files-tcp: sent 'a\\nb\\x1b' to '192.0.2.1:40000': 1 bytes in 0.00 s, 1.0 MB/s"
    )


def test_a_transfer_that_is_cut_says_so_in_the_log(door: Door) -> None:
    """With how far it came."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"large\n")
    with capturedLogs() as events:
        lose(protocol, wire)
    assert "after 262144 bytes, 0.00 s: the connection was lost" in logged(events)


def test_refusals_do_not_fill_the_log(door: Door) -> None:
    """One line a second; the counters miss none."""
    with capturedLogs() as events:
        for _ in range(50):
            protocol, _ = door.connect()
            protocol.dataReceived(b"nope\n")
    assert len(logged(events).splitlines()) == 1
    assert door.dropped == {"refused_404": 50}


def test_a_client_that_asks_nothing_is_sent_away_in_time(door: Door) -> None:
    """The time is absolute: single bytes, however many, do not extend it."""
    protocol, wire = door.connect()
    for _ in range(59):
        door.clock.advance(0.5)
        protocol.dataReceived(b"x")
    assert wire.value() == b""
    door.clock.advance(0.5)
    assert wire.value() == b"ERR 408 no request within 30 s\n"
    assert wire.half_closed
    door.clock.advance(2)
    assert wire.disconnecting


def test_a_session_may_be_silent_after_its_first_request(door: Door) -> None:
    """A person thinks; the idle time of the door is another matter."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"STAT empty\n")
    assert not door.clock.getDelayedCalls()
    door.clock.advance(100)
    assert not wire.disconnecting


def test_a_line_without_end_is_refused_and_said_so(door: Door) -> None:
    """It may still be coming: we half-close and listen on, or our words would be lost."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"x" * 3000)
    assert wire.value() == b"ERR 413 line longer than 1024 bytes\n"
    assert wire.half_closed
    protocol.dataReceived(b"x" * 3000)
    protocol.readConnectionLost()
    assert wire.disconnecting
    lose(protocol, wire, clean=True)
    assert not door.clock.getDelayedCalls()


def test_too_many_transfers_are_refused(root: Path) -> None:
    """Those that run keep their speed; the next one may come again."""
    door = Door(root, Limits(transfers=1))
    first, first_wire = door.connect()
    first.dataReceived(b"large\n")
    second, second_wire = door.connect()
    second.dataReceived(b"GET hello.txt\n")
    assert second_wire.value() == b"ERR 503 busy\n"
    first_wire.read_all()
    second.dataReceived(b"GET hello.txt\n")
    assert second_wire.read_all().endswith(ANSWER)


def test_a_stopping_server_finishes_what_it_sends(door: Door) -> None:
    """And begins nothing that waits behind it."""
    protocol, wire = door.connect()
    assert IDrains.providedBy(protocol)
    protocol.dataReceived(b"GET large\nGET hello.txt\n")
    protocol.drain()
    assert not wire.disconnecting
    assert wire.read_all().count(b"DONE") == 1
    assert wire.disconnecting


def test_a_stopping_server_closes_idle_connections_at_once(door: Door) -> None:
    """One that has asked nothing, and one between two requests."""
    for asked in (b"", b"STAT empty\n"):
        protocol, wire = door.connect()
        protocol.dataReceived(asked)
        protocol.drain()
        assert wire.disconnecting
        lose(protocol, wire, clean=True)
    assert not door.clock.getDelayedCalls()


@pytest.mark.logs("ZeroDivisionError")
def test_a_bug_of_ours_costs_one_connection(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is logged, and the peer does not wait for ever."""
    monkeypatch.setattr(Folder, "stat", lambda *_: 1 // 0)
    protocol, wire = door.connect()
    protocol.dataReceived(b"STAT empty\n")
    assert wire.aborted


def test_a_digest_learnt_from_sending_is_known_the_next_time(root: Path) -> None:
    """It is computed beside the sending, and then it is told before."""
    door = Door(root)
    protocol, wire = door.connect()
    protocol.dataReceived(b"GET large\nGET large\n")
    first, second = wire.read_all().split(b"OK 600000 600000 ")[1:]
    assert first.startswith(b"- ")
    assert second.startswith(NOISE_SHA.encode())


class Greetings(Shelf):
    """A shelf that greets who asks; some greetings have no end that is known before."""

    def __init__(self) -> None:
        self.open_now = 0

    def open(self, name: bytes, peer: str = "") -> Source:
        """Make a greeting."""
        if name == b"nobody":
            raise RefusedError(403, "not for you")
        self.open_now += 1
        return Greeting(self, name, f"Hello, {peer}!\n".encode())


class Greeting(Content):
    """What a `Greetings` has."""

    def __init__(self, shelf: Greetings, name: bytes, content: bytes) -> None:
        content = content * 20_000 if name == b"long" else content
        super().__init__(name, content, 1700000000)
        self._shelf = shelf
        self._endless = name == b"endless"
        if name in (b"untold", b"endless"):
            self.size = None

    def read(self, offset: int, count: int) -> bytes:
        """Return a part of it."""
        return bytes(count) if self._endless else super().read(offset, count)

    def close(self) -> None:
        """Count it."""
        self._shelf.open_now -= 1


@pytest.mark.parametrize("name", [b"short", b"untold", b"long"])
def test_content_made_on_the_fly_is_sent_like_a_file(name: bytes) -> None:
    """By who asks, of known length or not; its digest is told behind it, and by SUM."""
    shelf, clock = Greetings(), Clock()
    factory = FileFactory(shelf, clock, digests=Digests(at_once))
    wire, protocol = Wire(), factory.buildProtocol(None)
    protocol.makeConnection(wire)
    protocol.dataReceived(b"GET %b 7\nSUM %b\nSTAT short\n" % (name, name))
    content = b"Hello, 192.0.2.1!\n" * (20_000 if name == b"long" else 1)
    part, whole = content[7:], hashlib.sha256(content).hexdigest().encode()
    answer = [
        b"OK %d %d - 1700000000\n" % (len(part), len(content)),
        part,
        b"DONE %b\n" % hashlib.sha256(part).hexdigest().encode(),
        b"OK sha256 %b\n" % whole,
        b"OK file 18 1700000000\n",
    ]
    wire.read_all()
    clock.pump([0] * 9)
    assert wire.read_all() == b"".join(answer)
    assert shelf.open_now == 0


def test_content_without_end_is_refused() -> None:
    """Its length could not be told; nor may it fill the memory."""
    shelf = Greetings()
    factory = FileFactory(shelf, Clock(), digests=Digests(at_once))
    wire, protocol = Wire(), factory.buildProtocol(None)
    protocol.makeConnection(wire)
    protocol.dataReceived(b"GET endless\nGET nobody\nLIST\n")
    assert wire.value() == (
        b"ERR 413 more than 16777216 bytes of unknown length\nERR 403 not for you\nOK 0 end\n"
    )
    assert shelf.open_now == 0


def test_a_sum_is_told_without_sending_the_file(door: Door) -> None:
    """To compare with what one has."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"SUM hello.txt\nSUM large\nSUM nope\nSUM .\n")
    assert wire.value() == (
        f"OK sha256 {SHA}\nOK sha256 {NOISE_SHA}\nERR 404 no such file\nERR 403 a folder\n".encode()
    )


def test_a_file_that_changes_while_it_is_hashed_has_no_sum(root: Path) -> None:
    """Of two halves of two states."""
    later = Later()
    door = Door(root, aside=later)
    protocol, wire = door.connect()
    protocol.dataReceived(b"SUM large\n")
    touch(root)
    later.do()
    assert wire.value() == b"ERR 500 file changed, or cannot be read\n"


def test_a_file_that_cannot_be_hashed_is_not_vouched_for(root: Path) -> None:
    """It was sent, but nobody says that it was whole."""
    later = Later()
    door = Door(root, aside=later)
    protocol, wire = door.connect()
    protocol.dataReceived(b"GET large\n")
    assert wire.read_all().endswith(NOISE)
    touch(root)
    later.do()
    assert wire.read_all().endswith(NOISE + b"ERR 500 file changed while sending\n")


def test_a_small_file_leaves_in_one_write(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its head and its last line with it: three packets would take three times as long."""
    protocol, wire = door.connect()
    writes: list[bytes] = []
    monkeypatch.setattr(wire, "write", writes.append)
    protocol.dataReceived(b"GET hello.txt\n")
    assert writes == [ANSWER]


def peeked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the names of the files that are opened from now on."""
    opened: list[bytes] = []
    real = Folder.open

    def open_(self: Folder, name: bytes, peer: str = "") -> OpenFile:
        opened.append(name)
        return real(self, name, peer)

    monkeypatch.setattr(Folder, "open", open_)
    return opened


def test_what_is_asked_for_again_is_not_opened_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as it is what it was; by whoever it is asked for."""
    opened = peeked(monkeypatch)
    for _ in range(3):
        protocol, wire = door.connect()
        protocol.dataReceived(b"GET hello.txt\n")
        assert wire.value() == ANSWER
    assert opened == [b"hello.txt"]


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(b"HELLO, WORLD\n"),
        lambda path: os.utime(path, (1700000000, 1700000001)),
        lambda path: path.chmod(0o600),
        lambda path: os.replace(path.with_name("large"), path),
    ],
    ids=["written", "touched", "closed to others", "replaced"],
)
def test_what_was_changed_is_opened_again(
    door: Door, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever way."""
    opened = peeked(monkeypatch)
    protocol, _ = door.connect()
    protocol.dataReceived(b"GET hello.txt\n")
    change(door.root / "hello.txt")
    protocol.dataReceived(b"GET hello.txt\n")
    assert opened == [b"hello.txt", b"hello.txt"]


def test_what_is_gone_is_not_answered_from_memory(door: Door) -> None:
    """Nor what has become a link."""
    protocol, wire = door.connect()
    protocol.dataReceived(b"GET hello.txt\n")
    (door.root / "hello.txt").unlink()
    protocol.dataReceived(b"GET hello.txt\n")
    (door.root / "hello.txt").symlink_to("large")
    protocol.dataReceived(b"GET hello.txt\n")
    assert wire.value() == (
        ANSWER + b"ERR 404 no such file\nERR 403 a link; links are not followed\n"
    )


def test_a_shelf_that_opens_in_its_own_way_is_always_asked(root: Path) -> None:
    """It may refuse one and not the other."""

    class Choosy(Folder):
        def open(self, name: bytes, peer: str = "") -> OpenFile:
            asked.append(name)
            if len(asked) > 1:
                raise RefusedError(403, "once only")
            return super().open(name, peer)

    asked: list[bytes] = []
    factory = FileFactory(Choosy(str(root)), Clock(), digests=Digests(at_once))
    wire, protocol = Wire(), factory.buildProtocol(None)
    protocol.makeConnection(wire)
    protocol.dataReceived(b"GET hello.txt\nGET hello.txt\n")
    assert wire.value() == ANSWER + b"ERR 403 once only\n"


def test_ten_thousand_small_files_do_not_fill_the_log(door: Door) -> None:
    """A hundred lines a second, and one that sums up the others."""
    protocol, _ = door.connect()
    with capturedLogs() as events:
        protocol.dataReceived(b"GET hello.txt\n" * 150)
        door.clock.advance(1)
        protocol.dataReceived(b"GET hello.txt\n")
        protocol.dataReceived(b"GET hello.txt\n" * 100)
        door.factory.stopFactory()
    lines = logged(events).splitlines()
    assert len(lines) == 202
    assert lines[100] == "files-tcp: sent 50 more within a second, 650 bytes"
    assert lines[-1] == "files-tcp: sent 1 more within a second, 13 bytes"


def test_transfers_that_stop_do_not_fill_the_log(root: Path) -> None:
    """Whoever hangs up again and again is told of a few times a second, and counted always."""
    clock = Clock()
    journal = Journal("files-tcp", DoorCounters(), clock.seconds)
    with capturedLogs() as events:
        for _ in range(1000):
            journal.stopped(b"big", "192.0.2.1:40000", 1, 0.0, "the connection was lost")
        clock.advance(1)
        journal.stopped(b"big", "192.0.2.1:40000", 1, 0.0, "the connection was lost")
    lines = logged(events).splitlines()
    assert len(lines) == 12
    assert lines[10] == "files-tcp: stopped 990 more within a second, 990 bytes"
    assert journal.counters.dropped == {"transfer_stopped": 1001}


SAID = [
    b"GET hello.txt\n",
    b"GET hello.txt\n",
    b"get hello.txt\r\n",
    b"GET hello.txt 7\n",
    b"GET nope\n",
    b"GET\n",
    b"STAT hello.txt\n",
    b"GET " + b"x" * 1100 + b"\n",
    b"hello.txt\n",
    b"QUIT\n",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(st.sampled_from(SAID), max_size=6), max_size=3), st.data())
def test_who_is_answered_by_heart_cannot_tell(
    root: Path, visits: list[list[bytes]], data: st.DataObject
) -> None:
    """Whole requests are answered in fewer steps than those that come in pieces: by the same."""
    door, slow = Door(root), Door(root)
    for visit in visits:
        stream = b"".join(visit)
        ends = [sum(map(len, visit[:count])) for count in range(len(visit) + 1)]
        at = sorted({0, *data.draw(st.sets(st.sampled_from(ends) | st.integers(0, len(stream))))})
        pieces = [stream[i:j] for i, j in zip(at, [*at[1:], len(stream)], strict=True)]
        told = []
        for each, cut in ((door, pieces), (slow, [bytes([byte]) for byte in stream])):
            protocol, wire = each.connect()
            for piece in filter(None, cut):
                protocol.dataReceived(piece)
            protocol.readConnectionLost()
            told.append((wire.read_all(), wire.disconnecting, wire.half_closed))
        assert told[0] == told[1]


def test_a_short_connection_leaves_nothing_to_the_collector_of_cycles(door: Door) -> None:
    """By the ten thousand in a second, these would be a good part of what each costs."""
    ends: list[weakref.ref[FileProtocol]] = []
    was_on = gc.isenabled()
    gc.disable()
    try:
        for _ in range(3):
            protocol, wire = door.connect()
            protocol.dataReceived(b"GET hello.txt\n")
            assert wire.read_all() == ANSWER
            lose(protocol, wire)
            ends.append(weakref.ref(protocol))
            del protocol, wire
        assert [each() for each in ends[1:]] == [None, None]  # the first was not answered by heart
    finally:
        if was_on:
            gc.enable()
