"""The sockets of many transfers, watched as one, and answered in one go.

The reactor hears of all of them by one descriptor, an epoll of their own. What is usual, the ACK
that is awaited and the packets that it lets go, is then done in C (`_lockstep`), for all that
are readable: first they are read, then all that is to be sent leaves, one behind the other. To
send to a process of this machine wakes it, and it is awake for all but the first (see `outbox`).

Importing this fails with ImportError where that is not compiled; see `compiled`.
"""

from typing import Any, Protocol, Self

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from twisted_net.files.tftp import _lockstep
from twisted_net.files.tftp.core import Sender
from twisted_net.files.tftp.outbox import Outbox
from twisted_net.files.tftp.ports import OwnSocket, Takes
from twisted_net.net.counters import DoorCounters
from twisted_net.net.fast.addresses import Address, address_of


class Steps(Takes, Protocol):
    """A transfer that sends a file.

    :ivar machine: what decides; its usual steps may be taken without asking.
    """

    peer: Address
    machine: Sender

    def stepped(self, sent: bool) -> None:
        """See to what is to be done after a step, or do it again if it was not sent."""


@implementer(IReadDescriptor)
class Crowd(_lockstep.Crowd):
    """Sockets that the reactor watches by one descriptor.

    :param counters: where is counted what was sent.
    :raises OSError: there is no descriptor.
    """

    def __new__(cls, reactor: Any, counters: DoorCounters) -> Self:
        """Make one on a reactor's clock."""
        return super().__new__(cls, counters, reactor.seconds)

    def __init__(self, reactor: Any, counters: DoorCounters) -> None:
        self._reactor = reactor
        reactor.addReader(self)

    def open(self, transfer: Steps, interface: str, outbox: Outbox) -> "CrowdSocket":
        """Open a socket for a transfer, and watch it; raises CannotListenError."""
        return CrowdSocket(self, self._reactor, transfer, interface, outbox)

    def logPrefix(self) -> str:
        """Return what log lines are marked with."""
        return "tftp"

    def connectionLost(self, reason: object) -> None:
        """Do nothing: who is in it has a timeout, and ends by it."""

    def stop(self) -> None:
        """Watch nobody any more; a second call changes nothing."""
        if self.fileno() >= 0:
            self._reactor.removeReader(self)
            self.close()


class CrowdSocket(OwnSocket):
    """A socket of a transfer's own, watched in a crowd.

    :raises CannotListenError: there is none.
    """

    log = Logger()

    def __init__(
        self, crowd: Crowd, reactor: Any, transfer: Steps, interface: str, outbox: Outbox
    ) -> None:
        self._crowd = crowd
        self._steps = transfer
        self._entrusted = False
        super().__init__(reactor, transfer, interface, outbox)

    def received(self, datagram: bytes, name: bytes) -> None:
        """Take what is not usual.

        :param name: who sent it, a ``struct sockaddr``.
        """
        sender = address_of(name)
        try:
            self._transfer.datagramReceived(datagram, sender)
        except BaseException as error:  # as the reactor does: whatever it was, it ends the transfer
            self.log.failure("tftp: a transfer broke")
            self.connectionLost(error)
        if not self._entrusted and sender == self._steps.peer and self.fileno() >= 0:
            self._crowd.entrust(self.fileno(), self._steps.machine, name)
            self._entrusted = True

    def stepped(self, sent: bool) -> None:
        """See to what a step leaves to be done."""
        try:
            self._steps.stepped(sent)
        except BaseException as error:
            self.log.failure("tftp: a transfer broke")
            self.connectionLost(error)

    def _watch(self) -> None:
        self._crowd.add(self.fileno(), self)

    def _leave(self) -> None:
        self._crowd.remove(self.fileno())

    def _cut_at(self, segment: int) -> None:
        super()._cut_at(segment)
        self._crowd.cut(self.fileno(), segment)
