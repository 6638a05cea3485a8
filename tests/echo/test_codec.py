"""Tests of `twisted_net.echo.codec`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.echo.codec import LARGEST, SMALLEST, AnswerReader, Probe, ProbeCodec
from twisted_net.net.errors import RemoteProtocolError

NUMBERS = st.integers(0, 2**64 - 1)
CODECS = st.builds(ProbeCodec, st.integers(0, 2**32 - 1), st.integers(SMALLEST, 200))


def test_a_probe_on_the_wire() -> None:
    """A mark, the run, the number, the time, letters."""
    sent = ProbeCodec(run=1, size=28).encode(2, 3)
    assert sent == b"ping\0\0\0\1" + b"\0" * 7 + b"\2" + b"\0" * 7 + b"\3" + b"abcd"


@given(CODECS, NUMBERS, NUMBERS)
def test_a_probe_comes_back_as_it_went(codec: ProbeCodec, number: int, time: int) -> None:
    """Whatever its size and its numbers."""
    sent = codec.encode(number, time)
    assert len(sent) == codec.size
    assert codec.decode(sent) == Probe(codec.run, number, time)


@given(CODECS, st.binary(max_size=300))
def test_anything_else_is_refused(codec: ProbeCodec, came: bytes) -> None:
    """Any bytes are a probe, and then exactly those that were sent, or refused."""
    try:
        probe = codec.decode(came)
    except RemoteProtocolError:
        return
    again = ProbeCodec(probe.run, codec.size).encode(probe.number, probe.nanoseconds)
    assert again == came


@pytest.mark.parametrize("size", [SMALLEST, SMALLEST + 1, 1000])
def test_a_server_that_alters_answers_is_found_out(size: int) -> None:
    """Upper case, one byte more, one less: at every size."""
    codec = ProbeCodec(1, size)
    sent = codec.encode(1, 1)
    for altered in (sent.upper(), sent + b"\n", sent[:-1], b""):
        with pytest.raises(RemoteProtocolError):
            codec.decode(altered)


@pytest.mark.parametrize("size", [SMALLEST - 1, LARGEST + 1])
def test_a_size_that_no_datagram_has_is_refused(size: int) -> None:
    """Before anything is sent."""
    with pytest.raises(ValueError, match="24 to 65507"):
        ProbeCodec(1, size)


@given(CODECS, st.lists(NUMBERS, max_size=8), st.data())
def test_the_way_a_stream_is_cut_does_not_matter(
    codec: ProbeCodec, numbers: list[int], data: st.DataObject
) -> None:
    """TCP keeps no borders; the size does."""
    stream = b"".join(codec.encode(number, number) for number in numbers)
    at = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    reader, probes = AnswerReader(codec), list[Probe]()
    for start, end in zip([0, *at], [*at, len(stream)], strict=True):
        probes += reader.feed(stream[start:end])
    assert probes == [Probe(codec.run, number, number) for number in numbers]
    assert reader.wrong == b""


@pytest.mark.parametrize("words", [b"P", b"ERR 503 BUSY: too many connections\n", b"pinG"])
def test_a_stream_that_goes_wrong_is_noticed_at_its_first_byte(words: bytes) -> None:
    """A server may never say as much as a whole probe; what came before is not lost."""
    codec = ProbeCodec(1, 100)
    reader = AnswerReader(codec)
    assert reader.feed(codec.encode(0, 0) + words) == [Probe(1, 0, 0)]
    assert reader.wrong == words
