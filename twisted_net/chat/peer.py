"""Chat without a server: one of several peers, each with a door of its own.

Every peer has a hub of its own, with one room, in which the others are guests: what they say is
said there. What the owner says is said to each of the others, in a session with their door. So
each hears each other one in order; there is no order that is common to all.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import inf
from random import Random, SystemRandom
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, TimeoutError
from twisted.internet.error import CannotListenError, MulticastJoinError

from twisted_net.chat.acquaintance import Acquaintance
from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.client.base import ChatClient, RefusedError, Request
from twisted_net.chat.client.datagram import (
    ChatDatagramClient,
    UndeliveredError,
)
from twisted_net.chat.codec import actions_said
from twisted_net.chat.codec.messages import (
    Act,
    Announced,
    Code,
    Command,
    Done,
    Event,
    Heard,
    Kind,
    Present,
    Refusal,
    Refused,
    Rooms,
    Say,
    Tell,
    Use,
    Who,
)
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.introduction import Answering, Fields, Identity
from twisted_net.chat.core.known import Known, fingerprint
from twisted_net.chat.core.mesh import Mesh
from twisted_net.chat.core.path import Address
from twisted_net.chat.doors.delivery import deliver
from twisted_net.chat.doors.guest import PROFILE, DatagramProfile
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.doors.peer import ChatPeerProtocol
from twisted_net.chat.links import Links
from twisted_net.chat.post import Post
from twisted_net.chat.seat import Answer, Seat
from twisted_net.net.alarm import Alarm
from twisted_net.net.clients import PATIENCE, Target, resolve
from twisted_net.net.counters import DoorCounters
from twisted_net.net.datagram_guards import GuardedDatagrams
from twisted_net.net.endpoints import LONGEST_DATAGRAM
from twisted_net.net.errors import ConnectError
from twisted_net.net.fast.opening import fast
from twisted_net.net.limits import SourceRates
from twisted_net.net.service import Door
from twisted_net.net.text import with_port

#: The room that all peers are in.
LOBBY = "lobby"

#: The groups in which peers look for each other: of this link only (RFC 2365; RFC 4291, 2.7).
GROUP, GROUP6 = "239.255.77.77", "ff12::7008"

#: Seconds to wait for others at the start: the second FIND is said by then.
GATHER = 1.5

#: Datagrams a second that one address may send.
RATE = 1000


class _Ears:
    """The outlet of the owner, who hears what is said in the own hub."""

    profile: DatagramProfile = PROFILE

    def __init__(self, heard: Callable[[Heard], None]) -> None:
        self._heard = heard

    def add(self, message: bytes) -> None:
        """Hear something."""
        for heard in actions_said.heard(message)[1]:
            self._heard(heard)


class ChatPeer(ChatClient):
    """One of several peers, seen from its owner's side.

    :param target: where it listens; port 0: anywhere.
    :param seeds: peers to begin with.
    :param discover: whether to look for others on this link.
    :param group_port: where those others listen.
    :param identity: one's own key; None: nobody is proven to anybody.
    :param known: whom one has met.
    :ivar address: where it listens.
    """

    def __init__(
        self,
        reactor: Any,
        target: Target,
        heard: Callable[[Heard], None],
        patience: float = PATIENCE,
        dice: Random | None = None,
        *,
        seeds: Sequence[Target] = (),
        discover: bool = False,
        group_port: int = 7008,
        identity: Identity | None = None,
        known: Known | None = None,
    ) -> None:
        # A little more than each link has, which says whom something did not reach.
        super().__init__(reactor, target, heard, patience + 1.0)
        self.address: Address = (target.host, target.port)
        self._dice = dice or SystemRandom()
        self._seeds = seeds
        self._discover = discover
        self._group_port = group_port
        self._link_patience = patience
        self._acquaintance = Acquaintance(
            reactor, self._dice, identity, known, lambda text: self._hear(Announced(text))
        )
        self._alarm = Alarm(reactor, self._wake)
        self._links = Links(reactor, self._dice, self, self._acquaintance, patience, self._hear)
        self._transport: Any = None
        self._gathering: Deferred[None] | None = None

    async def enter(self, name: str) -> str:
        """Take a name, and begin to look for others.

        :raises RefusedError: it is no name.
        :raises ConnectError: the port is not to be had, or a peer's name does not resolve.
        """
        seeds = [
            (await resolve(self._reactor, each, self._link_patience), each.port)
            for each in self._seeds
        ]
        now = self._reactor.seconds()
        self._hub: Hub[Outlet] = Hub(LOBBY)
        post = Post(self._hub, LocalBus(self._reactor.seconds), deliver)
        self._seat: Seat[Outlet] = Seat(post, _Ears(self._hear), "udp")
        try:
            self.name = self._seat.claim(name, now)
        except Refusal as refusal:
            raise RefusedError(refusal.code, refusal.text) from refusal
        self._seat.arrive(now, lambda answer: None)
        self._joined(LOBBY)
        identity = self._acquaintance.identity
        if identity is not None:
            self.greeted = [Done("KEY", fingerprint(identity.public))]
            self._acquaintance.came(self.name, identity.public)
        self._mesh = Mesh(self._dice, now, self.name, seeds, self._discover)
        self._protocol = ChatPeerProtocol(post, self._reactor, self._dice, self._mesh, self)
        await self._listen()
        self._wake()
        if self._mesh.deadline < inf:
            await self._first_ones()
        return self.name

    async def _first_ones(self) -> None:
        """Wait a moment for those who are there, so that they hear what is said first."""
        self._gathering = Deferred()
        with suppress(TimeoutError):
            await self._gathering.addTimeout(GATHER, self._reactor)

    async def leave(self) -> None:
        """Say BYE to all, and close."""
        self._over = True
        self._alarm.stop()
        await self._links.leave()
        transport, self._transport = self._transport, None
        if transport is not None:
            self._protocol.drain()
            await transport.stopListening()

    # Those who are there.

    async def _listen(self) -> None:
        host, port = self.address
        door = Door("chat-peer", "datagram", "", self._protocol)
        counters = DoorCounters()
        guarded = GuardedDatagrams(
            door, self._protocol, self._reactor, counters, SourceRates(RATE), ()
        )
        listen = fast(self._reactor).listenMulticast
        try:
            self._transport = listen(port, guarded, host, LONGEST_DATAGRAM)
            where = self._transport.getHost()
            self.address = (where.host, where.port)
            if self._discover:
                self._transport.setTTL(1)
                await self._transport.joinGroup(GROUP6 if ":" in host else GROUP)
        except CannotListenError as error:
            reason = (getattr(error.socketError, "strerror", "") or str(error)).lower()
            raise ConnectError(
                f"cannot listen on {with_port(host, port)}: {reason};"
                " choose with --port and --interface"
            ) from error
        except MulticastJoinError as error:
            raise ConnectError(f"cannot look for others on {host}: {error.args[-1]}") from error

    def _wake(self) -> None:
        if self._transport is None:
            return
        now = self._reactor.seconds()
        group = (GROUP6 if ":" in self._target.host else GROUP, self._group_port)
        for datagram, to in self._mesh.wake(now):
            self._protocol.transport.write(datagram, to or group)
        self._alarm.set(self._mesh.deadline, now)

    def arrived(self) -> None:
        """Look whether all who answered at the start have come."""
        waiting = self._gathering is not None and not self._gathering.called
        all_here = self._links and not self._mesh.calling and len(self._hub) > len(self._links)
        if self._gathering is not None and waiting and all_here:
            self._gathering.callback(None)

    def asked(self) -> None:
        """Look when the mesh has something to answer."""
        self._wake()

    def call(self, address: Address) -> None:
        """Begin a session with a peer."""
        self._links.begin(address, self.address[1])
        self._wake()

    def linked(self, address: Address, link: ChatDatagramClient) -> None:
        """Take note of a session that has begun."""
        self._mesh.linked(address, link.other)
        self._met(link.other, link.public)
        self.arrived()

    def unlinked(self, address: Address) -> None:
        """Take note that there is no session with a peer, or no more."""
        self._mesh.unlinked(address)

    # Who they are.

    def admit(self, name: str, public: bytes, address: Address) -> None:
        """Refuse whoever takes a name that is known by another key."""
        self._acquaintance.admit(name, public, address)

    def introduction(self, nonce: bytes, hello: Fields, address: Address) -> Answering | None:
        """Return how somebody and oneself prove who they are, if both have keys."""
        return self._acquaintance.answering(nonce, hello, self.address[1], address)

    def proven(self, name: str, public: bytes, address: Address) -> None:
        """Take note of who has come; meanwhile their name may have become somebody else's."""
        self._acquaintance.admit(name, public, address)
        self._acquaintance.came(name, public)
        self._met(name, public)

    def disproved(self, address: Address) -> None:
        """Tell of somebody who is not who they said."""
        self._acquaintance.disproved(address)

    def _met(self, name: str, public: bytes) -> None:
        """Remember somebody; whoever else has the name has to go."""
        if not self._acquaintance.met(name, public):
            return
        self._protocol.oust(name, public)
        self._links.oust(name, public)

    def bare(self, address: Address, text: str) -> None:
        """Show what anybody may have sent: ``nc -u``."""
        sender = f"{with_port(*address)} (unproven)"
        self._hear(Event(0, Kind.SAID, LOBBY, sender, text))

    def _hear(self, heard: Heard) -> None:
        if not self._over:
            self._heard(self._acquaintance.marked(heard) if isinstance(heard, Event) else heard)

    # What its owner asks for.

    def _ask(self, command: Command) -> Request:
        request = Request(command)
        match command:
            case Use(room):
                request.add(Done("USE", room))
                request.finish()
            case Say(room) | Act(_, room):
                if folded(room) != LOBBY:
                    raise Refusal(Code.FORBIDDEN, f"there is one room between peers: {LOBBY}")
                self._say(request, self._links.all())
            case Tell(name):
                self._say(request, self._links.called(name))
            case Who() | Rooms():
                answered = partial(_answer, request, self._acquaintance.key_of)
                self._seat.obey(command, self._reactor.seconds(), answered)
            case _:
                raise Refusal(Code.BAD, "no command between peers")
        return request

    def _say(self, request: Request, links: list[ChatDatagramClient]) -> None:
        """Say something to some peers; it is done when all of them have heard it."""
        if not links:
            raise Refusal(Code.UNKNOWN, "nobody else is here")
        told = [Deferred.fromCoroutine(each.request(request.command)) for each in links]

        def finish(outcomes: list[tuple[bool, Any]]) -> None:
            failed = [
                link.other for link, (heard, _) in zip(links, outcomes, strict=True) if not heard
            ]
            if failed:
                request.fail(UndeliveredError(f"undelivered to {', '.join(failed)}"))
            else:
                request.add(Done("SAY", LOBBY))
                request.finish()

        DeferredList(told, consumeErrors=True).addCallback(finish)


def _answer(request: Request, key_of: Callable[[str], str | None], answer: Answer) -> None:
    replies = [Refused(answer.code, answer.text)] if isinstance(answer, Refusal) else answer
    for reply in replies:
        # Among peers nobody is more than the others; the hub takes its owner for an operator.
        if isinstance(reply, Present):
            reply = replace(reply, role="-", key=key_of(reply.name))
        request.add(reply)
    request.finish()
