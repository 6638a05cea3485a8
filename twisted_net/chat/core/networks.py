"""Which network an address belongs to, as far as one can tell from the address."""

import ipaddress


def network_of(host: str) -> str:
    """Return what all addresses of one network have in common; what is no address is its own.

    >>> network_of("192.0.2.7"), network_of("2001:db8:0:1::7")
    ('192.0.2.0/24', '2001:db8::/56')
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 56), strict=False))
