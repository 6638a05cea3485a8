"""The client side of echo: ask, and collect what comes back."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_net.net.clients import PATIENCE, Target, connect, resolve, within
from twisted_net.net.connected import ConnectedDatagrams, refusal
from twisted_net.net.errors import ConnectError
from twisted_net.net.transports import IStreamTransport


class EchoClient(Protocol):
    """One connection to an echo server.

    :param heard: called with every piece that comes back.
    :ivar ended: fires when the server has closed; fails with `ConnectError` where it did not end
        in an orderly way.
    """

    transport: IStreamTransport

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self.heard = heard
        self.ended: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """Hand on what came back."""
        self.heard(data)

    def close_half(self) -> None:
        """Say that nothing more will be asked; what is still answered is heard.

        TLS of Twisted's has no half-close: its farewell says so, and is answered by another when
        all that came before it has been (RFC 8446, 6.1).
        """
        if ISSLTransport.providedBy(self.transport):
            self.transport.unregisterProducer()
            self.transport.loseConnection()
        else:
            self.transport.loseWriteConnection()

    def give_up(self, error: Exception) -> None:
        """End the connection, and `ended` with this error: what came cannot be used."""
        if not self.ended.called:
            self.transport.abortConnection()
            self.ended.errback(error)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits."""
        if self.ended.called:
            return
        if reason.check(ConnectionDone):
            self.ended.callback(None)
        else:
            self.ended.errback(ConnectError(f"connection lost: {reason.getErrorMessage()}"))


async def ask_stream(
    reactor: Any, target: Target, question: bytes, patience: float = PATIENCE
) -> bytes:
    """Send ``question``, close our half, and return all that comes back.

    :raises ClientError: no connection, or it ended badly, or not within ``patience`` seconds.
    """
    answer = bytearray()
    client = await connect(reactor, target, EchoClient(answer.extend), patience)
    client.transport.write(question)
    client.close_half()
    otherwise = f"{target} did not answer to the end within {patience:g} s"
    try:
        await within(reactor, patience, client.ended, otherwise)
    finally:
        client.transport.abortConnection()
    return bytes(answer)


class DatagramAsker:
    """Ask one question at a time over UDP, and wait for its answer.

    Each question has a port of its own: an answer that comes late or twice would be taken for the
    next question's, and from then on every answer for that of the question after it.
    """

    def __init__(self, reactor: Any, target: Target, patience: float = PATIENCE) -> None:
        self._reactor = reactor
        self._target = target
        self._patience = patience
        self._waiting: Deferred[bytes] | None = None
        self._port: ConnectedDatagrams
        self._used = False

    async def open(self) -> None:
        """Open the port.

        :raises ConnectError: the target's name does not resolve, or nothing can be sent there.
        """
        address = await resolve(self._reactor, self._target, self._patience)
        self._port = ConnectedDatagrams(
            self._reactor, (address, self._target.port), self._heard, self._refused
        )
        self._port.open()

    async def ask(self, question: bytes) -> bytes:
        """Send one datagram and return the one that comes back.

        :raises ConnectError: it cannot be sent, or the peer's machine says that nobody listens.
        :raises NoAnswerError: none came in time.
        """
        if self._used:
            await self.close()
            await self.open()
        self._used = True
        self._waiting = Deferred()
        why_not = self._port.send(question)
        if why_not:
            raise ConnectError(f"cannot send to {self._target}: {why_not}")
        otherwise = f"no answer from {self._target} in {self._patience:g} s"
        try:
            return await within(self._reactor, self._patience, self._waiting, otherwise)
        finally:
            self._waiting = None

    async def close(self) -> None:
        """Close the port."""
        await self._port.close()

    def _heard(self, datagram: bytes) -> None:
        if self._waiting is not None and not self._waiting.called:
            self._waiting.callback(datagram)

    def _refused(self) -> None:
        if self._waiting is not None and not self._waiting.called:
            self._waiting.errback(refusal(self._target))
