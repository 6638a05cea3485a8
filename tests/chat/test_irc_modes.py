"""MODE on the IRC door (RFC 2811, 4; RFC 2812, 3.1.5 and 3.2.3; Modern)."""

import pytest

from tests.chat.irc import IrcChat, OnIrc


def two() -> tuple[IrcChat, OnIrc, OnIrc]:
    """Return two members in ``#a``, of whom the first is its operator."""
    server = IrcChat()
    red, blue = server.on_irc("red"), server.on_irc("blue")
    red.says("JOIN #a")
    blue.says("JOIN #a")
    red.hears()
    blue.hears()
    return server, red, blue


def test_modes_are_told_with_what_they_are_set_to() -> None:
    """324 and 329; the key only to those inside."""
    server, red, _ = two()
    red.says("MODE #a +klW sesame 9 3")
    assert red.says("MODE #a") == [
        ":irc.example 324 red #a +ntklW sesame 9 3",
        ":irc.example 329 red #a 1767225600",
    ]
    green = server.on_irc("green")
    green.hears()
    assert green.says("MODE #a")[0] == ":irc.example 324 green #a +ntklW * 9 3"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("+m", "+m"),
        ("m", "+m"),
        ("+mi-n", "+mi-n"),
        ("+v blue", "+v blue"),
        ("+vo BLUE blue", "+vo blue blue"),
        ("+b blue", "+b blue!*@*"),
        ("+be *@x *!y@*", "+be *!*@x *!y@*"),
        ("+k key", "+k key"),
        ("+l 5", "+l 5"),
        ("+l :5", "+l 5"),
    ],
)
def test_a_change_is_heard_by_the_whole_room(line: str, told: str) -> None:
    """As what changed; what changes nothing is not told."""
    server, red, blue = two()
    source = f":red!{server.hub.find('red').mask}"
    assert red.says(f"MODE #a {line}") == [f"{source} MODE #a {told}"]
    assert blue.hears() == [f"{source} MODE #a {told}"]
    assert red.says(f"MODE #a {line}") == []


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("+x", "472 red x :is unknown mode char to me"),
        ("+o nobody", "401 red nobody :No such nick or channel"),
        ("+o green", "441 red green #a :They are not on that channel"),
        ("+k", "696 red #a k * :mode k wants a value"),
        (f"+k {'k' * 30}", "696 red #a k * :key: 1-23 characters, no comma"),
        ("+l x", "696 red #a l x :mode l: 1-100000"),
        ("+W 0", "696 red #a W 0 :mode W: 1-86400"),
        ("+bbbbbbbbb 1 2 3 4 5 6 7 8 9", "696 red #a b 1 :more than 8 changes"),
        ("", "324 red #a +nt"),
    ],
)
def test_what_cannot_be_set_is_told_by_its_numeric(line: str, reply: str) -> None:
    """And changes nothing."""
    server, red, _ = two()
    server.on_irc("green")
    assert red.says(f"MODE #a {line}")[0] == f":irc.example {reply}"
    assert server.hub.room("a").flags == {"n", "t"}


def test_an_unknown_letter_keeps_nobody_from_the_known_ones() -> None:
    """Each is told once."""
    _, red, _ = two()
    assert red.numerics("MODE #a +xmxy") == ["472", "472", "MODE"]


def test_only_operators_change_modes() -> None:
    """482; whoever is outside hears 442."""
    server, _, blue = two()
    green = server.on_irc("green")
    green.hears()
    assert blue.numerics("MODE #a +m", "MODE #a -o red") == ["482", "482"]
    assert green.numerics("MODE #a +m") == ["442"]


@pytest.mark.parametrize(
    ("letter", "entry", "end"), [("b", "367", "368"), ("e", "348", "349"), ("I", "346", "347")]
)
def test_lists_tell_who_put_what_there_and_when(letter: str, entry: str, end: str) -> None:
    """Everybody may ask, with or without a sign; a full list is told as such."""
    _, red, blue = two()
    red.says(f"MODE #a +{letter} x!*@*", f"MODE #a +{letter} y")
    blue.hears()
    told = blue.says(f"MODE #a {letter}")
    assert told[:2] == [
        f":irc.example {entry} blue #a x!*@* red 1767225600",
        f":irc.example {entry} blue #a y!*@* red 1767225600",
    ]
    assert told[2].startswith(f":irc.example {end} blue #a :")
    assert blue.says(f"MODE #a +{letter}") == told
    for number in range(0, 98, 7):
        masks = " ".join(f"m{number + each}" for each in range(7))
        red.says(f"MODE #a +{letter * 7} {masks}")
    assert red.says(f"MODE #a +{letter} more")[-1] == (
        ":irc.example 478 red #a more :The channel's list is full"
    )


def test_whoever_is_excepted_is_not_banned_and_whoever_is_named_needs_no_invitation() -> None:
    """EXCEPTS, INVEX, EXTBAN."""
    _, red, blue = two()
    red.says("MODE #a +b blue", "MODE #a +e *!~blue@*")
    blue.hears()
    assert blue.says("PRIVMSG #a :x") == []
    red.says("MODE #a -e *!~blue@*")
    assert blue.numerics("PRIVMSG #a :x") == ["MODE", "404"]
    red.says("MODE #a -b+be blue m:blue m:*!~blue@*")
    blue.hears()
    assert blue.says("PRIVMSG #a :x") == []
    red.says("MODE #a +iI blue", "KICK #a blue")
    blue.hears()
    assert blue.numerics("JOIN #a") == ["JOIN", "353", "366"]


# One's own.


def test_ones_own_modes_are_told_and_changed() -> None:
    """221; nobody makes oneself an operator of the server."""
    server = IrcChat()
    red = server.on_irc("red")
    red.hears()
    source = f":red!{server.hub.find('red').mask}"
    assert red.says("MODE red", "MODE RED +iw", "MODE red +o", "MODE red") == [
        ":irc.example 221 red +",
        f"{source} MODE red +iw",
        ":irc.example 221 red +iw",
    ]
    assert red.says("MODE red -i+x") == [
        ":irc.example 501 red :Unknown mode flag",
        f"{source} MODE red -i",
    ]


def test_modes_of_others_are_not_told() -> None:
    """502, and 401 of nobody."""
    _, red, _ = two()
    assert red.numerics("MODE blue", "MODE blue +i", "MODE nobody") == ["502", "502", "401"]


def test_an_invisible_member_shows_to_those_who_share_a_room() -> None:
    """NAMES and WHO of others do not tell."""
    server, red, blue = two()
    green = server.on_irc("green")
    green.hears()
    red.says("MODE red +i")
    assert green.says("NAMES #a", "WHO #a", "WHO r*")[:-2] == [
        ":irc.example 353 green = #a :blue",
        ":irc.example 366 green #a :End of NAMES",
        f":irc.example 352 green #a ~blue {server.hub.find('blue').host} irc.example blue H"
        " :0 Blue Example",
    ]
    assert "@red" in blue.says("NAMES #a")[0]
    assert blue.numerics("WHO r*") == ["352", "315"]


def test_a_room_that_is_kept_is_its_founders_again() -> None:
    """As all in it are told; what may not be is refused in words (mode P)."""
    server = IrcChat(accounts=True)
    red, blue = server.on_irc("red", host="127.0.0.1"), server.on_irc("blue")
    for each in (red, blue):
        each.says("JOIN #a", "JOIN #b")
    red.hears()
    assert red.says("MODE #a +P") == [
        ":irc.example FAIL MODE REFUSED #a :Only accounts may keep a room: LOGIN"
    ]
    red.says("REGISTER * * pencil")
    source = f"red!{server.hub.find('red').mask}"
    assert red.says("MODE #a +P") == [f":{source} MODE #a +P"]
    assert ":irc.example 324 red #a +Pnt" in red.says("MODE #a")
    red.says("PART #a")
    blue.says("PART #a", "JOIN #a")
    blue.hears()
    assert red.says("JOIN #a")[:2] == [f":{source} JOIN #a", f":{source} MODE #a +o red"]
    assert blue.hears() == [f":{source} JOIN #a", f":{source} MODE #a +o red"]
    red.says("MODE #a +o blue")
    assert blue.says("MODE #a -P")[-1] == ":irc.example FAIL MODE REFUSED #a :Red keeps a"
