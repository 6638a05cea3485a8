"""What stands between a socket and all else that an endpoint puts round a door, TLS too."""

from collections.abc import Callable
from typing import Any

from zope.interface import directlyProvides, providedBy

#: What makes of a stream door's factory the one that its socket is given.
Wrap = Callable[[Any], Any]


class Beneath:
    """A reactor that wraps what listens, beneath whatever an endpoint puts round it."""

    def __init__(self, reactor: Any, wrap: Wrap) -> None:
        self._reactor = reactor
        self._wrap = wrap
        directlyProvides(self, providedBy(reactor))

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Listen (IReactorTCP)."""
        return self._reactor.listenTCP(port, self._wrap(factory), backlog, interface)

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> Any:
        """Listen for TLS (IReactorSSL)."""
        from twisted.protocols.tls import TLSMemoryBIOFactory  # needs pyOpenSSL

        tls = TLSMemoryBIOFactory(contextFactory, False, factory, self._reactor)
        return self.listenTCP(port, tls, backlog, interface)

    def listenUNIX(
        self, address: str, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: int = 0
    ) -> Any:
        """Listen on a UNIX socket (IReactorUNIX)."""
        return self._reactor.listenUNIX(address, self._wrap(factory), backlog, mode, wantPID)

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """Listen on a socket that was inherited (IReactorSocket)."""
        return self._reactor.adoptStreamPort(fileDescriptor, addressFamily, self._wrap(factory))

    def __getattr__(self, name: str) -> Any:
        """Be the reactor in everything else."""
        return getattr(self._reactor, name)
