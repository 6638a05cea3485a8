"""TFTP's door: the port that takes requests."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger
from zope.interface import implementer

from twisted_net.files.codec import RefusedError
from twisted_net.files.digests import Aside, aside_of
from twisted_net.files.journal import Journal
from twisted_net.files.shelf import Shelf, Sink
from twisted_net.files.tftp.asked import AskedPort, asked_port
from twisted_net.files.tftp.codec import (
    Code,
    Error,
    Request,
    error_code,
    parse,
    render,
    shelf_name,
)
from twisted_net.files.tftp.compiled import gather
from twisted_net.files.tftp.core import Agreed, Terms, agree
from twisted_net.files.tftp.mishaps import BUG
from twisted_net.files.tftp.outbox import Outbox
from twisted_net.files.tftp.ports import Port, SharedPort, open_port
from twisted_net.files.tftp.transfers import ReadTransfer, ServedTransfer, WriteTransfer
from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.fast.addresses import Address, readable
from twisted_net.net.service import IDrains
from twisted_net.net.text import with_port

if TYPE_CHECKING:
    from twisted_net.files.tftp.crowd import Crowd

#: Seconds within which the same request from the same port is a repetition of the first; after
#: that, somebody has started anew from a fixed port, as boot loaders do.
REPEATED_WITHIN = 5.0

#: Seconds for which an address that answers nothing keeps its place while others wait for one: its
#: request may be forged, and as many forgeries as there are places would shut the door.
YIELDS_AFTER = 1.0

#: The modes that a transfer may have (RFC 1350, 1); mail must not be (RFC 1123, 4.2.2.1).
MODES = ("octet", "netascii")


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may do what, and how much of it.

    :ivar terms: what is agreed to at most.
    :ivar transfers: how many may run at one time; ``per_peer``, for one address.
    :ivar write: files may be sent here.
    :ivar require_options: answer nothing but options to an address that has proven nothing.
    :ivar single_port: answer from the door's own port, for networks that let nothing else through.
    """

    terms: Terms = field(default_factory=Terms)
    transfers: int = 64
    per_peer: int = 32
    write: bool = False
    require_options: bool = False
    single_port: bool = False


@implementer(IDrains)
class TftpDatagramProtocol(DatagramProtocol):
    """Take requests, and start a transfer for each.

    :param shelf: where files are opened, and put.
    :ivar running: the transfers that do, by the address and port that asked.
    """

    noisy = False
    log = Logger()
    transport: IUDPTransport  # Twisted says Optional; between start and stop it is not

    def __init__(
        self,
        shelf: Shelf,
        reactor: Any,
        journal: Journal | None = None,
        policy: Policy = Policy(),
        aside: Aside | None = None,
    ) -> None:
        self.shelf = shelf
        self.reactor = reactor
        self.journal = journal or Journal("tftp", DoorCounters(), reactor.seconds)
        self.policy = policy
        self.running: dict[Address, ServedTransfer] = {}
        self.aside = aside or aside_of(reactor)
        self._opening: dict[Address, Request] = {}
        self._peers: Counter[str] = Counter()
        self._draining: Deferred[None] | None = None
        self._asked: AskedPort | None = None
        self._outbox = Outbox(reactor, self.journal.counters)
        self._crowd: Crowd | None = None

    def startProtocol(self) -> None:
        """Find out which of several addresses is asked, where the system can tell."""
        self._crowd = gather(self.reactor, self.transport, self.journal.counters)
        self._asked = asked_port(self.transport, self.reactor, self.journal.counters)

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """Take a request; what is none gets one ERROR, or nothing where that could begin a loop."""
        peer = addr[:2]
        try:
            packet = parse(datagram)
        except RemoteProtocolError as error:
            self.journal.counters.drop("malformed")
            if error.reply:
                self.transport.write(error.reply, addr)
            return
        if not isinstance(packet, Request):
            self._no_request(datagram, peer)
        elif not self._is_repeated(packet, peer):
            self._requested(packet, peer)

    def stopProtocol(self) -> None:
        """Cut the transfers that still run."""
        for transfer in list(self.running.values()):
            transfer.abort("server is stopping")
        self._outbox.stop()
        if self._crowd is not None:
            self._crowd.stop()
        if self._asked is not None:
            self._asked.stop()
        self.journal.sum_up()

    def drain(self) -> Deferred[None]:
        """Refuse further requests; fire when the last running transfer has ended."""
        self._draining = self._draining or Deferred()
        return self._draining if self.running else succeed(None)

    def ended(self, transfer: ServedTransfer) -> None:
        """Forget a transfer, and say how it went."""
        if self.running.get(transfer.peer) is transfer:
            del self.running[transfer.peer]
            self._leave(transfer.peer)
        transfer.tell()
        if self._draining is not None and not self.running and not self._draining.called:
            self._draining.callback(None)

    def _no_request(self, datagram: bytes, peer: Address) -> None:
        transfer = self.running.get(peer)
        if self.policy.single_port and transfer is not None:
            transfer.datagramReceived(datagram, peer)
        else:
            self.journal.counters.drop("no_request")

    def _is_repeated(self, request: Request, peer: Address) -> bool:
        """Say whether a request is one that is being served; replace what it was if it is not."""
        if peer in self._opening:
            return True
        transfer = self.running.get(peer)
        if transfer is None:
            return False
        age = self.reactor.seconds() - transfer.began
        machine = transfer.machine
        straggler = age < REPEATED_WITHIN and not machine.finishing
        if transfer.request == request and (straggler or not machine.proven):
            transfer.repeated()
            return True
        transfer.leave("replaced by a new request")
        return False

    def _requested(self, request: Request, peer: Address) -> None:
        name = shelf_name(request.name)
        try:
            self._check(request, peer)
            if request.action == "read":
                self._read(request, name, peer)
            else:
                self._write(request, name, peer)
        except _AnswerError as refusal:
            self._refuse(name, peer, refusal)
        except RefusedError as refused:
            self._refuse(name, peer, _answer(refused))

    def _check(self, request: Request, peer: Address) -> None:
        policy = self.policy
        if request.action == "write" and not policy.write:
            why = "server is read-only (start with --tftp-write yes)"
            raise _AnswerError(Code.ACCESS, why, 403)
        if request.mode not in MODES:
            why = f"mode {request.mode[:32]!r} not supported; use octet (binary)"
            raise _AnswerError(Code.ILLEGAL, why)
        if self._draining is not None:
            raise _AnswerError(Code.OTHER, "server is stopping", 503)
        if not (self._has_room() and self._has_room(peer[0])):
            raise _AnswerError(Code.OTHER, "busy, try again later", 503)
        if policy.require_options and request.action == "read" and not _provable(request):
            why = "ask with options, as tsize: they prove where you are"
            raise _AnswerError(Code.OPTION, why)

    def _has_room(self, host: str | None = None) -> bool:
        """Say whether one more may begin, of an address or of all, making room if need be."""
        if host is None:
            count, most = sum(self._peers.values()), self.policy.transfers
        else:
            count, most = self._peers[host], self.policy.per_peer
        if count < most:
            return True
        until = self.reactor.seconds() - YIELDS_AFTER
        for transfer in self.running.values():  # the longest first
            if transfer.began > until:
                break
            if not transfer.machine.proven and host in (None, transfer.peer[0]):
                transfer.leave("another needed its place")
                return True
        return False

    def _read(self, request: Request, name: bytes, peer: Address) -> None:
        source = self.shelf.open(name, peer[0])
        size = source.size if request.mode == "octet" else None  # it is not what will be sent
        agreed = agree(request.options, size, self.policy.terms)
        if self.policy.require_options and agreed.answer is None:
            agreed = replace(agreed, answer={"tsize": "0"})  # an empty file's; curl may not like it
        self._enter(peer)
        self._start(ReadTransfer(self, request, peer, agreed, source))

    def _write(self, request: Request, name: bytes, peer: Address) -> None:
        """Make ready to store, which may take a while: another thread does it."""
        agreed = agree(request.options, None, self.policy.terms, writing=True)
        if request.mode != "octet":
            agreed = replace(agreed, size=None)  # which of the two sizes, nobody knows
        self._enter(peer)
        self._opening[peer] = request
        Deferred.fromCoroutine(self._receive(request, name, peer, agreed)).addErrback(
            lambda failure: self.log.failure("tftp: nothing can be stored", failure)
        )

    async def _receive(self, request: Request, name: bytes, peer: Address, agreed: Agreed) -> None:
        try:
            sink: Sink = await self.aside(self.shelf.receive, name, agreed.size, "", 0, peer[0])
        except RefusedError as refused:
            self._leave(peer)
            self._refuse(name, peer, _answer(refused))
            return
        except Exception:
            self._leave(peer)
            self._refuse(name, peer, _AnswerError(Code.OTHER, BUG, 500))
            raise
        finally:
            del self._opening[peer]
        if self._draining is None:
            self._start(WriteTransfer(self, request, peer, agreed, sink))
            return
        sink.leave()
        self._leave(peer)
        self._refuse(name, peer, _AnswerError(Code.OTHER, "server is stopping", 503))

    def _start(self, transfer: ServedTransfer) -> None:
        peer = transfer.peer
        self.running[peer] = transfer
        try:
            port = self._open_port(transfer)
        except CannotListenError:
            del self.running[peer]
            self._leave(peer)
            transfer.drop()
            refusal = _AnswerError(Code.OTHER, "busy, try again later", 503)
            self._refuse(shelf_name(transfer.request.name), peer, refusal)
            return
        transfer.begin(port)

    def _open_port(self, transfer: ServedTransfer) -> Port:
        if self.policy.single_port:
            return SharedPort(self.transport)
        # Answers come from the address that was asked.
        here = self.transport.getHost()
        interface, _ = readable((here.host, here.port, 0, getattr(here, "scopeID", 0)))
        if self._asked is not None and self._asked.address:
            interface = self._asked.address
        if self._crowd is not None and isinstance(transfer, ReadTransfer):
            return self._crowd.open(transfer, interface, self._outbox)
        return open_port(self.reactor, self.transport, transfer, interface, self._outbox)

    def _refuse(self, name: bytes, peer: Address, refusal: "_AnswerError") -> None:
        self.journal.refused(name, with_port(*peer), refusal.code, str(refusal))
        self.transport.write(render(Error(refusal.error, str(refusal))), peer)

    def _enter(self, peer: Address) -> None:
        self._peers[peer[0]] += 1

    def _leave(self, peer: Address) -> None:
        self._peers[peer[0]] -= 1
        if not self._peers[peer[0]]:
            del self._peers[peer[0]]


class _AnswerError(Exception):
    """A request that is answered with an ERROR.

    :ivar code: what the refusals are counted under: as on the line door.
    """

    def __init__(self, error: Code, why: str, code: int = 400) -> None:
        super().__init__(why)
        self.error = error
        self.code = code


def _provable(request: Request) -> bool:
    """Say whether a read request has options that will be answered, if the file is not empty."""
    return agree(request.options, 1 if request.mode == "octet" else None).answer is not None


def _answer(refused: RefusedError) -> _AnswerError:
    return _AnswerError(error_code(refused.code), str(refused), refused.code)
