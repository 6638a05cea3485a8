"""CERT, and what it lets in: certificates that are as good as an account's password."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from tests.chat.irc import IrcChat, OnIrc
from twisted_net.chat.accounts.book import CERTIFICATES

MINE, OTHERS = "ab" * 32, "cd" * 32


def showing(server: IrcChat, fingerprint: str, *, tls: bool = True) -> OnIrc:
    """Let somebody connect who shows a certificate."""
    peer = server.on_irc(host="127.0.0.1")
    peer.protocol.session.tls = tls
    peer.protocol.session.showed(fingerprint)
    return peer


def red(server: IrcChat, fingerprint: str = MINE) -> OnIrc:
    """Return red, who has made an account."""
    peer = showing(server, fingerprint)
    peer.says("NICK red", "USER r 0 * :Red", "REGISTER * * pencil")
    return peer


def answers(peer: OnIrc, *lines: str) -> list[str]:
    """Return what is answered to CERT, without what is in all of it."""
    return [line.removeprefix(":irc.example ") for line in peer.says(*lines)]


def test_a_certificate_that_was_added_proves_the_account() -> None:
    """EXTERNAL is offered to who shows it, and to nobody else; WHOIS says that it was shown."""
    server = IrcChat(accounts=True)
    peer = red(server)
    assert answers(peer, "CERT ADD") == [f"NOTE CERT ADDED {MINE} :Of the account red"]
    assert answers(peer, "CERT ADD") == [f"NOTE CERT ADDED {MINE} :Of the account red"]
    peer.says("QUIT")
    again, stranger = showing(server, MINE), showing(server, OTHERS)
    assert "EXTERNAL" not in " ".join(stranger.says("CAP LS 302"))
    assert "sasl=SCRAM-SHA-256,EXTERNAL,PLAIN" in " ".join(again.says("CAP LS 302"))
    again.says("CAP REQ sasl")
    assert again.numerics("AUTHENTICATE EXTERNAL", "AUTHENTICATE +") == [
        "AUTHENTICATE", "900", "903",
    ]  # fmt: skip
    again.says("NICK red", "USER r 0 * :Red", "CAP END")
    told = f":irc.example 276 red red :has client certificate fingerprint {MINE}"
    assert told in again.says("WHOIS red")
    assert "276" not in server.on_irc("blue").numerics("WHOIS red")


def test_certificates_are_listed_and_taken_back() -> None:
    """Also those that are not shown; what is not there cannot be."""
    server = IrcChat(accounts=True)
    peer = red(server)
    peer.says("CERT ADD")
    peer.protocol.session.fingerprint = OTHERS
    peer.says("CERT ADD")
    assert answers(peer, "CERT", "CERT LIST") == 2 * [
        f"NOTE CERT LIST {MINE} :Another one",
        f"NOTE CERT LIST {OTHERS} :The one that you show",
        "NOTE CERT LISTED red :Has 2",
    ]
    assert answers(peer, f"CERT DEL {MINE.upper()}") == [
        f"NOTE CERT DELETED {MINE} :Of the account red"
    ]
    assert answers(peer, f"CERT DEL {MINE}", "CERT LIST") == [
        f"FAIL CERT NO_SUCH_CERTIFICATE DEL :No certificate '{MINE}'",
        f"NOTE CERT LIST {OTHERS} :The one that you show",
        "NOTE CERT LISTED red :Has 1",
    ]
    assert "EXTERNAL" not in " ".join(showing(server, MINE).says("CAP LS 302"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("CERT DEL", "FAIL CERT NO_SUCH_CERTIFICATE DEL :No certificate ''"),
        ("CERT SHOW", "FAIL CERT INVALID_PARAMS * :It is one of LIST, ADD, DEL"),
        ("CERT :ADD :x y", "FAIL CERT INVALID_PARAMS * :It is one of LIST, ADD, DEL"),
    ],
)
def test_what_makes_no_sense_is_refused(line: str, told: str) -> None:
    """By a standard reply."""
    assert answers(red(IrcChat(accounts=True)), line) == [told]


def test_who_shows_none_has_none_to_add() -> None:
    """That one has its key is what TLS proves; a fingerprint anybody can know."""
    assert answers(red(IrcChat(accounts=True), ""), f"CERT ADD {MINE}") == [
        "FAIL CERT NO_CERTIFICATE ADD :You show none: connect over TLS with one"
    ]


def test_without_an_account_there_is_nothing_to_add_to() -> None:
    """Nor where there are no accounts at all."""
    for server in (IrcChat(accounts=True), IrcChat()):
        peer = showing(server, MINE)
        peer.says("NICK blue", "USER b 0 * :B")
        peer.hears()
        assert answers(peer, "CERT ADD") == [
            "FAIL CERT ACCOUNT_REQUIRED * :You have proven no account"
        ]


def test_a_certificate_is_one_accounts_and_an_account_has_a_few() -> None:
    """Both are said."""
    server = IrcChat(accounts=True)
    peer = red(server)
    peer.says("CERT ADD")
    other = showing(server, MINE)
    other.says("NICK blue", "USER b 0 * :B", "REGISTER * * pencil")
    assert answers(other, "CERT ADD") == [
        "FAIL CERT CERTIFICATE_TAKEN ADD :Another account has this certificate"
    ]
    for number in range(1, CERTIFICATES):
        peer.protocol.session.fingerprint = f"{number:064x}"
        peer.says("CERT ADD")
    peer.protocol.session.fingerprint = OTHERS
    assert answers(peer, "CERT ADD") == [
        "FAIL CERT TOO_MANY_CERTIFICATES ADD :Too many certificates"
    ]


class Keeper:
    """A file that takes nothing any more, and what was to be done to it."""

    def __init__(self) -> None:
        self.full = False
        self.asked: list[tuple[str, ...]] = []

    def _done(self, *what: str) -> "Deferred[None]":
        self.asked.append(what)
        return fail(OSError("disk full")) if self.full else succeed(None)

    def keep(self, entry: Any) -> "Deferred[None]":
        """Keep an account."""
        return self._done("keep", entry.name)

    def certify(self, fingerprint: str, name: str) -> "Deferred[None]":
        """Keep a certificate."""
        return self._done("certify", fingerprint, name)

    def uncertify(self, fingerprint: str) -> "Deferred[None]":
        """Forget one."""
        return self._done("uncertify", fingerprint)


@pytest.mark.logs("OSError")
def test_what_could_not_be_kept_counts_for_nothing() -> None:
    """It would be gone after the next start, when nobody expects it any more."""
    server = IrcChat(accounts=True)
    assert server.post.accounts is not None
    keeper = server.post.accounts._keeper = Keeper()
    peer = red(server)
    keeper.full = True
    assert answers(peer, "CERT ADD") == [
        "FAIL CERT TEMPORARILY_UNAVAILABLE ADD :Accounts cannot be kept now"
    ]
    assert answers(peer, "CERT LIST") == ["NOTE CERT LISTED red :Has 0"]
    keeper.full = False
    peer.says("CERT ADD", f"CERT DEL {MINE}")
    assert keeper.asked[1:] == [
        ("certify", MINE, "red"), ("certify", MINE, "red"), ("uncertify", MINE),
    ]  # fmt: skip


def test_who_hangs_up_meanwhile_has_a_certificate_all_the_same() -> None:
    """The answer goes nowhere."""
    server = IrcChat(accounts=True)
    peer = red(server)
    peer.sends(b"CERT ADD\r\n")
    peer.protocol.connectionLost()
    peer.hears()
    assert "EXTERNAL" in " ".join(showing(server, MINE).says("CAP LS 302"))
