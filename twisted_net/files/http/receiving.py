"""Uploads by HTTP: the body of a PUT on its way to a shelf (RFC 9110, 9.3.4)."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from twisted_net.files.digests import Aside
from twisted_net.files.shelf import Sink

#: Bytes that are handed to the disk at one time, and beyond which the client is made to wait.
WRITTEN = 1 << 20


class LostError(Exception):
    """The client is gone before all had come."""


class Receiving:
    """Take the body of one request, and hand it to a sink in a thread.

    It is a `twisted_net.net.pages.Taker`. Until the sink is there nothing is read.

    :param opening: makes the sink; called in a thread.
    :ivar done: fires when all is stored; fails with `RefusedError` or `LostError`.
    :ivar count: bytes that came.
    :ivar whole: whether that was all.
    :ivar gone: whether the connection was lost.
    """

    def __init__(self, channel: Any, aside: Aside, opening: Callable[[], Sink]) -> None:
        self.count = 0
        self._channel = channel
        self._aside = aside
        self._waiting = b""
        self.whole = self.gone = False
        self._arrival: Deferred[None] | None = None
        channel.hold()
        self.done = Deferred.fromCoroutine(self._received(opening))

    def received(self, data: bytes) -> None:
        """Take the next bytes."""
        self._waiting += data
        self.count += len(data)
        if len(self._waiting) >= WRITTEN:
            self._channel.hold()
        self._arrived()

    def ended(self) -> None:
        """Learn that all has come."""
        self.whole = True
        self._arrived()

    def lost(self) -> None:
        """Learn that the connection is gone."""
        self.gone = True
        self._arrived()

    async def _received(self, opening: Callable[[], Sink]) -> None:
        # Nobody cancels this: a thread may be at it, and what it has opened must be closed.
        sink = await self._aside(opening)
        try:
            self._channel.release()
            while data := await self._next():
                await self._aside(sink.write, data)
            await self._aside(sink.keep)
        except Exception:
            await self._aside(sink.leave)
            raise

    async def _next(self) -> bytes:
        """Return the next bytes, or none: that was all."""
        while True:
            if self._waiting:
                data, self._waiting = self._waiting, b""
                self._channel.release()
                return data
            if self.whole:
                return b""
            if self.gone:
                raise LostError("the connection was lost")
            self._arrival = Deferred()
            await self._arrival

    def _arrived(self) -> None:
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            arrival.callback(None)
