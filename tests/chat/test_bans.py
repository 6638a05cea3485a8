"""Tests of `twisted_net.chat.core.bans` and `banning`: bans from the whole chat."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from tests.chat.chats import Chat
from tests.chat.stores import START, Threaded, filed
from twisted_net.chat.banning import Banning
from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.codec.requests import Banish, Host, Modes, Nick, Pardon, Realname
from twisted_net.chat.core import bans
from twisted_net.chat.core.bans import Ban
from twisted_net.chat.core.hub import Hub, Member
from twisted_net.chat.post import Post
from twisted_net.chat.store import bans as rows
from twisted_net.chat.store.rows import forget_account


@pytest.fixture
def chat() -> Chat:
    """Return a chat with an operator of the server, boss."""
    chat = Chat()
    chat.does(chat.enter("boss", host="home"), Modes("+o", granted=True))
    return chat


def banishes(chat: Chat, mask: str, seconds: int = 0, why: str = "spam") -> None:
    """Let boss ban somebody."""
    assert chat.does(chat.hub.find("boss"), Banish(mask, why, seconds)) == []


def test_who_is_banned_does_not_come_in_by_any_door(chat: Chat) -> None:
    """By a name, by a host, by both; nobody else is kept out."""
    banishes(chat, "bad*")
    banishes(chat, "*@evil")
    for name, host in (("BADger", "h"), ("good", "EVIL")):
        with pytest.raises(Refusal, match="403 banned from this server: spam"):
            chat.enter(name, host=host)
    chat.enter("good", host="h")
    assert [member.name for member in chat.hub.members()] == ["boss", "good"]


def test_who_was_about_to_come_in_does_not(chat: Chat) -> None:
    """The ban came first."""
    late = chat.hub.enter("late", "late", "tcp", chat.now, host="evil")
    banishes(chat, "*@evil")
    with pytest.raises(Refusal, match="banned"):
        chat.hub.apply(chat.numbered(chat.hub.entering(late)))
    assert chat.hub.known("late") is None


def test_nobody_takes_a_name_that_is_banned(chat: Chat) -> None:
    """Who is in keeps the old one."""
    red = chat.enter("red")
    draft = chat.hub.command(red, Nick("bad"), chat.now)
    banishes(chat, "bad")
    assert chat.refuses(red, Nick("bad")) == "403 banned from this server: spam"
    assert draft is not None
    with pytest.raises(Refusal, match="banned"):
        chat.hub.apply(chat.numbered(draft))
    assert red.name == "red"


def test_a_ban_ends_by_itself_or_by_an_operator(chat: Chat) -> None:
    """That of another mask stays."""
    banishes(chat, "red", 60)
    banishes(chat, "blue")
    chat.now += 59.0
    with pytest.raises(Refusal, match="banned"):
        chat.enter("red")
    chat.now += 2.0
    chat.enter("red")
    boss = chat.hub.find("boss")
    assert chat.refuses(boss, Pardon("nobody")) == "404 no ban of 'nobody'"
    chat.does(boss, Pardon("BLUE"))
    chat.enter("blue")
    banishes(chat, "green")
    assert [ban.mask for ban in chat.hub.bans()] == ["green!*@*"]


@pytest.mark.parametrize(
    ("mask", "seconds", "why", "refused"),
    [
        ("*", 0, "", "'*!*@*' is you"),
        ("b?ss", 0, "", "'b?ss!*@*' is you"),
        ("*@home", 0, "", "'*!*@home' is you"),
        ("x" * 200, 0, "", "mask: at most 200 characters, no space"),
        ("m:red", 0, "", "mask: at most 200 characters, no space"),
        ("red blue", 0, "", "mask: at most 200 characters, no space"),
        ("red", bans.MAX_SECONDS + 1, "", "time: at most ten years"),
        ("red", 0, "x" * 391, "reason: at most 390 bytes"),
        ("red", 0, "\x07", "control character 0x07"),
    ],
)
def test_a_ban_that_makes_no_sense_is_refused(
    chat: Chat, mask: str, seconds: int, why: str, refused: str
) -> None:
    """First of all one of whoever makes it."""
    told = chat.refuses(chat.hub.find("boss"), Banish(mask, why, seconds))
    assert told.partition(" ")[2] == refused


def test_only_operators_of_the_server_ban(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so many only; a ban again is none more."""
    monkeypatch.setattr(bans, "MAX_BANS", 2)
    red = chat.enter("red", "lobby")
    assert chat.refuses(red, Banish("blue")) == "403 not a server operator"
    assert chat.refuses(red, Pardon("blue")) == "403 not a server operator"
    for mask in ("one", "two", "ONE"):
        banishes(chat, mask)
    boss = chat.hub.find("boss")
    assert chat.refuses(boss, Banish("three")) == "503 too many bans: at most 2"
    boss_was = chat.hub.command(boss, Banish("two", "again"), chat.now)
    chat.does(boss, Modes("-o"))
    assert boss_was is not None
    with pytest.raises(Refusal, match="not a server operator"):
        chat.hub.apply(chat.numbered(boss_was))


def test_operators_and_bots_of_the_server_are_meant_by_no_ban(chat: Chat) -> None:
    """A bot comes from nowhere."""
    other = chat.enter("other")
    chat.does(other, Modes("+o", granted=True))
    banishes(chat, "other")
    banishes(chat, "bot")
    bot = chat.hub.enter("bot", "bot", "hook", chat.now)
    chat.hub.apply(chat.numbered(chat.hub.entering(bot)))
    assert chat.hub.banned(other, chat.now) is None


class Server:
    """One life of a server that keeps its bans, and shows members out.

    :ivar kept: what is written down.
    """

    def __init__(self, *known: Ban, now: float = START) -> None:
        self.now = now
        self.kept = list(known)
        self.broken = False
        self.out: list[str] = []
        self.hub: Hub[str] = Hub("")
        self.post: Post[str] = Post(self.hub, LocalBus(lambda: self.now), lambda deliveries: None)
        self.banning = Banning(
            self.hub, self.post.announce, self.expel, lambda: self.now, self, known
        )
        self.post.watch(self.banning.happened)
        self.banning.begin()

    def expel(self, member: Member[str], why: str) -> None:
        """Show somebody out."""
        self.out.append(f"{member.name}: {why}")
        self.post.leave(member, "banned", self.now)

    def replace(self, bans: list[Ban]) -> "Deferred[None]":
        """Write bans down."""
        if self.broken:
            return fail(OSError("disk full"))
        self.kept = list(bans)
        return succeed(None)

    def enters(self, name: str, host: str = "") -> Member[str]:
        """Let somebody in."""
        member = self.hub.enter(name, name, "tcp", self.now, host=host)
        self.post.arrive(member, lambda outcome: None)
        return member

    def boss(self) -> Member[str]:
        """Let an operator of the server in."""
        boss = self.enters("boss")
        self.post.submit(boss, Modes("+o", granted=True), self.now, lambda outcome: None)
        return boss


def test_who_is_in_is_thrown_out_and_all_is_written_down() -> None:
    """And holds after a restart, as long as it was to hold."""
    server = Server()
    boss = server.boss()
    for name in ("red", "blue", "green"):
        server.enters(name, "evil" if name != "green" else "h")
    for what in (Banish("*@evil", "spam", 60), Banish("pink", ""), Banish("x"), Pardon("x")):
        server.post.submit(boss, what, server.now, lambda outcome: None)
    assert server.out == [f"{name}: banned from this server: spam" for name in ("red", "blue")]
    assert [member.name for member in server.hub.members()] == ["boss", "green"]
    again = Server(*server.kept, now=server.now + 30)
    assert again.hub.bans() == server.hub.bans() == again.kept
    with pytest.raises(Refusal, match=r"banned from this server$"):
        again.enters("pink")
    later = Server(*server.kept, now=server.now + 61)
    assert [ban.mask for ban in later.hub.bans()] == ["pink!*@*"]
    assert later.hub.bans()[0].by == "boss"


def test_who_moves_to_a_host_that_is_banned_is_thrown_out() -> None:
    """A datagram session may go on from another address."""
    server = Server()
    boss, red = server.boss(), server.enters("red", "good")
    for who, what in ((boss, Banish("*@evil")), (red, Host("fine")), (red, Host("evil"))):
        assert server.out == []
        server.post.submit(who, what, server.now, lambda outcome: None)
    assert server.out == ["red: banned from this server"]


def test_bans_that_cannot_be_written_are_written_later() -> None:
    """When something happens."""
    server = Server()
    boss = server.boss()
    server.broken = True
    server.post.submit(boss, Banish("red"), server.now, lambda outcome: None)
    assert server.kept == []
    server.broken = False
    server.post.submit(boss, Realname("Boss"), server.now, lambda outcome: None)
    assert [ban.mask for ban in server.kept] == ["red!*@*"]


def test_nothing_is_written_before_all_was_heard_that_there_is() -> None:
    """Of a chat with many nodes; else the file would lose what is on its way."""
    known = [Ban(f"{name}!*@*", "boss", START, 0.0, "") for name in "ab"]
    hub: Hub[str] = Hub("")
    written: list[list[Ban]] = []
    published: list[Event] = []

    class Paper:
        """Remember what is written."""

        def replace(self, bans: list[Ban]) -> "Deferred[None]":
            """Write."""
            written.append(bans)
            return succeed(None)

    banning = Banning(
        hub, published.append, lambda member, why: None, lambda: START, Paper(), known
    )
    hub.restart("n.1")
    banning.happened(Event(1, Kind.BANISHED, "", ""))
    assert written == []
    banning.begin()
    for number, draft in enumerate(published):
        event = Event(number + 1, draft.kind, "", "", other=draft.other, tags=draft.tags)
        hub.apply(event)
        banning.happened(event)
    assert [[ban.mask for ban in each] for each in written] == [["a!*@*", "b!*@*"]] * 2


def test_bans_are_in_the_file(tmp_path: Path) -> None:
    """Whoever made them may be forgotten; they stay."""
    path = tmp_path / "chat.db"
    made = [Ban("a!*@*", "Red", 1.0, 0.0, "spam"), Ban("b!*@*", "blue", 2.5, 9.0, "")]
    file = filed(Threaded(), path)
    rows.FiledBans(file).replace([*made, Ban("c!*@*", "", 1.0, 0.0, "")])
    rows.FiledBans(file).replace(made)
    file.stop()
    with closing(sqlite3.connect(path)) as connection:
        assert rows.load(connection) == made
        forget_account(connection, "red")
        assert [ban.by for ban in rows.load(connection)] == ["*", "blue"]


def test_what_is_no_ban_is_refused(chat: Chat) -> None:
    """Of a node of another version."""
    event = Event(9, Kind.BANISHED, "", "", other="a!*@*", tags=(("until", "soon"),))
    with pytest.raises(Refusal, match="no ban of this version"):
        chat.hub.apply(event)
