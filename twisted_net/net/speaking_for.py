"""Connections of gateways that say in the protocol itself for whom they speak.

Where the PROXY protocol is spoken, a door learns that before anything else (`proxied`). A gateway
of IRC says it in its first line, when the connection has been counted and begun already.
"""

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address

from twisted_net.net.guarded import GuardedProtocol


def speak_for(transport: Any, host: str, port: int = 0) -> bool:
    """Let a connection be that of the peer for whom a gateway speaks, in all that asks who it is.

    :param transport: as the protocol of the door has it.
    :param host: the peer's IP address.
    :return: whether the limits have room for one more of that peer's; if not, nothing has changed.
    """
    guard = getattr(transport, "guard", None)  # whatever is between it and the protocol
    if isinstance(guard, GuardedProtocol) and not guard.move(host):
        return False
    kind = IPv6Address if ":" in host else IPv4Address
    real = kind("TCP", host, port)
    transport.getPeer = lambda: real
    return True
