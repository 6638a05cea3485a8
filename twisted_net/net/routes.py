"""Which of its addresses a host speaks from to another one."""

from typing import Any

from twisted.internet.protocol import DatagramProtocol

from twisted_net.net.errors import ConnectError

#: The port that is asked for the way; nothing is sent there (RFC 863).
_DISCARD = 9


def own_address(reactor: Any, host: str) -> str:
    """Return the address of this host that packets to an address come from.

    The system is asked by connecting a UDP port, which sends nothing.

    :param host: an address.
    :raises ConnectError: this host knows no way there.
    """
    asking = DatagramProtocol()
    asking.noisy = False
    try:
        port = reactor.listenUDP(0, asking, "::" if ":" in host else "")
        try:
            port.connect(host, _DISCARD)
            found: str = port.getHost().host
        finally:
            port.stopListening()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConnectError(f"cannot send to {host}: {why}") from error
    return found
