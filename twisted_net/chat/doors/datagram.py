"""The datagram door: sessions over UDP (docs/protocols/chat.md)."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IUDPTransport
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
from twisted_net.chat.codec.messages import Code, Event, Kind, Refusal, decoded
from twisted_net.chat.core.cookies import Cookies
from twisted_net.chat.core.datagram import Invitation, Session
from twisted_net.chat.core.ident import hidden_host
from twisted_net.chat.core.states import Came, Ended, Happening, Opened, Slowed
from twisted_net.chat.doors.outlet import Outlet, Turns
from twisted_net.chat.post import Post
from twisted_net.chat.seat import Answer, Seat
from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.limits import TokenBucket
from twisted_net.net.service import IDrains

Address = tuple[str, int]

#: Sessions in all, and from one address.
MAX_SESSIONS = 1024
MAX_SESSIONS_EACH = 64

#: Messages a second that are taken from one session, and after a pause at once.
RATE = 20.0
BURST = 100.0

#: What may be told to go and get a cookie: packets of a session that this server does not know,
#: perhaps because it was started anew. Answers are never answered.
_ASKING = (Type.PING, Type.CON, Type.NON)


@dataclass(frozen=True, slots=True)
class DatagramProfile:
    """Events as datagram messages; what one said oneself comes back as a result, with its id."""

    echoes: frozenset[Kind] = frozenset()

    def render(self, event: Event) -> bytes:
        """Write an event."""
        return actions.told(event)


PROFILE = DatagramProfile()


class Guest:
    """One session at the door: its address, its seat, and the outlet of its member.

    :ivar deadline: that of its session, as of the last time that something was sent: the door
        asks all guests for it whenever its timer rings.
    """

    profile = PROFILE

    def __init__(self, door: "ChatDatagramProtocol", session: Session, address: Address) -> None:
        self.session = session
        self.address = address
        self.deadline = math.inf
        host = hidden_host(address[0], door.secret)
        self.seat: Seat[Outlet] = Seat(door.post, self, "udp", host)
        self._door = door
        self._dirty = False

    def add(self, message: bytes) -> None:
        """Take an event; it goes out at the end of this turn."""
        self.session.offer(message)
        if not self._dirty:
            self._dirty = True
            self._door.turns.soon(self._flush)

    def _flush(self) -> None:
        self._dirty = False
        self._door.transmit(self)


@implementer(IDrains)
class ChatDatagramProtocol(DatagramProtocol):
    """The chat over UDP: nothing is remembered of an address before it has proven itself.

    :param dice: makes secrets, sessions and keys; a `random.SystemRandom` but for tests.
    :param secret: hides addresses, see `hidden_host`.
    """

    noisy = False
    transport: IUDPTransport  # Twisted says Optional; between start and stop it is not

    def __init__(
        self,
        post: Post[Outlet],
        reactor: Any,
        dice: Random,
        counters: DoorCounters | None = None,
        secret: bytes = b"",
    ) -> None:
        self.post = post
        self.hub = post.hub
        self.secret = secret
        self.turns = Turns(reactor)
        self._reactor = reactor
        self._dice = dice
        self._drops = Drops("chat-udp", counters or DoorCounters(), reactor.seconds)
        self._cookies = Cookies(dice)
        self._guests: dict[bytes, Guest] = {}
        self._by_nonce: dict[tuple[bytes, Address], Guest] = {}
        self._timer: IDelayedCall | None = None
        self._timer_at = 0.0
        self._stopping = False

    def datagramReceived(self, datagram: bytes, addr: tuple[Any, ...]) -> None:
        """Take a packet to its session, or answer a HELLO."""
        address: Address = (addr[0], addr[1])  # IPv6 adds a flow and a scope
        try:
            packet = decode(datagram)
        except Malformed as error:
            self._malformed(datagram, address, str(error))
            return
        if packet.flags & ROLES:
            self._drops.drop("not_for_a_server", address)
        elif self._stopping:
            self._drops.drop("stopping", address)
        elif packet.type is Type.HELLO:
            self._greeted(datagram, packet, address)
        elif packet.session not in self._guests:
            self._unknown(datagram, packet, address)
        elif self._guests[packet.session].address != address:
            self._drops.drop("other_address", address)
        else:
            self._received(self._guests[packet.session], packet, datagram)

    def transmit(self, guest: Guest) -> None:
        """Send what a session has to send, and wake it in time."""
        now = self._reactor.seconds()
        self._send(guest, now)
        self._arm(guest.deadline, now)

    def drain(self) -> None:
        """Tell everybody that the server stops."""
        self._stopping = True
        for guest in list(self._guests.values()):
            guest.session.bye("server stopping", actions.AWAY)
            self.transmit(guest)
            guest.seat.leave("server stopping", self._reactor.seconds())
        self._guests.clear()
        self._by_nonce.clear()
        self.turns.stop()
        self._disarm()

    def stopProtocol(self) -> None:
        """Leave no timer behind."""
        self.turns.stop()
        self._disarm()

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
        cookie = self._cookies.make(address, self._reactor.seconds())
        self._answer(Type.RETRY, packet, {Key.COOKIE: cookie}, address)

    def _invite(self, packet: Packet, address: Address) -> None:
        try:
            name = decoded(unpacked(packet.fields).get(Key.NAME, b""))
            self._refuse_crowd(address[0])
            self._begin(packet, address, name)
        except Refusal as refusal:
            error = {Key.ERROR: str(refusal).encode()}
            self._answer(Type.RST, packet, error, address, actions.reason_of(refusal))

    def _refuse_crowd(self, host: str) -> None:
        here = sum(guest.address[0] == host for guest in self._guests.values())
        if len(self._guests) >= MAX_SESSIONS or here >= MAX_SESSIONS_EACH:
            self._drops.drop("too_many_sessions", host)
            raise Refusal(Code.UNAVAILABLE, "too many sessions")

    def _begin(self, packet: Packet, address: Address, name: str) -> None:
        now = self._reactor.seconds()
        invitation = Invitation(
            nonce=packet.session,
            session=self._dice.randbytes(8),
            key=self._dice.randbytes(16),
            seq=packet.seq,
            name=self.hub.free(name),
            room=self.hub.lobby,
        )
        bucket = TokenBucket(RATE, BURST, now)
        session = Session.responder(self._dice, now, invitation, bucket.take)
        guest = Guest(self, session, address)
        guest.seat.claim(name, now)  # so that nobody else takes it while the session is half open
        self._guests[session.id] = self._by_nonce[session.nonce, address] = guest
        self.transmit(guest)

    def _answer(
        self,
        kind: Type,
        packet: Packet,
        fields: dict[Key, bytes],
        address: Address,
        code: int = 0,
    ) -> None:
        made = Packet(kind, packet.session, code, fields=packed(fields), flags=Flag.RESPONDER)
        self.transport.write(encode(made), address)

    # From who has one.

    def _received(self, guest: Guest, packet: Packet, datagram: bytes) -> None:
        now = self._reactor.seconds()
        self._happened(guest, guest.session.took(packet, datagram, now), now)
        self._arm(guest.deadline, now)

    def _happened(self, guest: Guest, happenings: Iterable[Happening], now: float) -> None:
        for happening in happenings:
            match happening:
                case Came(seq, body):
                    self._obey(guest, seq, body, now)
                case Opened():
                    guest.seat.arrive(now, partial(self._arrived, guest))
                case Slowed():
                    self._drops.drop("slowed", guest.address)
                case Ended(why):
                    self._forget(guest, why, now)
        self._send(guest, now)

    def _send(self, guest: Guest, now: float) -> None:
        for datagram in guest.session.outgoing(now):
            self.transport.write(datagram, guest.address)
        deadline = guest.session.deadline
        guest.deadline = math.inf if deadline is None else deadline

    def _obey(self, guest: Guest, seq: int, body: bytes, now: float) -> None:
        try:
            command = actions.parse(body)
        except Refusal as refusal:
            guest.session.send(actions.refused(refusal, seq))
            return
        guest.seat.obey(command, now, partial(self._answered, guest, seq))

    def _answered(self, guest: Guest, seq: int, answer: Answer) -> None:
        if isinstance(answer, Refusal):
            guest.session.send(actions.refused(answer, seq))
            return
        for body in actions.answered(answer, seq):
            if body[0] == actions.Action.RESULT:
                guest.session.send(body)  # whoever asked waits for it
            else:
                guest.session.offer(body)
        self.turns.soon(partial(self.transmit, guest))

    def _arrived(self, guest: Guest, answer: Answer) -> None:
        if isinstance(answer, Refusal):
            guest.session.bye(str(answer), actions.reason_of(answer))

    def _forget(self, guest: Guest, why: str, now: float) -> None:
        del self._guests[guest.session.id]
        del self._by_nonce[guest.session.nonce, guest.address]
        guest.seat.leave(why, now)
        if not self._guests:
            self._disarm()

    # The one timer.

    def _arm(self, deadline: float, now: float) -> None:
        """Wake at ``deadline``, or earlier; a timer that comes too early does no harm."""
        if deadline == math.inf or (self._timer is not None and self._timer_at <= deadline):
            return
        self._disarm()
        self._timer = self._reactor.callLater(max(0.0, deadline - now), self._wake)
        self._timer_at = deadline

    def _wake(self) -> None:
        self._timer = None
        now = self._reactor.seconds()
        for guest in [each for each in self._guests.values() if each.deadline <= now]:
            self._happened(guest, guest.session.wake(now), now)
        self._arm(min([each.deadline for each in self._guests.values()], default=math.inf), now)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
