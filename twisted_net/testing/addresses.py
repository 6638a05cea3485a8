"""Which addresses mean whom on the simulated network."""

import ipaddress
from enum import Enum, auto
from functools import lru_cache

#: The network that all hosts are on; an address of it that no host has is silent, as on a LAN.
#: Elsewhere there is no route.
LAN = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/16"))

#: How Python's sockets spell the broadcast address, and what it is.
BROADCAST_NAME = "<broadcast>"
BROADCASTS = ("255.255.255.255", "10.255.255.255")

#: Every address of the host.
ANY = ("", "0.0.0.0", "::")  # noqa: S104 - not a default, a thing to recognise


class Reach(Enum):
    """Whom a destination address is meant for."""

    HOST = auto()
    SELF = auto()
    GROUP = auto()
    EVERYBODY = auto()
    NOWHERE = auto()


@lru_cache(maxsize=4096)
def reach(address: str) -> Reach:
    """Say whom an IP address is meant for; host addresses outside the LAN lead `NOWHERE`.

    :raises ValueError: it is no IP address.
    """
    if address in BROADCASTS:
        return Reach.EVERYBODY
    parsed = ipaddress.ip_address(address)
    if parsed.is_loopback or parsed.is_unspecified or parsed.is_link_local:
        return Reach.SELF  # any link-local address may be this host's, and is no other's
    if parsed.is_multicast:
        return Reach.GROUP
    if any(parsed in network for network in LAN if network.version == parsed.version):
        return Reach.HOST
    return Reach.NOWHERE


@lru_cache(maxsize=4096)
def canonical(address: str, version: int) -> str:
    """Return an address that a socket was given as the network writes it.

    :param version: the family of the socket, 4 or 6.
    :raises ValueError: it is no address of that family.
    """
    if address == "":
        return "0.0.0.0" if version == 4 else "::"  # noqa: S104 - what the empty string means
    if address == BROADCAST_NAME:
        return BROADCASTS[0]
    if address == "localhost":
        return "127.0.0.1" if version == 4 else "::1"
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if parsed.version != version:
        raise ValueError(f"{address!r} is not an IPv{version} address")
    return str(parsed)
