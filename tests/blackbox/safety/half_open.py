"""A flood of SYNs from a TUN device; `test_half_open` runs it inside a network namespace.

    python -m tests.blackbox.safety.half_open DEVICE ADDRESS PORT SYNS

Its addresses exist on that device only, and the device in that namespace only, so that nothing can
leave it. Prints one JSON object: what the kernel's tables and counters say.
"""

import fcntl
import json
import os
import socket
import struct
import sys
import time
from pathlib import Path

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000

#: How a connection that is half open is written in ``/proc/net/tcp``.
_SYN_RECV = "03"


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(source: tuple[str, int], to: tuple[str, int]) -> bytes:
    """Return an IPv4 packet that asks for a connection (RFC 9293, 3.1)."""
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(to[0])
    head = struct.pack("!HHIIBBHHH", source[1], to[1], 1, 0, 5 << 4, 0x02, 65535, 0, 0)
    pseudo = addresses + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(head))
    head = head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0) + addresses
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + head


def counter(name: str) -> int:
    """Return one of the kernel's counters of this namespace."""
    lines = Path("/proc/net/netstat").read_text().splitlines()
    rows = [line.split() for line in lines]
    for names, values in zip(rows[::2], rows[1::2], strict=True):
        if name in names:
            return int(values[names.index(name)])
    return 0


def half_open(port: int) -> int:
    """Return how many connections to a port are half open."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(each[3] == _SYN_RECV and each[1].endswith(f":{port:04X}") for each in fields)


def main(device: str, address: str, port: int, number: int) -> None:
    """Flood, and look."""
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", device.encode(), _IFF_TUN | _IFF_NO_PI))
    before = counter("SyncookiesSent")
    network = address.rpartition(".")[0]
    for each in range(number):
        os.write(tun, syn((f"{network}.{2 + each % 250}", 1024 + each), (address, port)))
    time.sleep(0.2)
    waiting, cookies = half_open(port), counter("SyncookiesSent") - before
    with socket.create_connection((address, port), 60) as client:
        client.sendall(b"hello")
        answer = client.recv(5)
    print(json.dumps({"waiting": waiting, "cookies": cookies, "answer": answer.decode()}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
