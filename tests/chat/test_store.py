"""Tests of `twisted_net.chat.store`: what every history promises, wherever it keeps it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.stores import DAY, FIRST, LOBBY, START, Kept, Threaded, answer, filed
from twisted_net.chat.codec.messages import Event, Kind
from twisted_net.chat.store import History, MemoryHistory, of_pair, of_room, other_of, talk_of
from twisted_net.chat.store.base import PAGE, Span


def in_memory(clock: Threaded, folder: Path) -> History:
    """Make a history in memory that keeps a day."""
    return MemoryHistory(clock.seconds, DAY, "1d")


def in_a_file(clock: Threaded, folder: Path) -> History:
    """Make a history in a file that keeps a day."""
    return filed(clock, folder / "chat.db", keep=DAY, kept="1d")


@pytest.fixture(params=[in_memory, in_a_file])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    """Return an empty history of each kind."""
    clock = Threaded()
    history = Kept(request.param(clock, tmp_path), clock)
    yield history
    history.of(history.history.stop())


def test_every_page_is_ascending_and_bounded_by_its_ids(kept: Kept) -> None:
    """The spans of IRC's CHATHISTORY, which every other question is one of."""
    a, b, c, d, e = (event.id for event in kept.says("a", "b", "c", "d", "e"))
    history, got = kept.history, kept.got
    assert got(history.latest(LOBBY, 3)) == ["c", "d", "e"]
    assert got(history.latest(LOBBY, 3, after=c)) == ["d", "e"]
    assert got(history.before(LOBBY, d, 2)) == ["b", "c"]
    assert got(history.after(LOBBY, b, 2)) == ["c", "d"]
    assert got(history.around(LOBBY, c, 3)) == ["b", "c", "d"]
    assert got(history.around(LOBBY, c, 1)) == ["c"]
    assert got(history.between(LOBBY, a, e, 2)) == ["b", "c"]
    assert got(history.between(LOBBY, a, e, 2, newest=True)) == ["c", "d"]
    assert got(history.latest(LOBBY, 0)) == []


def test_a_conversation_is_not_another_one(kept: Kept) -> None:
    """Nobody reads in one room what was said in another, or between two accounts."""
    kept.says("in the lobby")
    kept.says("in tea", of=of_room("tea"))
    kept.says("psst", of=of_pair("red", "Blue"))
    assert kept.got(kept.history.latest(LOBBY, 10)) == ["in the lobby"]
    assert kept.got(kept.history.latest(of_pair("blue", "red"), 10)) == ["psst"]
    assert kept.got(kept.history.latest("nowhere", 10)) == []


def test_who_came_and_went_is_only_told_to_who_asks_for_everything(kept: Kept) -> None:
    """And takes no place on the page of anybody else."""
    kept.says("a")
    kept.says("", kind=Kind.JOINED)
    kept.says("bye", kind=Kind.PARTED)
    assert kept.got(kept.history.latest(LOBBY, 2)) == ["a"]
    assert kept.got(kept.history.latest(LOBBY, 2, everything=True)) == ["", "bye"]


def test_words_are_found_in_any_case_and_in_any_script(kept: Kept) -> None:
    """In the middle of a word too; what stands for something in queries stands for itself."""
    kept.says("Good Morning", '100% "sure"', "在吗 有人吗", "good night")
    kept.says("good elsewhere", of="tea")
    history, got = kept.history, kept.got
    assert got(history.search([LOBBY], "OOD", 10)) == ["Good Morning", "good night"]
    assert got(history.search([LOBBY], "good", 1)) == ["good night"]
    assert got(history.search([LOBBY, "tea", LOBBY], "good", 2)) == ["good night", "good elsewhere"]
    assert got(history.search([LOBBY], "有人", 10)) == ["在吗 有人吗"]
    assert got(history.search([LOBBY], '"sure"', 10)) == ['100% "sure"']
    assert got(history.search([LOBBY], "%", 10)) == ['100% "sure"']
    assert got(history.search([LOBBY], "_*", 10)) == []
    assert got(history.search([LOBBY], "", 10)) == []
    assert got(history.search([], "good", 10)) == []


def test_who_was_away_learns_where_something_was_said(kept: Kept) -> None:
    """In their rooms, and by whom to them; the last id of each."""
    (early,) = kept.says("a")
    (late,) = kept.says("b", of="tea")
    (told,) = kept.says("psst", of=of_pair("red", "blue"))
    kept.says("secret", of=of_pair("red", "green"))
    kept.says("", kind=Kind.JOINED)
    talks = kept.history.talks
    pair = of_pair("blue", "red")
    both = [(LOBBY, early.id), ("tea", late.id)]
    assert kept.of(talks([LOBBY, "tea"], "Blue", 0, kept.last, 9)) == [*both, (pair, told.id)]
    assert kept.of(talks([LOBBY, "tea"], "", 0, kept.last, 9)) == both
    assert kept.of(talks([LOBBY, "tea"], "", 0, late.id, 9)) == both[:1]
    assert kept.of(talks([LOBBY, "tea"], "", early.id, kept.last, 9)) == both[1:]
    assert kept.of(talks([LOBBY, "tea"], "blue", 0, kept.last, 1)) == both[:1]
    assert [other_of(pair, each) for each in ("red", "blue")] == ["blue", "red"]


def test_a_text_that_was_taken_out_leaves_its_place(kept: Kept) -> None:
    """Neither a page nor a search shows it, and nothing else moves."""
    a, b, c = kept.says("a", "secret", "c")
    kept.history.redact("tea", b.id)
    assert kept.of(kept.history.find(LOBBY, b.id)) == b
    kept.history.redact(LOBBY, b.id)
    assert kept.got(kept.history.latest(LOBBY, 10)) == ["a", "", "c"]
    assert kept.got(kept.history.search([LOBBY], "secret", 10)) == []
    gone = kept.of(kept.history.find(LOBBY, b.id))
    assert gone == Event(b.id, Kind.SAID, LOBBY, "red", "")
    assert kept.of(kept.history.find("tea", a.id)) is None
    kept.history.redact(LOBBY, c.id + 1)


def test_a_conversation_may_go_on_under_another_name(kept: Kept) -> None:
    """A room is renamed; what another one of the new name had is still there."""
    kept.says("old tea", of="tea")
    kept.says("a", "b")
    assert [kept.of(kept.history.mark_read("red", of, id)) for of, id in ((LOBBY, 7), ("tea", 5))]
    assert kept.of(kept.history.mark_read("blue", "tea", 9)) == 9
    kept.history.rename_talk(LOBBY, "Tea")
    kept.history.rename_talk("nowhere", "Tea")
    kept.says("c", of="tea")
    assert kept.got(kept.history.latest(LOBBY, 10)) == []
    assert kept.got(kept.history.latest("tea", 10)) == ["old tea", "a", "b", "c"]
    assert kept.got(kept.history.search(["tea"], "a", 10)) == ["old tea", "a"]
    renamed = kept.of(kept.history.latest("tea", 10))
    assert [event.where for event in renamed[1:3]] == ["Tea", "Tea"]
    marked = [("red", "tea"), ("blue", "tea"), ("red", LOBBY)]
    assert [kept.of(kept.history.mark_read(who, of, 0)) for who, of in marked] == [7, 9, 0]
    kept.history.rename_talk("tea", "TEA")
    assert [event.where for event in kept.of(kept.history.latest("tea", 10))][:3] == ["TEA"] * 3


def test_a_forgotten_conversation_is_gone(kept: Kept) -> None:
    """And only that one."""
    kept.says("a", "b")
    kept.says("c", of="tea")
    kept.history.forget_talk(LOBBY)
    kept.history.forget_talk("nowhere")
    assert kept.got(kept.history.latest(LOBBY, 10)) == []
    assert kept.got(kept.history.search([LOBBY, "tea"], "b", 10)) == []
    kept.says("d")
    assert kept.got(kept.history.latest(LOBBY, 10)) == ["d"]


def test_what_is_too_old_is_forgotten(kept: Kept) -> None:
    """Even if nothing is said any more."""
    kept.says("old")
    kept.clock.advance(80000.0)
    kept.says("new")
    kept.clock.advance(10000.0)
    assert kept.history.kept == "1d"
    assert kept.got(kept.history.latest(LOBBY, 10)) == ["new"]
    kept.clock.advance(DAY)
    assert kept.got(kept.history.search([LOBBY], "new", 10)) == []


def test_a_read_mark_only_moves_forward(kept: Kept) -> None:
    """Another device of the same account that is behind does not make anything unread."""
    mark = kept.history.mark_read
    assert kept.of(mark("red", LOBBY, 0)) == 0
    assert kept.of(mark("Red", LOBBY, FIRST)) == FIRST
    assert kept.of(mark("red", LOBBY, FIRST - 1)) == FIRST
    assert kept.of(mark("red", LOBBY, 0)) == FIRST
    assert kept.of(mark("red", "tea", 0)) == 0


def test_an_event_that_is_added_twice_is_there_once(kept: Kept) -> None:
    """Several nodes may tell of it."""
    (said,) = kept.says("a")
    kept.history.add(LOBBY, said)
    kept.says("b")
    assert kept.got(kept.history.latest(LOBBY, 9)) == ["a", "b"]
    kept.history.forget_talk(LOBBY)
    assert kept.got(kept.history.latest(LOBBY, 9)) == []


def test_no_page_is_longer_than_pages_are() -> None:
    """Whatever is asked for."""
    clock = Threaded()
    kept = Kept(MemoryHistory(clock.seconds, each=2 * PAGE), clock)
    kept.says(*("x" for _ in range(PAGE + 1)))
    for asked in (
        kept.history.latest(LOBBY, 10 * PAGE),
        kept.history.after(LOBBY, 0, 10 * PAGE),
        kept.history.search([LOBBY], "x", 10 * PAGE),
    ):
        assert len(kept.got(asked)) == PAGE


def test_one_busy_room_pushes_out_only_its_own() -> None:
    """So many events of each room, the oldest out first."""
    clock = Threaded()
    kept = Kept(MemoryHistory(clock.seconds, each=2), clock)
    kept.says("quiet", of="tea")
    kept.says("a", "b", "c")
    assert kept.got(kept.history.latest(LOBBY, 10)) == ["b", "c"]
    assert kept.got(kept.history.latest("tea", 10)) == ["quiet"]
    kept = Kept(MemoryHistory(clock.seconds, each=1), clock)
    kept.says("a", "b")
    assert kept.got(kept.history.latest(LOBBY, 10)) == ["b"]


def test_only_what_all_could_hear_is_remembered() -> None:
    """Of private messages those between two accounts, for names change hands."""
    said = Event(1, Kind.SAID, "Lobby", "red", "hi")
    told = Event(1, Kind.TOLD, "blue", "red", "psst", private=True, account="Red")
    assert talk_of(said) == "lobby"
    assert talk_of(told, "Blue") == "blue red"
    assert talk_of(told) == ""
    assert talk_of(replace(told, account=""), "Blue") == ""
    assert talk_of(replace(said, only="@")) == ""
    assert talk_of(replace(said, kind=Kind.TAGGED)) == ""
    assert talk_of(Event(1, Kind.ROOM_RENAMED, "lobby", "red", "Tea")) == "tea"
    assert talk_of(Event(1, Kind.LEFT, "", "red", "bye")) == ""


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=40)), max_size=60))
def test_all_rooms_together_stay_within_the_memory_they_may_take(
    said: list[tuple[str, str]],
) -> None:
    """The oldest of all are out first, and what is left is what was said last."""
    history = MemoryHistory(lambda: START, each=10, room=6000)
    for n, (room, text) in enumerate(said, 1):
        history.add(room, Event(FIRST + n, Kind.SAID, room, "red", text or "x"))
        assert history.size <= 6000
    left = {room: answer(history.read(room, [Span(100)])) for room in "abc"}
    ids = sorted(event.id for events in left.values() for event in events)
    for room, events in left.items():
        given_to_room = [FIRST + n for n, (each, _) in enumerate(said, 1) if each == room]
        assert [event.id for event in events] == given_to_room[len(given_to_room) - len(events) :]
    if ids and len(said) > 10:
        assert ids[-1] == FIRST + len(said)
