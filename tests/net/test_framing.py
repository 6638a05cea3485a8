"""Tests of `twisted_net.net.framing`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.net.errors import RemoteProtocolError
from twisted_net.net.framing import LineReader


def events(pieces: list[bytes], limit: int = 8) -> list[bytes | str]:
    """Return the lines that a stream cut in these pieces gives, and the error that ends it."""
    reader = LineReader(limit)
    seen: list[bytes | str] = []
    try:
        for piece in pieces:
            seen.extend(reader.feed(piece))
    except RemoteProtocolError as error:
        seen.append(str(error))
    return seen


def test_lines_end_in_lf_or_cr_lf() -> None:
    """Clients of every system are understood."""
    assert events([b"one\ntwo\r\n\nthree"]) == [b"one", b"two", b""]


def test_a_cr_within_a_line_stays() -> None:
    """Only the CR before an LF is an ending."""
    assert events([b"a\rb\r\r\n"]) == [b"a\rb\r"]


def test_a_line_of_exactly_the_limit_passes_with_either_ending() -> None:
    """The limit counts the line without its ending."""
    assert events([b"12345678\n12345678\r\n"]) == [b"12345678", b"12345678"]


def test_an_unfinished_line_beyond_the_limit_is_an_error_at_once() -> None:
    """A peer that never ends its line is not listened to for ever."""
    assert events([b"123456789"]) == ["line longer than 8 bytes"]


def test_the_error_knows_what_to_answer() -> None:
    """The peer is told the limit."""
    with pytest.raises(RemoteProtocolError) as caught:
        list(LineReader(3).feed(b"abcd"))
    assert caught.value.reply == b"ERR 413 line longer than 3 bytes\n"


def test_what_came_before_a_bad_line_is_dealt_with_first() -> None:
    """One stream gives one sequence of events, however it was cut."""
    assert events([b"ok\n123456789\n"]) == [b"ok", "line longer than 8 bytes"]


def test_nothing_is_kept_of_a_line_that_was_refused() -> None:
    """It must not come back as somebody's unfinished line."""
    reader = LineReader(3)
    with pytest.raises(RemoteProtocolError):
        list(reader.feed(b"ok\nabcdefgh"))
    assert reader.rest() == b""


def test_no_more_than_the_limit_is_held() -> None:
    """A million bytes without an ending cost one line."""
    reader = LineReader(10)
    list(reader.feed(b"0123456789\r"))
    assert len(reader.rest()) == 11


def test_raw_bytes_after_a_line_can_be_taken() -> None:
    """A reply may be a line and then so many bytes, which are not lines."""
    reader = LineReader()
    for line in reader.feed(b"OK 6\nab\ncd\n"):
        assert line == b"OK 6"
        assert reader.rest() == b"ab\ncd\n"
    assert reader.rest() == b""


@given(st.lists(st.sampled_from([b"a", b"bb", b"\n", b"\r", b"\r\n", b"long line"])), st.data())
def test_the_way_a_stream_is_cut_does_not_matter(parts: list[bytes], data: st.DataObject) -> None:
    """Sticky and split packets give the same lines (and the same error) as one packet."""
    stream = b"".join(parts)
    at = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    pieces = [stream[i:j] for i, j in zip([0, *at], [*at, len(stream)], strict=True)]
    byte_by_byte = events([bytes([byte]) for byte in stream])
    assert events(pieces) == byte_by_byte == events([stream])


def shortly(pieces: list[bytes], limit: int = 8) -> list[bytes | str]:
    """Return the same as `events`, asking for a line that came alone first."""
    reader = LineReader(limit)
    seen: list[bytes | str] = []
    try:
        for piece in pieces:
            line = reader.alone(piece)
            seen.extend(reader.feed(piece) if line is None else [line])
    except RemoteProtocolError as error:
        seen.append(str(error))
    return seen


@given(st.lists(st.sampled_from([b"", b"a\n", b"\n", b"bb\r\n", b"c", b"\r", b"d\ne", b"l" * 9])))
def test_a_line_that_comes_alone_is_the_same_line(pieces: list[bytes]) -> None:
    """The short way out of a stream gives what the long one does, errors and all."""
    assert shortly([*pieces, b"12345678\n", b"123456789\n"]) == events(
        [*pieces, b"12345678\n", b"123456789\n"]
    )


def test_a_line_is_alone_only_if_nothing_waits_before_it() -> None:
    """Neither the end of a line nor two of them are a line that came alone."""
    reader = LineReader()
    assert reader.alone(b"one\r\n") == b"one"
    assert reader.alone(b"two\nthree\n") is None
    assert next(reader.feed(b"two\nthree\n")) == b"two"
    assert reader.alone(b"four\n") is None
    assert list(reader.feed(b"four\n")) == [b"three", b"four"]
    assert reader.alone(b"five\n") == b"five"
