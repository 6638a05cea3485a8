"""The client side of TFTP: fetch a file, or send one."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import MessageLengthError
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import DatagramProtocol

from twisted_net.files.client.told import Fetched, Progress, ignore
from twisted_net.files.destination import Destination
from twisted_net.files.shelf import Source
from twisted_net.files.tftp.codec import Code, Error, Request, parse, render
from twisted_net.files.tftp.core import (
    Agreed,
    Blocks,
    Buffer,
    Decoder,
    Getter,
    Layout,
    Netascii,
    Putter,
    State,
)
from twisted_net.files.tftp.reading import TrainReader, train_reader
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

#: Blocks on their way at one time: some 45 KB, which every receive buffer and most queues hold.
WINDOWSIZE = 32

#: What is asked for; a server that knows no options answers with the file itself.
OPTIONS = {"blksize": str(BLKSIZE), "windowsize": str(WINDOWSIZE), "tsize": "0"}

#: Bytes of converted text that are kept to be sent again, whatever the server agrees to.
WINDOW_BYTES = 1 << 20

Machine = Getter | Putter


class TftpClient(DatagramProtocol):
    """Fetch one file from one server, or send it one.

    The server answers from a port of its own, which its first answer tells (RFC 1350, 4).

    :ivar server: its address, and the port that takes requests.
    :ivar arrived: fires when the file is whole or will not be.
    :ivar left: fires when nothing is owed any more: a little later, for our last ACK may be lost.
    """

    noisy = False
    transport: Any

    def __init__(self, reactor: Any, server: tuple[str, int], machine: Machine) -> None:
        self.machine = machine
        self.arrived: Deferred[None] = Deferred()
        self.left: Deferred[None] = Deferred()
        self._reactor = reactor
        self.server = server
        self._answers_from: tuple[str, int] | None = None
        self._timer: IDelayedCall | None = None
        self._rings_at = 0.0
        self._closing = False
        self._trains: TrainReader | None = None

    def startProtocol(self) -> None:
        """Send the request."""
        if isinstance(self.machine, Getter):
            self._trains = train_reader(self.transport, self._reactor, self)
        self._send(self.machine.start(self._reactor.seconds()))

    def datagramReceived(self, datagram: bytes, addr: tuple[Any, ...]) -> None:
        """Take a packet of the server's; send strangers away."""
        peer = addr[:2]
        if peer[0] != self.server[0] or self._closing:
            return
        try:
            packet = parse(datagram)
        except RemoteProtocolError:
            return
        if self._answers_from is None and not isinstance(packet, Request):
            self._answers_from = peer
        if peer == self._answers_from:
            self._send(self.machine.received(packet, self._reactor.seconds()))
        elif not isinstance(packet, Error):
            self._write(render(Error(Code.UNKNOWN_TRANSFER, "unknown transfer")), peer)

    def trainReceived(self, train: memoryview, segment: int, addr: tuple[Any, ...]) -> None:  # noqa: N802 - as the other
        """Take several packets of one sender that lie end to end."""
        if addr[:2] == self._answers_from and isinstance(self.machine, Getter):
            answer = self.machine.train(train, segment, self._reactor.seconds())
            if answer is not None:
                self._send(answer)
                return
        for at in range(0, len(train), segment):
            self.datagramReceived(bytes(train[at : at + segment]), addr)

    def stopProtocol(self) -> None:
        """Leave no timer behind."""
        self._closing = True
        if self._trains is not None:
            self._trains.stop()
        self._cancel()
        self._fire(self.arrived)
        self._fire(self.left)

    def abort(self) -> None:
        """Stop, and tell the server, so that it need not find out by waiting."""
        for datagram in self.machine.abort(Code.OTHER, "the client stopped"):
            self._write(datagram, self._answers_from or self.server)
        self._cancel()
        self._close()

    def _wake(self) -> None:
        self._timer = None
        self._send(self.machine.wake(self._reactor.seconds()))

    def _send(self, datagrams: list[Buffer]) -> None:
        for datagram in datagrams:
            self._write(datagram, self._answers_from or self.server)
        if self.machine.over:
            self._cancel()
            self._close()
        else:
            self._watch()
        if self.machine.state is State.DALLYING:
            self._fire(self.arrived)

    def _watch(self) -> None:
        """See to it that the timer rings in time; early costs less than moving it every time."""
        deadline = self.machine.deadline
        if deadline is None or (self._timer is not None and self._rings_at <= deadline):
            return
        self._cancel()
        self._rings_at = deadline
        wait = max(0.0, deadline - self._reactor.seconds())
        self._timer = self._reactor.callLater(wait, self._wake)

    def _write(self, datagram: Buffer, addr: tuple[Any, ...]) -> None:
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
    options: Mapping[str, str] = OPTIONS,
    mode: str = "octet",
) -> tuple[Fetched, Deferred[None]]:
    """Fetch one file.

    :param mode: ``octet``, or ``netascii`` for text, whose lines then end as they do here.
    :return: what came, and what to wait for before the process ends.
    :raises ClientError: there is none, or it did not come whole; nothing of it is kept.
    """
    host = await resolve(reactor, target, patience)
    began = reactor.seconds()
    sha256 = hashlib.sha256()
    size = 0

    def write(data: bytes) -> None:
        nonlocal size
        into.write(data)
        sha256.update(data)
        size += len(data)

    def take(block: bytes) -> None:
        if getter.size is not None and not getter.moved:
            into.expect(getter.size)
        write(block if decoder is None else decoder.feed(block))
        progress(getter.size, getter.moved + len(block))

    for asked in (options, {}):
        decoder = Decoder() if mode == "netascii" else None
        getter = Getter(Request("read", os.fsencode(name), mode, dict(asked)), take, patience)
        client = TftpClient(reactor, (host, target.port), getter)
        await _finished(reactor, client, target)
        if getter.refused is None or getter.refused.code != Code.OPTION:
            break  # else it is one of the servers that refuse what they should ignore: plainly
    _check(getter, name, target)
    write(b"" if decoder is None else decoder.end())
    into.keep()
    return Fetched(name, size, sha256.hexdigest(), reactor.seconds() - began), client.left


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that has been taken by a server.

    :ivar seconds: from the request to the last acknowledgement.
    """

    name: str
    size: int
    seconds: float


async def put(
    reactor: Any,
    target: Target,
    name: str,
    source: Source,
    patience: float = PATIENCE,
    progress: Progress = ignore,
    options: Mapping[str, str] = OPTIONS,
    mode: str = "octet",
) -> Sent:
    """Send one file; the server has acknowledged all of it.

    :param name: what it is to be called there.
    :param options: as `get` has them; the size is filled in where it is known.
    :raises ClientError: the server does not want it, or stopped taking it.
    """
    host = await resolve(reactor, target, patience)
    began = reactor.seconds()
    for asked in (_with_size(options, source.size if mode == "octet" else None), {}):
        sending = source
        if mode == "netascii":
            sending = Netascii(source, WINDOW_BYTES)
        request = Request("write", os.fsencode(name), mode, asked)
        putter = Putter(request, sending, patience, _telling(progress))
        await _finished(reactor, TftpClient(reactor, (host, target.port), putter), target)
        if putter.refused is None or putter.refused.code != Code.OPTION:
            break
    _check(putter, name, target)
    return Sent(name, putter.moved, reactor.seconds() - began)


def _with_size(options: Mapping[str, str], size: int | None) -> dict[str, str]:
    sized = {name: value for name, value in options.items() if name != "tsize"}
    return sized if size is None or "tsize" not in options else {**sized, "tsize": str(size)}


def _telling(progress: Progress) -> Callable[[Source, Agreed], Layout]:
    """Return what lays blocks out, and tells how far it has come."""

    class Told(Blocks):
        def lay_out(self, first: int, until: int) -> list[Buffer]:
            progress(self.size, (first - 1) * self._blksize)
            return super().lay_out(first, until)

    return Told


async def _finished(reactor: Any, client: TftpClient, target: Target) -> None:
    interface = "::" if ":" in client.server[0] else ""
    try:
        reactor.listenUDP(0, client, interface=interface, maxPacketSize=65535)
    except OSError as error:
        raise ConnectError(f"cannot open a UDP port towards {target}: {error}") from error
    try:
        await client.arrived
    finally:
        if client.machine.state not in (State.DALLYING, State.DONE):
            client.abort()


def _check(machine: Machine, name: str, target: Target) -> None:
    if isinstance(machine, Getter) and machine.trouble is not None:
        raise machine.trouble
    if machine.refused is not None:
        # A server that fails us in the middle has broken a promise; before, it made none.
        kind = BadAnswerError if machine.moved else ClientError
        raise kind(f"{name!r}: {machine.refused.text or f'error {machine.refused.code}'}")
    if machine.state is State.FAILED and machine.deserted:
        raise NoAnswerError(f"{machine.why} from {target}")
    if machine.state is State.FAILED and isinstance(machine, Putter):
        raise ClientError(f"{name!r}: {machine.why}")
    if machine.state is State.FAILED:
        raise BadAnswerError(f"{name!r} is not what {target} promised: {machine.why}")
