"""Listening on sockets that somebody else has opened: our own server, or systemd."""

import socket
from typing import Any

from twisted.internet import unix
from twisted.internet.interfaces import IListeningPort

from twisted_net.net.fast.opening import Fast
from twisted_net.net.fast.sockets import FastUnixPort


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
