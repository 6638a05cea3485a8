"""TCP sockets: what an application holds of a listener or a connection."""

import errno
import socket
from collections import deque
from typing import TYPE_CHECKING, Any

from twisted_net.testing.kernel.sockets import Address, Name, SimSocket, oserror
from twisted_net.testing.kernel.tcp.connection import Connection
from twisted_net.testing.kernel.tcp.states import OPENING, WRITING, State
from twisted_net.testing.packets import Packet

if TYPE_CHECKING:
    from twisted_net.testing.kernel.stack import Stack

#: The largest backlog that ``listen`` takes; Linux's net.core.somaxconn.
SOMAXCONN = 4_096


class TcpSocket(SimSocket):
    """A stream socket.

    :ivar listening: whether it accepts connections.
    :ivar connection: what it is an end of; None: nothing yet.
    """

    type = socket.SOCK_STREAM

    def __init__(self, stack: "Stack", family: int) -> None:
        super().__init__(stack, family)
        self.listening = False
        self.connection: Connection | None = None
        self._backlog = 0
        self._coming: dict[Connection, None] = {}
        self._queue: deque[Connection] = deque()
        self._told_connected = False

    @property
    def readable(self) -> bool:
        """Whether a read, or an accept, would not block."""
        if self.listening:
            return bool(self._queue)
        if self.error:
            return True
        connection = self.connection
        if connection is None or connection.state in OPENING:
            return False
        return (
            connection.receiver.available > 0
            or connection.receiver.ended
            or connection.state is State.CLOSED
            or connection.deaf
        )

    @property
    def writable(self) -> bool:
        """Whether a third of the send buffer is free, or a write would fail."""
        connection = self.connection
        if self.error:
            return True
        if connection is None or connection.state in OPENING:
            return False
        if connection.state not in WRITING:
            return True
        return 3 * connection.sender.waiting <= 2 * connection.sender.size

    @property
    def state_name(self) -> str:
        """What ``netstat`` calls its state."""
        if self.listening:
            return "LISTEN"
        return self.connection.state.name if self.connection is not None else "CLOSED"

    @property
    def queues(self) -> tuple[int, int]:
        """Bytes received and not read, bytes written and not acknowledged."""
        if self.listening:
            return len(self._queue), self._backlog
        if self.connection is None:
            return 0, 0
        return self.connection.receiver.available, self.connection.sender.waiting

    # Listening

    def listen(self, backlog: int = 128) -> None:
        """Let others connect."""
        self._check_open()
        if not self.bound:
            self.stack.bind(self, self.local)
        self.listening = True
        self._backlog = min(max(backlog, 0), SOMAXCONN)

    def accept(self) -> tuple["TcpSocket", Name]:
        """Return the next connection and who it is from."""
        self._check_open()
        if not self.listening:
            raise oserror(errno.EINVAL)
        if not self._queue:
            raise oserror(errno.EWOULDBLOCK)
        self.stack.check_limit()
        connection = self._queue.popleft()
        connection.listener = None
        sock = TcpSocket(self.stack, self.family)
        sock._options = dict(self._options)
        sock._scope = self._scope
        sock._adopt(connection)
        self.stack.opened(sock)
        return sock, sock.name((connection.pair[2], connection.pair[3]))

    def _adopt(self, connection: Connection) -> None:
        self.connection = connection
        self.local = connection.pair[:2]
        self.peer = connection.pair[2:]
        self._told_connected = True
        self.error = connection.error
        connection.socket = self

    def called(self, packet: Packet) -> None:
        """Answer a SYN; with too many waiting to be accepted, do not."""
        if len(self._queue) > self._backlog:
            return
        connection = Connection(self.stack, (packet.dst, packet.dport, packet.src, packet.sport))
        connection.listener = self
        self._coming[connection] = None
        connection.called(packet)

    def completed(self, connection: Connection) -> None:
        """Learn that a handshake is over."""
        self._coming.pop(connection, None)
        self._queue.append(connection)
        self.stack.world.woken(self)

    def lost(self, connection: Connection) -> None:
        """Learn that a connection broke that was not accepted yet.

        One whose handshake was over stays: it is accepted, and then found broken.
        """
        self._coming.pop(connection, None)

    # Connecting

    def connect_ex(self, name: Name) -> int:
        """Connect, or say how far that is; return the errno instead of raising it."""
        self._check_open()
        if self.error:
            return self.take_error()
        connection = self.connection
        if connection is None:
            if not 0 <= name[1] <= 65_535:
                raise OverflowError("connect_ex(): port must be 0-65535.")
            self.note_scope(name)
            try:
                self._call((self.parse(name[0]), name[1]))
            except OSError as error:
                return int(error.args[0])
            return errno.EINPROGRESS
        if connection.state in OPENING:
            return errno.EALREADY
        if connection.state is State.CLOSED:
            return errno.ECONNABORTED
        told, self._told_connected = self._told_connected, True
        return errno.EISCONN if told else 0

    def connect(self, name: Name) -> None:
        """Connect as `connect_ex` does; raise what that returns."""
        number = self.connect_ex(name)
        if number:
            raise oserror(number)

    def _call(self, peer: Address) -> None:
        if not peer[1]:
            raise oserror(errno.ECONNREFUSED)
        host = self.source(peer[0])
        if not self.bound:
            self.stack.bind(self, (host, 0))
        elif self.local[0] != host:
            self.stack.rebind(self, (host, self.local[1]))
        pair = (*self.local, *peer)
        if pair in self.stack.connections:
            raise oserror(errno.EADDRNOTAVAIL)
        self.peer = peer
        self.connection = Connection(self.stack, pair)
        self.connection.socket = self
        self.connection.sender.nagle = not self.option(socket.TCP_NODELAY, socket.IPPROTO_TCP)
        self.connection.call()

    def broken(self, error: int) -> None:
        """Learn that the connection broke."""
        self.error = error
        self.stack.world.woken(self)

    # Reading and writing

    def send(self, data: Any) -> int:
        """Write what there is room for; return how much that was."""
        self._check_open()
        if self.error:
            raise oserror(self.take_error())
        connection = self.connection
        if connection is None:
            raise oserror(errno.ENOTCONN)
        if connection.state in OPENING:
            raise oserror(errno.EWOULDBLOCK)
        if connection.state not in WRITING:
            raise oserror(errno.EPIPE)
        with memoryview(data) as view:
            taken = connection.write(view)
        if not taken and len(data):
            raise oserror(errno.EWOULDBLOCK)
        return taken

    def recv(self, size: int) -> bytes:
        """Return what arrived, b"" at the end of the stream.

        What arrived before a reset can still be read; then the reset is reported.
        """
        self._check_open()
        connection = self.connection
        if connection is not None and (available := connection.receiver.available):
            return connection.read(self._read_size(connection, min(size, available)))
        if connection is not None and connection.receiver.ended:
            return b""  # Linux: an end that arrived hides a reset that came after it
        if self.error:
            raise oserror(self.take_error())
        if connection is None:
            raise oserror(errno.ENOTCONN)
        if connection.state in OPENING:
            raise oserror(errno.EWOULDBLOCK)
        if connection.state is State.CLOSED or connection.deaf:
            return b""
        raise oserror(errno.EWOULDBLOCK)

    def _read_size(self, connection: Connection, available: int) -> int:
        return self.stack.world.read_size(connection.flow, available)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set an option; TCP_NODELAY acts at once."""
        super().setsockopt(level, option, value)
        if (level, option) == (socket.IPPROTO_TCP, socket.TCP_NODELAY) and self.connection:
            self.connection.sender.nagle = not value

    def shutdown(self, how: int) -> None:
        """Stop reading, writing, or both."""
        self._check_open()
        connection = self.connection
        if connection is None or connection.state in (*OPENING, State.CLOSED):
            raise oserror(errno.ENOTCONN)
        if how != socket.SHUT_WR:
            connection.deaf = True
        if how != socket.SHUT_RD:
            connection.shut()

    def close(self) -> None:
        """Give the socket back; the connection ends by itself."""
        if self.closed:
            return
        self.closed = True
        self.stack.forget(self)
        for waiting in [*self._coming, *self._queue]:
            waiting.listener = None
            waiting.abort()
        self._coming.clear()
        self._queue.clear()
        if self.connection is not None:
            self.connection.leave(abruptly=self.resets)
