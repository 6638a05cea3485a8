"""Listening sockets that one process opens and others serve.

The process that opens them reads from none. A stream door has one socket: every process accepts
from it, and what waits in its queue outlives any of them. A datagram door has a socket for each
process (SO_REUSEPORT), and the kernel gives all that one peer sends to the same one.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet import unix
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory

from twisted_net.net import endpoints
from twisted_net.net.errors import StartError
from twisted_net.net.fast.opening import Fast
from twisted_net.net.fast.sockets import FastUnixPort
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
        with endpoints.explained(door):
            sockets = _bound(endpoints.parse(door.endpoint, "datagram"), interface, processes)
        return HeldDoor(door, HeldSockets(sockets), [each.fileno() for each in sockets])
    port: Any = endpoints.listen(reactor, door, _Unserved(door.name), interface)
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


class Adopting:
    """A reactor that listens on a socket that is open already, whatever it is asked for.

    :param descriptor: the socket; it is copied, and closed.
    """

    def __init__(self, reactor: Any, descriptor: int) -> None:
        self._reactor = reactor
        self._descriptor = descriptor

    def listenTCP(self, port: int, factory: Any, backlog: int = 0, interface: str = "") -> Any:
        """Accept from the socket; see IReactorTCP."""
        with socket.socket(fileno=self._descriptor) as inherited:
            number, family = inherited.fileno(), inherited.family
            if family == socket.AF_UNIX:
                return _adopted_unix(self._reactor, number, factory)
            return self._reactor.adoptStreamPort(number, family, factory)

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = 0, interface: str = ""
    ) -> Any:
        """Accept from the socket, and speak TLS; see IReactorSSL."""
        from twisted.protocols.tls import TLSMemoryBIOFactory  # needs pyOpenSSL

        return self.listenTCP(port, TLSMemoryBIOFactory(contextFactory, False, factory))

    def listenUNIX(
        self, address: str, factory: Any, backlog: int = 0, mode: int = 0, wantPID: int = 0
    ) -> Any:
        """Accept from the socket; see IReactorUNIX."""
        return self.listenTCP(0, factory)

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """Accept from the socket; see IReactorSocket."""
        return self.listenTCP(0, factory)

    def listenUDP(
        self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192
    ) -> Any:
        """Take datagrams from the socket; see IReactorUDP."""
        with socket.socket(fileno=self._descriptor) as inherited:
            number, family = inherited.fileno(), inherited.family
            return self._reactor.adoptDatagramPort(number, family, protocol, maxPacketSize)

    def __getattr__(self, name: str) -> Any:
        """Be the reactor in everything else."""
        return getattr(self._reactor, name)


def _adopted_unix(reactor: Any, descriptor: int, factory: Any) -> IListeningPort:
    kind: Any = FastUnixPort if isinstance(reactor, Fast) else unix.Port
    port = kind._fromListeningDescriptor(reactor, descriptor, factory)
    # Twisted would change the mode of the path, and remove it at the end, as if it were ours. It
    # leaves alone what begins with a NUL: that is no path (unix(7)). And it would shut the socket
    # down for everybody, which it does not do to inherited TCP sockets.
    port._bindPath = b"\0" + port._bindPath
    port._shouldShutdown = False
    port.startListening()
    made: IListeningPort = port
    return made
