"""Tests of `twisted_net.chat.core.scram`: RFC 5802 and RFC 7677, and whoever breaks them."""

import base64
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chat.members import dice
from twisted_net.chat.core.scram import (
    MAX_PASSWORD,
    Credentials,
    ScramClient,
    ScramError,
    ScramServer,
    derive,
    fresh,
    matches,
    prepared,
    pretended,
)

#: As few as clients take, so that the tests are quick.
FEW = 4096

PENCIL = derive(b"pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), FEW)


class Nonce(Random):
    """Dice that fall as in the example of RFC 7677, where a nonce is text."""

    def __init__(self, nonce: str) -> None:
        super().__init__(0)
        self._nonce = base64.b64decode(nonce + "=" * (-len(nonce) % 4))

    def randbytes(self, n: int) -> bytes:
        """Return the nonce."""
        return self._nonce


def exchanged(client: ScramClient, server: ScramServer) -> None:
    """Let both sides finish."""
    client.verify(server.final(client.final(server.first(client.first()))))


def test_the_example_of_the_rfc_comes_out() -> None:
    """RFC 7677, 3: every byte of it, from a server whose nonce is the example's."""
    server = ScramServer(lambda name: PENCIL, Random(0))  # noqa: S311
    server._nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    assert server.first(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO") == (
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    assert (
        server.final(
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        )
        == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    )
    assert server.proven
    assert server.name == "user"


def test_our_client_says_what_the_example_says() -> None:
    """RFC 7677, 3, from the other side."""
    client = ScramClient("user", b"pencil", Nonce("rOprNGfwEbeRWgbNEkqO"))
    assert client.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    assert client.final(b"r=" + nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096") == (
        b"c=biws,r=" + nonce + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    client.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    with pytest.raises(ScramError, match="prove"):
        client.verify(b"v=AAAA")


def test_a_wrong_password_proves_nothing() -> None:
    """And the server gives nothing away that it would not have told anybody."""
    client = ScramClient("user", b"pen", dice(1))
    server = ScramServer(lambda name: PENCIL, dice(2))
    with pytest.raises(ScramError, match="proof"):
        exchanged(client, server)
    assert not server.proven
    with pytest.raises(ScramError, match="first"):
        server.final(b"c=biws,r=x,p=AAAA")


def test_nobody_learns_which_accounts_there_are() -> None:
    """An account that is not there has a salt too, and always the same one."""
    pretends = [pretended(name, b"secret") for name in ("red", "red", "blue")]
    assert pretends[0] == pretends[1] != pretends[2]
    assert len(pretends[0].salt) == len(fresh(b"x", dice(1), 1).salt)
    with pytest.raises(ScramError, match="proof"):
        exchanged(
            ScramClient("red", b"x", dice(1)),
            ScramServer(lambda name: pretended(name, b"secret", FEW), dice(2)),
        )


@settings(max_examples=30)
@given(st.text(st.characters(exclude_categories=["C"]), max_size=20), st.text(max_size=30))
def test_whoever_knows_the_password_gets_in(name: str, password: str) -> None:
    """Whatever they are called, commas and equal signs too."""
    try:
        encoded = prepared(password)
    except ValueError:
        return
    asked: list[str] = []
    kept = fresh(encoded, dice(3), FEW)

    def credentials(wanted: str) -> Credentials:
        asked.append(wanted)
        return kept

    server = ScramServer(credentials, dice(2))
    exchanged(ScramClient(name, encoded, dice(1)), server)
    assert server.proven
    assert asked == [name]
    assert matches(encoded, kept)
    assert not matches(encoded + b"x", kept)


@settings(max_examples=50)
@given(st.lists(st.one_of(st.binary(max_size=60), st.from_regex(rb"\A[nyp],.*,[nrcspv]=.*\Z"))))
def test_garbage_is_refused_and_never_proves_anything(messages: list[bytes]) -> None:
    """Nothing but `ScramError` comes out of what a stranger sends."""
    server = ScramServer(lambda name: PENCIL, dice(2))
    client = ScramClient("user", b"pencil", dice(1))
    for call in (server.first, server.final, client.final, client.verify):
        for message in messages:
            try:
                call(message)
            except ScramError:
                pass
            else:
                assert call == server.first
    assert not server.proven


@pytest.mark.parametrize(
    "message",
    [
        b"p=tls-unique,,n=user,r=abc",
        b"n,b=x,n=user,r=abc",
        b"n,,m=x,n=user,r=abc",
        b"n,,n=us=2Xer,r=abc",
        b"n,,n=user,r=",
        b"n,,n=user",
        b"n,,n=\xff,r=abc",
        b"n,,n=user,r=" + b"a" * 4000,
    ],
)
def test_a_first_message_that_wants_what_we_have_not_is_refused(message: bytes) -> None:
    """Channel binding, extensions we must not ignore, and what is no message at all."""
    server = ScramServer(lambda name: PENCIL, dice(2))
    with pytest.raises(ScramError):
        server.first(message)


@pytest.mark.parametrize("count", ["1", "0", "99999999", "x", "-5", "٤٠٩٦"])
def test_a_client_works_neither_too_little_nor_for_ever(count: str) -> None:
    """A server that wants one round wants the password; one that wants millions, our time."""
    client = ScramClient("user", b"pencil", dice(1))
    nonce = client.first().partition(b",r=")[2].decode()
    with pytest.raises(ScramError, match="answer"):
        client.final(f"r={nonce}x,s=AAAA,i={count}".encode())


def test_a_proof_for_another_exchange_is_worth_nothing() -> None:
    """Whoever listened cannot say it again: the server's nonce is another one."""
    client = ScramClient("user", b"pencil", dice(1))
    old = ScramServer(lambda name: PENCIL, dice(2))
    proof = client.final(old.first(client.first()))
    new = ScramServer(lambda name: PENCIL, dice(3))
    new.first(client.first())
    with pytest.raises(ScramError, match="proof"):
        new.final(proof)


def test_passwords_are_the_same_on_every_keyboard() -> None:
    """RFC 4013, 3: what is mapped, what is nothing, what is refused."""
    assert prepared("I\u00adX") == prepared("\u2168") == b"IX"
    assert prepared("\u00aa") == b"a"
    assert prepared("a\u00a0b") == b"a b"
    assert prepared("pässwörd") == "pässwörd".encode()
    for refused in ("a\x07", "", "\u00ad", "x" * (MAX_PASSWORD + 1), "\u0627\u0031", "\ud800"):
        with pytest.raises(ValueError, match="password"):
            prepared(refused)
    assert len(prepared("x" * MAX_PASSWORD)) == MAX_PASSWORD
