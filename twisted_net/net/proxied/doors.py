"""Doors behind a proxy: the limits, the log and the protocol inside see who is really there."""

import ipaddress
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import directlyProvides, providedBy

from twisted_net.net.around import Around
from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.fast.streams import FastStream
from twisted_net.net.proxied.codec import HeaderReader, Said, begins
from twisted_net.net.settings import Reading

#: Seconds that a proxy has for its header: it may be lost once and be sent again (section 3).
HEADER_WITHIN = 5.0

#: Connections of proxies that may wait for their headers at one time, at each door: as long as
#: nobody is known to be behind them, no limit counts them.
MOST_WAITING = 1024

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Believed:
    """The addresses whose PROXY headers are believed.

    :param text: addresses and networks, with commas between; ``unix``: whoever reaches a UNIX
        socket.
    :raises ValueError: it is nothing of the kind; the message is for the user.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._unix = False
        self._networks: list[_Network] = []
        for word in filter(None, (word.strip() for word in text.split(","))):
            if word == "unix":
                self._unix = True
                continue
            try:
                self._networks.append(ipaddress.ip_network(word))
            except ValueError as error:
                raise ValueError(
                    f"need addresses or networks with commas between, as 192.0.2.1,10.0.0.0/8,"
                    f" or unix; {word!r} is none"
                ) from error

    def __str__(self) -> str:
        """Return it as ``--proxy-from`` takes it."""
        return self._text

    def __bool__(self) -> bool:
        """Say whether anybody is believed."""
        return bool(self._networks) or self._unix

    def __contains__(self, addr: IAddress | None) -> bool:
        """Say whether who connects from an address is believed."""
        return self.believes(getattr(addr, "host", "") or "")

    def believes(self, host: str) -> bool:
        """Say whether who connects from an IP address is believed; empty: from a UNIX socket."""
        if not host:
            return self._unix
        address = ipaddress.ip_address(host)
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)


#: Nobody.
NOBODY = Believed("")

READING = Reading("CIDR,CIDR", Believed)


class ProxiedFactory(Around):
    """A stream door that proxies may reach; each of them has to say first for whom.

    Who is not one of them is served as ever, unless it pretends to be one.

    :param inside: what the peers are for: the door's guard, or TLS round it.
    :param drops: where the door counts whom it refuses.
    """

    def __init__(self, inside: Any, believed: Believed, reactor: Any, drops: Any) -> None:
        super().__init__(inside)
        self.drops = drops
        self.reactor = reactor
        self.waiting = 0
        self._believed = believed

    @property
    def socket_options(self) -> Any:
        """What each connection's socket is to be set to."""
        factory = self._inside
        while not hasattr(factory, "socket_options"):
            factory = getattr(factory, "wrappedFactory", None)
            if factory is None:
                return []
        return factory.socket_options

    def logPrefix(self) -> str:
        """Return what log lines are marked with."""
        prefix: str = self._inside.logPrefix()
        return prefix

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Build what waits for a proxy's header, or else what the peer is for."""
        if addr not in self._believed:
            inside = self.build(addr)
            return None if inside is None else _Stranger(inside, self.drops, addr)
        if self.waiting >= MOST_WAITING:
            self.drops.drop("too_many_proxy", addr)
            return None
        return _Proxy(self, addr)

    def build(self, addr: IAddress | None) -> Any:
        """Build what a peer is for; the limits count it from here on."""
        return self._inside.buildProtocol(addr)


class _Stranger(Protocol):
    """See to it that who is no proxy does not speak as one; then be gone.

    This stands before the protocol inside until the first bytes have come.
    """

    def __init__(self, inside: Any, drops: Any, addr: IAddress | None) -> None:
        self._inside = inside
        self._drops = drops
        self._addr = addr

    def makeConnection(self, transport: Any) -> None:
        """Connect the protocol inside, and stand before whatever hears the transport then."""
        transport.protocol = self._inside
        self._inside.makeConnection(transport)
        self._inside = transport.protocol
        self.transport = transport
        directlyProvides(self, providedBy(self._inside))
        transport.protocol = self

    def dataReceived(self, data: bytes) -> None:
        """Look at the first bytes."""
        transport: Any = self.transport
        if begins(data):
            self._drops.drop("proxy_not_believed", self._addr)
            transport.abortConnection()
            return
        transport.protocol = self._inside
        self._inside.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Pass it on."""
        self._inside.connectionLost(reason)

    def logPrefix(self) -> str:
        """Return what log lines are marked with."""
        prefix: str = self._inside.logPrefix()
        return prefix

    def __getattr__(self, name: str) -> Any:
        """Be the protocol inside in everything else."""
        return getattr(self._inside, name)


class _Proxy(Protocol):
    """Wait for the header; then be gone."""

    transport: Any

    def __init__(self, factory: ProxiedFactory, addr: IAddress | None) -> None:
        self._factory = factory
        self._addr = addr
        self._reader = HeaderReader()
        self._heard = False
        self._due: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Wait, but not for long."""
        self._factory.waiting += 1
        self._due = self._factory.reactor.callLater(HEADER_WITHIN, self._refuse, "proxy_late")

    def dataReceived(self, data: bytes) -> None:
        """Take a piece of the header, or of what follows it."""
        if self._due is None:
            return  # refused
        self._heard = True
        try:
            said = self._reader.feed(data)
        except RemoteProtocolError:
            self._refuse("proxy_bad_header")
            return
        if said is not None:
            self._go_on(said)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Forget it; who says nothing at all, a health check say, has done nothing wrong."""
        if self._due is not None and self._heard:
            self._factory.drops.drop("proxy_no_header", self._addr)
        self._wait_no_more()

    def _go_on(self, said: Said) -> None:
        transport = self.transport
        self._wait_no_more()
        if said.host:
            kind = IPv6Address if ":" in said.host else IPv4Address
            real: Any = kind("TCP", said.host, said.port)
            transport.getPeer = lambda: real
            transport.hostname = said.host  # which log lines are marked with
        inside = self._factory.build(transport.getPeer())
        if inside is None:
            transport.abortConnection()
            return
        transport.protocol = inside
        inside.makeConnection(transport)
        rest = self._reader.rest
        if rest and transport.connected:
            if isinstance(transport, FastStream):
                transport.counters.received += len(rest)
            transport.protocol.dataReceived(rest)

    def _refuse(self, reason: str) -> None:
        self._wait_no_more()
        self._factory.drops.drop(reason, self._addr)
        self.transport.abortConnection()

    def _wait_no_more(self) -> None:
        due, self._due = self._due, None
        if due is None:
            return
        self._factory.waiting -= 1
        if due.active():
            due.cancel()
