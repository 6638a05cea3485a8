"""UDP by its sockets: datagrams, groups, broadcast, refusals."""

import errno
import socket

import pytest

from tests.testing.kernel.sockets import SERVER, fails, network, udp
from twisted_net.testing import Link
from twisted_net.testing.kernel.udp import OVERHEAD, RECEIVE_BUFFER

GROUP = "239.1.2.3"
JOIN = socket.inet_aton(GROUP) + socket.inet_aton("0.0.0.0")  # noqa: S104 - any interface


def test_a_datagram_arrives_whole_with_its_sender() -> None:
    """Two datagrams stay two."""
    net = network()
    server, client = udp(net, "server", 9), udp(net, "client")
    assert client.sendto(b"one", (SERVER, 9)) == 3
    client.sendto(b"", (SERVER, 9))
    net.run_for(0.1)
    assert server.recvfrom(100) == (b"one", ("10.0.0.2", 49152))
    assert server.recvfrom(100) == (b"", ("10.0.0.2", 49152))
    with fails(errno.EWOULDBLOCK):
        server.recvfrom(100)


def test_a_datagram_longer_than_asked_for_is_cut() -> None:
    """The rest is gone, as everywhere."""
    net = network()
    server, client = udp(net, "server", 9), udp(net, "client")
    client.sendto(b"long", (SERVER, 9))
    net.run_for(0.1)
    assert server.recv(2) == b"lo"
    assert not server.readable


def test_a_datagram_has_a_largest_size() -> None:
    """65,507 bytes go, one more does not."""
    net = network()
    server, client = udp(net, "server", 9), udp(net, "client")
    client.sendto(b"x" * 65_507, (SERVER, 9))
    with fails(errno.EMSGSIZE):
        client.sendto(b"x" * 65_508, (SERVER, 9))
    net.run_for(0.1)
    assert len(server.recv(70_000)) == 65_507


def test_a_full_buffer_drops_what_comes() -> None:
    """A socket that nobody reads holds 208 KiB and loses the rest."""
    net = network()
    server, client = udp(net, "server", 9), udp(net, "client")
    for _ in range(300):
        client.sendto(b"x" * 1_000, (SERVER, 9))
    net.run_for(0.1)
    held = RECEIVE_BUFFER // (1_000 + OVERHEAD)
    assert server.dropped == 300 - held


def test_only_a_connected_sender_learns_that_nobody_listens() -> None:
    """The port-unreachable message reaches whoever asked that one address."""
    net = network()
    connected, other = udp(net, "client"), udp(net, "client")
    connected.connect((SERVER, 9))
    connected.send(b"hello?")
    other.sendto(b"hello?", (SERVER, 9))
    net.run_for(0.1)
    assert connected.readable
    with fails(errno.ECONNREFUSED):
        connected.recv(10)
    with fails(errno.EWOULDBLOCK):
        connected.recv(10)
    assert not other.readable


def test_a_refusal_fails_the_next_send_once() -> None:
    """Linux reports it at the first occasion, and then forgets it."""
    net = network()
    client = udp(net, "client")
    client.connect((SERVER, 9))
    client.send(b"hello?")
    net.run_for(0.1)
    with fails(errno.ECONNREFUSED):
        client.send(b"hello?")
    assert client.send(b"hello?") == 6


def test_a_connected_socket_hears_its_peer_only() -> None:
    """Datagrams from others go to whoever else has the port, or nowhere."""
    net = network()
    server, client, stranger = udp(net, "server", 9), udp(net, "client", 5), udp(net, "server")
    client.connect((SERVER, 9))
    stranger.sendto(b"psst", ("10.0.0.2", 5))
    server.sendto(b"hello", ("10.0.0.2", 5))
    net.run_for(0.1)
    assert client.recv(10) == b"hello"
    assert not client.readable


def test_members_of_a_group_hear_it() -> None:
    """Every member hears it, the sender's own host too unless told not to."""
    net = network()
    members = [udp(net, "server", 9), udp(net, "client", 9)]
    for member in members:
        member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, JOIN)
    outsider = udp(net, "server", 10)
    members[0].sendto(b"all", (GROUP, 9))
    net.run_for(0.1)
    assert [member.recv(10) for member in members] == [b"all", b"all"]
    members[0].setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    members[0].sendto(b"others", (GROUP, 9))
    net.run_for(0.1)
    assert [member.readable for member in members] == [False, True]
    assert not outsider.readable


def test_who_left_a_group_hears_it_no_more() -> None:
    """Leaving twice is an error, and so is leaving unjoined."""
    net = network()
    server, client = udp(net, "server", 9), udp(net, "client")
    with fails(errno.EADDRNOTAVAIL):
        server.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, JOIN)
    server.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, JOIN)
    with fails(errno.EADDRINUSE):
        server.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, JOIN)
    server.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, JOIN)
    client.sendto(b"anybody?", (GROUP, 9))
    net.run_for(0.1)
    assert not server.readable


def test_broadcast_needs_permission_and_reaches_everybody() -> None:
    """EACCES without SO_BROADCAST; with it every host hears, the sender's own too."""
    net = network()
    server, own, client = udp(net, "server", 9), udp(net, "client", 9), udp(net, "client")
    with fails(errno.EACCES):
        client.sendto(b"all", ("<broadcast>", 9))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    client.sendto(b"all", ("<broadcast>", 9))
    net.run_for(0.1)
    assert server.recv(10) == own.recv(10) == b"all"


def test_a_port_is_shared_only_by_those_who_agree() -> None:
    """SO_REUSEADDR lets two sockets hear one group; without it the second fails."""
    net = network()
    udp(net, "server", 9)
    with fails(errno.EADDRINUSE):
        udp(net, "server", 9)
    sharing = []
    for _ in range(2):
        sock = net["client"].stack.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", 9))
        sharing.append(sock)
    assert len(sharing) == 2


def test_a_long_datagram_is_lost_with_any_of_its_fragments() -> None:
    """Sixty kilobytes over a link of 1,500 bytes rarely come through at 10 % loss."""
    net = network(link=Link(loss=0.1))
    server, client = udp(net, "server", 9), udp(net, "client")
    for _ in range(50):
        client.sendto(b"x" * 60_000, (SERVER, 9))
        net.run_for(0.1)
        while server.readable:
            server.recv(70_000)
    arrived = [event for event in net.trace.events if event.kind == "sent"]
    assert len(arrived) < 5


def test_ports_out_of_range_are_refused() -> None:
    """Port 0 cannot be sent to, and 65,536 is none."""
    net = network()
    client = udp(net, "client")
    with fails(errno.EINVAL):
        client.sendto(b"x", (SERVER, 0))
    with pytest.raises(OverflowError):
        udp(net, "client", 65_536)


def test_sending_nowhere_fails() -> None:
    """Unconnected, or without a route."""
    net = network()
    client = udp(net, "client")
    with fails(errno.EDESTADDRREQ):
        client.send(b"x")
    with fails(errno.ENETUNREACH):
        client.sendto(b"x", ("192.0.2.1", 9))
    with fails(errno.ENOTCONN):
        client.shutdown(socket.SHUT_RDWR)
