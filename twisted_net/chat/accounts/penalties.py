"""How often somebody may try: pure."""

import ipaddress

#: Wrong passwords of one address before it has to wait, and for how many seconds for each more: at
#: whatever door of the chat, for all of them share one `Penalties`.
TRIES, EVERY = 5, 30.0

#: Addresses remembered; the one that tried least lately is forgotten first.
ADDRESSES = 4096


class Penalties:
    """A few tries at once, then one now and then, for each address.

    :param tries: at once.
    :param every: seconds until another one is given.
    """

    def __init__(self, tries: int = TRIES, every: float = EVERY) -> None:
        self._tries = tries
        self._every = every
        self._levels: dict[str, tuple[float, float]] = {}  # host -> tries taken, when

    def __len__(self) -> int:
        """Return how many addresses are remembered."""
        return len(self._levels)

    def wait(self, host: str, now: float) -> float:
        """Return the seconds until an address may try."""
        return max(0.0, (self._level(source(host), now) + 1 - self._tries) * self._every)

    def take(self, host: str, now: float) -> bool:
        """Count a try, before its outcome is known; say whether it may be made."""
        key = source(host)
        level = self._level(key, now)
        if level + 1 > self._tries:
            return False
        self._levels.pop(key, None)
        self._levels[key] = (level + 1, now)
        if len(self._levels) > ADDRESSES:
            del self._levels[next(iter(self._levels))]
        return True

    def give_back(self, host: str, now: float) -> None:
        """Do not count a try: it was right."""
        key = source(host)
        level = self._level(key, now) - 1
        if level > 0:
            self._levels[key] = (level, now)
        else:
            self._levels.pop(key, None)

    def _level(self, key: str, now: float) -> float:
        level, when = self._levels.get(key, (0.0, now))
        return max(0.0, level - max(0.0, now - when) / self._every)


def source(host: str) -> str:
    """Return what stands for an address: of IPv6 the network, all of which one peer may have.

    >>> source("192.0.2.7"), source("2001:db8::1:2:3:4"), source("::ffff:192.0.2.7"), source("x")
    ('192.0.2.7', '2001:db8::/64', '192.0.2.7', 'x')
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))


def is_loopback(host: str) -> bool:
    """Say whether an address is of this machine; a socket in the file system has none.

    >>> [is_loopback(host) for host in ("127.0.0.9", "::1", "", "::ffff:127.0.0.1", "192.0.2.7")]
    [True, True, True, True, False]
    """
    try:
        address = ipaddress.ip_address(source(host)) if host else None
    except ValueError:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback if ":" in host else False
    return address is None or address.is_loopback
