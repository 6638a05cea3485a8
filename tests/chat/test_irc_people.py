"""Members as the IRC door tells of them: WHO, WHOX, WHOIS, WHOWAS, AWAY, MONITOR and others."""

import pytest

from tests.chat.irc import IrcChat, OnIrc


def source(server: IrcChat, name: str) -> str:
    """Return where lines of a member come from."""
    return f":{name}!{server.hub.find(name).mask}"


def three() -> tuple[IrcChat, OnIrc, OnIrc, str]:
    """Return two members in ``#a``, of whom the first is its operator, and the host of both."""
    server = IrcChat()
    red, blue = server.on_irc("red"), server.on_irc("blue")
    red.says("JOIN #a")
    blue.says("JOIN #a")
    red.hears()
    blue.hears()
    return server, red, blue, server.hub.find("red").host


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("WHO #a", ["red", "blue"]),
        ("WHO #A", ["red", "blue"]),
        ("WHO", ["red", "blue", "green"]),
        ("WHO 0", ["red", "blue", "green"]),
        ("WHO *", ["red", "blue", "green"]),
        ("WHO RED", ["red"]),
        ("WHO r?d", ["red"]),
        ("WHO ~blue", ["blue"]),
        ("WHO *Green*", ["green"]),
        ("WHO irc.example", ["red", "blue", "green"]),
        ("WHO * o", ["green"]),
        ("WHO nobody", []),
        ("WHO #nowhere", []),
    ],
)
def test_who_finds_by_room_name_and_mask(question: str, names: list[str]) -> None:
    """And ends with 315."""
    server, _, blue, _ = three()
    green = server.on_irc("green")
    server.irc.operators = lambda name, password, told: told(True)
    green.says("OPER x y")
    lines = blue.says(question)
    assert [line.split(" ")[7] for line in lines[:-1]] == names
    mask = question.split(" ")[1] if " " in question else "*"
    assert lines[-1] == f":irc.example 315 blue {mask} :End of WHO"


def test_who_shows_what_members_are() -> None:
    """Away, a bot, an operator."""
    _server, red, blue, host = three()
    red.says("MODE red +B", "AWAY :x")
    assert blue.says("WHO #a")[0] == (
        f":irc.example 352 blue #a ~red {host} irc.example red GB@ :0 Red Example"
    )


def test_whox_tells_the_fields_that_were_asked_for_in_their_order() -> None:
    """IRCv3 WHOX; the address to nobody else."""
    server, red, blue, host = three()
    server.wait(7)
    assert blue.says("WHO red %raflnshiuct,42")[0] == (
        f":irc.example 354 blue 42 #a ~red 255.255.255.255 {host} irc.example red H@ 7 0"
        " :Red Example"
    )
    assert red.says("WHO red %ido")[0] == ":irc.example 354 red 192.168.1.1 0 0"
    assert blue.says("WHO red %q%n,x")[-1] == ":irc.example 315 blue red :End of WHO"


def test_whois_tells_what_may_be_known() -> None:
    """311, 319, 312, 301, 335, 317, 318."""
    server, red, blue, host = three()
    red.says("JOIN #b,#s", "MODE #s +s", "AWAY :lunch", "MODE red +B")
    server.wait(5)
    assert blue.says("WHOIS RED") == [
        f":irc.example 311 blue red ~red {host} * :Red Example",
        ":irc.example 319 blue red :@#a @#b",
        ":irc.example 312 blue red irc.example :by the irc door",
        ":irc.example 301 blue red lunch",
        ":irc.example 335 blue red :is a bot",
        ":irc.example 317 blue red 5 1767225600 :seconds idle, here since",
        ":irc.example 318 blue red :End of WHOIS",
    ]
    own = red.says("WHOIS irc.example red")
    assert ":irc.example 378 red red :is connecting from *@192.168.1.1 192.168.1.1" in own
    assert any(" 319 red red :@#a @#b @#s" in line for line in own)


def test_whois_of_nobody_and_of_another_door() -> None:
    """401, 431; the door is named."""
    server, red, _, _ = three()
    server.on_line("green")
    assert red.numerics("WHOIS", "WHOIS nobody") == ["431", "401", "318"]
    assert ":irc.example 312 red green irc.example :by the tcp door" in red.says("WHOIS green")


def test_whowas_remembers_who_left_and_who_is_called_otherwise() -> None:
    """314 and 312, the last one first, as many as were asked for; 406 of nobody."""
    server, red, _, host = three()
    for _ in range(2):
        green = server.on_irc("green")
        green.says("NICK grey", "QUIT")
    assert red.says("WHOWAS green 1") == [
        f":irc.example 314 red green ~green {host} * :Green Example",
        ":irc.example 312 red green irc.example :Thu, 01 Jan 2026 00:00:00 UTC",
        ":irc.example 369 red green :End of WHOWAS",
    ]
    assert red.numerics("WHOWAS green", "WHOWAS grey -1") == ["314", "312"] * 2 + ["369"] + [
        "314", "312",
    ] * 2 + ["369"]  # fmt: skip
    assert red.numerics("WHOWAS nobody", "WHOWAS") == ["406", "369", "431"]


def test_small_questions_have_small_answers() -> None:
    """USERHOST and ISON (RFC 2812, 4.8 and 4.9)."""
    _server, red, blue, host = three()
    blue.says("AWAY :x")
    assert red.says("USERHOST red nobody blue", "ISON red nobody :blue green", "ISON x") == [
        f":irc.example 302 red :red=+~red@{host} blue=-~blue@{host}",
        ":irc.example 303 red :red blue",
        ":irc.example 303 red :",
    ]


def test_who_goes_away_is_told_so_and_others_who_want_to_know() -> None:
    """306, 305; IRCv3 away-notify."""
    server, red, _, _ = three()
    green = server.on_irc("green", "away-notify")
    green.says("JOIN #a")
    green.hears()
    assert red.says("AWAY :lunch", "AWAY :lunch", "AWAY") == [
        f"{source(server, 'green')} JOIN #a",
        ":irc.example 306 red :You have been marked as being away",
        ":irc.example 306 red :You have been marked as being away",
        ":irc.example 305 red :You are no longer marked as being away",
    ]
    assert green.hears() == [
        f"{source(server, 'red')} AWAY :lunch",
        f"{source(server, 'red')} AWAY",
    ]


def test_a_real_name_changes_for_those_who_want_to_know() -> None:
    """IRCv3 setname; the command works without it."""
    server, red, _blue, _ = three()
    green = server.on_irc("green", "setname")
    green.says("JOIN #a")
    assert green.says("SETNAME :Greta Green") == [f"{source(server, 'green')} SETNAME :Greta Green"]
    assert red.says("SETNAME :R", "SETNAME :")[1:] == [
        ":irc.example FAIL SETNAME INVALID_REALNAME :A real name is not empty"
    ]
    assert green.hears() == [f"{source(server, 'red')} SETNAME :R"]
    assert red.says(f"SETNAME :{'x' * 391}") == [
        ":irc.example FAIL SETNAME INVALID_REALNAME :Real name: at most 390 bytes"
    ]
    assert server.hub.find("red").realname == "R"


# MONITOR.


def test_who_is_watched_is_told_of_when_they_come_and_go() -> None:
    """730 and 731, whatever door they use, and by whatever name (IRCv3 monitor)."""
    server, red, blue, _ = three()
    assert red.says("MONITOR + blue,Green,grey,blue") == [
        f":irc.example 730 red {source(server, 'blue')}",
        ":irc.example 731 red :Green,grey",
    ]
    line = server.on_line("green")
    mask = server.hub.find("green").mask
    assert red.hears() == [f":irc.example 730 red green!{mask}"]
    line.says("NICK grey")
    assert sorted(red.hears()) == [
        f":irc.example 730 red grey!{mask}",
        ":irc.example 731 red green",
    ]
    line.says("QUIT")
    assert red.hears() == [":irc.example 731 red grey"]
    blue.says("NICK BLUE")
    assert [each for each in red.hears() if " 73" in each] == []


def test_a_watch_list_is_told_changed_and_emptied() -> None:
    """L, S, -, C (IRCv3 monitor)."""
    server, red, _, _ = three()
    red.says("MONITOR + blue,nobody")
    assert red.says("MONITOR L") == [
        ":irc.example 732 red :blue,nobody",
        ":irc.example 733 red :End of MONITOR list",
    ]
    assert red.numerics("MONITOR S") == ["730", "731"]
    assert red.numerics("MONITOR - BLUE,x", "MONITOR S") == ["731"]
    assert red.numerics("MONITOR C", "MONITOR L", "MONITOR x", "MONITOR") == ["733", "461", "461"]
    server.on_irc("nobody")
    assert red.hears() == []


def test_a_watch_list_is_bounded() -> None:
    """734 names the bound and what did not fit."""
    _server, red, _, _ = three()
    red.says(f"MONITOR + {','.join(f'n{number}' for number in range(99))}")
    assert red.says("MONITOR + a,b,c,n1") == [
        ":irc.example 734 red 100 b,c,n1 :Monitor list is full",
        ":irc.example 731 red :a",
    ]


def test_whoever_leaves_watches_nobody() -> None:
    """Nothing is kept of them."""
    server, red, _, _ = three()
    red.says("MONITOR + green")
    red.protocol.connectionLost()
    server.on_irc("green")
    assert server.irc.watches.names(red.protocol.session) == []


def test_what_else_becomes_of_who_is_watched() -> None:
    """To those who asked, and share no room (IRCv3 extended-monitor)."""
    server, red, _blue, _ = three()
    green = server.on_irc("green", "extended-monitor", "away-notify", "setname")
    green.says("MONITOR + red")
    red.says("AWAY :x", "SETNAME :Rudolf")
    me = source(server, "red")
    assert green.hears() == [f"{me} AWAY :x", f"{me} SETNAME :Rudolf"]
    green.says("JOIN #a")
    red.says("AWAY")
    assert green.hears() == [f"{me} AWAY"]
