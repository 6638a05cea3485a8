"""Which machines there are, and what is between them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from twisted_net.testing.addresses import Reach, reach
from twisted_net.testing.clock import Timeline
from twisted_net.testing.faults import Faults
from twisted_net.testing.host import Boot, Host
from twisted_net.testing.links import LOOPBACK, Link
from twisted_net.testing.trace import Trace
from twisted_net.testing.wires import Rule, Wire

#: One host or several, by themselves or by name.
Hosts = Host | str | Sequence[Host | str]


class Topology:
    """The hosts and links of a network; the half of `SimNetwork` that knows no time.

    :ivar default_link: what links are like that are not described one by one.
    :ivar dns: addresses by name; every host is entered under its own.
    :ivar dns_delay: seconds that a lookup takes.
    """

    timeline: Timeline
    faults: Faults
    trace: Trace

    def __init__(self, link: Link) -> None:
        self.default_link = link
        self.dns: dict[str, list[str]] = {}
        self.dns_delay = 0.001
        self.rules: list[Rule] = []
        self._hosts: dict[str, Host] = {}
        self._addresses: dict[str, Host] = {}
        self._wires: dict[tuple[str, str], Wire] = {}

    # Hosts

    def machine(
        self, name: str, addresses: tuple[str, str], boot: Boot | None, sndbuf: int, rcvbuf: int
    ) -> Host:
        """Make a machine that is not on the network yet."""
        raise NotImplementedError

    def host(
        self,
        name: str,
        boot: Boot | None = None,
        *,
        ip: str | None = None,
        sndbuf: int = 65_536,
        rcvbuf: int = 65_536,
    ) -> Host:
        """Add a machine.

        :param boot: called with the host when its program starts, and again at each restart; may
            be a coroutine function.
        :param ip: its address; None: the next one of 10.0.0.0/8.
        :param sndbuf: bytes that a TCP connection of its holds until they are acknowledged.
        :param rcvbuf: bytes that it holds until they are read.
        :raises ValueError: the name or the address is taken, or makes no sense.
        """
        if name in self._hosts or not name or set(name) & set(" :>@#"):
            raise ValueError(f"{name!r} is taken, or no name for a host")
        number = len(self._hosts) + 1
        if ip is None:
            ip = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        if ip in self._addresses or reach(ip) not in (Reach.HOST, Reach.NOWHERE):
            raise ValueError(f"{ip} is taken, or no address for a host")
        host = self._hosts[name] = self.machine(
            name, (ip, f"fd00::{number:x}"), boot, sndbuf, rcvbuf
        )
        self._addresses.update(dict.fromkeys(host.addresses, host))
        self.dns.setdefault(name, [ip])
        return host

    def __getitem__(self, name: str) -> Host:
        return self._hosts[name]

    def hosts(self) -> list[Host]:
        """Return all hosts, in the order in which they were added."""
        return list(self._hosts.values())

    def host_at(self, address: str) -> Host | None:
        """Return the host that has an address."""
        return self._addresses.get(address)

    def name_of(self, address: str, speaker: Host) -> str:
        """Return what an address is called in the names of flows."""
        host = self._addresses.get(address)
        if host is not None:
            return host.name
        return speaker.name if reach(address) is Reach.SELF else address

    # Links

    def wire(self, sender: Host, receiver: Host) -> Wire:
        """Return the one direction between two hosts."""
        ends = sender.name, receiver.name
        wire = self._wires.get(ends)
        if wire is None:
            link = LOOPBACK if sender is receiver else self.default_link
            wire = self._wires[ends] = Wire(self, receiver.deliver, link)
        return wire

    def link(self, a: Hosts, b: Hosts, **changes: Any) -> None:
        """Change links in both directions: ``link("a", "b", loss=0.1)``; see `Link`."""
        self.link_oneway(a, b, **changes)
        self.link_oneway(b, a, **changes)

    def link_oneway(self, a: Hosts, b: Hosts, **changes: Any) -> None:
        """Change the links from ``a`` to ``b``."""
        for wire in self._between(a, b, oneway=True):
            wire.link = replace(wire.link, **changes)

    def partition(self, a: Hosts, b: Hosts, oneway: bool = False) -> None:
        """Let nothing through any more; what is under way still arrives."""
        self.trace.note(f"cut: {_names(a)} {'>' if oneway else '|'} {_names(b)}")
        for wire in self._between(a, b, oneway):
            wire.cut = True

    def repair(self, a: Hosts, b: Hosts, oneway: bool = False) -> None:
        """Undo `partition`."""
        self.trace.note(f"repaired: {_names(a)} {'>' if oneway else '-'} {_names(b)}")
        for wire in self._between(a, b, oneway):
            wire.cut = False

    def hold(self, a: Hosts, b: Hosts) -> None:
        """Keep all packets back until `release`."""
        for wire in self._between(a, b):
            wire.held = True

    def release(self, a: Hosts, b: Hosts) -> None:
        """Let go all packets that were held, in order."""
        for wire in self._between(a, b):
            wire.release()

    def _between(self, a: Hosts, b: Hosts, oneway: bool = False) -> Iterator[Wire]:
        for one in self._all(a):
            for other in self._all(b):
                yield self.wire(one, other)
                if not oneway and one is not other:
                    yield self.wire(other, one)

    def _all(self, hosts: Hosts) -> list[Host]:
        many = [hosts] if isinstance(hosts, (str, Host)) else hosts
        return [self[each] if isinstance(each, str) else each for each in many]

    def mend(self) -> None:
        """Undo every partition, and release what is held."""
        for wire in self._wires.values():
            wire.cut = False
            wire.release()


def _names(hosts: Hosts) -> str:
    many = [hosts] if isinstance(hosts, (str, Host)) else hosts
    return " ".join(each if isinstance(each, str) else each.name for each in many)
