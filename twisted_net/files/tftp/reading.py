"""Reading a Twisted port in its place: with more than Twisted asks of the kernel.

A port's own reading sees a datagram and its sender. The kernel can tell more (`asked`), and it can
hand over a train of datagrams in one call (``UDP_GRO``, Linux 5.0).
"""

import socket
import sys
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from zope.interface import implementer

#: ``UDP_GRO`` of ``linux/udp.h``, and its level.
_SOL_UDP, _UDP_GRO = 17, 104

#: Bytes of a train at most, and what the kernel says beside it.
_LONGEST = 1 << 16
_CONTROL = socket.CMSG_SPACE(4) if hasattr(socket, "CMSG_SPACE") else 0

#: Trains taken before others have their turn.
_AT_ONCE = 16

#: Bytes that may wait to be read; the kernel may give less.
_BUFFER = 1 << 20


def real_socket(port: Any, reactor: Any) -> socket.socket | None:
    """Return a port's socket, if it is one of this machine's and the reactor can watch it."""
    sock = getattr(port, "socket", None)
    real = isinstance(sock, socket.socket) and IReactorFDSet.providedBy(reactor)
    return sock if real else None


@implementer(IReadDescriptor)
class Reader:
    """Reads a port in its place, from the reactor's next turn on."""

    def __init__(self, port: Any, sock: socket.socket, reactor: Any) -> None:
        self._port = port
        self._socket = sock
        self._reactor = reactor
        self._stopped = False
        reactor.callLater(0, self._take_over)  # a port begins to read when its protocol has started

    def stop(self) -> None:
        """Leave the port, which is about to be closed, alone."""
        self._stopped = True
        self._reactor.removeReader(self)

    def fileno(self) -> int:
        """Return the descriptor, which is the port's."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Return what log lines are marked with."""
        return "tftp"

    def doRead(self) -> None:
        """Take what came."""
        raise NotImplementedError

    def connectionLost(self, reason: object) -> None:
        """Do nothing: the port will be told as well."""

    def _take_over(self) -> None:
        if not self._stopped:
            self._port.stopReading()
            self._reactor.addReader(self)


class TakesTrains(Protocol):
    """A datagram protocol that takes trains too."""

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Take one datagram."""

    def trainReceived(self, train: memoryview, segment: int, addr: Any) -> None:  # noqa: N802
        """Take several, end to end, all but the last of one size."""


def train_reader(port: Any, reactor: Any, protocol: TakesTrains) -> "TrainReader | None":
    """Return what reads trains from a port; None: this system makes none."""
    sock = real_socket(port, reactor)
    if sock is None:
        return None
    try:
        sock.setsockopt(_SOL_UDP, _UDP_GRO, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    except OSError:
        return None
    return TrainReader(port, sock, reactor, protocol)


class TrainReader(Reader):
    """Reads trains."""

    def __init__(self, port: Any, sock: socket.socket, reactor: Any, protocol: TakesTrains) -> None:
        super().__init__(port, sock, reactor)
        self._protocol = protocol
        self._buffer = memoryview(bytearray(_LONGEST))

    def doRead(self) -> None:
        """Hand on trains, and what came alone."""
        for _ in range(_AT_ONCE):
            if self._stopped:
                return
            try:
                size, control, _, address = self._socket.recvmsg_into([self._buffer], _CONTROL)
            except OSError:
                return
            segment = next((_segment(*each) for each in control), 0)
            if 0 < segment < size:
                self._protocol.trainReceived(self._buffer[:size], segment, address)
            else:
                self._protocol.datagramReceived(bytes(self._buffer[:size]), address)


def _segment(level: int, kind: int, data: bytes) -> int:
    told = (level, kind) == (_SOL_UDP, _UDP_GRO)
    return int.from_bytes(data[:4], sys.byteorder) if told else 0
