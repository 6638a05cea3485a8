"""Who is on a network without a server, and what they do there (see `ipmsg`)."""

from collections import deque
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from twisted_net.net.limits import TokenBucket

Address = tuple[str, int]

#: Numbers of a neighbour's last messages that are remembered, so that none is heard twice.
REMEMBERED = 64

#: What is no stranger's from the internet: loopback, private and link-local.
_NEAR = [
    ip_network(each)
    for each in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
]


@dataclass(slots=True)
class Message:
    """A message for a neighbour, and how often it was sent."""

    number: int
    datagram: bytes
    wait: float = 0.0
    due: float = 0.0
    sends: int = 0


@dataclass(eq=False, slots=True)
class Neighbour:
    """Somebody on the network.

    :ivar name: what they call themselves, as one line.
    :ivar encoding: the one they write in; empty: nobody knows yet.
    :ivar utf8: whether they said that they understand UTF-8.
    :ivar seen: when something came from them last.
    :ivar proven: they have acknowledged a message, and so are where they seem to be.
    """

    address: Address
    name: str
    bucket: TokenBucket
    seen: float
    encoding: str = ""
    utf8: bool = False
    proven: bool = False
    answered: float = float("-inf")
    question: int = 0
    asked: int = 0
    heard: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    waiting: deque[Message] = field(default_factory=deque)
    size: int = 0


# What a network tells its user.


@dataclass(frozen=True, slots=True)
class Appeared:
    """Somebody is there who was not, or under another name than before."""

    who: Neighbour


@dataclass(frozen=True, slots=True)
class Vanished:
    """Somebody is gone."""

    who: Neighbour
    why: str


@dataclass(frozen=True, slots=True)
class Spoke:
    """Somebody said something.

    :ivar text: one line of any length.
    :ivar automatic: a machine said so; it is not to be answered by one.
    :ivar size: the length of the datagram.
    """

    who: Neighbour
    text: str
    automatic: bool = False
    size: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Somebody did not acknowledge a message, see `Network.say` for its number."""

    who: Neighbour
    number: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """Somebody acknowledged a message."""

    who: Neighbour
    number: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """A datagram led to nothing.

    :ivar reason: one word, to be counted.
    """

    reason: str


Happening = Appeared | Vanished | Spoke | Undelivered | Delivered | Dropped


def near(host: str) -> bool:
    """Say whether an address is on this network, or may be.

    >>> near("192.168.1.7"), near("fe80::1%eth0"), near("8.8.8.8")
    (True, True, False)
    """
    try:
        address: IPv4Address | IPv6Address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in _NEAR)
