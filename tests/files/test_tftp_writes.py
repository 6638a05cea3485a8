"""Tests of files sent to the TFTP door."""

import errno
import os
from pathlib import Path

import pytest
from twisted.logger import capturedLogs

from tests.files.test_tftp_doors import CLIENT, logged, packets
from tests.files.wires import NOISE, Later, Port, Reactor, at_once
from twisted_net.files.codec import RefusedError
from twisted_net.files.digests import Aside
from twisted_net.files.store import Folder
from twisted_net.files.tftp.codec import Ack, Code, Data, Error, OptionAck, Packet, Request, render
from twisted_net.files.tftp.doors import Policy, TftpDatagramProtocol
from twisted_net.files.uploads import Upload, Writes


class Bench:
    """A TFTP door that takes files."""

    def __init__(self, root: Path, aside: Aside = at_once, quota: int = 1 << 20) -> None:
        self.root = root
        self.reactor = Reactor()
        folder = Folder(str(root), writes=Writes(quota))
        self.door = TftpDatagramProtocol(folder, self.reactor, None, Policy(write=True), aside)
        self.port: Port = self.reactor.listenUDP(7069, self.door, "192.0.2.99")

    def ask(self, name: bytes = b"new", mode: str = "octet", **options: str) -> list[Packet]:
        """Ask to send a file; return what the transfer answers."""
        self.door.datagramReceived(render(Request("write", name, mode, options)), CLIENT)
        return packets(self.reactor.ports[-1])

    def send(self, packet: Packet) -> list[Packet]:
        """Send a packet to the last transfer; return what it answers."""
        port = self.reactor.ports[-1]
        port.protocol.datagramReceived(render(packet), CLIENT)
        return packets(port)

    @property
    def files(self) -> dict[str, bytes]:
        """What is in the folder, the hidden parts too."""
        return {each.name: each.read_bytes() for each in self.root.iterdir()}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a door to an empty folder."""
    return Bench(tmp_path)


def test_a_file_is_there_before_its_last_block_is_acknowledged(bench: Bench) -> None:
    """And not a block earlier."""
    assert bench.ask() == [Ack(0)]
    assert bench.send(Data(1, NOISE[:512])) == [Ack(1)]
    assert "new" not in bench.files
    with capturedLogs() as events:
        assert bench.send(Data(2, NOISE[512:700])) == [Ack(2)]
    assert bench.files == {"new": NOISE[:700]}
    assert logged(events)[0].startswith("tftp: stored 'new' from '192.0.2.1:40000': 700 bytes in")


def test_the_last_ack_is_repeated_for_a_while(bench: Bench) -> None:
    """It may be lost; then nothing is left."""
    bench.ask()
    assert bench.send(Data(1, b"end")) == [Ack(1)]
    assert bench.send(Data(1, b"end")) == [Ack(1)]
    bench.reactor.advance(10)
    assert not bench.door.running
    assert not bench.reactor.getDelayedCalls()
    assert bench.files == {"new": b"end"}


def test_options_of_an_upload_are_agreed_on(bench: Bench) -> None:
    """The size comes from the client, and is answered as it stands (RFC 2349)."""
    answer = bench.ask(blksize="1024", tsize="1500", windowsize="2", unknown="x")
    assert answer == [OptionAck({"blksize": "1024", "tsize": "1500", "windowsize": "2"})]
    assert bench.send(Data(1, NOISE[:1024])) == []
    assert bench.send(Data(2, NOISE[1024:1500])) == [Ack(2)]
    assert bench.files == {"new": NOISE[:1500]}


def test_a_disk_at_work_keeps_the_last_ack_waiting(tmp_path: Path) -> None:
    """The block may come again meanwhile; nobody else waits."""
    later = Later()
    bench = Bench(tmp_path, later)
    assert bench.ask() == []
    bench.ask()
    later.do()
    assert packets(bench.reactor.ports[-1]) == [Ack(0)]
    assert len(bench.reactor.ports) == 2
    assert bench.send(Data(1, b"end")) == []
    assert bench.send(Data(1, b"end")) == []
    later.do()
    assert packets(bench.reactor.ports[-1]) == [Ack(1)]
    assert bench.files == {"new": b"end"}


def test_netascii_is_turned_into_text(bench: Bench) -> None:
    """With a pair across the border of two blocks, and a CR at the very end."""
    bench.ask(b"text", "NetASCII", tsize="9999")
    bench.send(Data(1, b"x" * 510 + b"\n\r"))
    bench.send(Data(2, b"\nb\r\0c\r"))
    assert bench.files == {"text": b"x" * 510 + b"\n\nb\rc\r"}


@pytest.mark.parametrize(
    ("name", "options", "code", "text"),
    [
        (b"taken", {}, 6, "exists, and may not be overwritten"),
        (b"../x", {}, 2, "outside the shared folder"),
        (b".hidden", {}, 2, "a hidden name"),
        (b"new", {"tsize": "2000000"}, 3, "more than 1048576 bytes, which is the quota"),
    ],
)
def test_what_may_not_be_stored_is_refused_before_a_byte_is_sent(
    bench: Bench, name: bytes, options: dict[str, str], code: int, text: str
) -> None:
    """With one ERROR, and no port."""
    (bench.root / "taken").write_bytes(b"mine")
    (refusal,) = bench.ask(name, **options)
    assert isinstance(refusal, Error)
    assert (refusal.code, refusal.text) == (code, text)
    assert len(bench.reactor.ports) == 1
    assert bench.files == {"taken": b"mine"}
    assert not bench.door._peers  # its place is free again


def test_a_quota_ends_an_upload_that_did_not_say_its_size(tmp_path: Path) -> None:
    """ERROR 3, and nothing is left."""
    bench = Bench(tmp_path, quota=1000)
    bench.ask()
    assert bench.send(Data(1, NOISE[:512])) == [Ack(1)]
    (refusal,) = bench.send(Data(2, NOISE[512:1024]))
    assert isinstance(refusal, Error)
    assert refusal.code == 3
    assert bench.files == {}
    assert not bench.door.running


def test_a_full_disk_is_error_3(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves nothing behind."""

    def full(sink: Upload, data: bytes) -> None:
        raise RefusedError(507, "no room")

    bench.ask()
    monkeypatch.setattr(Upload, "write", full)
    assert bench.send(Data(1, b"x")) == [Error(3, "no room")]
    assert bench.files == {}


def test_a_file_that_cannot_get_its_name_is_no_success(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client hears ERROR instead of the last ACK."""

    def too_late(sink: Upload) -> None:
        raise RefusedError(409, "somebody else was quicker")

    bench.ask()
    monkeypatch.setattr(Upload, "keep", too_late)
    with capturedLogs() as events:
        assert bench.send(Data(1, b"x")) == [Error(6, "somebody else was quicker")]
    assert "stopped taking 'new' from '192.0.2.1:40000'" in logged(events)[0]
    assert bench.files == {}


@pytest.mark.parametrize("how", ["error", "silence", "replaced", "stop", "size"])
def test_an_upload_that_ends_early_leaves_nothing_behind(bench: Bench, how: str) -> None:
    """Whoever ends it."""
    descriptors = len(os.listdir("/proc/self/fd"))
    bench.ask(tsize="1000")
    bench.send(Data(1, NOISE[:512]))
    match how:
        case "error":
            bench.send(Error(0, "enough"))
        case "silence":
            bench.reactor.pump([0.5] * 80)
        case "replaced":
            request = Request("read", b"nope", "octet", {})
            bench.door.datagramReceived(render(request), CLIENT)
        case "stop":
            bench.port.stopListening()
        case "size":
            bench.send(Data(2, b"too short"))
    assert bench.files == {}
    assert not bench.door.running
    assert not bench.reactor.getDelayedCalls()
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_stopping_server_begins_no_upload(tmp_path: Path) -> None:
    """Not even one that was asked for before, and waited for the disk."""
    later = Later()
    bench = Bench(tmp_path, later)
    bench.ask()
    bench.door.drain()
    later.do()
    assert packets(bench.port) == [Error(0, "server is stopping")]
    assert bench.files == {}


def test_an_address_that_proves_nothing_takes_a_place_for_a_while_only(bench: Bench) -> None:
    """The request may be forged."""
    bench.ask()
    bench.reactor.pump([0.5] * 80)
    assert packets(bench.reactor.ports[-1]) == [Ack(0)]  # and the first one
    assert not bench.door.running
    assert bench.files == {}


def test_no_descriptors_left_is_told_and_takes_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it happens: a place that nobody gives back would be lost for ever."""

    def exhausted(*_: object) -> list[str]:
        raise OSError(errno.EMFILE, "Too many open files")

    bench = Bench(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", exhausted)
        for _ in range(bench.door.policy.per_peer):
            assert bench.ask() == [Error(0, "busy: too many files are open")]
    assert bench.ask() == [Ack(0)]


@pytest.mark.logs("ZeroDivisionError")
def test_a_shelf_that_breaks_takes_no_place(tmp_path: Path) -> None:
    """It may be anybody's; the client is told, and the log says what broke."""

    class Broken(Folder):
        def receive(self, *_: object, **__: object) -> Upload:
            raise ZeroDivisionError

    bench = Bench(tmp_path)
    shelf, bench.door.shelf = bench.door.shelf, Broken(str(tmp_path))
    assert bench.ask() == [Error(0, "this is a bug of the server's; its log says more")]
    bench.door.shelf = shelf
    for _ in range(bench.door.policy.per_peer):
        assert bench.ask() == [Ack(0)]
        assert bench.send(Error(0, "")) == []


@pytest.mark.logs("ZeroDivisionError")
@pytest.mark.parametrize("what", ["write", "keep"])
def test_a_sink_that_breaks_takes_no_place(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Whenever it does."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Upload, what, broken)
    bench.ask()
    (answer,) = bench.send(Data(1, b"all"))
    assert answer == Error(Code.DISK_FULL, "this is a bug of the server's; its log says more")
    assert not bench.door.running
    assert bench.files == {}
