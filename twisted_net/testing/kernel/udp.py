"""UDP sockets: datagrams, groups, broadcast, and refusals (RFC 768, RFC 1112)."""

import errno
import socket
from collections import deque
from typing import TYPE_CHECKING, Any

from twisted_net.testing.addresses import Reach, reach
from twisted_net.testing.kernel.sockets import Address, Name, SimSocket, oserror
from twisted_net.testing.packets import LARGEST_DATAGRAM, Packet

if TYPE_CHECKING:
    from twisted_net.testing.kernel.stack import Stack

#: Bytes of datagrams that wait to be read; Linux's net.core.rmem_default.
RECEIVE_BUFFER = 212_992

#: What a datagram counts beyond its payload towards the buffer, roughly as in Linux.
OVERHEAD = 256

_MANY = (Reach.GROUP, Reach.EVERYBODY)

_JOIN = {
    (socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP): True,
    (socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP): False,
    (socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP): True,
    (socket.IPPROTO_IPV6, socket.IPV6_LEAVE_GROUP): False,
}


class UdpSocket(SimSocket):
    """A datagram socket.

    :ivar groups: the multicast groups it joined, in order.
    :ivar dropped: datagrams that found no room in the receive buffer.
    """

    type = socket.SOCK_DGRAM

    def __init__(self, stack: "Stack", family: int) -> None:
        super().__init__(stack, family)
        self.groups: dict[str, None] = {}
        self.dropped = 0
        self._waiting: deque[tuple[bytes, Address]] = deque()
        self._held = 0

    @property
    def readable(self) -> bool:
        """Whether a datagram or an error waits."""
        return bool(self._waiting) or self.error != 0

    @property
    def writable(self) -> bool:
        """Always: a datagram goes out or is lost, but never waits."""
        return True

    @property
    def queues(self) -> tuple[int, int]:
        """Bytes that wait to be read; nothing waits to be sent."""
        return self._held, 0

    @property
    def has_datagrams(self) -> bool:
        """Whether something waits besides an error."""
        return bool(self._waiting)

    def connect(self, name: Name) -> None:
        """Speak to one address, and hear only it."""
        self._check_open()
        peer = self.parse(name[0]), name[1]
        source = self.source(peer[0])
        if not self.bound:
            self.stack.bind(self, (source, 0))
        elif self.local[0] != source:
            self.stack.rebind(self, (source, self.local[1]))
        self.peer = peer

    def send(self, data: Any) -> int:
        """Send a datagram to the address connected to."""
        self._check_open()
        if self.peer is None:
            raise oserror(errno.EDESTADDRREQ)
        return self._send(bytes(data), self.peer)

    def sendto(self, data: Any, name: Name) -> int:
        """Send a datagram to an address."""
        if self.closed:
            raise oserror(errno.EBADF)
        return self._send(bytes(data), (self.parse(name[0]), name[1]))

    def _send(self, data: bytes, to: Address) -> int:
        if self.error:
            raise oserror(self.take_error())
        if len(data) > LARGEST_DATAGRAM:
            raise oserror(errno.EMSGSIZE)
        if not 0 < to[1] <= 65_535:
            raise oserror(errno.EINVAL)
        whom = reach(to[0])
        if whom is Reach.EVERYBODY and not self.option(socket.SO_BROADCAST):
            raise oserror(errno.EACCES)
        source = self.source(to[0])
        if not self.local[1]:
            self.stack.bind(self, self.local)
        world = self.stack.world
        flow = world.flow("udp", source, self.local[1], *to)
        packet = Packet("udp", source, self.local[1], *to, flow, data)
        if whom in _MANY:
            world.spread(packet, to_self=whom is Reach.EVERYBODY or self._loops)
        else:
            world.transmit(packet)
        return len(data)

    @property
    def _loops(self) -> bool:
        """Whether this host's own members of a group hear what the socket sends to it."""
        if self.version == 4:
            return self.option(socket.IP_MULTICAST_LOOP, socket.IPPROTO_IP)
        return self.option(socket.IPV6_MULTICAST_LOOP, socket.IPPROTO_IPV6)

    def recvfrom(self, size: int) -> tuple[bytes, Name]:
        """Return the next datagram, cut at ``size`` bytes, and who sent it."""
        if self.closed:
            raise oserror(errno.EBADF)
        if self.error:
            raise oserror(self.take_error())
        if not self._waiting:
            raise oserror(errno.EWOULDBLOCK)
        data, sender = self._waiting.popleft()
        self._held -= len(data) + OVERHEAD
        return data[:size], sender if self.version == 4 else self.name(sender)

    def recv(self, size: int) -> bytes:
        """Return the next datagram, cut at ``size`` bytes."""
        return self.recvfrom(size)[0]

    def arrived(self, packet: Packet) -> None:
        """Take a datagram from the network; without room it is lost."""
        held = self._held + len(packet.payload) + OVERHEAD
        if held > RECEIVE_BUFFER:
            self.dropped += 1
            return
        self._held = held
        self._waiting.append((packet.payload, (packet.src, packet.sport)))
        self.stack.world.woken(self)

    def refused(self) -> None:
        """Learn that nobody listens where we are connected to (RFC 1122, 4.1.3.3)."""
        self.error = errno.ECONNREFUSED
        self.stack.world.woken(self)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set an option; membership of a group is one."""
        join = _JOIN.get((level, option))
        if join is None:
            super().setsockopt(level, option, value)
            return
        self._check_open()
        group = self._group(value)
        if join and group in self.groups:
            raise oserror(errno.EADDRINUSE)
        if not join and group not in self.groups:
            raise oserror(errno.EADDRNOTAVAIL)
        if join:
            self.groups[group] = None
        else:
            del self.groups[group]

    def _group(self, value: int | bytes) -> str:
        size = 4 if self.version == 4 else 16
        if not isinstance(value, bytes) or len(value) < size:
            raise oserror(errno.EINVAL)
        group = socket.inet_ntop(self.family, value[:size])
        if reach(group) is not Reach.GROUP:
            raise oserror(errno.EINVAL)
        return group

    def shutdown(self, how: int) -> None:
        """Fail as on Linux where it is not connected; else there is nothing to shut."""
        if self.peer is None:
            raise oserror(errno.ENOTCONN)

    def close(self) -> None:
        """Stop listening and leave all groups."""
        if not self.closed:
            self.closed = True
            self.groups.clear()
            self._waiting.clear()
            self.stack.forget(self)
