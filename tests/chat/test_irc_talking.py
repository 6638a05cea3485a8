"""What is said through the IRC door: PRIVMSG, NOTICE, TAGMSG, REDACT, tags and labels."""

import pytest

from tests.chat.irc import IrcChat, OnIrc

ECHO = ("echo-message", "message-tags", "server-time", "batch", "labeled-response")


def source(server: IrcChat, name: str) -> str:
    """Return where lines of a member come from."""
    return f":{name}!{server.hub.find(name).mask}"


def two(*capabilities: str) -> tuple[IrcChat, OnIrc, OnIrc]:
    """Return two members in ``#a``; the second one has capabilities."""
    server = IrcChat()
    red, blue = server.on_irc("red"), server.on_irc("blue", *capabilities)
    red.says("JOIN #a")
    blue.says("JOIN #a")
    red.hears()
    blue.hears()
    return server, red, blue


def test_what_is_said_is_heard_by_all_others() -> None:
    """In a room, by one member, as a notice, as an action; also on the line door."""
    server, red, blue = two()
    line = server.on_line("green")
    line.says("JOIN a")
    red.hears()
    blue.hears()
    me = source(server, "red")
    said = [
        "PRIVMSG #a :hello  there",
        "PRIVMSG #a hello",
        "NOTICE #a :listen",
        "PRIVMSG #a :\x01ACTION waves\x01",
        "PRIVMSG #a :\x02bold\x02",
        "PRIVMSG blue :not so loud",
        "PRIVMSG blue :\x01ACTION whispers\x01",
        "NOTICE blue :psst",
        "PRIVMSG blue :\x01VERSION\x01",
    ]
    assert red.says(*said) == []
    assert blue.hears() == [f"{me} {line}" for line in [said[0], "PRIVMSG #a :hello", *said[2:]]]
    assert line.hears() == [
        "SAID a red hello  there",
        "SAID a red hello",
        "NOTICED a red listen",
        "ACTED a red waves",
        "SAID a red bold",
    ]
    assert line.says("hi", "/me nods", "TELL red yes")[-1].startswith("OK TELL red ")
    them = source(server, "green")
    assert red.hears() == [
        f"{them} PRIVMSG #a :hi",
        f"{them} PRIVMSG #a :\x01ACTION nods\x01",
        f"{them} PRIVMSG red :yes",
    ]


def test_several_targets_are_told_one_by_one_up_to_a_limit() -> None:
    """TARGMAX; those beyond it are named."""
    _, red, blue = two()
    assert red.says("PRIVMSG blue,#a,blue,nobody,1,2 :x") == [
        ":irc.example 401 red nobody :No such nick or channel",
        ":irc.example 407 red 1 :Too many targets",
        ":irc.example 407 red 2 :Too many targets",
    ]
    assert len(blue.hears()) == 3


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("+m", "moderated"),
        ("+M", "only accounts may speak: LOGIN"),
        ("+C", "no CTCP here"),
        ("+b blue", "banned"),
        ("+b m:blue", "muted"),
        ("+W 9", "slow mode: wait 9 s"),
    ],
)
def test_who_may_not_speak_is_told_why(mode: str, reason: str) -> None:
    """404, with the reason in words; a NOTICE gets none."""
    _, red, blue = two()
    if mode == "+W 9":
        red.says(f"MODE #a {mode}")
        blue.says("PRIVMSG #a :first")
    else:
        red.says(f"MODE #a {mode}")
    blue.hears()
    red.hears()
    assert blue.says("PRIVMSG #a :\x01PING 1\x01") == [
        f":irc.example 404 blue #a :Cannot send to channel: {reason}"
    ]
    assert blue.says("NOTICE #a :\x01PING 1\x01") == []
    assert red.hears() == []


@pytest.mark.parametrize(
    ("line", "replies"),
    [
        ("PRIVMSG", ["411 blue :No recipient was given"]),
        ("PRIVMSG #a", ["412 blue :No text to send"]),
        ("PRIVMSG #a :", ["412 blue :No text to send"]),
        ("PRIVMSG , :x", ["411 blue :No recipient was given"] * 2),
        ("PRIVMSG nobody :x", ["401 blue nobody :No such nick or channel"]),
        ("PRIVMSG #nowhere :x", ["403 blue #nowhere :No such channel"]),
        (
            "PRIVMSG #b :x",
            ["404 blue #b :Cannot send to channel: You are not on that channel"],
        ),
        ("PRIVMSG #a :\x1b[1m", ["FAIL PRIVMSG INVALID_PARAMS #a :Control character 0x1b"]),
        ("PRIVMSG #a :x\rQUIT", ["FAIL PRIVMSG INVALID_PARAMS #a :Control character 0x0d"]),
        ("NOTICE nobody :x", []),
        ("NOTICE #nowhere :x", []),
        ("NOTICE #a :", []),
        ("NOTICE", []),
        ("TAGMSG", ["411 blue :No recipient was given"]),
        ("@+a=b TAGMSG nobody", ["401 blue nobody :No such nick or channel"]),
    ],
)
def test_what_cannot_be_said_is_told_by_its_numeric(line: str, replies: list[str]) -> None:
    """But for NOTICE, which nothing ever answers."""
    _, red, blue = two()
    red.says("JOIN #b")
    assert blue.says(line) == [f":irc.example {reply}" for reply in replies]
    assert red.hears()[3:] == []


def test_who_is_away_says_so_when_told_something() -> None:
    """301; not to a notice, nor to what was said in a room."""
    _, red, blue = two("message-tags")
    red.says("AWAY :lunch")
    assert blue.says("PRIVMSG red :x", "NOTICE red :x", "PRIVMSG #a :x", "@+t=1 TAGMSG red") == [
        ":irc.example 301 blue red lunch"
    ]


def test_a_long_text_of_another_door_comes_in_parts() -> None:
    """Cut between words and never within a character; only the first part has the id."""
    server, red, _ = two()
    tagged = server.on_irc("green", "message-tags")
    tagged.says("JOIN #a")
    line = server.on_line("line")
    line.says("JOIN a")
    red.hears()
    tagged.hears()
    text = "grüße " * 120
    line.says(text)
    parts = red.hears()
    assert len(parts) > 1
    assert all(len(part.encode()) <= 510 for part in parts)
    start = f"{source(server, 'line')} PRIVMSG #a :"
    assert " ".join(part.removeprefix(start) for part in parts) == text
    ids = [part.startswith("@msgid=") for part in tagged.hears()]
    assert ids == [True] + [False] * (len(parts) - 1)


def test_an_action_in_parts_is_one_in_each() -> None:
    """No part without its end."""
    server, red, _ = two()
    line = server.on_line("line")
    line.says("JOIN a")
    red.hears()
    line.says(f"/me {'x' * 900}")
    assert all(part.endswith("x\x01") and "\x01ACTION x" in part for part in red.hears())


# Status messages.


def test_something_may_be_said_to_operators_alone() -> None:
    """STATUSMSG; to those with a voice and operators by ``+``."""
    server, red, blue = two()
    green = server.on_irc("green")
    green.says("JOIN #a")
    red.says("MODE #a +v green")
    for member in (red, blue, green):
        member.hears()
    assert green.says("PRIVMSG @#a :help", "NOTICE +#a :us") == []
    me = source(server, "green")
    assert red.hears() == [f"{me} PRIVMSG @#a :help", f"{me} NOTICE +#a :us"]
    assert blue.hears() == []


# Tags, ids, time, echoes.


def test_client_tags_go_on_to_those_who_take_tags() -> None:
    """And no others, with an id and the time (IRCv3 message-tags, message-ids, server-time)."""
    server, red, blue = two("message-tags", "server-time")
    green = server.on_irc("green", "message-tags")
    green.says("JOIN #a")
    for member in (red, blue):
        member.hears()
    assert green.says("@+x=a\\sb;y=2;+z PRIVMSG #a :hi") == []
    me = source(server, "green")
    heard = blue.hears()
    tags, _, rest = heard[0].partition(" ")
    assert rest == f"{me} PRIVMSG #a :hi"
    assert tags.startswith("@time=2026-01-01T00:00:00.000Z;msgid=1767225600000-")
    assert tags.endswith(";+x=a\\sb;+z")
    assert red.hears() == [f"{me} PRIVMSG #a :hi"]


def test_tags_alone_are_heard_by_those_who_take_tags() -> None:
    """TAGMSG, to rooms and members; one without client tags says nothing."""
    server, red, blue = two("message-tags")
    green = server.on_irc("green", "message-tags", "echo-message")
    green.says("JOIN #a")
    for member in (red, blue):
        member.hears()
    assert [line.partition(" ")[2] for line in green.says("@+typing=active TAGMSG #a")] == [
        f"{source(server, 'green')} TAGMSG #a"
    ]
    assert green.says("@typing=active TAGMSG #a") == []
    green.says("@+typing=done TAGMSG blue", "@+typing=done TAGMSG red")
    assert [line.rpartition(" TAGMSG ")[2] for line in blue.hears()] == ["#a", "blue"]
    assert red.hears() == []


def test_an_echo_is_what_others_hear() -> None:
    """The same id (IRCv3 echo-message)."""
    _, red, blue = two("echo-message", "message-tags")
    echo = blue.says("PRIVMSG #a :hi", "NOTICE #a :ho", "PRIVMSG red :you", "NOTICE red :two")
    assert [line.rpartition(" :")[2] for line in echo] == ["hi", "ho", "you", "two"]
    assert [line.partition(" ")[2] for line in echo] == red.hears()


@pytest.mark.parametrize(("capabilities", "copies"), [((), 1), (("echo-message",), 2)])
def test_who_talks_to_oneself_hears_it(capabilities: tuple[str, ...], copies: int) -> None:
    """As said, and as heard."""
    server, _, blue = two(*capabilities)
    me = source(server, "blue")
    assert blue.says("PRIVMSG blue :hi") == [f"{me} PRIVMSG blue :hi"] * copies
    assert blue.says("NOTICE blue :hi") == [f"{me} NOTICE blue :hi"] * copies


def test_what_a_bot_says_is_marked() -> None:
    """Its events too (IRCv3 bot-mode)."""
    server, red, blue = two("message-tags")
    red.says("MODE red +B", "PRIVMSG #a :beep", "PART #a")
    assert [line.partition(" ")[0].endswith(";bot") for line in blue.hears()] == [True, True]
    assert not any("bot" in line for line in server.on_irc("green").says("JOIN #a"))


# Labels.


def test_a_label_comes_back_on_one_line_a_batch_or_an_acknowledgement() -> None:
    """IRCv3 labeled-response; never to others."""
    server, red, blue = two(*ECHO)
    me = source(server, "blue")
    assert blue.says("@label=1 PING x") == ["@label=1 :irc.example PONG irc.example x"]
    assert blue.says("@label=2 PONG x", "@label=3 NOTICE nobody :x") == [
        "@label=2 :irc.example ACK",
        "@label=3 :irc.example ACK",
    ]
    assert blue.says("@label=4 JOIN nowhere") == [
        "@label=4 :irc.example 403 blue nowhere :No such channel"
    ]
    (echo,) = blue.says("@label=5;+x=y PRIVMSG #a :hi")
    assert echo.startswith("@label=5;time=")
    assert echo.endswith(f";+x=y {me} PRIVMSG #a :hi")
    assert red.hears() == [f"{me} PRIVMSG #a :hi"]
    batch = blue.says("@label=6 JOIN #b")
    assert batch[0] == "@label=6 :irc.example BATCH +l6 labeled-response"
    assert batch[-1] == ":irc.example BATCH -l6"
    assert [line.split(" ")[2] for line in batch[1:-1]] == ["JOIN", "353", "366"]
    assert all(line.startswith("@batch=l6") for line in batch[1:-1])


def test_only_one_copy_of_what_one_says_to_oneself_has_the_label() -> None:
    """The echo (IRCv3 labeled-response)."""
    _, _, blue = two(*ECHO)
    heard = blue.says("@label=1 PRIVMSG blue :hi")
    assert sorted(line.startswith("@label=1") for line in heard) == [False, True]


def test_without_the_capability_a_label_means_nothing() -> None:
    """Nor does one that is too long."""
    _, red, blue = two(*ECHO)
    assert red.says("@label=1 PING x") == [":irc.example PONG irc.example x"]
    assert blue.says(f"@label={'x' * 65} PING x") == [":irc.example PONG irc.example x"]


# Taking back.


def test_what_was_said_can_be_taken_back() -> None:
    """By its author and by operators, for those who understand (draft/message-redaction)."""
    capabilities = ("draft/message-redaction", "message-tags", "echo-message")
    server, red, blue = two(*capabilities)
    (echo,) = blue.says("PRIVMSG #a :oops")
    msgid = echo.partition(" ")[0].removeprefix("@msgid=")
    red.hears()
    (redacted,) = blue.says(f"REDACT #a {msgid} :spam")
    assert redacted.partition(" ")[2] == f"{source(server, 'blue')} REDACT #a {msgid} :spam"
    assert red.hears() == []
    green = server.on_irc("green")
    green.says("JOIN #a")
    assert green.says(f"REDACT #a {msgid}") == [
        f":irc.example FAIL REDACT REDACT_FORBIDDEN #a {msgid} :You may not redact that message"
    ]
    blue.hears()
    red.says(f"REDACT #a {msgid}")
    assert blue.hears()[0].endswith(f" REDACT #a {msgid}")


def test_what_was_said_in_private_can_be_taken_back_by_who_said_it() -> None:
    """Both hear of it, by whatever name they go now; nobody else can tell that there was one."""
    capabilities = ("draft/message-redaction", "message-tags", "echo-message")
    server, red, blue = two(*capabilities)
    red.says("CAP REQ :draft/message-redaction message-tags")
    (echo,) = blue.says("PRIVMSG red :oops")
    msgid = echo.partition(" ")[0].removeprefix("@msgid=")
    red.hears()
    assert "FAIL REDACT UNKNOWN_MSGID blue" in red.says(f"REDACT blue {msgid}")[0]
    green = server.on_irc("green", *capabilities)
    assert green.says(f"REDACT red {msgid}") == [
        f":irc.example FAIL REDACT UNKNOWN_MSGID red {msgid} :There is no such message"
    ]
    red.says("NICK rouge")
    blue.hears()
    (echoed,) = blue.says(f"REDACT rouge {msgid} :sorry")
    (heard,) = red.hears()
    for line in (echoed, heard):
        said = line.partition(" ")[2]
        assert said == f"{source(server, 'blue')} REDACT rouge {msgid} :sorry"
    assert blue.says(f"REDACT rouge {msgid}") == [
        f":irc.example FAIL REDACT UNKNOWN_MSGID rouge {msgid} :There is no such message"
    ]


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("REDACT #a", "461 blue REDACT :Not enough parameters"),
        ("REDACT red 1-1", "FAIL REDACT UNKNOWN_MSGID red 1-1 :There is no such message"),
        ("REDACT nobody 1-1", "FAIL REDACT INVALID_TARGET nobody :Nobody is called 'nobody'"),
        ("REDACT #b 1-1", "FAIL REDACT INVALID_TARGET #b :You are in no such channel"),
        ("REDACT #a x", "FAIL REDACT UNKNOWN_MSGID #a x :There is no such message"),
    ],
)
def test_what_cannot_be_taken_back_is_told_by_its_code(line: str, reply: str) -> None:
    """A standard reply."""
    _, _, blue = two()
    assert blue.says(line) == [f":irc.example {reply}"]
