"""Tests of `twisted_net.chat.core.seat`."""

import pytest

from twisted_net.chat.codec.messages import (
    Act,
    Command,
    Done,
    Join,
    Listed,
    Nick,
    Part,
    Ping,
    Pong,
    Present,
    Quit,
    Refusal,
    Reply,
    Rooms,
    Say,
    Talk,
    Tell,
    Use,
    Who,
)
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.seat import Seat


def seated(hub: Hub[str], name: str) -> Seat[str]:
    """Take a seat under a name."""
    seat = Seat(hub, name, "tcp")
    seat.obey(Nick(name), 0.0)
    return seat


def replies(seat: Seat[str], command: Command, now: float = 1.0) -> list[Reply]:
    """Return the replies to a command."""
    return seat.obey(command, now).replies


def refusal(seat: Seat[str], command: Command) -> str:
    """Return why a command is refused."""
    with pytest.raises(Refusal) as refused:
        seat.obey(command, 1.0)
    return str(refused.value)


def test_the_first_name_enters_the_lobby() -> None:
    """Whoever comes is where the others are."""
    hub: Hub[str] = Hub()
    seat = Seat(hub, "red", "tcp")
    outcome = seat.obey(Nick("red"), 1.0)
    assert outcome.replies == [Done("NICK", "red"), Done("JOIN", "lobby 1")]
    assert [delivery.event.where for delivery in outcome.deliveries] == ["lobby"]
    assert seat.current == "lobby"


def test_without_a_lobby_a_name_is_all_one_has() -> None:
    """And what is said is said nowhere."""
    hub: Hub[str] = Hub("")
    seat = Seat(hub, "red", "tcp")
    assert replies(seat, Nick("red")) == [Done("NICK", "red")]
    assert refusal(seat, Talk("hi")) == "403 not in a room: JOIN <room>"
    assert refusal(seat, Who()) == "403 not in a room: JOIN <room>"


@pytest.mark.parametrize(
    "command", [Talk("x"), Join("x"), Part(), Use("x"), Say("x", "x"), Act("x"), Tell("x", "x")]
)
def test_nobody_does_anything_without_a_name(command: Command) -> None:
    """But ask whether the server lives, for help, and leave."""
    seat = Seat[str](Hub(), "", "tcp")
    assert refusal(seat, command) == "401 choose a name first: NICK <name>"
    assert replies(seat, Ping("1")) == [Pong("1")]
    assert seat.obey(Quit(), 1.0).over


def test_what_is_typed_goes_where_one_entered_last() -> None:
    """Or to the room that was chosen; after leaving it, to the one before."""
    hub: Hub[str] = Hub()
    red = seated(hub, "red")
    assert replies(red, Join("games")) == [Done("JOIN", "games 1")]
    assert replies(red, Talk("hi")) == [Done("SAY", "games 1000-1")]
    assert replies(red, Use("LOBBY")) == [Done("USE", "lobby")]
    assert replies(red, Act("waves")) == [Done("ME", "lobby 1000-2")]
    assert replies(red, Part()) == [Done("PART", "lobby")]
    assert red.current == "games"
    assert replies(red, Part("games")) == [Done("PART", "games")]
    assert refusal(red, Talk("hi")) == "403 not in a room: JOIN lobby"


def test_the_reply_to_a_message_is_its_id() -> None:
    """Programs can refer to it."""
    hub: Hub[str] = Hub()
    red, _ = seated(hub, "red"), seated(hub, "blue")
    assert replies(red, Say("Lobby", "hi"), 5.0) == [Done("SAY", "lobby 5000-0")]
    assert replies(red, Tell("BLUE", "hi"), 5.0) == [Done("TELL", "blue 5000-1")]


def test_who_says_who_is_there_and_for_how_long_silent() -> None:
    """In the order in which they came."""
    hub: Hub[str] = Hub()
    red = seated(hub, "red")
    Seat(hub, "blue", "udp").obey(Nick("blue"), 10.0)
    assert replies(red, Who(), 12.5) == [
        Present("lobby", "red", "-", "tcp", 12),
        Present("lobby", "blue", "-", "udp", 2),
        Done("WHO", "2"),
    ]
    assert replies(red, Rooms()) == [Listed("lobby", 2), Done("ROOMS", "1")]
    assert refusal(red, Who("nope")) == "404 no room 'nope'"


def test_another_name_is_heard_by_the_room() -> None:
    """And is the reply."""
    hub: Hub[str] = Hub()
    red, _ = seated(hub, "red"), seated(hub, "blue")
    outcome = red.obey(Nick("green"), 1.0)
    assert outcome.replies == [Done("NICK", "green")]
    assert [member.name for member in outcome.deliveries[0].to] == ["green", "blue"]
    assert refusal(red, Nick("blue")) == "409 name 'blue' is taken"


def test_a_seat_is_left_once() -> None:
    """Also when the connection is lost after QUIT."""
    hub: Hub[str] = Hub()
    red = seated(hub, "red")
    outcome = red.obey(Quit(), 1.0)
    assert (outcome.replies, outcome.over) == ([Done("BYE")], True)
    assert [delivery.event.text for delivery in outcome.deliveries] == ["quit"]
    assert red.leave("connection lost", 2.0) == []
    assert len(hub) == 0
