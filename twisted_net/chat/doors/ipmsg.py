"""The IP Messenger door: a network without a server, and the chat, hear each other.

Each neighbour is a member of the chat, ``red@ipmsg``, whom others tell something; with a room
given, all of them are in it. What a neighbour says goes to that room, or, where there is none, to
whoever told them something last; ``/tell blue hello`` names somebody else.
"""

import re
from functools import partial
from random import Random
from typing import Any

from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer

from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.codec.requests import Deed, Join, Nick, Notice, Say, Tell
from twisted_net.chat.codec.texts import MAX_TEXT, split
from twisted_net.chat.core.hub import Member
from twisted_net.chat.core.ipmsg import Network
from twisted_net.chat.core.neighbour_names import free_name, member_name
from twisted_net.chat.core.neighbours import (
    Appeared,
    Delivered,
    Dropped,
    Happening,
    Neighbour,
    Spoke,
    Undelivered,
    Vanished,
)
from twisted_net.chat.doors.neighbour import NeighbourOutlet
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.post import Outcome, Post
from twisted_net.net.alarm import Alarm
from twisted_net.net.broadcasts import broadcasts
from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.service import IDrains

Address = tuple[str, int]

#: Messages to a neighbour that may be on their way, whose authors would be told if one got lost.
MAX_TOLD = 64

#: Seconds between two hints to one neighbour: a machine that says much is not to be said as much.
HINT_EVERY = 30.0

_TELL = re.compile(r"/(?:tell|msg)\s+(\S+)\s+(.+)", re.IGNORECASE)
_HINT = "nobody heard that. To whom? /tell NAME TEXT"


@implementer(IDrains)
class IpmsgDatagramProtocol(DatagramProtocol):
    """A network of IP Messenger clients at one port.

    :param host: the name of this machine, as neighbours show it.
    :param room: where all of them are; empty: nowhere.
    """

    noisy = False
    transport: IUDPTransport  # Twisted says Optional; between start and stop it is not

    def __init__(
        self,
        post: Post[Outlet],
        reactor: Any,
        dice: Random,
        counters: DoorCounters | None = None,
        host: str = "localhost",
        room: str = "",
    ) -> None:
        self.post = post
        self.room = room
        if room:
            post.hub.fix(room)
        self.network = Network(dice, reactor.seconds(), "netdemo", host)
        self._reactor = reactor
        self._drops = Drops("ipmsg", counters or DoorCounters(), reactor.seconds)
        self._outlets: dict[Neighbour, NeighbourOutlet] = {}
        self._alarm = Alarm(reactor, self._wake)
        self._stopping = False

    def startProtocol(self) -> None:
        """Tell the network that we are there."""
        self.transport.setBroadcastAllowed(True)
        self.network.announce(self._reactor.seconds())
        self._transmit()

    def datagramReceived(self, datagram: bytes, addr: tuple[Any, ...]) -> None:
        """Take what a neighbour sends."""
        if self._stopping:
            self._drops.drop("stopping", addr)
            return
        address = (addr[0], addr[1])  # IPv6 adds a flow and a scope
        self._happened(self.network.received(datagram, address, self._reactor.seconds()), address)

    def drain(self) -> None:
        """Tell the network that we go, and let all neighbours out of the chat."""
        self._stopping = True
        now = self._reactor.seconds()
        self.network.leave(now)
        self._transmit()
        self._alarm.stop()
        for outlet in list(self._outlets.values()):
            self._leave(outlet, "server stopping")

    def stopProtocol(self) -> None:
        """Leave no timer behind."""
        self._alarm.stop()

    # To a neighbour.

    def tell(self, outlet: NeighbourOutlet, author: str, text: str) -> None:
        """Send a message; its author hears of it if it gets lost, if anybody is named."""
        if author:
            outlet.partner = author
        try:
            number = self.network.say(outlet.who, text, self._reactor.seconds())
        except Refusal as refusal:
            self._drops.drop("queue_full", outlet.who.address)
            self._undelivered(outlet, author, refusal.text)
            return
        if author:
            outlet.told[number] = author
            if len(outlet.told) > MAX_TOLD:
                del outlet.told[next(iter(outlet.told))]
        self._transmit()

    def forget(self, outlet: NeighbourOutlet) -> None:
        """Forget a neighbour's place in the chat, but not the neighbour."""
        self._outlets.pop(outlet.who, None)
        outlet.member = None

    def _undelivered(self, outlet: NeighbourOutlet, author: str, why: str) -> None:
        member = outlet.member
        if author and member is not None:
            notice = Notice(author, f"not delivered: {why}", private=True)
            self._submit(member, notice, lambda outcome: None)

    # From a neighbour.

    def _happened(self, happenings: list[Happening], address: object) -> None:
        for each in happenings:
            match each:
                case Dropped(reason):
                    self._drops.drop(reason, address)
                case Appeared(who):
                    self._appeared(who)
                case Vanished(who, why):
                    outlet = self._outlets.pop(who, None)
                    if outlet is not None:
                        self._leave(outlet, why)
                case Spoke(who):
                    self._spoke(self._outlet(who), each)
                case Delivered(who, number) | Undelivered(who, number):
                    self._came_through(who, number, isinstance(each, Delivered))
        self._transmit()

    def _came_through(self, who: Neighbour, number: int, delivered: bool) -> None:
        outlet = self._outlets.get(who)
        author = "" if outlet is None else outlet.told.pop(number, "")
        if not delivered:
            self._drops.drop("undelivered", who.address)
            if outlet is not None:
                self._undelivered(outlet, author, "no acknowledgement")

    def _outlet(self, who: Neighbour) -> NeighbourOutlet:
        """Return a neighbour's place; let them in where they have none."""
        outlet = self._outlets.get(who)
        if outlet is None:
            outlet = self._outlets[who] = NeighbourOutlet(self, who)
            self._enter(outlet)
        return outlet

    def _appeared(self, who: Neighbour) -> None:
        known = self._outlets.get(who)
        if known is None:
            self._outlet(who)
        elif known.member is not None and known.member.name != member_name(who.name):
            name = free_name(self.post.hub, who.name)
            if name:
                self._submit(known.member, Nick(name), lambda outcome: None)

    def _enter(self, outlet: NeighbourOutlet) -> None:
        now = self._reactor.seconds()
        name = free_name(self.post.hub, outlet.who.name)
        if not name:
            self._drops.drop("no_name", outlet.who.address)
            self.forget(outlet)
            return
        member = self.post.hub.enter(name, outlet, "ipmsg", now, special="@", user="ipmsg")
        self.post.arrive(member, partial(self._entered, outlet, member))

    def _entered(self, outlet: NeighbourOutlet, member: Member[Outlet], outcome: Outcome) -> None:
        if isinstance(outcome, Refusal):
            self._drops.drop("not_entered", outlet.who.address)
            self.forget(outlet)
        elif self._outlets.get(outlet.who) is not outlet:  # they were gone before they came
            self.post.leave(member, "quit", self._reactor.seconds())
        else:
            outlet.member = member
            if self.room:
                self._submit(member, Join(self.room), partial(self._joined, outlet))
            else:
                self._joined(outlet, None)

    def _joined(self, outlet: NeighbourOutlet, outcome: Outcome) -> None:
        if isinstance(outcome, Refusal):
            self._drops.drop("not_joined", outlet.who.address)
        while outlet.early:
            self._spoke(outlet, outlet.early.popleft())

    def _leave(self, outlet: NeighbourOutlet, why: str) -> None:
        member, outlet.member = outlet.member, None
        if member is not None:
            self.post.leave(member, why, self._reactor.seconds())

    def _spoke(self, outlet: NeighbourOutlet, spoke: Spoke) -> None:
        member = outlet.member
        if member is None:
            outlet.early.append(spoke)
            return
        addressed = _TELL.fullmatch(spoke.text)
        for text in split(addressed[2] if addressed else spoke.text, MAX_TEXT, whole=True):
            what: Deed
            if addressed:
                what = Tell(addressed[1], text)
            elif self.room:
                what = Say(self.room, text)
            elif outlet.partner:
                what = Tell(outlet.partner, text)
            else:
                self._hint(outlet, spoke, _HINT)
                return
            self._submit(member, what, partial(self._answered, outlet, spoke))

    def _answered(self, outlet: NeighbourOutlet, spoke: Spoke, outcome: Outcome) -> None:
        if isinstance(outcome, Refusal):
            self._hint(outlet, spoke, f"nobody heard that: {outcome.text}")

    def _hint(self, outlet: NeighbourOutlet, spoke: Spoke, text: str) -> None:
        """Say why nobody heard something: once in a while, and never to a machine."""
        now = self._reactor.seconds()
        self._drops.drop("unheard", outlet.who.address)
        if spoke.automatic or now - outlet.hinted < HINT_EVERY:
            return
        outlet.hinted = now
        self.network.hint(spoke, text, now)
        self._transmit()

    def _submit(self, member: Member[Outlet], what: Deed, answered: Any) -> None:
        self.post.submit(member, what, self._reactor.seconds(), answered)

    # The wire.

    def _transmit(self) -> None:
        """Send what the network has to send, and wake it in time."""
        for datagram, address in self.network.outgoing():
            if address is not None:
                self.transport.write(datagram, address)
            else:
                self._broadcast(datagram)
        deadline = self.network.deadline
        if deadline is not None and not self._stopping:
            self._alarm.set(deadline, self._reactor.seconds())

    def _broadcast(self, datagram: bytes) -> None:
        here = self.transport.getHost()
        # Nobody else is on the loopback, and a broadcast from there has no way out.
        if not here.host.startswith("127.") and ":" not in here.host:
            for host in broadcasts(self.transport, here.host):
                self.transport.write(datagram, (host, here.port))

    def _wake(self) -> None:
        self._happened(self.network.wake(self._reactor.seconds()), None)
