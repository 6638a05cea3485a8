"""Which of a machine's addresses was asked: answers have to come from there (RFC 1123, 4.2.3.5).

A door that listens on all addresses learns it from the kernel (``IP_PKTINFO``, ip(7); RFC 3542 for
IPv6), which has to be asked with every datagram. It also tells what was sent to everybody: a
broadcast request is to be ignored (RFC 1123, 4.2.3.4).
"""

import contextlib
import ipaddress
import socket
import struct
from typing import Any

from twisted_net.files.tftp.reading import Reader, real_socket
from twisted_net.net.counters import DoorCounters
from twisted_net.net.fast.addresses import readable

#: Linux's number; Python names it from 3.14 on.
_IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
_IPV6_RECVPKTINFO = getattr(socket, "IPV6_RECVPKTINFO", 49)
_IPV6_PKTINFO = getattr(socket, "IPV6_PKTINFO", 50)

#: ``struct in_pktinfo``: interface, the address to answer from, the one in the packet.
_PKTINFO = struct.Struct("=I4s4s")

#: ``struct in6_pktinfo``: the address in the packet, and the interface.
_PKTINFO6 = struct.Struct("=16sI")

#: Datagrams taken before others have their turn.
_AT_ONCE = 32

_LONGEST = 65535
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - it is recognised, not listened on


def asked_port(transport: Any, reactor: Any, counters: DoorCounters) -> "AskedPort | None":
    """Return what tells which address was asked; None: there is but one, or nobody can tell."""
    sock = real_socket(transport, reactor)
    if sock is None or sock.getsockname()[0] not in _EVERYWHERE:
        return None
    try:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    except OSError:
        return None
    return AskedPort(transport, sock, reactor, counters)


class AskedPort(Reader):
    """Reads a door's port, and learns which address was asked.

    :ivar address: the one that was asked by the datagram that is being dealt with; empty: unknown.
    """

    def __init__(
        self, port: Any, sock: socket.socket, reactor: Any, counters: DoorCounters
    ) -> None:
        super().__init__(port, sock, reactor)
        self.address = ""
        self._counters = counters

    def doRead(self) -> None:
        """Hand on what came, unless everybody was asked."""
        for _ in range(_AT_ONCE):
            try:
                datagram, control, _, address = self._socket.recvmsg(_LONGEST, 256)
            except OSError:
                return
            self.address = ""
            with contextlib.suppress(StopIteration):
                self.address, everybody = next(filter(None, map(_asked, control)))
                if everybody:
                    self._counters.drop("broadcast")
                    continue
            self._port.protocol.datagramReceived(datagram, readable(address))


def _asked(item: tuple[int, int, bytes]) -> tuple[str, bool] | None:
    """Return the address that was asked, and whether it is everybody's."""
    level, kind, data = item
    if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
        _, local, wanted = _PKTINFO.unpack(data[: _PKTINFO.size])
        return socket.inet_ntoa(local), local != wanted
    if (level, kind) == (socket.IPPROTO_IPV6, _IPV6_PKTINFO):
        packed, index = _PKTINFO6.unpack(data[: _PKTINFO6.size])
        address = ipaddress.IPv6Address(packed)
        mapped = address.ipv4_mapped
        everybody = address.is_multicast if mapped is None else mapped.is_multicast
        # An address of one link says nothing without the name of the link.
        scope = f"%{socket.if_indextoname(index)}" if address.is_link_local else ""
        return f"{address}{scope}", everybody
    return None
