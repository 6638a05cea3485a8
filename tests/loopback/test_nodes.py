"""Two nodes, one chat: members on the line door of either, and a real broker between them."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from random import Random
from typing import Any

import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.internet.task import deferLater
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from tests.chat.stores import Records
from tests.loopback.engines import Engine
from tests.loopback.test_broker import FORGETFUL, QUICK, forget
from tests.patience import PATIENCE
from twisted_net.chat.banning import Banning
from twisted_net.chat.bus.redis import RedisBus
from twisted_net.chat.bus.terms import Timing
from twisted_net.chat.codec.events import read_id
from twisted_net.chat.codec.multiline import LINES
from twisted_net.chat.codec.requests import Banish, Modes, Redact, RenameRoom, Say
from twisted_net.chat.core.bans import Ban
from twisted_net.chat.core.hub import Delivery, Hub, Room
from twisted_net.chat.core.kept import written
from twisted_net.chat.core.room import Entry
from twisted_net.chat.doors.delivery import deliver
from twisted_net.chat.doors.everybody import expel, notify, show_out
from twisted_net.chat.doors.line import ChatLineFactory
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.owning import Owning
from twisted_net.chat.post import Post
from twisted_net.chat.store.memory import MemoryHistory


class Talker(LineOnlyReceiver):
    """A client of the line door."""

    transport: ITCPTransport
    delimiter = b"\n"

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.lost = False

    def lineReceived(self, line: bytes) -> None:
        """Remember it."""
        self.heard.append(line.decode())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Remember it."""
        self.lost = True

    def says(self, *lines: str) -> None:
        """Type lines."""
        self.transport.write("".join(f"{line}\n" for line in lines).encode())

    async def hears(self, pattern: str) -> str:
        """Wait for a line, and forget it and all before it."""
        at: list[int] = []

        def there() -> bool:
            at[:] = [i for i, line in enumerate(self.heard) if re.fullmatch(pattern, line)]
            return bool(at)

        await until(there, f"{pattern!r}", self.heard)
        line = self.heard[at[0]]
        del self.heard[: at[0] + 1]
        return line


async def until(condition: Callable[[], object], *why: object) -> None:
    """Wait until something is so."""
    from twisted.internet import reactor

    clock: Any = reactor
    over = clock.seconds() + PATIENCE
    while not condition():
        assert clock.seconds() < over, why
        pause: Deferred[None] = deferLater(clock, 0.005, lambda: None)
        await pause


class Node:
    """One server of the chat, with a line door."""

    def __init__(
        self, engine: Engine, timing: Timing, kept: Records, banned: tuple[Ban, ...]
    ) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.hub: Hub[Outlet] = Hub()
        self.bus = RedisBus(
            reactor,
            engine.endpoint,
            self.hub,
            Random(),  # noqa: S311
            lambda words: notify(self.hub.members(), words),
            lambda why: expel(self.hub.members(), why),
            timing=timing,
        )
        history = MemoryHistory(self.reactor.seconds)
        self.post = Post(self.hub, self.bus, self.deliver, history)
        self.bus.earlier.append(self.post.earlier)
        texts = tuple(kept.rooms.values())
        owning = Owning(self.hub, self.post.announce, self.reactor.seconds, kept, texts)
        self.post.watch(owning.happened)
        self.bus.comes.append(owning.begin)
        seconds = self.reactor.seconds
        out = partial(show_out, self.post, seconds)
        banning = Banning(self.hub, self.post.announce, out, seconds, known=banned)
        self.post.watch(banning.happened)
        self.bus.comes.append(banning.begin)
        self.factory = ChatLineFactory(self.post, reactor)
        self.talkers: list[Talker] = []

    def deliver(self, deliveries: Iterable[Delivery[Outlet]]) -> None:
        """Deliver as the service does."""
        made = list(deliveries)
        deliver(made)
        for each in made:
            self.bus.delivered(each.event)

    async def start(self) -> None:
        """Open the door, and take part."""
        here = TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1")
        self.port = await here.listen(self.factory)
        self.bus.startService()

    async def stop(self) -> None:
        """Close everything."""
        for each in self.talkers:
            each.transport.loseConnection()
        await until(lambda: all(each.lost for each in self.talkers), "connections stay")
        await until(lambda: not self.here() or not self.bus.present, "members stay")
        await self.bus.stopService()
        await self.port.stopListening()
        self.factory.turns.stop()

    def here(self) -> list[str]:
        """Return who is in the chat through this node."""
        return [each.name for each in self.hub.members() if each.outlet is not None]

    async def member(self, name: str) -> Talker:
        """Let somebody connect and take a name, as soon as the node takes part."""
        there = TCP4ClientEndpoint(self.reactor, "127.0.0.1", self.port.getHost().port)
        talker: Talker = await connectProtocol(there, Talker())
        self.talkers.append(talker)
        await until(lambda: self.bus.ready, "the node takes no part")
        talker.says(f"NICK {name}")
        await talker.hears("OK JOIN lobby.*")
        return talker


Start = Callable[..., Awaitable[Node]]


@pytest_twisted.async_yield_fixture
async def start(engine: Engine) -> AsyncIterator[Start]:
    """Start nodes; they stop in the end."""
    started: list[Node] = []

    async def begin(
        timing: Timing = QUICK, kept: Records | None = None, banned: tuple[Ban, ...] = ()
    ) -> Node:
        node = Node(engine, timing, kept or Records(), banned)
        await node.start()
        started.append(node)
        return node

    yield begin
    for node in started:
        await node.stop()


@pytest_twisted.ensureDeferred
async def test_members_of_two_nodes_are_in_one_chat(start: Start) -> None:
    """They hear each other, see each other, and have no name twice."""
    here, there = [await start() for _ in range(2)]
    red = await here.member("red")
    blue = await there.member("blue")
    await red.hears("JOINED lobby blue")
    red.says("hello", "TELL blue psst")
    await blue.hears("SAID lobby red hello")
    await blue.hears("TOLD red psst")
    blue.says("NICK Red")
    await blue.hears("ERR 409 name 'Red' is taken")
    blue.says("TOPIC lobby news", "WHO", "KICK lobby red")
    await blue.hears("ERR 403 .*operator.*")
    await blue.hears("MEMBER lobby red operator tcp .*")
    red.says("KICK lobby blue enough")
    await blue.hears("KICKED lobby blue by enough|KICKED lobby blue red enough")
    red.says("NICK pink")
    await red.hears("OK NICK pink")
    blue.says("NICK red")
    await blue.hears("OK NICK red")


@pytest_twisted.ensureDeferred
async def test_all_hear_what_two_nodes_say_at_once_in_one_order(start: Start) -> None:
    """And each its own in the order in which it was said."""
    nodes = [await start() for _ in range(2)]
    talkers = [await node.member(f"t{n}") for n, node in enumerate(nodes)]
    ears = [await node.member(f"e{n}") for n, node in enumerate(nodes)]
    for turn in range(40):
        for talker in talkers:
            talker.says(str(turn))
    heard = []
    for ear in ears:
        await until(partial(heard_all, ear, 80), ear.heard)
        heard.append(said(ear))
    assert heard[0] == heard[1]
    for n in range(2):
        assert [line for line in heard[0] if f" t{n} " in line] == [
            f"SAID lobby t{n} {turn}" for turn in range(40)
        ]


def all_know(nodes: list[Node], name: str) -> bool:
    """Say whether somebody is called so on all nodes; one may be behind the other."""
    return all(node.hub.known(name) is not None for node in nodes)


def heard_all(ear: Talker, count: int) -> bool:
    """Say whether somebody has heard so much said."""
    return len(said(ear)) == count


def said(ear: Talker) -> list[str]:
    """Return the lines that somebody heard said."""
    return [line for line in ear.heard if line.startswith("SAID")]


@pytest_twisted.ensureDeferred
async def test_two_who_want_one_name_at_once_do_not_both_get_it(start: Start) -> None:
    """Whichever comes first at the broker; the other one is told."""
    nodes = [await start() for _ in range(2)]
    talkers = [await node.member(f"t{n}") for n, node in enumerate(nodes)]
    for turn in range(20):
        for talker in talkers:
            talker.says(f"NICK same{turn}")
        answers = [await talker.hears("OK NICK .*|ERR 409 .*") for talker in talkers]
        assert sorted(answer[:2] for answer in answers) == ["ER", "OK"]
        await until(partial(all_know, nodes, f"same{turn}"))


@pytest_twisted.ensureDeferred
async def test_a_node_that_comes_later_knows_the_chat(engine: Engine, start: Start) -> None:
    """Who is there, the topic, who may do what, and what was said."""
    here = await start()
    red = await here.member("red")
    red.says("MODE lobby +m", "hello", "TOPIC lobby the news")
    await red.hears("OK TOPIC lobby")
    await until(lambda: engine.ask("EXISTS", "{netdemo}:snapshot") == b":1\r\n")
    there = await start()
    blue = await there.member("blue")
    await until(lambda: here.hub.state() == there.hub.state())
    blue.says("hi", "HISTORY lobby 5", "TOPIC lobby")
    await blue.hears("ERR 403 .*moderated.*")
    await blue.hears("OLD [0-9-]* lobby red hello")
    await blue.hears("TOPIC lobby red the news")


@pytest_twisted.ensureDeferred
async def test_who_was_on_a_node_that_died_has_left(engine: Engine, start: Start) -> None:
    """All others hear it, their names are free; and the node shows its own members the door."""
    here, lost = await start(), await start(FORGETFUL)
    red = await here.member("red")
    guests = [await lost.member(name) for name in ("blue", "green")]
    forget(engine, lost.hub.find("blue").key.partition(".")[0])
    for name in ("blue", "green"):
        await red.hears(f"LEFT {name} node lost")
    for guest in guests:
        await guest.hears("SERVER other nodes took this one for lost; connect again")
        await until(partial(getattr, guest, "lost"))
    red.says("WHO")
    await red.hears("OK WHO 1")
    blue = await here.member("blue")
    blue.says("here again")
    await red.hears("SAID lobby blue here again")


@pytest_twisted.ensureDeferred
async def test_nobody_is_told_a_lie_while_the_broker_is_away(engine: Engine, start: Start) -> None:
    """What is said waits, all hear that it does, and then they hear it, in order and once."""
    here, there = [await start() for _ in range(2)]
    red, blue = await here.member("red"), await there.member("blue")
    engine.kill()
    await red.hears("SERVER other nodes unreachable")
    red.says("one", "two", "SAY lobby three")
    engine.start()
    await red.hears("SERVER other nodes reachable again")
    await red.hears("OK SAY lobby .*")
    await blue.hears("SAID lobby red three")
    assert said(blue) == []
    red.says("four")
    await blue.hears("SAID lobby red four")


@pytest_twisted.ensureDeferred
async def test_a_room_survives_a_broker_without_its_data(engine: Engine, start: Start) -> None:
    """All nodes begin anew: nobody goes on from what the others do not have."""
    here, there = [await start() for _ in range(2)]
    red, blue = await here.member("red"), await there.member("blue")
    engine.ask("FLUSHALL")
    for talker in (red, blue):
        await talker.hears("SERVER other nodes took this one for lost; connect again")
    red, blue = await here.member("red"), await there.member("blue")
    red.says("again")
    await blue.hears("SAID lobby red again")


@pytest_twisted.ensureDeferred
async def test_a_text_that_is_taken_back_is_gone_from_the_broker(
    engine: Engine, start: Start
) -> None:
    """And nobody who comes later is told."""
    here = await start()
    red = await here.member("red")
    red.says("SAY lobby secret")
    shown = (await red.hears("OK SAY lobby .*")).rpartition(" ")[2]
    assert b"secret" in engine.ask("XRANGE", "{netdemo}:hist:lobby", "-", "+")
    member = here.hub.find("red")
    here.post.submit(member, Redact("lobby", read_id(shown) or 0), 0.0)
    await until(lambda: b"secret" not in engine.ask("XRANGE", "{netdemo}:hist:lobby", "-", "+"))
    assert b"secret" not in engine.ask("XRANGE", "{netdemo}:bus:0", "-", "+")


@pytest_twisted.ensureDeferred
async def test_a_room_has_its_new_name_on_all_nodes(engine: Engine, start: Start) -> None:
    """Members of all hear it and go on; who comes later reads there what was said before."""
    here, there = [await start() for _ in range(2)]
    red, blue = await here.member("red"), await there.member("blue")
    red.says("JOIN tea")
    await red.hears("OK JOIN tea 1.*")
    blue.says("JOIN tea", "IDS on")
    await red.hears("JOINED tea blue")
    member = here.hub.find("red")
    lines = Say("tea", "one\n\ntwo", ((LINES, ""),))
    here.post.submit(member, lines, here.reactor.seconds())
    first = await blue.hears("@[0-9-]+ SAID tea red one")
    second = await blue.hears("@[0-9-]+ SAID tea red two")
    assert first.partition(" ")[0] == second.partition(" ")[0]
    here.post.submit(member, RenameRoom("tea", "Coffee", "late"), here.reactor.seconds())
    await blue.hears("@[0-9-]+ MOVED tea Coffee red late")
    blue.says("still here")
    await red.hears("SAID Coffee blue still here")
    key = "{netdemo}:hist:"
    await until(lambda: engine.ask("EXISTS", f"{key}tea") == b":0\r\n")
    assert b"one" in engine.ask("XRANGE", f"{key}coffee", "-", "+")
    snapshot = "{netdemo}:snapshot"
    await until(lambda: b'"Coffee"' in engine.ask("GET", snapshot))
    late = await start()
    pink = await late.member("pink")
    pink.says("JOIN coffee", "HISTORY coffee 9")
    await pink.hears("OK JOIN Coffee 3.*")
    for said in ("red one", "red two", "blue still here", "red one"):
        await pink.hears(f"OLD [0-9-]+ Coffee {said}")
    await until(lambda: here.hub.state() == there.hub.state() == late.hub.state())


@pytest_twisted.ensureDeferred
async def test_a_room_that_one_node_has_in_its_file_is_in_the_chat_of_all(
    engine: Engine, start: Start
) -> None:
    """Again and again, if the broker loses its data; and all files say the same in the end."""
    one, other = Records(record(b=["bad!*@*"])), Records()
    nodes = [await start(kept=one), await start(kept=other)]
    for again in (True, False):
        await until(lambda: all(has_ban(node) for node in nodes))
        talkers = [await node.member(f"blue{n}") for n, node in enumerate(nodes)]
        for talker in talkers:
            talker.says("JOIN tea", "WHO tea")
            await talker.hears(r"MEMBER tea blue\d - .*")
        await until(lambda: nodes[0].hub.state() == nodes[1].hub.state())
        await until(lambda: one.rooms == other.rooms)
        assert sorted(one.rooms) == ["tea"]
        if again:
            engine.ask("FLUSHALL")
            for talker in talkers:
                await talker.hears("SERVER other nodes took this one for lost; connect again")


def has_ban(node: Node) -> bool:
    """Say whether a node takes part, and knows the room with its ban."""
    room = node.hub.known_room("tea")
    return node.bus.ready and room is not None and list(room.lists["b"]) == ["bad!*@*"]


def record(**lists: list[str]) -> str:
    """Return the record of a room that red keeps."""
    room: Room[Outlet] = Room("tea", 5.0, flags=frozenset("ntP"), founder="red")
    for letter, masks in lists.items():
        room.lists[letter] = {mask: Entry("red", 5.0) for mask in masks}
    return written(room)


@pytest_twisted.ensureDeferred
async def test_who_is_banned_on_one_node_is_banned_on_all(engine: Engine, start: Start) -> None:
    """Thrown out by the node that they came through, which learns of old bans as well."""
    here = await start(banned=(Ban("green!*@*", "root", 5.0, 0.0, "of old"),))
    there = await start()
    await here.member("red")
    blue, green = [await there.member(name) for name in ("blue", "grey")]
    red = here.hub.find("red")
    here.post.submit(red, Modes("+o", granted=True), 0.0, lambda outcome: None)
    await until(lambda: "o" in red.modes)
    here.post.submit(red, Banish("blue", "spam"), here.reactor.seconds(), lambda outcome: None)
    await until(lambda: blue.lost)
    await until(lambda: here.hub.known("blue") is None)
    assert here.hub.state() == there.hub.state()
    green.says("NICK green", "NICK blue")
    await green.hears("ERR 403 banned from this server: of old")
    await green.hears("ERR 403 banned from this server: spam")
