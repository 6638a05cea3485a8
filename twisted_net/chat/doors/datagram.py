"""The datagram door: sessions over UDP (docs/protocols/chat.md)."""

import math
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any

from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer

from twisted_net.chat.codec import actions
from twisted_net.chat.codec.datagram import (
    MAX_PACKET,
    MIN_HELLO,
    RETRY_LENGTH,
    ROLES,
    Flag,
    Key,
    Malformed,
    Packet,
    Type,
    decode,
    encode,
    packed,
    session_of,
    unpacked,
)
from twisted_net.chat.codec.messages import Code, Refusal, decoded
from twisted_net.chat.core.cookies import Cookies
from twisted_net.chat.core.datagram import Session
from twisted_net.chat.core.handshake import Invitation
from twisted_net.chat.core.ident import hidden_host
from twisted_net.chat.core.introduction import Answering
from twisted_net.chat.core.networks import network_of
from twisted_net.chat.core.path import Address
from twisted_net.chat.core.states import Ended, Gap, Happening, Slowed, State, Unproven
from twisted_net.chat.doors.guest import Guest
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.doors.turns import Turns
from twisted_net.chat.post import Post
from twisted_net.net.alarm import Alarm
from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.limits import SourceRates, TokenBucket, block
from twisted_net.net.service import IDrains
from twisted_net.net.unfragmented import forbid_fragments

#: Sessions in all, and from one address.
MAX_SESSIONS = 1024
MAX_SESSIONS_EACH = 64

#: Messages a second that are taken from one session, and after a pause at once.
RATE = 20.0
BURST = 100.0

#: Cookies a second for one network, which is what somebody with many addresses has: of IPv4 256
#: of them, of IPv6 what one customer is given (RFC 6177, 2).
COOKIES = 1000

#: What may be told to go and get a cookie: packets of a session that this server does not know,
#: perhaps because it was started anew. Answers are never answered.
_ASKING = (Type.PING, Type.CON, Type.NON)


@implementer(IDrains)
class ChatDatagramProtocol(DatagramProtocol):
    """The chat over UDP: nothing is remembered of an address before it has proven itself.

    :param dice: makes secrets, sessions and keys; a `random.SystemRandom` but for tests.
    :param secret: hides addresses, see `hidden_host`.
    :param name: of whoever it belongs to, among peers.
    """

    #: What its packets have besides the flag of a responder, and its clients' packets too.
    flags: int = Flag.NONE

    noisy = False
    transport: IUDPTransport  # Twisted says Optional; between start and stop it is not

    def __init__(
        self,
        post: Post[Outlet],
        reactor: Any,
        dice: Random,
        counters: DoorCounters | None = None,
        secret: bytes = b"",
        name: str = "",
    ) -> None:
        self.post = post
        self.turns = Turns(reactor)
        self._reactor = reactor
        self.dice = dice
        self._hub = post.hub
        self._secret = secret
        self._name = name
        self._drops = Drops("chat-udp", counters or DoorCounters(), reactor.seconds)
        self._cookies = Cookies(dice)
        self._networks = SourceRates(COOKIES)
        self._hosts: Counter[str] = Counter()
        self._guests: dict[bytes, Guest] = {}
        self._by_nonce: dict[tuple[bytes, Address], Guest] = {}
        self._begun: dict[bytes, Guest] = {}  # by nonce: the newest
        self._alarm = Alarm(reactor, self._wake)
        self._stopping = False

    def startProtocol(self) -> None:
        """Let nothing be sent in fragments: all packets are short enough."""
        forbid_fragments(self.transport)

    def datagramReceived(self, datagram: bytes, addr: tuple[Any, ...]) -> None:
        """Take a packet to its session, or answer a HELLO."""
        address: Address = (addr[0], addr[1])  # IPv6 adds a flow and a scope
        try:
            packet = decode(datagram)
        except Malformed as error:
            self._malformed(datagram, address, str(error))
            return
        if packet.flags & ROLES != self.flags:
            self._drops.drop("not_for_a_server", address)
        elif self._stopping:
            self._drops.drop("stopping", address)
        elif packet.type is Type.HELLO:
            self._greeted(datagram, packet, address)
        elif packet.session not in self._guests:
            self._unknown(datagram, packet, address)
        else:
            guest = self._guests[packet.session]
            if guest.address == address or self._moved(guest, packet, datagram, address):
                self._received(guest, packet, datagram)

    def transmit(self, guest: Guest) -> None:
        """Send what a session has to send, and wake it in time."""
        now = self._reactor.seconds()
        self._send(guest, now)
        self._alarm.set(guest.deadline, now)

    def dismiss(self, guest: Guest, refusal: Refusal) -> None:
        """End a session, and say why."""
        guest.session.bye(str(refusal), actions.reason_of(refusal))
        self.transmit(guest)
        self._forget(guest, "timeout", self._reactor.seconds())

    def drain(self) -> None:
        """Tell everybody that the server stops."""
        self._stopping = True
        for guest in list(self._guests.values()):
            guest.session.bye("server stopping", actions.AWAY)
            self.transmit(guest)
            guest.seat.leave("server stopping", self._reactor.seconds())
        self._guests.clear()
        self._by_nonce.clear()
        self._begun.clear()
        self._hosts.clear()
        self.turns.stop()
        self._alarm.stop()

    def stopProtocol(self) -> None:
        """Leave no timer behind."""
        self.turns.stop()
        self._alarm.stop()

    # From who has no session.

    def _malformed(self, datagram: bytes, address: Address, why: str) -> None:
        guest = self._guests.get(session_of(datagram)) if len(datagram) > MAX_PACKET else None
        if guest is not None and guest.address == address and guest.session.refuse_long(datagram):
            self.transmit(guest)
        self._drops.drop(why, address)

    def _greeted(self, datagram: bytes, packet: Packet, address: Address) -> None:
        known = self._by_nonce.get((packet.session, address))
        if known is not None:
            self._received(known, packet, datagram)
        elif len(datagram) < MIN_HELLO:
            self._drops.drop("short_hello", address)
        elif self._proves(packet, address):
            self._invite(packet, address)
        else:
            self._retry(packet, address)

    def _unknown(self, datagram: bytes, packet: Packet, address: Address) -> None:
        self._drops.drop("unknown_session", address)
        if packet.type in _ASKING and len(datagram) >= RETRY_LENGTH:
            self._retry(packet, address)

    def _proves(self, packet: Packet, address: Address) -> bool:
        cookie = unpacked(packet.fields).get(Key.COOKIE, b"")
        return self._cookies.good(cookie, address, self._reactor.seconds())

    def _retry(self, packet: Packet, address: Address) -> None:
        if not self._networks.take(network_of(address[0]), 1, self._reactor.seconds()):
            self._drops.drop("too_many_cookies", address)
            return
        cookie = self._cookies.make(address, self._reactor.seconds())
        self._answer(Type.RETRY, packet, {Key.COOKIE: cookie}, address)

    def _invite(self, packet: Packet, address: Address) -> None:
        try:
            self._forget_half(packet.session)
            name = decoded(unpacked(packet.fields).get(Key.NAME, b""))
            self._refuse_crowd(address[0])
            self._begin(packet, address, name)
        except Refusal as refusal:
            error = {Key.ERROR: str(refusal).encode()}
            self._answer(Type.RST, packet, error, address, actions.reason_of(refusal))

    def _refuse_crowd(self, host: str) -> None:
        if len(self._guests) >= self._most() or self._hosts[block(host)] >= MAX_SESSIONS_EACH:
            self._drops.drop("too_many_sessions", host)
            raise Refusal(Code.UNAVAILABLE, "too many sessions")

    def _forget_half(self, nonce: bytes) -> None:
        """Forget what was begun under a nonce at another address: its client has moved meanwhile.

        Else the name would be taken, by nobody but the client itself.
        """
        guest = self._begun.get(nonce)
        if guest is not None and guest.session.state is State.HALF:
            self._forget(guest, "timeout", self._reactor.seconds())

    def _most(self) -> int:
        """Return how many sessions there may be."""
        return MAX_SESSIONS

    def _begin(self, packet: Packet, address: Address, name: str) -> None:
        now = self._reactor.seconds()
        invitation = Invitation(
            nonce=packet.session,
            session=self.dice.randbytes(8),
            key=self.dice.randbytes(16),
            seq=packet.seq,
            name=self._hub.free(name),
            room=self._hub.lobby,
            host=self._name,
            introduction=self._introduction(packet, address),
        )
        bucket = TokenBucket(RATE, BURST, now)
        session = Session.responder(self.dice, now, invitation, bucket.take, self.flags)
        guest = self._guest(session, address, packet)
        guest.seat.claim(name, now)  # so that nobody else takes it while the session is half open
        self._guests[session.id] = self._begun[packet.session] = guest
        self._place(guest)
        self.transmit(guest)

    def _introduction(self, hello: Packet, address: Address) -> Answering | None:
        """Return how this side and a client prove who they are; a server and its clients do not."""
        return None

    def _guest(self, session: Session, address: Address, hello: Packet) -> Guest:
        return Guest(self, session, address, self._hidden(address), hello)

    def _hidden(self, address: Address) -> str:
        return hidden_host(address[0], self._secret)

    def _place(self, guest: Guest) -> None:
        self._by_nonce[guest.session.nonce, guest.address] = guest
        self._hosts[block(guest.address[0])] += 1

    def _displace(self, guest: Guest) -> None:
        del self._by_nonce[guest.session.nonce, guest.address]
        host = block(guest.address[0])
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]

    def _answer(
        self,
        kind: Type,
        packet: Packet,
        fields: dict[Key, bytes],
        address: Address,
        code: int = 0,
    ) -> None:
        flags = self.flags | Flag.RESPONDER
        made = Packet(kind, packet.session, code, fields=packed(fields), flags=flags)
        self.transport.write(encode(made), address)

    # From who has one.

    def _moved(self, guest: Guest, packet: Packet, datagram: bytes, address: Address) -> bool:
        """Follow a peer to another address, once it has proven that it is there.

        Until then its old one stays in use, and nothing is heard of what it says elsewhere (R20).
        """
        now = self._reactor.seconds()
        question, moved = guest.session.elsewhere(packet, datagram, address, now)
        if moved and self._hosts[block(address[0])] < MAX_SESSIONS_EACH:
            self._displace(guest)
            guest.move(address, self._hidden(address), now)
            self._place(guest)
            return True
        self._drops.drop("other_address", address)
        if question:
            self.transport.write(question, address)
        return False

    def _received(self, guest: Guest, packet: Packet, datagram: bytes) -> None:
        now = self._reactor.seconds()
        self._happened(guest, guest.session.took(packet, datagram, now), now)
        self._alarm.set(guest.deadline, now)

    def _happened(self, guest: Guest, happenings: Iterable[Happening], now: float) -> None:
        for happening in happenings:
            match happening:
                case Slowed():
                    self._drops.drop("slowed", guest.address)
                case Ended(why):
                    self._forget(guest, why, now)
                case Gap(missing):
                    self._drops.drop("skipped", guest.address, len(missing))
                    guest.happened(happening, now)
                case Unproven():
                    self._drops.drop("bad_proof", guest.address)
                    guest.happened(happening, now)
                case _:
                    guest.happened(happening, now)
        self._send(guest, now)

    def _send(self, guest: Guest, now: float) -> None:
        for datagram in guest.session.outgoing(now):
            self.transport.write(datagram, guest.address)
        guest.deadline = guest.session.deadline

    def _forget(self, guest: Guest, why: str, now: float) -> None:
        if self._guests.pop(guest.session.id, None) is None:
            return
        self._displace(guest)
        if self._begun.get(guest.session.nonce) is guest:
            del self._begun[guest.session.nonce]
        guest.seat.leave(why, now)
        if not self._guests:
            self._alarm.stop()

    # The one alarm.

    def _wake(self) -> None:
        now = self._reactor.seconds()
        for guest in [each for each in self._guests.values() if each.deadline <= now]:
            self._happened(guest, guest.session.wake(now), now)
        self._alarm.set(
            min([each.deadline for each in self._guests.values()], default=math.inf), now
        )
