"""What a browser hears: the last events in a ring, and the streams that read from it.

A browser loses its connection now and then, and comes back for what it missed; and one person may
have the page open twice. So what is to be heard is kept once for each member, up to a bound, and
every stream has a place in it. A stream that falls behind the bound is a slow reader, and is cut.
"""

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from twisted_net.chat.codec import web as codec
from twisted_net.chat.codec.events import Event, Kind, read_id, shown_id
from twisted_net.chat.doors.turns import Turns

#: Seconds between two signs of life.
BEAT = 15.0

#: Streams of one member: tabs, and one that has not noticed yet that it is dead.
STREAMS = 4


class WebProfile:
    """Events as browsers want them; a page shows what its member said when it hears it."""

    echoes = frozenset(Kind)

    def render(self, event: Event) -> bytes:
        """Write an event; nothing for what only programs care for."""
        return b"" if event.kind in _UNHEARD else codec.rendered(event)


_UNHEARD = frozenset({
    Kind.BANISHED, Kind.DESCRIBED, Kind.ENTERED, Kind.HOST, Kind.KEPT, Kind.PARDONED, Kind.TAGGED,
})  # fmt: skip

PROFILE = WebProfile()


class WebOutlet:
    """Where a member in a browser hears.

    :param limit: bytes that are kept for streams that are behind, or will come back.
    :ivar streams: those that are open.
    :ivar expelled: ends the visit, and says why.
    """

    profile = PROFILE

    def __init__(self, turns: Turns, limit: int) -> None:
        self.streams: list[EventStream] = []
        self.expelled: Callable[[str], None] | None = None
        self._turns = turns
        self._limit = limit
        self._ring: deque[bytes] = deque()
        self._size = 0
        self._begin = 0  # how many have been forgotten
        self._forgotten = 0  # the id of the last one of them
        self._dirty = False

    @property
    def end(self) -> int:
        """The place of the next event."""
        return self._begin + len(self._ring)

    def add(self, message: bytes) -> None:
        """Take an event, as the profile wrote it."""
        self._ring.append(message)
        self._size += len(message)
        if self._size > self._limit:
            self._flush()  # a burst within one turn is no slow reader
        while self._size > self._limit:
            oldest = self._ring.popleft()
            self._size -= len(oldest)
            self._begin += 1
            self._forgotten = _id(oldest)
        if not self._dirty:
            self._dirty = True
            self._turns.soon(self._flush)

    def place(self, last: str) -> tuple[int, bool]:
        """Return where a stream goes on that has heard ``last``, and whether it missed something.

        :param last: an id; empty: the stream is new, and goes on from here.
        """
        heard = read_id(last)
        if heard is None:
            return self.end, False
        behind = sum(1 for each in self._ring if _id(each) > heard)
        return self.end - behind, heard < self._forgotten

    @property
    def last(self) -> str:
        """The id of the last event, which somebody who hears from here on has heard."""
        return shown_id(_id(self._ring[-1]) if self._ring else self._forgotten)

    def since(self, place: int) -> bytes | None:
        """Return all from a place on; None: not all of it is there any more."""
        if place < self._begin:
            return None
        return b"".join(islice(self._ring, place - self._begin, None))

    def expel(self, why: str) -> None:
        """Let the member be in the chat no more."""
        if self.expelled is not None:
            self.expelled(why)

    def close(self) -> None:
        """End all streams."""
        for stream in list(self.streams):
            stream.end()
        self._ring.clear()

    def _flush(self) -> None:
        self._dirty = False
        for stream in list(self.streams):
            stream.flush()


@implementer(IPushProducer)
class EventStream:
    """One open answer, as long as the browser listens.

    :param last: the id of the last event that the browser has heard; empty: none.
    :param closed: called with the stream when it is over, and whether it was too slow.
    """

    def __init__(
        self,
        request: Any,
        outlet: WebOutlet,
        reactor: Any,
        last: str,
        closed: Callable[["EventStream", bool], None],
    ) -> None:
        self._request = request
        self._outlet = outlet
        self._reactor = reactor
        self._closed = closed
        self._paused = False
        self._over = False
        self._place, missed = outlet.place(last)
        request.setHeader(b"Content-Type", b"text/event-stream; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-store")
        request.notifyFinish().addBoth(lambda _: self._gone())
        request.ends = self.end
        outlet.streams.append(self)
        request.registerProducer(self, True)
        begins = codec.MISSED if missed else codec.here(outlet.last) if not last else b""
        request.write(codec.RETRY + begins)
        self._timer = reactor.callLater(BEAT, self._beat)
        self.flush()

    def flush(self) -> None:
        """Write what is new."""
        if self._over:
            return
        waiting = self._outlet.since(self._place)
        if waiting is None:
            self._gone(slow=True)
            self._request.unregisterProducer()
            self._request.transport.abortConnection()
        elif waiting and not self._paused:
            self._place = self._outlet.end
            self._request.write(waiting)

    def end(self) -> None:
        """End it, as every answer ends."""
        if not self._over:
            self._gone()
            self._request.unregisterProducer()
            self._request.finish()

    def pauseProducing(self) -> None:
        """Let the browser read first."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Go on."""
        self._paused = False
        self.flush()

    def stopProducing(self) -> None:
        """Do nothing: `notifyFinish` says it too."""

    def _beat(self) -> None:
        self._timer = self._reactor.callLater(BEAT, self._beat)
        if not self._paused:
            self._request.write(codec.BEAT)

    def _gone(self, slow: bool = False) -> None:
        if self._over:
            return
        self._over = True
        if self._timer.active():
            self._timer.cancel()
        self._outlet.streams.remove(self)
        self._closed(self, slow)


def _id(message: bytes) -> int:
    """Return the id that a rendered event begins with."""
    return read_id(message[4 : message.index(b"\n")].decode()) or 0
