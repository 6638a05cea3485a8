"""What all simulated sockets have in common: names, options, a pending error, a reader and writer.

A simulated socket offers those methods of `socket.socket` that Twisted calls, never blocks, and
raises `OSError` with the number that Linux would give.
"""

import errno
import os
import socket
import struct
from functools import cache
from typing import TYPE_CHECKING, Any

from twisted_net.testing import addresses
from twisted_net.testing.addresses import Reach

if TYPE_CHECKING:
    from twisted_net.testing.kernel.stack import Stack

Address = tuple[str, int]

#: What an IP address and port look like to a socket of IPv6: with flow info and scope.
Name = tuple[str, int] | tuple[str, int, int, int]

#: SO_LINGER's argument, for which 1, 0 means: close with a reset.
LINGER = struct.Struct("ii")
_LINGER_OFF = LINGER.pack(0, 0)

#: What a socket answers when asked for an option that nobody set.
_DEFAULTS = {
    (socket.IPPROTO_IP, socket.IP_MULTICAST_TTL): 1,
    (socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP): 1,
    (socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP): 1,
}


def oserror(number: int) -> OSError:
    """Return the error that a system call fails with."""
    return OSError(number, _meaning(number))


#: What each number means; every port that has been read empty is told one.
_meaning = cache(os.strerror)


@cache
def null_device() -> int:
    """Return the descriptor that all simulated sockets share: Twisted may call ``fcntl`` on it."""
    return os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)


class SimSocket:
    """The part that TCP and UDP sockets share.

    :ivar local: address and port bound to; port 0: none yet.
    :ivar peer: address and port connected to.
    :ivar error: what the next call fails with, and SO_ERROR tells; 0: nothing.
    :ivar reader: whoever wants to know when there is something to read; the reactor's.
    :ivar writer: the same for room to write.
    """

    type = socket.SOCK_STREAM
    proto = 0

    def __init__(self, stack: "Stack", family: int) -> None:
        self.stack = stack
        self.family = socket.AddressFamily(family)
        self.version = 6 if family == socket.AF_INET6 else 4
        self.local: Address = (addresses.canonical("", self.version), 0)
        self.peer: Address | None = None
        self.error = 0
        self.closed = False
        self.reader: Any = None
        self.writer: Any = None
        self._options: dict[tuple[int, int], int | bytes] = {}
        self._scope = 0  # of the link-local address that it was given

    @property
    def readable(self) -> bool:
        """Whether a read would not block."""
        raise NotImplementedError

    @property
    def writable(self) -> bool:
        """Whether a write would not block."""
        raise NotImplementedError

    @property
    def bound(self) -> bool:
        """Whether it has a port."""
        return self.local[1] != 0

    @property
    def state_name(self) -> str:
        """What ``netstat`` calls its state."""
        return ""

    @property
    def queues(self) -> tuple[int, int]:
        """Bytes received and not read, bytes written and not acknowledged."""
        return 0, 0

    def fileno(self) -> int:
        """Return a descriptor of the null device; -1 once closed."""
        return -1 if self.closed else null_device()

    def setblocking(self, flag: bool) -> None:
        """Do nothing: a simulated socket never blocks."""

    def getsockname(self) -> Name:
        """Return the address and port bound to."""
        self._check_open()
        return self.name(self.local)

    def getpeername(self) -> Name:
        """Return the address and port connected to."""
        self._check_open()
        if self.peer is None:
            raise oserror(errno.ENOTCONN)
        return self.name(self.peer)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set an option; those that mean nothing here are merely remembered."""
        self._check_open()
        self._options[level, option] = value

    def getsockopt(self, level: int, option: int, length: int | None = None) -> int | bytes:
        """Return an option; SO_ERROR is cleared by being asked for."""
        self._check_open()
        if (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR):
            return self.take_error()
        if (level, option) == (socket.SOL_SOCKET, socket.SO_TYPE):
            return int(self.type)
        value = self._options.get((level, option), _DEFAULTS.get((level, option), 0))
        if length is not None and isinstance(value, int):
            return value.to_bytes(length, "little")
        if length is None and isinstance(value, bytes):
            return int.from_bytes(value, "little")
        return int(value) if length is None else value

    def option(self, option: int, level: int = socket.SOL_SOCKET) -> bool:
        """Say whether an option of the socket level is on."""
        value = self._options.get((level, option), _DEFAULTS.get((level, option), 0))
        return any(value) if isinstance(value, bytes) else bool(value)

    @property
    def resets(self) -> bool:
        """Whether SO_LINGER asks for a reset instead of a close."""
        value = self._options.get((socket.SOL_SOCKET, socket.SO_LINGER), _LINGER_OFF)
        return isinstance(value, bytes) and LINGER.unpack(value) == (1, 0)

    def take_error(self) -> int:
        """Return the pending error and forget it."""
        error, self.error = self.error, 0
        return error

    def bind(self, name: Name) -> None:
        """Take a local address and port; port 0 takes one that is free."""
        self._check_open()
        if self.bound:
            raise oserror(errno.EINVAL)
        if not 0 <= name[1] <= 65_535:
            raise OverflowError("port must be 0-65535.")
        self.note_scope(name)
        self.stack.bind(self, (self.parse(name[0]), name[1]))

    def close(self) -> None:
        """Give the socket back."""
        raise NotImplementedError

    def name(self, address: Address) -> Name:
        """Return an address as a socket of this family shows it."""
        host, port = address
        if self.version == 4:
            return host, port
        scope = self._scope if host.startswith("fe80:") else 0
        return (host if ":" in host else f"::ffff:{host}"), port, 0, scope

    def note_scope(self, name: Name) -> None:
        """Remember the scope of an address, to show it again (RFC 4007, 11)."""
        if len(name) == 4 and name[3]:
            self._scope = name[3]

    def parse(self, host: str) -> str:
        """Return an address as the network writes it."""
        if self.version == 6 and host.startswith("::ffff:") and "." in host:
            return host.removeprefix("::ffff:")
        try:
            return addresses.canonical(host, self.version)
        except ValueError:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None

    def source(self, destination: str) -> str:
        """Return the address from which this socket speaks to a destination.

        :raises OSError: ENETUNREACH, there is no way to it.
        """
        if self.local[0] not in addresses.ANY:
            return self.local[0]
        whom = addresses.reach(destination)
        if whom is Reach.SELF:
            return destination
        if whom is Reach.NOWHERE and not self.stack.world.has_route(destination):
            raise oserror(errno.ENETUNREACH)
        return self.stack.world.addresses[":" in destination]

    def _check_open(self) -> None:
        if self.closed:
            raise oserror(errno.EBADF)
