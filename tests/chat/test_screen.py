"""Tests of `twisted_net.chat.screen`: what is printed."""

import json
import re
from dataclasses import replace

import pytest
from twisted.internet.task import Clock

from twisted_net.chat.client import ChatLineClient
from twisted_net.chat.codec.messages import (
    WHY,
    Announced,
    Done,
    Event,
    Heard,
    Kind,
    Listed,
    Missed,
    Old,
    Pong,
    Present,
    Refused,
    Titled,
    Usage,
)
from twisted_net.chat.core.known import fingerprint
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
        (Event(0, Kind.ROOM_RENAMED, "den", "blue", "hall"), "* blue calls den hall now"),
        (
            Event(0, Kind.ROOM_RENAMED, "den", "blue", "hall", tags=((WHY, "why\x1b"),)),
            "* blue calls den hall now (why\\x1b)",
        ),
        (Event(0, Kind.PARTED, "lobby", "blue", "tea"), "* blue left this room (tea)"),
        (Event(0, Kind.NOTICED, "lobby", "bot", "built"), "<bot> built"),
        (Event(0, Kind.TOPIC, "lobby", "blue", "tea"), "* topic, by blue: tea"),
        (Event(0, Kind.TOPIC, "games", "blue", "go"), "* topic of games, by blue: go"),
        (Event(0, Kind.TOPIC, "games", "blue"), "* blue took away the topic of games"),
        (
            Event(0, Kind.KICKED, "lobby", "blue", "loud", other="red"),
            "* blue threw red out of this room (loud)",
        ),
        (Event(0, Kind.KICKED, "den", "blue", other="red"), "* blue threw red out of den"),
        (Event(0, Kind.MODED, "lobby", "blue", "+o red"), "* blue set +o red"),
        (Event(0, Kind.MODED, "den", "blue", "+m"), "* blue set +m in den"),
        (Event(0, Kind.INVITED, "den", "blue"), "* blue invites you to den: /join den"),
        (Titled("lobby", "blue", "tea"), "* topic of lobby, by blue: tea"),
        (Listed("lobby", 2, "tea"), "  lobby (2 here): tea"),
        (Present("lobby", "blue", "voice", "irc", 7), "  blue (voice, irc, idle 7 s)"),
        (Missed(12, "den"), "* 12 messages were missed in den"),
        (Done("MODE", "lobby +nt"), "* modes of lobby: +nt"),
        (Done("AWAY", "tea"), "* you are away"),
        (Done("AWAY"), "* you are back"),
        (
            Done("JOIN", "games 3 kept=30d"),
            "* you are in games (3 here); what is said is kept for 30d",
        ),
        (Done("JOIN", "games 3"), "* you are in games (3 here)"),
        (Done("NICK", "green"), "* you are green now"),
        (Present("lobby", "blue", "-", "udp", 7), "  blue (udp, idle 7 s)"),
        (Listed("lobby", 2), "  lobby (2 here)"),
        (Pong("x"), "* pong"),
        (Usage("/quit", "leave"), "  /quit: leave"),
        (Refused(404, "no room 'x'"), "! no room 'x'"),
        (Announced("stopping"), "* server: stopping"),
        (Missed(12), "* 12 messages were missed"),
        (Missed(12, more=True), "* 12 or more messages were missed"),
        (Missed(0, more=True), "* some messages were missed"),
    ],
)
def test_what_is_heard_is_one_line(heard: Heard, shown: str, capsys: Printed) -> None:
    """For people."""
    screen().show(heard)
    assert capsys.readouterr().out == shown + "\n"


@pytest.mark.parametrize(
    ("old", "shown"),
    [
        (Event(1767225600123 << 16, Kind.SAID, "lobby", "blue", "hello"), "<blue> hello"),
        (Event(1767225600123 << 16, Kind.SAID, "den", "blue", "hello"), "[den] <blue> hello"),
        (Event(1767225600123 << 16, Kind.SAID, "lobby", "blue"), "<blue> (taken back)"),
    ],
)
def test_what_was_said_before_is_shown_with_its_time(
    old: Event, shown: str, capsys: Printed
) -> None:
    """In the zone that one lives in."""
    screen().show(Old(old))
    printed = capsys.readouterr().out
    assert re.fullmatch(r"20(25-12-31|26-01-01) \d\d:\d\d " + re.escape(shown) + "\n", printed)


def test_whoever_enters_by_hand_is_told_what_is_kept(capsys: Printed) -> None:
    """And what was said before."""
    entered = screen()
    entered.client.name = "red"
    entered.client.greeted = [
        Done("NICK", "red"),
        Done("JOIN", "lobby 1 kept=30d"),
        Old(Event(1767225600123 << 16, Kind.SAID, "lobby", "blue", "hello")),
    ]
    entered.welcome()
    welcome, kept, old = capsys.readouterr().out.splitlines()
    assert welcome == "* you are red in lobby; /help lists commands, Ctrl-D leaves"
    assert kept == "* what is said here is kept for 30d"
    assert old.endswith(" <blue> hello")


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
    told.show(Event(0, Kind.KICKED, "den", "blue", other="red"))
    told.show(Old(Event(7, Kind.SAID, "den", "blue", "hi")))
    told.refused(404, "no room 'x'")
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert [json.loads(each) for each in printed.splitlines()] == [
        {
            "kind": "said",
            "id": "1767225600123-4",
            "time": "2026-01-01T00:00:00.123Z",
            "where": "lobby",
            "sender": "blue",
            "text": NASTY,
        },
        {"kind": "left", "id": None, "time": None, "where": "", "sender": "blue", "text": "quit"},
        {
            "kind": "present",
            "room": "lobby",
            "name": "blue",
            "role": "-",
            "door": "udp",
            "idle": 7,
        },
        {
            "kind": "kicked",
            "id": None,
            "time": None,
            "where": "den",
            "sender": "blue",
            "text": "",
            "other": "red",
        },
        {
            "kind": "said",
            "id": "0-7",
            "time": "1970-01-01T00:00:00.000Z",
            "where": "den",
            "sender": "blue",
            "text": "hi",
            "old": True,
        },
        {"kind": "refused", "code": 404, "text": "no room 'x'"},
    ]


def test_a_number_that_is_no_time_is_shown_without_one(capsys: Printed) -> None:
    """A server may say that something was said in the year 10000."""
    event = Event((1 << 64) - 1, Kind.SAID, "lobby", "blue", "hi")
    screen().show(Old(event))
    screen(as_json=True).show(event)
    shown, record = capsys.readouterr().out.splitlines()
    assert shown == "<blue> hi"
    assert json.loads(record)["time"] is None


def test_a_peer_is_shown_with_the_key_that_it_has_proven(capsys: Printed) -> None:
    """In short, and whole for programs; of members of a server there is none to show."""
    key = fingerprint(bytes(32))
    came = Event(0, Kind.JOINED, "lobby", "blue", tags=(("key", key), ("new", "yes")))
    unproven = replace(came, tags=(("key", ""),))
    told = screen()
    told.show(came)
    told.show(unproven)
    told.show(replace(came, tags=()))
    told.replies([Present("lobby", "blue", "-", "udp", 7, each) for each in (key, "", None)])
    screen(as_json=True).show(came)
    *shown, record = capsys.readouterr().out.splitlines()
    assert shown == [
        "* blue joined (key 6668 7aad f862 bd77; met for the first time)",
        "* blue joined (unproven)",
        "* blue joined",
        "  blue (udp, idle 7 s, key 6668 7aad f862 bd77)",
        "  blue (udp, idle 7 s, unproven)",
        "  blue (udp, idle 7 s)",
    ]
    assert json.loads(record)["key"] == key
