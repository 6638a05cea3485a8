"""Rooms on the IRC door: JOIN, PART, NAMES, TOPIC, LIST, KICK, INVITE (RFC 2812, 3.2)."""

import pytest

from tests.chat.irc import IrcChat, OnIrc
from twisted_net.chat.core.books import MAX_ROOMS_EACH


def two(*capabilities: str) -> tuple[IrcChat, OnIrc, OnIrc]:
    """Return two members in ``#a``; the first one is its operator, the second has capabilities."""
    server = IrcChat()
    red, blue = server.on_irc("red"), server.on_irc("blue", *capabilities)
    red.says("JOIN #a")
    blue.says("JOIN #a")
    red.hears()
    blue.hears()
    return server, red, blue


def mask(server: IrcChat, name: str) -> str:
    """Return where lines of a member come from."""
    return f"{name}!{server.hub.find(name).mask}"


def test_whoever_enters_is_told_the_topic_and_who_is_there() -> None:
    """JOIN, 332 and 333 if there is a topic, 353, 366."""
    server, red, blue = two()
    assert red.says("TOPIC #a :Be kind") == [f":{mask(server, 'red')} TOPIC #a :Be kind"]
    green = server.on_irc("green")
    green.hears()
    assert green.says("JOIN #A") == [
        f":{mask(server, 'green')} JOIN #a",
        ":irc.example 332 green #a :Be kind",
        ":irc.example 333 green #a red 1767225600",
        ":irc.example 353 green = #a :@red blue green",
        ":irc.example 366 green #a :End of NAMES",
    ]
    assert blue.hears()[-1] == f":{mask(server, 'green')} JOIN #a"
    assert green.says("JOIN #a") == []


def test_lists_of_rooms_are_entered_with_their_keys_and_left() -> None:
    """One by one; ``0`` leaves all."""
    server, red, blue = two()
    red.says("JOIN #b,#c", "MODE #b +k key")
    assert blue.numerics("JOIN #b,#c,x key") == ["JOIN", "353", "366"] * 2 + ["403"]
    assert [line.partition(" ")[2] for line in blue.says("PART #b,#nowhere,#c :bye")] == [
        "PART #b :bye",
        "403 blue #nowhere :No such channel",
        "PART #c :bye",
    ]
    blue.says("JOIN #d")
    assert blue.numerics("JOIN 0") == ["PART", "PART"]
    assert server.hub.find("blue").rooms == {}


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("JOIN", "461 blue JOIN :Not enough parameters"),
        ("JOIN a", "403 blue a :No such channel"),
        ("JOIN :#a b", "476 blue #a b :Room: 1-49 bytes, no space or comma"),
        (f"JOIN #{'x' * 50}", f"476 blue #{'x' * 50} :Room: 1-49 bytes, no space or comma"),
        ("JOIN #key wrong", "475 blue #key :Cannot join channel (+k): wrong key"),
        ("JOIN #full", "471 blue #full :Cannot join channel (+l): it is full"),
        ("JOIN #only", "473 blue #only :Cannot join channel (+i): you must be invited"),
        ("JOIN #out", "474 blue #out :Cannot join channel (+b): you are banned"),
        ("JOIN #known", "477 blue #known :Cannot join channel (+R): you need an account"),
        ("PART #key", "442 blue #key :You are not on that channel"),
        ("PART #nowhere", "403 blue #nowhere :No such channel"),
        ("TOPIC #a :x", "482 blue #a :You are not an operator of that channel"),
        ("TOPIC #key", "331 blue #key :No topic is set"),
        ("TOPIC #key :x", "442 blue #key :You are not on that channel"),
        ("TOPIC #nowhere", "403 blue #nowhere :No such channel"),
        ("KICK #a red", "482 blue #a :You are not an operator of that channel"),
        ("KICK #key red", "442 blue #key :You are not on that channel"),
        ("KICK #a,#b,#c red,blue", "461 blue KICK :Not enough parameters"),
        ("INVITE red #a", "443 blue red #a :is already on that channel"),
        ("INVITE nobody #a", "401 blue nobody :No such nick or channel"),
        ("INVITE red", "461 blue INVITE :Not enough parameters"),
        ("INVITE red #key", "442 blue #key :You are not on that channel"),
        ("NAMES #nowhere", "366 blue #nowhere :End of NAMES"),
        ("NAMES", "366 blue * :End of NAMES"),
        ("MODE #nowhere", "403 blue #nowhere :No such channel"),
    ],
)
def test_what_cannot_be_done_is_told_by_its_numeric(line: str, reply: str) -> None:
    """With what it is about."""
    _, red, blue = two()
    red.says("JOIN #key,#full,#only,#out,#known")
    red.says("MODE #key +k key", "MODE #full +l 1", "MODE #only +i", "MODE #out +b blue")
    red.says("MODE #known +R")
    assert blue.says(line) == [f":irc.example {reply}"]


def test_nobody_is_in_more_rooms_than_isupport_says() -> None:
    """CHANLIMIT."""
    red = IrcChat().on_irc("red")
    channels = ",".join(f"#{number}" for number in range(MAX_ROOMS_EACH))
    red.says(f"JOIN {channels}")
    assert red.says("JOIN #more") == [
        ":irc.example 405 red #more :You have joined too many channels"
    ]


@pytest.mark.parametrize(
    ("capabilities", "names"),
    [
        ((), "@red +blue"),
        (("multi-prefix",), "@+red +blue"),
        (("userhost-in-names",), "@red!{red} +blue!{blue}"),
    ],
)
def test_names_have_the_signs_that_were_agreed_on(
    capabilities: tuple[str, ...], names: str
) -> None:
    """The highest one, or all (IRCv3 multi-prefix, userhost-in-names)."""
    server, red, blue = two(*capabilities)
    red.says("MODE #a +vv red blue")
    blue.hears()
    masks = {name: server.hub.find(name).mask for name in ("red", "blue")}
    assert blue.says("NAMES #a")[0] == f":irc.example 353 blue = #a :{names.format(**masks)}"


def test_many_names_are_told_in_many_lines() -> None:
    """None longer than lines may be, and none lost."""
    server = IrcChat()
    names = [f"member-with-a-name-{number:04}" for number in range(60)]
    for name in names:
        server.on_line(name).says("JOIN a")
    red = server.on_irc("red")
    lines = red.says("JOIN #a")
    told = [line for line in lines if " 353 " in line]
    assert len(told) > 1
    assert all(len(line.encode()) <= 510 for line in told)
    assert {name.lstrip("@") for line in told for name in line.split(":")[2].split(" ")} == {
        *names,
        "red",
    }


def test_names_may_be_left_unsaid() -> None:
    """IRCv3 no-implicit-names; asked for they are told."""
    server = IrcChat()
    red = server.on_irc("red", "no-implicit-names")
    red.hears()
    assert red.numerics("JOIN #a") == ["JOIN"]
    assert red.numerics("NAMES #a") == ["353", "366"]


def test_a_secret_room_is_seen_by_those_inside_alone() -> None:
    """NAMES, LIST, TOPIC, WHOIS show nothing of it to others."""
    _, red, blue = two()
    red.says("JOIN #s", "MODE #s +s", "TOPIC #s :hidden")
    assert red.numerics("LIST #s") == ["321", "322", "323"]
    assert red.says("NAMES #s")[0] == ":irc.example 353 red @ #s :@red"
    assert blue.numerics("NAMES #s", "LIST", "TOPIC #s", "MODE #s") == [
        "366", "321", "322", "323", "403", "403",
    ]  # fmt: skip
    assert not any("#s" in line for line in blue.says("WHOIS red"))


def test_a_topic_is_taken_away_by_an_empty_one() -> None:
    """And then 331."""
    server, red, _ = two()
    red.says("TOPIC #a :x")
    assert red.says("TOPIC #a") == [
        ":irc.example 332 red #a x",
        ":irc.example 333 red #a red 1767225600",
    ]
    assert red.says("TOPIC #a :", "TOPIC #a") == [
        f":{mask(server, 'red')} TOPIC #a :",
        ":irc.example 331 red #a :No topic is set",
    ]


@pytest.mark.parametrize(
    ("conditions", "channels"),
    [
        ("", ["#old", "#busy", "#new"]),
        ("#new,#nowhere", ["#new"]),
        ("#NEW", ["#new"]),
        ("#b*", ["#busy"]),
        ("!#b*", ["#old", "#new"]),
        (">1", ["#busy"]),
        ("<2", ["#old", "#new"]),
        ("C>5", ["#old", "#busy"]),
        ("C<5", ["#new"]),
        ("T<5", ["#new"]),
        ("T>5", ["#old"]),
        ("#*,>1", ["#busy"]),
        ("irc.example", ["#old", "#busy", "#new"]),
    ],
)
def test_rooms_are_listed_by_name_mask_size_and_age(conditions: str, channels: list[str]) -> None:
    """ELIST=CMNTU (Modern)."""
    server = IrcChat()
    red, blue = server.on_irc("red"), server.on_irc("blue")
    red.says("JOIN #old,#busy", "TOPIC #old :x")
    blue.says("JOIN #busy")
    server.wait(600, red, blue)
    red.says("JOIN #new", "TOPIC #new :y")
    lines = blue.says(f"LIST {conditions}")
    assert lines[0] == ":irc.example 321 blue Channel :Users  Name"
    assert [line.split(" ")[3] for line in lines[1:-1]] == channels
    assert lines[-1] == ":irc.example 323 blue :End of LIST"


def test_a_list_too_long_for_the_queue_ends_early_and_says_so() -> None:
    """Asking costs nobody its connection (SAFELIST)."""
    server = IrcChat(longest=2000)
    for number in range(30):
        member = server.on_irc(f"m{number}")
        member.says(f"JOIN #{number}", f"TOPIC #{number} :{'x' * 300}")
    red = server.on_irc("red")
    red.hears()
    told = red.numerics("LIST")
    assert told[-2:] == ["416", "323"]
    assert len(told) < 15


def test_who_is_kicked_hears_it_with_all_others() -> None:
    """One line a member, with a reason; without one it is the name of who did it."""
    server, red, blue = two()
    red.says("JOIN #b")
    blue.says("JOIN #b")
    red.hears()
    blue.hears()
    source = mask(server, "red")
    assert red.says("KICK #a blue,nobody,green :bye") == [
        f":{source} KICK #a blue :bye",
        ":irc.example 401 red nobody :No such nick or channel",
        ":irc.example 401 red green :No such nick or channel",
    ]
    assert red.says("KICK #b blue", "KICK #b blue") == [
        f":{source} KICK #b blue :red",
        ":irc.example 441 red blue #b :They are not on that channel",
    ]
    assert blue.hears() == [f":{source} KICK #a blue :bye", f":{source} KICK #b blue :red"]


def test_each_may_be_kicked_out_of_a_room_of_its_own() -> None:
    """As many channels as names (RFC 2812, 3.2.8); beyond the limit 407."""
    _, red, blue = two()
    blue.says("JOIN #b", "MODE #b +o blue")
    red.says("JOIN #c")
    blue.says("JOIN #c")
    red.hears()
    assert red.numerics("KICK #a,#c blue,blue :bye") == ["KICK", "KICK"]
    assert red.numerics("KICK #a 1,2,3,4,5") == ["401"] * 4 + ["407"]


def test_an_invitation_is_heard_and_lets_in() -> None:
    """341 for who invites, INVITE for who is; its list is told on request."""
    server, red, _ = two()
    green = server.on_irc("green")
    green.hears()
    red.says("MODE #a +i")
    assert green.numerics("JOIN #a") == ["473"]
    green.says("AWAY :out")
    assert red.says("INVITE green #a") == [
        ":irc.example 341 red green #a",
        ":irc.example 301 red green out",
    ]
    assert green.hears() == [f":{mask(server, 'red')} INVITE green #a"]
    assert green.says("INVITE") == [
        ":irc.example 336 green #a",
        ":irc.example 337 green :End of your invitations",
    ]
    assert green.numerics("JOIN #a") == ["JOIN", "353", "366"]
    assert green.numerics("INVITE") == ["337"]


def test_operators_hear_of_invitations_if_they_want_to() -> None:
    """IRCv3 invite-notify."""
    server, red, blue = two("invite-notify")
    red.says("MODE #a +o blue")
    server.on_irc("green")
    blue.hears()
    red.hears()
    assert red.numerics("INVITE green #a") == ["341"]
    assert blue.hears() == [f":{mask(server, 'red')} INVITE green #a"]


def test_whoever_enters_is_described_to_those_who_ask_for_it() -> None:
    """IRCv3 extended-join, and away-notify for somebody who is away."""
    server, red, blue = two("extended-join", "away-notify")
    green = server.on_irc("green")
    green.says("AWAY :out", "JOIN #a")
    source = mask(server, "green")
    assert blue.hears() == [f":{source} JOIN #a * :Green Example", f":{source} AWAY :out"]
    assert red.hears() == [f":{source} JOIN #a"]
