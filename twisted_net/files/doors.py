"""The files line door: `FileProtocol` on a TCP connection, `FileFactory` behind a port."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_net.files import codec
from twisted_net.files.answers import Answers
from twisted_net.files.codec import Get, List, Put, RefusedError
from twisted_net.files.core import Say, Session, State, Step, Task
from twisted_net.files.desk import Desk, Limits
from twisted_net.files.digests import Digests, aside_of
from twisted_net.files.journal import Journal, peer_name
from twisted_net.files.shelf import Shelf
from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.fast.streams import FastStream
from twisted_net.net.framing import MAX_LINE
from twisted_net.net.sendfile import Sending, StoppedError
from twisted_net.net.transports import Stream
from twisted_net.net.waiting import Waiting


@implementer(IPushProducer)
class FileProtocol(Stream):
    """Answer one connection from the shelf; a half-close gets its answer too.

    It is its transport's producer, so that requests wait, unread, while the peer does not read
    the answers; during a transfer a `Sending` takes its place.

    :ivar there: the peer's address; None: its transport knows.
    :ivar host: the same, as the shelf is told.
    :ivar peer: the same with its port, as the log is told.
    :ivar gone: whether the connection was lost.
    """

    log = Logger()
    host = peer = ""
    there: IAddress | None = None
    gone = False

    def __init__(self, door: "FileFactory") -> None:
        self.door = door
        self._session = Session()
        self._answers: Answers | None = None
        self._answering: Deferred[None] | None = None
        self._storing = False
        self._arrival: Deferred[None] | None = None
        self._fresh = True
        self._turning = False
        self._reading = True
        self._unread = False  # what we wrote waits for the peer to read
        self._half_closed = False

    def connectionMade(self) -> None:
        """Wait for the first request, but not for ever."""
        super().connectionMade()
        there = self.there or self.transport.getPeer()
        self.host = str(getattr(there, "host", "local"))  # a UNIX socket's client has none
        self.peer = peer_name(there)
        self.door.silent.enter(self)

    def producer(self) -> IPushProducer:
        """Return this protocol: it decides for itself when to read."""
        return self

    def dataReceived(self, data: bytes) -> None:
        """Take a piece of the stream."""
        if self._session.idle and not (self._unread or self._closing) and self._has_again(data):
            return
        self._session.received(data)
        if self._arrival is not None:
            self._arrived()
        self._go_on()

    def readConnectionLost(self) -> None:
        """Answer what was asked before the peer closed its half; a name may be unfinished."""
        self._half_closed = True
        if self._closing:
            super().readConnectionLost()
            return
        self._session.ended()
        self._arrived()
        self._go_on()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Stop what is being answered."""
        super().connectionLost(reason)
        self._closing = self.gone = True
        self.door.silent.leave(self)
        if self._storing:
            self._arrived()  # it ends by itself, when no thread is at it any more
        elif self._answering is not None:
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

    async def stream(self, sending: Sending) -> None:
        """Give the transport to a `Sending` until it is done; raises `StoppedError`."""
        self.transport.unregisterProducer()
        await sending.start()
        self._unread = False  # whoever was to tell us otherwise told the `Sending`
        self.transport.registerProducer(self, True)

    def more(self) -> "Deferred[None]":
        """Return what fires when more has come, or nothing will."""
        self._arrival = Deferred()
        return self._arrival

    def take(self, most: int) -> bytes:
        """Return what has come of the file that the peer sends, and make it send more."""
        data = self._session.take(most)
        self._read_or_wait()
        return data

    def _arrived(self) -> None:
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            arrival.callback(None)

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
        except RefusedError as refused:
            self._refuse(refused)
            return
        finally:
            self._turning = False
        if self._fresh and self._session.state is not State.FRESH:
            self._fresh = False
            self.door.silent.leave(self)
        if self._session.state is State.CLOSED:
            self.hang_up()
        else:
            self._read_or_wait()

    def _read_or_wait(self) -> None:
        if self._closing or self._half_closed:
            return  # to read on after the end would only be told of the end again
        read = not (self._unread or self._session.full)
        if read is not self._reading:
            self._reading = read
            if read:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    def _answer(self, step: Step) -> None:
        """Answer at once, or begin to."""
        if isinstance(step, Say):
            self.transport.write(step.words)
            return
        self._answering = None
        try:
            if isinstance(step, Get) and (known := self.door.desk.again(step, self.peer)):
                self._say_last(known)
                self._session.answered()
                return
            if self._answers is None:
                self._answers = Answers(self.door.desk, self._session, self)
            answer = self._answers.begin(step)
        except RefusedError as refused:
            answer = self._refusal(step, refused)
        except Exception:
            self._broke(Failure())
            return
        if isinstance(answer, bytes):
            self.transport.write(answer)
            self._session.answered()
            return
        self._storing = isinstance(step, Put)
        self._answering = Deferred.fromCoroutine(self._answered(step, answer))
        self._answering.addErrback(self._broke)

    def _has_again(self, data: bytes) -> bool:
        """Answer who asks for what was given lately; say whether it was that.

        This is what `_go_on` does, in fewer steps.
        """
        request = codec.parse_get(data) if len(data) <= MAX_LINE else None
        if request is None:
            return False
        try:
            known = self.door.desk.again(request, self.peer)
        except Exception:
            return False  # so will the long way, and say so
        if not known:
            return False
        self._session.passed()
        if self._fresh:
            self._fresh = False
            self.door.silent.leave(self)
        self._say_last(known)
        return True

    def _say_last(self, words: bytes) -> None:
        if isinstance(self.transport, FastStream):
            self.transport.write_last(words)
        else:
            self.transport.write(words)

    async def _answered(self, step: Task, answer: Any) -> None:
        try:
            words = await answer
        except RefusedError as refused:
            if self._session.strays and not self._closing:
                self._refuse(refused, _name(step))
                return
            words = self._refusal(step, refused)
        except StoppedError:
            self._cut()
            return
        if self.gone:
            return
        self.transport.write(words)
        self._session.answered()
        self._go_on()

    def _refusal(self, step: Task, refused: RefusedError) -> bytes:
        self.door.journal.refused(_name(step), self.peer, refused.code, str(refused))
        return codec.render_refusal(refused)

    def _cut(self) -> None:
        """Reset the connection.

        The promised length cannot be kept, or the bare form's end would look like success: there
        is no other way left to say so.
        """
        self._closing = True
        self.transport.abortConnection()

    def _broke(self, failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            self.log.failure("an answer was not given", failure)
            self._cut()

    def too_late(self) -> None:
        """Hang up: no request has come in time."""
        within = self.door.limits.first_request
        self._refuse(RefusedError(408, f"no request within {within:g} s"))

    def _refuse(self, refused: RefusedError, name: bytes = b"") -> None:
        """Hang up on a peer that may still be sending."""
        self.door.journal.refused(name, self.peer, refused.code, str(refused))
        self.door.silent.leave(self)
        self.linger(self.door.reactor, codec.render_refusal(refused))


def _name(step: Task) -> bytes:
    return step.prefix if isinstance(step, List) else step.name


#: What is granted where nothing is said.
NO_MORE = Limits()


class FileFactory(Factory):
    """Make a `FileProtocol` for each connection; all of them share one shelf.

    :param journal: what the log is told; None: a journal of its own.
    :param digests: None: computed in the reactor's thread pool.
    :ivar desk: what the connections share.
    :ivar silent: those that have asked nothing yet.
    """

    noisy = False
    protocol = FileProtocol

    def __init__(
        self,
        shelf: Shelf,
        reactor: Any,
        limits: Limits = NO_MORE,
        journal: Journal | None = None,
        digests: Digests | None = None,
    ) -> None:
        self.reactor = reactor
        self.limits = limits
        self.journal = journal or Journal("files-tcp", DoorCounters(), reactor.seconds)
        self.silent: Waiting[FileProtocol] = Waiting(
            reactor, limits.first_request, lambda protocol: protocol.too_late()
        )
        self.desk = Desk(
            shelf, reactor, limits, self.journal, digests or Digests(aside_of(reactor))
        )

    def stopFactory(self) -> None:
        """Leave nothing untold, and no thread at work."""
        self.journal.sum_up()
        self.desk.digests.stop()

    def buildProtocol(self, addr: IAddress | None) -> FileProtocol:
        """Make the protocol of one connection."""
        protocol = self.protocol(self)
        protocol.factory = self
        protocol.there = addr
        return protocol
