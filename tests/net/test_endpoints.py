"""Tests of `twisted_net.net.endpoints`."""

import contextlib
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.net import endpoints
from twisted_net.net.service import Kind


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
        ("99999", "stream", "port must be 0-65535"),
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


def test_the_real_socket_is_out_of_reach_here() -> None:
    """What the other tests rely on."""
    with pytest.raises(AssertionError):
        socket.socket()
