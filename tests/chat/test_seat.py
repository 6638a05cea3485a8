"""Tests of `twisted_net.chat.seat` and `twisted_net.chat.post`."""

import pytest
from twisted.internet.defer import Deferred, fail

from tests.chat.chats import Far
from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.codec.messages import (
    Act,
    Away,
    Code,
    Command,
    Done,
    Event,
    History,
    Identify,
    Invite,
    Join,
    Kick,
    Kind,
    Listed,
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
    Reply,
    Rooms,
    Say,
    Search,
    Since,
    Talk,
    Tell,
    Titled,
    Topic,
    Use,
    Who,
)
from twisted_net.chat.codec.multiline import LINES
from twisted_net.chat.core.hub import Delivery, Hub
from twisted_net.chat.post import Post
from twisted_net.chat.seat import Answer, Seat
from twisted_net.chat.seat.answers import fitting
from twisted_net.chat.store.base import History as Kept
from twisted_net.chat.store.base import of_pair
from twisted_net.chat.store.memory import MemoryHistory


class Chat:
    """A hub, a bus of one process, and a list of what was delivered."""

    def __init__(self, lobby: str = "lobby", history: Kept | None = None) -> None:
        self.now = 1.0
        self.hub: Hub[str] = Hub(lobby)
        self.heard: list[Delivery[str]] = []
        bus = LocalBus(lambda: self.now)
        self.post: Post[str] = Post(self.hub, bus, self.heard.extend, history)

    def seat(self, name: str, door: str = "tcp") -> Seat[str]:
        """Take a seat under a name."""
        seat = Seat(self.post, name, door, replays=2)
        replies(self, seat, Nick(name))
        return seat


def answer(chat: Chat, seat: Seat[str], command: Command) -> Answer:
    """Return the answer to a command."""
    answers: list[Answer] = []
    seat.obey(command, chat.now, answers.append)
    (only,) = answers
    return only


def replies(chat: Chat, seat: Seat[str], command: Command) -> list[Reply | Refused]:
    """Return the replies to a command."""
    replied = answer(chat, seat, command)
    assert not isinstance(replied, Refusal)
    return replied


def refusal(chat: Chat, seat: Seat[str], command: Command) -> str:
    """Return why a command is refused."""
    refused = answer(chat, seat, command)
    assert isinstance(refused, Refusal)
    return str(refused)


def test_the_first_name_enters_the_lobby() -> None:
    """Whoever comes is where the others are."""
    chat = Chat()
    seat = Seat(chat.post, "red", "tcp")
    assert replies(chat, seat, Nick("red")) == [Done("NICK", "red"), Done("JOIN", "lobby 1")]
    assert [delivery.event.where for delivery in chat.heard] == ["lobby"]
    assert seat.current == "lobby"


def test_a_lobby_that_is_closed_keeps_nobody_out_of_the_chat() -> None:
    """Why it is closed is said."""
    chat = Chat()
    red = chat.seat("red")
    replies(chat, red, Mode("lobby", "+l 1"))
    blue = Seat(chat.post, "blue", "tcp")
    assert replies(chat, blue, Nick("blue")) == [
        Done("NICK", "blue"),
        Refused(403, "room is full"),
    ]
    assert blue.member is not None


def test_without_a_lobby_a_name_is_all_one_has() -> None:
    """And what is said is said nowhere."""
    chat = Chat("")
    seat = Seat(chat.post, "red", "tcp")
    assert replies(chat, seat, Nick("red")) == [Done("NICK", "red")]
    assert refusal(chat, seat, Talk("hi")) == "403 not in a room: JOIN <room>"
    assert refusal(chat, seat, Who()) == "403 not in a room: JOIN <room>"


@pytest.mark.parametrize(
    "command", [Talk("x"), Join("x"), Part(), Use("x"), Say("x", "x"), Act("x"), Tell("x", "x")]
)
def test_nobody_does_anything_without_a_name(command: Command) -> None:
    """But ask whether the server lives, for help, and leave."""
    chat = Chat()
    seat = Seat(chat.post, "", "tcp")
    assert refusal(chat, seat, command) == "401 choose a name first: NICK <name>"
    assert replies(chat, seat, Ping("1")) == [Pong("1")]
    assert replies(chat, seat, Quit()) == [Done("BYE")]
    assert seat.over


def test_what_is_typed_goes_where_one_entered_last() -> None:
    """Or to the room that was chosen; after leaving it, to the one before."""
    chat = Chat()
    red = chat.seat("red")
    assert replies(chat, red, Join("games")) == [Done("JOIN", "games 1")]
    assert replies(chat, red, Talk("hi")) == [Done("SAY", "games 1000-3")]
    assert replies(chat, red, Use("LOBBY")) == [Done("USE", "lobby")]
    assert replies(chat, red, Act("waves")) == [Done("ME", "lobby 1000-4")]
    assert replies(chat, red, Part()) == [Done("PART", "lobby")]
    assert red.current == "games"
    assert replies(chat, red, Part("games")) == [Done("PART", "games")]
    assert refusal(chat, red, Talk("hi")) == "403 not in a room: JOIN lobby"


def test_whoever_was_thrown_out_speaks_in_another_room() -> None:
    """Not into the void."""
    chat = Chat()
    red, blue = chat.seat("red"), chat.seat("blue")
    replies(chat, red, Join("games"))
    replies(chat, blue, Join("games"))
    assert replies(chat, red, Kick("GAMES", "Blue", "go")) == [Done("KICK", "games blue")]
    assert blue.current == "lobby"


def test_the_reply_to_a_message_is_its_id() -> None:
    """Programs can refer to it."""
    chat = Chat()
    red, _ = chat.seat("red"), chat.seat("blue")
    chat.now = 5.0
    assert replies(chat, red, Say("Lobby", "hi")) == [Done("SAY", "lobby 5000-0")]
    assert replies(chat, red, Tell("BLUE", "hi")) == [Done("TELL", "blue 5000-1")]


def test_who_says_who_is_there_and_for_how_long_silent() -> None:
    """In the order in which they came."""
    chat = Chat()
    red = chat.seat("red")
    chat.now = 10.0
    chat.seat("blue", "udp")
    chat.now = 12.5
    assert replies(chat, red, Who()) == [
        Present("lobby", "red", "operator", "tcp", 11),
        Present("lobby", "blue", "-", "udp", 2),
        Done("WHO", "2"),
    ]
    assert replies(chat, red, Rooms()) == [Listed("lobby", 2), Done("ROOMS", "1")]
    assert refusal(chat, red, Who("nope")) == "404 no room 'nope'"


def test_another_name_is_heard_by_the_room() -> None:
    """And is the reply."""
    chat = Chat()
    red, _ = chat.seat("red"), chat.seat("blue")
    chat.heard.clear()
    assert replies(chat, red, Nick("green")) == [Done("NICK", "green")]
    assert [member.name for member in chat.heard[0].to] == ["green", "blue"]
    assert refusal(chat, red, Nick("blue")) == "409 name 'blue' is taken"


def test_a_room_is_kept_in_order() -> None:
    """Topic, modes, invitations, absence: each with its reply."""
    chat = Chat()
    red, blue = chat.seat("red"), chat.seat("blue")
    topic = [Titled("lobby", "red", "tea"), Done("TOPIC", "lobby")]
    assert replies(chat, red, Topic("lobby")) == [Done("TOPIC", "lobby")]
    assert replies(chat, red, Topic("lobby", "tea")) == topic
    assert replies(chat, blue, Topic("LOBBY")) == topic
    assert replies(chat, red, Rooms())[0] == Listed("lobby", 2, "tea")
    assert refusal(chat, blue, Topic("lobby", "milk")) == "403 not an operator"
    assert replies(chat, red, Mode("lobby", "+v-t blue")) == [Done("MODE", "lobby +v-t blue")]
    assert replies(chat, blue, Mode("lobby")) == [Done("MODE", "lobby +n")]
    assert replies(chat, red, Join("den")) == [Done("JOIN", "den 1")]
    assert replies(chat, red, Mode("den", "+i"))[-1] == Done("MODE", "den +i")
    assert refusal(chat, blue, Join("den")) == "403 invite only"
    assert replies(chat, red, Invite("BLUE", "Den")) == [Done("INVITE", "blue den")]
    assert replies(chat, blue, Join("den")) == [Done("JOIN", "den 2")]
    assert replies(chat, blue, Away("tea")) == [Done("AWAY", "tea")]


def test_a_seat_is_left_once() -> None:
    """Also when the connection is lost after QUIT."""
    chat = Chat()
    red = chat.seat("red")
    assert replies(chat, red, Quit()) == [Done("BYE")]
    assert red.over
    assert [delivery.event.text for delivery in chat.heard] == ["", "quit"]
    red.leave("connection lost", 2.0)
    assert len(chat.heard) == 2
    assert len(chat.hub) == 0


def history() -> MemoryHistory:
    """Return a history that keeps things for ever."""
    return MemoryHistory(lambda: 1.0)


def test_whoever_enters_a_room_is_told_what_was_said_there() -> None:
    """The last of it, and nothing that is heard anyway."""
    chat = Chat(history=history())
    red = chat.seat("red")
    for text in ("one", "two", "three"):
        replies(chat, red, Say("lobby", text))
    chat.now = 2.0
    blue = Seat(chat.post, "blue", "tcp", replays=2)
    named, joined, *old = replies(chat, blue, Nick("blue"))
    assert (named, joined) == (Done("NICK", "blue"), Done("JOIN", "lobby 2 kept=ever"))
    assert [each.event.text for each in old if isinstance(each, Old)] == ["two", "three"]
    assert replies(chat, blue, Join("lobby")) == [Done("JOIN", "lobby 2 kept=ever")]


def test_history_is_read_by_count_by_id_and_by_words() -> None:
    """Of rooms that one is in."""
    chat = Chat(history=history())
    red, blue = chat.seat("red"), chat.seat("blue")
    for number in range(5):
        replies(chat, red, Say("lobby", f"tea {number}"))
    replies(chat, red, Tell("blue", "tea for two"))
    replies(chat, red, Join("den"))
    replies(chat, red, Say("den", "tea here"))

    def texts(command: Command) -> list[str]:
        *old, done = replies(chat, blue, command)
        assert isinstance(done, Done)
        assert done.about == str(len(old))
        return [each.event.text for each in old if isinstance(each, Old)]

    assert texts(History()) == [f"tea {number}" for number in range(5)]
    assert texts(History("lobby", 2)) == ["tea 3", "tea 4"]
    *_, last, _ = replies(chat, blue, History("lobby", 2))
    assert isinstance(last, Old)
    assert texts(Since(last.event.id - 1)) == ["tea 4"]
    assert texts(Search("TEA 1")) == ["tea 1"]
    assert refusal(chat, blue, History("den")) == "403 not in den: JOIN den"
    assert refusal(chat, blue, History("lobby", 101)) == "400 HISTORY wants 1-100 messages"
    assert refusal(chat, blue, Since(7, "nope")) == "404 no room 'nope'"


def test_an_answer_of_many_lines_is_cut_where_one_can_go_on() -> None:
    """Asking for history is to cost nobody their connection; one message there always is."""
    chat = Chat(history=history())
    red = chat.seat("red")
    assert red.member is not None
    for number in range(30):
        text = "\n".join([str(number), *["x" * 125] * 31])
        chat.post.submit(red.member, Say("lobby", text, ((LINES, ""),)), 1.0)

    def numbers(command: Command) -> list[int]:
        *old, done = replies(chat, red, command)
        assert done == Done(type(command).__name__.upper(), str(len(old)))
        return [int(each.event.text.split()[0]) for each in old if isinstance(each, Old)]

    last = numbers(History("lobby", 30))
    assert last == list(range(30 - len(last), 30))
    assert 10 < len(last) < 30
    assert numbers(Since(0, "lobby")) == list(range(len(last)))
    long = Event(1, Kind.SAID, "lobby", "red", "x" * 200_000)
    assert fitting([long], newest=True) == [long]


def test_what_two_accounts_tell_each_other_is_kept() -> None:
    """Of others nothing private is."""
    kept = history()
    chat = Chat(history=kept)
    red, blue = chat.seat("red"), chat.seat("blue")
    replies(chat, red, Tell("blue", "first"))
    for seat, account in ((red, "crimson"), (blue, "azure")):
        assert seat.member is not None
        chat.post.submit(seat.member, Identify(account), 1.0)
    replies(chat, red, Tell("blue", "second"))
    found: list[Event] = []
    kept.latest(of_pair("azure", "crimson"), 10).addCallback(found.extend)
    assert [event.text for event in found] == ["second"]


def test_without_a_history_nothing_is_read_from_it() -> None:
    """And that is said."""
    chat = Chat()
    assert refusal(chat, chat.seat("red"), History()) == "503 no history is kept"


class Broken(MemoryHistory):
    """A history that cannot be read."""

    def __init__(self, why: Exception) -> None:
        super().__init__(lambda: 1.0)
        self._why = why

    def read(self, of: str, spans: object, everything: bool = False) -> Deferred[list[Event]]:
        """Fail."""
        return fail(self._why)


@pytest.mark.parametrize(
    ("why", "said"),
    [
        (OSError("disk"), "503 history cannot be read"),
        (Refusal(Code.UNAVAILABLE, "too many ask"), "503 too many ask"),
    ],
)
def test_a_history_that_cannot_be_read_keeps_nobody_out(why: Exception, said: str) -> None:
    """Whoever asks for it is told."""
    chat = Chat(history=Broken(why))
    red = chat.seat("red")
    assert red.current == "lobby"
    assert refusal(chat, red, History()) == said


def far() -> tuple[Far, Post[str], Seat[str], list[Answer]]:
    """Return a post whose bus takes its time, and somebody at it."""
    bus = Far()
    post: Post[str] = Post(Hub(), bus, lambda deliveries: None)
    seat = Seat(post, "red", "tcp")
    answers: list[Answer] = []
    seat.obey(Nick("red"), 1.0, answers.append)
    return bus, post, seat, answers


def test_over_a_slow_bus_one_command_waits_for_the_one_before() -> None:
    """And is answered in its turn."""
    bus, _, seat, answers = far()
    seat.obey(Talk("hi"), 1.0, answers.append)
    seat.obey(Ping("1"), 1.0, answers.append)
    assert (answers, len(bus.drafts), seat.busy) == ([], 1, True)
    bus.arrives()  # in the chat
    bus.arrives()  # in the lobby
    assert answers == [[Done("NICK", "red"), Done("JOIN", "lobby 1")]]
    bus.arrives()
    assert answers[1:] == [[Done("SAY", "lobby 1000-2")], [Pong("1")]]
    assert not seat.busy


def test_what_no_bus_takes_is_refused() -> None:
    """Nothing was said, and the member stays."""
    bus, post, seat, answers = far()
    bus.arrives()
    bus.arrives()
    seat.obey(Talk("hi"), 1.0, answers.append)
    bus.refuses()
    assert str(answers[-1]) == "503 other nodes unreachable"
    assert len(post.hub) == 1


def test_whoever_leaves_while_entering_leaves_no_trace() -> None:
    """The name is free again as soon as all nodes know."""
    bus, post, seat, answers = far()
    seat.leave("connection lost", 1.0)
    bus.arrives()
    assert answers == [[]]
    bus.arrives()
    assert len(post.hub) == 0
    assert post.hub.free("red") == "red"
    assert bus.drafts == []


def test_whoever_moves_while_entering_is_seen_where_they_are() -> None:
    """As soon as all nodes know of them."""
    bus = Far()
    post: Post[str] = Post(Hub(), bus, lambda deliveries: None)
    seat = Seat(post, "red", "udp", "a.hidden")
    seat.obey(Nick("red"), 1.0, lambda answer: None)
    seat.move("b.hidden", 1.0)
    assert len(bus.drafts) == 1
    bus.all_arrive()
    assert post.hub.find("red").host == "b.hidden"


def test_whoever_cannot_enter_gives_the_name_up() -> None:
    """And may try again."""
    bus, post, seat, answers = far()
    bus.refuses()
    assert str(answers[0]) == "503 other nodes unreachable"
    assert post.hub.free("red") == "red"
    seat.obey(Nick("red"), 1.0, answers.append)
    bus.arrives()
    bus.arrives()
    assert seat.current == "lobby"


def test_answers_come_in_the_order_of_the_commands() -> None:
    """Though the second could be answered at once, and the third failed before the first came."""
    bus, post, seat, _ = far()
    bus.arrives()
    bus.arrives()
    assert seat.member is not None
    outcomes: list[object] = []
    for what in (Say("lobby", "a"), Say("nope", "b"), Say("lobby", "c"), Join("lobby")):
        post.submit(seat.member, what, 1.0, outcomes.append)
    bus.drafts.reverse()
    bus.refuses()
    assert outcomes == []
    bus.arrives()
    said, unknown, unreachable, nothing = outcomes
    assert isinstance(said, Event)
    assert (said.text, nothing) == ("a", None)
    assert [str(each)[:3] for each in (unknown, unreachable)] == ["404", "503"]
