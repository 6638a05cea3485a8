"""Tests of `twisted_net.chat.core.hub`."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from twisted_net.chat.codec.messages import Event, Kind, Refusal
from twisted_net.chat.core import hub as hub_module
from twisted_net.chat.core.hub import Delivery, Hub, Member


def inside(hub: Hub[str], *names: str, room: str = "lobby") -> list[Member[str]]:
    """Let members in, and into a room."""
    members = [hub.enter(name, name, "tcp", 0.0) for name in names]
    for member in members:
        hub.join(member, room, 0.0)
    return members


def hears(deliveries: list[Delivery[str]]) -> list[str]:
    """Return who hears the only delivery there is."""
    (delivery,) = deliveries
    return [member.outlet for member in delivery.to]


def test_a_room_hears_what_is_said_in_it() -> None:
    """And nobody else does."""
    hub: Hub[str] = Hub()
    red, blue = inside(hub, "red", "blue")
    inside(hub, "green", room="games")
    made = hub.say(red, "LOBBY", "hi", 1.0)
    assert hears(made) == ["red", "blue"]
    assert made[0].event == Event(1000 << 16, Kind.SAID, "lobby", "red", "hi")
    assert made[0].by is red
    assert blue.rooms.keys() == {"lobby"}


def test_only_two_hear_what_one_is_told() -> None:
    """Whoever says it and whoever it is for; once, if they are the same."""
    hub: Hub[str] = Hub()
    red, _, _ = inside(hub, "red", "blue", "green")
    assert hears(hub.tell(red, "BLUE", "psst", 1.0)) == ["blue", "red"]
    assert hears(hub.tell(red, "red", "note", 1.0)) == ["red"]


def test_leaving_is_heard_once_by_all_who_shared_a_room() -> None:
    """However many rooms that were."""
    hub: Hub[str] = Hub()
    red, blue, _ = inside(hub, "red", "blue", "green")
    inside(hub, "grey", room="games")
    for room in ("games", "tea"):
        hub.join(red, room, 0.0)
        hub.join(blue, room, 0.0)
    made = hub.leave(red, "quit", 1.0)
    assert sorted(hears(made)) == ["blue", "green", "grey", "red"]
    assert made[0].event.text == "quit"
    assert len(hub) == 3


def test_a_name_is_free_again_when_its_member_left() -> None:
    """Or took another one."""
    hub: Hub[str] = Hub()
    red, blue = inside(hub, "red", "blue")
    hub.leave(red, "quit", 1.0)
    assert hub.rename(blue, "red", 1.0)[0].event.text == "red"
    assert hub.enter("blue", "", "tcp", 1.0).name == "blue"


@pytest.mark.parametrize("name", ["red", "RED", "Ⓡed", "\uff32ed"])
def test_a_name_that_reads_like_one_in_use_is_taken(name: str) -> None:
    """So that nobody can pass for somebody else."""
    hub: Hub[str] = Hub()
    (red,) = inside(hub, "red")
    with pytest.raises(Refusal) as refused:
        hub.enter("\uff32ed" if name == "Ⓡed" else name, "", "tcp", 0.0)
    assert str(refused.value).startswith("409 name '")
    assert hub.rename(red, "RED", 1.0)[0].event.text == "RED"


def test_the_same_name_again_is_no_event() -> None:
    """Nothing happened."""
    hub: Hub[str] = Hub()
    (red,) = inside(hub, "red")
    assert hub.rename(red, "red", 1.0) == []
    assert hub.join(red, "Lobby", 1.0) == []


@pytest.mark.parametrize(
    ("what", "error"),
    [
        (lambda hub, red: hub.say(red, "games", "hi", 0.0), "403 not in games: JOIN games"),
        (lambda hub, red: hub.say(red, "nope", "hi", 0.0), "404 no room 'nope'"),
        (lambda hub, red: hub.say(red, "lobby", "", 0.0), "422 text: at most 1000 bytes"),
        (lambda hub, red: hub.say(red, "lobby", "a\nb", 0.0), "400 control character 0x0a"),
        (lambda hub, red: hub.part(red, "games", 0.0), "403 not in games: JOIN games"),
        (lambda hub, red: hub.tell(red, "x\u202e", "hi", 0.0), "404 nobody is called 'x\\u202e'"),
        (lambda hub, red: hub.join(red, "a b", 0.0), "422 room: 1-49 bytes, no space or comma"),
        (lambda hub, red: hub.rename(red, "a b", 0.0), "422 name: 1-24 letters, digits, - or _"),
        (lambda hub, red: hub.rename(red, "Blue", 0.0), "409 name 'Blue' is taken"),
        (lambda hub, red: hub.who("nope"), "404 no room 'nope'"),
    ],
)
def test_a_refusal_says_why_in_constant_words(what: object, error: str) -> None:
    """The same on every door."""
    hub: Hub[str] = Hub()
    red, _ = inside(hub, "red", "blue")
    inside(hub, "green", room="games")
    assert callable(what)
    with pytest.raises(Refusal) as refused:
        what(hub, red)
    assert str(refused.value) == error


def test_rooms_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may make rooms without end could fill the memory; the lobby is always open."""
    monkeypatch.setattr(hub_module, "MAX_ROOMS", 3)
    monkeypatch.setattr(hub_module, "MAX_ROOMS_EACH", 2)
    hub: Hub[str] = Hub()
    red, blue = (hub.enter(name, name, "tcp", 0.0) for name in ("red", "blue"))
    for room in ("a", "b"):
        hub.join(red, room, 0.0)
    with pytest.raises(Refusal, match="503 too many rooms"):
        hub.join(red, "c", 0.0)
    hub.join(blue, "c", 0.0)
    with pytest.raises(Refusal, match="503 too many rooms"):
        hub.join(blue, "d", 0.0)
    hub.join(blue, "lobby", 0.0)
    hub.part(red, "a", 0.0)
    hub.part(red, "b", 0.0)
    hub.join(red, "d", 0.0)


class Chat(RuleBasedStateMachine):
    """A chat that anything may happen in, beside a plain model of who should hear what."""

    present = Bundle("present")
    names = st.sampled_from(["a", "b", "c", "A", "D"])
    where = st.sampled_from(["lobby", "x", "y", "X", "no such room"])

    def __init__(self) -> None:
        super().__init__()
        self.hub: Hub[str] = Hub()
        self.rooms: dict[str, list[Member[str]]] = {}
        self.here: list[Member[str]] = []
        self.last = -1
        self.now = 1000.0

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
            member = self.hub.enter(name, name, "tcp", self.now)
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
            self.delivered(self.hub.leave(member, "quit", self.now), self.neighbours(member))
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
            made = self.hub.join(member, room, self.now)
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
            made = self.hub.part(member, room, self.now)
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
            made = self.hub.say(member, room, "hi", self.now)
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
            made = self.hub.rename(member, name, self.now)
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
        self.now += seconds

    @invariant()
    def books_agree(self) -> None:
        """Know the same rooms, with the same members, as the model does."""
        assert len(self.hub) == len(self.here)
        known = {room.name.lower(): list(room.all) for room in self.hub.rooms()}
        assert known == {name: room for name, room in self.rooms.items() if room}
        for room in self.hub.rooms():
            assert tuple(room.members) == room.all


Chat.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestChat = Chat.TestCase
