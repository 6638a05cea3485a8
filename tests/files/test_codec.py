"""Tests of `twisted_net.files.codec`: the grammar of the line door."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.files import codec
from twisted_net.files.codec import (
    Entry,
    Get,
    Help,
    List,
    Promise,
    Put,
    Quit,
    RefusedError,
    Request,
    Stat,
    Sum,
)
from twisted_net.net.errors import RemoteProtocolError

NAMES = st.binary(min_size=1, max_size=80)
NUMBERS = st.integers(0, 2**62)

#: Seconds since 1970; a file may be older.
TIMES = st.integers(-(10**18), 10**18)
SHA256 = st.binary(min_size=32, max_size=32).map(bytes.hex)
SHA = b"cafe" * 16
REQUESTS = st.one_of(
    st.builds(List, st.binary(max_size=40), st.binary(max_size=40), st.integers(1, 1000)),
    st.builds(Stat, NAMES),
    st.builds(Sum, NAMES),
    st.builds(Get, NAMES, NUMBERS, st.none() | NUMBERS),
    st.builds(Put, NAMES, st.just(2**62), SHA256, NUMBERS),
    st.builds(Help),
    st.builds(Quit),
)


@given(REQUESTS)
def test_every_request_is_read_back_as_it_was_written(asked: Request) -> None:
    """Whatever bytes a name holds, a newline too."""
    line = codec.render_request(asked)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert codec.is_request(line)
    assert codec.parse_request(line.removesuffix(b"\n")) == asked


@given(NAMES)
def test_a_quoted_name_is_one_word_of_valid_utf_8(name: bytes) -> None:
    """So that it can stand in a line, and be shown by any terminal."""
    quoted = codec.quoted(name)
    assert quoted.decode("utf-8").isprintable()
    assert quoted.split() == [quoted]
    assert codec.unquoted(quoted) == name


def test_letters_of_any_script_are_not_quoted() -> None:
    """A person can read the names."""
    assert codec.quoted("naïve-文件.txt".encode()) == "naïve-文件.txt".encode()
    assert codec.quoted(b"a b%c\n\xe9\x1b") == b"a%20b%25c%0A%E9%1B"
    assert codec.quoted("\u202e".encode()) == b"%E2%80%AE"


def test_a_percent_sign_that_quotes_nothing_is_itself() -> None:
    """People type names."""
    assert codec.unquoted(b"100%") == b"100%"
    assert codec.unquoted(b"50%zz") == b"50%zz"


@pytest.mark.parametrize(
    ("line", "code", "why"),
    [
        (b"GET", 400, "GET needs a name"),
        (b"GET  ", 400, "GET needs a name"),
        (b"STAT", 400, "STAT needs a name"),
        (b"STAT a b", 400, "STAT takes one name; write a blank in it as %20"),
        (b"GET a b", 400, "offset must be a whole number"),
        (b"GET a -1", 400, "offset must be a whole number"),
        (b"GET a 0 1e3", 400, "length must be a whole number"),
        (b"GET a 0 1 2", 400, "GET takes name [offset [length]]; write a blank in a name as %20"),
        (b"GET a " + b"9" * 1000, 400, "offset must be a whole number"),
        (b"LIST x after", 400, "LIST takes [prefix] [after NAME] [limit N]"),
        (b"LIST x y", 400, "LIST takes [prefix] [after NAME] [limit N]"),
        (b"LIST limit x", 400, "limit must be a whole number"),
        (b"", 400, "unknown request ''; try HELP"),
        (b"\xff", 400, "not UTF-8; write such bytes as %E9"),
        (b"SUM", 400, "SUM needs a name"),
        (b"PUT x 1", 400, "PUT takes name size sha256 [offset]; write a blank as %20"),
        (b"PUT x 1 2", 400, "sha256 must be 64 hexadecimal digits"),
        (b"PUT x -1 " + SHA, 400, "size must be a whole number"),
        (b"PUT x 1 " + SHA + b" x", 400, "offset must be a whole number"),
        (b"PUT x 1 " + SHA + b" 2", 400, "offset 2 lies behind the size 1"),
    ],
)
def test_a_bad_request_says_what_was_wanted(line: bytes, code: int, why: str) -> None:
    """In the words that a person at ``nc`` reads."""
    with pytest.raises(RefusedError) as caught:
        codec.parse_request(line)
    assert (caught.value.code, str(caught.value)) == (code, why)
    assert codec.render_refusal(caught.value) == f"ERR {code} {why}\n".encode()


def test_a_listing_takes_its_parts_in_any_combination() -> None:
    """All of them may be left out."""
    assert codec.parse_request(b"LIST") == List()
    assert codec.parse_request(b"list sub/ AFTER sub/a limit 5") == List(b"sub/", b"sub/a", 5)
    assert codec.parse_request(b"LIST after x") == List(b"", b"x")
    assert codec.parse_request(b"LIST %61fter") == List(b"after")
    assert codec.parse_request(b"LIST limit 99999") == List(limit=codec.MOST_LISTED)


@given(st.binary(max_size=200))
def test_any_line_is_read_or_refused(line: bytes) -> None:
    """Nothing else ever comes out of the parser."""
    with contextlib.suppress(RefusedError):
        codec.parse_request(line)


@given(NUMBERS, NUMBERS, SHA256 | st.just(""), TIMES)
def test_a_promise_is_read_back_as_it_was_written(
    length: int, more: int, sha256: str, mtime: int
) -> None:
    """A digest that is not known is a dash."""
    promise = Promise(length, length + more, sha256, mtime)
    line = codec.render_promise(promise)
    assert codec.parse_promise(line.removesuffix(b"\n")) == promise


@given(st.lists(st.builds(Entry, st.sampled_from(["file", "folder"]), NUMBERS, TIMES, NAMES)))
def test_a_listing_is_read_back_as_it_was_written(entries: list[Entry]) -> None:
    """Names with blanks and newlines too."""
    head, *lines = codec.render_listing(entries, more=True).split(b"\n")[:-1]
    assert codec.parse_listing_head(head) == (len(entries), True)
    assert [codec.parse_entry(line) for line in lines] == entries


def test_a_stat_is_read_back_as_it_was_written() -> None:
    """The name is known to who asked."""
    entry = Entry("file", 5, 1700000000, b"a b")
    assert codec.parse_stat(codec.render_stat(entry)[:-1], b"a b") == entry


@given(SHA256)
def test_a_sum_is_read_back_as_it_was_written(sha256: str) -> None:
    """Of a whole file."""
    assert codec.parse_sum(codec.render_sum(sha256)[:-1]) == sha256


@pytest.mark.parametrize("word", [codec.SEND, codec.STORED])
def test_the_words_of_an_upload_are_told_apart(word: bytes) -> None:
    """One is no other, and a refusal is neither."""
    codec.parse_word(word[:-1], word)
    with pytest.raises(RemoteProtocolError):
        codec.parse_word(b"OK bye", word)
    with pytest.raises(RefusedError):
        codec.parse_word(b"ERR 409 digest mismatch, nothing stored", word)


@pytest.mark.parametrize(
    ("line", "is_put"), [(b"PUT", True), (b"put x", True), (b"PUTX", False), (b"", False)]
)
def test_what_asks_to_store_is_known_even_if_it_is_no_request(line: bytes, is_put: bool) -> None:
    """What follows it may be a file."""
    assert codec.is_put(line) is is_put


@given(SHA256)
def test_the_last_line_is_read_back_as_it_was_written(sha256: str) -> None:
    """It is what makes truncation visible."""
    assert codec.parse_done(codec.render_done(sha256)[:-1]) == sha256


def test_a_refusal_is_an_answer_to_anything() -> None:
    """With its code and its words."""
    for parse in (codec.parse_promise, codec.parse_done, codec.parse_listing_head):
        with pytest.raises(RefusedError, match="no such file") as caught:
            parse(b"ERR 404 no such file")
        assert caught.value.code == 404


@given(st.binary(max_size=100) | st.text("OKERDN 0123456789abcdef-\n").map(str.encode))
def test_any_answer_is_read_or_refused(line: bytes) -> None:
    """A hostile server cannot make the client fail in any other way."""
    for parse in (
        codec.parse_promise,
        codec.parse_done,
        codec.parse_listing_head,
        codec.parse_entry,
        codec.parse_sum,
        lambda line: codec.parse_word(line, codec.SEND),
    ):
        with contextlib.suppress(RefusedError, RemoteProtocolError):
            parse(line)


def test_more_than_the_file_holds_cannot_be_promised() -> None:
    """Such a server is not to be believed in anything."""
    with pytest.raises(RemoteProtocolError):
        codec.parse_promise(b"OK 10 9 - 0")
