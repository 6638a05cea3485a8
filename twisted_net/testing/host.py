"""A machine on the network: a kernel that answers, a disk that lasts, and a program that runs."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from zlib import crc32

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_net.testing.addresses import Reach, reach
from twisted_net.testing.clock import Timeline, nanoseconds
from twisted_net.testing.kernel.sockets import SimSocket
from twisted_net.testing.kernel.stack import Stack
from twisted_net.testing.packets import Packet
from twisted_net.testing.packets import Protocol as Transport
from twisted_net.testing.process import Process
from twisted_net.testing.reactor import SimReactor
from twisted_net.testing.wires import Wire

if TYPE_CHECKING:
    from twisted_net.testing.network import SimNetwork

Boot = Callable[["Host"], Any]


class Host:
    """A named machine.

    :ivar ip: its IPv4 address; ``ip6``, its IPv6 address.
    :ivar disk: what survives every crash; the program's to use.
    :ivar powered: whether the machine itself is on.
    """

    log = Logger()

    def __init__(
        self,
        network: "SimNetwork",
        name: str,
        addresses: tuple[str, str],
        boot: Boot | None,
        sndbuf: int,
        rcvbuf: int,
    ) -> None:
        self.network = network
        self.name = name
        self.ip, self.ip6 = addresses
        self.disk: dict[str, Any] = {}
        self.powered = True
        self.timeline: Timeline = network.timeline
        self.addresses = addresses
        self.stack = Stack(self, sndbuf, rcvbuf, network.congestion)
        self._boot = boot
        self._routes: dict[str, Wire] = {}
        self._flows: dict[tuple[str, str, int, str, int], str] = {}
        self._process = Process(self)
        self.start()

    def __repr__(self) -> str:
        return f"<Host {self.name} {self.ip}>"

    @property
    def up(self) -> bool:
        """Whether its program runs."""
        return self._process.alive

    @property
    def reactor(self) -> SimReactor:
        """The reactor of the program that runs, or ran last."""
        return self._process.reactor

    # Life and death

    def start(self) -> None:
        """Start the reactor, and the boot function as its first event."""
        self._process.reactor.startRunning()
        if self._boot is not None:
            self._process.soon(self._boot_up, self._boot)

    def unstarted(self) -> SimReactor:
        """Give the host a new program, whose reactor is for the caller to ``run()``."""
        if self._process.alive:
            self.kill()
        self._process = Process(self)
        return self._process.reactor

    def _boot_up(self, boot: Boot) -> None:
        try:
            started = boot(self)
            if isinstance(started, Awaitable) and not isinstance(started, Deferred):
                started = Deferred.fromCoroutine(started)  # type: ignore[arg-type]
        except Exception:
            self.log.failure("while booting {host}", host=self.name)
            return
        if isinstance(started, Deferred):
            started.addErrback(lambda why: self.log.failure("while booting", why))

    def run(self, call: Callable[..., Any], *args: Any) -> Any:
        """Call something as the program's own code, and return what it returns."""
        self.network.redirect.to(self.reactor)
        return call(*args)

    def kill(self) -> None:
        """Kill the program, as SIGKILL does; the kernel closes its sockets and answers on."""
        if self._process.alive:
            self._note("killed")
            self._process.die()
        for sock in self.stack.sockets():
            sock.close()

    def power_off(self) -> None:
        """Pull the plug: the machine falls silent, and forgets all but its disk."""
        self._note("powered off")
        self._process.die()
        self.powered = False
        self.stack.clear()

    def restart(self) -> None:
        """Switch on if need be, and start the program from the beginning."""
        if self._process.alive:
            self.kill()
        self._note("started")
        self.powered = True
        self._process = Process(self)
        self.start()

    def shutdown(self) -> None:
        """Ask the program to stop, as SIGTERM does: its reactor fires the shutdown triggers."""
        if self._process.alive and self.reactor.running:
            self._note("told to stop")
            self.run(self.reactor.stop)

    def stall(self, seconds: float) -> None:
        """Stop the program for a while, as SIGSTOP or a long garbage collection do."""
        self._note(f"stalled for {seconds:g} s")
        self._process.stalled_until = self.timeline.now + nanoseconds(seconds)

    def wake(self) -> None:
        """End a stall."""
        self._process.stalled_until = 0

    def _note(self, what: str) -> None:
        self.network.trace.note(f"{self.name} {what}")

    # What its kernel asks of the world

    def transmit(self, packet: Packet) -> None:
        """Take a packet to where it is addressed, or lose it."""
        wire = self._routes.get(packet.dst) or self._route(packet.dst)
        if wire is None:
            self.network.trace.dropped(packet, "nobody there")
        else:
            wire.send(packet)

    def _route(self, address: str) -> Wire | None:
        own = address in self.addresses or reach(address) is Reach.SELF
        host = self if own else self.network.host_at(address)
        if host is None:
            return None
        wire = self._routes[address] = self.network.wire(self, host)
        return wire

    def spread(self, packet: Packet, *, to_self: bool) -> None:
        """Take a datagram to every host, each on a flow of its own."""
        for host in self.network.hosts():
            if host is not self or to_self:
                flow = f"{packet.flow}@{host.name}"
                copy = Packet(
                    "udp", packet.src, packet.sport, packet.dst, packet.dport, flow, packet.payload
                )
                self.network.wire(self, host).send(copy)

    def deliver(self, packet: Packet) -> None:
        """Take a packet that has come through."""
        if self.powered:
            self.network.trace.arrived(packet)
            self.stack.deliver(packet)
        else:
            self.network.trace.dropped(packet, f"{self.name} is off")

    def woken(self, sock: SimSocket) -> None:
        """Hear that a socket may have become readable or writable."""
        if sock.reader is not None or sock.writer is not None:
            self._process.reactor.poller.woken(sock)

    def has_route(self, address: str) -> bool:
        """Say whether packets to an address can be sent at all."""
        return reach(address) is not Reach.NOWHERE or self.network.host_at(address) is not None

    def mtu(self, address: str) -> int:
        """Return the largest packet on the way to an address, in bytes."""
        wire = self._routes.get(address) or self._route(address)
        return self.network.default_link.mtu if wire is None else wire.link.mtu

    def flow(self, protocol: Transport, src: str, sport: int, dst: str, dport: int) -> str:
        """Name a flow of packets, as ``udp c1:49152>server:9999``."""
        ends = protocol, src, sport, dst, dport
        flow = self._flows.get(ends)
        if flow is None:
            name = self.network.name_of
            flow = f"{protocol} {name(src, self)}:{sport}>{name(dst, self)}:{dport}"
            if self.network.host_at(dst) is not None:  # else a host that comes may rename it
                self._flows[ends] = flow
        return flow

    def secret(self, flow: str) -> int:
        """Return 32 bits that are the same for this flow in every run of this seed."""
        return crc32(f"{self.network.seed}/{flow}".encode())

    def read_size(self, flow: str, available: int) -> int:
        """Return how much of what is there a read shall get."""
        network = self.network
        if not network.cutting:
            return available
        return network.faults.chunk("recv" + flow[3:], network.chunking, available)
