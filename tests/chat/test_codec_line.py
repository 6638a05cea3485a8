"""Tests of `twisted_net.chat.codec.line`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.chat.codec import line
from twisted_net.chat.codec.messages import (
    Act,
    Code,
    Command,
    Done,
    Event,
    Help,
    Join,
    Kind,
    Listed,
    Nick,
    Notice,
    Part,
    Ping,
    Pong,
    Present,
    Quit,
    Refusal,
    Refused,
    Reply,
    Rooms,
    Say,
    Talk,
    Tell,
    Usage,
    Use,
    Who,
)
from twisted_net.net.framing import MAX_LINE

words = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=12)
texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Nick, words),
    st.builds(Join, words),
    st.builds(Part, st.just("") | words),
    st.builds(Use, words),
    st.builds(Say, words, texts),
    st.builds(Act, texts),
    st.builds(Tell, words, texts),
    st.builds(Who, st.just("") | words),
    st.just(Rooms()),
    st.builds(Ping, st.just("") | texts),
    st.builds(Help, st.just("") | words),
    st.just(Quit()),
)


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        (b"hello there", Talk("hello there")),
        (b"Nick is here", Talk("Nick is here")),
        (b" NICK red", Talk(" NICK red")),
        (b"NICK red", Nick("red")),
        (b"/nick red ", Nick("red")),
        (b"/NiCk red", Nick("red")),
        (b"JOIN games", Join("games")),
        (b"PART", Part()),
        (b"PART games", Part("games")),
        (b"USE games", Use("games")),
        (b"SAY games NICK  red ", Say("games", "NICK  red ")),
        (b"TELL  blue hi you", Tell("blue", "hi you")),
        (b"ME waves", Act("waves")),
        (b"/me waves twice", Act("waves twice")),
        (b"WHO", Who()),
        (b"ROOMS", Rooms()),
        (b"PING 1 2", Ping("1 2")),
        (b"HELP tell", Help("tell")),
        (b"QUIT", Quit()),
        (b"//etc/hosts", Talk("/etc/hosts")),
        (b"", None),
        (b"   ", None),
        ("好吗?".encode(), Talk("好吗?")),
    ],
)
def test_a_line_is_a_command_or_is_said(typed: bytes, command: Command | None) -> None:
    """A command's word is in capitals or behind a slash; all else is meant for the others."""
    assert line.parse(typed) == command


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        (b"\xff", "400 not UTF-8"),
        (b"a\0b", "400 control character 0x00"),
        (b"a\rb", "400 control character 0x0d"),
        (b"\x1b[31mred", "400 control character 0x1b"),
        ("\x9b31m".encode(), "400 control character 0x9b"),
        (b"/foo", "400 unknown command '/foo'; try HELP"),
        ("/\u202e".encode(), "400 unknown command '/\\u202e'; try HELP"),
        (b"/", "400 unknown command '/'; try HELP"),
        (b"NICK", "400 NICK wants: NICK <name>"),
        (b"NICK red green", "400 NICK wants: NICK <name>"),
        (b"TELL blue", "400 TELL wants: TELL <name> <text>"),
        (b"TELL blue  ", "400 TELL wants: TELL <name> <text>"),
        (b"ROOMS now", "400 ROOMS wants: ROOMS"),
        (b"ME", "400 ME wants: ME <text>"),
    ],
)
def test_what_is_no_command_is_refused_in_constant_words(typed: bytes, error: str) -> None:
    """The text can be looked up; what a stranger typed is quoted and escaped in it."""
    with pytest.raises(Refusal) as refused:
        line.parse(typed)
    assert str(refused.value) == error


@given(commands)
def test_a_command_is_read_as_it_was_written(command: Command) -> None:
    """Client and server speak of the same command."""
    assert line.parse(line.spoken(command).removesuffix(b"\n")) == command


@given(texts)
def test_a_plain_text_is_said_as_it_is(text: str) -> None:
    """Unless it begins with a command's word, a client may send it bare."""
    typed = line.spoken(Talk(text)).removesuffix(b"\n")
    if text.partition(" ")[0] not in [usage.form.split()[0] for usage in line.usages()]:
        assert line.parse(typed) == Talk(text)


@given(st.binary(max_size=MAX_LINE + 10))
def test_any_line_is_parsed_or_refused(typed: bytes) -> None:
    """Nothing else can be raised by a stranger (R26, R28)."""
    written = b""
    try:
        line.parse(typed)
    except Refusal as refusal:
        written = line.refused(refusal)
    assert written.count(b"\n") <= 1
    assert written.startswith(b"ERR 400 ") or not written


@given(st.sampled_from(Kind), words, words, texts)
def test_an_event_is_heard_as_it_was_told(kind: Kind, where: str, sender: str, text: str) -> None:
    """Over a line, without its id; who was told something is who hears it."""
    event = Event(7, kind, where, sender, text)
    heard = line.heard(line.told(event).removesuffix(b"\n"))
    assert isinstance(heard, Event)
    placeless = kind in (Kind.TOLD, Kind.LEFT, Kind.RENAMED)
    assert heard == Event(0, kind, "" if placeless else where, sender, text)


@pytest.mark.parametrize(
    ("reply", "written"),
    [
        (Done("NICK", "red"), b"OK NICK red\n"),
        (Done("JOIN", "lobby 2"), b"OK JOIN lobby 2\n"),
        (Done("BYE"), b"OK BYE\n"),
        (Present("lobby", "red", "-", "udp", 7), b"MEMBER lobby red - udp 7\n"),
        (Listed("lobby", 2), b"ROOM lobby 2\n"),
        (Listed("lobby", 2, "of all"), b"ROOM lobby 2 of all\n"),
        (Pong(), b"PONG\n"),
        (Pong("1 2"), b"PONG 1 2\n"),
        (Usage("QUIT", "leave"), b"HELP QUIT: leave\n"),
    ],
)
def test_a_reply_has_one_form(reply: Reply, written: bytes) -> None:
    """What the server writes is what a client reads."""
    assert line.answered(reply) == written
    assert line.heard(written.removesuffix(b"\n")) == reply


def test_a_refusal_is_heard_with_its_number() -> None:
    """Programs look at the number, people at the words."""
    written = line.refused(Refusal(Code.TAKEN, "name 'red' is taken"))
    assert written == b"ERR 409 name 'red' is taken\n"
    assert line.heard(written[:-1]) == Refused(409, "name 'red' is taken")


@given(st.binary(max_size=60))
def test_a_client_makes_something_of_any_line(said: bytes) -> None:
    """A newer or a hostile server cannot raise anything in it (R16)."""
    line.heard(said)
    for word in (b"OK", b"ERR", b"MEMBER", b"ROOM", b"SAID", b"TOLD", b"HELP"):
        line.heard(word + b" " + said)
        line.heard(word)


def test_what_a_client_does_not_know_is_handed_on() -> None:
    """An old client shows what a new server says."""
    assert line.heard(b"TOPIC lobby red tea") == Notice("TOPIC lobby red tea")
    assert line.heard(b"ERR many things") == Notice("ERR many things")


def test_help_lists_what_there_is() -> None:
    """Every command that is listed is parsed, and the other way round."""
    listed = [usage.form.split()[0] for usage in line.usages()]
    assert listed == [*dict.fromkeys(listed)]
    assert line.usages("/tell") == [
        Usage("TELL <name> <text>", "say something to one member"),
    ]
    with pytest.raises(Refusal, match="unknown command 'FOO'; try HELP"):
        line.usages("foo")
