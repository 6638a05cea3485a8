"""Tests of `twisted_net.net.endpoints`."""

import contextlib
import errno
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.internet.testing import MemoryReactor, MemoryReactorClock

from twisted_net.net import endpoints
from twisted_net.net.errors import StartError
from twisted_net.net.service import Door, Kind


@pytest.mark.parametrize(
    ("text", "kind", "why"),
    [
        ("tcp:99999", "stream", "port must be 0-65535"),
        ("tcp:abc", "stream", "'abc' is not a port number"),
        ("tcp: 7007", "stream", "' 7007' is not a port number"),
        ("tcp:7_007", "stream", "'7_007' is not a port number"),
        ("tcp:-1", "stream", "'-1' is not a port number"),
        ("tcp", "stream", "names no port; write tcp:7000"),
        ("TCP:7777", "stream", "unknown type 'TCP'; did you mean 'tcp'?"),
        (
            "udp:7",
            "stream",
            "want a stream endpoint (tcp, tcp6, ssl, tls, unix, systemd);"
            " this is a datagram endpoint",
        ),
        (
            "tcp:7",
            "datagram",
            "want a datagram endpoint (udp, udp6, systemd); this is a stream endpoint",
        ),
        ("7", "stream", "need a type before the port; did you mean 'tcp:7'?"),
        ("7", "datagram", "need a type before the port; did you mean 'udp:7'?"),
        ("udq:7", "datagram", "unknown type 'udq'; did you mean 'udp'?"),
        (
            "tcp:7881:interface=::1",
            "stream",
            "escape the colons of an IPv6 address, interface=\\:\\:1, or use tcp6 or udp6",
        ),
        (
            "udp:7:interface=300.1.1.1",
            "datagram",
            "need an IP address, as 127.0.0.1, 0.0.0.0 or ::1",
        ),
        (
            "udp:7:intreface=0.0.0.0",
            "datagram",
            "unknown argument 'intreface'; did you mean 'interface'?",
        ),
        ("udp:7:foo=bar", "datagram", "unknown argument 'foo'; it takes port, interface"),
        ("udp:7:::", "datagram", "'' is too much; it takes port, interface"),
        ("udp:7:port=8", "datagram", "names its port twice"),
        ("udp6:7:interface=127.0.0.9", "datagram", "127.0.0.9 is no IPv6 address; udp6 needs one"),
        ("tcp:7:backlog=x", "stream", "backlog 'x': need a whole number 1-99999"),
        ("ssl:abc:privateKey=k.pem", "stream", "'abc' is not a port number"),
        ("ssl:privateKey=k.pem", "stream", "names no port; write ssl:7000"),
        ("tls:/etc/keys", "stream", "names no port; write tls:FOLDER:7000"),
        (
            "ssl:7007:privatekey=k.pem",
            "stream",
            "unknown argument 'privatekey'; did you mean 'privateKey'?",
        ),
        (
            "systemd:domain=INET",
            "stream",
            "want the name or the index of a socket; write systemd:name=echo",
        ),
        (
            "systemd:index=0:name=echo",
            "datagram",
            "want the name or the index of a socket; write systemd:name=echo",
        ),
        ("systemd:index=-1", "stream", "index '-1': need a whole number"),
        ("stdio:", "stream", "unknown type 'stdio'; there are tcp, tcp6, ssl, tls, unix, systemd"),
        ("unix:" + "x" * 200, "stream", "unix path is 200 bytes, the limit is 107"),
        ("unix:", "stream", "names no path; write unix:/run/netdemo.sock"),
        (
            "haproxy:tcp:7007",
            "stream",
            "use 'tcp:7007' and name the proxies: --proxy-from 192.0.2.1",
        ),
    ],
)
def test_an_endpoint_that_cannot_work_says_why(text: str, kind: Kind, why: str) -> None:
    """Before anything is opened, in words for the person who typed it."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        endpoints.parse(text, kind)
    assert str(caught.value) == why


@pytest.mark.parametrize(
    ("text", "kind", "port", "interface"),
    [
        ("tcp:7007", "stream", 7007, "192.0.2.1"),
        ("tcp:port=7007", "stream", 7007, "192.0.2.1"),
        ("tcp:0:interface=127.0.0.2", "stream", 0, "127.0.0.2"),
        ("tcp:7007:interface=\\:\\:1", "stream", 7007, "::1"),
        ("tcp:7007:127.0.0.2", "stream", 7007, "127.0.0.2"),
        ("udp:7069:interface=localhost", "datagram", 7069, "127.0.0.1"),
        ("udp:7069", "datagram", 7069, "192.0.2.1"),
        ("udp6:7069:interface=\\:\\:", "datagram", 7069, "::"),
    ],
)
def test_an_endpoint_is_taken_apart(text: str, kind: Kind, port: int, interface: str) -> None:
    """The interface is the string's own, or else the one of the bench."""
    endpoint = endpoints.parse(text, kind)
    assert (endpoint.port, endpoint.interface("192.0.2.1")) == (port, interface)


def test_the_interface_of_the_bench_has_a_meaning_for_ipv6_where_it_can() -> None:
    """Loopback is loopback and everywhere is everywhere; one IPv4 address is nothing to IPv6."""
    endpoint = endpoints.parse("tcp6:7007", "stream")
    assert endpoint.interface("127.0.0.1") == "::1"
    assert endpoint.interface("0.0.0.0") == "::"  # noqa: S104
    with pytest.raises(ValueError, match=r"192\.0\.2\.1 is no IPv6 address; tcp6 needs one"):
        endpoint.interface("192.0.2.1")


def test_an_empty_string_is_a_closed_door() -> None:
    """Every door can be closed."""
    assert endpoints.reading("stream").read("") == ""


@given(
    st.text(alphabet="tcpud6:=\\,.0123456789abcinterface "), st.sampled_from(["stream", "datagram"])
)
def test_any_string_is_parsed_or_refused(text: str, kind: Kind) -> None:
    """Nothing but ValueError comes out, whatever was typed."""
    with contextlib.suppress(ValueError):
        assert endpoints.parse(text, kind).text == text


class Refusing(MemoryReactor):
    """A reactor whose ports do not open."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Refuse as the kernel does."""
        raise CannotListenError(interface, port, OSError(self.number, "no"))


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (
            errno.EADDRINUSE,
            "port 7008 in use (chat-tcp, 127.0.0.1); choose another with --chat-tcp;"
            " netdemo doctor says who has it",
        ),
        (
            errno.EADDRNOTAVAIL,
            "cannot listen on 127.0.0.1:7008: no such address on this host (chat-tcp)",
        ),
        (
            errno.EACCES,
            "cannot listen on 127.0.0.1:7008 (chat-tcp): ports below 1024 are root's",
        ),
        (errno.ENOBUFS, "cannot listen on 127.0.0.1:7008 (chat-tcp): no"),
    ],
)
def test_a_port_that_does_not_open_is_one_line(number: int, why: str) -> None:
    """The fact stands in the first 80 characters: a daemon's parent shows no more."""
    door = Door("chat-tcp", "stream", "tcp:7008", Factory())
    with pytest.raises(StartError) as caught:
        endpoints.listen(Refusing(number), door, door.serve, "127.0.0.1")
    assert str(caught.value) == why


def test_a_stream_door_listens_on_the_interface_of_the_bench() -> None:
    """With a backlog that a burst of clients fits into."""
    reactor = MemoryReactor()
    door = Door("echo-tcp", "stream", "tcp:7007", Factory())
    endpoints.listen(reactor, door, door.serve, "127.0.0.1")
    (port, _, backlog, interface) = reactor.tcpServers[0]
    assert (port, backlog, interface) == (7007, endpoints.BACKLOG, "127.0.0.1")


def test_a_datagram_door_takes_the_longest_datagram() -> None:
    """Twisted's default would cut it at 8192 without a word."""
    opened: list[Any] = []

    class Reactor(MemoryReactor):
        def listenUDP(self, *arguments: Any) -> Any:
            opened.append(arguments)

    protocol = DatagramProtocol()
    door = Door("echo-udp", "datagram", "udp:7007", protocol)
    endpoints.listen(Reactor(), door, protocol, "127.0.0.1")
    assert opened == [(7007, protocol, "127.0.0.1", 65535)]


@pytest.mark.parametrize(
    ("text", "interface"),
    [
        ("tcp6:7007", "::1"),
        ("tcp:7007:interface=192.0.2.1", "192.0.2.1"),
    ],
)
def test_no_type_of_stream_door_is_open_to_the_network_unasked(text: str, interface: str) -> None:
    """Twisted's own default would be every address."""
    reactor = MemoryReactor()
    door = Door("echo-tcp", "stream", text, Factory())
    endpoints.listen(reactor, door, door.serve, "127.0.0.1")
    assert reactor.tcpServers[0][3] == interface


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
@pytest.mark.parametrize("text", ["tls:{folder}:7007", "ssl:7007:privateKey={folder}/tls-demo.pem"])
def test_no_door_that_speaks_tls_is_either(text: str, tmp_path: Path) -> None:
    """Where TLS is installed."""
    pytest.importorskip("OpenSSL")
    from twisted_net.net.tls.demo import demo

    demo(tmp_path, "127.0.0.1", time.time())
    reactor = MemoryReactorClock()
    door = Door("echo-tcp", "stream", text.format(folder=tmp_path), Factory())
    endpoints.listen(reactor, door, door.serve, "127.0.0.1")
    assert reactor.tcpServers[0][0] == 7007
    assert reactor.tcpServers[0][2:] == (endpoints.BACKLOG, "127.0.0.1")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ssl:7881:privateKey={}/junk.pem", "'{}/junk.pem' holds no PEM private key"),
        ("ssl:7881:privateKey={}/nope.pem", "'{}/nope.pem': no such file or directory"),
        ("tls:{}/empty:7881", "'{}/empty' holds no file *.pem"),
        ("tls:{}/nope:7881", "'{}/nope': no such file or directory"),
        ("tls:{}:7881", "'{}/junk.pem' holds no PEM private key"),
    ],
)
def test_a_certificate_that_is_none_is_one_line(text: str, why: str, tmp_path: Path) -> None:
    """With the file, and nothing is opened."""
    pytest.importorskip("OpenSSL")
    (tmp_path / "junk.pem").write_bytes(b"junk")
    (tmp_path / "empty").mkdir()
    door = Door("echo-tcp", "stream", text.replace("{}", str(tmp_path)), Factory())
    reactor = MemoryReactorClock()
    with pytest.raises(StartError) as caught:
        endpoints.listen(reactor, door, door.serve, "127.0.0.1")
    assert str(caught.value) == f"--echo-tcp {door.endpoint!r}: " + why.replace("{}", str(tmp_path))
    assert reactor.tcpServers == []


def test_where_tls_is_not_installed_it_is_said_how_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is not for everybody."""
    monkeypatch.delattr("twisted_net.net.tls.serving", raising=False)
    monkeypatch.setitem(sys.modules, "twisted_net.net.tls.serving", None)
    door = Door("echo-tcp", "stream", "ssl:7007", Factory())
    with pytest.raises(StartError, match=r"pip install 'twisted_net\[tls\]'"):
        endpoints.listen(MemoryReactorClock(), door, door.serve, "127.0.0.1")


def test_a_unix_door_that_another_server_has_is_said_so(tmp_path: Path) -> None:
    """Twisted's lock beside the socket tells."""

    class Taken(MemoryReactor):
        def listenUNIX(self, *arguments: Any, **named: Any) -> Any:
            raise CannotListenError(None, b"/run/x", OSError("Cannot acquire lock"))

    door = Door("echo-tcp", "stream", f"unix:{tmp_path}/x", Factory())
    with pytest.raises(StartError) as caught:
        endpoints.listen(Taken(), door, door.serve, "127.0.0.1")
    assert str(caught.value) == f"--echo-tcp {door.endpoint!r}: another server has it"


def test_a_unix_door_needs_its_folder(tmp_path: Path) -> None:
    """Which is named."""
    door = Door("echo-tcp", "stream", f"unix:{tmp_path}/nope/x", Factory())
    with pytest.raises(StartError) as caught:
        endpoints.listen(MemoryReactor(), door, door.serve, "127.0.0.1")
    assert str(caught.value) == (
        f"--echo-tcp {door.endpoint!r}: directory '{tmp_path}/nope' does not exist"
    )


def test_an_endpoint_type_that_fails_its_own_way_is_one_line_too() -> None:
    """A plug-in's exception is not the user's."""
    door = Door("echo-tcp", "stream", "unix:/tmp:mode=nonsense", Factory())
    with pytest.raises(StartError, match=r"--echo-tcp 'unix:/tmp:mode=nonsense': "):
        endpoints.listen(MemoryReactor(), door, door.serve, "127.0.0.1")


def test_the_real_socket_is_out_of_reach_here() -> None:
    """What the other tests rely on."""
    with pytest.raises(AssertionError):
        socket.socket()
