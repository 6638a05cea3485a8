"""Tests of `twisted_net.chat.remembering`: what is kept of the chat, and for whom."""

import pytest

from tests.chat.stores import DAY, START, answer
from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.codec.events import Kind, shown_id
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.codec.requests import (
    Deed,
    Identify,
    Join,
    Kick,
    Mode,
    Part,
    Quit,
    Redact,
    RenameRoom,
    Say,
    Tell,
)
from twisted_net.chat.core.hub import Hub, Member
from twisted_net.chat.post import Outcome, Post
from twisted_net.chat.store import of_pair
from twisted_net.chat.store.memory import MemoryHistory


class Chat:
    """A chat that remembers."""

    def __init__(self) -> None:
        self.now = START
        self.hub: Hub[str] = Hub("")
        self.history = MemoryHistory(lambda: self.now, DAY)
        self.post: Post[str] = Post(
            self.hub, LocalBus(lambda: self.now), lambda deliveries: None, self.history
        )

    def enters(self, name: str, *rooms: str, account: str = "") -> Member[str]:
        """Let somebody in, and into rooms."""
        member = self.hub.enter(name, name, "tcp", self.now)
        self.post.arrive(member, lambda outcome: None)
        if account:
            self.does(member, Identify(account))
        for room in rooms:
            self.does(member, Join(room))
        return member

    def does(self, member: Member[str], what: Deed) -> int:
        """Do what somebody wants; return the event's id."""
        outcomes: list[Outcome] = []
        self.now += 1.0
        self.post.submit(member, what, self.now, outcomes.append)
        assert not isinstance(outcomes[0], Refusal), outcomes
        return outcomes[0].id if outcomes[0] else 0

    def kept(self, of: str) -> list[str]:
        """Return what people said in a conversation."""
        return [event.text for event in answer(self.history.latest(of, 99))]


@pytest.fixture
def chat() -> Chat:
    """Return a chat with nobody in it."""
    return Chat()


def test_an_open_room_is_remembered_after_its_end(chat: Chat) -> None:
    """Everybody could have read it."""
    red = chat.enters("red", "tea")
    chat.does(red, Say("tea", "hi"))
    chat.does(red, Part("tea"))
    assert chat.kept("tea") == ["hi"]


@pytest.mark.parametrize("changes", ["+i", "+k secret", "+s", "+R"])
@pytest.mark.parametrize("end", ["part", "quit", "kick"])
def test_a_closed_room_is_forgotten_with_its_last_member(
    chat: Chat, changes: str, end: str
) -> None:
    """Whoever takes its name next was not inside."""
    red = chat.enters("red", "tea", account="red")
    blue = chat.enters("blue", "tea", account="blue")
    chat.does(red, Mode("tea", changes))
    chat.does(blue, Say("tea", "hi"))
    chat.does(blue, Part("tea"))
    assert chat.kept("tea") == ["hi"]
    ends: dict[str, Deed] = {"part": Part("tea"), "quit": Quit(), "kick": Kick("tea", "red")}
    chat.does(red, ends[end])
    assert chat.kept("tea") == []
    green = chat.enters("green", "tea")
    chat.does(green, Say("tea", "anew"))
    chat.does(green, Part("tea"))
    assert chat.kept("tea") == ["anew"]


def test_a_room_that_was_opened_again_is_remembered(chat: Chat) -> None:
    """Its operator let everybody in."""
    red = chat.enters("red", "tea")
    chat.does(red, Mode("tea", "+i"))
    chat.does(red, Say("tea", "hi"))
    chat.does(red, Mode("tea", "-i"))
    chat.does(red, Part("tea"))
    assert chat.kept("tea") == ["hi"]


def test_a_closed_room_stays_closed_under_another_name(chat: Chat) -> None:
    """With what was said under the old one."""
    red = chat.enters("red", "tea")
    chat.does(red, Mode("tea", "+i"))
    chat.does(red, Say("tea", "hi"))
    chat.does(red, RenameRoom("tea", "coffee"))
    assert (chat.kept("tea"), chat.kept("coffee")) == ([], ["hi"])
    chat.does(red, Quit())
    assert chat.kept("coffee") == []


def test_private_words_are_kept_between_accounts_only(chat: Chat) -> None:
    """Names change hands."""
    red, blue = chat.enters("red", account="Red"), chat.enters("blue")
    chat.does(red, Tell("blue", "one"))
    chat.does(blue, Identify("Blue"))
    chat.does(red, Tell("blue", "two"))
    assert chat.kept(of_pair("red", "blue")) == ["two"]


def test_what_is_taken_back_is_taken_out(chat: Chat) -> None:
    """And the taking back is remembered."""
    red = chat.enters("red", "tea")
    said = chat.does(red, Say("tea", "oops"))
    chat.does(red, Redact("tea", said))
    assert chat.kept("tea") == [""]
    everything = answer(chat.history.latest("tea", 99, everything=True))
    assert (everything[-1].kind, everything[-1].other) == (Kind.REDACTED, shown_id(said))


def test_what_was_said_in_private_is_taken_out_too(chat: Chat) -> None:
    """Of what two accounts have said to each other."""
    red, blue = chat.enters("red", account="Red"), chat.enters("blue", account="Blue")
    said = chat.does(red, Tell("blue", "oops"))
    chat.does(blue, Tell("red", "hm"))
    chat.does(red, Redact("blue", said, private=True))
    assert chat.kept(of_pair("red", "blue")) == ["", "hm"]
