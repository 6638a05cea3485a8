"""Tests of `twisted_net.chat.codec.line`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.chat.codec import line, line_said
from twisted_net.chat.codec.messages import (
    WHY,
    Act,
    Announced,
    Away,
    Charset,
    Code,
    Command,
    Done,
    Event,
    Help,
    History,
    Ids,
    Invite,
    Join,
    Kick,
    Kind,
    Listed,
    Login,
    Missed,
    Mode,
    Nick,
    Old,
    Part,
    Ping,
    Pong,
    Present,
    Quit,
    Refusal,
    Refused,
    Register,
    Reply,
    Rooms,
    Say,
    Search,
    Since,
    Talk,
    Tell,
    Titled,
    Topic,
    Usage,
    Use,
    Who,
)
from twisted_net.net.framing import MAX_LINE

words = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=12)
texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Nick, words),
    st.builds(Login, words, texts),
    st.builds(Register, words, texts),
    st.builds(Join, words, st.just("") | words),
    st.builds(Part, st.just("") | words),
    st.builds(Use, words),
    st.builds(Say, words, texts),
    st.builds(Act, texts),
    st.builds(Tell, words, texts),
    st.builds(Who, st.just("") | words),
    st.just(Rooms()),
    st.builds(Topic, words, st.none() | texts),
    st.builds(History, words, st.integers(1, 999)),
    st.builds(Since, st.integers(1, 1 << 60), st.just("") | words),
    st.builds(Search, texts),
    st.builds(Away, st.just("") | texts),
    st.builds(Kick, words, words, st.just("") | texts),
    st.builds(Invite, words, words),
    st.builds(Mode, words, st.just("") | texts),
    st.builds(Ids, st.booleans()),
    st.builds(Charset, words),
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
        (b"NICK ", Nick("")),
        (b"/nick   ", Nick("")),
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
        (b"JOIN games secret", Join("games", "secret")),
        (b"TOPIC games", Topic("games")),
        (b"TOPIC games all sorts", Topic("games", "all sorts")),
        (b"HISTORY", History()),
        (b"HISTORY 5", History("", 5)),
        (b"HISTORY games", History("games")),
        (b"HISTORY games 5", History("games", 5)),
        (b"SINCE 1-2", Since(65538)),
        (b"SINCE @1-2 games", Since(65538, "games")),
        (b"SEARCH big tea", Search("big tea")),
        (b"AWAY", Away()),
        (b"AWAY for tea", Away("for tea")),
        (b"KICK games blue", Kick("games", "blue")),
        (b"KICK games blue too loud", Kick("games", "blue", "too loud")),
        (b"INVITE blue games", Invite("blue", "games")),
        (b"MODE games", Mode("games")),
        (b"MODE games +o-v red blue", Mode("games", "+o-v red blue")),
        (b"IDS on", Ids(True)),
        (b"IDS OFF", Ids(False)),
        (b"CHARSET gbk", Charset("gbk")),
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
        (b"SINCE tea", "400 SINCE wants: SINCE <id> [room]"),
        (b"HISTORY games x", "400 HISTORY wants: HISTORY [room] [n]"),
        (b"IDS yes", "400 IDS wants: IDS on|off"),
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
    written = ""
    try:
        line.parse(typed)
    except Refusal as refusal:
        written = line_said.refused(refusal)
    assert "\n" not in written
    assert written.startswith("ERR 400 ") or not written


IN_ROOMS = (Kind.SAID, Kind.ACTED, Kind.NOTICED, Kind.JOINED, Kind.PARTED, Kind.TOPIC, Kind.MODED)


@given(st.sampled_from(IN_ROOMS), words, words, texts)
def test_an_event_is_heard_as_it_was_told(kind: Kind, where: str, sender: str, text: str) -> None:
    """Over a line, without its id and what else a line has no place for."""
    event = Event(7, kind, where, sender, text, by="a.1", mask="~@hidden", tags=(("msgid", "7"),))
    assert line_said.heard(line_said.told(event).encode()) == Event(0, kind, where, sender, text)


@given(st.sampled_from([Kind.TOLD, Kind.LEFT, Kind.RENAMED]), words, words, texts)
def test_an_event_of_no_room_names_none(kind: Kind, where: str, sender: str, text: str) -> None:
    """Who was told something is who hears it."""
    private = kind is Kind.TOLD
    event = Event(7, kind, where, sender, text, private=private)
    heard = line_said.heard(line_said.told(event).encode())
    assert heard == Event(0, kind, "", sender, text, private=private)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Event(7, Kind.ACTED, "red", "blue", "waves", private=True), "TOLD blue /me waves"),
        (Event(7, Kind.NOTICED, "red", "blue", "hi", private=True), "TOLD blue hi"),
        (Event(7, Kind.KICKED, "hall", "red", "go", other="blue"), "KICKED hall blue red go"),
        (Event(7, Kind.KICKED, "hall", "red", other="blue"), "KICKED hall blue red"),
        (Event(7, Kind.INVITED, "hall", "red", other="blue"), "INVITED hall red"),
        (Event(7, Kind.INVITED, "hall", "red", other="blue", only="@"), ""),
        (Event(7, Kind.ROOM_RENAMED, "hall", "red", "den"), "MOVED hall den red"),
        (
            Event(7, Kind.ROOM_RENAMED, "hall", "red", "den", tags=((WHY, "so it is"),)),
            "MOVED hall den red so it is",
        ),
        (Event(7, Kind.TOPIC, "hall", "red"), "TOPIC hall red"),
        (Event(7, Kind.SAID, "hall", "red", "\x02bold\x02 \x034,12red"), "SAID hall red bold red"),
        (Event(7, Kind.SAID, "red", "blue", "\x01VERSION\x01", private=True), ""),
        (Event(7, Kind.MODED, "red", "red", "+i", private=True), ""),
        (Event(7, Kind.TAGGED, "hall", "red", tags=(("+typing", "active"),)), ""),
        (Event(7, Kind.AWAY, "", "red", "tea"), ""),
        (Event(7, Kind.ENTERED, "", "red"), ""),
        (Event(7, Kind.SAID, "hall", "red", "a\n\nb"), "SAID hall red a\nSAID hall red b"),
        (Event(7, Kind.TOLD, "blue", "red", "a\nb", True), "TOLD red a\nTOLD red b"),
        (
            Event(7, Kind.NOTICED, "hall", "red", "\x02a\nb"),
            "NOTICED hall red a\nNOTICED hall red b",
        ),
    ],
)
def test_an_event_is_told_in_one_form_or_not_at_all(event: Event, line: str) -> None:
    """Nobody at a terminal wants to know who is typing, and none obeys IRC's formatting."""
    assert line_said.told(event) == line


def test_what_was_said_in_lines_is_told_in_lines() -> None:
    """In which nobody can hide a reply that the server did not give."""
    old = Old(Event(7, Kind.SAID, "lobby", "red", "hi\nOK QUIT"))
    assert line_said.answered(old) == "OLD 0-7 lobby red hi\nOLD 0-7 lobby red OK QUIT"


@pytest.mark.parametrize(
    ("reply", "written"),
    [
        (Done("NICK", "red"), "OK NICK red"),
        (Done("JOIN", "lobby 2 kept=30d"), "OK JOIN lobby 2 kept=30d"),
        (Done("BYE"), "OK BYE"),
        (Present("lobby", "red", "operator", "udp", 7), "MEMBER lobby red operator udp 7"),
        (Listed("lobby", 2), "ROOM lobby 2"),
        (Listed("lobby", 2, "of all"), "ROOM lobby 2 of all"),
        (Old(Event(7, Kind.SAID, "lobby", "red", "hi you")), "OLD 0-7 lobby red hi you"),
        (Old(Event(7, Kind.ACTED, "lobby", "red", "waves")), "OLD 0-7 lobby red /me waves"),
        (Old(Event(7, Kind.SAID, "lobby", "red")), "OLD 0-7 lobby red"),
        (Pong(), "PONG"),
        (Pong("1 2"), "PONG 1 2"),
        (Usage("QUIT", "leave"), "HELP QUIT: leave"),
        (Refused(403, "banned"), "ERR 403 banned"),
    ],
)
def test_a_reply_has_one_form(reply: Reply | Refused, written: str) -> None:
    """What the server writes is what a client reads."""
    assert line_said.answered(reply) == written
    assert line_said.heard(written.encode()) == reply


def test_the_topic_of_a_room_reads_like_its_change() -> None:
    """Whoever enters hears it as those inside did."""
    assert line_said.answered(Titled("hall", "red", "tea")) == "TOPIC hall red tea"
    assert line_said.heard(b"TOPIC hall red tea") == Event(0, Kind.TOPIC, "hall", "red", "tea")


def test_an_id_before_an_event_is_its_id() -> None:
    """After IDS on."""
    assert line_said.heard(b"@1-2 SAID hall red hi") == Event(65538, Kind.SAID, "hall", "red", "hi")
    assert line_said.heard(b"@x SAID hall red hi") == Announced("@x SAID hall red hi")
    assert line_said.heard(b"MISSED hall 3") == Missed(3, "hall")


def test_a_refusal_is_heard_with_its_number() -> None:
    """Programs look at the number, people at the words."""
    written = line_said.refused(Refusal(Code.TAKEN, "name 'red' is taken"))
    assert written == "ERR 409 name 'red' is taken"
    assert line_said.heard(written.encode()) == Refused(409, "name 'red' is taken")


@given(st.binary(max_size=60))
def test_a_client_makes_something_of_any_line(said: bytes) -> None:
    """A newer or a hostile server cannot raise anything in it (R16)."""
    line_said.heard(said)
    for word in (
        b"OK",
        b"ERR",
        b"MEMBER",
        b"ROOM",
        b"SAID",
        b"TOLD",
        b"HELP",
        b"KICKED",
        b"OLD",
        b"@1-2",
    ):
        line_said.heard(word + b" " + said)
        line_said.heard(word)


def test_what_a_client_does_not_know_is_handed_on() -> None:
    """An old client shows what a new server says."""
    assert line_said.heard(b"PAINTED lobby red tea") == Announced("PAINTED lobby red tea")
    assert line_said.heard(b"ERR many things") == Announced("ERR many things")


def test_help_lists_what_there_is() -> None:
    """Every command that is listed is parsed, and the other way round."""
    listed = [usage.form.split()[0] for usage in line.usages()]
    assert listed == [*dict.fromkeys(listed)]
    assert line.usages("/tell") == [
        Usage("TELL <name> <text>", "say something to one member"),
    ]
    with pytest.raises(Refusal, match="unknown command 'FOO'; try HELP"):
        line.usages("foo")
