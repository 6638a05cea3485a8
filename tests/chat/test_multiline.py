"""Tests of `twisted_net.chat.codec.multiline` and of batches: one message, several lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.chats import Chat, hears
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.codec.messages import Say, Tell
from twisted_net.chat.codec.multiline import LINES, Piece, combined, lines_of, pieces_of
from twisted_net.chat.codec.texts import MAX_TEXT, split
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.ident import MAX_LINES, MAX_LINES_BYTES
from twisted_net.chat.core.irc.batch import PATIENCE, Batch
from twisted_net.chat.core.words import Words

words = st.text(st.sampled_from("ab é字"), max_size=6)
pieces = st.lists(st.tuples(words, st.booleans()), min_size=1, max_size=8)


def value_of(said: list[Piece]) -> str:
    """Return the combined message value, as the specification defines it."""
    value = said[0][0]
    for text, joined in said[1:]:
        value += text if joined else f"\n{text}"
    return value


@given(pieces)
def test_pieces_make_one_text_and_come_back(said: list[Piece]) -> None:
    """As they were said; but empty ones that went on in a line, of which nothing is to be seen."""
    text, tags = combined(said)
    assert text == value_of(said)
    back = pieces_of(text, tags)
    assert value_of(back) == text
    if all(piece for piece, _ in said):
        assert back == [(piece, joined and n > 0) for n, (piece, joined) in enumerate(said)]


@given(
    st.text(st.sampled_from("a \n"), max_size=9), st.text(st.sampled_from("0123 x-²"), max_size=8)
)
def test_a_text_keeps_its_value_whatever_its_tag_says(text: str, places: str) -> None:
    """Another node wrote it: nothing is lost and nothing breaks."""
    assert value_of(pieces_of(text, ((LINES, places),))) == text
    assert pieces_of(text, (("+typing", places),)) == [(text, False)]


@given(st.text(st.sampled_from("a 字\n"), max_size=40), st.integers(1, 60))
def test_every_line_fits_any_door(text: str, times: int) -> None:
    """None is blank or too long, and no letter is lost."""
    lines = lines_of(text * times)
    assert lines == [""] or all(lines)
    assert all(len(line.encode()) <= MAX_TEXT and "\n" not in line for line in lines)
    assert "".join(lines).replace(" ", "") == (text * times).replace("\n", "").replace(" ", "")


@given(st.text(st.sampled_from("ab é字"), max_size=60), st.integers(4, 20), st.booleans())
def test_a_text_that_is_cut_whole_is_whole(text: str, room: int, whole: bool) -> None:
    """The space at which it was cut is there."""
    parts = split(text, room, whole=whole)
    assert all(len(part.encode()) <= room for part in parts)
    if whole:
        assert "".join(parts) == text


# What the hub takes.


def lines(text: str, places: str = "") -> Say:
    """Return what somebody wants to say in several lines."""
    return Say("tea", text, ((LINES, places),))


def test_a_message_of_several_lines_is_one_event() -> None:
    """With one id, and blank lines in it."""
    chat = Chat()
    red, blue = chat.enter("red", "tea"), chat.enter("blue", "tea")
    (delivery,) = made = chat.does(red, lines("one\n\ntwo and three", "8"))
    assert hears(made) == ["red", "blue"]
    assert (delivery.event.text, delivery.event.tags) == ("one\n\ntwo and three", ((LINES, "8"),))
    (told,) = chat.does(red, Tell("blue", "one\ntwo", ((LINES, ""),)))
    assert told.event.text == "one\ntwo"
    assert blue in told.to


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "x\n" * MAX_LINES + "x",
        "x" * (MAX_LINES_BYTES + 1),
        "é" * (MAX_LINES_BYTES // 2) + "x",
    ],
)
def test_too_much_of_it_is_refused(text: str) -> None:
    """So that it fits what may wait for a member at a datagram door."""
    chat = Chat()
    refusal = chat.refuses(chat.enter("red", "tea"), lines(text))
    assert refusal == "422 text: at most 32 lines and 4096 bytes"


def test_as_much_as_may_be_said_can_be_said() -> None:
    """All lines, or all bytes, of which one line may have them all."""
    chat = Chat()
    red = chat.enter("red", "tea")
    for text in ("x\n" * (MAX_LINES - 1) + "x", "x" * MAX_LINES_BYTES):
        assert chat.does(red, lines(text))


def test_no_terminal_obeys_one_of_the_lines() -> None:
    """Nor is a text without the tag anything but one line."""
    chat = Chat()
    red = chat.enter("red", "tea")
    assert chat.refuses(red, lines("one\ntwo\x1b[2J")) == "400 control character 0x1b"
    assert chat.refuses(red, lines("one\r\ntwo")) == "400 control character 0x0d"
    assert chat.refuses(red, Say("tea", "one\ntwo")) == "400 control character 0x0a"
    assert chat.refuses(red, Say("tea", "x" * 1001)) == "422 text: at most 1000 bytes"


def test_words_are_starred_across_the_pieces_of_a_line() -> None:
    """Which stay where they were."""
    chat = Chat(Hub(words=Words(["damn"])))
    red = chat.enter("red", "tea")
    (delivery,) = chat.does(red, lines("a damn dog\ndamn", "4"))
    event = delivery.event
    assert pieces_of(event.text, event.tags) == [("a **", False), ("** dog", True), ("****", False)]


# What a client sends of it.


def batch() -> Batch:
    """Return one that has just begun."""
    return Batch("7", "#tea", (), 100.0)


def line(
    text: str, command: str = "PRIVMSG", target: str = "#tea", concat: bool = False
) -> Message:
    """Return a line of it."""
    tags = {"batch": "7", **({"draft/multiline-concat": ""} if concat else {})}
    return Message(command, (target, text), tags)


def test_lines_are_gathered_in_order() -> None:
    """A target may be written in other letters."""
    said = batch()
    for each in (line("a"), line(""), line("b", target="#TEA"), line("c", concat=True)):
        assert said.add(each, 101.0) is None
    assert said.end(101.0) is None
    assert (said.command, said.wrong) == ("PRIVMSG", False)
    assert said.pieces == [("a", False), ("", False), ("b", False), ("c", True)]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ([line("a"), line("a", "NOTICE")], "MULTILINE_INVALID"),
        ([Message("JOIN", ("#tea",))], "MULTILINE_INVALID"),
        ([Message("PRIVMSG", ("#tea",))], "MULTILINE_INVALID"),
        ([line("a", target="#milk")], "MULTILINE_INVALID_TARGET"),
        ([line("a"), line("", concat=True)], "MULTILINE_INVALID"),
        ([line("a"), line("\x01VERSION\x01")], "MULTILINE_INVALID"),
        ([line("x" * 500)] * 9, "MULTILINE_MAX_BYTES"),
        ([line("x" * 455)] * 9, "MULTILINE_MAX_BYTES"),
        ([line("x")] * (MAX_LINES + 1), "MULTILINE_MAX_LINES"),
    ],
)
def test_what_is_wrong_is_told_once(sent: list[Message], code: str) -> None:
    """And nothing is kept of it."""
    said = batch()
    told = [wrong[0] for each in [*sent, line("more")] if (wrong := said.add(each, 100.0))]
    assert told == [code]
    assert said.end(1000.0) is None
    assert (said.wrong, said.pieces) == (True, [])


def test_as_much_as_is_promised_fits() -> None:
    """A line feed counts, the piece of a line goes without; the last byte is still taken."""
    said = batch()
    for _ in range(8):
        assert said.add(line("x" * 454), 100.0) is None
    assert said.add(line("x" * (MAX_LINES_BYTES - 8 * 455), concat=False), 100.0) is None
    assert said.add(line("x", concat=True), 100.0) is not None


@pytest.mark.parametrize("sent", [[], [line("")], [line(""), line("")]])
def test_nothing_but_blank_lines_is_nothing(sent: list[Message]) -> None:
    """Known only at the end."""
    said = batch()
    assert [said.add(each, 100.0) for each in sent] == [None] * len(sent)
    assert (said.end(100.0) or ("",))[0] == "MULTILINE_INVALID"


def test_a_batch_does_not_stay_open_for_ever() -> None:
    """Neither its next line nor its end is taken then."""
    said = batch()
    assert said.add(line("a"), 100.0 + PATIENCE) is None
    wrong = ("TIMEOUT", "7", "Batch open for more than 60 seconds")
    assert said.end(100.1 + PATIENCE) == wrong
    assert batch().add(line("a"), 100.1 + PATIENCE) == wrong
