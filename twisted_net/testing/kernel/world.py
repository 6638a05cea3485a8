"""What a stack needs to know of the world: who else is there, and how to be heard."""

from typing import TYPE_CHECKING, Protocol

from twisted_net.testing.clock import Timeline
from twisted_net.testing.packets import Packet
from twisted_net.testing.packets import Protocol as Transport

if TYPE_CHECKING:
    from twisted_net.testing.kernel.sockets import SimSocket


class World(Protocol):
    """The outside of one host's stack, as its host provides it.

    :ivar timeline: for TCP's timers.
    :ivar addresses: the host's own, IPv4 then IPv6.
    """

    timeline: Timeline
    addresses: tuple[str, str]

    def transmit(self, packet: Packet) -> None:
        """Take a packet to where it is addressed, or lose it."""

    def spread(self, packet: Packet, *, to_self: bool) -> None:
        """Take a datagram to every host, this one too if ``to_self``."""

    def woken(self, sock: "SimSocket") -> None:
        """Hear that a socket may have become readable or writable."""

    def has_route(self, address: str) -> bool:
        """Say whether packets to an address can be sent at all."""

    def mtu(self, address: str) -> int:
        """Return the largest packet on the way to an address, in bytes."""

    def flow(self, protocol: Transport, src: str, sport: int, dst: str, dport: int) -> str:
        """Name a flow of packets, for people and for dice."""

    def secret(self, flow: str) -> int:
        """Return 32 bits that are the same for this flow in every run of this seed."""

    def read_size(self, flow: str, available: int) -> int:
        """Return how much of what is there a read shall get; the faults of streams act here."""
