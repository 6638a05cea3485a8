"""Messages of several lines: IRCv3 draft/multiline and client-batch, a test for each MUST."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.chat.chats import Far
from tests.chat.irc import IrcChat, OnIrc
from twisted_net.chat.codec.irc.wire import parse
from twisted_net.chat.codec.messages import Event, History, Join, Old

CAPABILITY = "draft/multiline"
ALL = (CAPABILITY, "batch", "message-tags", "echo-message", "labeled-response")
FAIL = ":irc.example FAIL BATCH"

POEM = (
    "BATCH +123 draft/multiline #tea",
    "@batch=123 PRIVMSG #tea hello",
    "@batch=123 PRIVMSG #tea :",
    "@batch=123 privmsg #tea :how is ",
    "@batch=123;draft/multiline-concat PRIVMSG #tea :everyone?",
    "BATCH -123",
)


def tea(*capabilities: str, **settings: object) -> tuple[IrcChat, OnIrc, OnIrc]:
    """Let red, who knows all of it, and blue be in a room."""
    server = IrcChat(**settings)  # type: ignore[arg-type]
    red, blue = server.on_irc("red", *ALL), server.on_irc("blue", *capabilities)
    for member in (red, blue):
        member.says("JOIN #tea")
    red.hears()
    return server, red, blue


def source(server: IrcChat, name: str) -> str:
    """Return where a member's lines come from."""
    return f":{name}!{server.hub.find(name).mask}"


def batched(server: IrcChat, opening: str, lines: list[str], name: str = "red") -> list[str]:
    """Return a batch as it is written, given what begins its first line."""
    me = source(server, name)
    reference = re.compile(r"BATCH \+(\S+)")
    found = reference.search(opening)
    assert found is not None
    inside = [
        f"@batch={found[1]}{';draft/multiline-concat' if line[:1] == '+' else ''} {me} {line[1:]}"
        for line in lines
    ]
    return [opening, *inside, f"{me} BATCH -{found[1]}"]


def test_the_limits_are_offered_with_the_capability() -> None:
    """The value is required."""
    (line, *_) = IrcChat().on_irc().says("CAP LS 302")
    assert " draft/multiline=max-bytes=4096,max-lines=32 " in f" {line} "


def test_a_message_of_several_lines_is_delivered_as_it_was_sent() -> None:
    """Whole, in one batch; also to whoever sent it."""
    server, red, blue = tea(CAPABILITY, "batch", "message-tags")
    assert red.says(*POEM[:5]) == blue.hears() == []
    heard = red.says(POEM[5])
    assert re.fullmatch(
        rf"@msgid=\d+-\d+ {re.escape(source(server, 'red'))} BATCH \+\w+ draft/multiline #tea",
        heard[0],
    )
    said = [
        "-PRIVMSG #tea :hello",
        "-PRIVMSG #tea :",
        "-PRIVMSG #tea :how is ",
        "+PRIVMSG #tea :everyone?",
    ]
    assert heard == blue.hears() == batched(server, heard[0], said)


def test_whoever_does_not_know_it_hears_the_lines() -> None:
    """Blank ones left out; the first one alone has the id, and the client's tags."""
    server, red, blue = tea("message-tags", "account-tag")
    red.says("@+draft/reply=7 BATCH +123 draft/multiline #tea", *POEM[1:])
    first, *more = blue.hears()
    me = source(server, "red")
    assert re.fullmatch(rf"@msgid=\S+;\+draft/reply=7 {re.escape(me)} PRIVMSG #tea :hello", first)
    assert [line.partition(" ")[2] for line in more] == [
        f"{me} PRIVMSG #tea :how is ",
        f"{me} PRIVMSG #tea :everyone?",
    ]
    assert not any("msgid" in line for line in more)


def test_it_works_with_batch_alone() -> None:
    """Who has asked for the one and not for the other hears lines."""
    _, red, blue = tea(CAPABILITY)
    red.says(*POEM)
    assert [line.split(" ")[1] for line in blue.hears()] == ["PRIVMSG"] * 3
    assert blue.says("BATCH +1 draft/multiline #tea") == [
        f"{FAIL} UNKNOWN_TYPE 1 draft/multiline :There is no such type of batch"
    ]
    blue.says("BATCH -1", "CAP REQ batch")
    red.says(*POEM)
    assert blue.hears()[0].split(" ")[1] == "BATCH"


def test_a_notice_and_what_is_told_to_one_member_may_have_several_lines() -> None:
    """The target of the batch is the member, or those with a role."""
    server, red, blue = tea(*ALL)
    red.says(*(line.replace("#tea", "blue").replace("PRIVMSG", "NOTICE") for line in POEM[:3]))
    red.says("BATCH -123")
    heard = blue.hears()
    assert heard == batched(server, heard[0], ["-NOTICE blue :hello", "-NOTICE blue :"])
    assert heard[0].endswith(" draft/multiline blue")
    red.says(*(line.replace("#tea", "@#tea").replace("privmsg", "PRIVMSG") for line in POEM))
    assert blue.hears() == []
    red.hears()
    blue.says(*(line.replace("#tea", "@#tea") for line in POEM))
    assert red.hears()[0].endswith(" draft/multiline @#tea")


def test_the_label_is_on_the_opening_batch_alone() -> None:
    """Of the echo; without one it is acknowledged; and what is wrong answers it, too."""
    _, red, blue = tea(*ALL)
    heard = red.says("@label=9 BATCH +123 draft/multiline #tea", *POEM[1:])
    assert heard[0].startswith("@label=9;msgid=")
    assert [line for line in heard[1:] if "label" in line] == []
    assert len(heard) == 6
    assert not any("label" in line for line in blue.hears())
    red.says("CAP REQ -echo-message")
    assert red.says("@label=8 BATCH +123 draft/multiline #tea") == []
    assert red.says("PING x") == [":irc.example PONG irc.example x"]
    assert red.says(*POEM[1:]) == ["@label=8 :irc.example ACK"]
    (wrong,) = red.says(
        "@label=7 BATCH +1 draft/multiline #tea", "@batch=1 PRIVMSG #milk hi", "BATCH -1"
    )
    assert wrong.startswith(f"@label=7 {FAIL} MULTILINE_INVALID_TARGET #tea #milk :")


def test_a_labelled_answer_may_hold_the_batch_and_more() -> None:
    """That whoever was told is away: a batch within a batch."""
    _, red, blue = tea(*ALL)
    blue.says("AWAY :tea")
    red.says("@label=9 BATCH +1 draft/multiline blue", "@batch=1 PRIVMSG blue a")
    heard = red.says("@batch=1 PRIVMSG blue b", "BATCH -1")
    assert re.fullmatch(r"@label=9 :irc.example BATCH \+l9 labeled-response", heard[0])
    outer, inner = "@batch=l9", heard[2].partition(" ")[0]
    starts = [outer, inner, inner, outer, outer]
    assert [line.replace(";", " ").split(" ")[0] for line in heard[1:-1]] == starts
    assert heard[-2].endswith("301 red blue tea")
    assert heard[-1] == ":irc.example BATCH -l9"


def test_what_is_told_to_oneself_comes_back_once_more() -> None:
    """As the echo, labelled, and as what one hears."""
    _, red, _ = tea()
    heard = red.says(
        "@label=9 BATCH +1 draft/multiline red", "@batch=1 PRIVMSG red a", "@batch=1 PRIVMSG red b",
        "BATCH -1",
    )  # fmt: skip
    opened = [line for line in heard if " BATCH +" in line]
    assert len(heard) == 8
    assert [line.startswith("@label=9") for line in opened].count(True) == 1


def test_each_error_has_its_code() -> None:
    """And its parameters, as in the specification; nothing of such a message is said."""
    server, red, blue = tea(CAPABILITY, "batch")
    begin = "BATCH +1 draft/multiline #tea"
    line = "@batch=1 PRIVMSG #tea"
    cases: dict[tuple[str, ...], str] = {
        (begin, *[f"{line} :x"] * 33): "MULTILINE_MAX_LINES 32 :Multiline batch max-lines exceeded",
        (begin, *[f"{line} :{'x' * 470}"] * 9): (
            "MULTILINE_MAX_BYTES 4096 :Multiline batch max-bytes exceeded"
        ),
        (begin, "@batch=1 PRIVMSG #milk :x"): (
            "MULTILINE_INVALID_TARGET #tea #milk :Invalid multiline target"
        ),
        (begin, f"{line} a", "@batch=1;draft/multiline-concat PRIVMSG #tea :"): (
            "MULTILINE_INVALID :Invalid multiline batch with concatenated blank line"
        ),
        (begin, f"{line} a", "@batch=1 NOTICE #tea b"): (
            "MULTILINE_INVALID :Invalid multiline batch: PRIVMSG and NOTICE"
        ),
        (begin, "@batch=1 JOIN #milk"): (
            "MULTILINE_INVALID :Invalid multiline batch: need PRIVMSG or NOTICE"
        ),
        (begin, f"{line} :a\x01VERSION\x01"): (
            "MULTILINE_INVALID :Invalid multiline batch with CTCP"
        ),
        (begin, "@batch=1 BATCH +2 draft/multiline #tea"): (
            "MULTILINE_INVALID :Invalid multiline batch: need PRIVMSG or NOTICE"
        ),
        ("BATCH +1 draft/multiline #tea,#milk", f"{line} x"): (
            "MULTILINE_INVALID :Invalid multiline batch: need one target"
        ),
        ("BATCH +1 draft/multiline", f"{line} x"): (
            "MULTILINE_INVALID :Invalid multiline batch: need one target"
        ),
        ("BATCH +1 netjoin", f"{line} x"): "UNKNOWN_TYPE 1 netjoin :There is no such type of batch",
        ("BATCH +1", f"{line} x"): "UNKNOWN_TYPE 1 * :There is no such type of batch",
    }
    for sent, wrong in cases.items():
        assert red.says(*sent, f"{line} :and more", "BATCH -1") == [f"{FAIL} {wrong}"]
    server.wait(10, red, blue)  # that were many lines
    assert red.says(begin, f"{line} :", f"{line} :", "BATCH -1") == [
        f"{FAIL} MULTILINE_INVALID :Invalid multiline batch with blank lines only"
    ]
    assert blue.hears() == []
    assert len(red.says(*POEM)) == 6


def test_a_reference_that_is_none_is_refused() -> None:
    """With all that belongs to it, and so is one that nobody has begun."""
    _, red, blue = tea()
    no_name = "Need +name, of letters, digits and hyphens"
    assert red.says(
        "BATCH +a.b draft/multiline #tea", "@batch=a.b PRIVMSG #tea x", "BATCH -a.b"
    ) == [f"{FAIL} INVALID_REFTAG +a.b :{no_name}"]
    assert red.says("BATCH x") == [f"{FAIL} INVALID_REFTAG x :{no_name}"]
    no_such = f"{FAIL} MULTILINE_INVALID :Invalid multiline batch: there is no such batch"
    assert red.says("@batch=9 PRIVMSG #tea x", "BATCH -9") == [no_such, no_such]
    assert red.says("BATCH") == [":irc.example 461 red BATCH :Not enough parameters"]
    assert blue.hears() == []
    blue.says("@batch=9 PRIVMSG #tea :never heard of batches")
    assert red.hears()[-1].endswith(" PRIVMSG #tea :never heard of batches")


def test_one_batch_begins_within_no_other_one() -> None:
    """Both are refused; the next one is not."""
    _, red, blue = tea()
    assert red.says(
        "BATCH +1 draft/multiline #tea", "BATCH +2 draft/multiline #tea", "@batch=2 PRIVMSG #tea x",
        "BATCH -2",
    ) == [
        f"{FAIL} MULTILINE_INVALID :Invalid multiline batch: another one began",
        f"{FAIL} MULTILINE_INVALID :Invalid multiline batch: it began within another one",
    ]  # fmt: skip
    assert blue.hears() == []
    red.says(*POEM)
    assert len(blue.hears()) == 3


def test_a_batch_that_is_left_open_is_given_up() -> None:
    """What comes of it later is passed over."""
    server, red, blue = tea()
    red.says(*POEM[:2])
    server.wait(61, red, blue)
    late = f"{FAIL} TIMEOUT 123 :Batch open for more than 60 seconds"
    assert red.says(*POEM[2:]) == [late]
    red.says(POEM[0], "QUIT")
    assert [line.split(" ")[1] for line in blue.hears()] == ["QUIT"]


def test_a_message_of_which_a_line_cannot_be_read_is_not_said() -> None:
    """Without that line it would not be what somebody wanted to say."""
    _, red, blue = tea(*ALL)
    spoiled = (
        f"@label=9 {FAIL} MULTILINE_INVALID :Invalid multiline batch: a line could not be read"
    )
    for line, refused in (
        (b"@batch=123 PRIVMSG #tea \xff\r\n", "FAIL PRIVMSG INVALID_UTF8"),
        (b"@batch=123 PRIVMSG #tea :" + b"x" * 512 + b"\r\n", "417 red"),
    ):
        assert red.says(f"@label=9 {POEM[0]}", POEM[1]) == []
        red.sends(line * 2)
        told = red.hears()
        assert told[0].startswith(f":irc.example {refused} :")
        assert told[1:] == [spoiled, told[0]]
        assert red.says(*POEM[2:]) == []
    assert blue.hears() == []


def test_what_may_not_be_said_is_refused_as_ever() -> None:
    """Of the message, not of each of its lines."""
    _, red, blue = tea(*ALL)
    red.says("MODE #tea +m")
    blue.hears()
    assert blue.says(*POEM) == [":irc.example 404 blue #tea :Cannot send to channel: moderated"]
    assert blue.says(*(line.replace("#tea", "nobody") for line in POEM)) == [
        ":irc.example 401 blue nobody :No such nick or channel"
    ]
    notice = [re.sub("privmsg", "NOTICE", line, flags=re.IGNORECASE) for line in POEM]
    assert blue.says(*notice) == []
    red.says("MODE #tea -m+W 5")
    blue.hears()
    assert len(blue.says(*POEM)) == 6
    assert blue.says(*POEM)[0].endswith("slow mode: wait 5 s")


def test_history_has_the_message_whole() -> None:
    """As a batch within the batch, or as lines; one message of as many as were asked for."""
    server, red, blue = tea("message-tags", "batch", "draft/chathistory", keep=True)
    red.says("PRIVMSG #tea before", *POEM, "CAP REQ draft/chathistory")
    red.hears()
    ask = "CHATHISTORY LATEST #tea * 1"
    opening, *told, closing = red.says(ask)
    assert (opening.split(" ")[1:], closing.split(" ")[1:]) == (
        ["BATCH", "+h1", "chathistory", "#tea"],
        ["BATCH", "-h1"],
    )
    assert told[0].startswith("@batch=h1;msgid=")
    said = ["-PRIVMSG #tea :hello", "-PRIVMSG #tea :", "-PRIVMSG #tea :how is "]
    *whole, end = batched(server, told[0], [*said, "+PRIVMSG #tea :everyone?"])
    assert told == [*whole, f"@batch=h1 {end}"]
    blue.hears()
    shown = [line.rpartition(" :")[2] for line in blue.says(ask)[1:-1]]
    assert shown == ["hello", "how is ", "everyone?"]


def test_one_message_of_history_there_always_is() -> None:
    """Though it be longer than the answer may be: none would say that there are no more."""
    _, red, blue = tea("draft/chathistory", keep=True, longest=100)
    red.says(*POEM, *POEM)
    blue.hears()
    shown = [line.rpartition(" :")[2] for line in blue.says("CHATHISTORY LATEST #tea * 2")]
    assert shown == ["hello", "how is ", "everyone?"]


def test_a_text_of_another_door_that_is_too_long_for_a_line_comes_whole() -> None:
    """In pieces that make up the very same text, for who knows how to put them together."""
    server, red, blue = tea()
    green = server.on_line("green")
    text = " ".join(f"word{n}" for n in range(120))
    green.says("JOIN tea", f"SAY tea {text}")
    heard = red.hears()[1:]
    said = [parse(line.encode()) for line in heard]
    assert "".join(each.params[1] for each in said if each and each.command == "PRIVMSG") == text
    assert ["draft/multiline-concat" in each.tags for each in said[1:-1] if each] == [False, True]
    assert [line.split(" ")[1] for line in blue.hears()[1:]] == ["PRIVMSG"] * 2


def test_every_door_hears_one_message() -> None:
    """Under one id; where there are only lines, as lines."""
    server, red, _ = tea(keep=True)
    green, pink = server.on_line("green"), server.on_datagrams("pink")
    pink.asks(Join("tea"))
    green.says("JOIN tea", "IDS on")
    red.hears()
    red.says(*POEM)
    id = re.search(r"msgid=(\S+)", red.says("@label=1 PING x", *POEM)[1])
    assert id is not None
    both = ["hello", "how is everyone?"]
    assert green.hears()[2:] == [f"@{id[1]} SAID tea red {line}" for line in both]
    heard = [each for each in pink.hears() if isinstance(each, Event) and each.text]
    assert [each.text for each in heard] == both * 2
    assert [each.id for each in heard][2] == heard[3].id != heard[1].id
    assert green.says("HISTORY tea 1") == [
        *(f"OLD {id[1]} tea red {line}" for line in both),
        "OK HISTORY 1",
    ]
    old = [each.event for each in pink.asks(History("tea", 1)) if isinstance(each, Old)]
    assert [(each.id, each.text) for each in old] == [(heard[3].id, line) for line in both]
    told = [line.replace("#tea", "green") for line in POEM]
    red.says(*told)
    assert [line.partition(" ")[2] for line in green.hears()] == [
        f"TOLD red {line}" for line in both
    ]


def test_what_is_long_beyond_a_datagram_is_heard_on_datagrams() -> None:
    """A line of 4,096 bytes goes in pieces that fit, under one id, and none is missed."""
    server, red, _ = tea()
    pink = server.on_datagrams("pink")
    pink.asks(Join("tea"))
    texts = ["x" * 448 + " "] * 9
    concat = [f"@batch=1;draft/multiline-concat PRIVMSG #tea :{text}" for text in texts]
    red.says("BATCH +1 draft/multiline #tea", *concat, "BATCH -1")
    heard = [each for each in pink.hears() if isinstance(each, Event)]
    assert " ".join(each.text for each in heard).split() == "".join(texts).split()
    assert len({each.id for each in heard}) == 1


def test_lines_cost_what_messages_cost() -> None:
    """A burst of a hundred, then twenty a second: a batch is no way around that."""
    server, red, blue = tea()
    server.wait(60, red, blue)
    red.sends("".join(f"{line}\r\n" for line in POEM * 20).encode())
    heard = blue.hears()
    assert 30 <= len(heard) < 60
    server.wait(3, red, blue)
    server.clock.pump([0.1] * 20)
    assert len(heard + blue.hears()) == 60


def test_over_a_slow_bus_what_comes_next_waits_for_the_whole_message() -> None:
    """Its label is answered when all nodes have it; a message that none takes is refused."""
    bus = Far(1767225600.0)
    server = IrcChat(bus=bus)
    red, blue = server.on_irc("red", *ALL), server.on_irc("blue")
    bus.all_arrive()
    for member in (red, blue):
        member.says("JOIN #tea")
        bus.all_arrive()
    red.hears()
    blue.hears()
    begin = f"@label=9 {POEM[0]}"
    assert red.says(begin, *POEM[1:], "PING x") == []
    bus.all_arrive()
    heard = red.hears()
    assert heard[0].startswith("@label=9;msgid=")
    assert [line.rpartition(" ")[2] for line in heard[-1:]] == ["x"]
    assert len(blue.hears()) == 3
    red.says(begin, *POEM[1:])
    bus.refuses_all()
    (refused,) = red.hears()
    assert refused.startswith("@label=9 :irc.example FAIL BATCH ")
    red.says("RENAME #tea #coffee")
    assert blue.hears() == []
    bus.all_arrive()
    assert [line.split(" ")[1] for line in blue.hears()] == ["PART", "JOIN", "353", "366"]


def test_a_connection_that_ends_within_a_batch_has_said_nothing() -> None:
    """Whether it is cut or closes its half: a part of a message is none."""
    server, red, blue = tea()
    green = server.on_irc("green", *ALL)
    green.says("JOIN #tea")
    for member in (red, green):
        member.says(*POEM[:4])
    blue.hears()
    red.protocol.connectionLost()
    green.protocol.readConnectionLost()
    assert [line.split(" ")[1] for line in blue.hears()] == ["QUIT", "QUIT"]
    assert green.transport.disconnecting


def test_who_does_not_read_long_messages_is_shown_out_by_them() -> None:
    """As by others: what waits for one member has its bound, and the others hear all."""
    server, red, blue = tea(queue=8192)
    blue.transport.pauseProducing = lambda: None  # type: ignore[method-assign]
    blue.protocol.outlet.pauseProducing()
    long = [f"@batch=1 PRIVMSG #tea :{'x' * 400}"] * 10
    for _ in range(3):
        red.says("BATCH +1 draft/multiline #tea", *long, "BATCH -1")
    assert "blue" not in [each.name for each in server.hub.room("tea").members]
    assert server.dropped("irc")["send_queue_full"] == 1
    assert red.says("PING x") == [":irc.example PONG irc.example x"]


WORD = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8)
REFERENCE = st.sampled_from(["1", "2", "", "+", "a.b"])
LINE = st.one_of(
    st.builds(
        "BATCH +{} draft/multiline {}".format,
        REFERENCE,
        st.sampled_from(["#tea", "red", "", "a,b"]),
    ),
    st.builds("BATCH -{}".format, REFERENCE),
    st.builds("@batch={} PRIVMSG #tea :{}".format, REFERENCE, WORD),
    st.builds("@batch={};draft/multiline-concat PRIVMSG #tea :{}".format, REFERENCE, WORD),
    st.builds(
        "@label={};batch={} {} {} {}".format,
        WORD,
        REFERENCE,
        st.sampled_from(["NOTICE", "BATCH", "x"]),
        WORD,
        WORD,
    ),
    st.builds("BATCH {} {} {}".format, WORD, WORD, WORD),
)


@given(st.lists(LINE, max_size=12))
def test_nothing_breaks_a_connection(lines: list[str]) -> None:
    """Whatever is said in whatever order, the next message arrives."""
    _, red, blue = tea(*ALL)
    red.says(*lines)
    blue.hears()
    red.says("BATCH -1", "BATCH -2", "PRIVMSG #tea :still here")
    assert blue.hears()[-1].endswith(" PRIVMSG #tea :still here")
