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
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp, udp

from twisted_net.testing.kernel.sockets import SimSocket


@dataclass(frozen=True, slots=True)
class Transports:
    """The kinds of transports that simulated hosts make: Twisted's own, or subclasses of them.

    What a subclass does to sockets it has to do through the methods of Twisted's that it inherits,
    or through the socket's: there is no descriptor beneath.
    """

    port: type[tcp.Port] = tcp.Port
    client: type[tcp.Client] = tcp.Client
    datagrams: type[udp.Port] = udp.Port
    multicast: type[udp.MulticastPort] = udp.MulticastPort


#: Twisted's own.
STOCK = Transports()

if TYPE_CHECKING:
    _Port = tcp.Port
    _Client = tcp.Client
    _Datagrams = udp.MulticastPort
else:
    _Port = _Client = _Datagrams = object


class _SimPort(_Port):
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


class _SimClient(_Client):
    def createInternetSocket(self) -> Any:
        """Ask the host's kernel for a socket."""
        return _socket(self, self.connector.reactor)  # its own comes later


class SimConnector(tcp.Connector):
    """What makes an outgoing TCP connection, and makes it again."""

    reactor: Any

    def _makeTransport(self) -> tcp.Client:
        client: Any = simulated(self.reactor.transports).client
        made: tcp.Client = client(self.host, self.port, self.bindAddress, self, self.reactor)
        return made


class _SimDatagrams(_Datagrams):
    listenMultiple = False

    def createInternetSocket(self) -> Any:
        """Ask the host's kernel for a socket, and share its address if asked to."""
        sock = _socket(self, self.reactor)
        if self.listenMultiple:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return sock


@cache
def simulated(transports: Transports) -> Transports:
    """Return the same kinds, on simulated sockets."""
    return Transports(
        _on(_SimPort, transports.port),
        _on(_SimClient, transports.client),
        _on(_SimDatagrams, transports.datagrams),
        _on(_SimDatagrams, transports.multicast),
    )


def _on(simulated: type, kind: type) -> Any:
    return type(f"Sim{kind.__name__}", (simulated, kind), {})


def _socket(transport: Any, reactor: Any) -> SimSocket:
    made: SimSocket = reactor.stack.socket(transport.addressFamily, transport.socketType)
    return made
