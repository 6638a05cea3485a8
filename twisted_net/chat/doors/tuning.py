"""What the kernel is told of a member's connection: what it may hide, and when a peer is gone."""

import socket
from contextlib import suppress
from typing import Any

#: Bytes that the kernel may hide for one peer; its own 2-4 MB would make a peer that reads
#: nothing look like one that does.
SEND_BUFFER = 131072

#: Seconds that what was sent may stay without an acknowledgement: a person at ``nc`` cannot answer
#: pings, so this finds a peer that is gone.
SILENCE = 90


def tune(transport: Any) -> None:
    """Let the kernel hide little, and give up a peer that does not acknowledge."""
    with suppress(AttributeError, OSError):  # under TLS the handle is no socket; in tests none
        handle = transport.getHandle()
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        patience = min(SILENCE, _keepalive(handle))
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience * 1000)


def _keepalive(handle: Any) -> int:
    """Return the seconds after which keepalive gives a silent peer up.

    Linux counts no probes any more once it has a TCP_USER_TIMEOUT, but waits for that.
    """
    if not handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE):
        return SILENCE
    names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    idle, interval, count = (handle.getsockopt(socket.IPPROTO_TCP, name) for name in names)
    seconds: int = idle + interval * count
    return seconds
