"""Tests of `twisted_net.chat.core.irc.names`; see also `test_hub_anything`."""

import pytest

from tests.chat.irc import IrcChat, OnIrc
from twisted_net.chat.core.irc import names
from twisted_net.chat.core.irc.capabilities import lines_of
from twisted_net.chat.core.irc.names import Names, Way, words
from twisted_net.chat.core.room import Member, Role, Room


def full(count: int, name: str = "x") -> Room[str]:
    """Make a room of some members."""
    room: Room[str] = Room(name)
    for number in range(count):
        room.add(Member(f"{number}", f"m{number}", "here", "irc", 0.0), Role.NONE)
    return room


def told(member: OnIrc) -> list[str]:
    """Return whom somebody is told of, line by line."""
    lines = member.says("NAMES #tea")
    assert lines.pop().split(" ")[1] == "366"
    return [line.partition(" :")[2] for line in lines if line.split(" ")[1] == "353"]


def test_who_comes_is_written_behind_those_who_were_there() -> None:
    """Nobody else is written anew."""
    room, kept, way = full(100), Names(), Way(False, False, 50)
    before = kept.lines(room, way)
    first = before[0]
    room.add(Member("k", "late", "here", "irc", 0.0), Role.NONE)
    lines = kept.lines(room, way)
    assert lines is before
    assert lines[0] is first
    assert lines[-1].endswith(" late")
    assert lines == lines_of(words(room, room.all, way), 50)


def test_the_lines_of_few_rooms_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the room asked for longest ago are written anew."""
    monkeypatch.setattr(names, "KEPT", 2)
    kept, way = Names(), Way(False, False, 50)
    rooms = [full(3, name) for name in "xyz"]
    first, second = (kept.lines(room, way) for room in rooms[:2])
    assert kept.lines(rooms[0], way) is first
    kept.lines(rooms[2], way)
    assert kept.lines(rooms[0], way) is first
    assert kept.lines(rooms[1], way) is not second


def test_names_follow_what_happens_in_the_room() -> None:
    """Renames, roles, and who comes and goes, whoever asks and however."""
    chat = IrcChat()
    red, blue = chat.on_irc("red"), chat.on_irc("blue", "multi-prefix", "userhost-in-names")
    for each in (red, blue):
        each.says("JOIN #tea")
    assert told(red) == ["@red blue"]
    red.says("MODE #tea +v red")
    assert told(red) == ["@red blue"]
    assert told(blue)[0].startswith("@+red!~red@")
    blue.says("NICK navy")
    assert told(red) == ["@red navy"]
    pink = chat.on_irc("pink")
    pink.says("JOIN #tea")
    assert told(red) == ["@red navy pink"]
    blue.says("PART #tea")
    assert told(red) == ["@red pink"]
    red.says("QUIT")
    assert told(pink) == ["pink"]


def test_whoever_enters_leaves_the_lines_of_the_others_as_they_are() -> None:
    """Else a full room would be written anew for each who comes."""
    chat = IrcChat()
    for number in range(3):
        chat.on_irc(f"m{number}").says("JOIN #tea")
    room = chat.hub.room("tea")
    before = room.altered
    chat.on_irc("late").says("JOIN #tea")
    assert len(room.members) == 4
    assert room.altered == before


def test_those_outside_are_not_told_of_the_invisible() -> None:
    """What members are told is not what strangers are told."""
    chat = IrcChat()
    red, blue, pink = (chat.on_irc(name) for name in ("red", "blue", "pink"))
    red.says("JOIN #tea")
    blue.says("JOIN #tea", "MODE blue +i")
    assert told(red) == ["@red blue"]
    assert told(pink) == ["@red"]
    assert told(red) == ["@red blue"]


def test_many_names_fill_lines_of_512_bytes() -> None:
    """However long the name of who asks, and in whatever charset."""
    chat = IrcChat()
    members = [chat.on_irc(f"member{number:03}") for number in range(120)]
    for each in members:
        each.says("JOIN #tea")
    for asks in (members[0], chat.on_irc("a"), chat.on_irc("a-name-of-twenty-four-ch")):
        asks.says("JOIN #tea")
        lines = asks.says("NAMES #tea")[:-1]
        assert all(len(line.encode()) <= 510 for line in lines)
        assert len(lines[0].encode()) > 490
        listed = " ".join(line.partition(" :")[2] for line in lines)
        assert listed == "@" + " ".join(each.name for each in chat.hub.room("tea").all)
