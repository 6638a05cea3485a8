"""Nodes that apply the same events agree, however late, and however late they came."""

from collections.abc import Callable
from dataclasses import fields, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chat.members import dice
from twisted_net.chat.bus.packing import packed, unpacked
from twisted_net.chat.codec import requests as ask
from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.codec.multiline import LINES
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.core.hub import Hub, Member
from twisted_net.chat.core.ident import Ids, skeleton
from twisted_net.chat.core.room import Room

ROOMS = ("lobby", "x", "Y")
NAMES = ("red", "Blue", "green", "pink", "\uff52ed")
MODES = (
    "+m",
    "-m",
    "+i",
    "+b blue!*@*",
    "-b blue!*@*",
    "+k key",
    "-k key",
    "+l 2",
    "+W 3",
    "+u",
    "+P",
    "+P",
    "-P",
)
DEEDS: tuple[Callable[[Random], ask.Deed], ...] = (
    lambda dice: ask.Join(dice.choice(ROOMS), "key"),
    lambda dice: ask.Part(dice.choice(ROOMS), "bye"),
    lambda dice: ask.Nick(dice.choice(NAMES)),
    lambda dice: ask.Say(dice.choice(ROOMS), "hi"),
    lambda dice: ask.Say(dice.choice(ROOMS), "hi\n\nyou", ((LINES, "5"),)),
    lambda dice: ask.Tell(dice.choice(NAMES), "psst"),
    lambda dice: ask.Topic(dice.choice(ROOMS), dice.choice(("", "news"))),
    lambda dice: ask.Kick(dice.choice(ROOMS), dice.choice(NAMES), "why"),
    lambda dice: ask.Invite(dice.choice(NAMES), dice.choice(ROOMS)),
    lambda dice: ask.Mode(dice.choice(ROOMS), dice.choice(MODES)),
    lambda dice: ask.Mode(dice.choice(ROOMS), f"+o {dice.choice(NAMES)}"),
    lambda dice: ask.Describe(dice.choice("ab"), dice.choice(("", "x", None)), ""),
    lambda dice: ask.Describe(dice.choice("ab"), "x", dice.choice(ROOMS)),
    lambda dice: ask.Modes("+o", granted=dice.random() < 0.3),
    lambda dice: ask.Banish(dice.choice(NAMES), "spam", dice.choice((0, 5))),
    lambda dice: ask.Pardon(dice.choice(NAMES)),
    lambda dice: ask.Away(dice.choice(("", "tea"))),
    lambda dice: ask.Realname("Red Red"),
    lambda dice: ask.Host(dice.choice(("a.hidden", "b.hidden"))),
    lambda dice: ask.Identify(dice.choice(("red", "Red", "blue"))),
    lambda dice: ask.Modes(dice.choice(("+i", "-i"))),
    lambda dice: ask.Redact("lobby", 1000000 << 16),
    lambda dice: ask.Redact(dice.choice(NAMES), dice.randint(1000000, 1150000) << 16, "", True),
    lambda dice: ask.RenameRoom(dice.choice(ROOMS), dice.choice((*ROOMS, "y", "Z")), "why"),
)


class Node:
    """A hub that is behind the log of events by as much as it likes."""

    def __init__(self, name: str, state: bytes = b"", behind: int = 0) -> None:
        self.hub: Hub[str] = Hub("")  # a lobby keeps its name
        self.hub.restart(name, state)
        self.members: list[Member[str]] = []
        self.at = behind

    def drafts(self, rolled: Random, now: float) -> Event | None:
        """Return what somebody here wants, or somebody who wants to enter."""
        try:
            if not self.members or rolled.random() < 0.05:
                member = self.hub.enter(rolled.choice(NAMES), "here", "tcp", now, host="h")
                self.members.append(member)
                return self.hub.entering(member)
            member = rolled.choice(self.members)
            if rolled.random() < 0.02:
                return self.hub.command(member, ask.Quit("quit"), now)
            if len(member.rooms) < 2:
                return self.hub.command(member, ask.Join(rolled.choice(ROOMS)), now)
            return self.hub.command(member, rolled.choice(DEEDS)(rolled), now)
        except Refusal:
            return None

    def catches_up(self, log: list[Event], to: int) -> None:
        """Apply what is on the log; what no longer holds changes nothing."""
        for event in log[self.at : to]:
            try:
                self.hub.apply(event)
            except Refusal:
                continue
        self.at = max(self.at, to)


def picture(hub: Hub[str]) -> object:
    """Return everything that a hub knows, field by field: a new field is compared too."""
    members = [
        {
            field.name: list(member.rooms) if field.name == "rooms" else getattr(member, field.name)
            for field in fields(Member)
            if field.name != "outlet"
        }
        for member in hub.members()
    ]
    rooms = [
        {
            field.name: [(member.key, role) for member, role in room.members.items()]
            if field.name == "members"
            else _ordered(getattr(room, field.name))
            for field in fields(Room)
            if not field.name.startswith("_")
        }
        for room in hub.rooms()
    ]
    return members, rooms, hub.bans(), [hub.whowas(name) for name in NAMES]


def _ordered(value: object) -> object:
    return list(value.items()) if isinstance(value, dict) else value


def run(seed: int) -> list[Node]:
    """Let two nodes live, behind by different amounts, and one that comes in the middle."""
    rolled, ids, log = dice(seed), Ids(), list[Event]()
    nodes = [Node("a.1"), Node("b.1")]
    for step in range(150):
        node = rolled.choice(nodes)
        draft = node.drafts(rolled, 1000.0 + step)
        if draft is not None:
            log.append(unpacked(ids.next(1000.0 + step), packed(draft)))
        if rolled.random() < 0.7:
            node.catches_up(log, rolled.randint(node.at, len(log)))
        if step == 75:
            first = nodes[0]
            nodes.append(Node("c.1", first.hub.state(), first.at))
            assert picture(nodes[2].hub) == picture(first.hub)
    for node in nodes:
        node.catches_up(log, len(log))
    return nodes


@settings(max_examples=40)  # each is a long story
@given(st.integers(0, 1 << 32))
def test_nodes_agree_on_everything(seed: int) -> None:
    """What was drafted on an old state is refused by all of them, or by none."""
    first, *others = [node.hub for node in run(seed)]
    for other in others:
        assert picture(other) == picture(first)
        assert other.state() == first.state()
    names = [skeleton(member.name) for member in first.members()]
    assert len(names) == len(set(names))


texts = st.text(max_size=20)
events = st.builds(
    Event,
    id=st.integers(1, (1 << 63) - 1),
    kind=st.sampled_from(Kind),
    where=texts,
    sender=texts,
    text=texts,
    private=st.booleans(),
    other=texts,
    by=texts,
    account=texts,
    mask=texts,
    tags=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    only=st.sampled_from(["", "@", "+"]),
)


@given(events)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    """But for its id, which the bus gives it."""
    assert unpacked(event.id, packed(replace(event, id=0))) == event


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"[2" + b',""' * 11 + b"]",
        b'[1,"DANCED","","","",false,"","","","",[],""]',
        b'[1,"SAID",5,"","",false,"","","","",[],""]',
        b'[1,"SAID","","","",0,"","","","",[],""]',
        b'[1,"SAID","","","",false,"","","","",[["a"]],""]',
        b'[1,"SAID","","","",false,"","","","",[["a",1]],""]',
        b"\xff",
    ],
)
def test_what_another_version_wrote_is_refused(data: bytes) -> None:
    """Whoever guessed would no longer agree with the others."""
    with pytest.raises(ValueError, match="no event of this version"):
        unpacked(1, data)


def test_a_snapshot_of_another_version_is_refused() -> None:
    """A node says so, and begins from nothing."""
    hub: Hub[str] = Hub()
    with pytest.raises(ValueError, match="form 1, need 3"):
        hub.restart("a.1", b'{"form":1}')
