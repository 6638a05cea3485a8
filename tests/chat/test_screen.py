"""Tests of `twisted_net.chat.screen`: what is printed."""

import json

import pytest
from twisted.internet.task import Clock

from twisted_net.chat.client import ChatLineClient
from twisted_net.chat.codec.messages import (
    Announced,
    Done,
    Event,
    Heard,
    Kind,
    Listed,
    Missed,
    Pong,
    Present,
    Refused,
    Usage,
)
from twisted_net.chat.screen import _EVENTS, Screen
from twisted_net.net.clients import Target

NASTY = "\x1b[31m\u202e\x07\x00\n{0}%s\ud800"
SHOWN = "\\x1b[31m\\u202e\\x07\\x00\\n{0}%s\\ud800"

Printed = pytest.CaptureFixture[str]


def screen(as_json: bool = False) -> Screen:
    """Return the screen of somebody in the lobby."""
    made = Screen(as_json)
    made.client = ChatLineClient(Clock(), Target("tcp", "h", 1), made.show)
    made.client.room = "lobby"
    return made


@pytest.mark.parametrize(
    ("heard", "shown"),
    [
        (Event(0, Kind.SAID, "lobby", "blue", "hello"), "<blue> hello"),
        (Event(0, Kind.SAID, "games", "blue", "hello"), "[games] <blue> hello"),
        (Event(0, Kind.ACTED, "lobby", "blue", "waves"), "* blue waves"),
        (Event(0, Kind.TOLD, "", "blue", "psst"), "<blue to you> psst"),
        (Event(0, Kind.JOINED, "lobby", "blue"), "* blue joined"),
        (Event(0, Kind.JOINED, "games", "blue"), "* blue joined games"),
        (Event(0, Kind.PARTED, "games", "blue"), "* blue left games"),
        (Event(0, Kind.LEFT, "", "blue", "quit"), "* blue left (quit)"),
        (Event(0, Kind.RENAMED, "", "blue", "green"), "* blue is green now"),
        (Done("JOIN", "games 3"), "* you are in games (3 here)"),
        (Done("NICK", "green"), "* you are green now"),
        (Present("lobby", "blue", "-", "udp", 7), "  blue (udp, idle 7 s)"),
        (Listed("lobby", 2), "  lobby (2 here)"),
        (Pong("x"), "* pong"),
        (Usage("/quit", "leave"), "  /quit: leave"),
        (Refused(404, "no room 'x'"), "! no room 'x'"),
        (Announced("stopping"), "* server: stopping"),
        (Missed(12), "* 12 messages were missed"),
    ],
)
def test_what_is_heard_is_one_line(heard: Heard, shown: str, capsys: Printed) -> None:
    """For people."""
    screen().show(heard)
    assert capsys.readouterr().out == shown + "\n"


def test_what_needs_no_words_is_not_shown(capsys: Printed) -> None:
    """What was typed is on the screen already."""
    screen().show(Done("SAY", "lobby 1-2"))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kind", _EVENTS)
def test_nothing_that_anybody_said_moves_the_cursor(kind: Kind, capsys: Printed) -> None:
    """One line an event, without a byte that a terminal obeys (R22, R23)."""
    screen().show(Event(0, kind, NASTY, NASTY, NASTY))
    shown = capsys.readouterr().out
    assert SHOWN in shown
    assert shown.count("\n") == 1
    assert all(character.isprintable() for character in shown[:-1])


def test_a_program_gets_one_object_a_line(capsys: Printed) -> None:
    """With everything that is known, escaped."""
    told = screen(as_json=True)
    told.show(Event(1767225600123 << 16 | 4, Kind.SAID, "lobby", "blue", NASTY))
    told.show(Event(0, Kind.LEFT, "", "blue", "quit"))
    told.replies([Present("lobby", "blue", "-", "udp", 7)])
    told.refused(404, "no room 'x'")
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert [json.loads(each) for each in printed.splitlines()] == [
        {
            "kind": "said",
            "id": "1767225600123-4",
            "where": "lobby",
            "sender": "blue",
            "text": NASTY,
        },
        {"kind": "left", "id": None, "where": "", "sender": "blue", "text": "quit"},
        {
            "kind": "present",
            "room": "lobby",
            "name": "blue",
            "role": "-",
            "door": "udp",
            "idle": 7,
        },
        {"kind": "refused", "code": 404, "text": "no room 'x'"},
    ]
