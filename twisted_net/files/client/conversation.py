"""One connection of a client: lines and bytes, awaited."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from twisted_net.files.client.core import BrokenOffError, Pace
from twisted_net.net.clients import PATIENCE, Target
from twisted_net.net.errors import BadAnswerError, NoAnswerError, RemoteProtocolError
from twisted_net.net.framing import LineReader
from twisted_net.net.transports import IStreamTransport

#: Longest line of an answer: a path of 4096 bytes, each of them written as ``%FF``.
LONGEST_LINE = 16384

#: What may lie unread here before the server is made to wait.
MOST_UNREAD = 1 << 20


class Conversation(Protocol):
    """A connection to a server that answers one request after the other.

    :param patience: seconds to wait for more before the server is given up.
    :ivar pace: how fast to read; None: as fast as it comes.
    :ivar ended: whether the connection is gone.
    :ivar interrupted: called when something comes; None: nobody minds.
    """

    transport: IStreamTransport

    def __init__(self, reactor: Any, target: Target, patience: float = PATIENCE) -> None:
        self.reactor = reactor
        self.target = target
        self.pace: Pace | None = None
        self.ended = False
        self.interrupted: Callable[[], object] | None = None
        self.patience = patience
        self._lines = LineReader(LONGEST_LINE)
        self._unread = b""
        self._waiting: Deferred[None] | None = None
        self._why = ""

    def dataReceived(self, data: bytes) -> None:
        """Keep what came, and go on with who waits for it."""
        self._unread += data
        if len(self._unread) > MOST_UNREAD:
            self.transport.pauseProducing()
        if self.interrupted is not None:
            self.interrupted()
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits."""
        self.ended = True
        self._why = _tls_trouble(reason)
        self._wake()

    async def line(self, patience: float = 0.0) -> bytes:
        """Return the next line.

        :param patience: seconds to wait; 0: as ever.
        :raises ClientError: none comes.
        """
        while True:
            try:
                line = next(self._lines.feed(self._taken()), None)
            except RemoteProtocolError as error:
                raise BadAnswerError(f"{self.target} answered with a {error}") from error
            if line is not None:
                return line
            await self._more(patience)

    async def some(self, most: int) -> bytes:
        """Return the next bytes, at least one and at most so many; raises as `line`."""
        while not (data := await self.some_or_end(most)):
            await self._more()
        return data

    async def some_or_end(self, most: int) -> bytes:
        """Return the next bytes; none: the connection has ended. Raises as `line`."""
        while not (data := self._lines.rest() + self._taken()):
            if self.ended:
                return b""
            await self._more()
        self._unread = data[most:]
        data = data[:most]
        if self.pace is not None and (wait := self.pace.moved(len(data), self.reactor.seconds())):
            await deferLater(self.reactor, wait)
        return data

    @property
    def told(self) -> bool:
        """Whether something has come that nobody has read."""
        return bool(self._unread)

    def close(self) -> None:
        """Close the connection; nobody owes anything."""
        self.transport.abortConnection()

    def _taken(self) -> bytes:
        data, self._unread = self._unread, b""
        return data

    async def _more(self, patience: float = 0.0) -> None:
        if self._why:
            raise BadAnswerError(f"{self.target}: {self._why}")
        if self.ended:
            raise BrokenOffError(f"{self.target} closed the connection in the middle of an answer")
        self.transport.resumeProducing()
        self._waiting = Deferred()
        patience = patience or self.patience
        try:
            await self._waiting.addTimeout(patience, self.reactor)
        except TimeoutError as error:
            raise NoAnswerError(f"no answer from {self.target} in {patience:g} s") from error
        finally:
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.called:
            self._waiting.callback(None)


def _tls_trouble(reason: Failure) -> str:
    """Return why TLS was refused, in words; empty: that was not the reason."""
    error = reason.value
    if type(error).__module__.partition(".")[0] == "service_identity":
        return "TLS: the certificate is for another name"
    if type(error).__module__.partition(".")[0] != "OpenSSL":
        return ""
    reasons = error.args[0] if error is not None and error.args else ()
    told = [str(part[-1]) for part in reasons if part]
    return "TLS: " + (", ".join(filter(None, told)) or "refused")
