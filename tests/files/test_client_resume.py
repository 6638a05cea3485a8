"""Tests of parts that are gone on with: over lines, and in the folder they lie in."""

import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.files.test_client import SERVER, Outcome
from tests.files.wires import NOISE, Reactor, Wire, lose
from twisted_net.files.client import Fetched, FileClient, line
from twisted_net.files.client.core import BrokenOffError
from twisted_net.files.destination import LocalFile, StandardOutput
from twisted_net.files.origin import Origin, StaleError, parse_origin
from twisted_net.net.errors import BadAnswerError, ClientError

SOURCE = "tcp://192.0.2.9:7009/large"
SIZE = len(NOISE)
SHA = hashlib.sha256(NOISE).hexdigest()
AT = 300_000
REST = hashlib.sha256(NOISE[AT:]).hexdigest()
BEFORE = Origin("", SIZE, 7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file will be."""
    return tmp_path / "large"


def left(path: Path) -> list[str]:
    """Return what is in the folder."""
    return sorted(each.name for each in path.parent.iterdir())


def leave(path: Path, data: bytes = NOISE[:AT], origin: Origin = BEFORE) -> None:
    """Leave the part of an earlier get."""
    with LocalFile(str(path), source=SOURCE) as into:
        into.begin(origin, 0)
        into.write(data)


class Fetch:
    """A client that fetches ``large`` once more, from a server that a test plays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wire = Wire()
        self.client = FileClient(Reactor(), SERVER, 5.0)
        self.client.makeConnection(self.wire)
        self.outcome = Outcome(self._get())

    async def _get(self) -> Fetched:
        with LocalFile(str(self.path), source=SOURCE) as into:
            return await line.get(self.client, "large", into)

    def say(self, said: str, data: bytes = b"") -> None:
        """Let the server speak."""
        self.client.dataReceived(said.encode() + data)


def test_a_broken_download_leaves_its_part_and_a_note(path: Path) -> None:
    """And the next one asks for the rest."""
    fetch = Fetch(path)
    fetch.say(f"OK {SIZE} {SIZE} - 7\n", NOISE[:AT])
    lose(fetch.client, fetch.wire, clean=True)
    assert isinstance(fetch.outcome.error, BrokenOffError)
    assert left(path) == ["large.part", "large.part.json"]
    again = Fetch(path)
    assert again.wire.value() == b"GET large %d\n" % AT
    again.say(f"OK {SIZE - AT} {SIZE} {SHA} 7\n", NOISE[AT:] + f"DONE {REST}\n".encode())
    assert again.outcome.result == Fetched("large", SIZE, SHA, 0.0, AT)
    assert path.read_bytes() == NOISE
    assert left(path) == ["large"]


def test_an_interrupted_download_leaves_its_part(path: Path) -> None:
    """Ctrl-C cancels the coroutine."""
    fetch = Fetch(path)
    fetch.say(f"OK {SIZE} {SIZE} - 7\n", NOISE[:AT])
    fetch.outcome.deferred.cancel()
    assert left(path) == ["large.part", "large.part.json"]


def test_a_short_part_is_not_worth_keeping(path: Path) -> None:
    """To fetch it again costs a round trip."""
    fetch = Fetch(path)
    fetch.say(f"OK {SIZE} {SIZE} - 7\n", NOISE[:1000])
    fetch.outcome.deferred.cancel()
    assert left(path) == []


def test_a_digest_that_nobody_knew_is_asked_for(path: Path) -> None:
    """The last line tells only that of what was sent now."""
    leave(path)
    fetch = Fetch(path)
    fetch.say(f"OK {SIZE - AT} {SIZE} - 7\n", NOISE[AT:] + f"DONE {REST}\n".encode())
    assert fetch.wire.value().endswith(b"SUM large\n")
    assert not fetch.outcome.deferred.called
    fetch.say(f"OK sha256 {SHA}\n")
    assert fetch.outcome.result.sha256 == SHA


@pytest.mark.parametrize(
    ("said", "data"),
    [
        (f"OK {SIZE - AT} {SIZE} - 8\n", b""),
        (f"OK {SIZE - AT + 1} {SIZE + 1} - 7\n", b""),
        (f"ERR 416 offset past end (size {AT - 1})\n", b""),
        (f"OK {SIZE - AT} {SIZE} {'0' * 64} 7\n", NOISE[AT:] + f"DONE {REST}\n".encode()),
    ],
    ids=["another time", "another size", "shorter", "another digest"],
)
def test_bytes_of_two_states_are_never_put_together(path: Path, said: str, data: bytes) -> None:
    """What was there is forgotten; the next try begins anew."""
    leave(path)
    fetch = Fetch(path)
    fetch.say(said, data)
    assert type(fetch.outcome.error) is StaleError
    assert left(path) == []


def test_a_digest_that_is_wrong_from_the_start_is_not_tried_again(path: Path) -> None:
    """Nothing of it is kept: the server has promised something else."""
    fetch = Fetch(path)
    fetch.say(f"OK {SIZE} {SIZE} {'0' * 64} 7\n", NOISE + f"DONE {SHA}\n".encode())
    assert type(fetch.outcome.error) is BadAnswerError
    assert left(path) == []


def test_a_part_that_is_whole_needs_no_byte_more(path: Path) -> None:
    """Somebody was killed just before it had its name."""
    leave(path, NOISE)
    nothing = hashlib.sha256().hexdigest()
    fetch = Fetch(path)
    fetch.say(f"OK 0 {SIZE} {SHA} 7\nDONE {nothing}\n")
    assert fetch.outcome.result.offset == SIZE
    assert path.read_bytes() == NOISE


# Parts in a folder


def test_a_note_says_where_a_part_is_from(path: Path) -> None:
    """It is written before the first byte, for whoever is killed cannot write one."""
    with LocalFile(str(path), source=SOURCE) as into:
        into.begin(BEFORE, 0)
        note = (path.parent / "large.part.json").read_bytes()
    assert parse_origin(note) == Origin(SOURCE, SIZE, 7)


def test_a_part_of_something_else_is_left_alone(path: Path) -> None:
    """Unless one says what is to become of it."""
    leave(path)
    other = "tcp://elsewhere/large"
    for into in (LocalFile(str(path), source=other), LocalFile(str(path))):
        with pytest.raises(ClientError, match=r"large\.part' exists"), into:
            pass
    with LocalFile(str(path), source=other, resume=True) as into:
        assert into.offset == AT
        into.begin(BEFORE, into.offset)
    with LocalFile(str(path), source="tcp://third/large", force=True) as into:
        assert into.offset == 0


def test_a_part_without_a_note_is_gone_on_with_only_on_request(path: Path) -> None:
    """A browser may have left it; the digest will tell."""
    part = path.parent / "large.part"
    part.write_bytes(NOISE[:AT])
    with (
        pytest.raises(ClientError, match="nothing tells which file's it is; --resume goes on"),
        LocalFile(str(path), source=SOURCE),
    ):
        pass
    assert part.read_bytes() == NOISE[:AT]
    with LocalFile(str(path), source=SOURCE, resume=True) as into:
        assert (into.offset, into.origin) == (AT, None)
        assert hashlib.sha256(b"".join(into.pieces())).digest() == (
            hashlib.sha256(NOISE[:AT]).digest()
        )


@pytest.mark.parametrize("note", [b"", b"garbage", b"{}", b"[" * 100_000])
def test_a_note_that_is_none_says_nothing(path: Path, note: bytes) -> None:
    """A full disk may have cut it."""
    leave(path)
    (path.parent / "large.part.json").write_bytes(note)
    with pytest.raises(ClientError, match="nothing tells"), LocalFile(str(path), source=SOURCE):
        pass


def test_two_gets_do_not_write_into_one_part(path: Path) -> None:
    """The second is told that there is a first."""
    leave(path)
    with (
        LocalFile(str(path), source=SOURCE) as one,
        pytest.raises(ClientError, match="another get is at work on it"),
        LocalFile(str(path), source=SOURCE),
    ):
        pass
    assert one.kept == AT
    assert left(path) == ["large.part", "large.part.json"]


def test_a_file_system_without_locks_is_written_to_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some that come over a network."""

    def none(*_: object) -> None:
        raise OSError("no locks")

    monkeypatch.setattr(fcntl, "flock", none)
    leave(path)
    with LocalFile(str(path), source=SOURCE) as into:
        assert into.offset == AT


def _link(at: Path, victim: Path) -> None:
    at.symlink_to(victim)


def _fifo(at: Path, victim: Path) -> None:
    os.mkfifo(at)


@pytest.mark.parametrize("make", [_link, _fifo])
def test_what_is_no_part_is_not_written_to(
    path: Path, tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    """A link may lead anywhere, and nobody may read from a pipe."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    make(path.parent / "large.part", victim)
    with (
        pytest.raises(ClientError, match="not a regular file"),
        LocalFile(str(path), source=SOURCE, resume=True),
    ):
        pass
    (path.parent / "large.part").unlink()
    make(path.parent / "large.part.json", victim)
    leave(path)
    assert victim.read_bytes() == b"mine"


def test_a_folder_of_that_name_is_told(path: Path) -> None:
    """Even by force it would not be replaced."""
    path.mkdir()
    with pytest.raises(ClientError, match="is a folder"), LocalFile(str(path), force=True):
        pass


def test_standard_output_cannot_begin_anew(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """What was written is written."""
    into = StandardOutput()
    into.begin(BEFORE, 0)
    into.begin(BEFORE, 0)
    into.write(b"hello")
    with pytest.raises(ClientError, match="cannot be taken back"):
        into.begin(BEFORE, 0)
    into.keep()
    assert capsysbinary.readouterr().out == b"hello"
