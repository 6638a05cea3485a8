"""The stack itself: which socket has which port, and which packet is for which socket."""

import errno
import socket
from collections.abc import Iterator
from typing import Literal

from twisted_net.testing.addresses import ANY, Reach, reach
from twisted_net.testing.kernel.sockets import Address, SimSocket, oserror
from twisted_net.testing.kernel.tcp.connection import Connection
from twisted_net.testing.kernel.tcp.sockets import TcpSocket
from twisted_net.testing.kernel.udp import UdpSocket
from twisted_net.testing.kernel.world import World
from twisted_net.testing.packets import ACK, RST, SYN, Packet

#: Ports handed out to sockets that ask for none in particular (RFC 6335, 6).
EPHEMERAL = range(49_152, 65_536)

#: Both ends of a connection: ours, the peer's.
Pair = tuple[str, int, str, int]

Congestion = Literal["reno", "none"]


class Stack:
    """All the sockets and connections of one host.

    :param sndbuf: bytes that a TCP socket holds until they are acknowledged.
    :param rcvbuf: bytes that a TCP socket holds until they are read.
    :ivar connections: by pair; those whose socket is closed already are among them.
    :ivar limit: sockets that may be open at one time; None: any number.
    """

    def __init__(
        self,
        world: World,
        sndbuf: int = 65_536,
        rcvbuf: int = 65_536,
        congestion: Congestion = "reno",
    ) -> None:
        self.world = world
        self.sndbuf = sndbuf
        self.rcvbuf = rcvbuf
        self.congestion: Congestion = congestion
        self.connections: dict[Pair, Connection] = {}
        self.limit: int | None = None
        self._open: dict[SimSocket, None] = {}
        self._bound: dict[tuple[int, int], list[SimSocket]] = {}
        self._ports: dict[int, int] = {}  # how many connections each local port has
        self._next: dict[int, int] = {socket.SOCK_STREAM: 0, socket.SOCK_DGRAM: 0}

    def socket(self, family: int, kind: int) -> SimSocket:
        """Make a socket.

        :raises OSError: EMFILE, there are as many as may be.
        """
        self.check_limit()
        if kind == socket.SOCK_DGRAM:
            return self.opened(UdpSocket(self, family))
        return self.opened(TcpSocket(self, family))

    def opened(self, sock: SimSocket) -> SimSocket:
        """Count a new socket in."""
        self._open[sock] = None
        return sock

    def check_limit(self) -> None:
        """Fail with EMFILE if no further socket may be opened."""
        if self.limit is not None and len(self._open) >= self.limit:
            raise oserror(errno.EMFILE)

    def forget(self, sock: SimSocket) -> None:
        """Count a closed socket out, and free its port."""
        self._open.pop(sock, None)
        holders = self._bound.get((sock.type, sock.local[1]), [])
        if sock in holders:
            holders.remove(sock)

    def sockets(self) -> Iterator[SimSocket]:
        """Yield the open sockets in the order in which they were made."""
        yield from list(self._open)

    def clear(self) -> None:
        """Forget everything at once and tell nobody: the power is off."""
        for connection in list(self.connections.values()):
            connection.vanish()
        for sock in self.sockets():
            sock.closed = True
        self._open.clear()
        self._bound.clear()

    # Ports

    def enter(self, connection: Connection) -> None:
        """Count a connection in."""
        self.connections[connection.pair] = connection
        self._ports[connection.pair[1]] = self._ports.get(connection.pair[1], 0) + 1

    def leave(self, connection: Connection) -> None:
        """Count a connection out, if it was not before."""
        if self.connections.get(connection.pair) is not connection:
            return
        del self.connections[connection.pair]
        self._ports[connection.pair[1]] -= 1
        if not self._ports[connection.pair[1]]:
            del self._ports[connection.pair[1]]

    def bind(self, sock: SimSocket, local: Address) -> None:
        """Give a socket an address and port.

        :raises OSError: EADDRNOTAVAIL, EADDRINUSE.
        """
        host, port = local
        mine = (*ANY, *self.world.addresses)
        if host not in mine and reach(host) not in (Reach.SELF, Reach.GROUP, Reach.EVERYBODY):
            raise oserror(errno.EADDRNOTAVAIL)
        if port == 0:
            port = self.free_port(sock.type)
        elif self._taken(sock, host, port):
            raise oserror(errno.EADDRINUSE)
        self.hold(sock, (host, port))

    def hold(self, sock: SimSocket, local: Address) -> None:
        """Enter a socket under its port."""
        sock.local = local
        self._bound.setdefault((sock.type, local[1]), []).append(sock)

    def rebind(self, sock: SimSocket, local: Address) -> None:
        """Narrow a socket bound to every address to one of them."""
        sock.local = local

    def free_port(self, kind: int) -> int:
        """Return the next ephemeral port that nobody uses.

        :raises OSError: EADDRINUSE, there is none.
        """
        for _ in EPHEMERAL:
            port = EPHEMERAL[self._next[kind] % len(EPHEMERAL)]
            self._next[kind] += 1
            if not self._bound.get((kind, port)) and (
                kind == socket.SOCK_DGRAM or port not in self._ports
            ):
                return port
        raise oserror(errno.EADDRINUSE)

    def _taken(self, sock: SimSocket, host: str, port: int) -> bool:
        for other in self._bound.get((sock.type, port), ()):
            if _overlap(host, other.local[0]) and not _share(sock, other):
                return True
        if sock.type == socket.SOCK_DGRAM or sock.option(socket.SO_REUSEADDR):
            return False
        if port not in self._ports:
            return False
        return any(
            local == port and _overlap(host, address) for address, local, _, _ in self.connections
        )

    # Packets

    def deliver(self, packet: Packet) -> None:
        """Take a packet that arrived at this host."""
        if packet.protocol == "udp":
            self._deliver_datagram(packet)
        elif packet.protocol == "icmp":
            self._deliver_refusal(packet)
        else:
            self._deliver_segment(packet)

    def _deliver_datagram(self, packet: Packet) -> None:
        fitting = [
            sock
            for sock in self._bound.get((socket.SOCK_DGRAM, packet.dport), ())
            if isinstance(sock, UdpSocket) and _hears(sock, packet)
        ]
        whom = reach(packet.dst)
        if whom is Reach.GROUP:
            if any(packet.dst in sock.groups for sock in self._datagram_sockets()):
                for sock in fitting:
                    sock.arrived(packet)
        elif whom is Reach.EVERYBODY:
            for sock in fitting:
                sock.arrived(packet)
        elif len(fitting) == 1:  # as nearly always
            fitting[0].arrived(packet)
        elif fitting:
            max(fitting, key=_closeness).arrived(packet)
        else:
            self._refuse(packet)

    def _datagram_sockets(self) -> Iterator[UdpSocket]:
        return (sock for sock in self._open if isinstance(sock, UdpSocket))

    def _refuse(self, packet: Packet) -> None:
        """Answer that nobody listens at the port (RFC 1122, 4.1.3.1)."""
        flow = self.world.flow("icmp", packet.dst, packet.dport, packet.src, packet.sport)
        self.world.transmit(
            Packet("icmp", packet.dst, packet.dport, packet.src, packet.sport, flow)
        )

    def _deliver_refusal(self, packet: Packet) -> None:
        for sock in list(self._bound.get((socket.SOCK_DGRAM, packet.dport), ())):
            if isinstance(sock, UdpSocket) and sock.peer == (packet.src, packet.sport):
                sock.refused()

    def _deliver_segment(self, packet: Packet) -> None:
        pair = (packet.dst, packet.dport, packet.src, packet.sport)
        connection = self.connections.get(pair)
        if connection is not None and not connection.yields_to(packet):
            connection.arrived(packet)
            return
        listener = self._listener(packet)
        if listener is not None and packet.flags & (SYN | ACK | RST) == SYN:
            if connection is not None:
                connection.vanish()
            listener.called(packet)
        elif not packet.flags & RST:
            self.reset(packet)

    def _listener(self, packet: Packet) -> TcpSocket | None:
        fitting = [
            sock
            for sock in self._bound.get((socket.SOCK_STREAM, packet.dport), ())
            if isinstance(sock, TcpSocket) and sock.listening and _hears(sock, packet)
        ]
        return max(fitting, key=_closeness) if fitting else None

    def reset(self, packet: Packet) -> None:
        """Answer a segment that belongs to nothing here (RFC 9293, 3.10.7.1)."""
        flow = self.world.flow("tcp", packet.dst, packet.dport, packet.src, packet.sport)
        flags, seq, ack = RST, packet.ack, 0
        if not packet.flags & ACK:
            flags, seq = RST | ACK, 0
            ack = packet.seq + len(packet.payload) + bool(packet.flags & SYN)
        ends = packet.dst, packet.dport, packet.src, packet.sport
        self.world.transmit(Packet("tcp", *ends, flow, b"", flags, seq, ack))


def _overlap(one: str, other: str) -> bool:
    if one == other:
        return True
    if (":" in one) == (":" in other):
        return one in ANY or other in ANY
    return "::" in (one, other)  # a socket on "::" hears IPv4 too


def _share(one: SimSocket, other: SimSocket) -> bool:
    if one.option(socket.SO_REUSEPORT) and other.option(socket.SO_REUSEPORT):
        return True
    both = one.option(socket.SO_REUSEADDR) and other.option(socket.SO_REUSEADDR)
    return both and not (isinstance(other, TcpSocket) and other.listening)


def _hears(sock: SimSocket, packet: Packet) -> bool:
    host = sock.local[0]
    if sock.peer is not None and sock.peer != (packet.src, packet.sport):
        return False
    if host == packet.dst:
        return True
    if host == "::":
        return True
    return host == "0.0.0.0" and ":" not in packet.dst  # noqa: S104 - a thing to recognise


def _closeness(sock: SimSocket) -> tuple[bool, bool, bool]:
    """Rank the sockets that could take a packet: connected, then bound to its very address."""
    return sock.peer is not None, sock.local[0] not in ANY, sock.local[0] != "::"
