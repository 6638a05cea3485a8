"""One HTTP connection: Twisted's, with a deadline and bounds, and an answer to a half-close."""

from collections.abc import Set
from http import HTTPStatus
from typing import Any

from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
)
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request
from zope.interface import implementer

from twisted_net.net.pages import RefusedBodyError, Reply
from twisted_net.net.service import IDrains
from twisted_net.net.transports import LINGER_BYTES, LINGER_SECONDS
from twisted_net.web.again import Again, is_head, length_in

#: Bytes of a body that a page takes as it comes, for which it is given the time of a request again.
MOVED = 16 << 10


def plain(code: int, why: str) -> bytes:
    """Return a whole answer of one line, after which the connection closes."""
    body = f"{code} {why}\n"
    return (
        f"HTTP/1.1 {code} {HTTPStatus(code).phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    ).encode()


@implementer(IHalfCloseableProtocol, IDrains)
class WebChannel(HTTPChannel):
    """What Twisted's channel leaves open, closed.

    * A request has to be whole within a time that single bytes do not extend.
    * Its body has a limit, which holds before it is read; beyond it a page may take it as it comes
      (`twisted_net.net.pages.Taker`), and has to come on.
    * Requests sent ahead wait, unread, while the peer does not read the answers: Twisted would
      answer all of them into memory.
    * Who closes one half is answered; a server that stops finishes what it answers.
    * A page may `switch` the connection to another protocol.

    :ivar site: the `WebFactory`; Twisted sets it, and calls it so.
    """

    site: Any
    transport: Any

    def __init__(self) -> None:
        super().__init__()
        self._due = 0.0
        self._timer: IDelayedCall | None = None
        self._begun = False  # something of the next request has come
        self._answered = False  # there was a request before
        self._busy = False  # a request is being answered
        self._choked = False  # what we wrote waits for the peer to read
        self._held: Request | None = None  # answered, and its answer not yet read
        self._ahead = 0  # bytes of later requests that wait
        self._last = False  # the peer's half is closed, or the server stops
        self._closing = False
        self._refused = False
        self._taken = False  # a page takes the body that comes
        self._held_back = False  # and has enough of it for now
        self._moved = 0
        self._wants_word = False  # the peer waits to be told to send it
        self._left = LINGER_BYTES
        self._parsing = False  # what came is being taken apart
        self._whole = False  # what is being read is the head of one request, and no more
        self._reply: Reply | None = None  # what answers it once more
        self._head: tuple[bytes, Set[bytes]] = (b"", frozenset())  # the answer's, and its names
        self._switched: Any = None  # the protocol that has the connection from now on
        self._peer: IAddress | None = None
        self._host: IAddress | None = None

    def connectionMade(self) -> None:
        """Wait for the first request, but not for ever."""
        super().connectionMade()
        self._put_off()
        self.site.silent.enter(self)

    def dataReceived(self, data: bytes) -> None:
        """Take the next piece of the stream."""
        if self._switched is not None:
            self._switched.dataReceived(data)
            return
        if self._refused:
            self._left -= len(data)
            if self._left < 0:
                self.transport.abortConnection()
            return
        if self._begun or self._busy or self._parsing:
            self._whole = False  # nor is what it belongs to
            self._begun = True
            super().dataReceived(data)
        elif not self._answers_again(data):
            self._read(data)

    def _read(self, data: bytes) -> None:
        """Take what a new request begins with; of what follows it Twisted tells us meanwhile."""
        self._whole, self._reply = is_head(data), None
        self._begun = self._parsing = True
        try:
            super().dataReceived(data)
        finally:
            self._parsing = False
        self._remember(data)

    def _answers_again(self, head: bytes) -> bool:
        """Answer at once what was answered before, if its page still says the same."""
        found: Again | None = self.site.heads.find(head)
        if found is None or self._choked or self._last:
            return False
        try:
            body = found.reply(self.getPeer())
        except Exception:
            body = None  # the long way will fail too, and say so
        if body is None or len(body) != found.length:
            self.site.heads.forget(head)
            return False
        said = self.site.said_by_all(found.names)
        self.transport.write(b"".join((found.head, said, b"\r\n", body)))
        if found.last:
            self.loseConnection()
        else:
            self._answered = True
            self._expect()
        return True

    def again(self, reply: Reply) -> None:
        """Answer the request that is being answered by a page's ``reply`` when it comes again."""
        if self._whole:
            self._reply = reply

    def _remember(self, head: bytes) -> None:
        reply, (own, names) = self._reply, self._head
        if reply is None or not self._whole or self._busy or self._choked or self._last:
            return
        length = length_in(own)
        if length is not None:
            self.site.heads.keep(head, Again(reply, own, names, length, self._closing))

    def lineReceived(self, line: bytes) -> None:
        """Take a line of a request's head, unless the request has been refused."""
        if not self._refused:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a head whose single line is beyond all its limits."""
        self.refuse(431, f"a line is longer than {self.MAX_LENGTH} bytes")

    def rawDataReceived(self, data: bytes) -> None:
        """Take a part of a body, or of requests that were sent ahead."""
        if self._switched is not None:
            self._switched.dataReceived(data)  # it came with the request
            return
        if self._refused:
            return
        if self._busy:
            self._ahead += len(data)
        elif self._taken:
            self._moved += len(data)
            if self._moved >= MOVED:
                self._put_off()
        super().rawDataReceived(data)

    def allHeadersReceived(self) -> None:
        """Refuse what must not be read any further; begin the body of anything else."""
        request: Any = self.requests[-1]
        try:
            self._taken = request.begin(self._command, self._path, self._version, self.length)
        except RefusedBodyError as refused:
            self.refuse(refused.code, str(refused), told=True)
            return
        if not self._taken and self.length is not None and self.length > self.site.limits.body:
            self.too_long()
        else:
            super().allHeadersReceived()

    def _send100Continue(self) -> None:  # noqa: N802 - Twisted's
        if self._taken and self._held_back:
            self._wants_word = True  # the page has not decided yet
        else:
            super()._send100Continue()

    def hold(self) -> None:
        """Read no more of the body that a page takes."""
        if not self._held_back:
            self._held_back = True
            self.transport.pauseProducing()

    def release(self) -> None:
        """Read on; a peer that waits to be told is told."""
        if not self._held_back or self._refused:
            return
        self._held_back = False
        self._put_off()
        if self._wants_word:
            self._wants_word = False
            super()._send100Continue()
        if not self._choked:
            self.transport.resumeProducing()

    def _put_off(self) -> None:
        self._moved = 0
        self._due = self.site.reactor.seconds() + self.site.limits.request

    def allContentReceived(self) -> None:
        """Answer a request that is whole."""
        if self._refused:
            return
        self._busy = True
        self._taken = False
        super().allContentReceived()

    def too_long(self) -> None:
        """Refuse a body beyond its limit, told ahead or not."""
        self.refuse(413, f"a body may have {self.site.limits.body} bytes")

    def refuse(self, code: int, why: str, *, told: bool = False) -> None:
        """Answer what is no request, and hang up on a peer that may still be sending.

        A close with unread bytes is a reset, which may destroy the answer (RFC 1122, 4.2.2.13):
        so what still comes is thrown away for a while.

        :param told: whoever refuses has counted it.
        """
        if self._refused:
            return
        self._refused = True
        self._cancel()
        if not told:
            self.site.refused(code, self.getPeer())
        transport = self.transport
        half_closes = IHalfCloseableDescriptor.providedBy(transport) and not self.isSecure()
        transport.write(plain(code, why))
        transport.unregisterProducer()
        if half_closes:
            transport.loseWriteConnection()
            transport.resumeProducing()
        elif self._begun:
            transport.loseConnection()
        # Where TLS never began there is nobody to hear it, nor to let us go.
        self._timer = self.callLater(LINGER_SECONDS, transport.abortConnection)

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802 - Twisted's
        # Twisted's own answer has no words, and is followed by a reset if more was sent.
        if self._receivedHeaderSize > self.totalHeadersSize:
            self.refuse(431, f"a head may have {self.totalHeadersSize} bytes")
        else:
            self.refuse(400, "this is not HTTP")

    def requestDone(self, request: Request) -> None:
        """Go on to the next request, once the answer to this one has left."""
        if self._choked:
            self._held = request
            return
        self._busy, self._begun, self._answered, self._ahead = False, False, True, 0
        self._expect()
        super().requestDone(request)
        if self._last and not self._busy:
            self.loseConnection()

    def pauseProducing(self) -> None:
        """Read no more, and answer no more, while the peer does not read."""
        self._choked = True
        super().pauseProducing()
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Go on."""
        self._choked = False
        super().resumeProducing()
        if self._held is not None:
            held, self._held = self._held, None
            self.requestDone(held)
        elif self._ahead <= self._optimisticEagerReadSize and not self._held_back:
            self.transport.resumeProducing()  # to notice that the peer leaves

    def switch(self, head: bytes, protocol: Any) -> None:
        """Answer the request that is being answered, and speak another protocol (RFC 9110, 7.8).

        :param head: the answer.
        :param protocol: gets the connection; what it provides of `IDrains` and of
            `IHalfCloseableProtocol` is called as on any door.
        """
        self._cancel()
        self._switched = protocol
        self.requests.clear()  # nobody waits for their end
        self.transport.unregisterProducer()
        self.transport.write(head)
        protocol.makeConnection(self.transport)

    def drain(self) -> None:
        """Finish the answer that is being given, then close; at once where there is none."""
        if self._switched is not None:
            if IDrains.providedBy(self._switched):
                self._switched.drain()
            else:
                self.transport.loseConnection()
        elif self._busy or self._taken:
            self.persistent = 0
            for request in self.requests[:1]:
                if request.ends is not None:
                    request.ends()
        else:
            self.loseConnection()

    def writeHeaders(  # noqa: N802 - Twisted's
        self, version: bytes, code: bytes, reason: bytes, headers: Any
    ) -> None:
        """Write the head of an answer in one piece, with what all answers say."""
        lines = [b"%b %b %b\r\n" % (version, code, reason)]
        names = set()
        for name, values in headers.getAllRawHeaders():
            names.add(name)
            lines += [b"%b: %b\r\n" % (name, value) for value in values]
        own = b"".join(lines)
        self._head = own, names
        self.transport.write(b"".join((own, self.site.said_by_all(names), b"\r\n")))

    def getPeer(self) -> Any:
        """Return the peer's address, which stays what it is."""
        if self._peer is None:
            self._peer = super().getPeer()
        return self._peer

    def getHost(self) -> Any:
        """Return our own address, which stays what it is."""
        if self._host is None:
            self._host = super().getHost()
        return self._host

    def readConnectionLost(self) -> None:
        """Answer what was asked before the peer closed its half."""
        if self._switched is not None:
            if IHalfCloseableProtocol.providedBy(self._switched):
                self._switched.readConnectionLost()
            else:
                self.transport.loseConnection()
            return
        self._last = True
        if not self._busy:
            self.loseConnection()

    def writeConnectionLost(self) -> None:
        """Do nothing: our own half-close, nothing is owed."""

    def loseConnection(self) -> None:
        """Send what was written, then close; a second call changes nothing."""
        self._cancel()
        if not self._closing:
            self._closing = True
            super().loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Leave no timer behind, and tell whoever answers."""
        self._cancel()
        super().connectionLost(reason)
        if self._switched is not None:
            self._switched.connectionLost(reason)

    def _expect(self) -> None:
        # One timer, which only moves on when it fires: one for each request would cost as much
        # as finding the answer. Who is gone after the first never has one.
        self._due = self.site.reactor.seconds() + self.site.limits.request
        if self._timer is None:
            self.site.silent.leave(self)
            self._timer = self.callLater(self.site.limits.request, self.check)

    def check(self) -> None:
        """Hang up on a peer whose request is not there in time; wait on for one that has longer."""
        self._timer = None
        if self._busy:
            return  # whoever is answered reads, or is idle: the guard of the door knows
        left = self._due - self.site.reactor.seconds()
        if self._held_back:
            left = max(left, self.site.limits.request)  # it is we who do not read
        if left > 0:
            self._timer = self.callLater(left, self.check)
        elif self._begun or not self._answered:
            self.refuse(408, f"no request within {self.site.limits.request:g} s")
        else:
            self.loseConnection()

    def _cancel(self) -> None:
        self.site.silent.leave(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
