"""Tests of `twisted_net.chat.codec.irc.wire`: bytes to messages, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.members import Cut, by_bytes, whole
from twisted_net.chat.codec.irc.wire import (
    MAX_CLIENT_TAGS,
    MAX_MESSAGE,
    MAX_TAGS,
    Lines,
    Message,
    NotTextError,
    escaped,
    parse,
    unescaped,
    write,
    write_tags,
)
from twisted_net.chat.codec.texts import split

CUTS = pytest.mark.parametrize("cut", [whole, by_bytes])


def lines_in(data: bytes, cut: Cut = whole) -> list[bytes]:
    """Return the lines of a stream; of one that was too long ``TOO LONG``."""
    lines, found = Lines(), []
    for piece in cut(data):
        lines.put(piece)
        while True:
            try:
                line = lines.next()
            except OverflowError:
                line = b"TOO LONG"
            if line is None:
                break
            found.append(line)
    return found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"PING", Message("PING")),
        (b"ping :", Message("PING", ("",))),
        (b"PING :a b", Message("PING", ("a b",))),
        (b"PING a :b", Message("PING", ("a", "b"))),
        (b"PING  a   b  ", Message("PING", ("a", "b"))),
        (b"PING a::b c:d", Message("PING", ("a::b", "c:d"))),
        (b"PING ::b", Message("PING", (":b",))),
        (b"PING a :b :c", Message("PING", ("a", "b :c"))),
        (b":red!r@h PING a", Message("PING", ("a",))),
        (b"   PING a", Message("PING", ("a",))),
        (b":red", None),
        (b"", None),
        (b"   ", None),
        (b"@a=b;c;d= PING a", Message("PING", ("a",), {"a": "b", "c": "", "d": ""})),
        (b"@a=1;a=2 PING", Message("PING", (), {"a": "2"})),
        (b"@+x=\\:\\s\\\\\\r\\n\\a\\ :me PING", Message("PING", (), {"+x": "; \\\r\na"})),
        (b"@a", None),
        (b"@ PING", Message("PING")),
        ("PRIVMSG #höhle :grüß dich".encode(), Message("PRIVMSG", ("#höhle", "grüß dich"))),
    ],
)
def test_a_line_is_read_with_patience(line: bytes, message: Message | None) -> None:
    """Prefixes, runs of spaces and odd colons included (RFC 1459, 2.3.1)."""
    assert parse(line) == message


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"PRIVMSG #a :\xff", "PRIVMSG"),
        (b"@a=b :x  privmsg \xe8", "PRIVMSG"),
        (b"\xff", "*"),
        (b"@\xff", "*"),
        (b"a-b \xff", "*"),
    ],
)
def test_what_is_not_utf_8_is_named_by_its_command(line: bytes, command: str) -> None:
    """And by ``*`` where the command cannot be told."""
    with pytest.raises(NotTextError) as raised:
        parse(line)
    assert raised.value.command == command


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(line: bytes) -> None:
    """Whatever a stranger sends."""
    try:
        message = parse(line.replace(b"\n", b""))
    except NotTextError:
        return
    assert message is None or message.command


WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters=" \r\n\0"), min_size=1, max_size=8
).filter(lambda word: word[0] not in ":@")


@given(
    st.lists(WORDS, min_size=1, max_size=5),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0")),
    st.dictionaries(st.sampled_from(["a", "+b", "+draft/c"]), st.text(max_size=9)),
)
def test_what_is_written_is_read_back(words: list[str], last: str, tags: dict[str, str]) -> None:
    """Tags with any value, and a last parameter that may be anything."""
    line = write_tags(tags.items()).encode() + write("", *words, last)
    message = parse(line.removesuffix(b"\r\n"))
    assert message == Message(words[0].upper(), (*words[1:], last), tags)


@given(st.text())
def test_a_tags_value_comes_back(value: str) -> None:
    """Through its escapes, which leave nothing that ends a tag or a line."""
    assert unescaped(escaped(value)) == value
    assert not set("; \r\n") & set(escaped(value))


@CUTS
def test_lines_end_with_lf_or_cr_lf(cut: Cut) -> None:
    """However the stream was cut; an empty one is a line too."""
    assert lines_in(b"a\r\nb\n\nc\r\r\nd", cut) == [b"a", b"b", b"", b"c\r"]


@CUTS
def test_a_line_too_long_is_refused_once_and_the_next_one_is_read(cut: Cut) -> None:
    """512 bytes with the ending; nothing is cut off and passed on."""
    longest = b"x" * (MAX_MESSAGE - 2)
    assert lines_in(longest + b"\r\n" + longest + b"x\r\nPING\n", cut) == [
        longest,
        b"TOO LONG",
        b"PING",
    ]


@CUTS
def test_tags_have_a_room_of_their_own(cut: Cut) -> None:
    """A full section of tags before a full message."""
    tags, rest = b"@" + b"t" * MAX_CLIENT_TAGS + b" ", b"x" * (MAX_MESSAGE - 2)
    assert lines_in(tags + rest + b"\r\n@t" + tags[1:] + rest + b"\r\nPING\n", cut) == [
        tags + rest,
        b"TOO LONG",
        b"PING",
    ]


@CUTS
def test_a_line_without_end_is_not_kept(cut: Cut) -> None:
    """It is refused when it can be nothing else, and what follows its end is read."""
    endless = b"x" * (MAX_TAGS + MAX_MESSAGE)
    assert lines_in(endless * 2 + b"\r\nPING\n", cut) == [b"TOO LONG", b"PING"]


@pytest.mark.parametrize(
    ("params", "line"),
    [
        ((), b":s PONG\r\n"),
        (("a", "b"), b":s PONG a b\r\n"),
        (("a", "b c"), b":s PONG a :b c\r\n"),
        (("a", ""), b":s PONG a :\r\n"),
        (("a", ":-)"), b":s PONG a ::-)\r\n"),
    ],
)
def test_the_last_parameter_is_marked_where_it_must_be(
    params: tuple[str, ...], line: bytes
) -> None:
    """And stays bare where it may."""
    assert write("s", "PONG", *params) == line


@given(st.text(max_size=60), st.integers(4, 20))
def test_no_part_of_a_text_is_too_long_or_breaks_a_character(text: str, room: int) -> None:
    """And put together again nothing but a space at each cut is missing."""
    parts = split(text, room)
    assert all(len(part.encode()) <= room for part in parts)
    rest = text
    for part in parts:
        rest = rest.removeprefix(" ") if not rest.startswith(part) else rest
        assert rest.startswith(part)
        rest = rest.removeprefix(part)
    assert rest.strip(" ") == ""


def test_a_text_is_cut_between_words() -> None:
    """If there is a space near enough."""
    assert split("one two three four", 16) == ["one two three", "four"]
    assert split("ééé", 4) == ["éé", "é"]
