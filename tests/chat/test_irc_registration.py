"""Coming and going on the IRC door (RFC 2812, 3.1; Modern; IRCv3 capability-negotiation)."""

import pytest

from tests.chat.irc import IrcChat, OnIrc
from tests.chat.members import by_bytes
from twisted_net.chat.core.irc.offered import OFFERED

USER = "USER red 0 * :Red Example"


def numeric(line: str) -> str:
    """Return a line's command."""
    return line.split(" ")[1]


def test_a_client_is_welcomed_in_the_order_that_clients_expect() -> None:
    """001 to 005, the counts, the message of the day (RFC 2812, 5.1)."""
    server = IrcChat(motd=("Be kind.",), kept="30d")
    red = server.on_irc()
    welcome = red.says("NICK red", USER)
    told = [numeric(line) for line in welcome]
    assert told[:4] == ["001", "002", "003", "004"]
    assert told[4] == "005"
    counts = ["251", "252", "253", "254", "255", "265", "266", "375", "372", "372", "376"]
    assert told[-11:] == counts
    assert set(told[4:-11]) == {"005"}
    mask = server.hub.find("red").mask
    assert welcome[0] == (f":irc.example 001 red :Welcome to the Example network, red!{mask}")
    assert mask.startswith("~red@")
    assert ":irc.example 372 red :- Be kind." in welcome
    assert ":irc.example 372 red :- What is said in rooms is kept for 30d." in welcome


def test_a_line_of_isupport_has_at_most_thirteen_tokens() -> None:
    """Fifteen words with the name and the text (RFC 2812, 2.3)."""
    for line in IrcChat().on_irc("red").hears():
        if numeric(line) == "005":
            head, _, text = line.partition(" :")
            assert text == "are supported by this server"
            assert len(head.split(" ")[3:]) <= 13


@pytest.mark.parametrize("lines", [("NICK red", USER), (USER, "NICK red")])
def test_name_and_user_come_in_any_order(lines: tuple[str, ...]) -> None:
    """And byte by byte."""
    red = OnIrc(IrcChat(), by_bytes)
    assert red.says(lines[0]) == []
    assert numeric(red.says(lines[1])[0]) == "001"


def test_what_is_given_twice_is_refused_after_registration() -> None:
    """462 (RFC 2812, 3.1.1)."""
    red = IrcChat().on_irc("red")
    red.hears()
    assert red.numerics("PASS x", USER) == ["462", "462"]


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("NICK", ":irc.example 431 * :No nickname was given"),
        ("NICK :", ":irc.example 431 * :No nickname was given"),
        ("NICK blue", ":irc.example 433 * blue :Nickname is already in use"),
        ("NICK BLUE", ":irc.example 433 * BLUE :Nickname is already in use"),
        ("NICK #a", ":irc.example 432 * #a :Name: 1-24 letters, digits, - or _"),
        ("USER red", ":irc.example 461 * USER :Not enough parameters"),
        ("USER red 0 * :", ":irc.example 461 * USER :Not enough parameters"),
        ("JOIN #a", ":irc.example 451 * :You have not registered: NICK and USER first"),
        ("XYZZY", ":irc.example 421 * XYZZY :Unknown command"),
        ("PING", ":irc.example 409 * :No token was given"),
        ("PING a", ":irc.example PONG irc.example a"),
        ("CAP", ":irc.example 461 * CAP :Not enough parameters"),
        ("CAP X", ":irc.example 410 * X :Invalid CAP command"),
    ],
)
def test_before_registration_what_is_wrong_is_said(line: str, reply: str) -> None:
    """And the connection stays."""
    server = IrcChat()
    server.on_irc("blue")
    red = server.on_irc()
    assert red.says(line) == [reply]
    assert numeric(red.says("NICK red", USER)[0]) == "001"


def test_a_real_name_too_long_is_refused_and_another_one_taken() -> None:
    """Never cut (IRCv3 setname, NAMELEN)."""
    red = IrcChat().on_irc()
    assert red.says("NICK red", f"USER red 0 * :{'x' * 391}") == [
        ":irc.example FAIL USER INVALID_REALNAME :Real name: at most 390 bytes"
    ]
    assert numeric(red.says(f"USER red 0 * :{'x' * 390}")[0]) == "001"


def test_a_name_taken_while_one_registers_is_refused_then() -> None:
    """Whoever is in first has it."""
    server = IrcChat()
    red, other = server.on_irc(), server.on_irc()
    red.says("NICK red")
    other.says("NICK red")
    assert numeric(red.says(USER)[0]) == "001"
    assert other.says(USER) == [":irc.example 433 * red :Nickname is already in use"]
    assert numeric(other.says("NICK green")[0]) == "001"


def test_names_of_irc_may_have_its_brackets() -> None:
    """RFC 2812, 2.3.1; a member of another door hears them as they are."""
    server = IrcChat()
    line = server.on_line("blue")
    line.says("JOIN a")
    red = server.on_irc("[r]\\`^{|}")
    red.says("JOIN #a")
    assert "JOINED a [r]\\`^{|}" in line.hears()


def test_a_password_is_asked_for_where_there_is_one() -> None:
    """464 and out; with the right one in (RFC 2812, 3.1.1)."""
    server = IrcChat(password="secret")  # noqa: S106
    for told in ("", "PASS wrong", "PASS :"):
        red = server.on_irc()
        lines = red.says(*[told] * bool(told), "NICK red", USER)
        assert [line.split(" ")[0:2] for line in lines[-2:]] == [
            [":irc.example", "464"],
            ["ERROR", ":Closing"],
        ]
        assert red.transport.disconnecting
        red.protocol.connectionLost()
    red = server.on_irc()
    assert numeric(red.says("PASS secret", "NICK red", USER)[0]) == "001"


def test_another_name_is_heard_by_all_who_share_a_room() -> None:
    """And by oneself; a name that reads the same but for its case is free for its holder."""
    server = IrcChat()
    red, blue = server.on_irc("red"), server.on_irc("blue")
    mask = server.hub.find("red").mask
    red.says("JOIN #a")
    blue.says("JOIN #a")
    red.hears()
    blue.hears()
    assert red.says("NICK Red") == [f":red!{mask} NICK Red"]
    assert blue.hears() == [f":red!{mask} NICK Red"]
    assert red.says("NICK Red") == []
    assert red.says("NICK blue") == [":irc.example 433 Red blue :Nickname is already in use"]


@pytest.mark.parametrize("name", ["", "red"])
def test_quit_is_acknowledged_before_and_after_registration(name: str) -> None:
    """By ERROR (RFC 2812, 3.1.7)."""
    red = IrcChat().on_irc(name)
    red.hears()
    assert red.says("QUIT :bye", "PING x") == ["ERROR :Closing link: 192.168.1.1 (Quit: bye)"]
    assert red.transport.disconnecting


def test_who_leaves_is_heard_to_leave_once() -> None:
    """With the reason, whatever it is; one that may not be said keeps nobody."""
    server = IrcChat()
    blue = server.on_irc("blue")
    blue.says("JOIN #a")
    for why, heard in (("bye", "Quit: bye"), ("\x1bx", "Quit"), ("x" * 400, "Quit")):
        red = server.on_irc("red")
        red.says("JOIN #a")
        blue.hears()
        red.says(f"QUIT :{why}")
        red.protocol.connectionLost()
        assert [line.partition(" ")[2] for line in blue.hears()] == [f"QUIT :{heard}"]


# Capabilities.


def test_capabilities_are_listed_and_registration_waits_for_the_end() -> None:
    """Values for those who understand them alone, lists over lines likewise."""
    red = IrcChat().on_irc()
    assert red.says("CAP LS") == [f":irc.example CAP * LS :{' '.join(OFFERED)}"]
    assert red.says("NICK red", USER) == []
    assert numeric(red.says("CAP END")[0]) == "001"


def test_a_long_list_goes_on_in_another_line() -> None:
    """With an asterisk; without version 302 there is one line (302)."""
    offered = {f"example.org/{number:03}": "v" * 20 for number in range(30)}
    red = IrcChat(capabilities=offered).on_irc()
    lines = red.says("CAP LS 302")
    assert all(line.startswith(":irc.example CAP * LS * :") for line in lines[:-1])
    assert lines[-1].startswith(":irc.example CAP * LS :")
    assert len(lines) > 1
    words = [word for line in lines for word in line.rpartition(" :")[2].split(" ")]
    assert words == [f"{name}={value}" for name, value in offered.items()]
    assert all(len(line) <= 510 for line in lines)


def test_a_request_is_answered_word_by_word() -> None:
    """NAK names all that were asked for, ACK too; LIST says what is on."""
    red = IrcChat().on_irc("red")
    red.hears()
    assert red.says(
        "CAP LIST",
        "CAP REQ :batch nonsense",
        "CAP REQ :batch setname",
        "CAP REQ -batch",
        "CAP LIST",
    ) == [
        ":irc.example CAP red LIST :",
        ":irc.example CAP red NAK :batch nonsense",
        ":irc.example CAP red ACK :batch setname",
        ":irc.example CAP red ACK -batch",
        ":irc.example CAP red LIST setname",
    ]


def test_a_request_before_registration_suspends_it() -> None:
    """Without CAP LS too."""
    red = IrcChat().on_irc()
    assert red.says("CAP REQ batch", "NICK red", USER) == [":irc.example CAP * ACK batch"]
    assert numeric(red.says("CAP END")[0]) == "001"


def test_a_negotiation_after_registration_keeps_nobody_waiting() -> None:
    """CAP END means nothing then."""
    red = IrcChat().on_irc("red")
    red.hears()
    assert red.numerics("CAP LS 302", "CAP END", "PING x") == ["CAP", "PONG"]
