"""Accounts on the IRC door (IRCv3 sasl-3.1, account-notify, draft/account-registration)."""

from base64 import b64decode, b64encode

import pytest

from tests.chat.irc import IrcChat, OnIrc
from tests.chat.members import dice
from twisted_net.chat.core.scram import ScramClient

HERE = "127.0.0.1"
RIGHT = "AUTHENTICATE AHJlZABwZW5jaWw="  # NUL red NUL pencil
MADE = "The account is made, and you are logged in"


def coded(data: bytes) -> str:
    """Return a response as it is sent."""
    return b64encode(data).decode() or "+"


@pytest.fixture
def server() -> IrcChat:
    """Return a server on which red has an account, and has left."""
    made = IrcChat(accounts=True)
    red = made.on_irc("red", host=HERE)
    assert red.says("REGISTER * * pencil")[-2:] == [
        f":irc.example REGISTER SUCCESS red :{MADE}",
        f":irc.example 900 red red!{made.hub.find('red').mask} red :You are now logged in as red",
    ]
    assert made.hub.find("red").account == "red"
    red.says("QUIT")
    red.protocol.connectionLost()
    return made


def asking(server: IrcChat, host: str = HERE) -> OnIrc:
    """Return somebody who has begun to register, and may authenticate."""
    peer = server.on_irc(host=host)
    assert peer.says("CAP REQ sasl") == [":irc.example CAP * ACK sasl"]
    return peer


def test_a_password_lets_in_under_the_registered_name(server: IrcChat) -> None:
    """900 and 903 before registration; nobody else gets the name."""
    stranger = server.on_irc(host=HERE)
    assert stranger.says("NICK red") == [
        ":irc.example 433 * red :Nickname is registered: authenticate by SASL, or take another one"
    ]
    peer = asking(server)
    assert peer.says("AUTHENTICATE PLAIN") == [":irc.example AUTHENTICATE +"]
    assert peer.says(RIGHT) == [
        ":irc.example 900 * *!*@* red :You are now logged in as red",
        ":irc.example 903 * :Authentication successful",
    ]
    assert peer.numerics("NICK red", "USER r 0 * :R", "CAP END")[0] == "001"
    assert server.hub.find("red").account == "red"
    assert ":irc.example 330 red red red :is logged in as" in peer.says("WHOIS red")


def test_a_proof_by_scram_says_no_password(server: IrcChat) -> None:
    """Also where somebody may listen (RFC 7677)."""
    peer = asking(server, "192.0.2.1")
    assert peer.says("AUTHENTICATE SCRAM-SHA-256") == [":irc.example AUTHENTICATE +"]
    client = ScramClient("red", b"pencil", dice(7))

    def answered(data: bytes) -> bytes:
        (line,) = peer.says(f"AUTHENTICATE {coded(data)}")
        return b64decode(line.rpartition(" ")[2])

    client.verify(answered(client.final(answered(client.first()))))
    assert peer.numerics("AUTHENTICATE +") == ["900", "903"]


def test_a_password_is_taken_only_where_nobody_listens(server: IrcChat) -> None:
    """The list says so, and an attempt is told what there is."""
    peer = server.on_irc(host="192.0.2.1")
    (listed,) = peer.says("CAP LS 302")
    words = listed.partition(" :")[2].split(" ")
    assert "sasl=SCRAM-SHA-256" in words
    assert not any(word.startswith("draft/account-registration") for word in words)
    assert "sasl=SCRAM-SHA-256,PLAIN" in server.on_irc(host=HERE).says("CAP LS 302")[0]
    peer.says("CAP REQ sasl")
    assert peer.says("AUTHENTICATE PLAIN") == [
        ":irc.example 908 * SCRAM-SHA-256 :are available SASL mechanisms",
        ":irc.example 904 * :SASL authentication failed",
    ]
    peer.says("NICK blue")
    assert peer.numerics("REGISTER blue * pencil") == ["FAIL"]


def test_a_wrong_password_may_be_followed_by_the_right_one(server: IrcChat) -> None:
    """904, and then 903; after that 907."""
    peer = asking(server)
    wrong = coded(b"\0red\0wrong")
    assert peer.says("AUTHENTICATE PLAIN", f"AUTHENTICATE {wrong}")[1:] == [
        ":irc.example 904 * :SASL authentication failed: wrong account or password"
    ]
    assert peer.numerics("AUTHENTICATE PLAIN", RIGHT, "AUTHENTICATE PLAIN") == [
        "AUTHENTICATE", "900", "903", "907",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "numerics"),
    [
        (["AUTHENTICATE PLAIN", "AUTHENTICATE *"], ["AUTHENTICATE", "906"]),
        (["AUTHENTICATE *"], ["906"]),
        (["AUTHENTICATE PLAIN", "AUTHENTICATE !!"], ["AUTHENTICATE", "904"]),
        (["AUTHENTICATE PLAIN", "AUTHENTICATE é"], ["AUTHENTICATE", "904"]),
        (["AUTHENTICATE PLAIN", "AUTHENTICATE +"], ["AUTHENTICATE", "904"]),
        (["AUTHENTICATE PLAIN", f"AUTHENTICATE {'A' * 401}"], ["AUTHENTICATE", "905"]),
        (["AUTHENTICATE PLAIN", *[f"AUTHENTICATE {'A' * 400}"] * 20], ["AUTHENTICATE", "904"]),
        (["AUTHENTICATE NONSENSE"], ["908", "904"]),
        (["AUTHENTICATE"], ["461"]),
        (
            ["AUTHENTICATE PLAIN", "NICK a", "USER a 0 * :A", "CAP END"],
            ["AUTHENTICATE", "906", "001"],
        ),
    ],
)
def test_an_attempt_that_comes_to_nothing_is_told_so(
    server: IrcChat, lines: list[str], numerics: list[str]
) -> None:
    """And the client may register without an account."""
    peer = asking(server)
    told = [line.split(" ")[1] for line in peer.says(*lines)]
    if "905" in numerics:
        told = told[: told.index("905") + 1]
    assert told[: len(numerics)] == numerics


def test_without_the_capability_nobody_authenticates(server: IrcChat) -> None:
    """Nor where there are no accounts."""
    assert server.on_irc(host=HERE).numerics("AUTHENTICATE PLAIN") == ["904"]
    assert IrcChat().on_irc(host=HERE).says("CAP REQ sasl") == [":irc.example CAP * NAK sasl"]


def test_a_long_response_comes_in_pieces(server: IrcChat) -> None:
    """Of 400 bytes; one that is shorter, or ``+``, ends it."""
    peer = asking(server)
    for length in (293, 600):  # the first one makes exactly 400 bytes of base64
        text = coded(b"\0red\0" + b"x" * length)
        pieces = [text[at : at + 400] for at in range(0, len(text), 400)]
        if len(text) % 400 == 0:
            pieces.append("+")
        lines = [f"AUTHENTICATE {piece}" for piece in pieces]
        assert peer.numerics("AUTHENTICATE PLAIN", *lines) == ["AUTHENTICATE", "904"]


def test_who_is_in_may_take_another_account(server: IrcChat) -> None:
    """As often as they prove one (IRCv3 sasl-3.2)."""
    peer = server.on_irc("blue", "sasl", host=HERE)
    peer.says("REGISTER * * pencil")
    assert server.hub.find("blue").account == "blue"
    assert peer.numerics("AUTHENTICATE PLAIN", RIGHT) == ["AUTHENTICATE", "900", "903"]
    assert server.hub.find("blue").account == "red"


def test_others_hear_of_an_account_if_they_want_to(server: IrcChat) -> None:
    """IRCv3 account-notify, account-tag, extended-join."""
    peer = server.on_irc("blue", "sasl", host=HERE)
    watcher = server.on_irc("green", "account-notify", "account-tag", "extended-join", "sasl")
    other = server.on_irc("grey")
    for each in (watcher, other, peer):
        each.says("JOIN #a")
    watcher.hears()
    other.hears()
    assert peer.numerics("AUTHENTICATE PLAIN", RIGHT)[-2:] == ["900", "903"]
    mask = server.hub.find("blue").mask
    assert watcher.hears() == [f":blue!{mask} ACCOUNT red"]
    assert other.hears() == []
    peer.says("PRIVMSG #a :hi", "JOIN #b")
    assert watcher.hears() == [f"@account=red :blue!{mask} PRIVMSG #a :hi"]
    watcher.says("JOIN #b")
    peer.says("PART #b", "JOIN #b")
    assert watcher.hears()[-1] == f"@account=red :blue!{mask} JOIN #b red :Blue Example"


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("REGISTER red * pencil", "ACCOUNT_EXISTS red :Name 'red' is taken"),
        ("REGISTER a,b * pencil", "BAD_ACCOUNT_NAME a,b :Name: 1-24 letters, digits, - or _"),
        (f"REGISTER blue * {'x' * 480}", ""),
    ],
)
def test_an_account_that_cannot_be_made_is_told_by_its_code(
    server: IrcChat, line: str, reply: str
) -> None:
    """A standard reply (draft/account-registration)."""
    peer = server.on_irc("blue", host=HERE)
    peer.hears()
    told = peer.says(line)
    if reply:
        assert told == [f":irc.example FAIL REGISTER {reply}"]
    else:
        assert told[0].startswith(":irc.example REGISTER SUCCESS blue :")


def test_an_account_is_made_before_registration_too(server: IrcChat) -> None:
    """Of the name that was asked for; without one there is nothing to make."""
    peer = server.on_irc(host=HERE)
    assert peer.says("REGISTER * * pencil") == [
        ":irc.example FAIL REGISTER NEED_NICK * :Say NICK first"
    ]
    peer.says("NICK blue")
    assert peer.numerics("REGISTER * * pencil", "USER b 0 * :B")[:3] == ["REGISTER", "900", "001"]
    assert peer.numerics("REGISTER x * pencil", "VERIFY x 1")[-2:] == ["FAIL", "FAIL"]
    assert server.hub.find("blue").account == "blue"


def test_who_leaves_while_the_password_is_looked_at_is_not_missed(server: IrcChat) -> None:
    """The answer finds nobody."""
    peer = asking(server)
    peer.sends(
        f"AUTHENTICATE PLAIN\r\n{RIGHT}\r\nNICK red\r\nUSER r 0 * :R\r\nCAP END\r\n".encode()
    )
    peer.protocol.connectionLost()
    peer.hears()
    assert (server.irc.sessions, len(server.hub), server.irc.waiting) == ({}, 0, 0)
