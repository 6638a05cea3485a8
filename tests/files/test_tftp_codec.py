"""Tests of `twisted_net.files.tftp.codec`: packets as bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.files.tftp.codec import (
    MOST_OPTIONS,
    Ack,
    Code,
    Data,
    Error,
    OptionAck,
    Packet,
    Request,
    parse,
    render,
    shelf_name,
    whole,
)
from twisted_net.net.errors import RemoteProtocolError

WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
OPTIONS = st.dictionaries(WORDS, WORDS, max_size=5)
NUMBERS = st.integers(0, 65535)
NAMES = st.binary(max_size=100).map(lambda raw: raw.replace(b"\0", b""))
ANSWERS = st.one_of(
    st.builds(Data, NUMBERS, st.binary(max_size=600)),
    st.builds(Ack, NUMBERS),
    st.builds(Error, NUMBERS, NAMES.map(lambda raw: raw.decode("utf-8", "surrogateescape"))),
    st.builds(OptionAck, OPTIONS),
)
REQUESTS = st.builds(Request, st.sampled_from(["read", "write"]), NAMES, WORDS, OPTIONS)


@given(ANSWERS | REQUESTS)
def test_every_packet_is_read_back_as_it_was_written(packet: Packet) -> None:
    """Of all five kinds, with any name, any text, any options."""
    assert parse(render(packet)) == packet


@given(st.binary(max_size=600) | st.binary(max_size=80).map(lambda rest: b"\0\1" + rest))
def test_any_datagram_is_read_or_refused(datagram: bytes) -> None:
    """A refusal is answered with one ERROR, or with nothing."""
    try:
        parse(datagram)
    except RemoteProtocolError as error:
        answer = error.reply
    else:
        return
    assert not answer or isinstance(parse(answer), Error)


@pytest.mark.parametrize(
    ("datagram", "text"),
    [
        (b"\0\x09", "illegal operation 9"),
        (b"\0\xffxx", "illegal operation 255"),
        (b"\0\0", "illegal operation 0"),
        (b"\0\1name\0octet", "request not terminated"),
        (b"\0\1", "request not terminated"),
        (b"\0\1name\0", "request without a mode"),
        (b"\0\2name\0octet", "request not terminated"),
    ],
)
def test_a_bad_request_says_what_is_wrong_with_it(datagram: bytes, text: str) -> None:
    """In an ERROR 4, which is never answered."""
    with pytest.raises(RemoteProtocolError) as caught:
        parse(datagram)
    assert parse(caught.value.reply) == Error(Code.ILLEGAL, text)


@pytest.mark.parametrize(
    "datagram", [b"", b"\0", b"\0\3", b"\0\3\0", b"\0\4", b"\0\4\0", b"\0\5\0"]
)
def test_what_is_too_short_is_not_answered(datagram: bytes) -> None:
    """Nobody meant anything by it, and an answer could be the start of a loop."""
    with pytest.raises(RemoteProtocolError, match="too short") as caught:
        parse(datagram)
    assert caught.value.reply == b""


def test_modes_and_option_names_are_read_in_any_case() -> None:
    """RFC 1350, 5 and RFC 2347."""
    assert parse(b"\0\1f\0OCTET\0BlkSize\x001428\0") == Request(
        "read", b"f", "octet", {"blksize": "1428"}
    )


def test_an_option_counts_once_and_needs_a_value() -> None:
    """The first one of a name; an odd word at the end is ignored."""
    asked = parse(b"\0\1f\0octet\0tsize\x000\0tsize\x005\0odd\0")
    assert asked == Request("read", b"f", "octet", {"tsize": "0"})


def test_many_options_are_not_all_read() -> None:
    """There are fewer than ten in all RFCs."""
    options = b"".join(b"o%d\0v\0" % number for number in range(600))
    asked = parse(b"\0\1f\0octet\0" + options)
    assert isinstance(asked, Request)
    assert len(asked.options) == MOST_OPTIONS


def test_what_boot_loaders_send_is_understood() -> None:
    """An ACK with something behind it, an ERROR without an end."""
    assert parse(b"\0\4\0\7\0\0") == Ack(7)
    assert parse(b"\0\5\0\1no NUL") == Error(1, "no NUL")
    assert parse(b"\0\5\0\1") == Error(1, "")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        (b"image", b"image"),
        (b"/boot/image", b"boot/image"),
        (b"//boot/image", b"boot/image"),
        (b"\\boot\\image", b"boot/image"),
        (b"../x", b"../x"),
    ],
)
def test_a_name_from_the_root_means_the_shared_folder(asked: bytes, meant: bytes) -> None:
    """Boot loaders ask so; what leads up is for the shelf to refuse."""
    assert shelf_name(asked) == meant


def test_numbers_are_read_strictly() -> None:
    """What Python takes for a number beyond that is none (RFC 2347: decimal ASCII)."""
    assert whole("8", 8, 65464) == 8
    for text in ("", "7", "65465", "-1", "1e3", "+9", " 9", "9 ", "٩", "0x9", "9" * 40):
        assert whole(text, 8, 65464) is None, text


@pytest.mark.parametrize("datagram", [b"\xff\xffxx", b"\1\0", b"\xff\x11" + bytes(30)])
def test_what_is_of_another_protocol_is_not_answered(datagram: bytes) -> None:
    """It may be the answer of another service, which would answer ours."""
    with pytest.raises(RemoteProtocolError, match="illegal operation") as caught:
        parse(datagram)
    assert caught.value.reply == b""
