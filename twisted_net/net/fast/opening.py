"""How doors and clients get fast transports, under whatever reactor runs."""

import socket
from functools import cache
from typing import Any

from twisted.internet.error import UnsupportedAddressFamily
from twisted.internet.posixbase import PosixReactorBase
from twisted.logger import Logger
from zope.interface import directlyProvides, providedBy

from twisted_net.net.fast import private

_log = Logger()


def fast(reactor: Any) -> Any:
    """Return a reactor whose transports are fast; the one given where they cannot be.

    They can be under every reactor of Twisted's that watches POSIX descriptors: epoll, poll,
    select, kqueue, asyncio. A reactor that makes transports of its own, as a simulated one does,
    is taken to know why.
    """
    kind = type(reactor)
    if (
        not isinstance(reactor, PosixReactorBase)
        or kind.listenTCP is not PosixReactorBase.listenTCP
    ):
        return reactor
    return reactor if unfit() else Fast(reactor)


@cache
def unfit() -> str:
    """Return why there are no fast transports here, having logged it; empty if there are."""
    try:
        private.need_for_transports()
    except ImportError as error:  # another Twisted, or a platform without UNIX sockets
        _log.info("no fast transports here, Twisted's own are used: {why}", why=str(error))
        return str(error)
    return ""


class Fast:
    """A reactor that makes fast transports and is the one given in everything else."""

    def __init__(self, reactor: Any) -> None:
        from twisted_net.net.fast import ports, sockets

        self._reactor = reactor
        self._sockets = sockets
        self._ports = ports
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        """Be the reactor."""
        return getattr(self._reactor, name)

    def listenTCP(self, port: Any, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Listen (IReactorTCP)."""
        return _started(self._sockets.FastPort(port, factory, backlog, interface, self._reactor))

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float = 30.0,
        bindAddress: Any = None,
    ) -> Any:
        """Connect (IReactorTCP)."""
        made = self._sockets.FastConnector(host, port, factory, timeout, bindAddress, self._reactor)
        made.connect()
        return made

    def listenUDP(
        self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192
    ) -> Any:
        """Listen for datagrams (IReactorUDP)."""
        kind = self._ports.DatagramPort
        return _started(kind(port, protocol, interface, maxPacketSize, self._reactor))

    def adoptDatagramPort(
        self, fileDescriptor: int, addressFamily: int, protocol: Any, maxPacketSize: int = 8192
    ) -> Any:
        """Take datagrams from a socket that was inherited (IReactorSocket)."""
        if addressFamily not in (socket.AF_INET, socket.AF_INET6):
            raise UnsupportedAddressFamily(addressFamily)
        make: Any = self._ports.DatagramPort._fromListeningDescriptor
        where = (self._reactor, fileDescriptor, addressFamily, protocol)
        return _started(make(*where, maxPacketSize=maxPacketSize))

    def listenMulticast(
        self,
        port: int,
        protocol: Any,
        interface: str = "",
        maxPacketSize: int = 8192,
        listenMultiple: bool = False,
    ) -> Any:
        """Listen for datagrams to groups (IReactorMulticast)."""
        kind = self._ports.MulticastPort
        where = (port, protocol, interface, maxPacketSize, self._reactor, listenMultiple)
        return _started(kind(*where))

    def listenSSL(
        self,
        port: int,
        factory: Any,
        contextFactory: Any,
        backlog: int = 50,
        interface: str = "",
    ) -> Any:
        """Listen for TLS (IReactorSSL)."""
        listen: Any = PosixReactorBase.listenSSL  # which asks only for our listenTCP
        return listen(self, port, factory, contextFactory, backlog, interface)

    def connectSSL(
        self,
        host: str,
        port: int,
        factory: Any,
        contextFactory: Any,
        timeout: float = 30.0,
        bindAddress: Any = None,
    ) -> Any:
        """Connect and speak TLS (IReactorSSL)."""
        connect: Any = PosixReactorBase.connectSSL  # which asks only for our connectTCP
        return connect(self, host, port, factory, contextFactory, timeout, bindAddress)

    def listenUNIX(
        self, address: Any, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: int = 0
    ) -> Any:
        """Listen on a UNIX socket (IReactorUNIX)."""
        made = self._sockets.FastUnixPort(address, factory, backlog, mode, self._reactor, wantPID)
        return _started(made)

    def connectUNIX(
        self, address: Any, factory: Any, timeout: float = 30, checkPID: int = 0
    ) -> Any:
        """Connect to a UNIX socket (IReactorUNIX)."""
        made = self._sockets.FastUnixConnector(address, factory, timeout, self._reactor, checkPID)
        made.connect()
        return made

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """Listen on a socket that was inherited (IReactorSocket)."""
        if addressFamily not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
            raise UnsupportedAddressFamily(addressFamily)
        kind: Any = self._sockets.FastPort
        where: tuple[int, ...] = (fileDescriptor, addressFamily)
        if addressFamily == socket.AF_UNIX:
            kind = self._sockets.FastUnixPort
            where = (fileDescriptor,)
        return _started(kind._fromListeningDescriptor(self._reactor, *where, factory))


def _started(port: Any) -> Any:
    port.startListening()
    return port
