"""Tests of the order in rooms: `twisted_net.chat.core.permission`, `modes`, `drafts`, `changes`."""

import pytest

from tests.chat.chats import Chat, hears
from twisted_net.chat.codec.messages import Kind, Refusal, shown_id
from twisted_net.chat.codec.refusals import Moved
from twisted_net.chat.codec.requests import (
    Act,
    Away,
    Deed,
    Host,
    Identify,
    Invite,
    Join,
    Kick,
    Mode,
    Modes,
    Nick,
    Notice,
    Part,
    Quit,
    Realname,
    Redact,
    RenameRoom,
    Say,
    Tag,
    Tell,
    Topic,
)
from twisted_net.chat.core import changes, modes, spoken
from twisted_net.chat.core.hub import Hub, Member, Role
from twisted_net.chat.core.modes import Change
from twisted_net.chat.core.words import Words


def hall(*modes: str, hub: Hub[str] | None = None) -> tuple[Chat, Member[str], Member[str]]:
    """Return a room with an operator and an ordinary member, and modes."""
    chat = Chat(hub)
    red, blue = chat.enter("red", "hall", host="a"), chat.enter("blue", "hall", host="b")
    for each in modes:
        assert chat.refuses(red, Mode("hall", each)) == ""
    return chat, red, blue


def test_who_enters_an_empty_room_is_its_operator() -> None:
    """Until they leave; who comes then is nobody special."""
    chat, red, blue = hall()
    room = chat.hub.room("hall")
    assert (room.role(red), room.role(blue)) == (Role.OPERATOR, Role.NONE)
    chat.does(red, Part("hall"))
    chat.does(red, Join("hall"))
    assert room.role(red) is Role.NONE
    for member in (red, blue):
        chat.does(member, Part("hall"))
    chat.does(blue, Join("hall"))
    assert chat.hub.room("hall").role(blue) is Role.OPERATOR


@pytest.mark.parametrize(
    ("what", "error"),
    [
        (Topic("hall", "tea"), "403 not an operator"),
        (Kick("hall", "red"), "403 not an operator"),
        (Mode("hall", "+m"), "403 not an operator"),
        (RenameRoom("hall", "den"), "403 not an operator"),
        (Redact("hall", 1), "403 not an operator"),
        (Topic("hall", "x" * 391), "403 not an operator"),
        (Invite("red", "hall"), "409 red is in hall already"),
        (Invite("nobody", "hall"), "404 nobody is called 'nobody'"),
        (Topic("den", "tea"), "404 no room 'den'"),
    ],
)
def test_what_only_operators_may_is_refused_to_others(what: Deed, error: str) -> None:
    """In constant words."""
    chat, _, blue = hall()
    assert chat.refuses(blue, what) == error


def test_operators_set_topics_and_throw_out() -> None:
    """And all inside hear of it, also who was thrown out."""
    chat, red, blue = hall()
    made = chat.does(red, Topic("hall", "tea"))
    assert (hears(made), made[0].event.text) == (["red", "blue"], "tea")
    topic = chat.hub.room("hall").topic
    assert topic is not None
    assert (topic.text, topic.by, topic.when) == ("tea", "red", 1.0)
    assert chat.does(red, Topic("hall", "tea")) == []
    assert chat.refuses(red, Topic("hall", "x" * 391)) == "422 topic: at most 390 bytes"
    chat.does(red, Topic("hall", ""))
    assert chat.hub.room("hall").topic is None
    made = chat.does(red, Kick("hall", "BLUE", "too loud"))
    assert (hears(made), made[0].event.other) == (["red", "blue"], "blue")
    assert not blue.rooms
    assert chat.refuses(red, Kick("hall", "blue")) == "404 blue is not in hall"
    chat.does(red, Mode("hall", "-t"))
    chat.does(blue, Join("hall"))
    assert hears(chat.does(blue, Topic("hall", "milk"))) == ["red", "blue"]


def test_roles_are_given_and_taken_away() -> None:
    """What was below an operator is seen when it is gone."""
    chat, red, blue = hall("+vo blue blue")
    room = chat.hub.room("hall")
    assert room.role(blue).sign == "@"
    chat.does(blue, Mode("hall", "-oo red blue"))
    assert (room.role(red), room.role(blue)) == (Role.NONE, Role.VOICE)
    assert room.role(blue).sign == "+"
    assert [each.word for each in Role] == ["-", "voice", "operator", "operator"]


@pytest.mark.parametrize(
    ("mode", "what", "error"),
    [
        ("+m", Say("hall", "hi"), "403 moderated"),
        ("+m", Tag("hall", (("+typing", "active"),)), "403 moderated"),
        ("+m", Notice("hall", "hi"), "403 moderated"),
        ("+M", Act("waves", "hall"), "403 only accounts may speak: LOGIN"),
        ("+b blue", Say("hall", "hi"), "403 banned"),
        ("+b *!*@b", Say("hall", "hi"), "403 banned"),
        ("+b m:blue", Say("hall", "hi"), "403 muted"),
    ],
)
def test_a_room_keeps_some_from_speaking(mode: str, what: Deed, error: str) -> None:
    """But never who has a voice, nor an operator."""
    chat, red, blue = hall(mode)
    assert chat.refuses(blue, what) == error
    assert chat.refuses(red, what) == ""
    chat.does(red, Mode("hall", "+v blue"))
    assert chat.refuses(blue, what) == ""


@pytest.mark.parametrize("mode", ["+b blue", "+b m:blue"])
def test_an_exception_is_stronger_than_a_ban(mode: str) -> None:
    """And than a mute."""
    chat, red, blue = hall(mode, "+e *!*@b")
    assert chat.refuses(blue, Say("hall", "hi")) == ""
    chat.does(red, Mode("hall", "-e *!*@B"))
    assert chat.refuses(blue, Say("hall", "hi")) in ("403 banned", "403 muted")


def test_no_ctcp_means_no_questions_between_programs() -> None:
    """Deeds have a command of their own."""
    chat, red, blue = hall("+C")
    for member in (red, blue):
        assert chat.refuses(member, Say("hall", "\x01VERSION\x01")) == "403 no CTCP here"
        assert chat.refuses(member, Act("waves", "hall")) == ""


def test_whoever_is_outside_speaks_where_that_is_allowed() -> None:
    """Into a room without n."""
    chat, red, _ = hall()
    green = chat.enter("green")
    assert chat.refuses(green, Say("hall", "hi")) == "403 not in hall: JOIN hall"
    chat.does(red, Mode("hall", "-n"))
    assert hears(chat.does(green, Say("hall", "hi"))) == ["red", "blue", "green"]
    chat.does(red, Mode("hall", "+m"))
    assert chat.refuses(green, Say("hall", "hi")) == "403 moderated"


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("+i", "403 invite only"),
        ("+k tea", "403 wrong key"),
        ("+l 2", "403 room is full"),
        ("+b green", "403 banned"),
        ("+R", "403 only accounts may enter: LOGIN"),
    ],
)
def test_a_room_may_be_closed(mode: str, error: str) -> None:
    """Who is invited by name may come in all the same, once; but for R they need an account."""
    chat, red, _ = hall(mode)
    green = chat.enter("green")
    assert chat.refuses(green, Join("hall", "milk")) == error
    made = chat.does(red, Invite("green", "hall"))
    assert [[each.outlet for each in one.to] for one in made] == [["green"], ["red"]]
    if mode == "+R":
        assert chat.refuses(green, Join("hall")) == error
        chat.does(green, Identify("g"))
    assert chat.refuses(green, Join("hall")) == ""
    chat.does(green, Identify(""))
    chat.does(green, Part("hall"))
    assert chat.refuses(green, Join("hall")) == error


def test_a_key_opens_and_is_told_to_nobody() -> None:
    """Not with the event that it came with."""
    chat, red, _ = hall("+k tea")
    green = chat.enter("green")
    made = chat.does(green, Join("hall", "tea"))
    assert "tea" not in repr(made[0].event)
    room = chat.hub.room("hall")
    assert modes.shown(room, with_key=True) == "+ntk tea"
    assert modes.shown(room, with_key=False) == "+ntk *"
    chat.does(red, Mode("hall", "-k"))
    assert room.key == ""


def test_a_list_invites_for_good() -> None:
    """Whoever is on it may come again."""
    chat, _, _ = hall("+iI green")
    green = chat.enter("green")
    for _ in range(2):
        assert chat.refuses(green, Join("hall")) == ""
        chat.does(green, Part("hall"))


def test_in_slow_mode_one_waits_between_messages() -> None:
    """Without a voice; each for their own."""
    chat, red, blue = hall("+W 5")
    green = chat.enter("green", "hall")
    assert chat.refuses(blue, Say("hall", "one")) == ""
    assert chat.refuses(green, Say("hall", "one")) == ""
    chat.now = 2.5
    assert chat.refuses(blue, Say("hall", "two")) == "429 slow mode: wait 4 s"
    assert chat.refuses(blue, Tag("hall", (("+typing", "active"),))) == ""
    for _ in range(2):
        assert chat.refuses(red, Say("hall", "hurry")) == ""
    chat.now = 6.0
    assert chat.refuses(blue, Say("hall", "two")) == ""
    chat.does(red, Mode("hall", "-W"))
    assert chat.refuses(blue, Say("hall", "three")) == ""


def test_strangers_in_slow_mode_are_remembered_up_to_a_point() -> None:
    """However many of them come by."""
    chat, _, _ = hall("-n", "+W 5")
    for number in range(spoken._STRANGERS + 20):
        member = chat.enter(f"g{number}")
        assert chat.refuses(member, Say("hall", "hi")) == ""
        chat.does(member, Quit())
    assert len(chat.hub.room("hall").spoken) <= spoken._STRANGERS + 2


def test_a_secret_room_shows_only_to_those_inside() -> None:
    """To others there is no such room."""
    chat, red, _ = hall("+s")
    green = chat.enter("green")
    assert chat.hub.rooms(green) == []
    assert [room.name for room in chat.hub.rooms(red)] == ["hall"]
    for what in (Say("hall", "hi"), Topic("hall"), Kick("hall", "red")):
        assert chat.refuses(green, what) == "404 no room 'hall'"
    with pytest.raises(Refusal, match="404 no room 'hall'"):
        chat.hub.room("hall", green)
    assert chat.refuses(green, Join("hall")) == ""


def test_the_invisible_are_seen_by_those_who_share_a_room() -> None:
    """By nobody else."""
    chat, _, blue = hall()
    green = chat.enter("green", "den")
    chat.does(blue, Modes("+i"))
    room = chat.hub.room("hall")
    assert [each.name for each in chat.hub.seen(room, green)] == ["red"]
    chat.does(blue, Join("den"))
    assert [each.name for each in chat.hub.seen(room, green)] == ["red", "blue"]
    assert [each.name for each in chat.hub.seen(room, blue)] == ["red", "blue"]


def test_in_a_hushed_room_operators_alone_see_who_comes_and_goes() -> None:
    """In a room of thousands nobody else wants to."""
    chat, red, blue = hall("+u")
    green = chat.enter("green")
    assert hears(chat.does(green, Join("hall"))) == ["red", "green"]
    room = chat.hub.room("hall")
    assert [each.name for each in chat.hub.seen(room, blue)] == ["red", "blue"]
    assert len(list(chat.hub.seen(room, red))) == 3
    assert hears(chat.does(green, Say("hall", "hi"))) == ["red", "blue", "green"]
    assert hears(chat.does(green, Nick("grey"))) == ["green", "red"]
    assert hears(chat.does(green, Away("tea"))) == ["green", "red"]
    chat.does(red, Mode("hall", "+v grey"))
    assert hears(chat.does(green, Part("hall"))) == ["red", "blue", "green"]


def test_only_those_with_a_role_hear_what_is_for_them() -> None:
    """And whoever said it."""
    chat, _, blue = hall("+v blue")
    green = chat.enter("green", "hall")
    assert hears(chat.does(green, Say("hall", "hi", only="@"))) == ["red", "green"]
    assert hears(chat.does(green, Notice("hall", "hi", only="+"))) == ["red", "blue", "green"]
    assert blue.rooms


def test_whoever_said_something_may_take_it_back() -> None:
    """So may an operator; of somebody else's nobody else."""
    chat, red, blue = hall()
    said = chat.does(blue, Say("hall", "oops"))[0].event
    other = chat.does(red, Say("hall", "mine"))[0].event
    assert chat.refuses(blue, Redact("hall", other.id)) == "403 not an operator"
    made = chat.does(blue, Redact("hall", said.id, "typo"))
    assert (made[0].event.other, made[0].event.text) == (shown_id(said.id), "typo")
    assert hears(made) == ["red", "blue"]
    assert chat.refuses(blue, Redact("hall", said.id)) == "403 not an operator"
    assert chat.refuses(red, Redact("hall", said.id)) == ""


def test_authors_are_remembered_up_to_a_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many more messages only an operator may take one back."""
    monkeypatch.setattr(spoken, "AUTHORS", 3)
    chat, _, blue = hall()
    first = chat.does(blue, Say("hall", "first"))[0].event
    for _ in range(3):
        chat.does(blue, Say("hall", "more"))
    assert chat.refuses(blue, Redact("hall", first.id)) == "403 not an operator"


def test_a_room_gets_another_name() -> None:
    """All inside are in it; the old name is free."""
    chat, red, blue = hall()
    chat.enter("green", "den")
    assert chat.refuses(red, RenameRoom("hall", "DEN")) == "409 there is a room DEN"
    made = chat.does(red, RenameRoom("hall", "parlour", "cosier"))
    assert made[0].event.tags == (("why", "cosier"),)
    assert (hears(made), list(blue.rooms)) == (["red", "blue"], ["parlour"])
    assert hears(chat.does(blue, Say("parlour", "hi"))) == ["red", "blue"]
    assert chat.refuses(red, Say("hall", "hi")) == "404 no room 'hall'"
    assert chat.does(red, RenameRoom("parlour", "parlour")) == []
    assert hears(chat.does(red, RenameRoom("parlour", "Parlour"))) == ["red", "blue"]


def test_who_looks_for_a_room_by_its_old_name_is_told_the_new_one() -> None:
    """For a day, and only the name that it had last; who is inside may begin another room so."""
    chat, red, blue = hall()
    green = chat.enter("green")
    chat.does(red, RenameRoom("hall", "parlour"))
    moved = "404 HALL is called parlour now: JOIN parlour"
    assert chat.refuses(green, Join("HALL")) == moved
    assert hears(chat.does(blue, Join("hall"))) == ["blue"]
    chat.does(blue, Part("hall"))
    assert chat.refuses(green, Join("hall")) == moved.replace("HALL", "hall")
    chat.now += 86399.0
    assert chat.refuses(green, Join("hall"))
    chat.now += 1.0
    assert chat.does(green, Join("hall"))
    chat.does(green, Part("hall"))
    chat.does(red, RenameRoom("parlour", "den"))
    assert chat.refuses(green, Join("parlour"))
    assert chat.does(green, Join("hall"))


def test_who_is_on_the_way_to_a_room_while_it_gets_another_name_begins_none() -> None:
    """The state is what it is when the event comes, on every node."""
    chat, red, _ = hall()
    green = chat.enter("green")
    draft = chat.hub.command(green, Join("hall"), chat.now)
    assert draft is not None
    chat.does(red, RenameRoom("hall", "parlour"))
    with pytest.raises(Moved, match="hall is called parlour now: JOIN parlour"):
        chat.hub.apply(chat.numbered(draft))
    assert [each.name for each in chat.hub.rooms()] == ["parlour"]


def test_what_a_secret_room_is_called_now_is_told_to_nobody() -> None:
    """Nor of one that has ended: the old name is free."""
    chat, red, blue = hall()
    green = chat.enter("green")
    chat.does(red, Mode("hall", "+s"))
    chat.does(red, RenameRoom("hall", "parlour"))
    assert chat.does(green, Join("hall"))
    chat.does(green, Part("hall"))
    chat.does(red, Mode("parlour", "-s"))
    assert chat.refuses(green, Join("hall"))
    for member in (red, blue):
        chat.does(member, Part("parlour"))
    assert chat.does(green, Join("hall"))


def test_a_room_may_be_given_its_old_name_again() -> None:
    """Whatever else leads there."""
    chat, red, _ = hall()
    green = chat.enter("green")
    chat.does(red, RenameRoom("hall", "parlour"))
    chat.now += 60.0
    chat.does(red, RenameRoom("parlour", "hall"))
    assert chat.refuses(green, Join("parlour")) == "404 parlour is called hall now: JOIN hall"
    assert chat.does(green, Join("hall"))


def test_a_room_keeps_a_new_name_for_a_while() -> None:
    """All its members may have to be told who is in it; letters of another case cost nothing."""
    chat, red, _ = hall()
    chat.does(red, RenameRoom("hall", "parlour"))
    chat.now += 59.0
    assert chat.refuses(red, RenameRoom("parlour", "den")) == "429 renamed just now: wait 1 s"
    chat.does(red, RenameRoom("parlour", "PARLOUR"))
    chat.now += 1.0
    assert chat.does(red, RenameRoom("parlour", "den"))


def test_a_room_that_was_renamed_meanwhile_is_not_renamed_again() -> None:
    """Two drafts on their way at once: the second holds no more, on any node."""
    chat, red, blue = hall()
    chat.does(red, Mode("hall", "+o blue"))
    drafts = [
        chat.hub.command(member, RenameRoom("hall", name), chat.now)
        for member, name in ((red, "den"), (blue, "parlour"))
    ]
    first, second = [chat.numbered(draft) for draft in drafts if draft is not None]
    assert hears(chat.hub.apply(first)) == ["red", "blue"]
    with pytest.raises(Refusal, match="404 no room 'hall'"):
        chat.hub.apply(second)


def test_a_name_that_another_room_has_got_meanwhile_is_taken() -> None:
    """Else two rooms would be one name's."""
    chat, red, blue = hall()
    draft = chat.hub.command(red, RenameRoom("hall", "den"), chat.now)
    assert draft is not None
    chat.does(blue, Join("Den"))
    with pytest.raises(Refusal, match="409 there is a room den"):
        chat.hub.apply(chat.numbered(draft))
    assert [room.name for room in chat.hub.rooms()] == ["hall", "Den"]


def test_a_room_of_the_settings_keeps_its_name() -> None:
    """Everybody enters the lobby by its name, and a webhook speaks in its room."""
    chat, red, _ = hall()
    chat.hub.fix("Hall")
    chat.does(red, Join("lobby"))
    for room in ("hall", "lobby"):
        refusal = chat.refuses(red, RenameRoom(room, "den"))
        assert refusal == "403 the server's settings name that room"
    assert chat.does(red, RenameRoom("lobby", "Lobby"))


def test_what_changes_of_a_member_is_heard_by_those_who_share_a_room() -> None:
    """Once each, and only if it changes."""
    chat, red, _ = hall()
    for what in (Away("tea"), Realname("Red R."), Identify("crimson")):
        made = chat.does(red, what)
        assert hears(made) == ["red", "blue"]
        assert chat.does(red, what) == []
    assert (red.away, red.realname, red.account) == ("tea", "Red R.", "crimson")
    assert chat.does(red, Say("hall", "hi"))[0].event.account == "crimson"


def test_another_host_is_heard_once_and_then_in_each_room() -> None:
    """Once by all who share one, under the old host; in each with the role there, under the new."""
    chat, red, blue = hall()
    chat.does(red, Join("den"))
    chat.does(blue, Join("den"))
    chat.does(red, Mode("den", "+v red"))
    chat.does(red, Away("tea"))
    old, made = red.mask, chat.does(red, Host("b.hidden"))
    told = [(each.event.where, each.event.mask, each.event.other, hears([each])) for each in made]
    assert told == [
        ("", old, "", ["red", "blue"]),
        ("hall", "~@b.hidden", "@", ["red", "blue"]),
        ("den", "~@b.hidden", "@+", ["red", "blue"]),
    ]
    assert {each.event.text for each in made} == {"b.hidden"}
    assert made[1].event.tags == (("away", "tea"),)
    assert chat.does(red, Host("b.hidden")) == []
    assert chat.does(red, Say("hall", "hi"))[0].event.mask == "~@b.hidden"


@pytest.mark.parametrize("flags", ["", "+u", "+s"])
def test_who_is_seen_in_a_room_is_seen_one_by_one_as_well(flags: str) -> None:
    """By operators, members and strangers; visible or not."""
    chat, red, blue = hall(*[flags] * bool(flags))
    green, pink = chat.enter("green", "hall", host="c"), chat.enter("pink", "den", host="d")
    chat.does(blue, Modes("+i"))
    chat.does(pink, Modes("+i"))
    room = chat.hub.room("hall")
    for by in (red, blue, green, pink):
        seen = [each for each in (red, blue, green, pink) if chat.hub.shows(room, each, by)]
        assert seen == list(chat.hub.seen(room, by))


def test_another_host_is_hidden_where_coming_and_going_is() -> None:
    """In a room that hides ordinary members only its operators hear of it (mode u)."""
    chat, red, blue = hall("+u")
    chat.enter("green", "hall", host="c")
    made = chat.does(blue, Host("b.hidden"))
    assert [sorted(hears([each])) for each in made] == [["blue", "red"]] * 2
    assert [len(hears([each])) for each in chat.does(red, Host("a.hidden"))] == [3, 3]


def test_user_modes_are_ones_own() -> None:
    """An operator of the server has proven to be one."""
    chat, red, _ = hall()
    assert hears(chat.does(red, Modes("+iw"))) == ["red"]
    assert chat.does(red, Modes("+o")) == []
    assert chat.does(red, Modes("+o", granted=True))[0].event.text == "+o"
    assert chat.refuses(red, Modes("+x")) == "400 unknown mode 'x'"
    chat.does(red, Modes("-io+B"))
    assert red.modes == {"w", "B"}


def test_words_are_starred_in_rooms_and_topics() -> None:
    """What two tell each other is theirs."""
    chat, red, _ = hall(hub=Hub(words=Words(["damn"])))
    assert chat.does(red, Say("hall", "Damn it"))[0].event.text == "**** it"
    assert chat.does(red, Topic("hall", "damn it"))[0].event.text == "**** it"
    assert chat.does(red, Tell("blue", "damn it"))[0].event.text == "damn it"


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("+mn", [Change(True, "m"), Change(True, "n")]),
        ("+o-v red blue", [Change(True, "o", "red"), Change(False, "v", "blue")]),
        ("-k", [Change(False, "k")]),
        ("-lW+k tea", [Change(False, "l"), Change(False, "W"), Change(True, "k", "tea")]),
        ("+b", []),
        ("m+b red", [Change(True, "m"), Change(True, "b", "red")]),
    ],
)
def test_changes_are_read_and_written(text: str, changes: list[Change]) -> None:
    """Letters first, then values, as on IRC."""
    assert modes.parsed(text) == changes
    assert modes.parsed(modes.written(changes) or "+") == changes


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ("+x", "400 unknown mode 'x'"),
        ("+é", "400 unknown mode 'é'"),
        ("+o", "400 mode o wants a value"),
        ("+l", "400 mode l wants a value"),
        ("+l 0", "400 mode l: 1-100000"),
        ("+l many", "400 mode l: 1-100000"),
        ("+W 86401", "400 mode W: 1-86400"),
        ("+k a,b", "400 key: 1-23 characters, no comma"),
        ("+b " + "x" * 200, "400 mask: at most 200 characters"),
        ("+o nobody", "404 nobody is called 'nobody'"),
        ("+v green", "404 green is not in hall"),
        ("+mmmmmmmmm", "400 more than 8 changes"),
    ],
)
def test_changes_that_cannot_be_made_are_refused(changes: str, error: str) -> None:
    """None of them, if one of them cannot."""
    chat, red, _ = hall()
    chat.enter("green")
    assert chat.refuses(red, Mode("hall", changes)) == error
    assert chat.refuses(red, Mode("hall", f"+i{changes.lstrip('+')}")) != ""
    assert modes.shown(chat.hub.room("hall"), True) == "+nt"


def test_changes_without_effect_are_no_event() -> None:
    """What is asked for is there already; a list is only asked for."""
    chat, red, _ = hall("+b red")
    for text in ("", "+nt", "-ki", "+b", "+b RED", "-b blue", "+o red", "-l"):
        assert chat.does(red, Mode("hall", text)) == []
    made = chat.does(red, Mode("hall", "+ni"))
    assert (made[0].event.kind, made[0].event.text) == (Kind.MODED, "+i")


def test_lists_and_invitations_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks beyond it are refused; the oldest invitation is forgotten."""
    monkeypatch.setattr(modes, "MAX_LIST", 2)
    monkeypatch.setattr(changes, "MAX_INVITED", 2)
    chat, red, _ = hall("+bb a b", "+i")
    assert chat.refuses(red, Mode("hall", "+b c")) == "403 list b is full"
    guests = [chat.enter(f"g{number}") for number in range(3)]
    for guest in guests:
        chat.does(red, Invite(guest.name, "hall"))
    assert [chat.refuses(guest, Join("hall")) for guest in guests] == [
        "403 invite only",
        "",
        "",
    ]
