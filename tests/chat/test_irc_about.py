"""The server as the IRC door tells of it (RFC 2812, 3.4), and its operators."""

import re
from pathlib import Path

import pytest

from tests.chat.irc import IrcChat, OnIrc
from twisted_net.chat.core.irc.every import COMMANDS
from twisted_net.chat.core.irc.isupport import tokens


def alone(**settings: object) -> tuple[IrcChat, OnIrc]:
    """Return a member who is alone."""
    server = IrcChat(**settings)  # type: ignore[arg-type]
    red = server.on_irc("red")
    red.hears()
    return server, red


@pytest.mark.parametrize(
    ("question", "numerics"),
    [
        ("MOTD", ["422"]),
        ("VERSION", ["351", "005", "005"]),
        ("TIME", ["391"]),
        ("INFO", ["371", "371", "371", "374"]),
        ("ADMIN", ["256", "257", "258", "259"]),
        ("LINKS", ["364", "365"]),
        ("LINKS irc.*", ["364", "365"]),
        ("LINKS nowhere", ["365"]),
        ("STATS", ["219"]),
        ("STATS u", ["242", "219"]),
        ("LUSERS", ["251", "252", "253", "254", "255", "265", "266"]),
        ("HELP NOTHING", ["524"]),
        ("HELP join", ["704", "705", "706"]),
        ("MOTD nowhere", ["402"]),
        ("VERSION nowhere", ["402"]),
        ("TIME nowhere", ["402"]),
        ("INFO nowhere", ["402"]),
        ("ADMIN nowhere", ["402"]),
        ("LUSERS * nowhere", ["402"]),
        ("TIME irc.*", ["391"]),
        ("TIME red", ["391"]),
    ],
)
def test_questions_about_the_server_are_answered(question: str, numerics: list[str]) -> None:
    """Those for another server by 402: there is none."""
    _, red = alone()
    assert red.numerics(question) == numerics


def test_help_names_every_command() -> None:
    """And how one is written."""
    _, red = alone()
    words = {word for line in red.says("HELP")[1:-1] for word in line.split(" ")[4:]}
    assert {word.removeprefix(":") for word in words} == set(COMMANDS)
    assert red.says("HELP kick")[1] == (
        ":irc.example 705 red KICK :KICK <channel> <nickname>{,<nickname>} [<reason>]"
    )


def test_lusers_counts_who_is_here() -> None:
    """The invisible, operators, those who have no name yet, rooms, and the most there were."""
    server, red = alone()
    server.on_irc("blue").says("MODE blue +i", "JOIN #a")
    server.on_irc("green").says("QUIT")
    server.on_irc()
    assert red.says("LUSERS") == [
        ":irc.example 251 red :There are 1 users and 1 invisible on 1 server",
        ":irc.example 252 red 0 :operators are here",
        ":irc.example 253 red 1 :connections have not chosen a name yet",
        ":irc.example 254 red 1 :rooms are open",
        ":irc.example 255 red :I have 2 clients and 0 servers",
        ":irc.example 265 red 2 3 :Current local users 2, max 3",
        ":irc.example 266 red 2 3 :Current global users 2, max 3",
    ]


def test_time_and_uptime_are_told() -> None:
    """As people read them."""
    server, red = alone()
    server.wait(90061, red)
    assert red.says("TIME", "STATS u") == [
        ":irc.example 391 red irc.example :Fri, 02 Jan 2026 01:01:01 UTC",
        ":irc.example 242 red :Server up 1 days 1:01:01",
        ":irc.example 219 red u :End of STATS",
    ]


# Operators.


def operated() -> tuple[IrcChat, OnIrc, OnIrc]:
    """Return an operator of the server, and somebody."""
    server, red = alone(
        operators=lambda name, password, told: told((name, password) == ("root", "secret"))
    )
    blue = server.on_irc("blue")
    assert red.numerics("OPER root secret") == ["MODE", "381"]
    blue.hears()
    return server, red, blue


def test_whoever_knows_the_password_is_an_operator() -> None:
    """381 and +o; 464 for a wrong one, 491 where there are none."""
    _, red, blue = operated()
    assert blue.numerics("OPER root wrong", "OPER nobody secret") == ["464", "464"]
    assert red.says("MODE red") == [":irc.example 221 red +o"]
    assert ":irc.example 313 blue red :is an operator of this server" in blue.says("WHOIS red")
    _, alone_ = alone()
    assert alone_.numerics("OPER root secret") == ["491"]


def test_operators_see_addresses() -> None:
    """Nobody else does."""
    _, red, blue = operated()
    assert any(" 378 red blue " in line for line in red.says("WHOIS blue"))
    assert not any(" 378 " in line for line in blue.says("WHOIS red"))


def test_what_only_operators_may_is_refused_to_others() -> None:
    """481 (RFC 2812, 3.7.1, 4.2, 4.7)."""
    _, _, blue = operated()
    assert blue.numerics("KILL red x", "WALLOPS x", "REHASH") == ["481", "481", "481"]


def test_an_operator_throws_somebody_out() -> None:
    """KILL and ERROR for them, QUIT for all others."""
    server, red, blue = operated()
    for each in (red, blue):
        each.says("JOIN #a")
    red.hears()
    source = f"blue!{server.hub.find('blue').mask}"
    assert red.says("KILL nobody x", "KILL blue :spam") == [
        ":irc.example 401 red nobody :No such nick or channel",
        f":{source} QUIT :Killed (red (spam))",
    ]
    killed, error = blue.hears()[-2:]
    assert killed.endswith(" KILL blue spam")
    assert error == "ERROR :Closing link: 192.168.1.1 (Killed (red (spam)))"
    assert blue.transport.disconnecting
    line = server.on_line("green")
    assert red.numerics("KILL green x") == []
    assert line.transport.disconnecting
    assert server.hub.known("green") is None


def test_operators_are_heard_by_those_who_want_to() -> None:
    """WALLOPS, to mode w."""
    _, red, blue = operated()
    red.says("WALLOPS :one")
    blue.says("MODE blue +w")
    red.says("WALLOPS :two")
    assert [line.partition(" ")[2] for line in blue.hears()] == ["WALLOPS two"]


def test_files_are_read_anew_and_what_is_wrong_with_them_is_said() -> None:
    """REHASH."""
    server, red, _ = operated()
    assert red.says("REHASH") == [":irc.example 382 red operators Rehashing"]

    def broken() -> None:
        raise ValueError("line 3: need a hash")

    server.irc.reread = broken
    assert red.says("REHASH") == [":irc.example FAIL REHASH CONFIG_BAD :Line 3: need a hash"]


def test_who_leaves_while_the_password_is_checked_is_not_missed() -> None:
    """The answer finds nobody."""
    later = []
    _, red = alone(operators=lambda name, password, told: later.append(told))
    assert red.says("OPER root secret", "PING x") == []  # what comes next waits for the answer
    red.protocol.connectionLost()
    later[0](True)


def test_the_page_of_the_docs_says_what_is_offered() -> None:
    """Every token, capability and command, and nothing that there is not."""
    page = (Path(__file__).parents[2] / "docs" / "protocols" / "irc.md").read_text("utf-8")
    block = page.partition("## ISUPPORT")[2].split("```")[1]
    assert block.removeprefix("text").split() == tokens("netdemo", history=True)
    server = IrcChat(keep=True, accounts=True)
    offered = set(server.irc.offered(secure=True, fingerprint=""))
    rows = page.partition("## Capabilities")[2].partition("\n\nWhat is not")[0]
    assert set(re.findall(r"`([a-z/0-9-]+)`", rows)) - {"bot"} == offered
    rows = page.partition("## Commands")[2].partition("\n\nRooms")[0]
    assert {each.partition(" ")[0] for each in re.findall(r"`([A-Z]+[^`]*)`", rows)} == set(
        COMMANDS
    )
