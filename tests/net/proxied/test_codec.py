"""Tests of `twisted_net.net.proxied.codec`."""

import ipaddress
import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.proxied.codec import (
    BINARY,
    LONGEST_TAIL,
    LONGEST_TEXT,
    NOBODY,
    HeaderReader,
    Said,
    begins,
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: The longest that version 1 can be (2.1).
LONGEST = b"PROXY UNKNOWN " + b" ".join([b"ffff:" * 7 + b"ffff"] * 2) + b" 65535 65535\r\n"


def text(source: Address, port: int) -> bytes:
    """Write a header of version 1."""
    return f"PROXY TCP{source.version} {source} {source} {port} 7007\r\n".encode()


def binary(family: int, tail: bytes, version: int = 0x21) -> bytes:
    """Write a header of version 2."""
    return BINARY + bytes([version, family]) + struct.pack("!H", len(tail)) + tail


def packed(source: Address, port: int, more: bytes = b"") -> bytes:
    """Write a header of version 2 with addresses."""
    family = 0x11 if source.version == 4 else 0x21
    return binary(family, source.packed * 2 + struct.pack("!HH", port, 7007) + more)


headers = st.one_of(
    st.tuples(st.ip_addresses(), st.integers(0, 65535), st.just(text)),
    st.tuples(st.ip_addresses(), st.integers(0, 65535), st.just(packed)),
)


@given(headers, st.binary(max_size=40), st.lists(st.integers(0, 300), max_size=6))
def test_the_peer_is_read_however_the_stream_is_cut(
    header: tuple[Address, int, object], after: bytes, cuts: list[int]
) -> None:
    """And what follows the header is what the proxy's client has sent, to the byte."""
    source, port, write = header
    stream = write(source, port) + after  # type: ignore[operator]
    reader, said, rest = HeaderReader(), None, b""
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        if said is None:
            said = reader.feed(stream[start:end]) if end > start else None
            rest = reader.rest if said is not None else b""
        else:
            rest += stream[start:end]
    assert said == Said(str(source), port)
    assert rest == after


@pytest.mark.parametrize(
    "header",
    [text(ipaddress.ip_address("192.0.2.1"), 1), packed(ipaddress.ip_address("2001:db8::1"), 1)],
)
def test_a_header_split_at_every_byte_is_no_other(header: bytes) -> None:
    """R29."""
    reader = HeaderReader()
    heard = [reader.feed(bytes([byte])) for byte in header]
    assert heard[:-1] == [None] * (len(header) - 1)
    assert heard[-1] is not None
    assert heard[-1].port == 1


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN whatever 999\r\n",
        LONGEST,
        binary(0x00, b"", 0x20),
        binary(0x11, b"\1" * 12, 0x20),
        binary(0x00, b"\3\0\1x"),
        binary(0x31, b"/a".ljust(216, b"\0")),
    ],
)
def test_a_proxy_may_speak_for_itself(header: bytes) -> None:
    """A health check, or a connection that has no IP addresses."""
    reader = HeaderReader()
    assert reader.feed(header + b"hello") == NOBODY
    assert reader.rest == b"hello"


V4 = bytes(12)


@pytest.mark.parametrize(
    "header",
    [
        b"GET / HTTP/1.1\r\n",
        b"PROXYTCP4",
        b"PROXY TCP4 999.2.3.4 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.999 1 2\r\n",
        b"PROXY TCP4 1.2.3 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 01.2.3.4 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        b"PROXY TCP4 \xff 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY \r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n" + b"x" * LONGEST_TEXT,
        b"PROXY " + b"x" * LONGEST_TEXT,
        binary(0x11, V4[:11]),
        binary(0x21, bytes(35)),
        binary(0x12, V4),
        binary(0x41, V4),
        binary(0x11, V4, 0x22),
        binary(0x11, V4, 0x11),
        BINARY + b"\x21\x11" + struct.pack("!H", LONGEST_TAIL + 1),
    ],
)
def test_what_is_no_header_is_refused(header: bytes) -> None:
    """And never taken for an address."""
    with pytest.raises(RemoteProtocolError):
        HeaderReader().feed(header)


def test_the_longest_header_of_version_1_is_taken_and_one_more_byte_is_not() -> None:
    """107 bytes with the line's end."""
    assert len(LONGEST) <= LONGEST_TEXT
    padded = b"PROXY UNKNOWN " + b"x" * (LONGEST_TEXT - 16) + b"\r\n"
    assert (len(padded), HeaderReader().feed(padded)) == (LONGEST_TEXT, NOBODY)
    with pytest.raises(RemoteProtocolError):
        HeaderReader().feed(padded.replace(b"x", b"xx", 1))


@given(st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", BINARY]))
def test_no_bytes_do_any_harm(data: bytes, before: bytes) -> None:
    """They are a header, a part of one or refused."""
    reader = HeaderReader()
    try:
        said = reader.feed(before + data)
    except RemoteProtocolError:
        return
    if said is not None and said.host:
        ipaddress.ip_address(said.host)
        assert 0 <= said.port <= 65535


@given(headers)
def test_every_header_begins_as_one_and_words_do_not(
    header: tuple[Address, int, object],
) -> None:
    """Who says PROXY in a chat is no proxy."""
    source, port, write = header
    assert begins(write(source, port))  # type: ignore[operator]
    assert not begins(b"PROXY is a word")
    assert not begins(b"\r\n\r\n")
