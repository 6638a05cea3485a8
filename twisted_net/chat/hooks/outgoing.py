"""Tell a URL what is said in a room."""

import hmac
import ipaddress
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IDelayedCall, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

from twisted_net.chat.accounts.penalties import source
from twisted_net.chat.hooks.config import Hook
from twisted_net.chat.hooks.core import Outcome, Telling, outcome_of
from twisted_net.net.drops import Drops

#: Seconds for one try, from the connection to the answer's head.
WITHIN = 10.0

#: Bytes of an answer's body that are thrown away before its sender is.
MOST = 65536


class Outgoing:
    """Tell one URL, one message after the other.

    :param drops: told what was lost.
    """

    def __init__(self, hook: Hook, reactor: Any, drops: Drops) -> None:
        self.telling = Telling()
        self._hook = hook
        self._reactor = reactor
        self._drops = drops
        self._agent = Agent.usingEndpointFactory(
            reactor, _Elsewhere(reactor, hook.local), HTTPConnectionPool(reactor, persistent=False)
        )
        self._timer: IDelayedCall | None = None

    def tell(self, message: bytes) -> None:
        """Tell it as soon as all before it are told."""
        if self.telling.add(message):
            self._go_on()
        else:
            self._drops.drop("hook_queue_full", self._hook.room)

    def _go_on(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        now = self._reactor.seconds()
        message = self.telling.next(now)
        if message is not None:
            posting = Deferred.fromCoroutine(self._post(message))
            posting.addTimeout(WITHIN, self._reactor)
            posting.addErrback(self._failed).addCallback(self._done)
        elif self.telling.deadline is not None:
            self._timer = self._reactor.callLater(self.telling.deadline - now, self._go_on)

    async def _post(self, message: bytes) -> Outcome:
        headers = Headers({b"Content-Type": [b"application/json"], b"User-Agent": [b"netdemo"]})
        if self._hook.key:
            signature = hmac.new(self._hook.key.encode(), message, "sha256").hexdigest()
            headers.addRawHeader(b"X-Netdemo-Signature", f"sha256={signature}".encode())
        answer = await self._agent.request(
            b"POST", self._hook.url.encode(), headers, _Body(message)
        )
        answer.deliverBody(_Unread(self._reactor))
        return outcome_of(answer.code)

    def _failed(self, failure: Failure) -> Outcome:
        if failure.check(LocalError) is not None:
            self._drops.drop("hook_to_this_machine", str(failure.value))
            return Outcome.NEVER
        return Outcome.LATER

    def _done(self, outcome: Outcome) -> None:
        before = self.telling.lost
        self.telling.done(outcome, self._reactor.seconds())
        if self.telling.lost > before:
            self._drops.drop("hook_not_told", self._hook.room)
        self._go_on()


class LocalError(Exception):
    """A URL leads to this machine, or to what only machines beside it see: to that address."""


@implementer(IBodyProducer)
class _Body:
    """A message on its way, all of it at once: it is short."""

    def __init__(self, message: bytes) -> None:
        self.length = len(message)
        self._message = message

    def startProducing(self, consumer: Any) -> "Deferred[None]":  # noqa: N802 - Twisted's
        """Write it."""
        consumer.write(self._message)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Do nothing: it is written."""

    def resumeProducing(self) -> None:
        """Do nothing: it is written."""

    def stopProducing(self) -> None:
        """Do nothing: it is written."""


class _Unread(Protocol):
    """An answer's body, which nobody reads; but who is sending it is let finish."""

    transport: Any

    def __init__(self, reactor: Any) -> None:
        self._left = MOST
        self._timer: IDelayedCall = reactor.callLater(WITHIN, self._close)

    def dataReceived(self, data: bytes) -> None:
        """Throw it away, up to a bound."""
        self._left -= len(data)
        if self._left < 0:
            self._close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Leave no timer behind."""
        if self._timer.active():
            self._timer.cancel()

    def _close(self) -> None:
        self.transport.loseConnection()


@implementer(IAgentEndpointFactory)
class _Elsewhere:
    """Connects to other machines only, whatever their names resolve to.

    The URL is the operator's own, but who answers to a name is somebody else's to say: a message
    must not reach what listens on this machine for this machine alone.

    :param local: whether this machine is fine.
    """

    def __init__(self, reactor: Any, local: bool) -> None:
        self._reactor = reactor
        self._local = local

    def endpointForURI(self, uri: Any) -> Any:  # noqa: N802 - Twisted's
        """Return how to connect."""
        endpoint: Any = HostnameEndpoint(self._reactor, uri.host.decode(), uri.port)
        if uri.scheme == b"https":
            creator = BrowserLikePolicyForHTTPS().creatorForNetloc(uri.host, uri.port)
            endpoint = wrapClientTLS(creator, endpoint)
        return endpoint if self._local else _Checked(endpoint)


@implementer(IStreamClientEndpoint)
class _Checked:
    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint

    def connect(self, protocolFactory: Any) -> "Deferred[Any]":  # noqa: N803 - Twisted's
        """Connect, and hang up before anything is said if it is the wrong machine."""
        connecting: Deferred[Any] = self._endpoint.connect(protocolFactory)
        return connecting.addCallback(_refuse_local)


def _refuse_local(protocol: Any) -> Any:
    host = str(getattr(protocol.transport.getPeer(), "host", ""))
    if is_near(host):
        protocol.transport.abortConnection()
        raise LocalError(host)
    return protocol


def is_near(host: str) -> bool:
    """Say whether an address is this machine's, or means another machine on each network.

    >>> [is_near(host) for host in ("127.0.0.1", "::1", "169.254.169.254", "0.0.0.0", "192.0.2.1")]
    [True, True, True, True, False]
    """
    try:
        address = ipaddress.ip_address(source(host) if "." in host else host.partition("%")[0])
    except ValueError:
        return True
    return address.is_loopback or address.is_link_local or address.is_unspecified
