"""TCP by its sockets: the handshake, the ends, and every way in which it can fail."""

import errno
import socket

import pytest

from tests.testing.kernel.sockets import (
    SERVER,
    fails,
    joined,
    listening,
    network,
    send_all,
    tcp,
    udp,
)
from twisted_net.testing import DROP, Link, Packet
from twisted_net.testing.kernel.sockets import LINGER
from twisted_net.testing.packets import SYN
from twisted_net.testing.rules import Verdict


def test_what_is_sent_arrives_in_both_directions() -> None:
    """A connection carries bytes both ways."""
    net = network()
    client, server = joined(net)
    assert client.send(b"ping") == 4
    net.run_for(0.01)
    assert server.recv(100) == b"ping"
    assert server.send(memoryview(b"pong")) == 4
    net.run_for(0.01)
    assert client.recv(100) == b"pong"
    with fails(errno.EWOULDBLOCK):
        client.recv(100)


def test_both_ends_know_each_other() -> None:
    """Names of sockets are those of the hosts."""
    client, server = joined(network())
    assert client.getsockname() == server.getpeername() == ("10.0.0.2", 49152)
    assert client.getpeername() == server.getsockname() == (SERVER, 80)


def test_connecting_says_how_far_it_is() -> None:
    """In progress, already in progress, done, connected."""
    net = network()
    listening(net)
    client = tcp(net, "client")
    assert client.connect_ex((SERVER, 80)) == errno.EINPROGRESS
    assert client.connect_ex((SERVER, 80)) == errno.EALREADY
    with fails(errno.EWOULDBLOCK):
        client.send(b"too early")
    net.run_for(0.1)
    assert client.writable
    assert client.connect_ex((SERVER, 80)) == 0
    assert client.connect_ex((SERVER, 80)) == errno.EISCONN


def test_a_port_where_nobody_listens_refuses() -> None:
    """A reset answers the call, at once."""
    net = network()
    client = tcp(net, "client")
    client.connect_ex((SERVER, 80))
    net.run_for(0.01)
    assert client.readable
    assert client.writable
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_a_call_that_nobody_answers_is_given_up_after_127_seconds() -> None:
    """Six retries, doubling from a second, as Linux does."""
    net = network()
    net.partition("client", "server")
    client = tcp(net, "client")
    client.connect_ex((SERVER, 80))
    net.run_until(lambda: client.error)
    assert client.error == errno.ETIMEDOUT
    assert net.seconds() == 127.0
    assert len([event for event in net.trace.events if event.packet]) == 7


def test_an_address_that_nobody_has_is_silent_and_one_elsewhere_has_no_route() -> None:
    """A LAN does not say who is missing."""
    net = network()
    client = tcp(net, "client")
    assert client.connect_ex(("10.0.0.99", 80)) == errno.EINPROGRESS
    assert tcp(net, "client").connect_ex(("192.0.2.1", 80)) == errno.ENETUNREACH


def test_a_dead_peer_is_given_up_after_fifteen_retries() -> None:
    """Data that is never acknowledged ends the connection after 924.6 seconds."""
    net = network()
    client, _ = joined(net)
    net["server"].power_off()
    begun = net.seconds()
    client.send(b"hello?")
    net.run_until(lambda: client.error)
    assert client.error == errno.ETIMEDOUT
    assert net.seconds() - begun == pytest.approx(924.6, abs=0.1)


def test_an_idle_connection_to_a_dead_peer_lives() -> None:
    """Who says nothing learns nothing."""
    net = network()
    client, _ = joined(net)
    net["server"].power_off()
    net.run_for(3600)
    assert not client.readable
    assert client.state_name == "ESTABLISHED"


def test_a_peer_that_was_restarted_answers_with_a_reset() -> None:
    """The machine that came back knows of no connection."""
    net = network()
    client, _ = joined(net)
    net["server"].power_off()
    net["server"].restart()
    client.send(b"still there?")
    net.run_for(0.1)
    with fails(errno.ECONNRESET):
        client.recv(10)
    assert client.recv(10) == b""


def test_an_orderly_end_is_seen_as_the_end_of_the_stream() -> None:
    """A close arrives as an empty read, and the port rests in TIME_WAIT for a minute."""
    net = network()
    client, server = joined(net)
    client.send(b"last words")
    client.close()
    net.run_for(0.01)
    assert server.recv(100) == b"last words"
    assert server.recv(100) == b""
    assert server.state_name == "CLOSE_WAIT"
    server.close()
    net.run_for(0.01)
    states = [each.state.name for each in net["client"].stack.connections.values()]
    assert states == ["TIME_WAIT"]
    assert not net["server"].stack.connections
    net.run_for(61)
    assert not net["client"].stack.connections


def test_a_half_closed_connection_still_answers() -> None:
    """One direction ends, the other goes on."""
    net = network()
    client, server = joined(net)
    client.send(b"question")
    client.shutdown(socket.SHUT_WR)
    with fails(errno.EPIPE):
        client.send(b"more")
    net.run_for(0.01)
    assert server.recv(100) == b"question"
    assert server.recv(100) == b""
    server.send(b"answer")
    net.run_for(0.01)
    assert client.recv(100) == b"answer"
    assert (client.state_name, server.state_name) == ("FIN_WAIT_2", "CLOSE_WAIT")


def test_both_may_close_at_once() -> None:
    """Two FINs that cross end the connection for both."""
    net = network()
    client, server = joined(net)
    client.close()
    server.close()
    net.run_for(0.01)
    assert [each.state.name for each in net["client"].stack.connections.values()] == ["TIME_WAIT"]
    assert [each.state.name for each in net["server"].stack.connections.values()] == ["TIME_WAIT"]


def test_closing_with_unread_data_resets() -> None:
    """A close that throws data away tells the peer so (RFC 1122, 4.2.2.13)."""
    net = network()
    client, server = joined(net)
    client.send(b"never read")
    net.run_for(0.01)
    server.close()
    net.run_for(0.01)
    with fails(errno.ECONNRESET):
        client.recv(10)


def test_data_after_a_close_is_answered_with_a_reset() -> None:
    """Nobody is there to read it."""
    net = network()
    client, server = joined(net)
    server.close()
    net.run_for(0.01)
    assert client.recv(10) == b""
    client.send(b"too late")
    net.run_for(0.01)
    with fails(errno.EPIPE):
        client.send(b"and later")


def test_what_arrived_before_a_reset_can_be_read() -> None:
    """Linux hands out the data first, and the error then."""
    net = network()
    client, server = joined(net)
    server.send(b"a last word")
    net.run_for(0.01)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER.pack(1, 0))
    server.close()
    net.run_for(0.01)
    assert client.recv(100) == b"a last word"
    with fails(errno.ECONNRESET):
        client.recv(100)


def test_the_end_of_a_stream_stands_although_a_reset_follows() -> None:
    """As Linux does for whoever shuts a connection down and closes it with data unread."""
    net = network()
    client, server = joined(net)
    client.send(b"never read")
    net.run_for(0.01)
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    net.run_for(0.01)
    assert client.recv(100) == b""
    with fails(errno.EPIPE):
        client.send(b"too late")


def test_a_full_receiver_stops_the_sender() -> None:
    """A peer that does not read holds 64 KiB, the sender 64 KiB, and then there is no room."""
    net = network()
    client, server = joined(net)
    sent = 0
    for _ in range(100):
        net.run_for(0.1)
        if client.queues[1] < 65_536:
            sent += client.send(b"x" * 50_000)
    assert sent == 2 * 65_536
    assert server.queues == (65_536, 0)
    with fails(errno.EWOULDBLOCK):
        client.send(b"x")


def test_a_reader_that_comes_back_after_an_hour_gets_everything() -> None:
    """A shut window is probed for as long as the peer answers."""
    net = network()
    client, server = joined(net)
    client.send(b"x" * 65_536)
    net.run_for(1)
    client.send(b"y" * 1_000)
    net.run_for(3600)
    assert server.recv(100_000) == b"x" * 65_536
    net.run_for(130)
    assert server.recv(100_000) == b"y" * 1_000


def test_a_writer_is_woken_when_a_third_of_the_buffer_is_free() -> None:
    """A little room is not worth a turn."""
    net = network()
    client, _ = joined(net)
    net.partition("client", "server")
    client.send(b"x" * 43_690)
    woken = [client.writable]
    client.send(b"x" * 2)
    woken.append(client.writable)
    assert woken == [True, False]
    assert client.send(b"x" * 100_000) == 65_536 - 43_692


@pytest.mark.parametrize("loss", [0.05, 0.2])
def test_a_lossy_link_delays_and_spoils_nothing(loss: float) -> None:
    """What TCP delivers is what was sent, however much was lost on the way."""
    net = network(seed=5, link=Link(loss=loss, duplicate=0.05, reorder=0.1, jitter=0.002))
    client, server = joined(net)
    data = bytes(range(256)) * 800
    assert send_all(net, client, data, server) == data


def test_a_lost_segment_is_repaired_without_a_timeout() -> None:
    """Three later segments that arrive are enough to send the lost one again (RFC 5681, 3.2)."""
    net = network()
    client, server = joined(net)
    seen: list[Packet] = []

    def lose_second(packet: Packet) -> Verdict:
        if packet.payload:
            seen.append(packet)
        return DROP if packet.payload and len(seen) == 2 else None

    begun = net.seconds()
    with net.rule(lose_second):
        client.send(b"x" * 14_600)
        net.run_until(lambda: server.queues[0] == 14_600)
    assert net.seconds() - begun < 0.01
    assert [packet.seq for packet in seen if packet.again] == [seen[1].seq]


def test_short_writes_wait_for_the_one_before() -> None:
    """Nagle's algorithm is on, until TCP_NODELAY turns it off."""
    for nodelay, segments in ((0, 2), (1, 3)):
        net = network()
        client, _ = joined(net)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, nodelay)
        for word in (b"one", b"two", b"three"):
            client.send(word)
        net.run_for(0.1)
        sent = [event.packet for event in net.trace.events if event.packet is not None]
        assert len([packet for packet in sent if packet.payload]) == segments


def test_backlog_is_what_waits_to_be_accepted() -> None:
    """A listener that accepts nothing answers one call more than its backlog, then none."""
    net = network()
    listener = listening(net, backlog=2)
    clients = [tcp(net, "client") for _ in range(5)]
    for client in clients:
        client.connect_ex((SERVER, 80))
        net.run_for(0.1)
    assert sum(client.writable for client in clients) == 3
    for _ in range(3):
        listener.accept()
    net.run_for(4)
    assert all(client.writable for client in clients)


def test_a_burst_of_calls_is_answered_although_the_backlog_is_short() -> None:
    """Calls count only when they are complete, as with SYN cookies."""
    net = network()
    listening(net, backlog=5)
    clients = [tcp(net, "client") for _ in range(100)]
    for client in clients:
        client.connect_ex((SERVER, 80))
    net.run_for(0.1)
    assert all(client.writable for client in clients)


def test_a_closed_listener_resets_those_that_waited() -> None:
    """Nobody is left hanging."""
    net = network()
    listener = listening(net)
    client = tcp(net, "client")
    client.connect_ex((SERVER, 80))
    net.run_for(0.1)
    listener.close()
    net.run_for(0.1)
    with fails(errno.ECONNRESET):
        client.recv(1)


def test_a_port_is_had_by_one_listener() -> None:
    """A second listener on the port fails, until the first is closed."""
    net = network()
    first = listening(net)
    second = tcp(net, "server")
    with fails(errno.EADDRINUSE):
        second.bind(("", 80))
    with fails(errno.EADDRINUSE):
        second.bind((SERVER, 80))
    first.close()
    second.bind(("", 80))


def test_listeners_on_different_addresses_share_a_port() -> None:
    """127.0.0.1 and the host's own address are two."""
    net = network()
    for address in (SERVER, "127.0.0.1"):
        listener = tcp(net, "server")
        listener.bind((address, 80))
        listener.listen()
    with fails(errno.EADDRNOTAVAIL):
        tcp(net, "server").bind(("10.0.0.2", 80))


def test_a_port_in_time_wait_is_free_for_those_who_say_so() -> None:
    """That is what SO_REUSEADDR is for."""
    net = network()
    client, server = joined(net)
    server.close()
    client.close()
    net.run_for(0.01)
    again = tcp(net, "server")
    with fails(errno.EADDRINUSE):
        again.bind(("", 80))
    again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    again.bind(("", 80))


def test_both_ends_may_be_on_one_host() -> None:
    """Loopback is a link like any other, that leads nowhere else."""
    net = network()
    listener = tcp(net, "server")
    listener.bind(("127.0.0.1", 80))
    listener.listen()
    client = tcp(net, "server")
    client.connect_ex(("127.0.0.1", 80))
    stranger = tcp(net, "client")
    stranger.connect_ex((SERVER, 80))
    net.run_for(0.1)
    _, peer = listener.accept()
    assert peer[0] == "127.0.0.1"
    assert stranger.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


def test_both_ends_may_call_at_once() -> None:
    """Two calls that cross become one connection (RFC 9293, 3.5)."""
    net = network()
    client, server = tcp(net, "client"), tcp(net, "server")
    client.bind(("", 1000))
    server.bind(("", 2000))
    client.connect_ex((SERVER, 2000))
    server.connect_ex(("10.0.0.2", 1000))
    net.run_for(0.1)
    client.send(b"hello")
    net.run_for(0.1)
    assert server.recv(10) == b"hello"


def test_a_lost_syn_is_sent_again_after_a_second() -> None:
    """The handshake survives a loss."""
    net = network()
    listening(net)
    client = tcp(net, "client")
    lost: list[Packet] = []

    def lose_first(packet: Packet) -> Verdict:
        if packet.flags == SYN and not lost:
            lost.append(packet)
            return DROP
        return None

    with net.rule(lose_first):
        client.connect_ex((SERVER, 80))
        net.run_until(lambda: client.writable)
    assert net.seconds() == pytest.approx(1.002)


def test_ipv6_works_and_a_socket_on_every_address_hears_ipv4_too() -> None:
    """A dual-stack listener shows IPv4 peers as mapped addresses."""
    net = network()
    listener = tcp(net, "server", socket.AF_INET6)
    listener.bind(("::", 80, 0, 0))
    listener.listen()
    old, new = tcp(net, "client"), tcp(net, "client", socket.AF_INET6)
    old.connect_ex((SERVER, 80))
    net.run_for(0.1)
    new.connect_ex(("fd00::1", 80, 0, 0))
    net.run_for(0.1)
    assert listener.accept()[1] == ("::ffff:10.0.0.2", 49152, 0, 0)
    assert listener.accept()[1] == ("fd00::2", 49153, 0, 0)


def test_calls_on_a_closed_socket_fail() -> None:
    """A descriptor given back is bad."""
    net = network()
    client, _ = joined(net)
    client.close()
    client.close()
    assert client.fileno() == -1
    for call in (client.getsockname, client.getpeername, client.accept):
        with fails(errno.EBADF):
            call()


def test_a_socket_that_is_connected_to_nothing_says_so() -> None:
    """Reading, writing, shutting: not connected."""
    net = network()
    sock = tcp(net, "client")
    with fails(errno.ENOTCONN):
        sock.send(b"x")
    with fails(errno.ENOTCONN):
        sock.recv(1)
    with fails(errno.ENOTCONN):
        sock.shutdown(socket.SHUT_RDWR)
    with fails(errno.ENOTCONN):
        sock.getpeername()
    with fails(errno.EINVAL):
        sock.accept()


def test_a_socket_knows_its_kind() -> None:
    """Some code asks, for it was handed the socket."""
    net = network()
    kinds = [
        each.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
        for each in (tcp(net, "client"), udp(net, "client"))
    ]
    assert kinds == [socket.SOCK_STREAM, socket.SOCK_DGRAM]


def test_a_host_has_as_many_sockets_as_it_is_allowed() -> None:
    """Descriptors run out, as they do."""
    net = network()
    net["client"].stack.limit = 1
    tcp(net, "client")
    with fails(errno.EMFILE):
        tcp(net, "client")


def test_ephemeral_ports_are_counted_up() -> None:
    """Nothing about a connection depends on chance."""
    net = network()
    listening(net)
    ports = []
    for _ in range(3):
        client = tcp(net, "client")
        client.connect_ex((SERVER, 80))
        ports.append(client.getsockname()[1])
    assert ports == [49152, 49153, 49154]
