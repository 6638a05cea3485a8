"""Datagrams that arrive whole or not at all (RFC 8085, 3.2).

One lost fragment loses the whole datagram, fragments without a UDP header pass no firewall, and
forged ones can be slipped in. Whoever keeps to a size that every link carries forbids them.
"""

import socket
import sys
from contextlib import suppress
from typing import Any

#: Linux's options and values, which Python does not name: ip(7), ipv6(7).
_MTU_DISCOVER = {
    socket.AF_INET: [(socket.IPPROTO_IP, 10, 2)],
    socket.AF_INET6: [(socket.IPPROTO_IPV6, 23, 2), (socket.IPPROTO_IP, 10, 2)],
}


def forbid_fragments(transport: Any) -> None:
    """Have the kernel set DF on what a UDP port sends, and refuse what is too long for the way.

    Only on Linux; elsewhere nothing happens.
    """
    get = getattr(transport, "getHandle", None)
    if get is None or not sys.platform.startswith("linux"):
        return
    handle = get()
    for option in _MTU_DISCOVER.get(handle.family, []):
        with suppress(OSError):  # a kernel without one of the two
            handle.setsockopt(*option)
