"""TFTP's doors: the port that takes requests, and a port of its own for each transfer."""

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.interfaces import IDelayedCall, IUDPTransport
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger
from zope.interface import implementer

from twisted_net.files.codec import RefusedError
from twisted_net.files.journal import Journal
from twisted_net.files.store import Folder, OpenFile
from twisted_net.files.tftp.codec import (
    LARGEST_BLKSIZE,
    Code,
    Error,
    Request,
    agree,
    parse,
    render,
    shelf_name,
)
from twisted_net.files.tftp.core import Sender, State
from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.service import IDrains
from twisted_net.net.text import with_port

Address = tuple[str, int]

#: What a transfer's port tells a stranger: it must not disturb the transfer (RFC 1350, 4).
UNKNOWN_TRANSFER = render(Error(Code.UNKNOWN_TRANSFER, "unknown transfer"))

#: Seconds within which the same request from the same port is a repetition of the first; after
#: that, somebody has started anew from a fixed port, as boot loaders do.
REPEATED_WITHIN = 5.0

#: Which ERROR stands for a refusal of the shelf; any other is 0, with its text.
_CODES = {403: Code.ACCESS, 404: Code.NOT_FOUND}


class ReadTransfer(DatagramProtocol):
    """Serve one read request from a port of its own (RFC 1350, 4)."""

    noisy = False
    transport: Any
    log = Logger()

    def __init__(
        self, door: "TftpDatagramProtocol", request: Request, peer: Address, file: OpenFile
    ) -> None:
        self.request = request
        self.peer = peer
        self.began = door.reactor.seconds()
        agreed = agree(request.options, file.size, door.blksize)
        self.sender = Sender(file, agreed)
        self._door = door
        self._file = file
        self._timer: IDelayedCall | None = None
        self._ended = False

    def startProtocol(self) -> None:
        """Send the first packet."""
        self._send(self.sender.start(self._now()))

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """Take an acknowledgement; tell a stranger to go away."""
        try:
            packet = parse(datagram)
        except RemoteProtocolError:
            self._door.journal.counters.drop("malformed")
            return
        if addr[:2] != self.peer:
            self._door.journal.counters.drop("unknown_transfer")
            if not isinstance(packet, Error):  # which is never answered
                self._write(UNKNOWN_TRANSFER, addr)
            return
        self._send(self.sender.received(packet, self._now()))

    def repeated(self) -> None:
        """Answer the request again."""
        for datagram in self.sender.repeated(self._now()):
            self._write(datagram, self.peer)

    def abort(self, why: str) -> None:
        """End the transfer, and tell the peer why."""
        self._send(self.sender.abort(Code.OTHER, why))

    def leave(self, why: str) -> None:
        """End the transfer without a word: an ERROR could be taken for an answer to a new one."""
        self.sender.leave(why)
        self._send([])

    def stopProtocol(self) -> None:
        """Leave no timer and no open file behind."""
        self._cancel()
        self._file.close()
        self._end()

    def _wake(self) -> None:
        self._timer = None
        self._send(self.sender.wake(self._now()))

    def _send(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            self._write(datagram, self.peer)
        self._cancel()
        if self.sender.over:
            if self._end():
                self.transport.stopListening()
        elif self.sender.deadline is not None:
            wait = max(0.0, self.sender.deadline - self._now())
            self._timer = self._door.reactor.callLater(wait, self._wake)

    def _write(self, datagram: bytes, addr: Address) -> None:
        counters = self._door.journal.counters
        try:
            self.transport.write(datagram, addr)
        except (OSError, MessageLengthError) as error:
            # As good as lost on the way; the timeout sees to it.
            counters.drop("not_sent")
            self.log.debug("not sent to {addr!r}: {why!r}", addr=addr, why=str(error))
        else:
            counters.datagrams_sent += 1
            counters.sent += len(datagram)

    def _end(self) -> bool:
        """Tell the door, at once: the port closes a turn later, and the peer may be quicker."""
        ended, self._ended = self._ended, True
        if not ended:
            self._door.ended(self)
        return not ended

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _now(self) -> float:
        now: float = self._door.reactor.seconds()
        return now


@implementer(IDrains)
class TftpDatagramProtocol(DatagramProtocol):
    """Take read requests, and start a transfer for each.

    :param blksize: the largest block size that is agreed to; a network whose devices cannot put
        fragments together wants 1428 or less.
    :param transfers: how many may run at one time.
    :ivar running: the transfers that do, by the address and port that asked.
    """

    noisy = False
    transport: IUDPTransport  # Twisted says Optional; between start and stop it is not

    def __init__(
        self,
        shelf: Folder,
        reactor: Any,
        journal: Journal | None = None,
        transfers: int = 64,
        blksize: int = LARGEST_BLKSIZE,
    ) -> None:
        self.shelf = shelf
        self.reactor = reactor
        self.journal = journal or Journal("tftp", DoorCounters(), reactor.seconds)
        self.blksize = blksize
        self.running: dict[Address, ReadTransfer] = {}
        self._most = transfers
        self._draining: Deferred[None] | None = None

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """Take a request; what is none gets one ERROR, or nothing where that could begin a loop."""
        try:
            packet = parse(datagram)
        except RemoteProtocolError as error:
            self.journal.counters.drop("malformed")
            if error.reply:
                self.transport.write(error.reply, addr)
            return
        if not isinstance(packet, Request):
            self.journal.counters.drop("no_request")
        elif not self._is_repeated(packet, addr[:2]):
            self._requested(packet, addr[:2])

    def stopProtocol(self) -> None:
        """Cut the transfers that still run."""
        for transfer in list(self.running.values()):
            transfer.abort("server is stopping")

    def drain(self) -> Deferred[None]:
        """Refuse further requests; fire when the last running transfer has ended."""
        self._draining = self._draining or Deferred()
        return self._draining if self.running else succeed(None)

    def ended(self, transfer: ReadTransfer) -> None:
        """Forget a transfer, and say how it went."""
        if self.running.get(transfer.peer) is transfer:
            del self.running[transfer.peer]
        self._tell(transfer)
        if self._draining is not None and not self.running and not self._draining.called:
            self._draining.callback(None)

    def _is_repeated(self, request: Request, peer: Address) -> bool:
        """Say whether a request is one that is being served; replace what it was if it is not."""
        transfer = self.running.get(peer)
        if transfer is None:
            return False
        age = self.reactor.seconds() - transfer.began
        sender = transfer.sender
        straggler = age < REPEATED_WITHIN and not sender.finishing
        if transfer.request == request and (straggler or not sender.proven):
            transfer.repeated()
            return True
        transfer.leave("replaced by a new request")
        return False

    def _requested(self, request: Request, peer: Address) -> None:
        name = shelf_name(request.name)
        try:
            file = self._open(request, name)
        except _AnswerError as refusal:
            self.journal.refused(name, with_port(*peer), refusal.code, str(refusal))
            self.transport.write(render(Error(refusal.error, str(refusal))), peer)
            return
        self._start(request, peer, file)

    def _open(self, request: Request, name: bytes) -> OpenFile:
        if request.action == "write":
            raise _AnswerError(Code.ACCESS, "server is read-only")
        if request.mode != "octet":
            why = f"mode {request.mode[:32]!r} not supported; use octet (binary)"
            raise _AnswerError(Code.ILLEGAL, why)
        if self._draining is not None:
            raise _AnswerError(Code.OTHER, "server is stopping", 503)
        if len(self.running) >= self._most:
            raise _AnswerError(Code.OTHER, "busy, try again later", 503)
        try:
            return self.shelf.open(name)
        except RefusedError as refused:
            code = _CODES.get(refused.code, Code.OTHER)
            raise _AnswerError(code, str(refused), refused.code) from refused

    def _start(self, request: Request, peer: Address, file: OpenFile) -> None:
        transfer = ReadTransfer(self, request, peer, file)
        self.running[peer] = transfer
        # Answers come from the address that was asked, as far as the door listens on just one.
        interface = self.transport.getHost().host
        try:
            self.reactor.listenUDP(0, transfer, interface=interface, maxPacketSize=65535)
        except CannotListenError:
            del self.running[peer]
            file.close()
            self.journal.refused(file.name, with_port(*peer), 503, "no port for a transfer")
            self.transport.write(render(Error(Code.OTHER, "busy, try again later")), peer)

    def _tell(self, transfer: ReadTransfer) -> None:
        sender, name, peer = transfer.sender, transfer.request.name, with_port(*transfer.peer)
        if sender.state is State.DONE:
            self.journal.sent(name, peer, sender.moved, transfer.began)
        elif sender.declined:
            pass  # a probe for the size ends so; nothing went wrong
        elif not sender.proven:
            self.journal.unanswered(name, peer, sender.why)
        else:
            self.journal.stopped(name, peer, sender.moved, transfer.began, sender.why)


class _AnswerError(Exception):
    """A request that is answered with an ERROR.

    :ivar code: what the refusals are counted under: as on the line door.
    """

    def __init__(self, error: Code, why: str, code: int = 400) -> None:
        super().__init__(why)
        self.error = error
        self.code = code
