"""Tests of `twisted_net.files.client.fetching`, `jobs`, `sending`: many files, several at once."""

import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed

from tests.files.test_client import SERVER, Outcome
from tests.files.wires import Reactor
from twisted_net.files.client import line
from twisted_net.files.client.core import BrokenOffError
from twisted_net.files.client.fetching import Fetching, How, Item, make_folders, walked
from twisted_net.files.client.jobs import side_by_side
from twisted_net.files.client.lineserver import LineServer
from twisted_net.files.client.sending import Sending, opened, parcels
from twisted_net.files.client.servers import Found
from twisted_net.files.client.told import Fetched, Progress, Stored, ignore
from twisted_net.files.codec import Entry
from twisted_net.files.destination import Destination, LocalFile
from twisted_net.files.origin import Origin
from twisted_net.files.shelf import Source
from twisted_net.net.errors import BadAnswerError, ClientError, ConnectError

CONTENT = b"x" * 100_000


class Server:
    """A server that does what a test wants.

    :ivar tree: what is in each folder.
    :ivar errors: what goes wrong with a name, one try after the other; half of it has come then.
    """

    resumes = True

    def __init__(self) -> None:
        self.tree: dict[str, list[Entry]] = {}
        self.errors: dict[str, list[ClientError]] = {}
        self.asked: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.gate: Deferred[None] = succeed(None)

    def source(self, name: str) -> str:
        return f"test://{name}"

    async def get(self, name: str, into: Destination, progress: Progress) -> Fetched:
        self.asked.append(name)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            if self.errors.get(name):
                error = self.errors[name].pop(0)
                if isinstance(error, BrokenOffError):
                    into.begin(Origin("", len(CONTENT), 7), into.offset)
                    into.write(CONTENT[into.offset : 80_000])
                raise error
            gate: Deferred[None] = Deferred()
            self.gate.chainDeferred(gate) if not self.gate.called else gate.callback(None)
            await gate
            offset = into.offset
            into.begin(Origin("", len(CONTENT), 7), offset)
            into.write(CONTENT[offset:])
            into.keep()
            return Fetched(name, len(CONTENT), "", 0.0, offset)
        finally:
            self.at_once -= 1

    async def entries(self, folder: str) -> AsyncIterator[Found]:
        for entry in self.tree[folder]:
            step = entry.name.rpartition(b"/")[2]
            yield Found(entry.name.decode(), step, entry)

    async def put(self, name: str, source: Source, sha256: str, progress: Progress) -> Stored:
        self.asked.append(name)
        progress(source.size, 1)
        if self.errors.get(name):
            raise self.errors[name].pop(0)
        assert hashlib.sha256(source.read(0, 1 << 20)).hexdigest() == sha256
        return Stored(name, source.size or 0, sha256, 0.0)

    async def left(self) -> None:
        """Owe nothing."""

    def close(self) -> None:
        """Close nothing."""


class Told:
    """What a user was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def moving(self, name: str) -> AbstractContextManager[Progress]:
        return nullcontext(ignore)

    def fetched(self, item: Item, file: Fetched) -> None:
        self.lines.append(f"fetched {file.name} from {file.offset}")

    def stored(self, path: str, file: Stored) -> None:
        self.lines.append(f"stored {file.name}")

    def skipped(self, item: Item) -> None:
        self.lines.append(f"skipped {item.name}")

    def again(self, error: ClientError, wait: float) -> None:
        self.lines.append(f"again: {error}")

    def failed(self, name: str, error: ClientError, into: LocalFile | None = None) -> None:
        self.lines.append(f"failed {name}: {error}, {into.kept if into else 0} kept")

    def interrupted(self, item: Item, into: LocalFile) -> None:
        self.lines.append(f"interrupted {item.name}, {into.kept} kept")


class Bench:
    """A fetching of some names."""

    def __init__(self, folder: Path, how: How, *names: str) -> None:
        self.reactor = Reactor()
        self.server = Server()
        self.told = Told()
        self.folder = folder
        self._names = names
        dice = random.Random(1)  # noqa: S311 - no secret
        self.fetching = Fetching(self.reactor, how, self.told, dice)

    def run(self) -> Outcome:
        """Begin to fetch."""
        return Outcome(self.fetching.run(self._items()))

    async def _items(self) -> AsyncIterator[Item]:
        for name in self._names:
            yield Item(self.server, name, str(self.folder / name))


def test_several_files_come_at_one_time(tmp_path: Path) -> None:
    """As many as were asked for."""
    bench = Bench(tmp_path, How(jobs=3), *"abcde")
    bench.server.gate = Deferred()
    outcome = bench.run()
    assert (bench.server.asked, outcome.deferred.called) == (["a", "b", "c"], False)
    bench.server.gate.callback(None)
    assert outcome.deferred.called
    assert bench.server.most_at_once == 3
    assert sorted(each.name for each in tmp_path.iterdir()) == list("abcde")


def test_one_that_cannot_be_had_is_no_reason_to_stop(tmp_path: Path) -> None:
    """It is told, and counted."""
    bench = Bench(tmp_path, How(jobs=1), *"abc")
    bench.server.errors["b"] = [ClientError("no such file")]
    bench.run()
    assert bench.told.lines == [
        "fetched a from 0",
        "failed b: no such file, 0 kept",
        "fetched c from 0",
    ]
    assert [str(each) for each in bench.fetching.failures] == ["no such file"]


def test_a_server_that_is_down_is_told_once(tmp_path: Path) -> None:
    """But every file counts."""
    bench = Bench(tmp_path, How(jobs=2), *"abcd")
    bench.server.errors = {name: [ConnectError("refused")] for name in "abcd"}
    bench.run()
    assert bench.told.lines == ["failed a: refused, 0 kept"]
    assert [each.exit_code for each in bench.fetching.failures] == [3, 3, 3, 3]


def test_what_was_broken_off_is_tried_again_from_there(tmp_path: Path) -> None:
    """After a while, and while the server starts again."""
    bench = Bench(tmp_path, How(), "a")
    bench.server.errors["a"] = [BrokenOffError("gone"), ConnectError("refused")]
    outcome = bench.run()
    assert bench.told.lines == ["again: gone"]
    bench.reactor.advance(10)
    assert bench.told.lines == ["again: gone", "again: refused"]
    bench.reactor.advance(10)
    assert bench.told.lines[2:] == ["fetched a from 80000"]
    assert outcome.deferred.called
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_what_is_given_up_is_kept_for_the_next_time(tmp_path: Path) -> None:
    """With --retries 0 at once."""
    bench = Bench(tmp_path, How(retries=0), "a")
    bench.server.errors["a"] = [BrokenOffError("gone")]
    bench.run()
    assert bench.told.lines == ["failed a: gone, 80000 kept"]


def test_who_has_enough_is_told_what_is_left(tmp_path: Path) -> None:
    """Ctrl-C, while a try is waited for; every job ends."""
    bench = Bench(tmp_path, How(), "a", "b")
    bench.server.errors = {name: [BrokenOffError("gone")] for name in "ab"}
    outcome = bench.run()
    outcome.deferred.cancel()
    assert isinstance(outcome.error, CancelledError)
    assert sorted(bench.told.lines[2:]) == [
        "interrupted a, 80000 kept",
        "interrupted b, 80000 kept",
    ]
    assert not bench.reactor.getDelayedCalls()


def test_what_is_there_is_left_alone_if_one_says_so(tmp_path: Path) -> None:
    """And is no failure; the other way it is one."""
    (tmp_path / "a").write_bytes(b"mine")
    bench = Bench(tmp_path, How(skip=True), "a", "b")
    bench.run()
    assert bench.told.lines == ["skipped a", "fetched b from 0"]
    bench = Bench(tmp_path, How(), "a")
    bench.run()
    assert "exists; use --force" in bench.told.lines[0]
    assert (tmp_path / "a").read_bytes() == b"mine"


def test_a_failure_of_ours_ends_all_jobs(tmp_path: Path) -> None:
    """It is no error of a file's; nothing goes on behind it."""
    waiting: Deferred[None] = Deferred()

    async def things() -> AsyncIterator[int]:
        for number in range(3):
            yield number

    async def do(number: int) -> None:
        if number:
            raise ZeroDivisionError
        await waiting

    outcome = Outcome(side_by_side(2, things(), do))
    assert isinstance(outcome.error, ZeroDivisionError)
    assert waiting.called


# Folders


def names_below(server: Any, top: str) -> Outcome:
    """Walk, and return the names with the steps to them."""

    async def walk() -> list[tuple[str, list[str]]]:
        return [each async for each in walked(server, top)]

    return Outcome(walk())


def test_a_folder_is_walked_to_its_last_file() -> None:
    """The files first, then what is in its folders."""
    server = Server()
    server.tree = {
        "a": [Entry("folder", 0, 0, b"a/f"), Entry("file", 1, 0, b"a/x")],
        "a/f": [Entry("file", 1, 0, b"a/f/y")],
    }
    assert names_below(server, "a").result == [("a/x", ["x"]), ("a/f/y", ["f", "y"])]


def test_folders_without_an_end_are_found_out() -> None:
    """A server may make them up as it goes."""

    class Deep(Server):
        async def entries(self, folder: str) -> AsyncIterator[Found]:
            yield Found(folder + "/x", b"x", Entry("folder", 0, 0, b"x"))

    assert "folders without an end" in str(names_below(Deep(), "a").error)


@pytest.mark.parametrize(
    "name", [b"../x", b"a/../../x", b"/etc/passwd", b"a/..", b"b/x", b"a/x/y", b"a//x", b"a/", b"a"]
)
def test_a_listing_that_leads_out_of_the_folder_is_refused(
    name: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the server says, nothing is written elsewhere."""

    async def listing(client: Any, folder: str) -> AsyncIterator[Entry]:
        yield Entry("folder", 0, 0, name)

    class Nobody:
        ended = False
        pace = None

        def close(self) -> None:
            """Close nothing."""

    async def nobody(*_: object) -> Nobody:
        return Nobody()

    monkeypatch.setattr(line, "ls", listing)
    monkeypatch.setattr(line, "open_client", nobody)
    outcome = names_below(LineServer(Reactor(), SERVER, 5.0), "a")
    assert isinstance(outcome.error, BadAnswerError)


def test_folders_are_made_but_links_not_followed(tmp_path: Path) -> None:
    """A server that knows of a link of ours cannot write through it."""
    top = tmp_path / "top"
    make_folders(str(top), str(top / "a" / "b" / "file"))
    make_folders(str(top), str(top / "file"))
    assert (top / "a" / "b").is_dir()
    (top / "link").symlink_to(tmp_path)
    (top / "plain").write_bytes(b"")
    for name in ("link", "plain"):
        with pytest.raises(ClientError, match="is in the way: not a folder, or a link to one"):
            make_folders(str(top), str(top / name / "file"))
    make_folders("", "/nowhere/at/all")
    with pytest.raises(ClientError, match="cannot write"):
        make_folders(str(top / "plain" / "x"), str(top / "plain" / "x" / "y"))


# Sending


def test_files_are_sent_and_tried_again(tmp_path: Path) -> None:
    """What cannot be sent is told; the others go."""
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode() * 10)
    server, told, reactor = Server(), Told(), Reactor()
    server.errors = {"a": [BrokenOffError("gone")], "b": [ClientError("no room")]}
    dice = random.Random(1)  # noqa: S311 - no secret
    sending = Sending(reactor, server, 1, told, dice)
    paths = tuple(str(tmp_path / name) for name in "abcd")
    outcome = Outcome(sending.run(parcels(paths, "", "", False), 1))
    for _ in range(100):
        reactor.advance(0.1)
    assert outcome.deferred.called
    assert told.lines == [
        "again: gone",
        "stored a",
        f"failed {tmp_path}/b: no room, 0 kept",
        "stored c",
        f"failed {tmp_path}/d: cannot read '{tmp_path}/d': no such file or directory, 0 kept",
    ]
    assert len(sending.failures) == 2


def test_a_folder_is_sent_with_all_that_is_in_it(tmp_path: Path) -> None:
    """By names below it; links are left out."""
    (tmp_path / "site" / "sub").mkdir(parents=True)
    for name in ("site/x", "site/sub/y"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "site" / "link").symlink_to("/etc/passwd")
    site = str(tmp_path / "site")
    names = [each.name for each in parcels((site, site + "/x"), "to/", "", True)]
    assert names == ["to/site/x", "to/site/sub/y", "to/x"]
    assert [each.name for each in parcels((site + "/.",), "", "", True)] == names_of("site")
    assert [each.name for each in parcels(("a/b",), "", "c", False)] == ["c"]


def names_of(top: str) -> list[str]:
    """Return the names of the files below a folder."""
    return [f"{top}/x", f"{top}/sub/y"]


@pytest.mark.parametrize(("name", "why"), [("", "is a folder"), ("fifo", "not a regular file")])
def test_what_is_no_file_is_not_sent(tmp_path: Path, name: str, why: str) -> None:
    """A pipe would be waited for for ever."""
    import os

    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ClientError, match=why):
        opened(str(tmp_path / name))
