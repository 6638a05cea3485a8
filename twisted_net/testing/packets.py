"""A packet, as it is on the simulated wire."""

from typing import Literal, NamedTuple

Protocol = Literal["tcp", "udp", "icmp"]

#: Bytes of the IPv4 and UDP headers, and of the IPv4 and TCP headers without options.
UDP_HEADER = 28
TCP_HEADER = 40

#: Largest payload of one UDP datagram, in bytes (RFC 768 over RFC 791).
LARGEST_DATAGRAM = 65_507


#: The TCP flags (RFC 9293, 3.1). Plain numbers: an IntFlag costs thirty times as much to combine.
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

FLAG_NAMES = {SYN: "SYN", FIN: "FIN", RST: "RST", PSH: "PSH", ACK: "ACK"}


class Packet(NamedTuple):
    """A TCP segment, a UDP datagram, or the ICMP message that nobody listens at a UDP port.

    A tuple, because there is one for everything that is sent: a frozen dataclass takes five times
    as long to make.

    :ivar flow: its protocol, sender and receiver, ``udp c1:49152>server:9999``.
    :ivar seq: TCP sequence number, counted on beyond 32 bits.
    :ivar ack: TCP acknowledgement number, counted likewise; 0 without the ACK flag.
    :ivar window: bytes that may be sent beyond ``ack``.
    :ivar sack: blocks received beyond a gap, newest first, as pairs of ``seq`` (RFC 2018).
    :ivar again: whether TCP had sent these bytes before.
    """

    protocol: Protocol
    src: str
    sport: int
    dst: str
    dport: int
    flow: str
    payload: bytes = b""
    flags: int = 0
    seq: int = 0
    ack: int = 0
    window: int = 0
    sack: tuple[tuple[int, int], ...] = ()
    again: bool = False

    @property
    def size(self) -> int:
        """Its length on the wire in bytes, headers included."""
        return len(self.payload) + (TCP_HEADER if self.protocol == "tcp" else UDP_HEADER)

    @property
    def flag_names(self) -> list[str]:
        """The names of its TCP flags, ``["SYN", "ACK"]``."""
        return [name for flag, name in FLAG_NAMES.items() if self.flags & flag]
