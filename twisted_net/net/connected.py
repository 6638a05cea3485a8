"""A UDP port connected to one peer, which is told of refusals and survives them."""

import errno
from collections.abc import Callable
from typing import Any

from twisted.internet.error import MessageLengthError
from twisted.internet.protocol import DatagramProtocol

from twisted_net.net.errors import ConnectError
from twisted_net.net.fast.opening import fast
from twisted_net.net.text import with_port

#: What a send fails with for want of room on this side: the next one may do.
_FULL = (errno.EAGAIN, errno.ENOBUFS)


class ConnectedDatagrams:
    """Datagrams to one peer and back; opened anew where a refusal has closed the port.

    Only a connected socket is told that a datagram was refused (ICMP). On the reactors that poll,
    Twisted then closes the port without a word (twisted#5377), on the others it says so.

    :param peer: address and port.
    :param received: called with each datagram of the peer's.
    :param refused: called when one was refused; which one, the system does not say.
    """

    def __init__(
        self,
        reactor: Any,
        peer: tuple[str, int],
        received: Callable[[bytes], None],
        refused: Callable[[], None],
    ) -> None:
        self.peer = peer
        self.received = received
        self._reactor = reactor
        self._refused = refused
        self._refusals = 0
        self._port: Any = None
        self._closing = False

    def open(self) -> None:
        """Open the port.

        :raises ConnectError: it cannot be opened, or this host knows no way to the peer.
        """
        host, port = self.peer
        interface = "::" if ":" in host else ""
        try:
            self._port = fast(self._reactor).listenUDP(
                0, _Port(self), interface=interface, maxPacketSize=65535
            )
            self._port.connect(host, port)
        except OSError as error:
            why = (getattr(error, "strerror", "") or str(error)).lower()
            raise ConnectError(f"cannot send to {with_port(host, port)}: {why}") from error

    def send(self, datagram: bytes) -> str:
        """Send one datagram; return why it could not be sent, or nothing."""
        before = self._refusals
        try:
            if self._port is None:
                self.open()
            self._port.write(datagram)
            if self._refusals != before:  # told of an older one instead of sending this one
                self._port.write(datagram)
        except MessageLengthError:
            return f"{len(datagram)} bytes are too long for this network"
        except ConnectError as error:
            return str(error)
        except OSError as error:
            full = error.errno in _FULL
            return "the send buffer is full" if full else (error.strerror or str(error)).lower()
        return ""

    async def close(self) -> None:
        """Close the port."""
        self._closing = True
        if self._port is not None:
            await self._port.stopListening()

    def told(self) -> None:
        """Take a refusal."""
        self._refusals += 1
        self._refused()

    def closed(self) -> None:
        """Take the end of the port: by us, or by a refusal."""
        if not self._closing:
            self._port = None
            self.told()


def refusal(target: object) -> ConnectError:
    """Return what to tell whoever waits for an answer of a peer that refuses datagrams."""
    return ConnectError(f"{target}: connection refused; nobody listens on that UDP port")


class _Port(DatagramProtocol):
    """What Twisted calls."""

    noisy = False

    def __init__(self, owner: ConnectedDatagrams) -> None:
        self._owner = owner

    def datagramReceived(self, datagram: bytes, addr: tuple[Any, ...]) -> None:
        """Hand on what the peer sent."""
        self._owner.received(datagram)

    def connectionRefused(self) -> None:
        """Hand on that nobody listens."""
        self._owner.told()

    def stopProtocol(self) -> None:
        """Hand on that the port is closed."""
        self._owner.closed()
