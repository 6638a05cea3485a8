"""Tests of `twisted_net.chat.core.masks` and `words`."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.chat.core.ident import folded, hidden_host
from twisted_net.chat.core.masks import completed, matches
from twisted_net.chat.core.words import Words


@pytest.mark.parametrize(
    ("typed", "mask"),
    [
        ("red", "red!*@*"),
        ("r?d", "r?d!*@*"),
        ("*!*@x.hidden", "*!*@x.hidden"),
        ("me@x", "*!me@x"),
        ("red!me", "red!me@*"),
        ("@x", "*!*@x"),
        ("m:red", "m:red!*@*"),
    ],
)
def test_a_mask_gets_the_parts_that_were_left_out(typed: str, mask: str) -> None:
    """A name alone is enough for people."""
    assert completed(typed) == mask
    assert completed(mask) == mask


letters = st.text("aAbé", max_size=8)


@given(st.text("aAbé*?", max_size=8), letters)
def test_a_mask_matches_as_a_regular_expression_would(mask: str, text: str) -> None:
    """Case of ASCII aside."""
    pattern = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in folded(mask))
    assert matches(mask, text) == bool(re.fullmatch(pattern, folded(text)))


def test_a_mask_of_many_stars_takes_no_time() -> None:
    """As a regular expression it would take for ever."""
    assert not matches("*a" * 99, "a" * 98 + "b" * 100)
    assert not matches("*a?" * 49, "a" * 99 + "b" * 48)
    assert matches("*a" * 99 + "*", "a" * 99)


def test_the_same_address_is_hidden_in_the_same_way() -> None:
    """Whoever does not know the secret cannot find it by trying all."""
    hosts = {hidden_host(address, b"secret") for address in ("192.0.2.1", "192.0.2.2", "::1")}
    assert len(hosts) == 3
    assert hidden_host("192.0.2.1", b"secret") in hosts
    assert hidden_host("192.0.2.1", b"other") not in hosts
    assert all(host.endswith(".hidden") for host in hosts)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("Damn, a damned dog", "****, a damned dog"),
        ("\uff24\uff21\uff2d\uff2e", "****"),
        ("no word of it", "no word of it"),
        ("damn-it damn!", "****-it ****!"),
        ("骂人", "**"),
    ],
)
def test_whole_words_become_stars(said: str, heard: str) -> None:
    """Whatever their case and width; parts of other words stay."""
    assert Words(["damn", "骂人"]).starred(said) == heard


@given(st.text(max_size=40))
def test_a_text_never_grows(text: str) -> None:
    """In bytes: it still fits where it fitted."""
    assert len(Words(["a", "é"]).starred(text).encode(errors="replace")) <= len(
        text.encode(errors="replace")
    )
