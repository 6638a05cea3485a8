"""Listening sockets that one process opens and others serve.

The process that opens them reads from none. A stream door has one socket: every process accepts
from it, and what waits in its queue outlives any of them. A datagram door has a socket for each
process (SO_REUSEPORT), and the kernel gives all that one peer sends to the same one.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from twisted_net.net import endpoints, inherited, listening
from twisted_net.net.errors import StartError
from twisted_net.net.service import Door


@dataclass(frozen=True, slots=True)
class HeldDoor:
    """A door whose sockets are open, and which this process does not serve.

    :ivar port: says where it listens, and closes it.
    :ivar descriptors: what the processes that serve it are given, one after the other; the last
        one again where there are more processes than descriptors.
    """

    door: Door
    port: Any
    descriptors: Sequence[int]


class HeldSockets:
    """The sockets of a datagram door, as far as a listening port is one."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self._sockets = sockets

    def getHost(self) -> IAddress:
        """Return where they listen."""
        host, port = self._sockets[0].getsockname()[:2]
        kind = IPv6Address if self._sockets[0].family == socket.AF_INET6 else IPv4Address
        return kind("UDP", host, port)

    def stopListening(self) -> None:
        """Close them."""
        for each in self._sockets:
            each.close()


def hold(reactor: Any, door: Door, interface: str, processes: int) -> HeldDoor:
    """Open a door without serving it.

    :param processes: how many processes will serve it.
    :raises StartError: it does not open; the message is one line for the user.
    """
    if door.kind == "datagram":
        with listening.explained(door):
            sockets = _bound(endpoints.parse(door.endpoint, "datagram"), interface, processes)
        return HeldDoor(door, HeldSockets(sockets), [each.fileno() for each in sockets])
    port: Any = listening.listen(reactor, door, _Unserved(door.name), interface)
    if not hasattr(port, "fileno") or not hasattr(port, "stopReading"):
        port.stopListening()
        raise StartError(f"--{door.name} {door.endpoint!r}: only one process can serve this type")
    port.stopReading()
    # Or Twisted would shut the socket down, under those that still accept from it.
    port._shouldShutdown = False
    return HeldDoor(door, port, [port.fileno()])


class _Unserved(Factory):
    """What a door has that this process does not serve."""

    noisy = False

    def __init__(self, name: str) -> None:
        self._name = name

    def logPrefix(self) -> str:
        """Return what log lines are marked with."""
        return self._name


def _bound(endpoint: endpoints.Endpoint, interface: str, count: int) -> list[socket.socket]:
    if endpoint.type == "systemd":
        return [inherited.opened(endpoint.options, socket.SOCK_DGRAM)]
    host, port = endpoint.interface(interface), endpoint.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sockets: list[socket.socket] = []
    try:
        # Without SO_REUSEPORT first: else another server of the same user, started so too, would
        # silently share the port with this one.
        with socket.socket(family, socket.SOCK_DGRAM) as alone:
            alone.bind((host, port))
        for _ in range(count):
            sockets.append(socket.socket(family, socket.SOCK_DGRAM))
            sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sockets[-1].bind((host, port or sockets[0].getsockname()[1]))
            sockets[-1].setblocking(False)
    except OSError as error:
        for each in sockets:
            each.close()
        raise CannotListenError(host, port, error) from error
    return sockets
