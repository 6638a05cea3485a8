"""Tests of `twisted_net.chat.core.sasl`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.members import dice
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.sasl import (
    MAX_RESPONSE,
    Challenge,
    Check,
    Denied,
    Exchange,
    Granted,
    Known,
    begin,
    offered,
)
from twisted_net.chat.core.scram import ScramClient, fresh, pretended

FEW = 4096
ACCOUNTS = {"red": ("Red", fresh(b"pencil", dice(9), FEW))}


def known(certified: str = "") -> Known:
    """Return a server that knows one account."""
    return Known(
        lambda name: ACCOUNTS.get(folded(name), ("", pretended(name, b"s", FEW)))[1],
        lambda name: ACCOUNTS.get(folded(name), ("", None))[0],
        certified,
    )


def exchange(name: str, certified: str = "") -> Exchange:
    """Begin an exchange."""
    begun = begin(name, known(certified), True, dice(1))
    assert begun is not None
    return begun


def test_plain_asks_for_the_password_to_be_checked() -> None:
    """It is slow to check, so somebody else does; the account is called as it was registered."""
    plain = exchange("plain")
    assert plain.respond(b"\0rEd\0pencil") == Check("rEd", "pencil")
    assert plain.checked(True) == Granted("Red")
    assert plain.over
    plain = exchange("PLAIN")
    assert plain.respond(b"red\0red\0x y") == Check("red", "x y")
    assert plain.checked(False) == Denied("wrong account or password", guessed=True)


@pytest.mark.parametrize(
    "response", [b"", b"red", b"\0red", b"\0\0x", b"\0red\0", b"blue\0red\0x", b"a\0b\0c\0d"]
)
def test_plain_without_its_three_parts_is_denied(response: bytes) -> None:
    """Or by who wants to be somebody else."""
    assert isinstance(exchange("PLAIN").respond(response), Denied)


def test_scram_is_granted_once_both_have_proven_themselves() -> None:
    """The server's proof is the last challenge, which an empty response takes."""
    scram, client = exchange("SCRAM-SHA-256"), ScramClient("RED", b"pencil", dice(2))
    first = scram.respond(client.first())
    assert isinstance(first, Challenge)
    last = scram.respond(client.final(first.data))
    assert isinstance(last, Challenge)
    client.verify(last.data)
    assert not scram.over
    assert scram.respond(b"") == Granted("Red")
    assert scram.over


@pytest.mark.parametrize(("name", "password"), [("red", b"x"), ("nobody", b"pencil")])
def test_a_wrong_password_looks_like_a_wrong_account(name: str, password: bytes) -> None:
    """Both have a salt, and both fail at the proof."""
    scram, client = exchange("SCRAM-SHA-256"), ScramClient(name, password, dice(2))
    first = scram.respond(client.first())
    assert isinstance(first, Challenge)
    denied = scram.respond(client.final(first.data))
    assert denied == Denied("wrong account or password", guessed=True)


def test_nobody_is_granted_what_they_did_not_prove() -> None:
    """Empty responses are no proof, nor is another name in the header."""
    scram = exchange("SCRAM-SHA-256")
    assert isinstance(scram.respond(b""), Denied)
    scram = exchange("SCRAM-SHA-256")
    assert isinstance(scram.respond(b"n,a=blue,n=red,r=abc"), Denied)
    scram = exchange("SCRAM-SHA-256")
    assert isinstance(scram.respond(b"n,,n=,r=abc"), Denied)
    scram, client = exchange("SCRAM-SHA-256"), ScramClient("red", b"pencil", dice(2))
    scram.respond(client.first())
    assert isinstance(scram.respond(b""), Denied)


def test_a_certificate_is_as_good_as_the_account_that_has_it() -> None:
    """Under its own name or without one; a client without it is not even offered EXTERNAL."""
    assert exchange("EXTERNAL", "Red").respond(b"") == Granted("Red")
    assert exchange("EXTERNAL", "Red").respond(b"red") == Granted("Red")
    assert isinstance(exchange("EXTERNAL", "Red").respond(b"blue"), Denied)
    assert isinstance(exchange("EXTERNAL", "Red").checked(True), Denied)
    assert begin("EXTERNAL", known(), True, dice(1)) is None


def test_passwords_are_asked_for_only_where_nobody_listens() -> None:
    """On the open network there is SCRAM."""
    assert list(offered(known(), plain=False)) == ["SCRAM-SHA-256"]
    assert list(offered(known("Red"), plain=True)) == ["SCRAM-SHA-256", "EXTERNAL", "PLAIN"]
    assert begin("PLAIN", known(), False, dice(1)) is None
    assert begin("LOGIN", known(), True, dice(1)) is None


@given(
    st.sampled_from(["PLAIN", "SCRAM-SHA-256", "EXTERNAL"]),
    st.lists(
        st.one_of(
            st.booleans(),
            st.binary(max_size=40),
            st.sampled_from([b"", b"\0red\0x", b"n,,n=red,r=abc", b"c=biws,r=abc,p=AAAA"]),
            st.just(b"x" * (MAX_RESPONSE + 1)),
        ),
        max_size=6,
    ),
)
def test_garbage_is_denied_and_nothing_follows_a_denial(
    name: str, steps: list[bytes | bool]
) -> None:
    """In whatever order it comes; only who checked the password may say that it was right."""
    tried = exchange(name, "Red" if name == "EXTERNAL" else "")
    asked = over = False
    for step in steps:
        outcome = tried.checked(step) if isinstance(step, bool) else tried.respond(step)
        if over:
            assert isinstance(outcome, Denied)
        if isinstance(outcome, Granted):
            assert name == "EXTERNAL" or (asked and step is True)
        asked = isinstance(outcome, Check)
        over = tried.over
