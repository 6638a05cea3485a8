"""Rooms that get another name: IRCv3 draft/channel-rename, a test for each MUST of it."""

from collections.abc import Callable

import pytest

from tests.chat.irc import IrcChat, OnIrc
from twisted_net.chat.codec.messages import Event, Join, Kind, Talk
from twisted_net.chat.core.irc import renaming

CAPABILITY = "draft/channel-rename"
BAD_ROOM = "Room: 1-49 bytes, no space or comma"


def tea(
    *capabilities: str, keep: bool = False, accounts: bool = False
) -> tuple[IrcChat, OnIrc, OnIrc]:
    """Let red, its operator, and blue be in a room; red has asked for the capability."""
    server = IrcChat(keep=keep, accounts=accounts)
    red = server.on_irc("red", CAPABILITY)
    blue = server.on_irc("blue", *capabilities)
    for member in (red, blue):
        member.says("JOIN #tea")
    red.says("TOPIC #tea :green or black")
    blue.hears()
    return server, red, blue


def source(server: IrcChat, name: str) -> str:
    """Return where a member's lines come from."""
    return f":{name}!{server.hub.find(name).mask}"


def test_whoever_asked_for_it_is_told_of_a_new_name() -> None:
    """The reason is always there, empty where nobody gave one."""
    server, red, blue = tea(CAPABILITY)
    assert f" {CAPABILITY} " in f" {' '.join(server.on_irc().says('CAP LS 302'))} "
    renamed = f"{source(server, 'red')} RENAME #tea #coffee :stronger"
    assert red.says("RENAME #tea #coffee stronger") == [renamed]
    assert blue.hears() == [renamed]
    server.wait(60, red, blue)
    assert red.says("RENAME #coffee #mocha") == [f"{source(server, 'red')} RENAME #coffee #mocha :"]


def test_members_topic_and_modes_are_those_that_were() -> None:
    """All of the room's state is preserved."""
    _, red, blue = tea(CAPABILITY)
    red.says("MODE #tea +vb blue green!*@*", "RENAME #tea #coffee")
    blue.hears()
    said = red.says("NAMES #coffee", "TOPIC #coffee", "MODE #coffee b", "MODE #coffee")
    assert ":irc.example 353 red = #coffee :@red +blue" in said
    assert ":irc.example 332 red #coffee :green or black" in said
    assert [line.split(" ")[3:5] for line in said if " 367 " in line] == [["#coffee", "green!*@*"]]
    assert red.numerics("NAMES #tea", "PRIVMSG #tea :hi") == ["366", "403"]
    red.says("PRIVMSG #coffee :hi")
    assert blue.hears()[0].endswith("PRIVMSG #coffee :hi")


def test_whoever_did_not_ask_for_it_leaves_one_room_and_enters_another() -> None:
    """With all that is told to whoever enters a room, and the reason."""
    server, red, blue = tea()
    red.says("RENAME #tea #coffee :stronger")
    me = source(server, "blue")
    heard = blue.hears()
    assert heard[:3] == [
        f"{me} PART #tea :stronger",
        f"{me} JOIN #coffee",
        ":irc.example 332 blue #coffee :green or black",
    ]
    assert heard[3].startswith(":irc.example 333 blue #coffee red ")
    assert heard[4:] == [
        ":irc.example 353 blue = #coffee :@red blue",
        ":irc.example 366 blue #coffee :End of NAMES",
    ]
    blue.says("PRIVMSG #coffee :so it is")
    assert red.hears() == [f"{me} PRIVMSG #coffee :so it is"]


def test_a_large_room_is_told_who_is_in_it_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else waits until all are; who has gone meanwhile is told nothing."""
    monkeypatch.setattr(renaming, "NAMES_A_TURN", 10)
    server, red, blue = tea()
    turns: list[Callable[[], None]] = []
    server.irc.soon = turns.append
    members = [blue, *(server.on_irc(f"m{n}") for n in range(3))]
    for member in members[1:]:
        member.says("JOIN #tea")
    for member in members:
        member.hears()
    red.says("RENAME #tea #coffee")
    heard = [[line.split(" ")[1] for line in member.hears()] for member in members]
    assert [each[:2] for each in heard] == [["PART", "JOIN"]] * 4
    assert ["366" in each for each in heard] == [True, True, False, False]
    members[2].says("PART #coffee")
    while turns:
        turns.pop()()
    heard = [[line.split(" ")[1] for line in member.hears()] for member in members]
    assert ["366" in each for each in heard] == [False, False, False, True]


def test_such_a_client_is_told_in_its_own_way() -> None:
    """As its other capabilities want it; a room without a reason is left without one."""
    server, red, blue = tea("extended-join", "no-implicit-names", "message-tags", "server-time")
    red.says("TOPIC #tea :")
    blue.hears()
    red.says("RENAME #tea #coffee")
    parted, joined = blue.hears()
    tags, _, rest = parted.partition(" ")
    assert tags.startswith("@time=")
    assert ";msgid=" in tags
    assert rest == f"{source(server, 'blue')} PART #tea"
    assert joined == f"{source(server, 'blue')} JOIN #coffee * :Blue Example"


def test_only_letters_of_another_case_are_no_other_room() -> None:
    """They may always be changed, and who has not asked for the capability hears nothing."""
    server, red, blue = tea()
    assert red.says("RENAME #tea #TEA") == [f"{source(server, 'red')} RENAME #tea #TEA :"]
    assert red.says("RENAME #TEA #Tea") == [f"{source(server, 'red')} RENAME #TEA #Tea :"]
    assert blue.hears() == []
    assert red.says("RENAME #Tea #Tea") == [
        ":irc.example FAIL RENAME CANNOT_RENAME #Tea #Tea :The channel has that name"
    ]


def test_whoever_renames_without_the_capability_is_told_as_the_others_are() -> None:
    """The room is renamed all the same; with a label, that is the answer."""
    server, red, blue = tea(CAPABILITY)
    red.says(f"CAP REQ :-{CAPABILITY} labeled-response batch")
    first, *told, last = red.says("@label=7 RENAME #tea #coffee")
    assert first.startswith("@label=7 :irc.example BATCH +")
    assert last.startswith(":irc.example BATCH -")
    shown = [line.partition(" ")[2].split(" ")[1] for line in told]
    assert shown == ["PART", "JOIN", "332", "333", "353", "366"]
    assert blue.hears() == [f"{source(server, 'red')} RENAME #tea #coffee :"]


def test_what_cannot_be_renamed_is_refused() -> None:
    """By the numerics that there are, or by the codes of the specification."""
    server, red, blue = tea(CAPABILITY)
    blue.says("JOIN #milk")
    red.hears()
    asked = {
        "RENAME": "461 red RENAME :Not enough parameters",
        "RENAME #tea": "461 red RENAME :Not enough parameters",
        "RENAME tea #coffee": "403 red tea :No such channel",
        "RENAME #nowhere #coffee": "403 red #nowhere :No such channel",
        "RENAME #milk #coffee": "442 red #milk :You are not on that channel",
        "RENAME #tea #Milk": (
            "FAIL RENAME CHANNEL_NAME_IN_USE #tea #Milk :The channel name is already taken"
        ),
        "RENAME #tea coffee": (
            "FAIL RENAME CANNOT_RENAME #tea coffee :The new name must begin with #"
        ),
        "RENAME #tea :": "FAIL RENAME CANNOT_RENAME #tea * :The new name must begin with #",
        "RENAME #tea :#a b": f"FAIL RENAME CANNOT_RENAME #tea * :{BAD_ROOM}",
        "RENAME #tea #a,b": f"FAIL RENAME CANNOT_RENAME #tea #a,b :{BAD_ROOM}",
    }
    for line, answer in asked.items():
        assert red.says(line) == [f":irc.example {answer}"]
    assert blue.says("RENAME #tea #coffee") == [
        ":irc.example 482 blue #tea :You are not an operator of that channel"
    ]
    red.says("RENAME #tea #coffee")
    assert red.says("RENAME #coffee #mocha") == [
        ":irc.example FAIL RENAME CANNOT_RENAME #coffee #mocha :Renamed just now: wait 60 s"
    ]
    red.says("JOIN #lobby")
    assert red.says("RENAME #lobby #hall") == [
        ":irc.example FAIL RENAME CANNOT_RENAME #lobby #hall :The server's settings name that room"
    ]
    assert server.hub.room("coffee").name == "coffee"


def test_who_asks_for_the_old_name_is_told_the_new_one() -> None:
    """Who has asked for the capability goes there on their own account."""
    server, red, _ = tea()
    green = server.on_irc("green", CAPABILITY)
    red.says("RENAME #tea #coffee")
    assert green.says("JOIN #Tea,#milk")[:2] == [
        ":irc.example FAIL JOIN CHANNEL_RENAMED #Tea #coffee :The channel has been renamed",
        f"{source(server, 'green')} JOIN #milk",
    ]
    assert "green" not in [each.name for each in server.hub.room("coffee").members]


def test_who_knows_nothing_of_new_names_is_led_to_the_room() -> None:
    """With the key that they know, and an answer in one piece where that is wanted."""
    server, red, _ = tea()
    green = server.on_irc("green", "labeled-response", "batch")
    red.says("RENAME #tea #coffee", "MODE #coffee +k milk")
    red.hears()
    link = "470 green #tea #coffee :The channel has been renamed"
    assert green.says("JOIN #tea") == [
        f":irc.example {link}",
        ":irc.example 475 green #coffee :Cannot join channel (+k): wrong key",
    ]
    first, *told, last = green.says("@label=7 JOIN #tea milk")
    assert first.startswith("@label=7 :irc.example BATCH +")
    assert last.startswith(":irc.example BATCH -")
    words = [line.partition(" ")[2] for line in told]
    assert words[:2] == [f":irc.example {link}", f"{source(server, 'green')} JOIN #coffee"]
    assert red.hears() == [f"{source(server, 'green')} JOIN #coffee"]


def test_on_the_line_door_the_new_name_is_said() -> None:
    """As it is typed."""
    server, red, _ = tea()
    red.says("RENAME #tea #coffee")
    green = server.on_line("green")
    green.hears()
    assert green.says("JOIN tea") == ["ERR 404 tea is called coffee now: JOIN coffee"]


def test_history_follows_the_room() -> None:
    """What was said under the old name is told under the new one, and the old one has none."""
    _, red, blue = tea(CAPABILITY, "message-tags", "draft/chathistory", keep=True)
    red.says("PRIVMSG #tea :before", "RENAME #tea #coffee", "PRIVMSG #coffee :after")
    blue.hears()
    told = blue.says("CHATHISTORY LATEST #coffee * 10")
    assert [line.rpartition("PRIVMSG ")[2] for line in told] == [
        "#coffee :before",
        "#coffee :after",
    ]
    blue.says("JOIN #tea")
    assert blue.says("CHATHISTORY LATEST #tea * 10") == []


def test_how_far_somebody_has_read_follows_the_room() -> None:
    """Without an account, too, where the connection remembers it."""
    when = "timestamp=2026-01-01T00:00:00.000Z"
    _, red, blue = tea("draft/read-marker", keep=True, accounts=True)
    assert blue.says(f"MARKREAD #tea {when}") == [f":irc.example MARKREAD #tea {when}"]
    red.says("RENAME #tea #coffee")
    assert f":irc.example MARKREAD #coffee {when}" in blue.hears()
    assert blue.says("MARKREAD #tea") == [":irc.example MARKREAD #tea *"]


def test_the_other_doors_hear_of_it_and_go_on() -> None:
    """The room in which plain lines are said is still the same one."""
    server, red, _ = tea()
    green, pink = server.on_line("green"), server.on_datagrams("pink")
    pink.asks(Join("tea"))
    green.says("JOIN tea", "JOIN milk", "USE tea", "IDS on")
    pink.hears()
    red.says("RENAME #tea #coffee :stronger \x02and darker\x02")
    assert [line.partition(" ")[2] for line in green.hears()] == [
        "MOVED tea coffee red stronger and darker"
    ]
    (moved,) = [each for each in pink.hears() if isinstance(each, Event) and each.id]
    assert (moved.kind, moved.where, moved.text) == (Kind.ROOM_RENAMED, "tea", "coffee")
    red.hears()
    green.says("still here")
    pink.asks(Talk("here too"))
    said = [line.partition(" ")[2] for line in red.hears()]
    assert said == ["PRIVMSG #coffee :still here", "PRIVMSG #coffee :here too"]


def test_a_session_that_fell_silent_comes_back_into_the_room_of_another_name() -> None:
    """And does not begin one under the old name."""
    server, red, blue = tea()
    pink = server.on_datagrams("pink")
    pink.asks(Join("tea"))
    server.wait(100, red, blue)
    red.says("RENAME #tea #coffee")
    assert "pink" not in [each.name for each in server.hub.room("coffee").members]
    pink.hears()
    pink.asks(Talk("back"))
    assert red.hears()[-1].endswith("PRIVMSG #coffee :back")
