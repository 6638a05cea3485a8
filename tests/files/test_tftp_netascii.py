"""Tests of `twisted_net.files.tftp.core.netascii`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.files.bad_wire import Bytes
from twisted_net.files.tftp.core import Decoder, Netascii, netascii
from twisted_net.files.tftp.core.netascii import encoded

TEXT = st.lists(st.sampled_from([b"\r", b"\n", b"\0", b"a", b"bc"])).map(b"".join)


@given(TEXT, st.lists(st.integers(0, 40)))
def test_what_is_sent_as_netascii_comes_back_however_it_is_cut(
    text: bytes, cuts: list[int]
) -> None:
    """A pair may lie across a border."""
    sent = encoded(text)
    decoder = Decoder()
    at, got = 0, b""
    for cut in [*sorted(cuts), len(sent)]:
        got += decoder.feed(sent[at : max(at, cut)])
        at = max(at, cut)
    assert got + decoder.end() == text


@given(TEXT, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20))))
def test_any_part_of_the_converted_stream_can_be_read(
    text: bytes, parts: list[tuple[int, int]]
) -> None:
    """In any order: what is forgotten is converted again."""
    source = Netascii(Bytes(text), keep=4)
    sent = encoded(text)
    for offset, count in parts:
        assert source.read(offset, count) == sent[offset : offset + count]


def test_a_long_text_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is being sent, and what may be sent again."""
    monkeypatch.setattr(netascii, "CHUNK", 100)
    source = Netascii(Bytes(b"line\n" * 2000), keep=50)
    for offset in range(0, 12_000, 50):
        source.read(offset, 50)
        assert len(source._kept) <= 350


def test_a_text_that_became_shorter_has_changed() -> None:
    """Its end looks like the end of the file."""
    inside = Bytes(b"line\n" * 100)
    source = Netascii(inside, keep=1000)
    assert not source.changed()
    inside.data = b"line\n"
    source.read(0, 1000)
    assert source.changed()
