"""Tests of `twisted_net.net.fast.addresses`."""

import socket

import pytest

from twisted_net.net.fast.addresses import readable, sockaddr

#: A link that every machine has, and its number.
NUMBER, LINK = socket.if_nameindex()[0]


@pytest.mark.parametrize("told", [("192.0.2.1", 7), ("2001:db8::1", 7, 0, 0), ("::1", 7, 5, 0)])
def test_an_address_that_belongs_to_no_link_is_a_host_and_a_port(told: tuple[str, int]) -> None:
    """As Twisted's own ports tell it."""
    assert readable(told) == told[:2]
    assert sockaddr(readable(told)) == told[:2]


def test_an_address_of_a_link_keeps_its_link() -> None:
    """Without it no answer would find the way (RFC 4007, 6)."""
    told = ("fe80::1", 7, 0, NUMBER)
    assert readable(told) == (f"fe80::1%{LINK}", 7)
    assert sockaddr(readable(told)) == told
    assert sockaddr((f"fe80::1%{NUMBER}", 7)) == told


def test_a_link_that_has_gone_is_told_by_its_number() -> None:
    """And what is sent there fails as the system says, not as a mistake of ours."""
    assert readable(("fe80::1", 7, 0, 999_999)) == ("fe80::1%999999", 7)
    with pytest.raises(OSError, match="interface"):
        sockaddr(("fe80::1%nosuchlink", 7))
