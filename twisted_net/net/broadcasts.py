"""Where to send what everybody on this host's networks should hear (RFC 919)."""

import socket
import struct
import sys
from typing import Any

#: To all on one link. Which one, the system chooses: on Linux that of the default route, and a host
#: without such a route cannot send it at all.
EVERYBODY = "255.255.255.255"

#: Linux's questions about an interface, and two of its flags: netdevice(7).
_FLAGS, _ADDRESS, _BROADCAST = 0x8913, 0x8915, 0x8919
_UP, _CAN = 0x1, 0x2

#: A name, and what the kernel answers behind it: flags, or an address behind family and port.
_QUESTION = struct.Struct("16s16x")
_FLAGS_AT, _ADDRESS_AT = 16, 20


def broadcasts(transport: Any, here: str) -> list[str]:
    """Return the addresses to which a UDP port has to send what is for everybody.

    On Linux they are those of the interfaces, so that all networks of a host hear it, and also a
    network without a way out of it. Elsewhere, and where there are none, it is `EVERYBODY`.

    :param transport: of the port.
    :param here: the address it is bound to; only the interface with that one counts, if it is one
        of an interface.
    """
    get = getattr(transport, "getHandle", None)
    handle = None if get is None else get()
    if not isinstance(handle, socket.socket) or not sys.platform.startswith("linux"):
        return [EVERYBODY]
    asked = [_of(handle, name) for _, name in socket.if_nameindex()]
    found = [pair for pair in asked if pair is not None]
    chosen = [to for own, to in found if here in ("0.0.0.0", "", own)]  # noqa: S104
    return list(dict.fromkeys(chosen)) or [EVERYBODY]


def _of(handle: socket.socket, name: str) -> tuple[str, str] | None:
    """Return an interface's own address and where its broadcasts go; None: it has none."""
    from fcntl import ioctl  # not everywhere

    question = _QUESTION.pack(name.encode())
    try:
        flags = ioctl(handle, _FLAGS, question)
        if struct.unpack_from("H", flags, _FLAGS_AT)[0] & (_UP | _CAN) != _UP | _CAN:
            return None
        own, to = (
            socket.inet_ntoa(ioctl(handle, asked, question)[_ADDRESS_AT : _ADDRESS_AT + 4])
            for asked in (_ADDRESS, _BROADCAST)
        )
    except OSError:  # no address of IPv4, or gone meanwhile
        return None
    return None if to == "0.0.0.0" else (own, to)  # noqa: S104
