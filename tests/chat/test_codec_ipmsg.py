"""Packets of IP Messenger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.chat.codec.ipmsg import (
    MAX_PACKET,
    Command,
    IpmsgPacket,
    MalformedIpmsg,
    Option,
    announced,
    decode_ipmsg,
    encode_ipmsg,
    files_of,
    one_line,
    read_text,
    shortened,
)

#: How iptux says that it is there: its absence option, nickname, group, icon and encoding.
IPTUX_ENTRY = b"1_iptux 0.8.3:1767225600:red:bench3:257:Red\0Lab\0tux.png\0utf-8\0"

words = st.binary(max_size=40).map(lambda word: word.translate(None, b":\0"))
packets = st.builds(
    IpmsgPacket,
    number=st.integers(0, 9999999999),
    user=words,
    host=words,
    command=st.integers(0, 255),
    options=st.integers(0, (1 << 24) - 1).map(lambda bits: bits << 8),
    extra=st.binary(max_size=60).map(lambda text: text.translate(None, b"\0")),
    more=st.lists(words.filter(bool), max_size=4).map(tuple),
    version=st.sampled_from([b"1", b"1_lbt6_0#128#5CF9DD"]),
)


@given(packets)
def test_what_is_written_is_read(packet: IpmsgPacket) -> None:
    """Colons in a text stay, and so does everything else."""
    assert decode_ipmsg(encode_ipmsg(packet)) == packet


@given(st.one_of(st.binary(max_size=200), packets.map(encode_ipmsg)), st.data())
def test_any_datagram_is_read_or_refused(datagram: bytes, data: st.DataObject) -> None:
    """Nothing that comes over the network raises anything else."""
    at = data.draw(st.integers(0, len(datagram)))
    datagram = datagram[:at] + data.draw(st.binary(max_size=3)) + datagram[at:]
    try:
        packet = decode_ipmsg(datagram)
    except MalformedIpmsg:
        return
    name, encoding = announced(packet)
    name.encode(encoding or "utf-8", "replace")
    assert one_line(name) == name
    assert len(files_of(packet)) <= 11


@pytest.mark.parametrize(
    ("datagram", "why"),
    [
        (b"", "too_few_parts"),
        (b"1:2:red:bench3", "too_few_parts"),
        (b"x:2:red:bench3:32:hi", "no_version"),
        (b"1" * 129 + b":2:red:bench3:32:hi", "no_version"),
        (b"1:-2:red:bench3:32:hi", "no_number"),
        (b"1:2:red:bench3:0x20:hi", "no_number"),
        (b"1:12345678901:red:bench3:32:hi", "no_number"),
        (b"1:2:red:bench3:4294967296:hi", "out_of_range"),
        (b"1:2:%s:bench3:32:hi" % (b"r" * 257), "out_of_range"),
        (b"1:2:red\0:bench3:32:hi", "out_of_range"),
        (b"1:2:red:bench3:32:" + b"x" * MAX_PACKET, "too_long"),
    ],
)
def test_what_is_no_packet_is_refused(datagram: bytes, why: str) -> None:
    """By one word, which is counted."""
    with pytest.raises(MalformedIpmsg, match=f"^{why}$"):
        decode_ipmsg(datagram)


def test_the_example_of_the_module_is_read() -> None:
    """A message that wants to be acknowledged."""
    packet = decode_ipmsg(b"1:1767225600:red:bench3:288:hello: you")
    assert packet == IpmsgPacket(
        1767225600, b"red", b"bench3", Command.SENDMSG, Option.SENDCHECK, b"hello: you"
    )


def test_iptux_tells_its_nickname_and_its_encoding() -> None:
    """After the extra part: group, icon, encoding."""
    packet = decode_ipmsg(IPTUX_ENTRY)
    assert (packet.command, packet.options) == (Command.BR_ENTRY, Option.ABSENCE)
    assert announced(packet) == ("Red", "utf-8")


def test_feiq_may_put_into_the_version_what_it_likes() -> None:
    """A digit comes first, and its nickname is in GBK."""
    name = "小红".encode("gbk")
    packet = decode_ipmsg(b"1_lbt6_0#128#5CF9DD000000#0#0#0#4001#9:1:u:h:6291457:%s\0" % name)
    assert announced(packet) == ("小红", "gb18030")


def test_newer_clients_say_their_name_again_in_utf_8() -> None:
    """Behind the group, in lines."""
    entry = b"1:5:red:bench3:16777217:???\0Lab\0\nUN:red\nHN:bench3\nNN:%s\nGN:Lab"
    assert announced(decode_ipmsg(entry % "赤".encode()))[0] == "赤"


def test_who_tells_no_nickname_has_that_of_their_account() -> None:
    """An entry may have no extra part."""
    assert announced(decode_ipmsg(b"1:5:red:bench3:1:")) == ("red", "")
    assert announced(decode_ipmsg(b"1:5:red:bench3:1\0")) == ("red", "")


def test_a_text_is_read_in_the_encoding_that_it_is_in() -> None:
    """UTF-8 is known by itself; then goes what the peer told; then GB18030."""
    assert read_text("日本".encode()) == ("日本", "utf-8")
    assert read_text("日本".encode("gb18030")) == ("日本", "gb18030")
    assert read_text("日本".encode("shift_jis"), "shift_jis") == ("日本", "shift_jis")
    assert read_text(b"\xff\xff", utf8=True) == ("\ufffd\ufffd", "utf-8")


def test_the_lines_of_a_message_become_one() -> None:
    """The chat has lines of text, and terminals that would obey others."""
    assert one_line("one\r\n\r\n two \x1b[31mthree\u202e\n") == "one / two  [31mthree"


def test_files_are_listed_by_name() -> None:
    """A colon in a name is doubled, and a BEL ends each file."""
    more = b"0:a.txt:1f:5a0:1:\a1:b::c.png:2:5a0:1:\a"
    packet = decode_ipmsg(b"1:5:red:bench3:2097184:look\0" + more)
    assert files_of(packet) == ["a.txt", "b:c.png"]
    many = IpmsgPacket(1, b"", b"", 0x20, Option.FILEATTACH, b"", (b"0:x:1:1:1:\a" * 99,))
    assert files_of(many)[-1] == "89 more"


@given(packets, st.integers(0, 200))
def test_an_answer_is_never_longer_than_it_may_be(packet: IpmsgPacket, limit: int) -> None:
    """Names give way, nothing else does."""
    made = shortened(packet, limit)
    if made is None:
        assert len(encode_ipmsg(packet)) > limit
    else:
        again = decode_ipmsg(made)
        assert len(made) <= max(limit, 0)
        assert packet.user.startswith(again.user)
        assert packet.host.startswith(again.host)
        assert (again.number, again.extra) == (packet.number, packet.extra)
