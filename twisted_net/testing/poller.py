"""Which sockets a process watches, and the turns in which it serves those that are ready."""

import sys
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.error import ConnectionFdescWentAway
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.logger import Logger
from twisted.python.log import callWithLogger

from twisted_net.testing.kernel.sockets import SimSocket
from twisted_net.testing.kernel.udp import UdpSocket

if TYPE_CHECKING:
    from twisted_net.testing.reactor import SimReactor


class Process(Protocol):
    """What a poller needs of its host."""

    alive: bool

    def soon(self, call: Any, argument: Any) -> None:
        """Call something as the process's own code: as an event of its own, when it runs."""

    def turn_soon(self, turn: Any) -> None:
        """Call something as the process's next turn."""

    def serving_order(self, count: int) -> list[int]:
        """Return the order in which to serve so many sockets that are ready at once."""

    def oversleep(self, sock: SimSocket) -> int:
        """Return the nanoseconds by which a reader is woken late."""

    def after(self, delay: int, call: Any, argument: Any) -> None:
        """Call something after so many nanoseconds, whatever the process does meanwhile."""


class Poller:
    """The readiness of one process's sockets: level-triggered, in the order of becoming ready.

    :param epoll: behave as Twisted's epoll and poll reactors do where these differ from select.
    """

    log = Logger()

    def __init__(self, reactor: "SimReactor", process: Process, epoll: bool) -> None:
        self._disconnect: Any = reactor._disconnectSelectable
        self._process = process
        self._epoll = epoll
        self.readers: dict[Any, SimSocket] = {}
        self.writers: dict[Any, SimSocket] = {}
        self._ready: dict[SimSocket, None] = {}
        self._asleep: dict[SimSocket, None] = {}
        self._turn_comes = False

    def add_reader(self, selectable: Any) -> None:
        """Watch for something to read."""
        if selectable not in self.readers:
            sock = self.readers[selectable] = _socket_of(selectable)
            sock.reader = selectable
            self.check(sock)

    def add_writer(self, selectable: Any) -> None:
        """Watch for room to write."""
        if selectable not in self.writers:
            sock = self.writers[selectable] = _socket_of(selectable)
            sock.writer = selectable
            self.check(sock)

    def remove_reader(self, selectable: Any) -> None:
        """Watch no more; what was not watched does not matter."""
        sock = self.readers.pop(selectable, None)
        if sock is not None:
            sock.reader = None

    def remove_writer(self, selectable: Any) -> None:
        """Watch no more; what was not watched does not matter."""
        sock = self.writers.pop(selectable, None)
        if sock is not None:
            sock.writer = None

    def remove_all(self) -> list[Any]:
        """Watch nothing any more; return what was watched, each once."""
        watched = list({**self.readers, **self.writers})
        for selectable in watched:
            self.remove_reader(selectable)
            self.remove_writer(selectable)
        return watched

    def woken(self, sock: SimSocket) -> None:
        """Hear from the kernel that a socket may be ready; oversleep, if the dice say so."""
        if sock in self._ready or sock in self._asleep:
            return
        if sock.reader is not None and sock.readable:
            late = self._process.oversleep(sock)
            if late:
                self._asleep[sock] = None
                self._process.after(late, self._wake, sock)
            else:
                self._serve_soon(sock)
        else:
            self.check(sock)

    def check(self, sock: SimSocket) -> None:
        """See to it that a socket is served if it is ready."""
        if sock in self._ready or sock in self._asleep:
            return
        if (sock.reader is not None and sock.readable) or (
            sock.writer is not None and sock.writable
        ):
            self._serve_soon(sock)

    def _serve_soon(self, sock: SimSocket) -> None:
        self._ready[sock] = None
        if not self._turn_comes:
            self._turn_comes = True
            self._process.turn_soon(self._turn)

    def _wake(self, sock: SimSocket) -> None:
        self._asleep.pop(sock, None)
        self.check(sock)

    def _turn(self, _: object) -> None:
        """Serve all that are ready now; what becomes ready meanwhile has its turn later."""
        ready = list(self._ready)
        self._ready.clear()
        self._turn_comes = False
        if len(ready) > 1:
            ready = [ready[at] for at in self._process.serving_order(len(ready))]
        for sock in ready:
            if self._process.alive:
                self._serve(sock)
                self.check(sock)

    def _serve(self, sock: SimSocket) -> None:
        reader, writer = sock.reader, sock.writer
        if writer is not None and not sock.writable:
            writer = None
        if reader is not None and sock.readable:
            both = writer is reader
            callWithLogger(reader, self._read_write, reader, sock, True, both)
            if both:
                return
        if writer is not None and sock.writer is writer:
            callWithLogger(writer, self._read_write, writer, sock, False, True)

    def _read_write(self, selectable: Any, sock: SimSocket, read: bool, write: bool) -> None:
        """Let a selectable work, and disconnect it when it says so, as Twisted's pollers do."""
        why: Any = None
        reading = False
        try:
            if selectable.fileno() == -1:
                why = NO_FILE_DESCRIPTOR
            elif self._epoll and _only_error(sock):
                reading = sock.reader is not None
                why = CONNECTION_DONE if reading else CONNECTION_LOST
            else:
                if read:
                    why = selectable.doRead()
                    reading = True
                if not why and write:
                    why = selectable.doWrite()
                    reading = False
        except Exception:
            if not self._process.alive:
                return  # killed by what it read, it wanted to read on; nobody is there to fail
            why = sys.exc_info()[1]
            self.log.failure("while serving a socket")
        if why:
            self._disconnect(selectable, why, reading)


#: What Twisted's pollers report of a selectable whose descriptor is gone.
NO_FILE_DESCRIPTOR = ConnectionFdescWentAway("File descriptor lost")


def _socket_of(selectable: Any) -> SimSocket:
    sock = getattr(selectable, "socket", None)
    if not isinstance(sock, SimSocket):
        raise TypeError(f"a simulated reactor watches simulated sockets only, not {selectable!r}")
    return sock


def _only_error(sock: SimSocket) -> bool:
    """Say whether epoll would report EPOLLERR without EPOLLIN: a refused datagram, no other."""
    return isinstance(sock, UdpSocket) and sock.error != 0 and not sock.has_datagrams
