"""Tests of `twisted_net.chat.store.sqlite`: what is special about a file."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import capturedLogs

from tests.chat.members import dice
from tests.chat.stores import DAY, FIRST, LOBBY, Kept, Threaded, answer, filed, raised
from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.codec.messages import Event, Kind, Refusal
from twisted_net.chat.store import file, of_pair, readers, rows, sweeper, writer
from twisted_net.chat.store.file import StoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a file may be made."""
    return tmp_path / "chat.db"


class Filed(Kept):
    """A history in a file, which is let go of at the end."""

    def __init__(self, path: Path, **options: object) -> None:
        clock = Threaded()
        self.file = filed(clock, path, **options)
        super().__init__(self.file, clock)

    def passes(self, seconds: float) -> None:
        """Let time pass, and what it brings about be written."""
        self.clock.advance(seconds)
        for _ in range(2):
            self.clock.settle()
            self.clock.advance(writer.GATHER)
        self.clock.settle()

    def __enter__(self) -> "Filed":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.stop()
        self.clock.settle()
        assert not self.clock.getDelayedCalls()


@pytest.fixture
def kept(path: Path) -> Iterator[Filed]:
    """Return an empty history."""
    with Filed(path, keep=30 * DAY) as history:
        yield history


def table(path: Path, query: str) -> list[tuple[object, ...]]:
    """Return what another program reads."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_what_was_said_is_there_after_a_restart(path: Path) -> None:
    """All of an event that others may see, tags too, and nothing of its address."""
    with Filed(path) as kept:
        tags = (("+typing", "a b"), ("+x", ""))
        (said,) = kept.says("hi", account="Red", by="n.1", mask="u@hash", tags=tags)
        (kicked,) = kept.says("out", kind=Kind.KICKED, other="blue")
        assert kept.of(kept.file.mark_read("red", LOBBY, said.id)) == said.id
    with Filed(path) as kept:
        found = kept.of(kept.file.latest(LOBBY, 10, everything=True))
        assert found[0] == Event(
            said.id, Kind.SAID, LOBBY, "red", "hi", account="Red", by="n.1", tags=tags
        )
        assert found[1] == kicked
        assert kept.of(kept.file.mark_read("red", LOBBY, 0)) == said.id
    assert "hash" not in str(table(path, "SELECT * FROM event"))


def test_only_its_owner_may_read_the_file(kept: Filed, path: Path) -> None:
    """Private messages are in there; and in what SQLite lays beside it."""
    kept.says("a")
    kept.clock.advance(1)
    for each in path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600, each


def test_two_servers_do_not_share_a_file(kept: Filed, path: Path) -> None:
    """The second one says so and leaves it alone."""
    with pytest.raises(StoreError, match=r"chat\.db': another server is using it"):
        Filed(path)
    kept.says("a")
    assert kept.got(kept.file.latest(LOBBY, 1)) == ["a"]


def test_a_file_of_a_newer_netdemo_is_refused(path: Path) -> None:
    """And not changed: whoever goes back loses nothing."""
    with Filed(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"made by a newer netdemo \(schema 99, not 2\)"):
        Filed(path)
    assert path.read_bytes() == before


def test_a_file_of_something_else_is_refused(path: Path) -> None:
    """Whatever it is: a mistyped option must not destroy it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(StoreError, match="a SQLite file of something else"):
        Filed(path)
    path.write_bytes(b"no database at all, but a letter to somebody" * 30)
    with pytest.raises(StoreError, match="not a database"):
        Filed(path)
    with pytest.raises(StoreError, match="is a directory"):
        Filed(path.parent)
    with pytest.raises(StoreError, match="no such file or directory"):
        Filed(path / "x" / "chat.db" if path.is_dir() else path.parent / "no" / "chat.db")
    assert not (path.parent / "no").exists()


def test_a_file_is_made_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that fails in its middle leaves what was there before, and the next start mends it."""
    whole = file._steps()
    monkeypatch.setattr(file, "_steps", lambda: [whole[0] + "CREATE TABLE event (x);"])
    with pytest.raises(StoreError, match="already exists"):
        Filed(path)
    assert table(path, "SELECT name FROM sqlite_schema") == []
    monkeypatch.setattr(file, "_steps", lambda: [*whole, "CREATE TABLE later (x);"])
    with Filed(path) as kept:
        kept.says("a")
    assert table(path, "PRAGMA user_version") == [(len(whole) + 1,)]


def test_a_step_is_added_to_a_file_that_is_older(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was in it stays."""
    with Filed(path) as kept:
        kept.says("a")
    whole = file._steps()
    monkeypatch.setattr(file, "_steps", lambda: [*whole, "ALTER TABLE event ADD x;"])
    with Filed(path) as kept:
        assert kept.got(kept.file.latest(LOBBY, 1)) == ["a"]
    assert table(path, "SELECT x FROM event") == [(None,)]


def test_numbers_of_kinds_stay_what_they_were() -> None:
    """They are in files."""
    assert list(rows.NUMBERS.values()) == [1, 2, 3, 4, *range(10, 20)]
    assert rows.NUMBERS[Kind.SAID] == 1
    assert rows.NUMBERS[Kind.ROOM_RENAMED] == 19


def test_writes_gather_but_not_for_long(kept: Filed, path: Path) -> None:
    """What was delivered more than 50 ms ago outlives any death."""
    kept.says("a", "b")
    kept.clock.advance(writer.GATHER)
    kept.clock.settle()
    assert writer.GATHER < 0.05
    assert table(path, "SELECT text FROM event") == [("a",), ("b",)]


def test_a_disk_that_is_full_loses_nothing_at_first(kept: Filed) -> None:
    """What cannot be written waits, in its order, and reading goes on."""
    kept.says("a")
    assert kept.got(kept.file.latest(LOBBY, 9)) == ["a"]
    connection = kept.file._writer._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with capturedLogs() as logged:
        said = [f"{n} {'b' * 900}" for n in range(20)]
        kept.says(*said)
        kept.clock.settle()
        assert len(kept.got(kept.file.latest(LOBBY, 99))) < 21
        failed = kept.file.write(lambda c: c.execute("DELETE FROM mark"))
        kept.clock.pump([writer.AGAIN, 0, 0, 0, 0])
        with pytest.raises(sqlite3.OperationalError, match="full"):
            raised(failed)
        connection.execute("PRAGMA max_page_count = 1000000")
        kept.clock.pump([writer.AGAIN, 0, 0, 0, 0])
    assert kept.got(kept.file.latest(LOBBY, 99)) == ["a", *said]
    assert not kept.clock.counters.dropped
    formats = [each["log_format"] for each in logged]
    assert formats == [
        "the chat's history cannot be written: {why!r}; it waits",
        "the chat's history is written again",
    ]


def test_what_is_lost_is_counted_and_its_place_is_noted(
    kept: Filed, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full queue loses history, never the chat."""
    monkeypatch.setattr(writer, "QUEUE", 3)
    for n in range(1, 6):
        kept.file.add(LOBBY, Event(FIRST + n, Kind.SAID, LOBBY, "red", f"{n}"))
    kept.clock.advance(1)
    kept.clock.settle()
    kept.file.add(LOBBY, Event(FIRST + 9, Kind.SAID, LOBBY, "red", "9"))
    assert kept.got(kept.file.latest(LOBBY, 9)) == ["1", "2", "3", "9"]
    assert kept.clock.counters.dropped == {"history_queue_full": 2}
    assert table(path, "SELECT * FROM gap") == [(FIRST + 3, FIRST + 9, 2)]


@pytest.mark.logs("IntegrityError")
def test_a_write_that_is_wrong_does_not_stop_the_others(kept: Filed) -> None:
    """Whoever asked for it is told; what stood beside it is lost, and counted."""
    kept.says("a")
    wrong = kept.file.write(lambda c: c.execute("INSERT INTO certificate VALUES ('x', 'nobody')"))
    with capturedLogs() as logged:
        kept.clock.pump([0.1, 0, 0, 0])
    assert "log_failure" in logged[0]
    with pytest.raises(sqlite3.IntegrityError):
        raised(wrong)
    assert kept.clock.counters.dropped == {"history_not_written": 1}
    kept.clock.pump([writer.AGAIN, 0, 0, 0])
    kept.says("b")
    assert kept.got(kept.file.latest(LOBBY, 9)) == ["b"]


def test_what_is_too_old_is_removed_a_thousand_at_a_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that others can write in between; and who talked to whom with it."""
    monkeypatch.setattr(rows, "AT_ONCE", 2)
    with Filed(path, keep=DAY) as kept:
        kept.says("a", "b", "c", "d")
        kept.says("psst", of=of_pair("red", "blue"), account="red")
        left = [5]
        for wait in (DAY, *[sweeper.PIECE] * 8, sweeper.SWEEP, *[sweeper.PIECE] * 4):
            kept.passes(wait)
            left.append(len(table(path, "SELECT id FROM event")))
        assert list(dict.fromkeys(left)) == [5, 3, 1, 0]
        assert table(path, "SELECT * FROM pair") == []
        kept.says("new")
        assert kept.got(kept.file.search([LOBBY], "new", 9)) == ["new"]


def test_a_room_keeps_so_many_and_no_more(path: Path) -> None:
    """The oldest go first, and nobody else's."""
    with Filed(path, each=3) as kept:
        kept.says("quiet", of="tea")
        kept.says(*"abcdef")
        for wait in (sweeper.SWEEP, *[sweeper.PIECE] * 4):
            kept.passes(wait)
        assert kept.got(kept.file.latest(LOBBY, 9)) == ["d", "e", "f"]
        assert kept.got(kept.file.latest("tea", 9)) == ["quiet"]


def test_what_was_taken_out_is_nowhere_in_the_file(path: Path) -> None:
    """Not in the table, not in the index, not in a corner that was not written again."""
    with Filed(path) as kept:
        (said,) = kept.says("the secretword is xyzzy", tags=(("+plugh", "frobozz"),))
        kept.says("another line")
        kept.clock.advance(1)
        kept.clock.settle()
        kept.file.redact(LOBBY, said.id)
        kept.clock.advance(1)
        kept.clock.settle()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(
                "CREATE VIRTUAL TABLE temp.v USING fts5vocab('main', 'event_text', 'row')"
            )
            terms = [term for (term,) in connection.execute("SELECT term FROM v")]
        assert "ano" in terms
        assert not {"sec", "xyz", "zzy"} & set(terms)
    everything = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert b"another line" in everything
    for gone in (b"secretword", b"xyzzy", b"frobozz", b"plugh"):
        assert gone not in everything


def test_a_closed_room_is_forgotten_when_the_server_is_not_there_any_more(path: Path) -> None:
    """Whoever begins it anew is somebody else; one that is open, or was opened again, stays."""
    with Filed(path) as kept:
        for room in ("closed", "opened", "open"):
            kept.says(room, of=room)
        kept.file.close_talk("closed", True)
        kept.file.close_talk("closed", True)
        kept.file.close_talk("opened", True)
        kept.file.close_talk("opened", False)
        kept.file.rename_talk("closed", "elsewhere")
        assert kept.got(kept.file.latest("elsewhere", 9)) == ["closed"]
    with Filed(path) as kept:
        assert table(path, "SELECT text FROM event ORDER BY id") == [("opened",), ("open",)]
        assert table(path, "SELECT * FROM closed") == []


def test_ids_go_on_where_they_were(path: Path) -> None:
    """Although the clock may have been set back in between."""
    with Filed(path) as kept:
        assert kept.file.last == 0
        (said,) = kept.says("a")
    with Filed(path) as kept:
        assert kept.file.last == said.id
        bus = LocalBus(lambda: 0.0, kept.file.last)
        assert answer(bus.publish(said)) == said.id + 1


def test_forgetting_an_account_takes_all_its_words_with_it(kept: Filed, path: Path) -> None:
    """What it said, what it was told, and that it was there at all; nobody else's words."""
    kept.says("hers", account="Red")
    kept.says("his", account="blue")
    kept.says("nobody's")
    kept.says("to her", of=of_pair("blue", "red"), account="blue")
    kept.says("to green", of=of_pair("blue", "green"), account="blue")
    kept.file.mark_read("red", LOBBY, FIRST)
    counted: list[tuple[bool, int, int]] = []
    kept.file.write(lambda c: counted.append(rows.forget_account(c, "RED")))
    kept.clock.pump([0.1, 0, 0, 0])
    assert counted == [(False, 2, 0)]
    assert table(path, "SELECT text FROM event ORDER BY id") == [
        ("his",),
        ("nobody's",),
        ("to green",),
    ]
    for name in ("mark", "pair WHERE account = 'red'", "account", "certificate"):
        assert table(path, f"SELECT * FROM {name}") == []  # noqa: S608


def test_a_read_that_takes_too_long_is_given_up(
    kept: Filed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread is needed by others; whoever asked is told why."""
    monkeypatch.setattr(readers, "WITHIN", 0.0)
    monkeypatch.setattr(rows, "STEPS", 1)
    kept.says("a", "b")
    asked = kept.file.latest(LOBBY, 9)
    kept.clock.pump([0.1, 0, 0, 0])
    with pytest.raises(Refusal, match="503 that took too long"):
        raised(asked)
    monkeypatch.setattr(readers, "WITHIN", 60.0)
    assert kept.got(kept.file.latest(LOBBY, 9)) == ["a", "b"]


def test_more_readers_than_connections_wait_for_each_other(
    kept: Filed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order, and not without bound."""
    kept.says("a")
    kept.clock.pump([0.1, 0, 0, 0])
    monkeypatch.setattr(readers, "WAITING", 2)
    asked = [kept.file.latest(LOBBY, 9) for _ in range(readers.READERS + 3)]
    with pytest.raises(Refusal, match="503 too many"):
        raised(asked[-1])
    assert [kept.got(each) for each in asked[:-1]] == [["a"]] * (readers.READERS + 2)
    late = [kept.file.latest(LOBBY, 9) for _ in range(readers.READERS + 1)]
    kept.file.stop()
    with pytest.raises(Refusal, match="503 the server stops"):
        raised(late[-1])
    assert [kept.got(each) for each in late[:-1]] == [["a"]] * readers.READERS
    with pytest.raises(Refusal, match="503 the server stops"):
        raised(kept.file.latest(LOBBY, 9))


def test_a_file_that_is_all_damaged_keeps_the_start(path: Path) -> None:
    """In words."""
    with Filed(path) as kept:
        kept.says(*(f"{n} {'x' * 900}" for n in range(40)))
    data = bytearray(path.read_bytes())
    data[4096:] = dice(1).randbytes(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="malformed"):
        Filed(path)


@pytest.mark.logs("DatabaseError")
def test_a_damaged_file_refuses_to_be_read(path: Path) -> None:
    """In words, not by a traceback; and the chat goes on."""
    with Filed(path) as kept:
        kept.says(*(f"{n} {'x' * 900}" for n in range(40)))
    with Filed(path) as kept, capturedLogs():
        data = bytearray(path.read_bytes())
        data[4096:] = dice(1).randbytes(len(data) - 4096)
        path.write_bytes(data)
        asked = kept.file.latest(LOBBY, 99)
        kept.clock.pump([0.1, 0, 0, 0])
        with pytest.raises(Refusal, match="503 history cannot be read"):
            raised(asked)


def test_the_end_of_the_server_writes_what_waits(path: Path) -> None:
    """Even if a thread was just about to."""
    with Filed(path) as kept:
        kept.says("a")
        kept.clock.advance(writer.GATHER)
        kept.says("b")
        kept.file.stop()
        with pytest.raises(sqlite3.OperationalError):
            raised(kept.file.write(lambda c: None))
        kept.file.add(LOBBY, Event(kept.last + 1, Kind.SAID, LOBBY, "red", "late"))
    assert table(path, "SELECT text FROM event") == [("a",), ("b",)]
    assert [each.name for each in path.parent.iterdir()] == ["chat.db"]


@given(
    st.lists(
        st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40),
        max_size=8,
    ),
    st.data(),
)
@settings(max_examples=25)
def test_what_was_said_is_found_by_any_part_of_it(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: st.DataObject
) -> None:
    """Whatever it means to SQLite."""
    text = data.draw(st.sampled_from(texts)) if texts else "x"
    start = data.draw(st.integers(0, len(text) - 1))
    words = text[start : data.draw(st.integers(start + 1, len(text)))]
    with Filed(tmp_path_factory.mktemp("found") / "chat.db") as kept:
        kept.says(*texts)
        found = kept.got(kept.file.search([LOBBY], words, 100))
        assert set(found) >= {each for each in texts if words in each}
        assert kept.got(kept.file.latest(LOBBY, 100)) == texts
