"""WEBIRC: a gateway says who is behind it (IRCv3 webirc, R29)."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from tests.chat.irc import IrcChat, OnIrc
from tests.chat.members import Cut, by_bytes, whole
from tests.chat.stores import Threaded
from twisted_net.chat import hashing
from twisted_net.chat.accounts.penalties import EVERY, TRIES, Penalties
from twisted_net.chat.core.ident import hidden_host
from twisted_net.chat.core.irc.gateway import Behind, read
from twisted_net.chat.core.irc.security import Policy
from twisted_net.chat.gateways import Gateways
from twisted_net.chat.gateways import read as read_file
from twisted_net.chat.hashing import Hashed, made
from twisted_net.chat.opers import AT_ONCE

GATEWAY, PASSWORD = "10.0.0.1", "hunter2"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_N", 16)


@implementer(ISSLTransport)
class Tls(StringTransport):  # type: ignore[misc]  # as far as these tests go
    """A transport that shows no certificate."""

    def getPeerCertificate(self) -> None:  # noqa: N802 - Twisted's
        """Return none."""

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802 - Twisted's
        """Be complete."""


class Gated(IrcChat):
    """A server with gateways, and threads."""

    def __init__(self, path: Path, **settings: Any) -> None:
        super().__init__(accounts=True, **settings)
        file = path / "gateways"
        file.write_text(f"# known\n{made('10.0.0.0/30,::1', PASSWORD)}\n")
        self.irc.gateways = Gateways(str(file), self.clock)

    def through(self, cut: Cut = whole, host: str = GATEWAY, tls: bool = False) -> OnIrc:
        """Let a gateway connect."""
        return OnIrc(self, cut, host, Tls if tls else StringTransport)


def webirc(address: str, options: str = "", password: str = PASSWORD) -> str:
    """Return what a gateway says first."""
    return f"WEBIRC {password} kiwi host.example {address}{' :' + options if options else ''}"


def register(name: str) -> tuple[str, str]:
    """Return what a client says first."""
    return f"NICK {name}", f"USER {name} 0 * :{name}"


@pytest.mark.parametrize("cut", [whole, by_bytes])
@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("198.51.100.3", "198.51.100.3"),
        ("2001:db8::5", "2001:db8::5"),
        ("0::1:5", "::1:5"),
        ("::ffff:198.51.100.3", None),
        ("0::ffff:198.51.100.3", "198.51.100.3"),
    ],
)
def test_who_is_behind_a_gateway_is_seen_as_if_there_were_none(
    tmp_path: Path, cut: Cut, said: str, address: str | None
) -> None:
    """The host is that of the address; one that begins with a colon is no parameter."""
    server = Gated(tmp_path)
    red = server.through(cut)
    heard = red.says(webirc(said), *register("red"))
    if address is None:
        assert heard[-1].startswith("ERROR :")
        return
    assert heard[0].split(" ")[1] == "001"
    assert server.hub.find("red").host == hidden_host(address, b"")
    assert red.protocol.transport.getPeer().host == address
    assert red.says("QUIT")[-1] == f"ERROR :Closing link: {address} (Quit)"
    assert server.dropped("irc") == {}


def test_what_comes_with_the_first_line_waits_until_the_password_was_checked(
    tmp_path: Path,
) -> None:
    """A gateway does not wait either; the capabilities are those of who is behind it."""
    server = Gated(tmp_path)
    red = server.through(host="::1")
    red.protocol.dataReceived("\r\n".join([webirc("198.51.100.3"), "CAP LS 302", ""]).encode())
    assert red.transport.value() == b""
    assert red.hears()[0].endswith(" sasl=SCRAM-SHA-256")  # PLAIN may be overheard now


@pytest.mark.parametrize(
    ("host", "line", "why", "reason"),
    [
        ("10.0.0.9", webirc("198.51.100.3"), "WEBIRC is believed of known gateways only",
         "webirc_not_believed"),
        (GATEWAY, webirc("198.51.100.3", password="x"), "invalid WebIRC password",  # noqa: S106
         "webirc_bad_password"),
        (GATEWAY, webirc("999.2.3.4"), "WEBIRC without an IP address that can be read",
         "webirc_bad_address"),
        (GATEWAY, webirc("::1"), "WEBIRC without an IP address that can be read",
         "webirc_bad_address"),
        (GATEWAY, webirc("fe80::1%\x1b[31m"), "WEBIRC without an IP address that can be read",
         "webirc_bad_address"),
    ],
)  # fmt: skip
def test_a_gateway_that_is_not_believed_is_shown_out(
    tmp_path: Path, host: str, line: str, why: str, reason: str
) -> None:
    """By ERROR, and counted; nothing that follows is obeyed."""
    server = Gated(tmp_path)
    red = server.through(host=host)
    assert red.says(line, *register("red")) == [f"ERROR :Closing link: {host} ({why})"]
    assert red.transport.disconnecting
    assert server.dropped("irc") == {reason: 1}
    assert server.hub.known("red") is None


def test_without_a_file_of_gateways_there_are_none() -> None:
    """Whoever thinks to be one learns so, before its users all look alike."""
    server = IrcChat()
    red = server.on_irc(host="127.0.0.1")
    assert "is believed of known gateways only" in red.says(webirc("198.51.100.3"))[-1]
    assert server.dropped("irc") == {"webirc_not_believed": 1}


def test_it_is_the_first_command_or_none(tmp_path: Path) -> None:
    """After another one it is refused; after registration the connection stays."""
    server = Gated(tmp_path)
    red = server.through()
    assert "WEBIRC comes before all else" in red.says("CAP LS 302", webirc("192.0.2.1"))[-1]
    blue = server.through()
    blue.says(*register("blue"))
    assert blue.says(webirc("192.0.2.1")) == [":irc.example 462 blue :You have registered already"]
    assert not blue.transport.disconnecting
    green = server.through()
    blue_twice = green.says(webirc("192.0.2.1"), webirc("192.0.2.2"))
    assert green.transport.disconnecting
    assert "192.0.2.1" in blue_twice[-1]
    assert server.dropped("irc") == {"webirc_late": 1, "webirc_not_believed": 1}


@pytest.mark.parametrize(
    ("tls", "options", "secure", "fingerprint"),
    [
        (True, "secure", True, ""),
        (True, "secure=examplevalue local-port=6697", True, ""),
        (True, f"secure certfp-sha-256={'AB' * 32}", True, "ab" * 32),
        (True, f"secure certfp-sha-256={'AB' * 31}", True, ""),
        (True, f"certfp-sha-256={'ab' * 32}", False, ""),
        (False, f"secure certfp-sha-256={'ab' * 32}", False, ""),
    ],
)
def test_a_connection_is_secure_if_both_halves_of_it_are(
    tmp_path: Path, tls: bool, options: str, secure: bool, fingerprint: str
) -> None:
    """With or without a value; and only then a certificate counts, which is the user's."""
    server = Gated(tmp_path)
    red = server.through(tls=tls)
    red.says(webirc("198.51.100.3", options), *register("red"))
    session = red.protocol.session
    assert (session.tls, session.secure, session.fingerprint) == (secure, secure, fingerprint)
    assert server.irc.is_secure(session.me) is secure
    assert ("PLAIN" in session.offered["sasl"]) is secure


def test_who_is_behind_a_gateway_is_not_told_how_to_come(tmp_path: Path) -> None:
    """The gateway comes, and how is for who runs it (sts)."""
    server = Gated(tmp_path, policy=Policy(86400, 6697, "irc.example"))
    red, blue = server.through(), server.on_irc()
    assert "sts" not in " ".join(red.says(webirc("198.51.100.3"), "CAP LS 302"))
    assert "sts=port=6697" in " ".join(blue.says("CAP LS 302"))


def test_who_was_behind_a_gateway_is_no_neighbour_of_this_machine(tmp_path: Path) -> None:
    """Whatever address it names: a password would go through the network."""
    server = Gated(tmp_path)
    red = server.through()
    red.says(webirc("127.0.0.1"), *register("red"))
    assert not red.protocol.session.secure


def test_operators_see_the_address_and_the_gateway(tmp_path: Path) -> None:
    """So does the user; nobody else does (WebIRC, security considerations)."""
    server = Gated(tmp_path)
    red, blue = server.through(), server.on_irc("blue")
    red.says(webirc("198.51.100.3"), *register("red"))
    blue.hears()
    shown = [
        ":irc.example 378 {} red :is connecting from *@198.51.100.3 198.51.100.3",
        ":irc.example 320 {} red :is connected through the gateway kiwi (10.0.0.1)",
    ]
    assert not [line for line in blue.says("WHOIS red") if " 320 " in line or " 378 " in line]
    heard = red.says("WHOIS red")
    assert [line for line in heard if " 320 " in line or " 378 " in line] == [
        each.format("red") for each in shown
    ]
    server.hub.find("blue").modes |= {"o"}
    heard = blue.says("WHOIS red")
    assert [line for line in heard if " 320 " in line or " 378 " in line] == [
        each.format("blue") for each in shown
    ]


@pytest.mark.parametrize("password", [PASSWORD, "x"])
def test_a_half_close_is_answered_once_the_password_was_checked(
    tmp_path: Path, password: str
) -> None:
    """Whatever comes of it; then the connection is closed."""
    server = Gated(tmp_path)
    red = server.through()
    lines = [webirc("198.51.100.3", password=password), *register("red"), "WHOIS red", ""]
    red.protocol.dataReceived("\r\n".join(lines).encode())
    red.protocol.readConnectionLost()
    heard = red.hears()
    if password == PASSWORD:
        assert " 318 red red " in heard[-1]
    else:
        assert heard == [f"ERROR :Closing link: {GATEWAY} (invalid WebIRC password)"]
    assert red.transport.disconnecting
    assert len(server.hub) == 0


def test_a_gateway_that_hangs_up_meanwhile_leaves_nothing(tmp_path: Path) -> None:
    """Though its password is right."""
    server = Gated(tmp_path)
    red = server.through()
    red.protocol.dataReceived(webirc("198.51.100.3").encode() + b"\r\n")
    red.protocol.connectionLost()
    assert red.hears() == []
    assert server.irc.waiting == 0


# What is read.


@pytest.mark.parametrize(
    ("options", "port"),
    [
        ("remote-port=21726 local-port=6697", 21726),
        ("remote-port=65536", 0),
        ("remote-port=٤", 0),
        ("remote-port", 0),
        ("=x remote-port=1 x=y=z secure=", 1),
    ],
)
def test_options_that_mean_nothing_are_passed_over(options: str, port: int) -> None:
    """They may come to mean something."""
    behind = read(("pw", "kiwi", "host", "192.0.2.1", options))
    assert behind == Behind("kiwi", "192.0.2.1", port, "secure" in options)


def test_the_name_of_a_gateway_is_no_way_into_a_terminal() -> None:
    """What is not plain is left out."""
    for name in ("\x1b[2J", "a b", "", "x" * 64, "\u202e"):
        behind = read(("pw", name, "host", "192.0.2.1"))
        assert behind is not None
        assert behind.gateway == "*"


@given(st.lists(st.text(), min_size=4, max_size=6))
def test_whatever_a_gateway_says_is_read_or_refused(params: list[str]) -> None:
    """Never with an exception."""
    read(tuple(params))


# Who is known.


def asked(gateways: Gateways, clock: Threaded, host: str, password: str) -> tuple[bool, bool]:
    """Return what is told of a password, and whether it was at once."""
    told: list[bool] = []
    gateways.check(host, password, told.append)
    fast = bool(told)
    clock.settle()
    return told[0], fast


def test_a_password_that_was_right_is_known_again_at_once(tmp_path: Path) -> None:
    """A gateway says it for each of its users; a wrong one takes its time again and again."""
    file, clock = tmp_path / "gateways", Threaded()
    file.write_text(f"{made('10.0.0.0/30', 'one')}\n{made('10.0.0.1,unix', 'two')}\n")
    gateways = Gateways(str(file), clock)
    assert asked(gateways, clock, "10.0.0.1", "two") == (True, False)
    assert asked(gateways, clock, "10.0.0.1", "two") == (True, True)
    assert asked(gateways, clock, "10.0.0.2", "two") == (False, False)
    assert asked(gateways, clock, "10.0.0.2", "one") == (True, False)
    assert asked(gateways, clock, "", "two") == (True, True)
    assert asked(gateways, clock, "10.0.0.1", "x") == (False, False)
    assert asked(gateways, clock, "10.0.0.1", "x") == (False, False)
    assert [gateways.knows(host) for host in ("10.0.0.3", "", "10.0.0.4", "::1")] == [
        True, True, False, False,
    ]  # fmt: skip
    file.write_text(made("10.0.0.0/30", "three"))
    gateways.reread()
    assert asked(gateways, clock, "10.0.0.1", "two") == (False, False)
    assert not gateways.knows("")


def test_who_guesses_is_looked_at_only_now_and_then(tmp_path: Path) -> None:
    """However many connections it has; a gateway that was known before is served meanwhile."""
    file, clock = tmp_path / "gateways", Threaded()
    file.write_text(made("10.0.0.0/30", "one"))
    gateways = Gateways(str(file), clock)
    assert asked(gateways, clock, "10.0.0.1", "one") == (True, False)
    for number in range(TRIES):
        assert asked(gateways, clock, "10.0.0.1", f"guess{number}") == (False, False)
    assert asked(gateways, clock, "10.0.0.1", "x") == (False, True)
    assert asked(gateways, clock, "10.0.0.1", "one") == (True, True)
    assert asked(gateways, clock, "10.0.0.2", "x") == (False, False)
    clock.advance(EVERY)
    assert asked(gateways, clock, "10.0.0.1", "x") == (False, False)
    assert asked(gateways, clock, "10.0.0.1", "x") == (False, True)


def test_many_guesses_at_one_time_are_many_guesses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not more of them are looked at; and all users of a gateway that come at once are let in."""
    file, clock = tmp_path / "gateways", Threaded()
    file.write_text(made("10.0.0.0/30", "one"))
    guesses = Penalties()
    gateways = Gateways(str(file), clock, guesses)
    told: list[bool] = []
    for _ in range(5 * TRIES):
        gateways.check("10.0.0.2", "one", told.append)
    clock.settle()
    assert told == [True] * 5 * TRIES
    looked: list[str] = []

    def fits(hashed: Hashed, password: str) -> bool:
        looked.append(password)
        return False

    monkeypatch.setattr(Hashed, "fits", fits)
    for number in range(5 * TRIES):
        gateways.check("10.0.0.1", f"guess{number}", told.append)
    clock.settle()
    assert told[5 * TRIES :] == [False] * 5 * TRIES
    assert TRIES <= len(looked) < TRIES + AT_ONCE
    for _ in range(TRIES):
        guesses.take("10.0.0.3", clock.seconds())  # at another door
    assert asked(gateways, clock, "10.0.0.3", "guess") == (False, True)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("10.0.0.0/30", "line 2: need <networks> scrypt <salt> <hash>"),
        ("10.0.0.1/30 scrypt AAAA AAAA", "line 2: need addresses or networks .*'10.0.0.1/30'"),
        ("kiwi scrypt AAAA AAAA", "line 2: need addresses or networks .*'kiwi'"),
    ],
)
def test_a_line_that_means_nothing_is_named_by_its_number(
    tmp_path: Path, line: str, error: str
) -> None:
    """When the server starts."""
    file = tmp_path / "gateways"
    file.write_text(f"# one\n{line}\n")
    with pytest.raises(ValueError, match=error):
        read_file(str(file))
