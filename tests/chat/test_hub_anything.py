"""Any commands in any state, on two nodes: the hub never breaks, and the nodes agree."""

import itertools
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from twisted_net.chat.codec.messages import Event, Kind, Refusal
from twisted_net.chat.codec.requests import (
    Act,
    Away,
    Banish,
    Deed,
    Describe,
    Host,
    Identify,
    Invite,
    Join,
    Kick,
    Mode,
    Modes,
    Nick,
    Notice,
    Pardon,
    Part,
    Quit,
    Realname,
    Redact,
    RenameRoom,
    Say,
    Tag,
    Tell,
    Topic,
)
from twisted_net.chat.core.hub import Hub, Member
from twisted_net.chat.core.ident import Ids, folded, skeleton
from twisted_net.chat.core.irc.capabilities import lines_of
from twisted_net.chat.core.irc.names import Names, Way, words
from twisted_net.chat.core.kept import written
from twisted_net.chat.core.room import Room

names = st.sampled_from(["a", "b", "c", "A", "D", "\uff41", "no name", ""])
rooms = st.sampled_from(["lobby", "x", "lobby", "X", "y", "no room"])
texts = st.sampled_from(["hi", "tea", "", "x" * 400, "\n", "\x01VERSION\x01"])
only = st.sampled_from(["", "", "@", "+", "?"])
masks = st.sampled_from(["a", "b", "*", "m:b", "m:*", "*!*@h1", "c!*@*"])
letters = st.text("+-beIklWCMPRimnstuovx", min_size=1, max_size=5)
values = st.lists(st.one_of(names, masks, st.sampled_from(["1", "2", "9", "key"])), max_size=3)
modes = st.builds(lambda first, rest: " ".join([first, *rest]), letters, values)
tags = st.just((("+typing", "active"),))
whom = st.one_of(names, rooms)

WAYS = (Way(False, False, 400), Way(True, True, 30), Way(False, True, 6))
deeds: st.SearchStrategy[Deed] = st.one_of(
    st.builds(Nick, names),
    st.builds(Join, rooms, st.sampled_from(["", "key"])),
    st.builds(Part, rooms, texts),
    st.builds(Say, rooms, texts, only=only),
    st.builds(Act, texts, whom, st.booleans()),
    st.builds(Tell, names, texts),
    st.builds(Notice, whom, texts, st.booleans(), only=only),
    st.builds(Tag, whom, tags, st.booleans(), only=only),
    st.builds(Topic, rooms, st.none() | texts),
    st.builds(Kick, rooms, names, texts),
    st.builds(Invite, names, rooms),
    st.builds(Mode, rooms, modes),
    st.builds(Modes, st.text("+-iowBx", max_size=3), st.booleans()),
    st.builds(Away, texts),
    st.builds(Realname, texts),
    st.builds(Host, st.sampled_from(["a.hidden", "b.hidden"])),
    st.builds(Identify, names),
    st.builds(Describe, st.sampled_from("abA"), st.none() | texts, st.just("") | rooms),
    st.builds(Banish, masks, texts, st.sampled_from([0, 1])),
    st.builds(Pardon, masks),
    st.builds(Redact, rooms, st.integers(0, 40).map(lambda n: 65536000 + n), texts),
    st.builds(Redact, names, st.integers(0, 40).map(lambda n: 65536000 + n), private=st.just(True)),
    st.builds(RenameRoom, rooms, rooms, texts),
    st.builds(Quit, texts),
)


class Nodes(RuleBasedStateMachine):
    """Two nodes with one order of events, some of which take their time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.hubs = [Hub[str](node="p"), Hub[str](node="q")]
        self.here: list[list[Member[str]]] = [[], []]
        self.waiting: list[Event] = []
        self.heard: dict[str, int] = {}
        self.ids = Ids()
        self.names = [Names(), Names()]

    @initialize()
    def begin(self) -> None:
        """Let three be in two rooms."""
        for node, name in enumerate(["a", "c", "b"]):
            self.enter(node % 2, name, "h1")
            self.arrive(all_of_them=True)
        for node, who, room in itertools.product((0, 1), (0, 1), ("lobby", "x")):
            self.does(node, who, Join(room), at_once=True)

    @rule(node=st.integers(0, 1), name=names, host=st.sampled_from(["h1", "h2"]))
    def enter(self, node: int, name: str, host: str) -> None:
        """Let somebody come."""
        hub = self.hubs[node]
        try:
            member = hub.enter(name, f"{node}", "tcp", self.now, host=host)
        except Refusal:
            return
        self.here[node].append(member)
        self.waiting.append(hub.entering(member))

    @rule(node=st.integers(0, 1), who=st.integers(0, 5), what=deeds, at_once=st.booleans())
    def does(self, node: int, who: int, what: Deed, at_once: bool) -> None:
        """Somebody wants something."""
        present = [each for each in self.here[node] if self.hubs[node].present(each)]
        if present:
            hub = self.hubs[node]
            before = shown(hub)
            try:
                draft = hub.command(present[who % len(present)], what, self.now)
            except Refusal:
                draft = None
            assert shown(hub) == before
            if draft is not None:
                assert draft.id == 0
                self.waiting.append(draft)
            if at_once:
                self.arrive(all_of_them=True)

    @rule(name=st.sampled_from(["x", "y", "lobby"]), founder=names, ends=st.booleans())
    def comes_back(self, name: str, founder: str, ends: bool) -> None:
        """Let a room be there again that was kept, or one that nobody is in end."""
        room: Room[str] = Room(name, 5.0, flags=frozenset("Pi"), founder=founder)
        self.waiting.append(Event(0, Kind.KEPT, name, "", "" if ends else written(room)))

    @rule(all_of_them=st.booleans())
    def arrive(self, all_of_them: bool) -> None:
        """Let the oldest draft become an event, or all of them."""
        for _ in range(len(self.waiting) if all_of_them else min(1, len(self.waiting))):
            self.happens(replace(self.waiting.pop(0), id=self.ids.next(self.now)))

    def happens(self, event: Event) -> None:
        """Apply one event on both nodes, which agree on whether it holds."""
        refused = []
        for node, hub in enumerate(self.hubs):
            before = shown(hub)
            try:
                made = hub.apply(event)
            except Refusal as refusal:
                refused.append(str(refusal))
                if event.kind is not Kind.ENTERED:
                    assert shown(hub) == before
                continue
            for delivery in made:
                assert len(delivery.to) == len(dict.fromkeys(delivery.to))
                for member in delivery.to:
                    assert member.outlet == str(node)
                    assert self.heard.get(member.key, 0) <= event.id
                    self.heard[member.key] = event.id
        assert len(refused) in (0, 2)
        assert len(set(refused)) <= 1

    @rule(seconds=st.sampled_from([0.0, 0.001, 3.0, -1.0]))
    def passes(self, seconds: float) -> None:
        """Let the clock go on, or back."""
        self.now += seconds

    @invariant()
    def nodes_agree(self) -> None:
        """See the same members in the same rooms with the same rights."""
        assert shown(self.hubs[0]) == shown(self.hubs[1])

    @invariant()
    def books_are_in_order(self) -> None:
        """Names are unique; who is in a room knows it, and the other way round."""
        for hub in self.hubs:
            members = list(hub.members())
            assert len({skeleton(each.name) for each in members}) == len(members)
            for room in hub.rooms():
                assert room.all == tuple(room.members)
                assert room.members or room.founder
                assert bool(room.founder) is ("P" in room.flags)
                assert room.here == tuple(each for each in room.all if each.outlet is not None)
                assert all(each.rooms[folded(room.name)] is room for each in room.all)
            for member in members:
                assert hub.find(member.name) is member
                assert all(member in room.members for room in member.rooms.values())

    @invariant()
    def names_are_told_as_if_written_anew(self) -> None:
        """Keep lines of NAMES only for what has not changed."""
        for hub, names in zip(self.hubs, self.names, strict=True):
            for room, way in itertools.product(hub.rooms(), WAYS):
                anew = lines_of(words(room, room.all, way), way.size)
                assert names.lines(room, way) == anew


def shown(hub: Hub[str]) -> object:
    """Return all that must be the same on all nodes."""
    members = {
        each.key: (
            each.name,
            each.account,
            each.away,
            each.realname,
            each.modes,
            each.active,
            dict(each.metadata),
        )
        for each in hub.members()
    }
    rooms = {
        room.name: (
            {each.key: role for each, role in room.members.items()},
            (room.topic, room.flags, room.key, room.limit, room.slow, room.created),
            {letter: dict(masks) for letter, masks in room.lists.items()},
            (dict(room.invited), dict(room.spoken), dict(room.authors)),
            (room.founder, dict(room.ranks), room.left, dict(room.metadata)),
        )
        for room in hub.rooms()
    }
    return members, rooms


Nodes.TestCase.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
TestNodes = Nodes.TestCase
