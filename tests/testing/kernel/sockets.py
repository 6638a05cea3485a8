"""Two hosts without programs, for tests of the kernel by its sockets alone."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from twisted_net.testing import SimNetwork
from twisted_net.testing.kernel.tcp.sockets import TcpSocket
from twisted_net.testing.kernel.udp import UdpSocket

SERVER, CLIENT = "10.0.0.1", "10.0.0.2"


def network(**options: Any) -> SimNetwork:
    """Return a network with a server and a client."""
    net = SimNetwork(**options)
    net.host("server")
    net.host("client")
    return net


def tcp(net: SimNetwork, name: str, family: int = socket.AF_INET) -> TcpSocket:
    """Return a new TCP socket on a host."""
    sock = net[name].stack.socket(family, socket.SOCK_STREAM)
    assert isinstance(sock, TcpSocket)
    return sock


def udp(net: SimNetwork, name: str, port: int = 0, family: int = socket.AF_INET) -> UdpSocket:
    """Return a new UDP socket on a host, bound to a port."""
    sock = net[name].stack.socket(family, socket.SOCK_DGRAM)
    assert isinstance(sock, UdpSocket)
    sock.bind(("", port))
    return sock


def listening(net: SimNetwork, port: int = 80, backlog: int = 50) -> TcpSocket:
    """Return a listening socket on the server."""
    listener = tcp(net, "server")
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", port))
    listener.listen(backlog)
    return listener


def joined(net: SimNetwork) -> tuple[TcpSocket, TcpSocket]:
    """Return the client's and the server's end of a new connection."""
    listener = listening(net)
    client = tcp(net, "client")
    assert client.connect_ex((SERVER, 80)) == errno.EINPROGRESS
    net.run_until(lambda: listener.readable)
    server, _ = listener.accept()
    listener.close()
    return client, server


def send_all(net: SimNetwork, sender: TcpSocket, data: bytes, receiver: TcpSocket) -> bytes:
    """Send all of ``data``, reading at the other end, and return what arrived."""
    got = b""
    left = data
    for _ in range(10_000):
        if left and sender.writable:
            left = left[sender.send(left) :]
        net.run_for(0.1)
        while receiver.readable:
            got += receiver.recv(65_536)
        if len(got) == len(data):
            return got
    raise AssertionError(f"{len(got)} of {len(data)} bytes arrived")


@contextmanager
def fails(number: int) -> Iterator[None]:
    """Expect a system call to fail with an errno."""
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the errno is what is compared
        yield
    assert errno.errorcode[caught.value.args[0]] == errno.errorcode[number]
