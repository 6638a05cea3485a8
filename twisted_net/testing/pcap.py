"""A trace as a capture file that tshark and Wireshark read, every checksum correct.

The format is the classic one with nanosecond times, and raw IP packets (link type 101).
"""

import socket
import struct
from collections.abc import Iterable
from pathlib import Path

from twisted_net.testing.events import TraceEvent
from twisted_net.testing.ladder import ends
from twisted_net.testing.packets import ACK, SYN, Packet

_FILE = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 101)
_RECORD = struct.Struct("<IIII")

_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1}
_ICMP6 = 58

#: Every TCP here scales its window by 128, as Linux does with ordinary buffers (RFC 7323).
_SCALE = 7

#: Time to live of a packet.
_TTL = 64

#: Longest IP packet; the parts of a longer one are not shown one by one.
_LONGEST = 65_535

_NANO = 1_000_000_000


def write(events: Iterable[TraceEvent], path: str | Path, at: str | None = None) -> None:
    """Write a capture.

    :param at: the name of the host that captures: what it sent when it sent it, and what it
        received when that arrived. None: everything that was sent, lost or not, as it was sent.
    """
    seen: list[tuple[int, int, Packet]] = []
    for event in events:
        packet = event.packet
        if packet is None:
            continue
        sender, receiver = ends(packet)
        if event.kind != "doubled" and at in (None, sender):
            seen.append((event.at, len(seen), packet))
        if at == receiver and event.arrives is not None:
            seen.append((event.arrives, len(seen), packet))
    seen.sort(key=lambda each: each[:2])
    with open(path, "wb") as file:
        file.write(_FILE)
        for number, (when, _, packet) in enumerate(seen):
            data = ip(packet, number)[:_LONGEST]
            file.write(_RECORD.pack(when // _NANO, when % _NANO, len(data), len(data)))
            file.write(data)


def ip(packet: Packet, number: int = 0) -> bytes:
    """Return a packet as bytes, with an IP header.

    :param number: the identification of the IPv4 packet.
    """
    if ":" in packet.dst:
        return _ip6(packet)
    body = _body(packet, b"")
    head = [0x45, 0, 20 + len(body), number & 0xFFFF, 0x4000, _TTL, _PROTOCOLS[packet.protocol], 0]
    ends = socket.inet_aton(packet.src) + socket.inet_aton(packet.dst)
    head[7] = checksum(struct.pack(">BBHHHBBH", *head) + ends)
    return struct.pack(">BBHHHBBH", *head) + ends + body


def _ip6(packet: Packet) -> bytes:
    ends = b"".join(socket.inet_pton(socket.AF_INET6, each) for each in (packet.src, packet.dst))
    protocol = _ICMP6 if packet.protocol == "icmp" else _PROTOCOLS[packet.protocol]
    body = _body(packet, ends)
    return struct.pack(">IHBB", 6 << 28, len(body), protocol, _TTL) + ends + body


def _body(packet: Packet, ends6: bytes) -> bytes:
    if packet.protocol == "tcp":
        return _tcp(packet, ends6)
    if packet.protocol == "udp":
        return _udp(packet, ends6)
    return _icmp(packet, ends6)


def _pseudo(packet: Packet, protocol: int, length: int, ends6: bytes) -> bytes:
    if ends6:
        return ends6 + struct.pack(">IHBB", length, 0, 0, protocol)
    ends = socket.inet_aton(packet.src) + socket.inet_aton(packet.dst)
    return ends + struct.pack(">BBH", 0, protocol, length)


def _udp(packet: Packet, ends6: bytes) -> bytes:
    length = 8 + len(packet.payload)
    head = struct.pack(">HHHH", packet.sport, packet.dport, length, 0)
    total = checksum(_pseudo(packet, 17, length, ends6) + head + packet.payload) or 0xFFFF
    return head[:6] + struct.pack(">H", total) + packet.payload


def _tcp(packet: Packet, ends6: bytes) -> bytes:
    options = _options(packet)
    size = 20 + len(options)
    window = packet.window if packet.flags & SYN else packet.window >> _SCALE
    head = struct.pack(
        ">HHIIBBHHH",
        packet.sport,
        packet.dport,
        packet.seq & 0xFFFFFFFF,
        packet.ack & 0xFFFFFFFF if packet.flags & ACK else 0,
        size // 4 << 4,
        packet.flags,
        min(window, 0xFFFF),
        0,
        0,
    )
    data = head + options + packet.payload
    total = checksum(_pseudo(packet, 6, len(data), ends6) + data)
    return data[:16] + struct.pack(">H", total) + data[18:]


def _options(packet: Packet) -> bytes:
    if packet.flags & SYN:
        return struct.pack(">BBHBBBBB", 2, 4, 1460, 4, 2, 3, 3, _SCALE) + b"\0\0\0"
    if packet.sack:
        numbers = [number & 0xFFFFFFFF for block in packet.sack for number in block]
        return struct.pack(f">BBBB{len(numbers)}I", 1, 1, 5, 2 + 4 * len(numbers), *numbers)
    return b""


def _icmp(packet: Packet, ends6: bytes) -> bytes:
    """Return a port-unreachable message, with the head of the datagram that caused it."""
    cause = Packet("udp", packet.dst, packet.dport, packet.src, packet.sport, "")
    quoted = ip(cause)
    if ends6:
        head = struct.pack(">BBHI", 1, 4, 0, 0)
        total = checksum(_pseudo(packet, _ICMP6, len(head + quoted), ends6) + head + quoted)
    else:
        head = struct.pack(">BBHI", 3, 3, 0, 0)
        total = checksum(head + quoted)
    return head[:2] + struct.pack(">H", total) + head[4:] + quoted


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
