"""Whoever is told something together with others hears what it would hear alone, in that order."""

from itertools import count
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from tests.chat.irc import IrcChat
from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.core.here import MAX_LEFT, Neighbours
from twisted_net.chat.core.hub import Delivery, Member
from twisted_net.chat.core.room import Role, Room
from twisted_net.chat.doors import turns
from twisted_net.chat.doors.delivery import Audience, deliver
from twisted_net.chat.doors.outlet import Outlet, StreamOutlet
from twisted_net.chat.doors.speech import Speech
from twisted_net.chat.doors.turns import Turns

which = st.integers(0, 30)
rooms = st.sampled_from([0, 0, 0, 1])


def nothing() -> None:
    """Do nothing."""


def test_what_is_said_together_is_heard_whole_but_by_those_apart() -> None:
    """Who came later hears the rest, and who was given something hears it once."""
    listeners = dict.fromkeys("abc")
    speech = Speech(listeners)
    speech.say(b"1")
    assert speech.owed("a") == b"1"
    listeners["d"] = None
    speech.begin_here("d")
    speech.say(b"2")
    assert speech.text == b"12"
    assert speech.size == 2
    assert [speech.owed(each) for each in "abcd"] == [b"2", b"12", b"12", b"2"]
    assert [speech.owed(each) for each in "abcdx"] == [b"", b"", b"", b"", b""]


class Ways:
    """A way of writing: a letter and the number of the event; some kinds not at all."""

    def __init__(self, letter: str) -> None:
        self.letter = letter
        self.rendered: list[Event] = []
        self.echoes = frozenset({Kind.JOINED} if letter == "a" else {Kind.JOINED, Kind.SAID})

    def render(self, event: Event) -> bytes:
        """Write it."""
        self.rendered.append(event)
        unheard = self.letter == "b" and event.kind is Kind.TOPIC
        return b"" if unheard else f"{self.letter}{event.id}{event.text} ".encode()


class Queued:
    """The outlet of a door that is no stream."""

    def __init__(self) -> None:
        self.profile = Ways("q")
        self.heard = b""

    def add(self, message: bytes) -> None:
        """Hear it at once."""
        self.heard += message


class Outlets(RuleBasedStateMachine):
    """Members come, go, speak and hear, and what they hear is what a simple loop would tell."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.turns = [Turns(self.clock), Turns(self.clock)]
        self.ways = [Ways("a"), Ways("b"), Ways("c")]
        self.rooms: list[Room[Outlet]] = [Room("x"), Room("y")]
        self.before = self.rooms[0].here
        self.members: list[Member[Outlet]] = []
        self.wires: dict[Member[Outlet], StringTransport] = {}
        self.expected: dict[Member[Outlet], bytes] = {}
        self.stopped: dict[Member[Outlet], int] = {}
        self.closed: dict[Member[Outlet], None] = {}
        self.numbers = count(1)

    @initialize(most=st.sampled_from([2, 3, 1000]), longest=st.sampled_from([8, 32768]))
    def begin(self, most: int, longest: int) -> None:
        """Let some be in a room, and one in both."""
        self.patches = [
            patch.object(turns, "FLUSHES_A_TURN", most),
            patch.object(turns, "LONGEST", longest),
        ]
        for each in self.patches:
            each.start()
        for way in (0, 0, 1):
            self.comes(way, 0, 0)
        self.goes_on(0, 1)

    def teardown(self) -> None:
        """Undo it."""
        for each in getattr(self, "patches", ()):
            each.stop()

    @rule(way=st.integers(-1, 2), at=st.sampled_from([0, 0, 1]), room=rooms)
    def comes(self, way: int, at: int, room: int) -> None:
        """Let somebody come, on a stream or not, and enter a room."""
        wire: Any = StringTransport()
        outlet: Any = Queued()
        if way >= 0:
            outlet = StreamOutlet(
                wire, self.turns[at], self.ways[way], 1 << 20, nothing, nothing, print
            )
        member: Member[Outlet] = Member(f"{len(self.members)}", "m", outlet, "irc", 0.0)
        self.members.append(member)
        self.wires[member] = wire
        self.expected[member] = b""
        self.goes_on(len(self.members) - 1, room)

    def happens(self, kind: Kind, to: tuple[Member[Outlet], ...], by: Member[Outlet]) -> None:
        """Deliver an event, and expect what a loop over all would do."""
        event = Event(next(self.numbers), kind, "x", "m", "!" * (kind is Kind.SAID))
        heard: dict[Any, bytes] = {}
        for member in to:
            outlet = member.outlet
            assert outlet is not None
            if member is not by or kind in outlet.profile.echoes:
                profile: Any = outlet.profile
                heard[profile] = profile.render(event)
                self.expects(member, heard[profile])
        for each in self.ways:
            each.rendered.clear()
        deliver([Delivery(event, to, by)])
        assert all(len(each.rendered) == (each in heard) for each in self.ways)

    def expects(self, member: Member[Outlet], line: bytes) -> None:
        """Expect somebody to hear something."""
        if member not in self.closed:
            self.expected[member] += line

    def member(self, who: int) -> Member[Outlet]:
        """Return one of them."""
        return self.members[who % len(self.members)]

    def stream(self, who: int) -> tuple[Member[Outlet], StreamOutlet]:
        """Return one of those on a stream."""
        streams = [each for each in self.members if isinstance(each.outlet, StreamOutlet)]
        member = streams[who % len(streams)]
        assert isinstance(member.outlet, StreamOutlet)
        return member, member.outlet

    @rule(who=which, room=rooms)
    def goes_on(self, who: int, room: int) -> None:
        """Enter a room."""
        member, place = self.member(who), self.rooms[room]
        if member not in place.members:
            self.before = place.here
            place.add(member, Role.NONE)
            self.happens(Kind.JOINED, place.here, member)

    @rule(who=which, room=rooms)
    def leaves(self, who: int, room: int) -> None:
        """Leave a room."""
        member, place = self.member(who), self.rooms[room]
        if member in place.members:
            here = place.here
            place.remove(member)
            self.happens(Kind.PARTED, here, member)

    @rule(
        who=which, room=rooms, kinds=st.lists(st.sampled_from([Kind.SAID, Kind.TOPIC]), max_size=5)
    )
    def speaks(self, who: int, room: int, kinds: list[Kind]) -> None:
        """Say something to a room, from inside or from outside."""
        for kind in kinds:
            self.happens(kind, self.rooms[room].here, self.member(who))

    @rule(room=rooms)
    def is_emptied(self, room: int) -> None:
        """Let all of a room leave it."""
        for who in list(self.rooms[room].members):
            self.leaves(self.members.index(who), room)

    @rule(who=which)
    def is_late(self, who: int) -> None:
        """Say something to those who were in a room before the last one came."""
        self.happens(Kind.SAID, self.before, self.member(who))

    @rule(who=which)
    def is_known_in_both_rooms(self, who: int) -> None:
        """Let all in two rooms hear of somebody, once each."""
        here = self.rooms[0].here
        others = tuple(each for each in self.rooms[1].here if each not in self.rooms[0].members)
        self.happens(Kind.RENAMED, Neighbours.of(here, others), self.member(who))

    @rule(who=which)
    def is_known(self, who: int) -> None:
        """Let some hear of somebody who are no room."""
        self.happens(Kind.LEFT, tuple(self.members[:5]), self.member(who))

    @rule(who=which)
    def is_answered(self, who: int) -> None:
        """Say something to one alone."""
        member, outlet = self.stream(who)
        line = f"={next(self.numbers)} ".encode()
        self.expects(member, line)
        outlet.add(line)

    @rule(who=which, way=st.integers(0, 2))
    def hears_otherwise(self, who: int, way: int) -> None:
        """Change a way of writing."""
        self.stream(who)[1].write_as(self.ways[way])

    @rule(who=which)
    def reads_no_more(self, who: int) -> None:
        """Stop reading."""
        member, outlet = self.stream(who)
        outlet.pauseProducing()
        self.stopped.setdefault(member, len(self.wires[member].value()))

    @rule(who=which)
    def reads_again(self, who: int) -> None:
        """Read on."""
        member, outlet = self.stream(who)
        self.stopped.pop(member, None)
        outlet.resumeProducing()

    @rule(who=which)
    def closes(self, who: int) -> None:
        """End a connection whose member still is in rooms; it has heard all that it was to hear."""
        member, outlet = self.stream(who)
        if who % 3 == 0:
            self.stopped.pop(member, None)
            self.wires[member].write(outlet.take())
            self.closed[member] = None
            assert self.wires[member].value() == self.expected[member]

    @rule()
    def turn(self) -> None:
        """Let turns pass until nothing more is to be done: all who read have heard all."""
        self.clock.advance(0)
        while self.clock.getDelayedCalls():
            self.clock.advance(0)
        for member, wire in self.wires.items():
            if isinstance(member.outlet, StreamOutlet) and member not in self.stopped:
                assert wire.value() == self.expected[member]

    @invariant()
    def nothing_is_doubled_or_out_of_order(self) -> None:
        """Compare what was heard so far with the beginning of what is to be heard."""
        for member, expected in self.expected.items():
            heard = self.wires[member].value()
            if isinstance(member.outlet, Queued):
                assert member.outlet.heard == expected
            elif member in self.stopped:
                assert len(heard) == self.stopped[member]
            assert expected.startswith(heard)


Outlets.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestOutlets = Outlets.TestCase


def test_who_takes_what_waits_hears_nothing_more() -> None:
    """Though others in the room do, and the member has not left it yet."""
    clock, room, way = Clock(), Room[Outlet]("x"), Ways("c")
    wires: list[Any] = [StringTransport(), StringTransport()]
    after = Turns(clock)
    outlets = [StreamOutlet(each, after, way, 99, nothing, nothing, print) for each in wires]
    for outlet in outlets:
        room.add(Member("k", "m", outlet, "irc", 0.0), Role.NONE)
    taken = b""
    for number in (1, 2, 3, 4):
        deliver([Delivery(Event(number, Kind.SAID, "x", "m"), room.here, None)])
        if number == 3:
            taken = outlets[0].take()
    clock.advance(0)
    assert isinstance(room.here.prepared, Audience)
    deliver([Delivery(Event(5, Kind.SAID, "x", "m"), room.here, None)])
    clock.advance(0)
    assert [each.value() for each in wires] == [b"", b"c1 c2 c3 c4 c5 "]
    assert taken == b"c1 c2 c3 "


def test_a_room_that_very_many_have_left_unheard_is_worked_out_anew() -> None:
    """Where nobody may know of it, say: who is left hears all, and who is gone nothing."""
    clock, room, way = Clock(), Room[Outlet]("x"), Ways("c")
    wires: list[Any] = [StringTransport() for _ in range(MAX_LEFT + 3)]
    after, members = Turns(clock), []
    for wire in wires:
        outlet = StreamOutlet(wire, after, way, 99, nothing, nothing, print)
        members.append(Member[Outlet]("k", "m", outlet, "irc", 0.0))
        room.add(members[-1], Role.NONE)

    def said(number: int) -> None:
        deliver([Delivery(Event(number, Kind.SAID, "x", "m"), room.here, None)])

    said(1)
    said(2)
    for member in members[1:-1]:
        room.remove(member)
    said(3)
    said(4)
    room.remove(members[0])
    said(5)
    clock.advance(0)
    assert [each.value() for each in wires[:2]] == [b"c1 c2 c3 c4 ", b"c1 c2 "]
    assert wires[-1].value() == b"c1 c2 c3 c4 c5 "


@pytest.fixture
def chat() -> IrcChat:
    """Make a chat in which three have heard of each other."""
    return IrcChat()


def prepared(chat: IrcChat) -> object:
    """Return what is known of those in the room."""
    return chat.hub.room("tea").here.prepared


def two_in_a_room(chat: IrcChat) -> tuple[Any, Any]:
    """Let two enter it."""
    both = chat.on_irc("red"), chat.on_irc("blue")
    for each in both:
        each.says("JOIN #tea")
    return both


def test_a_room_is_worked_out_once_and_grows(chat: IrcChat) -> None:
    """Not by the first who come, but from then on, whoever comes and goes."""
    members = [chat.on_irc(f"m{number}") for number in range(4)]
    members[0].says("JOIN #tea")
    assert not isinstance(prepared(chat), Audience)
    members[1].says("JOIN #tea")
    known = prepared(chat)
    assert isinstance(known, Audience)
    members[2].says("JOIN #tea")
    assert prepared(chat) is known
    members[1].says("PART #tea")
    members[0].says("PRIVMSG #tea :hi")
    assert prepared(chat) is known
    assert members[1].hears() == []
    assert members[2].hears()[-1].endswith("PRIVMSG #tea :hi")


def test_a_member_who_asks_for_other_lines_gets_them_at_once(chat: IrcChat) -> None:
    """What was known of the room is known no more."""
    red, blue = two_in_a_room(chat)
    red.says("PRIVMSG #tea :1", "PRIVMSG #tea :2")
    assert [line[-1] for line in blue.hears()[-2:]] == ["1", "2"]
    blue.sends(b"CAP REQ :server-time\r\n")
    red.sends(b"PRIVMSG #tea :3\r\n")
    assert blue.hears()[-1].startswith("@time=")
    blue.sends(b"CAP REQ :-server-time\r\n")
    red.sends(b"PRIVMSG #tea :4\r\n")
    assert blue.hears()[-1].startswith(":red!")


def test_what_is_said_to_one_stays_between_what_is_said_to_all(chat: IrcChat) -> None:
    """Within one turn."""
    red, blue = two_in_a_room(chat)
    red.says("PRIVMSG #tea :0")
    blue.hears()
    red.sends(b"PRIVMSG #tea :1\r\n")
    blue.sends(b"PING 2\r\n")
    red.sends(b"PRIVMSG #tea :3\r\n")
    blue.sends(b"PING 4\r\n")
    assert [line[-1] for line in blue.hears()] == ["1", "2", "3", "4"]


def test_who_hangs_up_is_told_first_what_all_are_told(chat: IrcChat) -> None:
    """What was said in the same turn is not lost to who leaves at its end."""
    red, blue = two_in_a_room(chat)
    red.says("PRIVMSG #tea :0")
    blue.hears()
    red.sends(b"PRIVMSG #tea :1\r\n")
    blue.sends(b"QUIT :bye\r\n")
    heard = blue.hears()
    assert heard[0].endswith("PRIVMSG #tea :1")
    assert heard[-1].startswith("ERROR :")
    assert len(heard) == 2
