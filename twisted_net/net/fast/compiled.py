"""What stream transports are made of: `streams.FastStream`, its busiest methods compiled."""

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.main import CONNECTION_LOST

from twisted_net.net import extensions
from twisted_net.net.counters import DoorCounters
from twisted_net.net.fast.streams import FastStream

#: Why nothing is compiled here; empty: it is.
_streams, why_not = extensions.find("net.fast._streams")

#: Accepts who waits at a listening socket of IPv4 or IPv6: returns a descriptor, which a `Stream`
#: may be given instead of a socket, and the address, or None. None: not here.
accept: Callable[[Any], tuple[int, Any] | None] | None = None


def opened(fd: int) -> socket.socket:
    """Return the socket of a descriptor, for who asks a transport for it."""
    made = socket.socket(fileno=fd)
    made.setblocking(False)
    return made


if TYPE_CHECKING or why_not:
    Stream = FastStream
else:
    accept = getattr(_streams, "accept", None)
    _streams.lean_on(FastStream, DoorCounters, socket.socket, opened, CONNECTION_LOST)

    class Stream(_streams.Stream, FastStream):
        """A `FastStream` whose ``doRead``, ``write`` and ``write_now`` are compiled."""
