"""Which of its addresses a host speaks from to another one."""

from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol

from twisted_net.net.errors import ConnectError
from twisted_net.net.fast.addresses import sockaddr

#: The port that is asked for the way; nothing is sent there (RFC 863).
_DISCARD = 9


def own_address(reactor: Any, host: str) -> str:
    """Return the address of this host that packets to an address come from, without its link.

    The system is asked by connecting a UDP port, which sends nothing.

    :param host: an address.
    :raises ConnectError: this host knows no way there.
    """
    asking = DatagramProtocol()
    asking.noisy = False
    try:
        port = reactor.listenUDP(0, asking, "::" if ":" in host else "")
        try:
            port.getHandle().connect(sockaddr((host, _DISCARD)))  # the port's own drops the link
            found: str = port.getHost().host
        finally:
            port.stopListening()
    except CannotListenError as error:  # there are no descriptors left, say
        raise ConnectError(f"cannot send to {host}: {error.socketError}") from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConnectError(f"cannot send to {host}: {why}") from error
    return found
