"""For who watches the server: its numbers, and whether it takes new work."""

import ipaddress
from importlib.metadata import version
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET

from twisted_net.net.errors import NetError
from twisted_net.net.health import Health, Measured, Phase
from twisted_net.net.pages import said
from twisted_net.watch.codec import CONTENT_TYPE, render
from twisted_net.watch.core import families
from twisted_net.watch.page import page
from twisted_net.web.root import Fixed

#: Who may read the metrics.
READERS = ("loopback", "all", "none")


class Ready(Fixed):
    """Whether this process takes new work: for who distributes it."""

    def __init__(self, health: Health) -> None:
        super().__init__()
        self._health = health

    def render_GET(self, request: Any) -> bytes:
        """Say it in a word, and by the code."""
        phase = self._health.phase
        request.setHeader(b"Cache-Control", b"no-store")
        request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
        if phase is not Phase.READY:
            return said(request, 503, phase.value)
        return b"ready\n"


class Watching(Fixed):
    """Something about all processes, for those who may read it.

    :param readers: one of `READERS`.
    """

    def __init__(self, health: Health, readers: str) -> None:
        super().__init__()
        self._health = health
        self._readers = readers

    def is_for(self, request: Any) -> bool:
        """Say whether whoever asks may read it, and there is something to read."""
        near = self._readers == "all" or is_near(request.getClientAddress())
        return near and self._readers != "none" and self._health.measure is not None

    def render_GET(self, request: Any) -> bytes | int:
        """Measure, and answer when that is done."""
        request.setHeader(b"Cache-Control", b"no-store")
        if self._health.measure is None or self._readers == "none":
            return said(request, 404, "no such page")
        if not self.is_for(request):
            return said(request, 403, "metrics are for this machine; --web-metrics all shows them")
        answering = Deferred.fromCoroutine(self._answer(request, self._health.measure))
        request.notifyFinish().addErrback(lambda _: answering.cancel())
        answering.addErrback(self._failed, request)
        return NOT_DONE_YET

    @staticmethod
    def _failed(failure: Failure, request: Any) -> None:
        if not failure.check(CancelledError):  # nobody waits for the answer any more
            request.processingFailed(failure)

    async def _answer(self, request: Any, measure: Any) -> None:
        try:
            measured: Measured = await measure()
        except NetError as error:
            request.answer(said(request, 503, str(error)))
            return
        kind, content = self.shown(measured)
        request.setHeader(b"Content-Type", kind)
        request.answer(content)

    def shown(self, measured: Measured) -> tuple[bytes, bytes]:
        """Return what is answered: its media type, and itself."""
        raise NotImplementedError


class Metrics(Watching):
    """The metrics of all processes, in the text format of Prometheus."""

    def shown(self, measured: Measured) -> tuple[bytes, bytes]:
        """Return all of them."""
        return CONTENT_TYPE, render(families(measured, self._health.phase, version("twisted_net")))


class Doors(Watching):
    """What every door does, for people."""

    title = "Doors"
    summary = "what each of them does, now and since the start"

    def shown(self, measured: Measured) -> tuple[bytes, bytes]:
        """Return a page that renews itself."""
        return b"text/html; charset=utf-8", page(measured.doors)


def is_near(peer: IAddress) -> bool:
    """Say whether a peer is on this machine, as far as its address says."""
    host = str(getattr(peer, "host", "")).partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return not host  # a UNIX socket has no address
    mapped = getattr(address, "ipv4_mapped", None)  # a socket for IPv6 may take both
    return (mapped or address).is_loopback
