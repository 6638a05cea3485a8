"""The files line door: `FileProtocol` on a TCP connection, `FileFactory` behind a port."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IPushProducer
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_net.files import codec
from twisted_net.files.codec import Get, List, Promise, RefusedError, Stat
from twisted_net.files.core import Bare, Say, Session, State, Step, part
from twisted_net.files.digests import Digests, aside_of
from twisted_net.files.journal import Journal, peer_name
from twisted_net.files.sending import Sending, StoppedError
from twisted_net.files.store import Folder, OpenFile
from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.transports import Stream


@dataclass(frozen=True, slots=True)
class Limits:
    """What one files door grants.

    :ivar transfers: files on their way at one time.
    :ivar first_request: seconds from the connection to the end of its first line, however busily
        the peer sends single bytes meanwhile.
    """

    transfers: int = 64
    first_request: float = 30.0


@implementer(IPushProducer)
class FileProtocol(Stream):
    """Answer one connection from the shelf; a half-close gets its answer too.

    It is its transport's producer, so that requests wait, unread, while the peer does not read
    the answers; during a transfer a `Sending` takes its place.
    """

    log = Logger()

    def __init__(self, door: "FileFactory") -> None:
        self.door = door
        self._session = Session()
        self._answering: Deferred[None] | None = None
        self._deadline: IDelayedCall | None = None
        self._turning = False
        self._unread = False  # what we wrote waits for the peer to read
        self._half_closed = False

    def connectionMade(self) -> None:
        """Wait for the first request, but not for ever."""
        super().connectionMade()
        patience = self.door.limits.first_request
        self._deadline = self.door.reactor.callLater(patience, self._too_late)

    def producer(self) -> IPushProducer:
        """Return this protocol: it decides for itself when to read."""
        return self

    def dataReceived(self, data: bytes) -> None:
        """Take a piece of the stream."""
        self._session.received(data)
        self._go_on()

    def readConnectionLost(self) -> None:
        """Answer what was asked before the peer closed its half; a name may be unfinished."""
        self._half_closed = True
        if self._closing:
            super().readConnectionLost()
            return
        self._session.ended()
        self._go_on()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Stop what is being answered."""
        super().connectionLost(reason)
        self._closing = True
        self._cancel_deadline()
        if self._answering is not None:
            self._answering.cancel()

    def drain(self) -> None:
        """Finish the answer that is being given, then close; at once where there is none."""
        if not self._closing:
            self._session.stop()
            self._go_on()

    def pauseProducing(self) -> None:
        """Answer no more for now: the peer does not read."""
        self._unread = True
        self._read_or_wait()

    def resumeProducing(self) -> None:
        """Go on answering."""
        self._unread = False
        self._go_on()

    def stopProducing(self) -> None:
        """Do nothing: `connectionLost` follows."""

    def _go_on(self) -> None:
        """Answer what can be answered, then hang up, or read, or wait."""
        if self._turning or self._closing:
            return  # an answer that was given at once: the loop below is still running
        self._turning = True
        try:
            while not self._unread and (step := self._session.turn()) is not None:
                self._answer(step)
        except RemoteProtocolError as error:
            self._refuse(RefusedError(413, str(error)))
            return
        finally:
            self._turning = False
        if self._session.state is not State.FRESH:
            self._cancel_deadline()
        if self._session.state is State.CLOSED:
            self.hang_up()
        else:
            self._read_or_wait()

    def _read_or_wait(self) -> None:
        if self._closing or self._half_closed:
            return  # to read on after the end would only be told of the end again
        if self._unread or self._session.full:
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()

    def _answer(self, step: Step) -> None:
        if isinstance(step, Say):
            self.transport.write(step.words)
            return
        self._answering = Deferred.fromCoroutine(self._answered(step))
        self._answering.addErrback(self._broke)

    def _broke(self, failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            self.log.failure("an answer was not given", failure)
            self._closing = True
            self.transport.abortConnection()

    async def _answered(self, step: Bare | List | Stat | Get) -> None:
        try:
            words = await self._words(step)
        except RefusedError as refused:
            name = step.prefix if isinstance(step, List) else step.name
            self.door.journal.refused(name, self._peer(), refused.code, str(refused))
            words = codec.render_refusal(refused)
        except StoppedError:
            # The promised length cannot be kept, or the bare form's end would look like success:
            # a reset is the only way left to say so.
            self._closing = True
            self.transport.abortConnection()
            return
        self.transport.write(words)
        self._session.answered()
        self._go_on()

    async def _words(self, step: Bare | List | Stat | Get) -> bytes:
        """Return the answer, or what follows the bytes of a file that were sent by then."""
        shelf = self.door.shelf
        match step:
            case List():
                entries, more = await self.door.digests.aside(shelf.list, step)
                return codec.render_listing(entries, more)
            case Stat():
                return codec.render_stat(shelf.stat(step.name))
            case Get():
                return await self._get(step)
            case Bare():
                return await self._bare(step)

    async def _get(self, request: Get) -> bytes:
        with self.door.transfer(request.name) as file:
            length = part(file.size, request.offset, request.length)
            known = await self.door.digests.of(file)
            promise = Promise(length, file.size, known, file.mtime)
            self.transport.write(codec.render_promise(promise))
            sha256, intact = await self._send(file, request.offset, length)
        if intact:
            return codec.render_done(sha256)
        return codec.render_refusal(RefusedError(500, "file changed while sending"))

    async def _bare(self, request: Bare) -> bytes:
        with self.door.transfer(request.name) as file:
            _, intact = await self._send(file, 0, file.size)
        if not intact:
            raise StoppedError("the file changed")
        return b""

    async def _send(self, file: OpenFile, offset: int, length: int) -> tuple[str, bool]:
        """Send a part of a file; return the SHA-256 of it, and whether the file stayed the same."""
        journal = self.door.journal
        began = journal.seconds()
        sending = Sending(file, offset, length, self.transport)
        self.transport.unregisterProducer()
        sending.start()
        try:
            sha256 = await sending.done
            if not sending.intact:
                raise StoppedError("the file changed")
        except StoppedError as stopped:
            journal.stopped(file.name, self._peer(), sending.sent, began, str(stopped))
            if sending.sent < length:
                raise
            sha256 = ""
        else:
            journal.sent(file.name, self._peer(), sending.sent, began)
            if length == file.size:
                self.door.digests.learn(file, sha256)
        self._unread = False  # whoever was to tell us otherwise told the `Sending`
        self.transport.registerProducer(self, True)
        return sha256, sending.intact

    def _peer(self) -> str:
        return peer_name(self.transport.getPeer())

    def _too_late(self) -> None:
        within = self.door.limits.first_request
        self._refuse(RefusedError(408, f"no request within {within:g} s"))

    def _refuse(self, refused: RefusedError) -> None:
        """Hang up on a peer that may still be sending."""
        self.door.journal.refused(b"", self._peer(), refused.code, str(refused))
        self._cancel_deadline()
        self.linger(self.door.reactor, codec.render_refusal(refused))

    def _cancel_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None


class FileFactory(Factory):
    """Make a `FileProtocol` for each connection; all of them share one shelf.

    :param journal: what the log is told; None: a journal of its own.
    :param digests: None: computed in the reactor's thread pool.
    :ivar transfers: files on their way now.
    """

    noisy = False
    protocol = FileProtocol

    def __init__(
        self,
        shelf: Folder,
        reactor: Any,
        limits: Limits = Limits(),
        journal: Journal | None = None,
        digests: Digests | None = None,
    ) -> None:
        self.shelf = shelf
        self.reactor = reactor
        self.limits = limits
        self.journal = journal or Journal("files-tcp", DoorCounters(), reactor.seconds)
        self.digests = digests or Digests(aside_of(reactor))
        self.transfers = 0

    def buildProtocol(self, addr: IAddress | None) -> FileProtocol:
        """Make the protocol of one connection."""
        protocol = self.protocol(self)
        protocol.factory = self
        return protocol

    @contextlib.contextmanager
    def transfer(self, name: bytes) -> Iterator[OpenFile]:
        """Open a file for as long as it is on its way.

        :raises RefusedError: 503, too many are; and as `Folder.open`.
        """
        if self.transfers >= self.limits.transfers:
            raise RefusedError(503, "busy")
        file = self.shelf.open(name)
        self.transfers += 1
        try:
            yield file
        finally:
            self.transfers -= 1
            file.close()
