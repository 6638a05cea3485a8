"""Clients that our own client functions are too well-behaved to be."""

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_net.net.clients import Target, connect
from twisted_net.net.transports import IStreamTransport
from twisted_net.testing import Host


class Talker(Protocol):
    """Says everything at once, whatever it hears.

    :param listens: whether it reads at all.
    :ivar heard: what came back.
    :ivar lost: whether the connection is gone.
    """

    transport: IStreamTransport

    def __init__(self, words: bytes, listens: bool = True) -> None:
        self.heard = b""
        self.lost = False
        self._words = words
        self._listens = listens

    async def to(self, host: Host, target: Target) -> None:
        """Connect from a host."""
        await connect(host.reactor, target, self, patience=300)

    def connectionMade(self) -> None:
        """Say it."""
        if not self._listens:
            self.transport.pauseProducing()
        self.transport.write(self._words)

    def dataReceived(self, data: bytes) -> None:
        """Remember it."""
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Remember that too."""
        self.lost = True
