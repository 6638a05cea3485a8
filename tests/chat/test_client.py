"""Tests of `twisted_net.chat.client`: real doors, real clients, and no wire between them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.python.failure import Failure

from tests.chat.members import Server, dice
from twisted_net.chat.accounts.book import Book, Entry
from twisted_net.chat.accounts.realm import Accounts
from twisted_net.chat.client import (
    ChatClient,
    ChatDatagramClient,
    ChatLineClient,
    RefusedError,
    datagram,
    line,
)
from twisted_net.chat.codec import line as codec
from twisted_net.chat.codec.messages import (
    Act,
    Announced,
    Away,
    Charset,
    Command,
    Done,
    Event,
    Heard,
    Help,
    History,
    Invite,
    Join,
    Kick,
    Kind,
    Login,
    Mode,
    Nick,
    Old,
    Part,
    Pong,
    Present,
    RenameRoom,
    Rooms,
    Say,
    Search,
    Since,
    Tell,
    Topic,
    Use,
    Who,
)
from twisted_net.chat.core.open_session import ACK_DELAY
from twisted_net.chat.core.scram import fresh, prepared
from twisted_net.net.clients import DatagramClient, Target
from twisted_net.net.errors import BadAnswerError, ClientError, NoAnswerError

ADDRESS = ("192.0.2.1", 50000)


class Linked:
    """A client that is joined to a server by function calls."""

    client: ChatClient

    def __init__(self, server: Server) -> None:
        self.server = server
        self.heard: list[Heard] = []
        self.lost: list[ClientError] = []

    def outcome(self, coroutine: Any) -> Any:
        """Run a coroutine to its end, letting bytes and time pass; return or raise its result."""
        results: list[Any] = []
        ensureDeferred(coroutine).addBoth(results.append)
        for _ in range(200):
            self.pump()
            if results:
                break
            self.server.clock.advance(0.05)
        if not results:
            raise AssertionError("it never ends")
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

    def pump(self) -> None:
        """Carry what both have said."""


class LinkedLine(Linked):
    """Over lines."""

    def __init__(
        self, server: Server, monkeypatch: pytest.MonkeyPatch, *, ids: bool = False
    ) -> None:
        super().__init__(server)
        where = Target("tcp", "h", 1)
        self.client = ChatLineClient(server.clock, where, self.heard.append, ids=ids)
        self.client.on_lost(self.lost.append)
        monkeypatch.setattr(line, "connect", self.connect)

    async def connect(self, reactor: Any, target: Target, wire: Any, patience: float) -> Any:
        """Stand for the network."""
        self.there = self.server.lines.buildProtocol(None)
        self.here = wire
        self.ends = [StringTransportWithDisconnection() for _ in range(2)]
        for transport, protocol in zip(self.ends, (self.here, self.there), strict=True):
            transport.protocol = protocol
            protocol.makeConnection(transport)
        return wire

    def pump(self) -> None:
        """Carry bytes to and fro, and the end of the connection."""
        for _ in range(10):
            self.server.clock.advance(0)
            for here, there in ((0, 1), (1, 0)):
                data = self.ends[here].value()
                self.ends[here].clear()
                if data and self.ends[there].connected:
                    self.ends[there].protocol.dataReceived(data)
            if not self.ends[1].connected and self.ends[0].connected:
                self.ends[0].loseConnection()


class LinkedDatagrams(Linked):
    """Over datagrams."""

    def __init__(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(server)
        self.client = ChatDatagramClient(
            server.clock, Target("udp", "h", 1), self.heard.append, dice=dice(3)
        )
        self.client.on_lost(self.lost.append)
        self.sent: list[bytes] = []
        self.deaf = False
        monkeypatch.setattr(datagram, "open_datagrams", self.open)

    async def open(
        self, reactor: Any, target: Target, received: Callable[[bytes], None], patience: float
    ) -> DatagramClient:
        """Stand for the network."""
        self.port = DatagramClient(("h", 1), received)
        self.port.transport = self
        return self.port

    def write(self, packet: bytes, addr: tuple[str, int]) -> None:
        """Send, as a port does."""
        self.sent.append(packet)

    def stopListening(self) -> "Deferred[None]":
        """Close, as a port does."""
        self.pump()
        closed: Deferred[None] = Deferred()
        closed.callback(None)
        return closed

    def pump(self) -> None:
        """Carry datagrams to and fro."""
        for _ in range(20):
            self.server.clock.advance(ACK_DELAY / 10)
            sent, self.sent = self.sent, []
            for packet in sent:
                if not self.deaf:
                    self.server.udp.datagramReceived(packet, ADDRESS)
            self.server.clock.advance(0)
            back = [packet for packet, address in self.server.port.written if address == ADDRESS]
            self.server.port.written.clear()
            for packet in back:
                self.port.datagramReceived(packet, ("h", 1))


LINKS: list[type[LinkedLine] | type[LinkedDatagrams]] = [LinkedLine, LinkedDatagrams]


@pytest.fixture(params=LINKS, ids=["line", "datagrams"])
def linked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Linked:
    """Return a client of each kind, joined to a server."""
    made: Linked = request.param(Server(), monkeypatch)
    return made


def entered(linked: Linked, name: str = "red") -> Linked:
    """Let the client take its name."""
    assert linked.outcome(linked.client.enter(name)) == name
    return linked


def test_events_have_the_same_ids_over_lines_if_one_asks_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And as over datagrams; whoever does not ask is not told."""
    server = Server()
    asked = entered(LinkedLine(server, monkeypatch, ids=True), "asked")
    silent = entered(LinkedLine(server, monkeypatch), "silent")
    other = entered(LinkedDatagrams(server, monkeypatch), "other")
    server.on_line("blue").says("hello")
    said = []
    for each in (asked, silent, other):
        each.pump()
        events = (heard for heard in each.heard if isinstance(heard, Event))
        said += [event.id for event in events if event.text == "hello"]
    assert said[0] == said[2] > 0
    assert said[1] == 0


def test_a_server_that_knows_of_no_ids_is_talked_to_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one that is older than they are."""
    with monkeypatch.context() as older:
        older.delitem(codec._FORMS, "IDS")
        linked = entered(LinkedLine(Server(), monkeypatch, ids=True))
    assert linked.client.room == "lobby"


def test_a_client_enters_speaks_hears_and_leaves(linked: Linked) -> None:
    """The same over both transports."""
    blue = linked.server.on_line("blue")
    client = entered(linked).client
    assert (client.name, client.room) == ("red", "lobby")
    linked.outcome(client.say("QUIT is a word"))
    blue.says("hello")
    linked.pump()
    linked.outcome(client.leave())
    linked.pump()
    assert blue.hears() == ["LEFT red quit"]
    (event,) = [each for each in linked.heard if isinstance(each, Event)]
    assert (event.kind, event.where, event.sender, event.text) == (
        Kind.SAID,
        "lobby",
        "blue",
        "hello",
    )
    assert linked.lost == []
    assert linked.server.clock.getDelayedCalls() == []


def test_every_command_has_its_replies(linked: Linked) -> None:
    """In the same words over both transports."""
    blue = linked.server.on_line("blue")
    client = entered(linked).client
    blue.hears()
    commands: list[Command] = [Join("games"), Act("waves"), Use("Lobby"), Act("bows"), Part()]
    replies = [linked.outcome(client.request(each)) for each in commands]
    assert replies[0][-1] == Done("JOIN", "games 1")
    assert client.room == "games"
    assert blue.hears() == ["ACTED lobby red bows", "PARTED lobby red"]
    told = linked.outcome(client.request(Tell("blue", "psst")))
    assert [reply.verb for reply in told] == ["TELL"]
    assert blue.hears() == ["TOLD red psst"]
    who = linked.outcome(client.request(Who("lobby")))
    assert [each.name for each in who if isinstance(each, Present)] == ["blue"]
    assert len(linked.outcome(client.request(Rooms()))) == 3


def test_what_the_client_asks_for_itself_is_no_reply(linked: Linked) -> None:
    """A ping shows the end of some commands; whoever gave them has not asked for its answer."""
    client = entered(linked).client
    commands: list[Command] = [Act("waves"), Nick("green"), Use("lobby")]
    replies = [each for asked in commands for each in linked.outcome(client.request(asked))]
    assert not any(isinstance(each, Pong) for each in replies)
    assert client.name == "green"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (Tell("nobody", "hi"), "404 nobody is called 'nobody'"),
        (Use("games"), "403 not in games: JOIN games"),
        (Say("lobby", "x" * 1001), "422 text: at most 1000 bytes"),
        (Say("lobby", "a\tb"), "400 control character 0x09"),
        (Tell("a b", "hi"), "422 name: 1-24 letters, digits, - or _"),
        (Nick("a b"), "422 name: 1-24 letters, digits, - or _"),
        (Help("x\nQUIT"), "400 control character 0x0a"),
        (Join("a,b"), "422 room: 1-49 bytes, no space or comma"),
        (Say("r" * 49, "x" * 1000), "413 line longer than 1024 bytes"),
    ],
)
def test_a_refusal_is_raised_and_the_client_stays(
    linked: Linked, command: Command, error: str
) -> None:
    """Nothing that a user types may cost the connection."""
    client = entered(linked).client
    with pytest.raises(RefusedError) as refused:
        linked.outcome(client.request(command))
    assert str(refused.value) == error
    linked.outcome(client.say("still here"))


def test_a_taken_name_may_be_followed_by_another(linked: Linked) -> None:
    """On the same client."""
    linked.server.on_line("red")
    with pytest.raises(RefusedError, match="409 name 'red' is taken"):
        linked.outcome(linked.client.enter("red"))
    assert linked.outcome(linked.client.enter("red2")) == "red2"


def test_without_a_room_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text must not be taken for a room."""
    linked = entered(LinkedLine(Server(lobby=""), monkeypatch))
    with pytest.raises(RefusedError, match="403 not in a room"):
        linked.outcome(linked.client.say("hi"))


def test_a_server_that_stops_is_reported_once(linked: Linked) -> None:
    """To whoever watches, and to whoever waits."""
    client = entered(linked).client
    waiting: list[Any] = []
    if isinstance(linked, LinkedLine):
        ensureDeferred(client.request(Help())).addErrback(waiting.append)
        linked.there.drain()
        linked.ends[1].loseConnection()
    else:
        linked.server.udp.drain()
    linked.pump()
    (lost,) = linked.lost
    assert isinstance(lost, BadAnswerError)
    assert str(lost).endswith("stopping")
    late: list[ClientError] = []
    client.on_lost(late.append)
    assert late == [lost]
    with pytest.raises(BadAnswerError):
        linked.outcome(client.say("hi"))
    linked.outcome(client.leave())


def test_a_server_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the user's patience, not later."""
    linked = LinkedDatagrams(Server(), monkeypatch)
    linked.deaf = True
    with pytest.raises(NoAnswerError, match="no answer from h:1 in 5 s"):
        linked.outcome(linked.client.enter("red"))
    linked.outcome(linked.client.leave())
    assert linked.server.clock.getDelayedCalls() == []


def test_why_a_server_hung_up_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it had no room, the user is told so."""
    linked = LinkedLine(Server(), monkeypatch)
    entering: list[Any] = []
    ensureDeferred(linked.client.enter("red")).addErrback(entering.append)
    linked.here.dataReceived(b"ERR 503 BUSY: too many connections, try again later\n")
    linked.ends[0].loseConnection()
    assert entering[0].check(RefusedError)
    assert entering[0].getErrorMessage() == "503 BUSY: too many connections, try again later"


def test_a_server_that_breaks_the_rules_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without end would fill the memory (R16)."""
    linked = entered(LinkedLine(Server(), monkeypatch))
    assert isinstance(linked, LinkedLine)
    linked.here.dataReceived(b"PAINTED lobby red tea\n" + b"x" * 9000)
    assert not linked.ends[0].connected
    assert linked.heard[-1] == Announced("PAINTED lobby red tea")
    assert str(linked.lost[0]) == "h:1 closed the connection: line longer than 4096 bytes"


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Linked:
    """Return a client on lines, joined to a server that keeps what is said."""
    return LinkedLine(Server(keep=True), monkeypatch)


def test_a_client_keeps_order_in_rooms(kept: Linked) -> None:
    """With the replies of each command, and no other's."""
    blue = kept.server.on_line("blue")
    client = entered(kept).client
    kept.outcome(client.request(Join("den")))
    blue.says("JOIN den")
    asked: list[Command] = [
        Topic("den", "tea"),
        Mode("den", "+v blue"),
        Mode("den"),
        Kick("den", "blue", "go"),
        Invite("blue", "den"),
        Away("tea"),
    ]
    assert [kept.outcome(client.request(each)) for each in asked] == [
        [Done("TOPIC", "den")],
        [Done("MODE", "den +v blue")],
        [Done("MODE", "den +nt")],
        [Done("KICK", "den blue")],
        [Done("INVITE", "blue den")],
        [Done("AWAY", "tea")],
    ]
    assert Event(0, Kind.TOPIC, "den", "red", "tea") in kept.heard
    assert blue.hears()[-1] == "INVITED den red"


def test_a_client_reads_history(kept: Linked) -> None:
    """On entering a room, too: that is no event."""
    blue = kept.server.on_line("blue")
    blue.says("hello", "JOIN den", "tea?")
    client = entered(kept).client
    assert [each.event.text for each in client.greeted if isinstance(each, Old)] == ["hello"]
    done, *old = kept.outcome(client.request(Join("den")))
    assert done == Done("JOIN", "den 2 kept=30d")
    assert [each.event.text for each in old] == ["tea?"]
    assert old[0] == Old(Event(old[0].event.id, Kind.SAID, "den", "blue", "tea?"))
    asked: list[Command] = [History(), History("lobby", 5), Since(old[0].event.id), Search("ELL")]
    found = [kept.outcome(client.request(each)) for each in asked]
    texts = [[each.event.text for each in one if isinstance(each, Old)] for one in found]
    assert texts == [["tea?"], ["hello"], [], ["hello"]]
    assert not any(isinstance(each, Old) for each in kept.heard)


def test_whoever_is_thrown_out_speaks_elsewhere(kept: Linked) -> None:
    """The client keeps the same books as the server."""
    blue = kept.server.on_line("blue")
    blue.says("JOIN den")
    client = entered(kept).client
    kept.outcome(client.request(Join("den")))
    blue.says("KICK den red")
    kept.pump()
    assert client.room == "lobby"
    kept.outcome(client.say("where am I?"))
    assert blue.hears()[-1] == "SAID lobby red where am I?"


def blue_moves(kept: Linked, what: RenameRoom) -> None:
    """Let blue, who is on the server, give a room another name."""
    server = kept.server
    server.post.submit(server.hub.find("blue"), what, server.clock.seconds())


def test_a_room_with_another_name_is_still_the_current_one(kept: Linked) -> None:
    """On both sides, and nobody has to say where they speak."""
    server = kept.server
    blue = server.on_line("blue")
    blue.says("JOIN den")
    client = entered(kept).client
    kept.outcome(client.request(Join("den")))
    blue_moves(kept, RenameRoom("den", "Hall", "more"))
    kept.pump()
    assert client.room == "Hall"
    assert Event(0, Kind.ROOM_RENAMED, "den", "blue", "Hall", tags=(("why", "more"),)) in [
        replace(each, id=0) for each in kept.heard if isinstance(each, Event)
    ]
    kept.outcome(client.say("hello"))
    assert blue.hears()[-1] == "SAID Hall red hello"
    kept.outcome(client.request(Use("lobby")))
    server.clock.advance(60)
    blue_moves(kept, RenameRoom("Hall", "den"))
    kept.pump()
    assert client.room == "lobby"
    kept.outcome(client.request(Use("den")))


def test_a_client_speaks_no_other_charset(linked: Linked) -> None:
    """It would not understand the answers."""
    with pytest.raises(RefusedError, match="400 this client speaks UTF-8"):
        linked.outcome(entered(linked).client.request(Charset("gbk")))


def test_a_client_on_datagrams_proves_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or hears that it did not; the password does not travel."""
    linked = LinkedDatagrams(Server(), monkeypatch)
    book = Book()
    book.add(Entry("red", fresh(prepared("secret"), dice(4), 4096), 0))
    linked.server.post.accounts = Accounts(linked.server.clock, dice(5), book)
    linked.outcome(linked.client.enter("udp"))
    with pytest.raises(RefusedError, match="401 wrong account or password"):
        linked.outcome(linked.client.request(Login("red", "guess")))
    assert linked.outcome(linked.client.request(Login("red", "secret"))) == [Done("LOGIN", "red")]
    linked.outcome(linked.client.say("hello"))
    assert linked.outcome(linked.client.request(Nick("red"))) == [Done("NICK", "red")]
