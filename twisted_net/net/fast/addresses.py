"""Addresses of datagram sockets: as the system tells them, and as protocols are told.

A protocol sees ``(host, port)``, as with Twisted's own ports. An IPv6 address of one link says
nothing without the link (RFC 4007, 6): so its host has it, ``fe80::1%eth0`` (RFC 4007, 11), where
Twisted's own ports drop it and can then answer nobody. Python reads it out of no tuple of two.
"""

import socket
import sys
from typing import Any

Address = tuple[str, int]


def readable(told: tuple[Any, ...]) -> Address:
    """Return what a protocol is told of an address that a socket told."""
    if len(told) == 4 and told[3]:
        return f"{told[0]}%{_link(told[3])}", told[1]
    return told[:2]  # for IPv4 the same tuple


def sockaddr(address: Address) -> tuple[Any, ...]:
    """Return what a socket takes for an address.

    :raises OSError: it is an address of a link that is not there.
    """
    host, _, link = address[0].partition("%")
    if not link:
        return address
    return host, address[1], 0, int(link) if link.isdecimal() else socket.if_nametoindex(link)


def address_of(name: bytes) -> Address:
    """Read a ``struct sockaddr_in``, 16 bytes long, or a ``struct sockaddr_in6``."""
    port = int.from_bytes(name[2:4], "big")
    if len(name) == 16:
        return socket.inet_ntop(socket.AF_INET, name[4:8]), port
    host = socket.inet_ntop(socket.AF_INET6, name[8:24])
    return readable((host, port, 0, int.from_bytes(name[24:28], sys.byteorder)))


def _link(number: int) -> str:
    try:
        return socket.if_indextoname(number)
    except OSError:  # it has just gone
        return str(number)
