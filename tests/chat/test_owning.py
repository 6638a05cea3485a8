"""Tests of `twisted_net.chat.owning`: rooms that are kept, into a file and back."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.chat.chats import Far
from tests.chat.stores import DAY, START, Records, Threaded, filed
from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.codec.requests import (
    Deed,
    Describe,
    Join,
    Kick,
    Mode,
    Modes,
    Part,
    Quit,
    RenameRoom,
    Say,
    Topic,
)
from twisted_net.chat.core import kept
from twisted_net.chat.core.hub import Hub, Member, Role
from twisted_net.chat.owning import EMPTY, LOOK, Owning
from twisted_net.chat.post import Outcome, Post
from twisted_net.chat.store import rooms, rows, sqlite
from twisted_net.chat.store.memory import MemoryHistory


class Chat:
    """One life of a server, which begins with what is written down."""

    def __init__(self, records: Records, now: float = START, node: str = "") -> None:
        self.now = now
        self.records = records
        self.hub: Hub[str] = Hub("", node=node)
        self.history = MemoryHistory(lambda: self.now, DAY)
        bus = LocalBus(lambda: self.now)
        self.post: Post[str] = Post(self.hub, bus, lambda deliveries: None, self.history)
        texts = list(records.rooms.values())
        self.owning = Owning(self.hub, self.post.announce, lambda: self.now, records, texts)
        self.post.watch(self.owning.happened)
        self.owning.begin()

    def enters(self, name: str, *rooms: str, account: str = "") -> Member[str]:
        """Let somebody in, and into rooms."""
        member = self.hub.enter(name, name, "tcp", self.now, account=account)
        self.post.arrive(member, lambda outcome: None)
        for room in rooms:
            self.does(member, Join(room))
        return member

    def does(self, member: Member[str], what: Deed) -> None:
        """Do what somebody wants."""
        outcomes: list[Outcome] = []
        self.now += 1.0
        self.post.submit(member, what, self.now, outcomes.append)
        assert not isinstance(outcomes[0], Refusal), outcomes

    def keeps(self, name: str, room: str = "tea") -> Member[str]:
        """Let somebody begin a room and keep it."""
        member = self.enters(name, room, account=name)
        self.does(member, Mode(room, "+P"))
        return member


@pytest.fixture
def chat() -> Chat:
    """Return a chat whose rooms are written down."""
    return Chat(Records())


def state(chat: Chat) -> list[str]:
    """Return all rooms, as they would be written down."""
    return sorted(kept.written(room) for room in chat.hub.rooms())


def test_what_is_written_down_is_what_there_is_whatever_happens(chat: Chat) -> None:
    """So a kill at any time leaves what was true then."""
    red = chat.keeps("red")
    blue = chat.enters("blue", "tea", account="blue")
    deeds: list[tuple[Member[str], Deed]] = [
        (red, Mode("tea", "+bi bad!*@*")),
        (red, Topic("tea", "news")),
        (red, Describe("url", "http://example.com", "tea")),
        (red, Mode("tea", "+vW blue 3")),
        (red, Kick("tea", "blue")),
        (red, RenameRoom("tea", "coffee")),
        (red, Part("coffee")),
        (red, Join("Coffee")),
        (red, Quit()),
    ]
    for member, deed in deeds:
        chat.does(member, deed)
        assert sorted(chat.records.rooms.values()) == state(chat), deed
        assert len(chat.records.rooms) == 1
    assert blue.rooms == {}


def test_only_what_changed_is_written(chat: Chat) -> None:
    """Not the room, because somebody came and went while others were in it."""
    red = chat.keeps("red")
    before = chat.records.writes
    blue = chat.enters("blue", "tea")
    chat.does(red, Say("tea", "hi"))
    chat.does(blue, Quit())
    chat.enters("green", "other")
    assert chat.records.writes == before


def test_a_room_that_is_not_kept_is_not_written_down(chat: Chat) -> None:
    """And one that is kept no more is forgotten."""
    red = chat.keeps("red")
    assert list(chat.records.rooms) == ["tea"]
    chat.enters("blue", "coffee", account="blue")
    chat.does(red, Mode("tea", "-P"))
    assert chat.records.rooms == {}


def test_rooms_are_there_again_after_a_restart_or_a_kill(chat: Chat) -> None:
    """Bans and all; their founder's again."""
    red = chat.keeps("red")
    chat.does(red, Mode("tea", "+bk bad!*@* key"))
    again = Chat(chat.records, chat.now + 5)  # red was inside: that was a kill
    room = again.hub.room("tea")
    assert (room.members, room.key, list(room.lists["b"])) == ({}, "key", ["bad!*@*"])
    assert room.left == again.now
    assert sorted(again.records.rooms.values()) == state(again)
    blue = again.enters("blue")
    with pytest.raises(Refusal, match="wrong key"):
        again.hub.command(blue, Join("tea"), again.now)
    back = again.enters("red", "tea", account="red")
    assert room.role(back) is Role.OPERATOR


def test_a_room_in_which_nobody_was_for_long_ends(chat: Chat) -> None:
    """At the next start, or while the server runs; one with members never does."""
    red = chat.keeps("red")
    chat.keeps("blue", "coffee")
    chat.does(red, Quit())
    later = Chat(chat.records, chat.now + EMPTY - 1)
    assert [room.name for room in later.hub.rooms()] == ["tea", "coffee"]
    blue = later.enters("blue", "coffee")
    later.now += LOOK + 2
    later.enters("green", "other")
    assert [room.name for room in later.hub.rooms()] == ["coffee", "other"]
    assert list(later.records.rooms) == ["coffee"]
    later.does(blue, Quit())
    assert Chat(chat.records, later.now + EMPTY + 1).hub.rooms() == []
    assert chat.records.rooms == {}


def test_what_was_said_in_a_closed_room_is_there_as_long_as_the_room(chat: Chat) -> None:
    """It is known whose it is; when it ends, so does that."""
    red = chat.keeps("red")
    chat.does(red, Mode("tea", "+i"))
    chat.does(red, Say("tea", "psst"))
    chat.does(red, Part("tea"))
    said: list[list[Event]] = []
    chat.history.latest("tea", 9).addCallback(said.append)
    chat.post.announce(Event(0, Kind.KEPT, "tea", ""))
    chat.history.latest("tea", 9).addCallback(said.append)
    assert [[event.text for event in each] for each in said] == [["psst"], []]


def test_what_was_said_in_a_closed_room_goes_with_the_room(chat: Chat) -> None:
    """Also if an operator of the server ends it, in whose absence nobody was there."""
    red = chat.keeps("red")
    chat.does(red, Mode("tea", "+i"))
    chat.does(red, Say("tea", "psst"))
    chat.does(red, Modes("+o", granted=True))
    chat.does(red, Part("tea"))
    chat.does(red, Mode("tea", "-P"))
    said: list[list[Event]] = []
    chat.history.latest("tea", 9).addCallback(said.append)
    assert (said, chat.records.rooms, chat.hub.rooms()) == ([[]], {}, [])


def test_what_cannot_be_written_is_written_later(chat: Chat) -> None:
    """As soon as something happens and the disk has room again."""
    red = chat.keeps("red")
    chat.keeps("blue", "coffee")
    chat.records.broken = True
    chat.does(red, Mode("tea", "+m"))
    chat.does(red, Mode("tea", "+i"))
    chat.does(chat.hub.find("blue"), Mode("coffee", "-P"))
    assert "coffee" in chat.records.rooms
    chat.records.broken = False
    chat.does(red, Say("tea", "hi"))
    assert list(chat.records.rooms) == ["tea"]
    assert kept.read(chat.records.rooms["tea"]).flags >= {"m", "i"}


def test_a_record_that_cannot_be_read_is_left_out() -> None:
    """The others are there."""
    good = Chat(Records())
    good.keeps("red")
    hub: Hub[str] = Hub("")
    published: list[Event] = []
    texts = ['{"form":9}', *good.records.rooms.values()]
    Owning(hub, published.append, lambda: START, None, texts).begin()
    assert [event.where for event in published] == ["tea"]


def test_where_the_chat_went_on_without_us_it_is_right() -> None:
    """Of many nodes one was away: its file learns what happened, and gives back what is missing."""
    file = Records()
    away = Chat(file)
    red = away.keeps("red", "a")
    for name in "bcd":
        away.does(red, Join(name))
        away.does(red, Mode(name, "+P"))
    others = Chat(Records(*file.rooms.values()), away.now)
    red = others.enters("red", "a", "b", account="red")
    others.does(red, Mode("a", "+m"))
    others.does(red, RenameRoom("b", "bb"))
    for ended in "cd":
        others.post.announce(Event(0, Kind.KEPT, ended, ""))
    others.enters("blue", "d")
    back: Hub[str] = Hub("")
    far = Far(others.now)
    owning = Owning(
        back, lambda draft: void(far.publish(draft)), lambda: far.now, file, file.rooms.values()
    )
    heard: list[str] = []
    far.tail(lambda event: heard.append(event.where))
    far.tail(lambda event: void(back.apply(event)))
    far.tail(owning.happened)
    back.restart("x.1", others.hub.state())
    owning.happened(Event(1, Kind.KEPT, "a", ""))  # the past is told first
    assert sorted(file.rooms) == ["a", "b", "c", "d"]
    owning.begin()
    far.all_arrive()
    assert heard == ["c", "d"]
    assert sorted(file.rooms) == ["a", "bb", "c", "d"]
    assert "m" in kept.read(file.rooms["a"]).flags


def void(_: object) -> None:
    """Do nothing."""


def test_rooms_are_in_the_file(tmp_path: Path) -> None:
    """Written before it closes, read when it opens; an account is forgotten with its rooms."""
    path = tmp_path / "chat.db"
    clock = Threaded()
    file = filed(clock, path)
    records = chat_rooms()
    keeper = rooms.FiledRooms(file)
    for key, text in records.items():
        keeper.put(key, kept.read(text).founder, text)
    keeper.put("c", "blue", records["coffee"])
    keeper.drop("c")
    file.stop()
    again = filed(Threaded(), path)
    assert again.now(rooms.load) == list(records.values())
    again.stop()
    with closing(sqlite3.connect(path)) as connection:
        assert rows.forget_account(connection, "Red") == (False, 0, 1)
        connection.commit()
        (left,) = map(kept.read, rooms.load(connection))
    assert (left.name, left.founder, left.ranks) == ("coffee", "blue", {"blue": Role.OPERATOR})
    assert left.topic is None
    assert {mask: entry.by for mask, entry in left.lists["b"].items()} == {"bad!*@*": "*"}


def chat_rooms() -> dict[str, str]:
    """Return the records of red's room, and of blue's, in which red is an operator too."""
    chat = Chat(Records())
    red = chat.keeps("red")
    blue = chat.keeps("blue", "coffee")
    chat.does(red, Join("coffee"))
    chat.does(blue, Mode("coffee", "+o red"))
    chat.does(red, Topic("coffee", "no, tea"))
    chat.does(red, Mode("coffee", "+b bad!*@*"))
    return chat.records.rooms


def test_what_was_said_in_a_closed_room_that_is_kept_is_there_after_a_restart(
    tmp_path: Path,
) -> None:
    """Of one that is not it is forgotten, for the next one to take the name was not inside."""
    path = tmp_path / "chat.db"
    file = filed(Threaded(), path)
    for talk in ("tea", "coffee"):
        file.close_talk(talk, True)
        file.add(talk, Event(int(START * 1000) << 16 | len(talk), Kind.SAID, talk, "red", "psst"))
    rooms.FiledRooms(file).put("tea", "red", chat_rooms()["tea"])
    file.stop()
    again: sqlite.SqliteHistory = filed(Threaded(), path)
    talks = again.now(lambda c: c.execute("SELECT talk FROM event").fetchall())
    again.stop()
    assert talks == [("tea",)]
