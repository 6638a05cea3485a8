"""Tests of `twisted_net.chat.codec.actions`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.chat.codec import actions
from twisted_net.chat.codec.actions import Action
from twisted_net.chat.codec.datagram import MAX_PACKET, Key, Packet, Type, encode, packed
from twisted_net.chat.codec.messages import (
    Act,
    Announced,
    Code,
    Command,
    Done,
    Event,
    Join,
    Kind,
    Listed,
    Missed,
    Nick,
    Part,
    Present,
    Quit,
    Refusal,
    Refused,
    Rooms,
    Say,
    Talk,
    Tell,
    Who,
)

words = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=12)
rooms = st.just("") | words
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Nick, words),
    st.builds(Join, words),
    st.builds(Part, rooms),
    st.builds(Say, rooms, words),
    st.builds(Act, words, rooms),
    st.builds(Tell, words, words),
    st.builds(Who, rooms),
    st.just(Rooms()),
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
    actions.heard(body)
    refusal = None
    try:
        actions.parse(body)
    except Refusal as refused:
        refusal = refused
    assert refusal is None or refusal.code is Code.BAD


@given(st.sampled_from(list(actions._OF_KINDS)), words, words, words, st.integers(0, (1 << 64) - 1))
def test_an_event_is_heard_as_it_was_told(
    kind: Kind, where: str, sender: str, text: str, number: int
) -> None:
    """With its id."""
    placeless = kind in (Kind.LEFT, Kind.RENAMED)
    where = "" if placeless else where
    event = Event(number, kind, where, sender, text, private=kind is Kind.TOLD)
    body = actions.told(event)
    assert actions.heard(body) == (None, [event])


def test_the_longest_message_fits_one_datagram() -> None:
    """So there is no fragmentation, and no state for it."""
    event = Event((1 << 64) - 1, Kind.SAID, "r" * 49, "字" * 24, "x" * 1000)
    body = actions.told(event)
    packet = Packet(Type.CON, bytes(8), body[0], fields=body[1:])
    assert len(encode(packet, b"k" * 16)) <= MAX_PACKET


def test_a_result_ends_its_request() -> None:
    """Done, or refused with the words that the line door would use."""
    (done,) = actions.answered([Done("SAY", "lobby 1-2")], 7)
    assert actions.heard(done) == (7, [Done("", "lobby 1-2")])
    refused = actions.refused(Refusal(Code.TAKEN, "name 'red' is taken"), 8)
    assert actions.heard(refused) == (8, [Refused(409, "name 'red' is taken")])


def test_a_list_is_packed_and_bounded() -> None:
    """Many lines to a packet; a list without end is cut, and its result says how long it is."""
    present = [Present("lobby", f"n{number}", "-", "udp", 3) for number in range(1000)]
    bodies = list(actions.answered([*present, Done("WHO", "1000")], 7))
    assert len(bodies) == actions.MAX_LISTS + 1
    heard = [each for body in bodies for each in actions.heard(body)[1]]
    assert heard[:-1] == present[: len(heard) - 1]
    assert heard[-1] == Done("", "1000")
    listed = [Listed("lobby", 2), Listed("games", 1)]
    bodies = list(actions.answered([*listed, Done("ROOMS", "2")], 7))
    assert actions.heard(bodies[0]) == (7, listed)


def test_missed_events_are_told_with_their_number() -> None:
    """A gap is shown."""
    assert actions.heard(actions.missed(12)) == (None, [Missed(12)])
    strange = bytes([Action.MISSED]) + packed({Key.TEXT: b"x"})
    assert actions.heard(strange) == (None, [Announced("x")])


def test_every_refusal_has_a_reason_of_one_byte() -> None:
    """And none is lost on the way back."""
    for code in Code:
        assert actions.REASONS[actions.reason_of(Refusal(code, ""))] is code
