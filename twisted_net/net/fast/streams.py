"""What is fast about a stream transport: it leaves out what its usual state does not need.

What differs from Twisted's own (design/transport.md, 3.2):

* What a protocol writes inside its ``dataReceived`` waits in the ordinary buffer and leaves in one
  ``send`` when that returns, without a word to the reactor. What it writes at other times leaves
  when the reactor next lets writers write: at the end of the turn, on the lean one.
* One flag, ``_plain``, says that this is all there is to do: connected, no producer that pulls, not
  closing, not aborted. Whatever clears it first asks the reactor to let go what waits. From then
  on everything is Twisted's own code, on Twisted's own buffers.
* A ``send`` that fails ends nothing by itself. What the peer sent before is still read, and then
  the connection is lost: `ConnectionLost`, never `ConnectionDone`, though a failed send takes the
  error off the socket, so that the read after it looks like a clean end.
"""

import sys
from errno import ENOBUFS, EPIPE
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp
from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python import log
from twisted.python.failure import Failure

from twisted_net.net.counters import DoorCounters

#: Where the bytes are counted of connections that nobody counts: clients', say.
UNCOUNTED = DoorCounters()

#: Bytes to read at a time, as Twisted does: less would leave more unread when a protocol closes,
#: which resets the connection. The unused rest costs nothing. And what to read when that was full:
#: half of it costs a tenth more for each byte, twice as much saves nothing and lets others wait.
SMALL_READ, LARGE_READ = 65536, 524_288

#: What is still to be sent until a peer's first message is answered, see `FastStream.answered`: so
#: much until it has said anything, and so much when that is done or nobody asks.
SILENT, ANSWERED = sys.maxsize, -1

if TYPE_CHECKING:
    _Connection = tcp.Connection
else:
    _Connection = object


def waiting(transport: Any) -> int:
    """Return how many bytes wait to be sent, as far as this is a connection of Twisted's."""
    try:
        count: int = len(transport.dataBuffer) - transport.offset + transport._tempDataLen
    except AttributeError:
        return 0
    return count


class Mover:
    """A producer that pulls, and that sends by itself what it produces: a file, say.

    It is asked whenever the kernel has room, without an empty ``send`` before it and without two
    words to epoll for each piece.
    """

    def move(self) -> bool:
        """Send the next piece; say whether it was sent so, and not by ``resumeProducing``."""
        raise NotImplementedError


class FastStream(_Connection):
    """Mixed into a connection of Twisted's, before it.

    :ivar counters: where the bytes are counted that come and go.
    :ivar guard: its ``left(connection)`` is called when the protocol has learned of the end.
    :ivar stirred: set by every byte that comes or goes, for whoever watches for silence.
    :ivar queue_limit: bytes that may wait to be sent when more are written; None: any number. A
        producer was paused long before; who writes on all the same is cut.
    """

    counters: DoorCounters  # not with a default: Python would then find it less quickly
    guard: Any = None
    stirred = False
    queue_limit: int | None = None

    _plain = False  # see above
    _asked = False  # the reactor was asked to let us write
    _inside = False  # the protocol's dataReceived runs
    _owed = False  # our reading should be paused, unless all that waits is sent at once
    _heard_all = False  # the protocol is being told that the peer has closed its half
    _lent = False  # somebody has the socket, and may have set anything
    _broken = False  # a send has failed, and no FIN came before
    _read_size = SMALL_READ
    _unanswered = ANSWERED

    # Reading

    def doRead(self) -> Any:
        """Read once, hand it on, send what was answered (IReadDescriptor)."""
        try:
            data = self.socket.recv(self._read_size)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if not data:
            return self._ended()
        count = len(data)
        if count >= SMALL_READ:
            self._read_size = LARGE_READ  # a stream; what one read does not get costs another
        elif self._read_size != SMALL_READ:
            self._read_size = SMALL_READ
        self.counters.received += count
        if self._unanswered == SILENT:
            self._unanswered = waiting(self)  # of a greeting
        self.stirred = self._inside = True
        try:
            self.protocol.dataReceived(data)
        except BaseException:
            self._raised()
        finally:
            self._inside = False
        if self._tempDataLen and self._plain and not self._asked:
            self._answer()
        return None

    def _raised(self) -> None:
        """Leave what is being handled to the guard; where there is none, to the reactor."""
        if self.guard is None:
            raise
        self.guard.crashed()

    def _ended(self) -> Any:
        if self._broken:
            return CONNECTION_LOST
        # The close says it: nothing is left unread that would reset. SO_LINGER might.
        self._shouldShutdown = self._lent
        return CONNECTION_DONE

    # What is compiled may have a descriptor of which Python has made no socket, as nobody has asked
    # for one. These two say whether it was so, and what they were to do is done.

    def _set_own(self, level: int, option: int, value: int) -> bool:
        return False

    def _close_own(self) -> bool:
        return False

    def getHandle(self) -> Any:
        """Return the socket (ISystemHandle)."""
        self._lent = True
        if not self._shouldShutdown:
            self._shouldShutdown = True
        return super().getHandle()

    # Writing

    def write(self, data: bytes) -> None:
        """Send some bytes soon (ITransport)."""
        held = self._inside and self._plain and not (self._asked or self.TLS)
        if held and data and type(data) is bytes:
            # As below, in fewer steps: it is the answer to what was read, and leaves with `doRead`.
            self._tempDataBuffer.append(data)
            self._tempDataLen = waiting = self._tempDataLen + len(data)
            if waiting > self.bufferSize:
                self._crowded()
        elif self.TLS:
            super().write(data)
        else:
            Beneath.write(self, data)

    def write_now(self, data: bytes) -> None:
        """Send some bytes before this returns, if nothing waits to be sent; else soon, as `write`.

        For who gathers what it writes by itself: a word to many connections leaves sooner, and the
        reactor hears of none of them. What is written bit by bit belongs into `write`, which makes
        one ``send`` of it.
        """
        waits = self._tempDataLen or self.dataBuffer or self._asked or self._inside or self.TLS
        if waits or not (self._plain and data) or type(data) is not bytes:
            self.write(data)
            return
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._broken = error.errno not in (EPIPE, ENOBUFS)  # see `_answer`
            sent = 0
        self.counters.sent += sent
        if self._unanswered >= 0:
            self._answered(sent)
        self.stirred = True
        if sent < len(data):
            self.write(data[sent:])

    def write_last(self, data: bytes) -> None:
        """Send some bytes as soon as the reactor has read what came for others, too.

        For a large answer that was there before the question: whoever gets several of these,
        one behind the other, is woken once. What was just made is better sent by `write`, while
        it is near to the processor; and so is all on a reactor that does not know its turn's end.
        """
        self.write(data)
        if self._inside and self._tempDataLen and getattr(self.reactor, "lets_write", False):
            self.startWriting()
            self._settle()

    def writeSequence(self, iovec: Any) -> None:
        """Send some bytes soon (ITransport)."""
        if self.TLS:
            super().writeSequence(iovec)
        else:
            Beneath.writeSequence(self, iovec)

    def startWriting(self) -> None:
        """Ask the reactor to let us write."""
        self._asked = True
        self.reactor.addWriter(self)

    def stopWriting(self) -> None:
        """Tell the reactor that nothing is left."""
        if self._asked:
            self._asked = False
            self.reactor.removeWriter(self)

    def doWrite(self) -> Any:
        """Send what waits (IWriteDescriptor)."""
        try:
            if not self._plain or self.dataBuffer or not 0 < self._tempDataLen <= self.SEND_LIMIT:
                return None if self._moves() else FileDescriptor.doWrite(self)
            try:
                done = self._send()
            except OSError:
                return CONNECTION_LOST
            if done:
                self.stopWriting()
                if self.producerPaused and self.producer is not None:
                    self.producerPaused = False
                    self.producer.resumeProducing()  # type: ignore[attr-defined]  # only that kind
        except BaseException:  # from a producer
            self._raised()
        return None

    def _moves(self) -> bool:
        """Let a `Mover` send, where nothing waits that was written; say whether there was one."""
        mover: Any = self.producer
        if not isinstance(mover, Mover) or self.dataBuffer or self._tempDataLen:
            return False
        return mover.move()

    def writeSomeData(self, data: bytes) -> Any:
        """Send some of the data; return how much, or why nothing will be sent any more."""
        sent = super().writeSomeData(data)
        if isinstance(sent, int):
            self.counters.sent += sent
            if self._unanswered >= 0:
                self._answered(sent)
            self.stirred = True
        return sent

    def _answer(self) -> None:
        """Send what was written while we were reading."""
        if self.producerPaused or self._tempDataLen > LARGE_READ:
            self._answer_later()
            return
        try:
            done = self._send()
        except OSError as error:
            # After a FIN a reset is EPIPE, and the end that is read next is a true one; without a
            # FIN it would only look like one (tcp_reset in Linux, net/ipv4/tcp_input.c).
            self._broken = error.errno != EPIPE
            done = False
        if not done:
            self._answer_later()
        elif self._owed:
            self._owed = False

    def _answer_later(self) -> None:
        """Leave to the reactor what could not be sent at once."""
        self.startWriting()
        self._settle()

    def _begin(self) -> None:
        """Keep in the instance what every read and write looks at: there it is found soonest.

        As long as no instance has more than 29 attributes, that is: with the thirtieth, Python 3.11
        gives it a dictionary of its own, in which all are found less quickly.
        """
        self.counters = UNCOUNTED
        self.dataBuffer = self.dataBuffer
        self.TLS = self._asked = self._inside = self.producerPaused = False
        self._tempDataLen = 0
        self._read_size, self.bufferSize = SMALL_READ, self.bufferSize

    def _send(self) -> bool:
        """Send what waits, of which nothing was sent before; say whether all of it went.

        :raises OSError: the connection is lost.
        """
        waiting = self._tempDataBuffer
        data = waiting[0] if len(waiting) == 1 else b"".join(waiting)
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno == ENOBUFS:
                return False
            raise
        self.counters.sent += sent
        if self._unanswered >= 0:
            self._answered(sent)
        self.stirred = True
        waiting.clear()
        self._tempDataLen = 0
        if sent == len(data):
            return True
        self.dataBuffer = data
        self.offset = sent
        return False

    def _crowded(self) -> None:
        """Pause the producer; cut a protocol that has none, or does not care."""
        if self._reads_for_itself():
            self._owed = True
        else:
            self._maybePauseProducer()
        if self.producerPaused and not self._asked:
            self.startWriting()
        if self.queue_limit is None:
            return
        before = waiting(self)
        before -= len(self._tempDataBuffer[-1]) if self._tempDataBuffer else 0
        if before > self.queue_limit:
            if self.guard is not None:
                self.guard.overflowed()
            self.abortConnection()

    def _reads_for_itself(self) -> bool:
        """Say whether what is to be paused is our reading, which waits for the answer anyway."""
        own: Any = self.producer
        return own is self and self._inside and not (self._asked or self.producerPaused)

    def _settle(self) -> None:
        """Pause what `_crowded` did not: it matters now."""
        if self._owed:
            self._owed = False
            self.producerPaused = True
            self.pauseProducing()

    # What is not plain

    def pauseProducing(self) -> None:
        """Read no more (IPushProducer)."""
        self._settle()
        super().pauseProducing()

    def resumeProducing(self) -> None:
        """Read on (IPushProducer)."""
        self._settle()
        super().resumeProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Register a producer (IConsumer)."""
        if streaming and self.producer is None and not (self.TLS or self.disconnected):
            self.producer = producer  # as below, in fewer steps
            self.streamingProducer = streaming
        elif self.TLS:
            super().registerProducer(producer, streaming)
        else:
            Beneath.registerProducer(self, producer, streaming)

    def unregisterProducer(self) -> None:
        """Forget the producer (IConsumer)."""
        if self._plain and not (self._inside or self.TLS):
            self.producer = None  # as below, in fewer steps
        elif self.TLS:
            super().unregisterProducer()
        else:
            Beneath.unregisterProducer(self)

    def loseConnection(self) -> None:
        """Close when all is sent (ITransport)."""
        if self.TLS:
            super().loseConnection()
        else:
            Beneath.loseConnection(self)

    def loseWriteConnection(self) -> None:
        """Close our half when all is sent (IHalfCloseableDescriptor)."""
        self._settle()
        self._plain = False
        super().loseWriteConnection()

    def abortConnection(self) -> None:
        """Cut it, whatever waits (IAbortingTransport)."""
        self._plain = False
        super().abortConnection()

    def startTLS(self, ctx: Any, normal: bool = True) -> None:
        """Speak TLS from here on (ITLSTransport)."""
        from twisted.internet import _newtls  # not there without pyOpenSSL

        _newtls.startTLS(self, ctx, normal, Beneath)

    def connectionLost(self, reason: Failure) -> None:
        """Tell the protocol that this was the end; then the guard."""
        self._plain = False
        guard, self.guard = self.guard, None
        try:
            self._lose(reason)
        except BaseException:
            if guard is None:
                raise
            guard.crashed()
        finally:
            if guard is not None:
                guard.ended()

    def _lose(self, reason: Failure) -> None:
        super().connectionLost(reason)

    def readConnectionLost(self, reason: Failure) -> None:
        """Pass on that the peer has closed its half, and close at once if that was all."""
        knows = IHalfCloseableProtocol.providedBy(self.protocol)
        if not knows and (self.guard is None or self.TLS):
            self.connectionLost(reason)
            return
        self._heard_all = True
        try:
            if knows:
                self.protocol.readConnectionLost()  # type: ignore[attr-defined]
            else:
                self.loseConnection()  # who knows nothing of half-closes may still finish writing
        except BaseException:
            if self.guard is not None:
                self.guard.crashed()
            else:  # as Twisted does
                log.err()
                self.connectionLost(Failure())
        finally:
            self._heard_all = False
        if self.disconnecting and self.connected:
            if not (self._tempDataBuffer or self.dataBuffer or self.producer or self._broken):
                self.connectionLost(reason)
            elif not self._asked:
                self.stopReading()  # it may have been resumed
                self.startWriting()

    def attend(
        self, guard: Any, counters: DoorCounters, queue_limit: int | None, waits: bool = False
    ) -> None:
        """Let somebody stand beside this connection; see the class.

        :param waits: whether he asks when the first message is `answered`.
        """
        self.guard, self.counters, self.queue_limit = guard, counters, queue_limit
        self._unanswered = SILENT if waits else ANSWERED

    @property
    def answered(self) -> bool:
        """Whether anything was sent for what the peer has said, and not as a greeting before it."""
        return self._unanswered < 0

    def _answered(self, count: int) -> None:
        if self._unanswered != SILENT:
            self._unanswered = max(self._unanswered - count, ANSWERED)

    def passed(self, count: int) -> None:
        """Count what the kernel sent from a file."""
        self.counters.sent += count
        if self._unanswered >= 0:
            self._answered(count)
        self.stirred = True

    def _judge(self) -> None:
        """Set the flag."""
        closing = self.disconnecting or self._writeDisconnecting or self._aborting
        pulls = self.producer is not None and not self.streamingProducer
        self._plain = bool(self.connected) and not closing and not pulls


class Beneath:
    """The connection itself, whether or not there is TLS above it: what TLS writes to."""

    @staticmethod
    def write(connection: FastStream, data: bytes) -> None:
        """Send some bytes soon."""
        if not connection._plain or not isinstance(data, bytes):
            FileDescriptor.write(connection, data)
        elif data:
            connection._tempDataBuffer.append(data)
            connection._tempDataLen = waiting = connection._tempDataLen + len(data)
            if not (connection._inside or connection._asked):
                connection.startWriting()
            if waiting + len(connection.dataBuffer) > connection.bufferSize:
                connection._crowded()

    @staticmethod
    def writeSequence(connection: FastStream, iovec: Any) -> None:
        """Send some bytes soon."""
        if connection._plain and all(isinstance(each, bytes) for each in iovec):
            Beneath.write(connection, b"".join(iovec))  # as one: it has the same bounds
        else:
            connection._settle()
            FileDescriptor.writeSequence(connection, iovec)

    @staticmethod
    def registerProducer(connection: FastStream, producer: Any, streaming: bool) -> None:
        """Register a producer; one that pulls waits until what was written before has left."""
        if not streaming and connection.producer is None:  # else it fails, and nothing changes
            connection._plain = False
            if connection._tempDataBuffer and not connection._asked:
                connection.startWriting()
        FileDescriptor.registerProducer(connection, producer, streaming)

    @staticmethod
    def unregisterProducer(connection: FastStream) -> None:
        """Forget the producer."""
        if connection._inside:
            connection._settle()
        FileDescriptor.unregisterProducer(connection)
        if not connection._plain:
            connection._judge()

    @staticmethod
    def loseConnection(connection: FastStream) -> None:
        """Close when all is sent."""
        if connection._heard_all and connection.connected and not connection._writeDisconnected:
            connection._plain = False
            connection.disconnecting = 1  # nobody reads; `readConnectionLost` will see to the rest
            return
        if connection._inside:
            connection._settle()
        connection._plain = False
        FileDescriptor.loseConnection(connection)
