"""One transfer of the server's: a machine, the port that its packets come and go by, a timer."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from twisted_net.files.codec import RefusedError
from twisted_net.files.shelf import Sink, Source
from twisted_net.files.tftp import compiled
from twisted_net.files.tftp.codec import Code, Error, Request, parse, render
from twisted_net.files.tftp.core import (
    Agreed,
    Buffer,
    Decoder,
    Netascii,
    Receiver,
    Sender,
    State,
    Transfer,
)
from twisted_net.files.tftp.mishaps import Guarded, told
from twisted_net.files.tftp.ports import OwnSocket, Port
from twisted_net.files.tftp.trains import lay
from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.fast.addresses import Address
from twisted_net.net.text import with_port

if TYPE_CHECKING:
    from twisted_net.files.tftp.doors import TftpDatagramProtocol

#: What a transfer's port tells a stranger: it must not disturb the transfer (RFC 1350, 4).
UNKNOWN_TRANSFER = render(Error(Code.UNKNOWN_TRANSFER, "unknown transfer"))

#: Strangers' packets that one transfer answers: each answer is longer than an ACK, and its address
#: may be forged.
MOST_STRANGERS = 16

#: How a DATA packet's header, or an ACK, is long.
_HEADER = 4
_ACK = b"\0\4"


class ServedTransfer(DatagramProtocol):
    """Serve one request from a port of its own (RFC 1350, 4).

    :ivar machine: what decides; this only carries.
    """

    noisy = False
    log = Logger()
    machine: Transfer

    def __init__(
        self, door: "TftpDatagramProtocol", request: Request, peer: Address, agreed: Agreed
    ) -> None:
        self.request = request
        self.peer = peer
        self.began = door.reactor.seconds()
        self._door = door
        self._counters = door.journal.counters
        self._now: Callable[[], float] = door.reactor.seconds
        self._segment = agreed.blksize + _HEADER
        self._port: Port | None = None
        self._timer: IDelayedCall | None = None
        self._ended = False
        self._strangers = 0

    def begin(self, port: Port) -> None:
        """Send the first packet."""
        self._port = port
        self._send(self.machine.start(self._now()))

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """Take a packet of the peer's; tell a stranger to go away."""
        if self._ended:
            return
        if addr != self.peer and addr[:2] != self.peer:
            self._stranger(datagram, addr)
            return
        try:
            packet = parse(datagram)
        except RemoteProtocolError:
            self._door.journal.counters.drop("malformed")
            return
        self._send(self.machine.received(packet, self._now()))

    def repeated(self) -> None:
        """Answer the request again."""
        self._write(self.machine.repeated(self._now()), self.peer)

    def abort(self, why: str) -> None:
        """End the transfer, and tell the peer why."""
        self._send(self.machine.abort(Code.OTHER, why))

    def leave(self, why: str) -> None:
        """End the transfer without a word: an ERROR could be taken for an answer to a new one."""
        self.machine.leave(why)
        self._send([])

    def drop(self) -> None:
        """Let go everything: it has not begun."""
        self._ended = True
        self._close()

    def stopProtocol(self) -> None:
        """End: the port is gone."""
        self.machine.leave("its port was closed")
        self._end()

    def tell(self) -> None:
        """Say in the log how it went."""
        raise NotImplementedError

    def _close(self) -> None:
        """Let go what was sent, or taken."""
        raise NotImplementedError

    def _stranger(self, datagram: bytes, addr: Address) -> None:
        self._door.journal.counters.drop("unknown_transfer")
        try:
            answered = not isinstance(parse(datagram), Error)  # which is never answered
        except RemoteProtocolError:
            return
        if answered and self._strangers < MOST_STRANGERS:
            self._strangers += 1
            self._write([UNKNOWN_TRANSFER], addr)

    def _wake(self) -> None:
        self._timer = None
        self._send(self.machine.wake(self._now()))

    def _send(self, datagrams: list[Buffer]) -> None:
        if datagrams:
            self._write(datagrams, self.peer)
        deadline = self.machine.deadline
        if deadline is None and self.machine.over:
            self._end()
        elif deadline is not None and (self._timer is None or deadline < self.machine.rings_at):
            self._watch(deadline)

    def _write(self, datagrams: list[Buffer], addr: Address) -> None:
        if self._port is None:
            return
        counters = self._counters
        try:
            count = self._port.send(datagrams, addr, self._segment)
        except OSError as error:
            # As good as lost on the way; the timeout sees to it.
            counters.drop("not_sent")
            self.log.debug("not sent to {addr!r}: {why!r}", addr=addr, why=str(error))
            return
        if count:
            counters.datagrams_sent += count
            for datagram in datagrams:
                counters.sent += len(datagram)

    def _watch(self, deadline: float) -> None:
        """See to it that the timer rings in time.

        It may ring early: that costs less than moving it with every packet.
        """
        self._cancel()
        self.machine.rings_at = deadline
        wait = max(0.0, deadline - self._now())
        self._timer = self._door.reactor.callLater(wait, self._wake)

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._cancel()
        self._close()
        self._door.ended(self)
        if self._port is not None:
            self._port.close()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class ReadTransfer(ServedTransfer):
    """Send a file to a peer that asked for it."""

    machine: Sender

    def __init__(
        self,
        door: "TftpDatagramProtocol",
        request: Request,
        peer: Address,
        agreed: Agreed,
        source: Source,
    ) -> None:
        super().__init__(door, request, peer, agreed)
        if source.fileno() < 0:
            source = Guarded(source)
        if request.mode == "netascii":
            source = Netascii(source, agreed.blksize * agreed.windowsize)
        self._source = source
        self._agreed = agreed

    def begin(self, port: Port) -> None:
        """Send the first packet, blocks laid out as the port likes them."""
        if isinstance(port, OwnSocket):
            self.machine = compiled.Sender(self._source, self._agreed, lay=lay)
        else:
            self.machine = Sender(self._source, self._agreed)
        super().begin(port)

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """Take an ACK, nearly always: in as few steps as there are."""
        if addr != self.peer or len(datagram) != _HEADER or datagram[:2] != _ACK or self._ended:
            super().datagramReceived(datagram, addr)
            return
        machine = self.machine
        datagrams = machine.acked(datagram[2] << 8 | datagram[3], self._now())
        deadline = machine.deadline
        if deadline is None or deadline < machine.rings_at or self._timer is None:
            self._send(datagrams)
        elif datagrams:
            self._write(datagrams, self.peer)
        machine.read_ahead()

    def stepped(self, sent: bool) -> None:
        """Do what an ACK leaves to be done that a `Crowd` took; send what it could not send."""
        if not self._ended:
            self._send([] if sent else self.machine.unsent())
            self.machine.read_ahead()

    def tell(self) -> None:
        """Say in the log how it went."""
        journal, machine, name = self._door.journal, self.machine, self.request.name
        peer = with_port(*self.peer)
        if machine.state is State.DONE:
            journal.sent(name, peer, machine.moved, self.began, _repeats(machine))
        elif machine.declined:
            pass  # a probe for the size ends so; nothing went wrong
        elif not machine.proven:
            journal.unanswered(name, peer, machine.why)
        else:
            journal.stopped(name, peer, machine.moved, self.began, machine.why)

    def _close(self) -> None:
        self._source.close()


class WriteTransfer(ServedTransfer):
    """Take a file from a peer that asked to send one: whole under its name, or not at all."""

    machine: Receiver

    def __init__(
        self,
        door: "TftpDatagramProtocol",
        request: Request,
        peer: Address,
        agreed: Agreed,
        sink: Sink,
    ) -> None:
        super().__init__(door, request, peer, agreed)
        self._sink = sink
        self._decoder = Decoder() if request.mode == "netascii" else None
        self._keeping = False
        self.machine = Receiver(self._take, agreed, keeps=True)

    def tell(self) -> None:
        """Say in the log how it went."""
        journal, machine, name = self._door.journal, self.machine, self.request.name
        peer = with_port(*self.peer)
        if machine.state is State.DONE or machine.declined:
            return  # what is stored was told when it was
        if machine.proven:
            journal.stopped(name, peer, machine.moved, self.began, machine.why, taking=True)
        else:
            journal.unanswered(name, peer, machine.why)

    def _take(self, block: bytes) -> None:
        with told():
            self._sink.write(block if self._decoder is None else self._decoder.feed(block))

    def _send(self, datagrams: list[Buffer]) -> None:
        super()._send(datagrams)
        if self.machine.state is State.KEEPING and not self._keeping:
            self._keeping = True
            Deferred.fromCoroutine(self._keep()).addErrback(
                lambda failure: self.log.failure("tftp: nothing was stored", failure)
            )

    async def _keep(self) -> None:
        """Give the file its name, in another thread: the disk may take its time."""
        try:
            with told():
                if self._decoder is not None:
                    self._sink.write(self._decoder.end())
                await self._door.aside(self._sink.keep)
        except (OSError, RefusedError) as error:
            self._send(self.machine.spoilt(error))
            return
        name, peer, machine = self.request.name, with_port(*self.peer), self.machine
        self._door.journal.stored(name, peer, machine.moved, self.began, _repeats(machine))
        self._send(machine.kept(self._now()))

    def _close(self) -> None:
        self._sink.leave()


def _repeats(machine: Transfer) -> str:
    """Say what had to be sent again, if anything had: why it was slow."""
    if not machine.repeats:
        return ""
    return f", {machine.repeats} times sent again, at last {machine.repeated_last}"
