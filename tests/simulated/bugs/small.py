"""Bugs that none of our services has a place for, in tiny programs of their own."""

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.protocol import DatagramProtocol

from tests.simulated.bench import SERVER, together
from tests.simulated.bugs.planted import Planted
from twisted_net.net.clients import Target, open_datagrams
from twisted_net.testing import Host, Link, SimNetwork, check_determinism

PORT = 7


class Tickets(DatagramProtocol):
    """Gives everybody who asks a number that nobody else has."""

    noisy = False
    transport: Any

    def __init__(self, host: Host) -> None:
        self.book = self.opened(host)

    @staticmethod
    def opened(host: Host) -> dict[str, Any]:
        """Return the book in which the last number stands: on the disk."""
        return host.disk

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Write the next number down, then give it out."""
        self.book["last"] = self.book.get("last", 0) + 1
        self.transport.write(b"%d" % self.book["last"], addr)


def _queue(net: SimNetwork) -> None:
    """No number is given out twice, whatever becomes of the server."""
    net.host(SERVER, lambda host: host.reactor.listenUDP(PORT, Tickets(host)))
    given: list[bytes] = []
    net.chaos(kill=[SERVER], rate=0.3, until=10)

    async def ask(host: Host) -> None:
        client = await open_datagrams(host.reactor, Target("udp", SERVER, PORT), given.append)
        for _ in range(40):
            client.send(b"a number, please")
            await net.sleep(0.25)

    net.run(together(*(ask(net.host(f"c{n}")) for n in range(2))))
    assert len(given) == len(dict.fromkeys(given)), "a number was given out twice"


class Relay(DatagramProtocol):
    """Sends what it hears to all that it knows."""

    noisy = False
    transport: Any
    kept_in: Callable[[Iterable[object]], Iterable[object]] = dict.fromkeys

    def __init__(self) -> None:
        self._known: dict[Any, Listener] = {}

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Remember who it is from, and send it on."""
        self._known.setdefault(addr, Listener(addr))
        for listener in type(self).kept_in(self._known.values()):
            self.transport.write(datagram, getattr(listener, "address", None))


class Listener:
    """Somebody who listens; found at another place in memory in each run."""

    def __init__(self, address: Any) -> None:
        self.address = address


def _relayed(net: SimNetwork) -> None:
    """Eight introduce themselves, and hear of each other."""
    net.host(SERVER, lambda host: host.reactor.listenUDP(PORT, Relay()))
    heard: list[bytes] = []

    async def ask(host: Host) -> None:
        client = await open_datagrams(host.reactor, Target("udp", SERVER, PORT), heard.append)
        client.send(host.name.encode())
        await net.sleep(1)

    net.run(together(*(ask(net.host(f"c{n}")) for n in range(8))))


def _twice(net: SimNetwork) -> None:
    """One seed goes one way, wherever things lie in memory."""
    check_determinism(_relayed, net.seed, processes=False)


BUGS = (
    Planted(
        "state lost on restart",
        _queue,
        ((Tickets, "opened", staticmethod(lambda host: {})),),
        {"link": Link(latency=0.02)},
    ),
    Planted("iteration over a set", _twice, ((Relay, "kept_in", set),)),
)
