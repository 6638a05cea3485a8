"""Bytes of a file on their way to a stream: by sendfile(2) where it can be, else read and written.

A transport pulls: it asks `Sending` for more when all that was written before has left, so that
one piece at a time is on its way. The kernel can then move the piece itself, from the file to the
socket, and no byte of it is seen here. That asks for a plain TCP or UNIX socket, a reactor that
waits for descriptors, and a regular file. Everywhere else - beneath TLS, behind a wrapper that
must see the bytes, on a simulated network, for content that is no file - the piece is read and
written.

No TCP_CORK is set meanwhile, as nginx does by ``tcp_nopush``: within one sendfile(2) the kernel
itself sends full packets (SPLICE_F_MORE), and corked a GiB takes a third longer on Linux 6.18.

What the kernel moves is not copied: a file that is written to while it is in a socket's buffer
changes there too. Whoever can tell the peer a digest is safe; who cannot asks for copies.
"""

import contextlib
import errno
import os
import socket
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet import tcp
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer, IReactorFDSet
from zope.interface import implementer

from twisted_net.net.errors import NetError
from twisted_net.net.fast.streams import FastStream, Mover
from twisted_net.net.transports import IStreamTransport

#: What the kernel is asked to move at one time: the longest that one peer makes the others wait,
#: and the most that is read from a disk meanwhile.
MOVED = 4 << 20

#: One read and one write. Twisted's own `FileSender` takes 16 KiB, which is several times slower;
#: this much may wait in memory for one peer that does not read.
COPIED = 256 << 10

#: What says that this file or this socket cannot be moved from or to, whatever its kind.
_UNFIT = (errno.EINVAL, errno.ENOSYS, errno.ENOTSOCK, errno.EOPNOTSUPP, errno.EOVERFLOW)

#: What says that the peer is gone.
_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ETIMEDOUT, errno.ESHUTDOWN)


#: Why nothing more can be sent, whatever the file.
LOST = "the connection was lost"


class StoppedError(NetError):
    """Not all that was promised was sent; the message says why."""

    @property
    def lost(self) -> bool:
        """Whether the connection is why."""
        return str(self) == LOST


class Readable(Protocol):
    """What bytes are sent from: `twisted_net.files.shelf.Source` is one."""

    def read(self, offset: int, count: int) -> bytes:
        """Return up to ``count`` bytes; fewer only at the end. Raises OSError."""

    def fileno(self) -> int:
        """Return the descriptor of a regular file with just these bytes; -1: there is none."""


class LetsPass:
    """A wrapper of a transport that lets a file's bytes go past it, if it is told how many.

    To be inherited: any other wrapper sees every byte.
    """

    transport: Any

    def passed(self, count: int) -> None:
        """Take note of bytes that were sent without it."""
        raise NotImplementedError


@implementer(IPullProducer)
class Sending(Mover):
    """Send a part of a file.

    A transport has one producer at a time, and while a file is sent nobody else may write: the
    caller takes its own producer away before `start`, and gives it back when `done` has fired.

    :param copied: never let the kernel move the bytes: see above.
    :param seen: told every piece before it is written, which makes them ``copied``.
    :ivar sent: bytes handed to the kernel, or to the transport, so far.
    :ivar done: fires when all of them were; fails with `StoppedError`.
    """

    def __init__(
        self,
        transport: IStreamTransport,
        source: Readable,
        offset: int,
        length: int,
        *,
        copied: bool = False,
        seen: Callable[[bytes], object] | None = None,
    ) -> None:
        self.sent = 0
        self.done: Deferred[None] = Deferred(lambda _: self._give_up("it was given up"))
        self._transport = transport
        self._source = source
        self._offset = offset
        self._length = length
        self._seen = seen
        self._ended = False
        self._passing, plain = _below(transport)
        movable = not copied and seen is None and source.fileno() >= 0 and takes_files(plain)
        self._plain = plain if movable else None
        self._emptied = False  # what was written before has left

    def start(self) -> "Deferred[None]":
        """Begin, and return `done`."""
        if not self._length:
            self._ended = True
            self.done.callback(None)
            return self.done
        if self._plain is not None:
            self._read_ahead()
        # Twisted asks for the first piece at once, and for each further one when all that was
        # written has left.
        self._transport.registerProducer(self, False)
        return self.done

    def resumeProducing(self) -> None:
        """Send the next piece."""
        if self._ended:
            return
        if self._plain is None:
            self._copy()
        elif self._emptied:
            if self._move(self._plain):
                self._plain.startWriting()
        else:
            # Asked at once, so the head of the answer may still be in the transport's buffer.
            # Whoever wants to write is asked again when that is empty.
            self._emptied = True
            self._plain.startWriting()

    def move(self) -> bool:
        """Send the next piece past the transport; say whether that is how this one is sent."""
        if self._plain is None or not self._emptied:
            return False
        self._move(self._plain)  # it is asked again until it takes its transport out of the list
        return True

    def stopProducing(self) -> None:
        """Stop: the connection is gone."""
        self._end(LOST)

    def _move(self, plain: Any) -> bool:
        """Let the kernel send the next piece; say whether there is more to be sent so."""
        count = min(MOVED, self._length - self.sent)
        try:
            moved = os.sendfile(
                plain.fileno(), self._source.fileno(), self._offset + self.sent, count
            )
        except (BlockingIOError, InterruptedError):
            return True
        except OSError as error:
            self._not_moved(plain, error)
            return False
        if not moved:
            self._give_up("the file became shorter")
            return False
        for each in self._passing:
            each.passed(moved)
        return self._has_sent(moved)

    def _not_moved(self, plain: Any, error: OSError) -> None:
        if error.errno in _GONE:
            self._give_up(LOST)
            plain.abortConnection()
        elif error.errno in _UNFIT and not self.sent:
            self._plain = None
            self._copy()
        else:
            self._give_up(_unreadable(error))

    def _copy(self) -> None:
        """Read the next piece, and write it."""
        count = min(COPIED, self._length - self.sent)
        try:
            piece = self._source.read(self._offset + self.sent, count)
        except OSError as error:
            self._give_up(_unreadable(error))
            return
        if not piece:
            self._give_up("the file became shorter")
            return
        if self._seen is not None:
            self._seen(piece)
        self._transport.write(piece)
        self._has_sent(len(piece))

    def _has_sent(self, count: int) -> bool:
        """Count what was sent; end if that was all, and say whether it was not."""
        self.sent += count
        if self.sent < self._length:
            return True
        if self._plain is not None:
            self._plain.stopWriting()  # nothing waits: else it would not have been our turn
        self._leave()
        self._ended = True
        self.done.callback(None)
        return False

    def _read_ahead(self) -> None:
        if hasattr(os, "posix_fadvise"):  # twice the kernel's usual distance, for the whole file
            with contextlib.suppress(OSError):
                os.posix_fadvise(self._source.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def _give_up(self, why: str) -> None:
        if not self._ended:
            self._leave()
            self._end(why)

    def _leave(self) -> None:
        self._transport.unregisterProducer()

    def _end(self, why: str) -> None:
        if not self._ended:
            self._ended = True
            self.done.errback(StoppedError(why))


def takes_files(transport: Any) -> bool:
    """Say whether the kernel can move a file's bytes to a transport."""
    return (
        hasattr(os, "sendfile")
        and isinstance(transport, tcp.Connection)
        and not transport.TLS
        and isinstance(transport.socket, socket.socket)  # not a simulated one
        and IReactorFDSet.providedBy(transport.reactor)
    )


def _below(transport: Any) -> tuple[list[Any], Any]:
    """Return who is told of bytes that pass, and the transport beneath all wrappers."""
    passing: list[Any] = []
    while isinstance(transport, LetsPass):
        passing.append(transport)
        transport = transport.transport
    if isinstance(transport, FastStream):
        passing.append(transport)
    return passing, transport


def _unreadable(error: OSError) -> str:
    return f"cannot read: {(error.strerror or str(error)).lower()}"
