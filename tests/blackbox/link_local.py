"""A client on one link: echo in bursts, and a file by TFTP, from an address of the link only.

``python link_local.py LINK ECHO-PORT TFTP-PORT NAME`` prints how many datagrams came back, how many
bytes the file has, and how many of the answers came from the address that was asked.
"""

import socket
import sys

#: Enough at one time that a door reads them in batches, which it does not do from the first on.
BURSTS, BURST = 4, 60


def main(link: str, echo: str, tftp: str, name: str) -> None:
    """Ask both."""
    number = socket.if_nametoindex(link)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("fe80::22", 0, 0, number))
        sock.settimeout(60)
        print(_echoed(sock, ("fe80::11", int(echo), 0, number)), end=" ")
        print(*_fetched(sock, ("fe80::11", int(tftp), 0, number), name))


def _echoed(sock: socket.socket, door: tuple[str, int, int, int]) -> int:
    came = 0
    for _ in range(BURSTS):
        sent = {b"%d" % number for number in range(BURST)}
        for datagram in sent:
            sock.sendto(datagram, door)
        came += sum(sock.recv(100) in sent for _ in range(BURST))
    return came


def _fetched(sock: socket.socket, door: tuple[str, int, int, int], name: str) -> tuple[int, int]:
    sock.sendto(b"\0\1" + name.encode() + b"\0octet\0", door)
    size = blocks = same = 0
    while size == 512 * blocks:
        packet, peer = sock.recvfrom(600)
        sock.sendto(b"\0\4" + packet[2:4], peer)
        size, blocks, same = size + len(packet) - 4, blocks + 1, same + (peer[0] == door[0])
    return size, same


if __name__ == "__main__":
    main(*sys.argv[1:])
