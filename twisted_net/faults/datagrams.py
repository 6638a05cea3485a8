"""A datagram door that passes everything on to another server, but for what the rules break."""

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import MessageLengthError
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import DatagramProtocol

from twisted_net.faults.core.breakage import TICK, Breakage
from twisted_net.faults.core.datagrams import DatagramWay, Rule
from twisted_net.faults.core.harm import Way
from twisted_net.net.endpoints import LONGEST_DATAGRAM
from twisted_net.net.fast.opening import fast
from twisted_net.net.text import with_port
from twisted_net.testing.packets import Packet

Address = tuple[str, int]

#: Ports at a time from which one server may answer one client: transfers that run side by side.
OTHERS = 8

#: What this host calls itself, whatever a port listens on.
_LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


class _Port(DatagramProtocol):
    """A port of the proxy's own.

    :param heard: called with each datagram and its sender.
    """

    noisy = False
    transport: Any

    def __init__(self, heard: Callable[[bytes, Address], None]) -> None:
        self._heard = heard

    def datagramReceived(self, datagram: bytes, addr: tuple[Any, ...]) -> None:
        """Hand it on."""
        self._heard(datagram, addr[:2])


class Guest:
    """One client: a port of its own towards the server, and a way in each direction.

    A server may answer from another port than it was asked at, and want to be spoken to there, as
    TFTP's do (RFC 1350, 4). Such an answer reaches the client from another port of the proxy's
    too, and what the client sends there goes to where that answer came from.
    """

    def __init__(self, door: "BreakingDatagrams", number: int, client: Address) -> None:
        self.number = number
        self.active = door.reactor.seconds()
        self._door = door
        self._breakage = door.breakage
        self._reactor = door.reactor
        self._client = client
        self._upstream = _Port(self._answered)
        self._others: dict[Address, _Port] = {}  # by where the server answered from, oldest first
        self._timers: dict[Way, IDelayedCall] = {}
        began = self._reactor.seconds()
        self._ways = {
            way: DatagramWay(*self._breakage.terms(number, way), began, door.rule) for way in Way
        }

    def open(self) -> None:
        """Open the port towards the server.

        :raises CannotListenError: there is none to be had.
        """
        interface = "::" if ":" in self._door.server[0] else ""
        fast(self._reactor).listenUDP(0, self._upstream, interface, LONGEST_DATAGRAM)

    def follow(self) -> None:
        """Take the rules as they are now."""
        for way, each in self._ways.items():
            each.harm = self._breakage.harm(self.number, way)

    def asked(self, datagram: bytes) -> None:
        """Take a datagram of the client's."""
        self._take(Way.TO_SERVER, datagram, self._client, self._door.server)

    def _answered(self, datagram: bytes, there: Address) -> None:
        if there[0] == self._door.server[0]:
            self._take(Way.TO_CLIENT, datagram, there, self._client)
        else:
            self._breakage.tallies[Way.TO_CLIENT].count("stranger")

    def _asked_elsewhere(self, there: Address, datagram: bytes, sender: Address) -> None:
        if sender == self._client[:2]:
            self._take(Way.TO_SERVER, datagram, self._client, there)
        else:
            self._breakage.tallies[Way.TO_SERVER].count("stranger")

    def _take(self, way: Way, data: bytes, source: Address, goal: Address) -> None:
        now = self.active = self._reactor.seconds()
        flow = f"{self.number} {way.value}"
        packet = Packet("udp", source[0], source[1], goal[0], goal[1], flow, data)
        self._breakage.tell(*self._ways[way].feed(packet, now))
        self._run(way)

    def _run(self, way: Way) -> None:
        timer = self._timers.pop(way, None)
        if timer is not None and timer.active():
            timer.cancel()
        now = self._reactor.seconds()
        for packet in self._ways[way].take(now + TICK):
            self._send(way, packet)
        deadline = self._ways[way].deadline
        if deadline is not None:
            self._timers[way] = self._reactor.callLater(deadline - now, self._run, way)

    def _send(self, way: Way, packet: Packet) -> None:
        try:
            if way is Way.TO_SERVER:
                self._upstream.transport.write(packet.payload, (packet.dst, packet.dport))
            else:
                port = self._port_for((packet.src, packet.sport))
                port.transport.write(packet.payload, self._client)
        except (OSError, MessageLengthError):  # UDP promises no more
            self._breakage.tallies[way].count("not-sent")

    def _port_for(self, there: Address) -> "_Port | BreakingDatagrams":
        """Return the port from which the client hears what the server says from ``there``.

        :raises CannotListenError: there is none to be had.
        """
        if there == self._door.server:
            return self._door
        port = self._others.pop(there, None)
        if port is None:
            port = _Port(partial(self._asked_elsewhere, there))
            host = self._door.transport.getHost().host
            fast(self._reactor).listenUDP(0, port, host, LONGEST_DATAGRAM)
        self._others[there] = port
        if len(self._others) > OTHERS:
            oldest = self._others.pop(next(iter(self._others)))
            maybeDeferred(oldest.transport.stopListening)
        return port

    def close(self) -> Deferred[Any]:
        """Close the ports, and leave no timer behind; what is under way is lost."""
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        self._timers.clear()
        ports = [self._upstream, *self._others.values()]
        self._others.clear()
        closing = [maybeDeferred(each.transport.stopListening) for each in ports]
        return DeferredList(closing, consumeErrors=True)


class BreakingDatagrams(DatagramProtocol):
    """Passes every datagram on to another server, and the answers back, but for what rules break.

    A client is known by its address, and forgotten after a while in silence.

    :param server: an address, not a name.
    :param rule: sees every datagram, as a rule of the simulated network does.
    """

    noisy = False
    transport: Any

    def __init__(
        self, reactor: Any, server: Address, breakage: Breakage, rule: Rule | None = None
    ) -> None:
        self.reactor = reactor
        self.server = server
        self.breakage = breakage
        self.rule = rule
        self.guests: dict[Address, Guest] = {}
        self._looking: IDelayedCall | None = None

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """Take a datagram of a client's."""
        if self._is_ours(addr):
            self.breakage.tallies[Way.TO_SERVER].count("loop")
            return
        guest = self.guests.get(addr) or self._welcome(addr)
        if guest is not None:
            guest.asked(datagram)

    def _is_ours(self, addr: Address) -> bool:
        """Say whether a datagram claims to come from our own port: its answer would come back."""
        here = self.transport.getHost()
        return addr[1] == here.port and (addr[0] == here.host or addr[0] in _LOOPBACK)

    def _welcome(self, addr: Address) -> Guest | None:
        number = self.breakage.enter(with_port(*addr[:2]), lambda: guest.follow())
        if number is None:
            return None
        guest = Guest(self, number, addr)
        try:
            guest.open()
        except OSError as error:
            self.breakage.leave(number, f"no port towards the server: {error.strerror}")
            return None
        self.guests[addr] = guest
        if self._looking is None:
            self._looking = self.reactor.callLater(self.breakage.idle, self._look)
        return guest

    def _look(self) -> None:
        """Forget who has been silent for too long."""
        now, idle = self.reactor.seconds(), self.breakage.idle
        for addr, guest in list(self.guests.items()):
            if now + TICK >= guest.active + idle:
                del self.guests[addr]
                guest.close()
                self.breakage.leave(guest.number, f"silent for {idle:g} s")
        oldest = min((guest.active for guest in self.guests.values()), default=None)
        self._looking = None
        if oldest is not None:
            self._looking = self.reactor.callLater(oldest + idle - now, self._look)

    def stop(self) -> Deferred[Any]:
        """Forget everybody; fire when their ports are closed."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        guests, self.guests = self.guests, {}
        for guest in guests.values():
            self.breakage.leave(guest.number, "the proxy stopped")
        return DeferredList([guest.close() for guest in guests.values()], consumeErrors=True)
