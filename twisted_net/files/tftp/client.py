"""The client side of TFTP: fetch a file."""

import hashlib
import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import MessageLengthError
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import DatagramProtocol

from twisted_net.files.client import Fetched, Progress, ignore
from twisted_net.files.destination import Destination
from twisted_net.files.tftp.codec import Code, Error, Request, parse, render
from twisted_net.files.tftp.core import Receiver, State
from twisted_net.net.clients import PATIENCE, Target, resolve
from twisted_net.net.errors import (
    BadAnswerError,
    ClientError,
    ConnectError,
    NoAnswerError,
    RemoteProtocolError,
)

#: The largest block that crosses Ethernet in one piece: 1500 less IPv4 with options, UDP, TFTP.
BLKSIZE = 1428

#: What is asked for; a server that knows no options answers with the file itself.
OPTIONS = {"blksize": str(BLKSIZE), "tsize": "0"}


class TftpClient(DatagramProtocol):
    """Fetch one file from one server.

    The server answers from a port of its own, which its first answer tells (RFC 1350, 4).

    :ivar server: its address, and the port that takes requests.
    :ivar arrived: fires when the file is whole or will not be.
    :ivar left: fires when nothing is owed any more: a little later, for our last ACK may be lost.
    """

    noisy = False
    transport: Any

    def __init__(self, reactor: Any, server: tuple[str, int], receiver: Receiver) -> None:
        self.receiver = receiver
        self.arrived: Deferred[None] = Deferred()
        self.left: Deferred[None] = Deferred()
        self._reactor = reactor
        self.server = server
        self._answers_from: tuple[str, int] | None = None
        self._timer: IDelayedCall | None = None
        self._closing = False

    def startProtocol(self) -> None:
        """Send the request."""
        self._send(self.receiver.start(self._reactor.seconds()))

    def datagramReceived(self, datagram: bytes, addr: tuple[Any, ...]) -> None:
        """Take a packet of the server's; send strangers away."""
        peer = addr[:2]
        if peer[0] != self.server[0]:
            return
        try:
            packet = parse(datagram)
        except RemoteProtocolError:
            return
        if self._answers_from is None and not isinstance(packet, Request):
            self._answers_from = peer
        if peer == self._answers_from:
            self._send(self.receiver.received(packet, self._reactor.seconds()))
        elif not isinstance(packet, Error):
            self._write(render(Error(Code.UNKNOWN_TRANSFER, "unknown transfer")), peer)

    def stopProtocol(self) -> None:
        """Leave no timer behind."""
        self._cancel()
        self._fire(self.arrived)
        self._fire(self.left)

    def abort(self) -> None:
        """Stop fetching, and tell the server, so that it need not find out by waiting."""
        for datagram in self.receiver.abort(Code.OTHER, "the client stopped"):
            self._write(datagram, self._answers_from or self.server)
        self._cancel()
        self._close()

    def _wake(self) -> None:
        self._timer = None
        self._send(self.receiver.wake(self._reactor.seconds()))

    def _send(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            self._write(datagram, self._answers_from or self.server)
        self._cancel()
        if self.receiver.over:
            self._close()
        elif self.receiver.deadline is not None:
            wait = max(0.0, self.receiver.deadline - self._reactor.seconds())
            self._timer = self._reactor.callLater(wait, self._wake)
        if self.receiver.state is State.DALLYING:
            self._fire(self.arrived)

    def _write(self, datagram: bytes, addr: tuple[Any, ...]) -> None:
        try:
            self.transport.write(datagram, addr)
        except (OSError, MessageLengthError):
            return  # as good as lost on the way; the timeout sees to it

    def _close(self) -> None:
        if not self._closing:  # Twisted closes a turn later, and would close twice
            self._closing = True
            self.transport.stopListening()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self, waiting: Deferred[None]) -> None:
        if not waiting.called:
            waiting.callback(None)


async def get(
    reactor: Any,
    target: Target,
    name: str,
    into: Destination,
    patience: float = PATIENCE,
    progress: Progress = ignore,
) -> tuple[Fetched, Deferred[None]]:
    """Fetch one file.

    :return: what came, and what to wait for before the process ends.
    :raises ClientError: there is none, or it did not come whole; nothing of it is kept.
    """
    host = await resolve(reactor, target, patience)
    began = reactor.seconds()
    sha256 = hashlib.sha256()

    def take(block: bytes) -> None:
        if receiver.size is not None and not receiver.moved:
            into.expect(receiver.size)
        into.write(block)
        sha256.update(block)
        progress(receiver.size, receiver.moved + len(block))

    for options in (OPTIONS, {}):
        request = Request("read", os.fsencode(name), "octet", dict(options))
        receiver = Receiver(request, take, patience)
        client = TftpClient(reactor, (host, target.port), receiver)
        await _finished(reactor, client, target)
        if receiver.refused is None or receiver.refused.code != Code.OPTION:
            break  # else it is one of the servers that refuse what they should ignore: plainly
    _check(receiver, name, target)
    into.keep()
    fetched = Fetched(name, receiver.moved, sha256.hexdigest(), reactor.seconds() - began)
    return fetched, client.left


async def _finished(reactor: Any, client: TftpClient, target: Target) -> None:
    interface = "::" if ":" in client.server[0] else ""
    try:
        reactor.listenUDP(0, client, interface=interface, maxPacketSize=65535)
    except OSError as error:
        raise ConnectError(f"cannot open a UDP port towards {target}: {error}") from error
    try:
        await client.arrived
    finally:
        if client.receiver.state not in (State.DALLYING, State.DONE):
            client.abort()


def _check(receiver: Receiver, name: str, target: Target) -> None:
    if receiver.trouble is not None:
        raise receiver.trouble
    if receiver.refused is not None:
        # A server that fails us in the middle has broken a promise; before, it made none.
        kind = BadAnswerError if receiver.moved else ClientError
        raise kind(f"{name!r}: {receiver.refused.text or f'error {receiver.refused.code}'}")
    if receiver.state is State.FAILED and not receiver.deserted:
        raise BadAnswerError(f"{name!r} is not what {target} promised: {receiver.why}")
    if receiver.state is State.FAILED:
        raise NoAnswerError(f"{receiver.why} from {target}")
