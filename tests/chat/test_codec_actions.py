"""Tests of `twisted_net.chat.codec.actions`."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.chat.codec import actions, actions_said
from twisted_net.chat.codec.actions import TYPING, Action
from twisted_net.chat.codec.datagram import MAX_PACKET, Key, Packet, Type, encode, packed, unpacked
from twisted_net.chat.codec.messages import (
    WHY,
    Act,
    Announced,
    Away,
    Code,
    Command,
    Done,
    Event,
    History,
    Join,
    Kick,
    Kind,
    Listed,
    Missed,
    Mode,
    Nick,
    Old,
    Part,
    Present,
    Quit,
    Refusal,
    Refused,
    Rooms,
    Say,
    Since,
    Tag,
    Talk,
    Tell,
    Titled,
    Topic,
    Who,
)
from twisted_net.chat.codec.multiline import lines_of

words = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=12)
rooms = st.just("") | words
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Nick, words),
    st.builds(Join, words, rooms),
    st.builds(Part, rooms, rooms),
    st.builds(Say, rooms, words),
    st.builds(Act, words, rooms),
    st.builds(Tell, words, words),
    st.builds(Who, rooms),
    st.just(Rooms()),
    st.builds(Topic, words, st.none() | st.just("") | words),
    st.builds(Kick, words, words, rooms),
    st.builds(Mode, words, rooms),
    st.builds(Away, rooms),
    st.builds(History, rooms, st.integers(0, 99_999)),
    st.builds(Since, st.integers(0, (1 << 64) - 1), rooms),
    st.builds(Tag, rooms, st.sampled_from(actions.TYPES).map(lambda each: ((TYPING, each),))),
)


@given(commands)
def test_a_command_is_read_as_it_was_asked(command: Command) -> None:
    """Client and server speak of the same command."""
    assert actions.parse(actions.asked(command)) == command


def test_a_plain_line_is_said_in_the_current_room() -> None:
    """Over datagrams too."""
    assert actions.parse(actions.asked(Talk("hi"))) == Say("", "hi")


def test_some_commands_are_of_the_line_door_only() -> None:
    """A session has its own ways of ending and of asking who lives."""
    with pytest.raises(Refusal):
        actions.asked(Quit())


@given(st.binary(min_size=1, max_size=1), st.dictionaries(st.sampled_from(Key), st.binary()))
def test_any_message_is_a_command_or_refused(action: bytes, fields: dict[Key, bytes]) -> None:
    """Nothing else can be raised by a stranger (R26); and a client bears any server (R16)."""
    body = action + packed(fields)
    actions_said.heard(body)
    refusal = None
    try:
        actions.parse(body)
    except Refusal as refused:
        refusal = refused
    assert refusal is None or refusal.code is Code.BAD


numbers = st.integers(0, (1 << 64) - 1)
kinds = st.sampled_from(list(actions_said._OF_KINDS))


@given(kinds, words, words, words, numbers, st.booleans())
def test_an_event_is_heard_as_it_was_told(
    kind: Kind, where: str, sender: str, text: str, number: int, private: bool
) -> None:
    """With its id."""
    where = "" if kind in (Kind.LEFT, Kind.RENAMED, Kind.AWAY) else where
    private = kind is Kind.TOLD or (private and kind in (Kind.ACTED, Kind.NOTICED))
    other = "blue" if kind is Kind.KICKED else ""
    tags = ((WHY, "so it is"),) if kind is Kind.ROOM_RENAMED and number % 2 else ()
    event = Event(number, kind, where, sender, text, private, other, tags=tags)
    body = actions_said.told(event)
    assert actions_said.heard(body) == (None, [event])


@pytest.mark.parametrize("private", [False, True])
def test_the_longest_message_fits_one_datagram(private: bool) -> None:
    """So there is no fragmentation, and no state for it."""
    where = "字" * 24 if private else "r" * 49
    event = Event((1 << 64) - 1, Kind.ACTED, where, "字" * 24, "x" * 1000, private)
    bodies = [actions_said.told(event)]
    if not private:
        bodies += actions_said.answered([Old(event)], 7)
    for body in bodies:
        packet = Packet(Type.CON, bytes(8), body[0], fields=body[1:])
        assert len(encode(packet, b"k" * 16)) <= MAX_PACKET


@given(st.text(st.sampled_from("a 字\n"), max_size=400), st.integers(1, 10))
def test_every_line_fits_a_datagram_and_has_the_id(text: str, times: int) -> None:
    """Each is an event of its own to a client, and says which of how many it is."""
    event = Event((1 << 64) - 1, Kind.SAID, "r" * 49, "字" * 24, text * times)
    bodies = list(actions_said.parts(actions_said.told(event)))
    for body in bodies:
        packet = Packet(Type.CON, bytes(8), body[0], fields=body[1:])
        assert len(encode(packet, b"k" * 16)) <= MAX_PACKET
    heard = [each for body in bodies for each in actions_said.heard(body)[1]]
    assert heard == [replace(event, text=line) for line in lines_of(event.text)]
    parts = [unpacked(body[1:]).get(Key.PART) for body in bodies]
    many = [bytes([number, len(bodies)]) for number in range(len(bodies))]
    assert parts == (many if len(bodies) > 1 else [None])
    old = list(actions_said.answered([Old(event)], 7))
    assert len(old) == len(bodies)
    for body in old:
        packet = Packet(Type.CON, bytes(8), body[0], fields=body[1:])
        assert len(encode(packet, b"k" * 16)) <= MAX_PACKET


def test_somebody_s_typing_is_a_hint() -> None:
    """Of other tags this door does not tell."""
    event = Event(5, Kind.TAGGED, "lobby", "red", tags=(("+typing", "active"), ("+x", "y")))
    heard = Event(0, Kind.TAGGED, "lobby", "red", tags=(("+typing", "active"),))
    assert actions_said.heard(actions_said.told(event)) == (None, [heard])
    assert actions_said.told(replace(event, tags=(("+x", "y"),))) == b""


def test_what_has_no_action_is_announced_or_not_told() -> None:
    """An invitation is for people to read; questions between programs are not."""
    event = Event(5, Kind.INVITED, "games", "red", other="blue")
    invites = Announced("red invites you into games")
    assert actions_said.heard(actions_said.told(event)) == (None, [invites])
    assert actions_said.told(replace(event, only="@")) == b""
    assert actions_said.told(Event(5, Kind.SAID, "games", "red", "\x01VERSION\x01")) == b""
    assert actions_said.told(Event(5, Kind.REDACTED, "games", "red")) == b""


def test_a_result_ends_its_request() -> None:
    """Done, or refused with the words that the line door would use."""
    (done,) = actions_said.answered([Done("SAY", "lobby 1-2")], 7)
    assert actions_said.heard(done) == (7, [Done("", "lobby 1-2")])
    refused = actions_said.refused(Refusal(Code.TAKEN, "name 'red' is taken"), 8)
    assert actions_said.heard(refused) == (8, [Refused(409, "name 'red' is taken")])


def test_a_list_is_packed_and_bounded() -> None:
    """Many lines to a packet; a list without end is cut, and its result says how long it is."""
    present = [Present("lobby", f"n{number}", "-", "udp", 3) for number in range(1000)]
    bodies = list(actions_said.answered([*present, Done("WHO", "1000")], 7))
    assert len(bodies) == actions_said.MAX_LISTS + 1
    heard = [each for body in bodies for each in actions_said.heard(body)[1]]
    assert heard[:-1] == present[: len(heard) - 1]
    assert heard[-1] == Done("", "1000")
    parts = [unpacked(body[1:]).get(Key.PART) for body in bodies]
    assert parts == [*(bytes([n, len(bodies) - 1]) for n in range(len(bodies) - 1)), None]
    listed = [Listed("lobby", 2, "what we talk of"), Listed("games", 1)]
    bodies = list(actions_said.answered([*listed, Done("ROOMS", "2")], 7))
    assert actions_said.heard(bodies[0]) == (7, listed)


def test_what_was_said_before_and_a_topic_are_replies() -> None:
    """Each with all that it takes to show them."""
    old = [
        Old(Event(7 << 16, Kind.SAID, "lobby", "red", "hi")),
        Old(Event(8 << 16, Kind.ACTED, "lobby", "red", "waves")),
    ]
    titled = Titled("lobby", "red", "chess")
    bodies = list(actions_said.answered([*old, titled, Done("HISTORY", "2")], 7))
    heard = [each for body in bodies for each in actions_said.heard(body)[1]]
    assert heard == [*old, titled, Done("", "2")]


def test_missed_events_are_told_with_their_number() -> None:
    """A gap is shown."""
    assert actions_said.heard(actions_said.missed(12)) == (None, [Missed(12)])
    body = actions_said.missed(3, 5 << 16, "games", more=True)
    assert actions_said.heard(body) == (None, [Missed(3, "games", more=True)])
    assert actions_said.id_of(body) == 5 << 16
    strange = bytes([Action.MISSED]) + packed({Key.TEXT: b"x"})
    assert actions_said.heard(strange) == (None, [Announced("x")])


def test_every_refusal_has_a_reason_of_one_byte() -> None:
    """And none is lost on the way back."""
    for code in Code:
        assert actions.REASONS[actions.reason_of(Refusal(code, ""))] is code
