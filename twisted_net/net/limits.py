"""How much one peer, and all peers together, may have: pure; the guards apply it to each door."""

import ipaddress
from dataclasses import dataclass, field
from typing import Literal

from twisted_net.net.settings import seconds, setting, size, whole

#: Sources whose datagrams are counted at one time. A flood of spoofed addresses pushes the oldest
#: out, which costs an honest peer no more than a fresh bucket.
SOURCES = 4096

#: Datagrams of a source that are let pass at one look at the clock: at most so many, and what its
#: rate gives in so many seconds.
GRANT, GRANTED_SECONDS = 128, 1 / 128

#: Ports from which no person's client sends, and which are never answered: below 1024 live the
#: services that answer anything (echo, chargen, DNS, NTP, TFTP, SNMP); the others are SSDP, mDNS
#: and memcached. Answering them is how two servers are set talking to each other for ever (CERT
#: CA-1996-01, CVE-2024-2169).
LOOP_PORTS = frozenset({*range(1024), 1900, 5353, 11211})


#: Descriptors kept free of connections: listening sockets, files, logs, the reactor's own.
RESERVED_DESCRIPTORS = 64

#: Bits of an IPv6 address that name a network: who has one host there has all of its addresses
#: (RFC 4291, 2.5.4; RFC 6177).
NETWORK_BITS = 64


def block(host: str) -> str:
    """Return what a peer is counted under: its IPv4 address, or the network of its IPv6 address.

    A neighbour on a link, or this host itself, is counted alone: nobody else has its address.
    """
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return host
    if address.ipv4_mapped is not None:  # a socket for IPv6 may take both
        return str(address.ipv4_mapped)
    if address.is_link_local or address.is_loopback:
        return host
    network = int(address) >> (128 - NETWORK_BITS) << (128 - NETWORK_BITS)
    return f"{ipaddress.IPv6Address(network)}/{NETWORK_BITS}"


@dataclass(frozen=True, slots=True)
class Room:
    """How many connections fit the descriptors that the process may have.

    :ivar connections: so many, and at least one.
    :ivar descriptors: the soft limit (RLIMIT_NOFILE) to be set; None: there is none.
    """

    connections: int
    descriptors: int | None


def room(wanted: int, soft: int | None, hard: int | None) -> Room:
    """Work out how many of so many wanted connections there can be.

    :param soft: the soft limit of descriptors, which may be raised up to the hard one.
    :param hard: the hard limit; None: there is none.
    """
    needed = wanted + RESERVED_DESCRIPTORS
    if soft is None:
        return Room(wanted, None)
    if soft < needed:
        soft = needed if hard is None else max(soft, min(needed, hard))
    return Room(max(1, min(wanted, soft - RESERVED_DESCRIPTORS)), soft)


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What one peer, and all peers together, may have."""

    # Idle connections are cheap, some 1.1 KiB each: the numbers bound descriptors, not memory.
    max_conns: int = setting(
        1024, "Connections at one time, all stream doors together.", whole(1, 100_000)
    )
    max_conns_per_peer: int = setting(
        64,
        "Connections at one time from one address, or one IPv6 network (/64).",
        whole(1, 100_000),
    )
    max_send_queue: int = setting(
        16 << 20,
        "Bytes that may wait for a peer that does not read; who writes on then is cut.",
        size(65536, 1 << 40),
    )
    first_message: float = setting(
        30.0,
        "Seconds from a connection to its first message, where the door has no rule of its own;"
        " 0: for ever.",
        seconds(0, 86400),
    )
    udp_rate: int = setting(
        10_000,
        "Datagrams a second that one address, or IPv6 network (/64), may send to a door; 0: any.",
        whole(0, 100_000_000),
    )


class TokenBucket:
    """Let through ``rate`` things a second, after a burst of at most ``burst``.

    A clock that is set back, as reactors' clocks may be, costs no tokens.
    """

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float, cost: float = 1.0) -> bool:
        """Take ``cost`` tokens if they are there; say whether they were."""
        self._tokens = min(self._burst, self._held(now))
        self._at = now
        if self._tokens < cost:
            return False
        self._tokens -= cost
        return True

    def take_up_to(self, count: int, now: float) -> int:
        """Take ``count`` tokens, or as many whole ones as there are; return how many."""
        held = self._tokens
        if now > self._at:
            held = min(self._burst, held + (now - self._at) * self._rate)
        self._at = now
        taken = count if count <= held else int(held)
        self._tokens = held - taken
        return taken

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Return the seconds until ``cost`` tokens will be there."""
        return max(0.0, (cost - self._held(now)) / self._rate)

    def _held(self, now: float) -> float:
        return self._tokens + max(0.0, now - self._at) * self._rate


class Source:
    """What one source of datagrams may still send.

    :ivar granted: datagrams that may pass without anybody looking at a clock: who lets one pass
        takes one off. They have been taken out of the bucket, and so add to nothing.
    """

    __slots__ = ("bucket", "granted")

    def __init__(self, bucket: TokenBucket, granted: int) -> None:
        self.bucket = bucket
        self.granted = granted


class SourceRates:
    """A token bucket for each source of datagrams, at most `SOURCES` of them.

    :param rate: datagrams a second and source, with a burst of one second's worth; 0: no limit.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._grant = min(GRANT, int(rate * GRANTED_SECONDS)) if rate else GRANT
        self._sources: dict[str, Source] = {}

    def source(self, host: str, now: float) -> Source:
        """Return what an address may still send; a fresh one if it was not known."""
        source = self._sources.get(host)
        if source is None:
            if len(self._sources) >= SOURCES:
                oldest = self._sources.pop(next(iter(self._sources)))
                oldest.granted = 0  # whoever remembers it has to ask for the new one
            bucket = TokenBucket(self._rate, self._rate - self._grant, now)
            source = self._sources[host] = Source(bucket, self._grant)
        return source

    def take(self, host: str, count: int, now: float) -> int:
        """Return how many of ``count`` more datagrams from an address may pass."""
        source = self.source(host, now)
        if not self._rate:
            source.granted = self._grant
            return count
        granted = min(source.granted, count)
        source.granted -= granted
        if granted == count:
            return count
        taken = granted + source.bucket.take_up_to(count - granted, now)
        if taken == count:
            source.granted = source.bucket.take_up_to(self._grant, now)
        return taken


Refused = Literal["all", "peer"]


@dataclass(slots=True)
class Census:
    """Who is connected: counted over all stream doors of one server.

    :param limit: connections in all.
    :param per_peer: connections from one address.
    """

    limit: int
    per_peer: int
    total: int = 0
    peers: dict[str, int] = field(default_factory=dict)

    def enter(self, peer: str) -> Refused | None:
        """Count a connection in, or say which limit refuses it."""
        if self.total >= self.limit:
            return "all"
        here = self.peers.get(peer, 0)
        if here >= self.per_peer:
            return "peer"
        self.total += 1
        self.peers[peer] = here + 1
        return None

    def move(self, peer: str, to: str) -> bool:
        """Count a connection that `enter` let in as another peer's; say whether that may have it.

        If not, it counts as before.
        """
        if peer == to:
            return True
        if self.peers.get(to, 0) >= self.per_peer:
            return False
        self.leave(peer)
        self.total += 1
        self.peers[to] = self.peers.get(to, 0) + 1
        return True

    def leave(self, peer: str) -> None:
        """Count out a connection that `enter` let in."""
        self.total -= 1
        here = self.peers[peer] - 1
        if here:
            self.peers[peer] = here
        else:
            del self.peers[peer]
