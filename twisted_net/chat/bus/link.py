"""One connection to a Redis or Valkey, on which commands are pipelined.

txredisapi is imported when a link is opened and not before: it takes the reactor that is installed
by then, and whoever needs no broker needs no txredisapi.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.protocol import Factory

from twisted_net.net.errors import NetError

#: Seconds for opening a link, and for each answer that is waited for.
PATIENCE = 5.0


class BrokenLinkError(NetError):
    """The broker cannot be reached, or answers nothing of use; the link is closed."""


class Link:
    """A connection that is open, until something is wrong with it: then it is closed for good.

    :ivar lost: whether it is closed.
    """

    def __init__(self, reactor: Any, protocol: Any, patience: float) -> None:
        self.lost = False
        self._patience = patience
        self._reactor = reactor
        self._protocol = protocol
        self._resting: Deferred[None] | None = None
        self._gone: Deferred[None] = Deferred()
        protocol.whenDisconnected().addCallback(self._disconnected)

    def send(self, *words: str | bytes | int) -> Deferred[Any]:
        """Send a command after those before it, and wait for no answer; it may be awaited.

        It fails with an error of txredisapi's, when the link is lost too. Nothing bounds the
        time until then but the next `call`: answers come in the order of the commands.
        """
        try:
            sent: Deferred[Any] = self._protocol.execute_command(*words, apply_timeout=False)
        except Exception as error:  # it is not connected any more
            raise BrokenLinkError(str(error)) from error
        return sent

    async def call(self, *words: str | bytes | int, more: float = 0.0) -> Any:
        """Send a command; return the answer: bytes, whole numbers, None and lists of them.

        :param more: seconds that the command itself takes.
        :raises BrokenLinkError: there was none in time, or it was an error.
        """
        try:
            return await self.send(*words).addTimeout(self._patience + more, self._reactor)
        except (BrokenLinkError, CancelledError):
            raise
        except Exception as error:  # txredisapi's own, a lost connection, TimeoutError
            self.close()
            raise BrokenLinkError(_why(getattr(self._protocol, "nonsense", error))) from error

    async def rest(self, seconds: float) -> None:
        """Wait.

        :raises BrokenLinkError: the link was lost meanwhile.
        """
        if not self.lost:
            self._resting = Deferred()
            call = self._reactor.callLater(seconds, self._resting.callback, None)
            try:
                await self._resting
            finally:
                self._resting = None
                if call.active():
                    call.cancel()
        if self.lost:
            raise BrokenLinkError("connection lost")

    def close(self) -> None:
        """Close it at once; what was sent may still be obeyed, unanswered."""
        self._protocol.transport.abortConnection()
        self._lose()

    async def closed(self) -> None:
        """Close it, and wait until that is done."""
        self.close()
        await self._gone

    def _disconnected(self, _: object) -> None:
        self._lose()
        self._gone.callback(None)

    def _lose(self) -> None:
        self.lost = True
        if self._resting is not None:
            resting, self._resting = self._resting, None
            resting.callback(None)


async def open_link(
    reactor: Any, endpoint: str, password: str | None, patience: float = PATIENCE
) -> Link:
    """Connect.

    :param endpoint: a Twisted client endpoint string: ``tcp:127.0.0.1:6379``.
    :raises BrokenLinkError: nobody is there, or the password is wrong.
    """
    links = _Links(password)
    try:
        opening = clientFromString(reactor, endpoint).connect(links)
        protocol = await opening.addTimeout(patience, reactor)
        await links.ready.addTimeout(patience, reactor)
    except CancelledError:
        raise
    except Exception as error:
        raise BrokenLinkError(_why(error)) from error
    return Link(reactor, protocol, patience)


class _Links(Factory):
    """Makes txredisapi's protocol; has what that wants of its own factory."""

    noisy = False
    isLazy = False  # noqa: N815 - txredisapi's name, as those below

    def __init__(self, password: str | None) -> None:
        self.ready: Deferred[object] = Deferred()
        self._password = password

    def buildProtocol(self, _: object) -> Any:
        from txredisapi import RedisProtocol

        # Bytes are kept as they are: no charset, and no numbers made of texts that look like one.
        protocol = RedisProtocol(None, convertNumbers=False, password=self._password)
        protocol.factory = self
        protocol.dataReceived = partial(_taken, protocol, protocol.dataReceived)
        protocol.whenConnected().chainDeferred(self.ready)
        return protocol

    def stopTrying(self) -> None:  # noqa: N802
        """Told when the password is wrong; `connectionError` is told more."""

    def connectionError(self, why: str) -> None:  # noqa: N802
        """Told why the broker does not want us."""
        self.ready.errback(BrokenLinkError(why))


def _taken(protocol: Any, take: Callable[..., object], *data: Any) -> None:
    """Hand on what came; hang up on what no broker says, which txredisapi does not.

    :param data: bytes; without hiredis, txredisapi itself calls this too, and adds an argument.
    """
    from txredisapi import RedisError

    try:
        take(*data)
    except RedisError as error:
        protocol.nonsense = error
        protocol.transport.abortConnection()


def _why(error: Exception) -> str:
    words: Sequence[object] = error.args or (type(error).__name__,)
    return " ".join(str(words[0] or type(error).__name__).split())
