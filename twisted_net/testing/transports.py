"""Twisted's own ports and clients, on simulated sockets: only where the socket comes from differs.

All private names of Twisted that the simulator leans on, here and elsewhere; but for the first
two, which are new, they were the same in 24.10 and 26.10:

* ``tcp.Port._reuseAddress``, ``tcp.Port._reusePort``: what a binding asks for (here);
* ``tcp.Connector._makeTransport``: makes the client of a connector (here);
* ``PosixReactorBase._disconnectSelectable``: what follows a failed read or write (`poller`);
* ``ReactorBase._initThreads``, ``_initThreadPool``, ``_stopThreadPool``, ``_registerAsIOThread``,
  ``_started``, ``_justStopped``: the life of a reactor (`reactor`);
* ``ReactorBase._removeInternalReader``, ``EPollReactor._poller``: to close a real one (`worlds`);
* ``task._theCooperator``: the cooperator that everybody shares (`redirect`).
"""

import socket
from typing import Any

from twisted.internet import tcp, udp

from twisted_net.testing.kernel.sockets import SimSocket


class SimTcpPort(tcp.Port):
    """A listening TCP port."""

    # Older versions have no bindings: every port shares its address.
    _reuseAddress = True
    _reusePort = False

    def createInternetSocket(self) -> Any:
        """Ask the host's kernel for a socket, and share its address if the binding says so."""
        sock = _socket(self, self.reactor)
        if self._reuseAddress:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._reusePort:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return sock


class SimTcpClient(tcp.Client):
    """An outgoing TCP connection."""

    def createInternetSocket(self) -> Any:
        """Ask the host's kernel for a socket."""
        return _socket(self, self.connector.reactor)  # its own comes later


class SimConnector(tcp.Connector):
    """What makes an outgoing TCP connection, and makes it again."""

    def _makeTransport(self) -> tcp.Client:
        client: Any = SimTcpClient
        made: tcp.Client = client(self.host, self.port, self.bindAddress, self, self.reactor)
        return made


class SimUdpPort(udp.Port):
    """A UDP port."""

    def createInternetSocket(self) -> Any:
        """Ask the host's kernel for a socket."""
        return _socket(self, self.reactor)


class SimMulticastPort(udp.MulticastPort):
    """A UDP port that can join groups."""

    def createInternetSocket(self) -> Any:
        """Ask the host's kernel for a socket, and share its address if asked to."""
        sock = _socket(self, self.reactor)
        if self.listenMultiple:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return sock


def _socket(transport: Any, reactor: Any) -> SimSocket:
    made: SimSocket = reactor.stack.socket(transport.addressFamily, transport.socketType)
    return made
