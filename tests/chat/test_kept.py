"""Tests of `twisted_net.chat.core.kept`: rooms that outlive their last member."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.chats import Chat
from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.codec.requests import (
    Identify,
    Join,
    Kick,
    Mode,
    Modes,
    Part,
    Quit,
    RenameRoom,
    Topic,
)
from twisted_net.chat.core import books, kept
from twisted_net.chat.core.hub import Hub, Member, Role
from twisted_net.chat.core.room import Entry


@pytest.fixture
def chat() -> Chat:
    """Return a chat in which nobody is."""
    return Chat()


def keeper(chat: Chat) -> Member[str]:
    """Let red come, begin a room and keep it."""
    red = chat.enter("red", "tea", account="Red")
    chat.does(red, Mode("tea", "+P"))
    return red


def role(chat: Chat, name: str, room: str = "tea") -> Role:
    """Return what somebody may do in a room."""
    return chat.hub.room(room).role(chat.hub.find(name))


def happens(chat: Chat, where: str, text: str) -> None:
    """Let a room be there again, or end."""
    assert chat.hub.apply(chat.numbered(Event(0, Kind.KEPT, where, "", text))) == []


def test_a_room_that_is_kept_stays_as_it_was_when_its_last_member_has_left(chat: Chat) -> None:
    """With its topic, modes, key, slow mode and lists; nothing of who was in it."""
    red = keeper(chat)
    for changes in ("+ki key", "+Wl 5 9", "+beI bad!*@* *@good *!*@guest"):
        chat.does(red, Mode("tea", changes))
    chat.does(red, Topic("tea", "all about tea"))
    before = kept.record(chat.hub.room("tea"))
    chat.now += 60.0
    chat.does(red, Quit())
    room = chat.hub.room("tea")
    assert (*room.all, *room.here) == ()
    assert kept.record(room) == {**before, "left": chat.now}
    assert set(room.lists["b"]) == {"bad!*@*"}


def test_its_founder_is_its_operator_again_and_whoever_comes_first_is_not(chat: Chat) -> None:
    """Who is in the room hears that."""
    chat.does(keeper(chat), Quit())
    chat.enter("blue", "tea", account="blue")
    assert role(chat, "blue") is Role.NONE
    red = chat.enter("red", account="RED")
    joined, moded = chat.does(red, Join("tea"))
    assert role(chat, "red") is Role.OPERATOR
    assert (joined.event.kind, moded.event.kind) == (Kind.JOINED, Kind.MODED)
    assert (moded.event.text, moded.event.where) == ("+o red", "tea")
    assert [each.outlet for each in moded.to] == ["blue", "red"]


def test_a_founder_who_logs_in_later_becomes_operator_then(chat: Chat) -> None:
    """The name alone proves nothing."""
    chat.does(keeper(chat), Quit())
    red = chat.enter("red", "tea")
    assert role(chat, "red") is Role.NONE
    account, moded = chat.does(red, Identify("red"))
    assert (account.event.kind, moded.event.text) == (Kind.ACCOUNT, "+o red")
    assert role(chat, "red") is Role.OPERATOR
    assert len(chat.does(red, Identify("Red"))) == 1


def test_roles_of_accounts_are_remembered_until_they_are_taken_away(chat: Chat) -> None:
    """Those of who has none are not."""
    red = keeper(chat)
    for name, account in (("blue", "blue"), ("green", "green"), ("pink", "")):
        chat.enter(name, "tea", account=account)
    chat.does(red, Mode("tea", "+ovo blue green pink"))
    for name in ("blue", "green", "pink"):
        chat.does(chat.hub.find(name), Part("tea"))
        chat.does(chat.hub.find(name), Join("tea"))
    assert [role(chat, name) for name in ("blue", "green", "pink")] == [
        Role.OPERATOR,
        Role.VOICE,
        Role.NONE,
    ]
    chat.does(red, Mode("tea", "-ov blue green"))
    chat.does(red, Kick("tea", "blue"))
    chat.does(chat.hub.find("blue"), Join("tea"))
    assert role(chat, "blue") is Role.NONE
    assert chat.hub.room("tea").ranks == {"red": Role.OPERATOR}


def test_no_door_of_a_room_is_closed_to_its_operators(chat: Chat) -> None:
    """Or nobody could ever open it again."""
    red = keeper(chat)
    chat.does(red, Mode("tea", "+iklb key 1 *!*@*"))
    chat.does(red, Quit())
    blue = chat.enter("blue", account="blue")
    assert chat.refuses(blue, Join("tea")) == "403 banned"
    chat.enter("red", "tea", account="red")
    assert role(chat, "red") is Role.OPERATOR


@pytest.mark.parametrize(
    ("account", "room", "changes", "why"),
    [
        ("", "tea", "+P", "403 only accounts may keep a room: LOGIN"),
        ("red", "lobby", "+P", "403 only a server operator may keep it"),
        ("red", "lobby", "+Pm", "403 only a server operator may keep it"),
    ],
)
def test_not_everybody_may_keep_every_room(
    chat: Chat, account: str, room: str, changes: str, why: str
) -> None:
    """Whoever comes first into the lobby is not to own it for ever."""
    red = chat.enter("red", room, account=account)
    assert chat.refuses(red, Mode(room, changes)) == why
    assert "P" not in chat.hub.room(room).flags


def test_only_who_keeps_a_room_may_end_that(chat: Chat) -> None:
    """Or a server operator; it goes on as any other room does, and ends like one."""
    red = keeper(chat)
    blue = chat.enter("blue", "tea", account="blue")
    chat.does(red, Mode("tea", "+o blue"))
    assert chat.refuses(blue, Mode("tea", "-P")) == "403 Red keeps tea"
    chat.does(red, Mode("tea", "-P"))
    assert chat.does(blue, Mode("tea", "-P")) == []
    room = chat.hub.room("tea")
    assert (room.founder, room.ranks) == ("", {})
    for each in (red, blue):
        chat.does(each, Part("tea"))
    assert chat.hub.rooms() == []


def test_a_server_operator_may_keep_the_lobby_and_is_its_operator_at_once(chat: Chat) -> None:
    """And may do nothing else there that operators of the room may do."""
    chat.enter("first", "lobby")
    boss = chat.enter("boss", "lobby", account="boss")
    chat.does(boss, Modes("+o", granted=True))
    assert chat.refuses(boss, Mode("lobby", "+m")) == "403 not an operator"
    assert chat.refuses(boss, Mode("lobby", "+Pm")) == "403 not an operator"
    moded, promoted = chat.does(boss, Mode("lobby", "+P"))
    assert (moded.event.text, promoted.event.text) == ("+P", "+o boss")
    assert role(chat, "boss", "lobby") is Role.OPERATOR


@pytest.mark.parametrize("inside", [True, False])
def test_a_server_operator_ends_that_also_from_outside(chat: Chat, inside: bool) -> None:
    """A name that somebody only holds, behind a closed door; and may change nothing else."""
    red = keeper(chat)
    chat.does(red, Mode("tea", "+is"))
    if not inside:
        chat.does(red, Part("tea"))
    boss = chat.enter("boss", account="boss")
    assert chat.refuses(boss, Mode("tea", "-P")) == "404 no room 'tea'"
    chat.does(boss, Modes("+o", granted=True))
    for changes in ("-i", "-Pi", "+P"):
        assert chat.refuses(boss, Mode("tea", changes)).startswith("404")
    (delivery,) = chat.does(boss, Mode("tea", "-P"))
    assert [each.outlet for each in delivery.to] == (["red"] if inside else []) + ["boss"]
    assert [room.name for room in chat.hub.rooms()] == (["tea"] if inside else [])
    assert not any(room.founder for room in chat.hub.rooms())


def test_an_account_keeps_some_rooms_and_all_of_them_some_more(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stay when whoever made them is gone: making more every day would fill the memory."""
    monkeypatch.setattr(kept, "MAX_KEPT_EACH", 2)
    monkeypatch.setattr(kept, "MAX_KEPT", 3)
    red = chat.enter("red", "a", "b", "c", account="red")
    blue = chat.enter("blue", "d", "e", account="blue")
    for room in "ab":
        chat.does(red, Mode(room, "+P"))
    assert chat.refuses(red, Mode("c", "+P")) == "503 too many rooms are kept"
    chat.does(blue, Mode("d", "+P"))
    assert chat.refuses(blue, Mode("e", "+P")) == "503 too many rooms are kept"
    with pytest.raises(Refusal):
        happens(chat, "f", kept.written(kept.read(text_of("f"))))


def test_rooms_that_are_kept_take_no_place_of_others(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else ten accounts could keep everybody from ever beginning a room."""
    monkeypatch.setattr(books, "MAX_ROOMS", 2)
    red = chat.enter("red", "a", account="red")
    chat.does(red, Mode("a", "+P"))
    chat.does(red, Part("a"))
    for room in "bc":
        chat.does(red, Join(room))
    assert chat.refuses(red, Join("d")) == "503 too many rooms"


def test_a_room_keeps_its_founder_under_another_name(chat: Chat) -> None:
    """Nobody else can take a name that is kept."""
    red = keeper(chat)
    chat.does(red, RenameRoom("tea", "coffee"))
    chat.does(red, Part("coffee"))
    blue = chat.enter("blue", "mine", account="blue")
    assert chat.refuses(blue, RenameRoom("mine", "Coffee")) == "409 there is a room Coffee"
    assert [each.founder for each in chat.hub.rooms()] == ["Red", ""]


def text_of(room: str, **fields: object) -> str:
    """Return the record of a room with nothing special, but for some fields."""
    chat = Chat()
    red = chat.enter("red", room, account="Red")
    chat.does(red, Mode(room, "+P"))
    return json.dumps({**kept.record(chat.hub.room(room)), **fields})


def test_a_room_is_there_again_after_a_restart(chat: Chat) -> None:
    """Empty, but its founder's."""
    happens(chat, "tea", text_of("tea", topic=["news", "red", 5.0], key="key"))
    room = chat.hub.room("tea")
    assert (room.all, room.founder, room.key) == ((), "Red", "key")
    assert room.topic is not None
    assert room.topic.text == "news"
    chat.enter("red", "tea", account="red")
    assert role(chat, "red") is Role.OPERATOR


def test_a_room_that_somebody_was_faster_to_begin_is_its_founders_all_the_same(
    chat: Chat,
) -> None:
    """Who is in stays in; a room that is kept already is what it is."""
    chat.enter("blue", "tea")
    lists = {"b": [["bad!*@*", "red", 5.0]], "e": [], "I": []}
    happens(chat, "tea", text_of("tea", lists=lists))
    room = chat.hub.room("tea")
    assert (room.founder, [each.name for each in room.all]) == ("Red", ["blue"])
    assert room.lists["b"] == {"bad!*@*": Entry("red", 5.0)}
    with pytest.raises(Refusal, match="there is a room tea"):
        happens(chat, "tea", text_of("tea", founder="blue"))


def test_a_room_ends_only_while_nobody_is_in_it(chat: Chat) -> None:
    """And only one that is kept: any other has ended by itself."""
    red = keeper(chat)
    with pytest.raises(Refusal):
        happens(chat, "tea", "")
    chat.does(red, Part("tea"))
    happens(chat, "tea", "")
    assert chat.hub.rooms() == []
    with pytest.raises(Refusal):
        happens(chat, "tea", "")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "5",
        '{"form":1}',
        text_of("tea", form=2),
        text_of("tea", name="two words"),
        text_of("tea", topic=["\x07", "red", 5.0]),
        text_of("tea", ranks=[["red", 9]]),
        text_of("tea", lists={}),
        text_of("tea", metadata=[["Bad", "x"]]),
        text_of("tea", created="soon"),
        text_of("tea", limit=1e999),
        text_of("tea", founder=""),
        text_of("tea", flags="nt"),
    ],
)
def test_what_is_no_room_is_refused(chat: Chat, text: str) -> None:
    """Nothing has changed then."""
    with pytest.raises(Refusal):
        happens(chat, "tea", text)
    assert chat.hub.rooms() == []


@given(
    st.text("abc", min_size=1, max_size=4),
    st.lists(st.sampled_from(["+k key", "+W 3", "+m", "-n", "+s", "+b m:x", "+I a@b", "+o blue"])),
)
def test_a_record_comes_back_as_it_was(name: str, changes: list[str]) -> None:
    """Whatever a room looks like."""
    chat = Chat(Hub(""))
    red = chat.enter("red", name, account="Red")
    chat.enter("blue", name, account="blue")
    chat.does(red, Mode(name, "+P"))
    for each in changes:
        chat.does(red, Mode(name, each))
    text = kept.written(chat.hub.room(name))
    assert kept.written(kept.read(text)) == text
