"""Tests of `twisted_net.chat.doors.line`: rooms, history, charsets, ids; without a socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.members import BURST, OnLine, Server, by_bytes, whole
from twisted_net.chat.codec.charsets import CHARSETS, charset_of
from twisted_net.chat.codec.requests import Say


def two(keep: bool = False) -> tuple[Server, OnLine, OnLine]:
    """Return a server and two members, who have read all there was."""
    server = Server(keep=keep)
    red, blue = server.on_line("red"), server.on_line("blue")
    red.hears()
    blue.hears()
    return server, red, blue


def test_an_operator_keeps_order() -> None:
    """Each command with its answer, and what the others hear of it."""
    server, red, blue = two()
    assert red.says("TOPIC lobby tea", "TOPIC lobby") == [
        "TOPIC lobby red tea",
        "OK TOPIC lobby",
        "TOPIC lobby red tea",
        "OK TOPIC lobby",
    ]
    assert red.says("MODE lobby +v blue", "MODE lobby", "MODE lobby +x") == [
        "OK MODE lobby +v blue",
        "OK MODE lobby +nt",
        "ERR 400 unknown mode 'x'",
    ]
    assert blue.says("TOPIC lobby milk", "KICK lobby red", "MODE lobby -v blue") == [
        "TOPIC lobby red tea",
        "MODED lobby red +v blue",
        *["ERR 403 not an operator"] * 3,
    ]
    assert red.says("KICK lobby blue too loud", "WHO") == [
        "OK KICK lobby blue",
        "MEMBER lobby red operator tcp 0",
        "OK WHO 1",
    ]
    assert blue.says("sorry") == [
        "KICKED lobby blue red too loud",
        "ERR 403 not in a room: JOIN lobby",
    ]
    assert red.says("MODE lobby +k tea", "INVITE blue lobby")[-1] == "OK INVITE blue lobby"
    green = server.on_line()
    assert green.says("NICK green")[-2:] == ["OK NICK green", "ERR 403 wrong key"]
    assert green.says("JOIN lobby milk", "/join lobby tea") == [
        "ERR 403 wrong key",
        "OK JOIN lobby 2",
        "TOPIC lobby red tea",
    ]
    assert blue.says("JOIN lobby") == [
        "INVITED lobby red",
        "OK JOIN lobby 3",
        "TOPIC lobby red tea",
    ]
    assert red.says("ROOMS", "AWAY for tea", "AWAY")[-4:] == [
        "ROOM lobby 3 tea",
        "OK ROOMS 1",
        "OK AWAY for tea",
        "OK AWAY",
    ]


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("+m", "ERR 403 moderated"),
        ("+b blue", "ERR 403 banned"),
        ("+b m:blue", "ERR 403 muted"),
        ("+W 9", "ERR 429 slow mode: wait 9 s"),
    ],
)
def test_whoever_may_not_speak_is_told_why(mode: str, error: str) -> None:
    """And nobody hears them."""
    _, red, blue = two()
    blue.says("first")
    red.says(f"MODE lobby {mode}")
    blue.says("second" if "W" in mode else "")
    red.hears()
    assert blue.says("hello")[-1] == error
    assert red.hears() == []


def test_whoever_enters_hears_what_was_said_before() -> None:
    """The last ten, and that history is kept."""
    server, red, _ = two(keep=True)
    red.says(*(f"line {number}" for number in range(12)), "ME waves")
    server.clock.advance(1)
    heard = server.on_line().says("NICK green")
    assert heard[2] == "OK JOIN lobby 3 kept=30d"
    assert [line.split(" ", 2)[2] for line in heard[3:]] == [
        *(f"lobby red line {number}" for number in range(3, 12)),
        "lobby red /me waves",
    ]
    assert all(line.startswith("OLD 1767225600000-") for line in heard[3:])


def test_history_is_read_back() -> None:
    """By count, after an id, by words."""
    _, red, blue = two(keep=True)
    red.says("tea for two", "and two for tea")
    blue.hears()
    first, second, done = blue.says("HISTORY 2")
    number = first.split(" ")[1]
    assert done == "OK HISTORY 2"
    assert first == f"OLD {number} lobby red tea for two"
    assert blue.says(f"SINCE {number}") == [second, "OK SINCE 1"]
    assert blue.says("SEARCH AND TWO") == [second, "OK SEARCH 1"]
    assert blue.says("HISTORY lobby 0", "HISTORY den") == [
        "ERR 400 HISTORY wants 1-100 messages",
        "ERR 404 no room 'den'",
    ]
    assert red.says("JOIN den", "HISTORY")[-1] == "OK HISTORY 0"
    assert blue.says("HISTORY den") == ["ERR 403 not in den: JOIN den"]


def test_events_begin_with_their_ids_for_who_wants_that() -> None:
    """Nobody else sees them."""
    _, red, blue = two()
    assert blue.says("IDS on") == ["OK IDS on"]
    red.says("hi")
    assert blue.hears() == ["@1767225600000-4 SAID lobby red hi"]
    assert blue.says("IDS off") == ["OK IDS off"]
    red.says("hi")
    assert blue.hears() == ["SAID lobby red hi"]


@pytest.mark.parametrize("cut", [whole, by_bytes])
def test_an_old_client_speaks_its_own_charset(cut: object) -> None:
    """From the line after the answer on, both ways."""
    server, red, _ = two()
    green = OnLine(server, by_bytes if cut is by_bytes else whole)
    green.sends("NICK grün\nCHARSET gbk\n".encode())
    assert green.hears()[-1] == "OK CHARSET gb18030"
    green.sends("CHARSET GB2312\n你好\n".encode("gb18030"))
    assert green.hears("gb18030") == ["OK CHARSET gb18030"]
    assert red.hears() == ["JOINED lobby grün", "SAID lobby grün 你好"]
    red.says("好 \N{SNOWMAN}")
    assert green.hears("gb18030") == ["SAID lobby red 好 \N{SNOWMAN}"]
    green.sends(b"\xff\xff\n")
    assert green.hears("gb18030") == ["ERR 400 not GB18030"]


def test_what_a_charset_has_not_is_a_question_mark() -> None:
    """Counted, once a line."""
    server, red, blue = two()
    blue.says("CHARSET koi8-r")
    red.says("Привет \N{SNOWMAN}\N{SNOWMAN}")
    assert blue.hears("koi8-r") == ["SAID lobby red Привет ??"]
    assert server.dropped("chat-tcp") == {"not_in_charset": 1}
    assert blue.says("CHARSET ebcdic")[0].startswith("ERR 400 charset: one of utf-8, gb18030")


def test_a_door_may_speak_another_charset_from_the_start() -> None:
    """For clients that know no command for it."""
    server = Server(charset="cp1252")
    red = server.on_line()
    red.sends("NICK grün\n".encode("cp1252"))
    assert red.hears("cp1252")[1] == "OK NICK grün"


@given(st.sampled_from(CHARSETS), st.text(max_size=40))
def test_no_charset_hides_the_end_of_a_line(charset: str, text: str) -> None:
    """Lines are cut before they are decoded: LF, CR, NUL and space are only themselves."""
    data = text.encode(charset, "ignore")
    for byte in b"\n\r\0 ":
        assert data.count(byte) == text.count(chr(byte))


@pytest.mark.parametrize("name", ["UTF8", "latin-1", "Shift-JIS", "sjis", *CHARSETS])
def test_charsets_have_more_than_one_name(name: str) -> None:
    """In any case."""
    assert charset_of(name) in CHARSETS


def test_a_costly_command_waits_until_it_is_paid_for() -> None:
    """JOIN costs two, a look into history ten; what comes after it waits its turn."""
    server, red, blue = two(keep=True)
    blue.hears()
    rest = int(BURST) - 1
    red.says(*["PING"] * (rest - 5))
    assert red.says("HISTORY 1", "hello") == []
    assert red.transport.producerState == "paused"
    server.clock.advance(0.2)
    assert red.hears() == []
    server.clock.advance(0.1)
    assert red.hears() == ["OK HISTORY 0"]
    server.clock.pump([0.05] * 3)
    assert blue.hears() == ["SAID lobby red hello"]
    assert red.transport.producerState == "producing"


def test_a_half_close_behind_a_costly_command_says_it_all() -> None:
    """The command, and what came after it."""
    server, red, blue = two(keep=True)
    red.says(*["PING"] * (int(BURST) - 3))
    red.sends(b"JOIN den\nHISTORY\nSAY lobby bye")
    red.protocol.readConnectionLost()
    server.clock.pump([0.1] * 10)
    assert [line[:10] for line in red.hears()] == ["OK JOIN de", "OK HISTORY", "OK SAY lob"]
    assert blue.hears()[-2:] == ["SAID lobby red bye", "LEFT red hung up"]
    assert red.transport.disconnecting


def test_what_irc_adds_to_a_text_no_terminal_sees() -> None:
    """Bold, colours, questions between programs."""
    server, red, _ = two()
    for text in ("\x02bold\x02", "\x01VERSION\x01", "\x0304red\x0f"):
        member = server.hub.known("blue")
        assert member is not None
        server.post.submit(member, Say("lobby", text), server.clock.seconds())
    assert red.hears() == ["SAID lobby blue bold", "SAID lobby blue red"]
