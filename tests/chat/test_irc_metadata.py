"""Metadata on the IRC door (IRCv3 draft/metadata-2): a test for each MUST, and for the bounds."""

import pytest

from tests.chat.irc import IrcChat, OnIrc
from twisted_net.chat.codec.refusals import Code, Refusal
from twisted_net.chat.core.irc.desk import Told
from twisted_net.chat.core.irc.subscriptions import MAX_SUBS
from twisted_net.chat.core.metadata import MAX_KEYS, MAX_VALUE

CAPS = ("batch", "draft/metadata-2")


@pytest.fixture
def server() -> IrcChat:
    """Return a server with an IRC door."""
    return IrcChat()


@pytest.fixture
def red(server: IrcChat) -> OnIrc:
    """Return an operator of ``#tea``, who knows metadata."""
    red = server.on_irc("red", *CAPS)
    red.says("JOIN #tea")
    return red


@pytest.fixture
def blue(server: IrcChat, red: OnIrc) -> OnIrc:
    """Return somebody else in ``#tea``, who wants to hear of ``url`` and ``color``."""
    blue = server.on_irc("blue", *CAPS)
    blue.says("JOIN #tea", "METADATA * SUB url color")
    red.hears()
    return blue


def inside(lines: list[str], kind: str = "metadata", about: str | None = None) -> list[str]:
    """Return what is in a batch, which must be all there is."""
    start = lines[0].split(" ")
    name = start[2].removeprefix("+")
    assert start[1:2] == ["BATCH"]
    assert start[3:] == [kind, *([] if about is None else [about])]
    assert lines[-1] == f":irc.example BATCH -{name}"
    assert all(line.startswith(f"@batch={name} :") for line in lines[1:-1])
    return [line.split(" ", 2)[2] for line in lines[1:-1]]


def told(lines: list[str]) -> list[str]:
    """Return the messages about metadata, without who says them."""
    return [line.split(" ", 1)[1] for line in lines if " METADATA " in line]


# Capability.


def test_the_capability_says_what_the_limits_are(server: IrcChat) -> None:
    """And that there is no need to wait for the end of registration."""
    (line,) = [line for line in server.on_irc().says("CAP LS 302") if "metadata" in line]
    shown = next(word for word in line.split() if word.startswith("draft/metadata-2"))
    assert shown == (
        f"draft/metadata-2=before-connect,max-subs={MAX_SUBS},max-keys={MAX_KEYS},"
        f"max-value-bytes={MAX_VALUE}"
    )


def test_only_the_drafts_own_name_is_offered(server: IrcChat) -> None:
    """Servers MUST NOT use the final name, nor grant it together with the older one."""
    red = server.on_irc()
    for names in ("metadata-2", "metadata", "metadata-notify draft/metadata-2"):
        (line,) = red.says(f"CAP REQ :{names}")
        assert " NAK " in line


def test_nothing_is_told_to_who_does_not_know_batches(server: IrcChat, blue: OnIrc) -> None:
    """MUST be negotiated, in any order; it may be asked for all the same."""
    pink = server.on_irc("pink", "draft/metadata-2")
    pink.says("JOIN #tea", "METADATA * SUB url")
    blue.says("METADATA * SET url x")
    assert told(pink.hears()) == []
    pink.says("CAP REQ batch")
    blue.says("METADATA * SET url y")
    assert told(pink.hears()) == ["METADATA blue url * y"]


# Setting, and looking.


def test_what_is_set_is_told_to_who_asks(red: OnIrc) -> None:
    """Every key in its order, in a batch that says whose they are."""
    assert red.says("METADATA * SET url :http://example.com/ a") == [
        ":irc.example 761 red red url * :http://example.com/ a"
    ]
    red.says("METADATA RED SET color :")
    assert inside(red.says("METADATA * GET color nope Bad url"), about="red") == [
        "761 red red color * :",
        "766 red red nope :Key not set",
        "FAIL METADATA KEY_INVALID Bad :That is no valid key",
        "761 red red url * :http://example.com/ a",
    ]
    assert inside(red.says("METADATA red LIST"), about="red") == [
        "761 red red url * :http://example.com/ a",
        "761 red red color * :",
    ]


def test_an_empty_batch_says_that_there_is_nothing(red: OnIrc) -> None:
    """Of a room too."""
    for command in ("LIST", "GET", "CLEAR", "SYNC"):
        assert inside(red.says(f"METADATA #TEA {command}"), about="#tea") == []


def test_a_value_is_taken_away_by_none(red: OnIrc) -> None:
    """Only one that was set; an empty one is a value."""
    assert red.says("METADATA * SET url") == [
        ":irc.example FAIL METADATA KEY_NOT_SET red url :Key not set"
    ]
    red.says("METADATA * SET url :")
    assert red.says("METADATA * SET url") == [":irc.example 766 red red url :Key not set"]
    assert inside(red.says("METADATA * LIST"), about="red") == []


def test_all_of_it_is_cleared_at_once(red: OnIrc) -> None:
    """Each key is named."""
    red.says("METADATA #tea SET url a", "METADATA #tea SET color b")
    assert inside(red.says("METADATA #tea CLEAR"), about="#tea") == [
        "761 red #tea url * a",
        "761 red #tea color * b",
    ]
    assert inside(red.says("METADATA #tea LIST"), about="#tea") == []


@pytest.mark.parametrize(
    ("line", "failure"),
    [
        ("METADATA * FROB", "SUBCOMMAND_INVALID FROB :There is no such subcommand"),
        ("METADATA nobody LIST", "INVALID_TARGET nobody :There is nobody and no channel"),
        ("METADATA #nowhere LIST", "INVALID_TARGET #nowhere :There is nobody and no channel"),
        ("METADATA red!x SET url x", "INVALID_TARGET red!x :There is nobody and no channel"),
        ("METADATA #tea SUB url", "INVALID_TARGET #tea :There is nobody and no channel"),
        ("METADATA red SUBS", "INVALID_TARGET red :There is nobody and no channel"),
        ("METADATA * SET", "KEY_INVALID * :Key: 1-32 of a-z, 0-9, _./-"),
        ("METADATA * SET Url x", "KEY_INVALID Url :Key: 1-32 of a-z, 0-9, _./-"),
        ("METADATA * SET a:b x", "KEY_INVALID a:b :Key: 1-32 of a-z, 0-9, _./-"),
        (f"METADATA * SET {'k' * 33} x", f"KEY_INVALID {'k' * 33} :Key: 1-32"),
        (f"METADATA * SET url {'x' * 241}", "VALUE_INVALID :Value: at most 240 bytes"),
        ("METADATA * SET url a\x07b", "VALUE_INVALID :Control character 0x07"),
        ("METADATA red SET url x", "KEY_NO_PERMISSION red url :You may not set that"),
        ("METADATA red CLEAR", "KEY_NO_PERMISSION red * :You may not clear that"),
        ("METADATA #tea SET url x", "KEY_NO_PERMISSION #tea url :Not an operator"),
        ("METADATA #tea CLEAR", "KEY_NO_PERMISSION #tea * :You may not clear that"),
    ],
)
def test_what_cannot_be_is_refused_by_a_standard_reply(
    blue: OnIrc, line: str, failure: str
) -> None:
    """Servers MUST reply to erroneous requests so."""
    (answer,) = blue.says(line)
    assert answer.startswith(f":irc.example FAIL METADATA {failure}")


def test_there_is_an_end_to_keys(red: OnIrc) -> None:
    """Of a member, and of a room; what is there may still be changed."""
    for target in ("*", "#tea"):
        for number in range(MAX_KEYS):
            red.says(f"METADATA {target} SET k{number} x")
        shown = "red" if target == "*" else target
        assert red.says(f"METADATA {target} SET more x") == [
            f":irc.example FAIL METADATA LIMIT_REACHED {shown} :Metadata limit reached"
        ]
        assert red.numerics(f"METADATA {target} SET k0 y") == ["761"]


def test_the_longest_of_everything_fits_one_line(server: IrcChat) -> None:
    """Nothing is cut."""
    name, key, value = "n" * 24, "k" * 32, "x" * MAX_VALUE
    long = server.on_irc(name, *CAPS)
    assert long.says(f"METADATA * SET {key} {value}") == [
        f":irc.example 761 {name} {name} {key} * {value}"
    ]
    assert inside(long.says("METADATA * LIST"), about=name) == [
        f"761 {name} {name} {key} * {value}"
    ]


# Who sees it.


def test_of_who_shares_no_room_nothing_is_seen(server: IrcChat, red: OnIrc) -> None:
    """Unless one watches them."""
    red.says("METADATA * SET url x")
    pink = server.on_irc("pink", *CAPS)
    assert inside(pink.says("METADATA red LIST"), about="red") == []
    assert inside(pink.says("METADATA red GET url"), about="red") == [
        "766 pink red url :Key not set"
    ]
    pink.says("MONITOR + red")
    assert inside(pink.says("METADATA red LIST"), about="red") == ["761 pink red url * x"]


def test_of_a_secret_room_nothing_is_seen_from_outside(server: IrcChat, red: OnIrc) -> None:
    """Of any other its own, and nobody's in it."""
    red.says("METADATA #tea SET url x", "METADATA * SET url y")
    pink = server.on_irc("pink", *CAPS)
    pink.says("METADATA * SUB url")
    assert inside(pink.says("METADATA #tea SYNC"), about="#tea") == ["METADATA #tea url * x"]
    red.says("MODE #tea +s")
    assert "INVALID_TARGET" in pink.says("METADATA #tea LIST")[0]


# Being told.


def test_members_of_a_room_hear_of_what_they_have_asked_for(red: OnIrc, blue: OnIrc) -> None:
    """Of the room, and of each other; not of what they have done themselves."""
    red.says("METADATA * SUB url", "METADATA #tea SET url x", "METADATA * SET color y")
    red.says("METADATA * SET other z", "METADATA #tea SET url", "METADATA #tea SET url")
    assert told(blue.hears()) == [
        "METADATA #tea url * x",
        "METADATA red color * y",
        "METADATA #tea url *",
    ]
    assert red.says("METADATA * SET url q") == [":irc.example 761 red red url * q"]


def test_the_same_value_again_is_no_news(red: OnIrc, blue: OnIrc) -> None:
    """Only its setter is told."""
    red.says("METADATA * SET url x")
    blue.hears()
    assert red.says("METADATA * SET url x") == [":irc.example 761 red red url * x"]
    assert blue.hears() == []


def test_who_watches_a_name_hears_of_it(server: IrcChat, red: OnIrc) -> None:
    """What there is now, and when it changes, and when they come back."""
    pink = server.on_irc("pink", *CAPS)
    red.says("METADATA * SET url x")
    pink.says("METADATA * SUB url")
    assert told(pink.says("MONITOR + red")) == ["METADATA red url * x"]
    red.says("METADATA * SET url y")
    assert told(pink.hears()) == ["METADATA red url * y"]
    red.says("NICK rouge")
    pink.hears()
    red.says("NICK red")
    assert told(pink.hears()) == ["METADATA red url * y"]
    pink.says("MONITOR - red")
    red.says("METADATA * SET url z")
    assert pink.hears() == []


def test_who_enters_is_told_of_the_room_and_of_all_in_it(server: IrcChat, red: OnIrc) -> None:
    """What they have asked for; and those in it are told of them."""
    red.says("METADATA #tea SET url a", "METADATA * SET url b", "METADATA * SET color c")
    red.says("METADATA * SUB url")
    pink = server.on_irc("pink", *CAPS)
    pink.says("METADATA * SUB url", "METADATA * SET url d")
    assert told(pink.says("JOIN #tea")) == [
        "METADATA #tea url * a",
        "METADATA red url * b",
        "METADATA pink url * d",
    ]
    assert told(red.hears()) == ["METADATA pink url * d"]


def test_a_member_that_is_unseen_stays_so(server: IrcChat, red: OnIrc, blue: OnIrc) -> None:
    """In a room that hides its members nobody hears of them by their metadata."""
    red.says("MODE #tea +u", "METADATA * SUB url")
    pink = server.on_irc("pink", *CAPS)
    pink.says("METADATA * SET url d", "JOIN #tea", "METADATA * SET url e")
    assert told(blue.hears()) == []
    assert inside(blue.says("METADATA pink LIST"), about="pink") == []
    assert told(red.hears()) == ["METADATA pink url * d", "METADATA pink url * e"]


def test_a_large_room_is_told_of_later(server: IrcChat, red: OnIrc) -> None:
    """What would fill a client's queue is to be asked for, and then it is too much as well."""
    red.says("METADATA * SET url x")
    server.irc.longest = 40
    pink = server.on_irc("pink", *CAPS)
    pink.says("METADATA * SUB url")
    assert pink.says("JOIN #tea")[-1] == ":irc.example 774 pink #tea 5"
    assert pink.says("METADATA #tea SYNC") == [":irc.example 774 pink #tea 5"]
    assert ":irc.example 774 pink #tea 5" in pink.says("METADATA * SUB url")
    server.irc.longest = 4000
    assert inside(pink.says("METADATA #tea SYNC"), about="#tea") == ["METADATA red url * x"]


def test_who_comes_again_and_again_does_not_flood_a_room(server: IrcChat, red: OnIrc) -> None:
    """Nobody is heard more by coming than by talking; who wants all of it asks (774)."""
    keys = [f"k{number}" for number in range(MAX_KEYS)]
    red.says(f"METADATA * SUB {' '.join(keys)}", "MONITOR + pink")
    pink = server.on_irc("", *CAPS)
    for key in keys:
        pink.says(f"METADATA * SET {key} {'x' * 200}")
    pink.says("NICK pink", "USER pink 0 * :Pink", "CAP END")
    assert ":irc.example 774 red pink 5" in red.hears()
    pink.says("JOIN #tea")
    heard = red.hears()
    assert ":irc.example 774 red pink 5" in heard
    assert told(heard) == []
    assert ":irc.example 774 red pink 5" in red.says("MONITOR + PINK")
    assert len(inside(red.says("METADATA pink SYNC"), about="pink")) == MAX_KEYS


# Subscriptions.


def test_keys_are_asked_for_in_their_order_until_there_are_too_many(red: OnIrc) -> None:
    """The first that was one too many is named; nothing after it is looked at."""
    lines = red.says("METADATA * SUB a No b a")
    assert lines == [
        ":irc.example FAIL METADATA KEY_INVALID No :That is no valid key",
        ":irc.example 770 red a b",
    ]
    keys = [f"k{number}" for number in range(MAX_SUBS - 2)]
    assert red.says(f"METADATA * SUB {' '.join(keys[:24])}")[0].startswith(":irc.example 770")
    lines = red.says(f"METADATA * SUB {' '.join(keys[24:])} a more Bad")
    assert lines[0] == f":irc.example FAIL METADATA TOO_MANY_SUBS more :At most {MAX_SUBS} keys"
    assert lines[1].endswith(" a")
    listed = inside(red.says("METADATA * SUBS"), "metadata-subs")
    assert [word for line in listed for word in line.split()[2:]] == ["a", "b", *keys]


def test_long_lists_of_keys_take_more_than_one_line(red: OnIrc) -> None:
    """Each of them is whole."""
    keys = [f"{number:032}" for number in range(MAX_SUBS)]
    for start in range(0, MAX_SUBS, 10):
        red.says(f"METADATA * SUB {' '.join(keys[start : start + 10])}")
    lines = red.says("METADATA * SUBS")
    assert len(lines) > 4
    assert max(len(line) for line in lines) < 511
    listed = inside(lines, "metadata-subs")
    assert [word for line in listed for word in line.split()[2:]] == keys


def test_what_is_not_asked_for_any_more_is_not_told(red: OnIrc, blue: OnIrc) -> None:
    """To give up what one has not asked for is no mistake."""
    assert blue.says("METADATA * UNSUB url Bad other") == [
        ":irc.example FAIL METADATA KEY_INVALID Bad :That is no valid key",
        ":irc.example 771 blue url other",
    ]
    red.says("METADATA * SET url x", "METADATA * SET color y")
    assert told(blue.hears()) == ["METADATA red color * y"]
    assert inside(blue.says("METADATA * SUBS"), "metadata-subs") == ["772 blue color"]


def test_what_is_set_already_is_told_on_asking(red: OnIrc, blue: OnIrc) -> None:
    """Of oneself, of rooms, and of who is in them."""
    red.says("METADATA #tea SET mood a", "METADATA * SET mood b")
    assert told(blue.says("METADATA * SUB mood")) == [
        "METADATA #tea mood * a",
        "METADATA red mood * b",
    ]


def test_nothing_is_remembered_of_who_has_left(server: IrcChat, red: OnIrc, blue: OnIrc) -> None:
    """Neither what they had asked for, nor what they had told."""
    blue.says("METADATA * SET url x", "QUIT")
    red.says("METADATA * SET url x")
    subscriptions = server.irc.subscriptions
    assert (subscriptions._keys, subscriptions._sessions) == ({}, {})
    back = server.on_irc("blue", *CAPS)
    assert inside(back.says("METADATA * LIST"), about="blue") == []


# Before registration.


def test_who_is_not_in_yet_may_set_and_ask(server: IrcChat) -> None:
    """And is told what it has set before the end of the MOTD."""
    pink = server.on_irc("", *CAPS)
    pink.says("NICK pink")
    assert pink.says("METADATA * SET url x") == [":irc.example 761 pink * url * x"]
    assert pink.says("METADATA pink SET url y")[0].startswith(
        ":irc.example FAIL METADATA INVALID_TARGET pink"
    )
    assert "KEY_INVALID" in pink.says("METADATA * SET B y")[0]
    assert "KEY_NOT_SET" in pink.says("METADATA * SET b")[0]
    pink.says("METADATA * SET color b")
    assert inside(pink.says("METADATA * CLEAR"), about="*") == [
        "761 pink * url * x",
        "761 pink * color * b",
    ]
    pink.says("METADATA * SET url z", "METADATA * SUB url")
    lines = pink.says("USER pink 0 * :Pink", "CAP END")
    at = next(n for n, line in enumerate(lines) if " BATCH +" in line)
    assert inside(lines[at : at + 3], about="pink") == ["METADATA pink url * z"]
    assert any(" 422 " in line for line in lines[at:])
    assert inside(pink.says("METADATA * GET url"), about="pink") == ["761 pink pink url * z"]


def test_who_has_nothing_is_told_so_on_coming_in(server: IrcChat) -> None:
    """The server MUST send an empty batch; to who knows metadata."""
    lines = server.on_irc("", *CAPS).says("NICK pink", "USER pink 0 * :Pink", "CAP END")
    at = next(n for n, line in enumerate(lines) if " BATCH +" in line)
    assert inside(lines[at : at + 2], about="pink") == []
    lines = server.on_irc("", "batch").says("NICK grey", "USER grey 0 * :Grey", "CAP END")
    assert not any("BATCH" in line for line in lines)


def test_an_answer_carries_the_label(server: IrcChat) -> None:
    """A batch of its own, as any other (labeled-response)."""
    pink = server.on_irc("pink", *CAPS, "labeled-response", "message-tags")
    pink.says("JOIN #tea", "METADATA * SET url x")
    first, *_ = pink.says("@label=1 METADATA * LIST")
    assert first.startswith("@label=1 :irc.example BATCH +")
    assert pink.says("@label=2 METADATA * SET url y") == [
        "@label=2 :irc.example 761 pink pink url * y"
    ]
    first, *_ = pink.says("@label=3 METADATA * CLEAR")
    assert first.startswith("@label=3 :irc.example BATCH +")
    assert pink.says("@label=4 METADATA * SUB url")[0].startswith("@label=4 :irc.example 770")


# Accounts.


RIGHT = "AUTHENTICATE AHJlZABwZW5jaWw="  # NUL red NUL pencil


def test_what_an_account_tells_is_there_the_next_time() -> None:
    """What was set in the meantime, and what is set before registration, which wins."""
    server = IrcChat(accounts=True)
    red = server.on_irc("red", *CAPS, host="127.0.0.1")
    red.says("METADATA * SET early x", "REGISTER * * pencil", "METADATA * SET url a")
    red.says("METADATA * SET color b", "METADATA * SET mood c", "METADATA * SET mood", "QUIT")
    red.protocol.connectionLost()
    back = server.on_irc("", *CAPS, "sasl", host="127.0.0.1")
    back.says("AUTHENTICATE PLAIN", RIGHT, "METADATA * SET color d", "METADATA * SET new e")
    lines = back.says("NICK red", "USER red 0 * :Red", "CAP END")
    at = next(n for n, line in enumerate(lines) if " BATCH +" in line)
    assert inside(lines[at : at + 5], about="red") == [
        "METADATA red color * d",
        "METADATA red new * e",
        "METADATA red url * a",
    ]
    assert any(" 422 " in line for line in lines[at:])
    told: list[dict[str, str]] = []
    assert server.irc.profiles is not None
    server.irc.profiles.load("red", told.append)
    assert told == [{"url": "a", "color": "d", "new": "e"}]
    back.says("METADATA * CLEAR")
    server.irc.profiles.load("red", told.append)
    assert told[-1] == {}


def test_who_hangs_up_while_it_is_looked_up_is_let_in_nowhere() -> None:
    """Nor does anything break."""
    server = IrcChat(accounts=True)
    server.on_irc("red", host="127.0.0.1").says("REGISTER * * pencil", "QUIT")
    waiting: list[Told] = []

    class Slow:
        """Whoever asks waits."""

        def load(self, account: str, told: Told) -> None:
            """Answer later."""
            waiting.append(told)

        def keep(self, account: str, key: str, value: str | None) -> None:
            """Remember nothing."""

    server.irc.profiles = Slow()
    gone, back = (server.on_irc("", *CAPS, "sasl", host="127.0.0.1") for _ in range(2))
    for each in (gone, back):
        each.says("AUTHENTICATE PLAIN", RIGHT, "NICK red", "USER red 0 * :Red", "CAP END")
    gone.protocol.connectionLost()
    for told in waiting:
        told(Refusal(Code.UNAVAILABLE, "history cannot be read"))
    assert " 001 red " in back.hears()[0]
    assert [member.name for member in server.hub.members()] == ["red"]
