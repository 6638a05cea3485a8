"""Bytes of a file on their way to a stream, read when the peer has room for them."""

import hashlib

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

from twisted_net.files.store import OpenFile
from twisted_net.net.errors import NetError
from twisted_net.net.transports import IStreamTransport

#: One read and one write. Twisted's own `FileSender` takes 16 KiB, which is several times slower;
#: this much may wait in memory for one peer that does not read.
CHUNK = 256 << 10


class StoppedError(NetError):
    """Not all that was promised was sent; the message says why."""


@implementer(IPullProducer)
class Sending:
    """Send a part of an open file, hashing what is sent.

    A transport has one producer at a time, so the caller takes its own away before `start` and
    gives it back when `done` has fired.

    :ivar sent: bytes handed to the transport so far.
    :ivar intact: whether the file was still the same when its last byte had been read.
    :ivar done: fires with the SHA-256 in hex of what was sent; fails with `StoppedError`.
    """

    def __init__(
        self, file: OpenFile, offset: int, length: int, transport: IStreamTransport
    ) -> None:
        self.sent = 0
        self.intact = True
        self.done: Deferred[str] = Deferred(lambda _: self.stopProducing())
        self._file = file
        self._offset = offset
        self._length = length
        self._transport = transport
        self._sha256 = hashlib.sha256()
        self._ended = False

    def start(self) -> None:
        """Begin."""
        if self._length:
            # Twisted asks for the first piece at once, and for each further one when all that
            # was written has left: one piece at a time is in memory.
            self._transport.registerProducer(self, False)
        else:
            self._finish()

    def resumeProducing(self) -> None:
        """Send the next piece."""
        if self._ended:
            return
        count = min(CHUNK, self._length - self.sent)
        try:
            piece = self._file.read(self._offset + self.sent, count)
        except OSError as error:
            self._give_up(f"cannot read: {(error.strerror or str(error)).lower()}")
            return
        if not piece:
            self._give_up("the file became shorter")
            return
        self._sha256.update(piece)
        self.sent += len(piece)
        self._transport.write(piece)
        if self.sent == self._length:
            self._transport.unregisterProducer()
            self._finish()

    def stopProducing(self) -> None:
        """Stop: the connection is gone."""
        self._end("the connection was lost")

    def _give_up(self, why: str) -> None:
        self._transport.unregisterProducer()
        self._end(why)

    def _finish(self) -> None:
        # All has been read by now, so a file that is unchanged here was sent as it was; and the
        # transport has yet to send the last piece, so the caller can still withhold the end.
        self.intact = not self._file.changed()
        self._ended = True
        self.done.callback(self._sha256.hexdigest())

    def _end(self, why: str) -> None:
        if not self._ended:
            self._ended = True
            self.done.errback(StoppedError(why))
