"""Tests of `twisted_net.web.core`: whose request it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.web.core import Head, is_ours, name_in, refusal

OURS = ("bench", "bench.lan")
SELF = b"127.0.0.1:7080"


def code(*hosts: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1", **more: bytes) -> int:
    """Return the code of a refusal; 0: it is none."""
    refused = refusal(Head(method, version, hosts, **more), OURS)
    return refused[0] if refused else 0


@pytest.mark.parametrize(
    "host",
    [
        b"127.0.0.1:7080",
        b"127.0.0.1",
        b"192.0.2.7:80",
        b"[::1]:7080",
        b"[fe80::1]",
        b"localhost:7080",
        b"LOCALHOST",
        b"localhost.",
        b"Bench:7080",
        b"bench.lan",
    ],
)
def test_a_name_of_ours_and_every_address_is_served(host: bytes) -> None:
    """No attacker's name is an address."""
    assert code(host) == 0


@pytest.mark.parametrize(
    "host",
    [b"evil:7080", b"evil.example", b"localhost.evil.example", b"bench.evil", b"127.0.0.1.nip.io"],
)
def test_a_name_that_is_not_ours_is_misdirected(host: bytes) -> None:
    """A stranger's name that points here would be one origin with a stranger's page."""
    assert code(host) == 421


@pytest.mark.parametrize(
    "host", [b"", b":7080", b"a b", b"[::1", b"[::1]x", b"a:b:c", b"a/b", b"caf\xe9", b"[]", b"a@b"]
)
def test_a_host_that_is_none_is_refused(host: bytes) -> None:
    """Whatever a proxy might have made of it."""
    assert code(host) in (400, 421)


def test_there_is_one_host_except_where_there_were_none() -> None:
    """Two would let a proxy before us believe another one (RFC 9112, 3.2)."""
    assert code() == code(SELF, b"evil") == 400
    assert code(version=b"HTTP/1.0") == 0
    assert code(b"evil", version=b"HTTP/1.0") == 421


@pytest.mark.parametrize(
    ("origin", "wanted"),
    [
        (b"http://127.0.0.1:7080", 0),
        (b"https://127.0.0.1:7080", 0),
        (b"HTTP://127.0.0.1:7080", 0),
        (b"http://evil", 403),
        (b"http://evil:7080", 403),
        (b"http://127.0.0.1:7081", 403),
        (b"http://127.0.0.1", 403),
        (b"null", 403),
        (b"", 403),
    ],
)
def test_another_origin_is_refused(origin: bytes, wanted: int) -> None:
    """Whatever it wants."""
    assert code(SELF, origin=origin) == wanted
    assert code(SELF, method=b"POST", origin=origin) == wanted


def test_the_usual_port_may_be_left_out() -> None:
    """Browsers do."""
    assert code(b"bench", origin=b"http://bench:80") == 0
    assert code(b"bench:443", origin=b"https://bench") == 0


def test_a_link_may_lead_here_and_a_form_may_not() -> None:
    """Browsers say that another site caused it."""
    assert code(SELF, site=b"cross-site") == 0
    assert code(SELF, method=b"POST", site=b"cross-site") == 403
    assert code(SELF, method=b"POST", site=b"same-origin") == 0


@given(st.binary(max_size=40))
def test_whatever_stands_in_host_is_answered(host: bytes) -> None:
    """Never by an exception, and never with yes unless it is ours."""
    name = name_in(host)
    served = refusal(Head(b"GET", b"HTTP/1.1", (host,)), OURS) is None
    assert served == (name is not None and is_ours(name, OURS))
