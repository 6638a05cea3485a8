"""What was said before, on the IRC door (draft/chathistory, -event-playback, -read-marker)."""

import pytest

from tests.chat.irc import IrcChat, OnIrc
from twisted_net.chat.codec.irc.render import time_of
from twisted_net.chat.core.irc.isupport import MAX_HISTORY
from twisted_net.chat.core.irc.markers import MAX_MARKERS
from twisted_net.chat.core.irc.past import read_time

HERE = "127.0.0.1"
ALL = ("batch", "message-tags", "server-time", "labeled-response", "draft/chathistory")


@pytest.fixture
def server() -> IrcChat:
    """Return a server that keeps what is said, and has accounts."""
    return IrcChat(keep=True, accounts=True)


@pytest.fixture
def red(server: IrcChat) -> OnIrc:
    """Return somebody in ``#a``, where ``m0`` to ``m9`` was said, a second apart."""
    red = server.on_irc("red", *ALL, host=HERE)
    red.says("JOIN #a")
    for number in range(10):
        server.clock.advance(1)
        red.says(f"PRIVMSG #a :m{number}")
    red.hears()
    return red


def said(lines: list[str]) -> list[str]:
    """Return what was said, in what is one batch and nothing else."""
    assert lines[0].split(" ")[1:3] == ["BATCH", "+h1"] or " BATCH +h" in lines[0]
    name = lines[0].split(" BATCH +")[1].split(" ")[0]
    assert lines[-1] == f":irc.example BATCH -{name}"
    assert all(line.startswith(f"@batch={name};") for line in lines[1:-1])
    return [line.rpartition(" :")[2] for line in lines[1:-1]]


def ids(lines: list[str]) -> list[str]:
    """Return the ids of the lines of a batch."""
    return [line.split("msgid=")[1].partition(" ")[0].partition(";")[0] for line in lines[1:-1]]


def at(seconds: int) -> str:
    """Return a reference to a time, in seconds after the tests began."""
    return f"timestamp={time_of((1767225600 + seconds) * 1000 << 16)}"


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        ("LATEST #a * 3", "789"),
        ("latest #A * 3", "789"),
        ("LATEST #a {5} 10", "6789"),
        ("LATEST #a {5} 2", "89"),
        ("BEFORE #a {5} 3", "234"),
        ("AFTER #a {5} 2", "67"),
        ("AROUND #a {5} 4", "3456"),
        ("BETWEEN #a {2} {6} 10", "345"),
        ("BETWEEN #a {2} {6} 2", "34"),
        ("BETWEEN #a {6} {2} 2", "45"),
        ("BETWEEN #a {6} {2} 10", "345"),
        ("LATEST #a * 0", ""),
        ("AFTER #a {9} 10", ""),
    ],
)
@pytest.mark.parametrize("kind", ["msgid", "timestamp"])
def test_what_was_said_is_told_in_its_order(
    red: OnIrc, question: str, numbers: str, kind: str
) -> None:
    """By ids and by times, without the references themselves."""
    known = ids(red.says("CHATHISTORY LATEST #a * 10"))
    references = [f"msgid={each}" for each in known]
    if kind == "timestamp":
        references = [at(number + 1) for number in range(10)]
    lines = red.says(f"CHATHISTORY {question.format(*references)}")
    assert [each.removeprefix("m") for each in said(lines)] == list(numbers)
    assert lines[0].endswith(" chathistory #a")


def test_what_is_told_again_is_what_was_told(server: IrcChat, red: OnIrc) -> None:
    """Id, time, tags, sender; an action and a notice too."""
    blue = server.on_irc("blue", *ALL)
    blue.says("JOIN #a")
    red.says("@+x=y PRIVMSG #a :\x01ACTION waves\x01", "NOTICE #a :listen")
    heard = [line[1:] for line in blue.hears() if " 3" not in line and "JOIN" not in line]
    told = blue.says("CHATHISTORY LATEST #a * 2")
    assert [line.partition(";")[2] for line in told[1:-1]] == heard[-2:]


def test_only_what_was_said_is_told_but_to_those_who_want_all(server: IrcChat, red: OnIrc) -> None:
    """Comings, goings, topics, modes (draft/event-playback)."""
    red.says("TOPIC #a :new", "MODE #a +m", "PRIVMSG #a :last")
    assert said(red.says("CHATHISTORY LATEST #a * 2")) == ["m9", "last"]
    red.says("CAP REQ draft/event-playback")
    lines = red.says("CHATHISTORY LATEST #a * 3")[1:-1]
    assert [line.split(" ")[2] for line in lines] == ["TOPIC", "MODE", "PRIVMSG"]


def test_without_batches_there_are_only_the_lines(server: IrcChat, red: OnIrc) -> None:
    """And labels are put where they belong."""
    plain = server.on_irc("plain")
    plain.says("JOIN #a")
    told = plain.says("CHATHISTORY LATEST #a * 2")
    assert [line.partition(" ")[2] for line in told] == ["PRIVMSG #a :m8", "PRIVMSG #a :m9"]
    red.hears()
    labelled = red.says("@label=x CHATHISTORY LATEST #a * 2")
    assert labelled[0].startswith("@label=x :irc.example BATCH +h")
    assert labelled[0].endswith(" chathistory #a")
    assert sum("label=" in line for line in labelled) == 1


def test_an_answer_has_bounds(server: IrcChat, red: OnIrc) -> None:
    """A number of messages; and bytes, of which the ones that were wanted most are kept."""
    for _ in range(MAX_HISTORY):
        server.clock.advance(1)
        red.says("PRIVMSG #a :x")
    assert len(said(red.says("CHATHISTORY LATEST #a * 1000"))) == MAX_HISTORY
    server.irc.longest = 600
    assert len(said(red.says("CHATHISTORY LATEST #a * 100"))) < 6
    server.clock.advance(10)
    assert said(red.says(f"CHATHISTORY AFTER #a {at(0)} 100"))[:2] == ["m0", "m1"]
    assert f"CHATHISTORY={MAX_HISTORY}" in " ".join(red.says("VERSION"))


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("CHATHISTORY", "461 red CHATHISTORY :Not enough parameters"),
        ("CHATHISTORY X", "FAIL CHATHISTORY INVALID_PARAMS X :Unknown subcommand"),
        (
            "CHATHISTORY LATEST #a",
            "FAIL CHATHISTORY INVALID_PARAMS LATEST :Wrong number of parameters",
        ),
        ("CHATHISTORY LATEST #a * x", "FAIL CHATHISTORY INVALID_PARAMS LATEST x :Need a number"),
        ("CHATHISTORY LATEST #a * -1", "FAIL CHATHISTORY INVALID_PARAMS LATEST -1 :Need a number"),
        (
            "CHATHISTORY BEFORE #a * 1",
            "FAIL CHATHISTORY INVALID_PARAMS BEFORE * :Need msgid=<id> or timestamp=<time>",
        ),
        (
            "CHATHISTORY BEFORE #a msgid=x 1",
            "FAIL CHATHISTORY INVALID_PARAMS BEFORE msgid=x :Need msgid=<id> or timestamp=<time>",
        ),
        (
            "CHATHISTORY BEFORE #a timestamp=2026-13-01T00:00:00.000Z 1",
            "FAIL CHATHISTORY INVALID_PARAMS BEFORE timestamp=2026-13-01T00:00:00.000Z"
            " :Need msgid=<id> or timestamp=<time>",
        ),
        (
            "CHATHISTORY BEFORE #a line=1 1",
            "FAIL CHATHISTORY INVALID_MSGREFTYPE BEFORE line=1 :Need msgid= or timestamp=",
        ),
        (
            "CHATHISTORY LATEST #b * 1",
            "FAIL CHATHISTORY INVALID_TARGET LATEST #b :Messages could not be retrieved",
        ),
        (
            "CHATHISTORY LATEST nobody * 1",
            "FAIL CHATHISTORY INVALID_TARGET LATEST nobody :Messages could not be retrieved",
        ),
        (
            "CHATHISTORY TARGETS * * 1",
            "FAIL CHATHISTORY INVALID_PARAMS TARGETS :Need two times: timestamp=<time>",
        ),
    ],
)
def test_what_cannot_be_told_is_refused_by_its_code(red: OnIrc, question: str, reply: str) -> None:
    """A room that one is not in is not told of."""
    assert red.says(question) == [f":irc.example {reply}"]


def test_where_nothing_is_kept_nothing_is_offered() -> None:
    """And asking for it is refused."""
    red = IrcChat().on_irc("red")
    red.hears()
    assert red.says("CAP REQ draft/chathistory")[0].endswith("NAK draft/chathistory")
    assert red.numerics("CHATHISTORY LATEST #a * 1") == ["FAIL"]


def owner(server: IrcChat, name: str, *more: str) -> OnIrc:
    """Return somebody with an account of their name."""
    member = server.on_irc(name, *ALL, *more, host=HERE)
    member.says("REGISTER * * pencil")
    return member


def test_two_accounts_find_what_they_told_each_other(server: IrcChat) -> None:
    """And nobody else does; TARGETS names them, the longest silent first."""
    red, blue = owner(server, "red"), owner(server, "blue")
    red.says("JOIN #a")
    server.clock.advance(1)
    red.says("PRIVMSG blue :one")
    server.clock.advance(1)
    blue.says("PRIVMSG red :two")
    server.clock.advance(1)
    red.says("PRIVMSG #a :three")
    for member, other in ((red, "blue"), (blue, "red")):
        member.hears()
        lines = member.says(f"CHATHISTORY LATEST {other} * 10")
        assert said(lines) == ["one", "two"]
        assert lines[0].endswith(f" chathistory {other}")
    lines = red.says(f"CHATHISTORY TARGETS {at(0)} {at(100)} 10")
    assert lines[0].endswith(" draft/chathistory-targets")
    assert [line.partition(" CHATHISTORY ")[2] for line in lines[1:-1]] == [
        f"TARGETS blue {time_of(1767225602000 << 16)}",
        f"TARGETS #a {time_of(1767225603000 << 16)}",
    ]
    assert len(red.says(f"CHATHISTORY TARGETS {at(100)} {at(2)} 10")) == 3
    assert len(red.says(f"CHATHISTORY TARGETS {at(0)} {at(3)} 10")) == 3  # it went on in #a
    assert len(red.says(f"CHATHISTORY TARGETS {at(0)} {at(100)} 1")) == 3
    green = owner(server, "green")
    green.hears()
    assert said(green.says("CHATHISTORY LATEST red * 10")) == []


def test_what_was_taken_back_is_not_told(server: IrcChat, red: OnIrc) -> None:
    """Its place stays empty."""
    (last,) = ids(red.says("CHATHISTORY LATEST #a * 1"))
    red.says("CAP REQ draft/message-redaction", f"REDACT #a {last}")
    assert "m9" not in said(red.says("CHATHISTORY LATEST #a * 2"))


# Read markers.


def test_how_far_one_has_read_is_told_on_entering(server: IrcChat) -> None:
    """Before 366; it only grows, and all clients of the account hear of it."""
    red = owner(server, "red", "draft/read-marker")
    second = server.on_irc("second", "sasl", "draft/read-marker", host=HERE)
    second.says("AUTHENTICATE PLAIN", "AUTHENTICATE AHJlZABwZW5jaWw=")
    red.hears()
    joined = [line for line in red.says("JOIN #a") if not line.startswith("@")]
    assert [line.partition(" ")[2] for line in joined] == [
        "MARKREAD #a *",
        "353 red = #a :@red",
        "366 red #a :End of NAMES",
    ]
    second.says("JOIN #a")
    assert red.says(f"MARKREAD #a {at(5)}")[-1] == f":irc.example MARKREAD #a {at(5)}"
    assert second.hears()[-1] == f":irc.example MARKREAD #a {at(5)}"
    assert red.says(f"MARKREAD #a {at(3)}") == [f":irc.example MARKREAD #a {at(5)}"]
    assert red.says("MARKREAD #a", "PART #a")[0] == f":irc.example MARKREAD #a {at(5)}"
    assert f":irc.example MARKREAD #a {at(5)}" in red.says("JOIN #a")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("MARKREAD", "NEED_MORE_PARAMS :Missing parameters"),
        ("MARKREAD #a *", "INVALID_PARAMS #a * :Need a time: timestamp=<time>"),
        ("MARKREAD #a timestamp=x", "INVALID_PARAMS #a timestamp=x :Need a time: timestamp=<time>"),
    ],
)
def test_a_marker_that_cannot_be_set_is_refused_by_its_code(
    server: IrcChat, line: str, reply: str
) -> None:
    """A standard reply."""
    red = owner(server, "red")
    red.says("JOIN #a")
    assert red.says(line) == [f":irc.example FAIL MARKREAD {reply}"]


def test_without_an_account_a_marker_lasts_as_long_as_the_connection(server: IrcChat) -> None:
    """Of any conversation, and of so many."""
    red = server.on_irc("red", "draft/read-marker")
    red.hears()
    assert red.says("MARKREAD #nowhere", f"MARKREAD blue {at(5)}", f"MARKREAD BLUE {at(3)}") == [
        ":irc.example MARKREAD #nowhere *",
        f":irc.example MARKREAD blue {at(5)}",
        f":irc.example MARKREAD BLUE {at(5)}",
    ]
    for number in range(MAX_MARKERS):
        server.clock.advance(1)
        red.says(f"MARKREAD {number} {at(1)}")
    assert red.says("MARKREAD blue", "MARKREAD 99") == [
        ":irc.example MARKREAD blue *",
        f":irc.example MARKREAD 99 {at(1)}",
    ]


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("2026-01-01T00:00:00.123Z", 1767225600123),
        ("2026-01-01T00:00:00Z", 1767225600000),
        ("2026-01-01T00:00:00.5Z", 1767225600500),
        ("1812-01-01T00:00:00.000Z", 0),
        ("2026-02-30T00:00:00.000Z", None),
        ("2026-01-01T00:00:00.123", None),
        ("٢٠٢٦-01-01T00:00:00.123Z", None),
        ("", None),
    ],
)
def test_times_are_read_as_they_are_written(text: str, milliseconds: int | None) -> None:
    """IRCv3 server-time; before 1970 nothing was said."""
    assert read_time(text) == milliseconds
