"""The two connections of a passage through the proxy: to the client, and to the server."""

import contextlib
import socket
import typing
from collections.abc import Callable

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_net.net.transports import IStreamTransport

#: Bytes that the kernel is asked to hold for a slow reader: the least that Linux grants is 2,304.
SLOW_BUFFER = 2048


class Listener(typing.Protocol):
    """What takes what a side says."""

    def feed(self, data: bytes) -> None:
        """Take some of it."""

    def end(self) -> None:
        """Take its end: a half-close."""


@implementer(IHalfCloseableProtocol)
class Side(Protocol):
    """One of the two connections of a passage.

    :ivar lost: whether it is gone.
    :ivar out: takes what this side says to the other; None: nothing has been set up yet.
    :param ended: called when it is gone, with why.
    """

    transport: IStreamTransport

    def __init__(self, ended: Callable[["Side", Failure], None]) -> None:
        self.lost = False
        self.out: Listener | None = None
        self._ended = ended

    def connectionMade(self) -> None:
        """Never wait to fill a segment: the pieces are the point (RFC 896)."""
        with contextlib.suppress(AttributeError, OSError):
            self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        """Hand it to the pump."""
        if self.out is not None:
            self.out.feed(data)

    def readConnectionLost(self) -> None:
        """Pass the half-close on, in its turn."""
        if self.out is not None:
            self.out.end()

    def writeConnectionLost(self) -> None:
        """Do nothing: our own half-close."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End the other side likewise."""
        self.lost = True
        self._ended(self, reason)

    def listen_slowly(self) -> None:
        """Let the kernel take as little as it can from a peer that is to be kept waiting."""
        with contextlib.suppress(AttributeError, OSError):  # simulated, or gone
            handle = self.transport.getHandle()  # type: ignore[attr-defined]
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER)


class ClientSide(Side):
    """The one that begins.

    :param begin: makes the other connection.
    """

    def __init__(self, begin: Callable[[], None], ended: Callable[[Side, Failure], None]) -> None:
        super().__init__(ended)
        self._begin = begin

    def connectionMade(self) -> None:
        """Make the other connection."""
        super().connectionMade()
        self._begin()
