"""Tests of `twisted_net.chat.codec.datagram`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.chat.codec.datagram import (
    MAX_PACKET,
    MIN_HELLO,
    RETRY_LENGTH,
    Flag,
    Key,
    Malformed,
    Packet,
    Type,
    decode,
    encode,
    packed,
    padded,
    proven,
    unpacked,
)

KEY = b"k" * 16
numbers = st.integers(0, (1 << 32) - 1)
fields = st.dictionaries(st.sampled_from(Key), st.binary(min_size=1, max_size=100), max_size=8)
packets = st.builds(
    Packet,
    st.sampled_from(Type),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 255),
    numbers,
    numbers,
    numbers,
    fields.map(packed),
    st.sampled_from([Flag.NONE, Flag.RESPONDER, Flag.PEER, Flag.RESPONDER | Flag.PEER]),
)


@given(packets)
def test_a_packet_is_read_as_it_was_written(packet: Packet) -> None:
    """Every field of the header, and the fields behind it."""
    assert decode(encode(packet)) == packet


@given(packets, st.integers(0, 7), st.data())
def test_a_tag_proves_every_bit(packet: Packet, bit: int, data: st.DataObject) -> None:
    """Who has not the key can change nothing, and repeat nothing under another key."""
    tagged = encode(packet, KEY)
    assert proven(tagged, KEY)
    assert not proven(tagged, b"K" * 16)
    at = data.draw(st.integers(0, len(tagged) - 1))
    changed = bytearray(tagged)
    changed[at] ^= 1 << bit
    assert not proven(bytes(changed), KEY)


@given(packets)
def test_what_is_not_tagged_is_not_proven(packet: Packet) -> None:
    """However it ends."""
    assert not proven(encode(packet), KEY)


@given(st.binary(max_size=100) | st.binary(max_size=90).map(lambda end: b"\xff\x17" + end))
def test_any_datagram_is_a_packet_or_malformed(datagram: bytes) -> None:
    """Nothing else can be raised by a stranger (T10, R28)."""
    proven(datagram, KEY)
    try:
        packet = decode(datagram)
    except Malformed as error:
        assert not error.reply  # noqa: PT017 - what is malformed is never answered
    else:
        unpacked(packet.fields)


@pytest.mark.parametrize(
    ("datagram", "why"),
    [
        (b"", "not_framed"),
        (b"hello", "not_framed"),
        (b"\xff\x11" + bytes(21), "not_framed"),
        (b"h" + bytes(60), "not_framed"),
        (b"\xff\x21" + bytes(22), "unknown_version"),
        (b"\xff\x10" + bytes(22), "unknown_version"),
        (b"\xff\x1f" + bytes(22), "unknown_version"),
        (b"\xff\x11\x08" + bytes(21), "unknown_version"),
        (b"\xff\x15\x02" + bytes(21), "bad_fields"),
        (b"\xff\x15" + bytes(22) + b"\1", "bad_fields"),
        (b"\xff\x15" + bytes(22) + b"\1\0\2a", "bad_fields"),
        (b"\xff\x15" + bytes(22) + b"\2\0\1a\1\0\1b", "bad_fields"),
        (b"\xff\x15" + bytes(22) + b"\1\0\1a\1\0\1b", "bad_fields"),
        (b"\xff\x15" + bytes(22 + MAX_PACKET), "too_long"),
    ],
)
def test_what_is_no_packet_is_named_for_the_counters(datagram: bytes, why: str) -> None:
    """In a few constant words."""
    with pytest.raises(Malformed, match=why):
        decode(datagram)


def test_the_header_is_laid_out_as_documented() -> None:
    """Byte by byte, for those who write another client."""
    packet = Packet(Type.CON, b"session!", 1, 2, 3, 4, packed({Key.TEXT: b"hi"}), Flag.RESPONDER)
    assert encode(packet) == (
        b"\xff\x17\x01\x01session!\0\0\0\2\0\0\0\3\0\0\0\4" + b"\x02\x00\x02hi"
    )


def test_a_key_that_nobody_knows_is_skipped() -> None:
    """Newer clients may say more."""
    assert unpacked(b"\x02\x00\x02hi\xc8\x00\x01x") == {Key.TEXT: b"hi", 200: b"x"}


@given(st.dictionaries(st.sampled_from([Key.NAME, Key.COOKIE]), st.binary(max_size=72)))
def test_a_hello_is_never_shorter_than_its_answer(said: dict[Key, bytes]) -> None:
    """Or a server could be used to send others more than was sent to it (R4)."""
    hello = encode(Packet(Type.HELLO, bytes(8), fields=padded(said)))
    retry = encode(Packet(Type.RETRY, bytes(8), fields=packed({Key.COOKIE: bytes(20)})))
    assert len(retry) == RETRY_LENGTH < MIN_HELLO <= len(hello)
    assert {key: value for key, value in unpacked(decode(hello).fields).items() if key} == {
        key: value for key, value in said.items() if value
    }
