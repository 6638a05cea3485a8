"""Tests of `twisted_net.files.tftp.asked`: what a kernel says of a datagram."""

import ipaddress
import socket
import struct

import pytest

from twisted_net.files.tftp.asked import _asked

MAPPED = ipaddress.IPv6Address("::ffff:192.0.2.1")
IPV4 = (socket.IPPROTO_IP, 8)
IPV6 = (socket.IPPROTO_IPV6, 50)


def ipv4(local: str, wanted: str) -> bytes:
    """Return a ``struct in_pktinfo``."""
    return struct.pack("=I4s4s", 1, socket.inet_aton(local), socket.inet_aton(wanted))


def ipv6(wanted: str, index: int = 1) -> bytes:
    """Return a ``struct in6_pktinfo``."""
    return socket.inet_pton(socket.AF_INET6, wanted) + struct.pack("=I", index)


@pytest.mark.parametrize(
    ("kind", "data", "asked"),
    [
        (IPV4, ipv4("192.0.2.1", "192.0.2.1"), ("192.0.2.1", False)),
        (IPV4, ipv4("192.0.2.1", "192.0.2.255"), ("192.0.2.1", True)),
        (IPV4, ipv4("192.0.2.1", "224.0.0.1"), ("192.0.2.1", True)),
        (IPV6, ipv6("2001:db8::1"), ("2001:db8::1", False)),
        (IPV6, ipv6("ff02::1"), ("ff02::1", True)),
        (IPV6, ipv6("::ffff:192.0.2.1"), (str(MAPPED), False)),
        ((socket.SOL_SOCKET, 29), b"x" * 16, None),
    ],
)
def test_the_address_that_was_asked_is_told_from_everybody_s(
    kind: tuple[int, int], data: bytes, asked: tuple[str, bool] | None
) -> None:
    """A broadcast or multicast request was sent to more than us."""
    assert _asked((*kind, data)) == asked


def test_an_address_of_a_link_comes_with_the_link() -> None:
    """Nothing can be bound to it otherwise."""
    name = socket.if_indextoname(1)
    assert _asked((*IPV6, ipv6("fe80::1", 1))) == (f"fe80::1%{name}", False)
