"""`WebSocketResource`: a page that is the way to a protocol of lines."""

from collections.abc import Collection
from typing import Any

from twisted.internet.interfaces import IProtocolFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.pages import DOOR, said
from twisted_net.net.websocket.opening import NotOpenedError, Opening, opening

#: Seconds to the first message.
FIRST = 60.0


class WebSocketResource(Resource):
    """Open WebSockets (RFC 6455), each with a protocol of a factory's behind it.

    The protocol reads and writes lines, as it does behind a TCP port; a message is one line. Handed
    over as a page it answers at that page's address; the web door sees to Host and Origin.

    :param factory: builds a stream protocol of lines for each connection.
    :param text: the subprotocols whose messages are text, which is UTF-8.
    :param binary: those whose messages are bytes.
    :param origins: whose pages may ask, besides the server's own, as ``https://chat.example``; the
        web door looks at it.
    :param first: seconds to the first message; None: the protocol sees to that itself.
    """

    isLeaf = True

    def __init__(
        self,
        factory: IProtocolFactory,
        reactor: Any,
        text: Collection[str] = (),
        binary: Collection[str] = (),
        origins: Collection[str] = (),
        first: float | None = FIRST,
        counters: DoorCounters | None = None,
    ) -> None:
        super().__init__()
        self.origins = frozenset(origins)
        self._factory: Any = factory  # untyped in Twisted
        self._reactor = reactor
        self._text = tuple(text)
        self._binary = tuple(binary)
        self._first = first
        self._drops = Drops(DOOR, counters or DoorCounters(), reactor.seconds)

    def render_GET(self, request: Any) -> bytes | int:
        """Open a WebSocket, or say why not."""
        headers = {name.lower(): each for name, each in request.requestHeaders.getAllRawHeaders()}
        try:
            if request.method != b"GET":
                raise NotOpenedError(405, "WebSockets are opened by GET", {b"Allow": b"GET"})
            agreed = opening(request.clientproto, headers, (*self._text, *self._binary))
            protocol = self._protocol(agreed, request.getClientAddress())
        except NotOpenedError as refused:
            for name, value in refused.headers.items():
                request.setHeader(name, value)
            return said(request, refused.code, str(refused))
        request.channel.switch(agreed.head, protocol)
        return NOT_DONE_YET

    def _protocol(self, agreed: Opening, peer: Any) -> Any:
        try:  # only who has WebSockets pays for them
            from twisted_net.net.websocket.core import Conversation, Kind
            from twisted_net.net.websocket.doors import WebSocketProtocol
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "wsproto":
                raise
            why = "WebSockets need wsproto here: pip install 'twisted_net[websocket]'"
            raise NotOpenedError(501, why) from error
        inside = self._factory.buildProtocol(peer)
        if inside is None:
            raise NotOpenedError(503, "no protocol was built")
        kind = Kind.EITHER
        if agreed.protocol:
            kind = Kind.TEXT if agreed.protocol in self._text else Kind.BINARY
        conversation = Conversation(self._reactor.seconds(), kind, first=self._first)
        return WebSocketProtocol(inside, conversation, self._reactor, self._drops)
