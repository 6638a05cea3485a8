"""Tests of `twisted_net.chat.core.hub`."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from tests.chat.chats import Chat, hears
from twisted_net.chat.codec.messages import Event, Kind, Refusal
from twisted_net.chat.codec.requests import (
    Deed,
    Join,
    Nick,
    Part,
    Quit,
    Say,
    Tell,
)
from twisted_net.chat.core import books, conditions
from twisted_net.chat.core.hub import Delivery, Hub, Member


def test_a_command_changes_nothing_and_an_event_does() -> None:
    """The bus is between the two, and with it other nodes."""
    chat = Chat()
    red = chat.enter("red")
    draft = chat.hub.command(red, Join("lobby"), 1.0)
    assert draft is not None
    assert (draft.id, draft.kind, draft.by) == (0, Kind.JOINED, red.key)
    assert chat.hub.rooms() == []
    assert hears(chat.hub.apply(chat.numbered(draft))) == ["red"]
    assert [room.name for room in chat.hub.rooms()] == ["lobby"]


def test_a_room_hears_what_is_said_in_it() -> None:
    """And nobody else does."""
    chat = Chat()
    red, blue = (chat.enter(name, "lobby", host="h") for name in ("red", "blue"))
    chat.enter("green", "games")
    chat.now = 2.0
    made = chat.does(red, Say("LOBBY", "hi"))
    assert hears(made) == ["red", "blue"]
    expected = Event(
        2000 << 16, Kind.SAID, "lobby", "red", "hi", by=red.key, mask="~@h", tags=(), only=""
    )
    assert made[0].event == expected
    assert made[0].by is red
    assert blue.rooms.keys() == {"lobby"}
    assert red.active == 2.0


def test_only_two_hear_what_one_is_told() -> None:
    """Whoever says it and whoever it is for; once, if they are the same."""
    chat = Chat()
    red, _, _ = (chat.enter(name, "lobby") for name in ("red", "blue", "green"))
    made = chat.does(red, Tell("BLUE", "psst"))
    assert hears(made) == ["blue", "red"]
    assert made[0].event.private
    assert hears(chat.does(red, Tell("red", "note"))) == ["red"]


def test_leaving_is_heard_once_by_all_who_shared_a_room() -> None:
    """However many rooms that were."""
    chat = Chat()
    red = chat.enter("red", "lobby", "games", "tea")
    chat.enter("blue", "lobby", "games", "tea")
    chat.enter("green", "lobby")
    chat.enter("grey", "games")
    made = chat.does(red, Quit("gone"))
    assert sorted(hears(made)) == ["blue", "green", "grey", "red"]
    assert made[0].event.text == "gone"
    assert len(chat.hub) == 3


def test_a_name_is_free_again_when_its_member_left() -> None:
    """Or took another one."""
    chat = Chat()
    red, blue = (chat.enter(name, "lobby") for name in ("red", "blue"))
    chat.does(red, Quit())
    assert chat.does(blue, Nick("red"))[0].event.text == "red"
    assert chat.enter("blue").name == "blue"


@pytest.mark.parametrize("name", ["red", "RED", "Ⓡed", "\uff32ed"])
def test_a_name_that_reads_like_one_in_use_is_taken(name: str) -> None:
    """So that nobody can pass for somebody else."""
    chat = Chat()
    red = chat.enter("red")
    with pytest.raises(Refusal) as refused:
        chat.enter("\uff32ed" if name == "Ⓡed" else name)
    assert str(refused.value).startswith("409 name '")
    assert chat.does(red, Nick("RED"))[0].event.text == "RED"


def test_a_name_is_kept_for_who_is_about_to_enter() -> None:
    """Until they have, or never will."""
    hub: Hub[str] = Hub()
    red = hub.enter("red", "", "tcp", 1.0)
    assert hub.known("red") is None
    with pytest.raises(Refusal, match="409 name 'RED' is taken"):
        hub.free("RED")
    hub.release(red)
    assert hub.free("RED") == "RED"


def test_of_two_nodes_the_first_event_has_the_name() -> None:
    """The other one's member is refused, on all nodes alike."""
    chat, other = Chat(Hub(node="a")), Chat(Hub(node="b"))
    here, there = (each.hub.enter("red", "", "tcp", 1.0) for each in (chat, other))
    first = chat.numbered(other.hub.entering(there))
    second = chat.numbered(chat.hub.entering(here))
    for each in (chat, other):
        assert each.hub.apply(first) == []
        with pytest.raises(Refusal, match="409 name 'red' is taken"):
            each.hub.apply(second)
        found = each.hub.find("red")
        assert found.key == "b.1"
        assert (found.outlet is None) is (each is chat)


def test_nodes_that_apply_the_same_events_agree() -> None:
    """And each delivers to its own members only."""
    chat, other = Chat(Hub(node="a")), Chat(Hub(node="b"))
    heard: dict[str, list[str]] = {"a": [], "b": []}

    def happens(draft: Event | None) -> None:
        assert draft is not None
        event = chat.numbered(draft)
        for name, each in (("a", chat), ("b", other)):
            for made in each.hub.apply(event):
                heard[name] += [f"{to.outlet} {made.event.kind.name}" for to in made.to]

    red = chat.hub.enter("red", "red", "tcp", 1.0)
    blue = other.hub.enter("blue", "blue", "irc", 1.0, realname="Blue B.", account="azure")
    happens(chat.hub.entering(red))
    happens(other.hub.entering(blue))
    happens(chat.hub.command(red, Join("lobby"), 1.0))
    happens(other.hub.command(blue, Join("lobby"), 1.0))
    happens(other.hub.command(blue, Say("lobby", "hi"), 1.0))
    happens(chat.hub.command(red, Tell("blue", "hi"), 1.0))
    assert heard["a"] == ["red JOINED", "red JOINED", "red SAID", "red TOLD"]
    assert heard["b"] == ["blue JOINED", "blue SAID", "blue TOLD"]
    for each in (chat, other):
        assert [member.name for member in each.hub.room("lobby").all] == ["red", "blue"]
        known = each.hub.find("blue")
        assert (known.door, known.realname, known.account) == ("irc", "Blue B.", "azure")


def test_a_draft_that_no_longer_holds_is_refused() -> None:
    """Its sender was thrown out, or is gone, while it was on its way."""
    chat = Chat()
    red = chat.enter("red", "lobby")
    draft = chat.hub.command(red, Say("lobby", "hi"), 1.0)
    renamed = chat.hub.command(red, Say("lobby", "hi"), 1.0)
    assert draft is not None
    assert renamed is not None
    chat.does(red, Nick("green"))
    assert chat.hub.apply(chat.numbered(renamed))[0].event.sender == "green"
    chat.enter("blue", "lobby")
    chat.does(red, Part("lobby"))
    with pytest.raises(Refusal, match="403 not in lobby: JOIN lobby"):
        chat.hub.apply(chat.numbered(draft))
    chat.does(red, Quit())
    with pytest.raises(Refusal, match="404 nobody is called 'red'"):
        chat.hub.apply(chat.numbered(draft))


def test_a_registered_name_is_for_its_account() -> None:
    """Whoever has logged in may take it."""
    chat = Chat(Hub(registered=lambda name: "azure" if name.lower() == "blue" else None))
    red = chat.enter("red")
    error = "401 'Blue' is registered: LOGIN <account> <password>"
    assert chat.refuses(red, Nick("Blue")) == error
    assert chat.enter("blue", account="AZURE").name == "blue"


def test_the_same_again_is_no_event() -> None:
    """Nothing happened."""
    chat = Chat()
    red = chat.enter("red", "lobby")
    assert chat.does(red, Nick("red")) == []
    assert chat.does(red, Join("Lobby")) == []


@pytest.mark.parametrize(
    ("what", "error"),
    [
        (Say("games", "hi"), "403 not in games: JOIN games"),
        (Say("nope", "hi"), "404 no room 'nope'"),
        (Say("lobby", ""), "422 text: at most 1000 bytes"),
        (Say("lobby", "a\nb"), "400 control character 0x0a"),
        (Part("games"), "403 not in games: JOIN games"),
        (Tell("x\u202e", "hi"), "404 nobody is called 'x\\u202e'"),
        (Join("a b"), "422 room: 1-49 bytes, no space or comma"),
        (Nick("a b"), "422 name: 1-24 letters, digits, - or _"),
        (Nick("[a]"), "422 name: 1-24 letters, digits, - or _"),
        (Nick("Blue"), "409 name 'Blue' is taken"),
    ],
)
def test_a_refusal_says_why_in_constant_words(what: Deed, error: str) -> None:
    """The same on every door."""
    chat = Chat()
    red = chat.enter("red", "lobby")
    chat.enter("blue", "lobby")
    chat.enter("green", "games")
    assert chat.refuses(red, what) == error


def test_the_characters_of_irc_are_for_who_came_by_it() -> None:
    """Others can speak to them all the same."""
    chat = Chat()
    red = chat.hub.enter("red[tea]", "red", "irc", 1.0, special="[]")
    chat.hub.apply(chat.numbered(chat.hub.entering(red)))
    assert chat.does(red, Nick("red[off]"))[0].event.text == "red[off]"
    assert hears(chat.does(chat.enter("blue"), Tell("RED[off]", "hi"))) == ["red", "blue"]


def test_whoever_left_is_remembered_for_a_while() -> None:
    """Under each name, the last one first."""
    chat = Chat()
    red = chat.enter("red", "lobby", host="h1")
    chat.does(red, Nick("green"))
    chat.now = 5.0
    chat.does(red, Quit())
    chat.does(chat.enter("red", host="h2"), Quit())
    assert [gone.mask for gone in chat.hub.whowas("RED")] == ["~@h2", "~@h1"]
    assert [gone.when for gone in chat.hub.whowas("green")] == [5.0]
    assert chat.hub.whowas("blue") == []


def test_rooms_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may make rooms without end could fill the memory; the lobby is always open."""
    monkeypatch.setattr(books, "MAX_ROOMS", 3)
    monkeypatch.setattr(conditions, "MAX_ROOMS_EACH", 2)
    chat = Chat()
    red, blue = chat.enter("red", "a", "b"), chat.enter("blue")
    assert chat.refuses(red, Join("c")) == "503 too many rooms"
    chat.does(blue, Join("c"))
    assert chat.refuses(blue, Join("d")) == "503 too many rooms"
    chat.does(blue, Join("lobby"))
    chat.does(red, Part("a"))
    chat.does(red, Part("b"))
    assert chat.refuses(red, Join("d")) == ""


class Anything(RuleBasedStateMachine):
    """A chat that anything may happen in, beside a plain model of who should hear what."""

    present = Bundle("present")
    names = st.sampled_from(["a", "b", "c", "A", "D"])
    where = st.sampled_from(["lobby", "x", "y", "X", "no such room"])

    def __init__(self) -> None:
        super().__init__()
        self.chat = Chat()
        self.hub = self.chat.hub
        self.rooms: dict[str, list[Member[str]]] = {}
        self.here: list[Member[str]] = []
        self.last = -1
        self.chat.now = 1000.0

    def delivered(self, deliveries: list[Delivery[str]], to: list[Member[str]]) -> None:
        """Compare one delivery with the model."""
        (delivery,) = deliveries
        assert delivery.event.id > self.last
        self.last = delivery.event.id
        assert len(delivery.to) == len(dict.fromkeys(delivery.to))
        assert dict.fromkeys(delivery.to) == dict.fromkeys(to)

    def neighbours(self, member: Member[str]) -> list[Member[str]]:
        """Return all who share a room with a member."""
        shared = [room for room in self.rooms.values() if member in room]
        return [member, *(each for room in shared for each in room)]

    @rule(target=present, name=names)
    def enter(self, name: str) -> Member[str]:
        """Let somebody come, with a name that may be taken."""
        taken = name.lower() in [each.name.lower() for each in self.here]
        try:
            member = self.chat.enter(name)
        except Refusal:
            assert taken
            return self.here[0]
        assert not taken
        self.here.append(member)
        return member

    @rule(member=consumes(present))
    def leave(self, member: Member[str]) -> None:
        """Somebody goes."""
        if member in self.here:
            self.delivered(self.chat.does(member, Quit()), self.neighbours(member))
            self.here.remove(member)
            for room in self.rooms.values():
                if member in room:
                    room.remove(member)

    @rule(member=present, room=where)
    def join(self, member: Member[str], room: str) -> None:
        """Somebody enters a room."""
        if member not in self.here:
            return
        inside = self.rooms.setdefault(room.lower(), [])
        try:
            made = self.chat.does(member, Join(room))
        except Refusal:
            assert " " in room
            return
        if member in inside:
            assert made == []
        else:
            inside.append(member)
            self.delivered(made, inside)

    @rule(member=present, room=where)
    def part(self, member: Member[str], room: str) -> None:
        """Somebody leaves a room, perhaps one that they are not in."""
        if member not in self.here:
            return
        inside = self.rooms.get(room.lower(), [])
        try:
            made = self.chat.does(member, Part(room))
        except Refusal:
            assert member not in inside
        else:
            self.delivered(made, inside)
            inside.remove(member)

    @rule(member=present, room=where)
    def say(self, member: Member[str], room: str) -> None:
        """Somebody says something, perhaps where they are not."""
        if member not in self.here:
            return
        inside = self.rooms.get(room.lower(), [])
        try:
            made = self.chat.does(member, Say(room, "hi"))
        except Refusal:
            assert member not in inside
        else:
            assert member in inside
            self.delivered(made, inside)

    @rule(member=present, name=names)
    def rename(self, member: Member[str], name: str) -> None:
        """Somebody wants another name."""
        if member not in self.here:
            return
        others = [each.name.lower() for each in self.here if each is not member]
        same = member.name == name
        try:
            made = self.chat.does(member, Nick(name))
        except Refusal:
            assert name.lower() in others
            return
        assert name.lower() not in others
        if same:
            assert made == []
        else:
            self.delivered(made, self.neighbours(member))

    @rule(seconds=st.sampled_from([0.0, 0.0005, 1.0, -3.0]))
    def passes(self, seconds: float) -> None:
        """Let the clock go on, or back."""
        self.chat.now += seconds

    @invariant()
    def books_agree(self) -> None:
        """Know the same rooms, with the same members, as the model does."""
        assert len(self.hub) == len(self.here)
        known = {room.name.lower(): list(room.all) for room in self.hub.rooms()}
        assert known == {name: room for name, room in self.rooms.items() if room}
        for room in self.hub.rooms():
            assert tuple(room.members) == room.all


Anything.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnything = Anything.TestCase
