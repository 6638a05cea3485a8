"""The lean reactor: Twisted's epoll reactor with fewer steps between the kernel and a protocol.

What differs (design/transport.md, 3.1):

* A socket that is only readable is read at once, one that is only writable written to, in the
  logging context of the whole main loop, which works out whose turn it is when somebody asks.
* A connection that asks to write gets one ``doWrite`` before the reactor sleeps; epoll hears of
  those only that could not finish. It is the reactor that calls it, never ``write``.
* Timers and calls from threads are looked after in those turns only in which there are any.
* It may go on looking for a while before it sleeps: `LeanReactor.spin`.

Importing this fails with ImportError where there is no epoll; see `installing`.
"""

import sys
from threading import get_ident
from time import monotonic
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionFdescWentAway
from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.tcp import Connection
from twisted.logger import Logger
from twisted.python import context, log

from twisted_net.net.fast import private

#: The events that are served without a detour if they come alone, EPOLLIN and EPOLLOUT
#: (linux/eventpoll.h), and how many events are taken from the kernel at a time: more wait, and are
#: served in turn.
READABLE, WRITABLE = 1, 4
EVENTS = 512

#: The longest sleep that epoll takes: milliseconds in a C int (epoll_wait(2)).
LONGEST = 2147483.0

_GONE = ConnectionFdescWentAway("File descriptor lost")


class Owner(dict[str, Any]):
    """The logging context of a main loop: its ``system`` is worked out when somebody logs.

    :ivar selectable: whose code runs; None: the reactor's own.
    """

    def __init__(self, around: dict[str, Any]) -> None:
        super().__init__(around)
        self.selectable: Any = None
        self._thread = get_ident()

    def copy(self) -> dict[str, Any]:
        """Return what a logger adds to its events."""
        copied = dict(self)
        selectable = self.selectable
        if selectable is not None and get_ident() == self._thread:  # a pool's thread has no owner
            try:
                copied["system"] = selectable.logPrefix()
            except Exception:
                copied["system"] = "(buggy logPrefix method)"
        return copied

    def __getitem__(self, name: str) -> Any:
        return self.copy()[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return one value."""
        return self.copy().get(name, default)


class LeanReactor(EPollReactor):
    """Twisted's epoll reactor, leaner.

    :ivar lets_write: whether those who ask to write are let before it sleeps, at no cost.
    :ivar spin: seconds for which to look for events, over and over, before going to sleep: answers
        come sooner, and a core is always busy. 0.0: not at all.
    """

    log = Logger()
    lets_write = True
    spin = 0.0

    def __init__(self) -> None:
        #: Who asked to write, and was not let yet; in order.
        self._asked: dict[Any, None] = {}
        self._owner = Owner({"system": "-"})
        super().__init__()
        private.need(self, private.REACTOR)

    # What is watched

    def addReader(self, reader: IReadDescriptor) -> None:
        """Watch a descriptor (IReactorFDSet); by the shortest way what is new, as most are."""
        fd = reader.fileno()
        if fd in self._reads:
            return
        if fd in self._writes:
            super().addReader(reader)
            return
        try:
            self._poller.register(fd, READABLE)
        except OSError:
            super().addReader(reader)  # which knows what epoll does not watch
        else:
            self._reads.add(fd)
            self._selectables[fd] = reader

    def addWriter(self, writer: IWriteDescriptor) -> None:
        """Let a connection write before the next sleep; watch anything else (IReactorFDSet)."""
        if isinstance(writer, Connection) and writer.connected:
            if writer not in self._asked and writer.fileno() not in self._writes:
                self._asked[writer] = None
        else:
            super().addWriter(writer)

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        """Watch no more (IReactorFDSet)."""
        if writer in self._asked:
            del self._asked[writer]
        else:
            super().removeWriter(writer)

    def removeReader(self, reader: IReadDescriptor) -> None:
        """Watch no more (IReactorFDSet); by the shortest way what is only read, as most are."""
        fd = reader.fileno()
        if fd not in self._reads:
            if fd == -1 or self._continuousPolling.isReading(reader):
                super().removeReader(reader)
        elif fd in self._writes:
            super().removeReader(reader)
        else:
            del self._selectables[fd]
            self._poller.unregister(fd)
            self._reads.remove(fd)

    def removeAll(self) -> list[IReadDescriptor | IWriteDescriptor]:
        """Watch nothing any more; return what was watched, each once (IReactorFDSet)."""
        asked: list[Any] = list(self._asked)
        self._asked.clear()
        removed: list[Any] = super().removeAll()
        return list(dict.fromkeys(removed + asked))

    def getWriters(self) -> list[IWriteDescriptor]:
        """Return who waits to write (IReactorFDSet)."""
        writers: list[Any] = super().getWriters()
        return writers + list(self._asked)

    # Turns

    def mainLoop(self) -> None:
        """Run until stopped."""
        self._owner = Owner(context.get(log.ILogContext))
        context.call({log.ILogContext: self._owner}, self._turns)
        self.log.info("Main loop terminated.")

    def iterate(self, delay: float = 0.0) -> None:
        """Take one turn (IReactorCore)."""
        self._owner = Owner(context.get(log.ILogContext))
        context.call({log.ILogContext: self._owner}, super().iterate, delay)

    def _turns(self) -> None:
        handled = self.log.failureHandler("Unexpected error in main loop")
        while self._started:
            with handled:
                while self._started:
                    self._turn()

    def _turn(self) -> None:
        """Do what is due, then wait for the next event or timer, and serve it."""
        if self.threadCallQueue or self._newTimedCalls or self._justStopped:
            self.runUntilCurrent()
            wait = self.timeout()
        elif self._pendingTimedCalls:
            wait = self._pendingTimedCalls[0].time - self.seconds()
            if wait <= 0:
                self.runUntilCurrent()
                wait = self.timeout()
            elif wait > LONGEST:
                wait = LONGEST
        else:
            wait = None
        self.doPoll(wait if self.running else 0)

    def doPoll(self, timeout: float | None) -> None:
        """Let those write who asked to; then wait for events, and serve them.

        :param timeout: how long to wait, in seconds; None: until there is one.
        """
        if self._asked:
            timeout = self._let_write(timeout)
        if self.spin and timeout != 0:
            events = self._look_out(timeout)
        else:
            events = self._poller.poll(timeout, EVENTS)
        selectables, owner = self._selectables, self._owner
        for fd, event in events:
            selectable = selectables.get(fd)
            if selectable is None:
                continue  # removed by one that was served before it
            reads = event == READABLE
            if not reads and event != WRITABLE:
                log.callWithLogger(selectable, self._doReadOrWrite, selectable, fd, event)
                continue
            owner.selectable = selectable
            try:
                if selectable.fileno() == -1:
                    why: Any = _GONE
                else:
                    why = selectable.doRead() if reads else selectable.doWrite()
            except BaseException:  # as Twisted does: whatever it was, it ends the connection
                why = sys.exc_info()[1]
                log.err()
            if why:
                try:
                    self._disconnectSelectable(selectable, why, reads)
                except Exception:  # from connectionLost, say; as Twisted does
                    log.err()
        owner.selectable = None

    doIteration = doPoll

    def _look_out(self, timeout: float | None) -> Any:
        """Look for events for `spin` seconds; only then sleep."""
        spin = self.spin if timeout is None else min(self.spin, timeout)
        until = monotonic() + spin
        while monotonic() < until:
            events = self._poller.poll(0, EVENTS)
            if events:
                return events
        return self._poller.poll(timeout if timeout is None else timeout - spin, EVENTS)

    # Writing

    def _let_write(self, timeout: float | None) -> float | None:
        """Give everyone who asked to write one chance; return how long the reactor may sleep."""
        running = self._started
        for writer in list(self._asked):
            if writer in self._asked:  # or one before it has ended it
                self._owner.selectable = writer
                try:
                    self._write_once(writer)
                except Exception:  # from connectionLost, say; as Twisted does
                    log.err()
        self._owner.selectable = None
        if self._asked or self._justStopped or self._started is not running:
            return 0  # one made another write, or the reactor stop
        soonest = self.timeout()  # what was written may have made timers
        if timeout is None or soonest is None:
            return soonest if timeout is None else timeout
        return min(timeout, soonest)

    def _write_once(self, writer: Any) -> None:
        try:
            why = writer.doWrite()
            if not why and writer in self._asked:
                # Not all went, or a producer wrote more: the kernel says when there is room.
                del self._asked[writer]
                super().addWriter(writer)
            if why is CONNECTION_LOST and writer.fileno() in self._reads:
                # What came before a reset is still to be read; stock, which reads first, does.
                writer.doRead()
        except BaseException:  # as Twisted does: whatever it was, it ends the connection
            why = sys.exc_info()[1]
            log.err()
        if why:
            self._disconnectSelectable(writer, why, False)
