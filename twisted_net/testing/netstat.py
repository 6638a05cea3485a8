"""How the sockets of all hosts stand, as a table for people."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from twisted_net.testing.kernel.tcp.sockets import TcpSocket

if TYPE_CHECKING:
    from twisted_net.testing.host import Host

Row = tuple[str, ...]

_HEADER: Row = ("host", "", "state", "received", "unsent", "local", "peer")


def netstat(now: float, hosts: Iterable["Host"]) -> str:
    """Return the table.

    :param now: the virtual time in seconds.
    """
    rows = [_HEADER]
    for host in hosts:
        rows += _rows(host)
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
             for row in rows]  # fmt: skip
    return "\n".join([f"at {now:.6f} s:", *(line.rstrip() for line in lines)])


def _rows(host: "Host") -> Iterable[Row]:
    if not host.up:
        yield host.name, "", "killed" if host.powered else "off", "", "", "", ""
    for sock in host.stack.sockets():
        kind = "tcp" if isinstance(sock, TcpSocket) else "udp"
        received, unsent = sock.queues
        peer = "*" if sock.peer is None else _shown(sock.peer)
        yield host.name, kind, sock.state_name, str(received), str(unsent), _shown(sock.local), peer
    for connection in host.stack.connections.values():
        if connection.socket is None:
            local, peer = _shown(connection.pair[:2]), _shown(connection.pair[2:])
            unsent = connection.sender.waiting
            yield host.name, "tcp", connection.state.name, "0", str(unsent), local, peer


def _shown(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
