"""Nodes and a real broker: order, leases, and what happens when one of them dies."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, formatEvent

from tests.loopback.engines import Engine
from tests.patience import PATIENCE
from twisted_net.chat.bus.broker import Broker
from twisted_net.chat.bus.packing import packed
from twisted_net.chat.bus.terms import Entry, Names, Timing
from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.codec.messages import Refusal

for needed in ("txredisapi", "hiredis"):
    pytest.importorskip(needed, reason=f"{needed} is not installed (extra redis)")

#: What is waited for takes less than seconds; but a node that is merely slow is not given up.
QUICK = Timing(settle=0.2, renew=0.1, nick=30, block=0.2, retry=0.02, retry_most=0.1, lease=60)

#: A node that does not renew its lease in time, see `forget`.
FORGETFUL = replace(QUICK, settle=60, renew=60)


def forget(engine: Engine, node: str) -> None:
    """Let a node's lease lapse now."""
    engine.ask("DEL", f"{{netdemo}}:node:{node}")


class Node:
    """A node that remembers what it heard."""

    def __init__(self, endpoint: str, timing: Timing = QUICK, **options: Any) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.entries: list[Entry] = []
        self.told: list[str] = []
        self.old: tuple[str, list[tuple[int, bytes]]] = ("", [])
        dice = Random()  # noqa: S311
        self.broker = Broker(reactor, endpoint, self, dice, timing=timing, **options)
        self.broker.start()

    @property
    def texts(self) -> list[bytes]:
        """What was heard."""
        return [each.draft for each in self.entries if each.draft is not None]

    def begin(self, state: bytes) -> list[str]:
        """Forget everything but a snapshot, which is what had been heard."""
        self.told.append("begin")
        self.entries = [
            Entry(int(id), "", 0, text.encode())
            for id, _, text in (line.partition("=") for line in state.decode().splitlines())
        ]
        return ["lobby"]

    def remember(self, room: str, said: list[tuple[int, bytes]]) -> None:
        """Remember it."""
        self.old = (room, said)

    def heard(self, entry: Entry) -> None:
        """Remember it."""
        self.entries.append(entry)

    def caught_up(self) -> None:
        """Remember it."""
        self.told.append("caught up")

    def away(self) -> None:
        """Remember it."""
        self.told.append("away")

    def back(self) -> None:
        """Remember it."""
        self.told.append("back")

    def fenced(self) -> None:
        """Remember it."""
        self.told.append("fenced")

    def state(self) -> bytes:
        """Return what was heard."""
        lines = (f"{each.id}={(each.draft or b'').decode()}\n" for each in self.entries)
        return "".join(lines).encode()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so."""
        over = self.reactor.seconds() + PATIENCE
        while not condition():
            assert self.reactor.seconds() < over, (self.told, self.entries[-3:])
            pause: Deferred[None] = deferLater(self.reactor, 0.005, lambda: None)
            await pause

    async def hears(self, count: int) -> None:
        """Wait until it has heard so much."""
        await self.until(lambda: len(self.entries) >= count)

    async def ready(self) -> "Node":
        """Wait until it takes part."""
        await self.until(lambda: "caught up" in self.told and self.broker.present)
        return self


def anew(node: Node) -> bool:
    """Say whether a node was fenced, and has begun again."""
    return "fenced" in node.told and node.told[-1] == "caught up"


Start = Callable[..., Node]


@pytest_twisted.async_yield_fixture
async def start(engine: Engine) -> AsyncIterator[Start]:
    """Start nodes; they stop in the end."""
    started: list[Node] = []

    def begin(**options: Any) -> Node:
        started.append(Node(engine.endpoint, **options))
        return started[-1]

    yield begin
    for node in started:
        await node.broker.stop()


@pytest_twisted.ensureDeferred
async def test_all_nodes_hear_the_same_in_the_same_order(start: Start) -> None:
    """What a node publishes comes back to it too, in its place among all others."""
    nodes = [await start().ready() for _ in range(2)]
    outcomes = [
        nodes[turn % 2].broker.publish(b"%d" % turn, room="lobby")[1] for turn in range(100)
    ]
    ids = [await outcome for outcome in outcomes]
    for node in nodes:
        await node.hears(100)
    assert nodes[0].entries == nodes[1].entries
    heard = [each.id for each in nodes[0].entries]
    assert heard == sorted(set(heard)) == sorted(ids)
    assert [int(text) for text in nodes[0].texts if int(text) % 2] == list(range(1, 100, 2))
    kept = await nodes[0].broker.ask.history("lobby", n=3)
    assert kept == [(each.id, each.draft) for each in nodes[0].entries[-3:]]
    after = await nodes[1].broker.ask.history("lobby", after=heard[4], before=heard[8], n=2)
    assert [id for id, _ in after] == heard[5:7]
    late = await start().ready()
    assert late.old == ("lobby", [(each.id, each.draft) for each in nodes[0].entries])


@pytest_twisted.ensureDeferred
async def test_a_name_is_one_members_whatever_node_they_came_by(start: Start) -> None:
    """A name changes hands with the draft that says so, or neither happens."""
    red, blue = [await start().ready() for _ in range(2)]
    first = red.broker.publish(b"red enters", names=Names(f"{red.broker.node}.1", "red"))[1]
    await first
    second = blue.broker.publish(b"so does red", names=Names(f"{blue.broker.node}.1", "red"))[1]
    with pytest.raises(Refusal, match="409"):
        await second
    assert not await blue.broker.ask.claim("red", f"{blue.broker.node}.2")
    assert await red.broker.ask.claim("red", f"{red.broker.node}.1")
    await red.broker.ask.renew_names(
        [("red", f"{red.broker.node}.1"), ("x", f"{red.broker.node}.3")]
    )
    assert not await blue.broker.ask.claim("x", f"{blue.broker.node}.2")
    other = Names(f"{red.broker.node}.1", claimed="pink", released="red")
    await red.broker.publish(b"red is pink", names=other)[1]
    assert await blue.broker.ask.claim("red", f"{blue.broker.node}.2")
    await blue.broker.ask.release("red", f"{blue.broker.node}.2")
    assert await red.broker.ask.claim("red", f"{red.broker.node}.1")
    await blue.until(lambda: len(blue.entries) == 2)
    assert blue.texts == [b"red enters", b"red is pink"]


@pytest_twisted.ensureDeferred
async def test_a_broker_that_dies_under_load_costs_nothing(engine: Engine, start: Start) -> None:
    """Killed and started again, nothing acknowledged is lost, nothing is heard twice."""
    nodes = [await start().ready() for _ in range(2)]
    outcomes: list[Deferred[int]] = []
    for turn in range(600):
        outcomes += [node.broker.publish(b"%d" % turn)[1] for node in nodes]
        if turn in (150, 400):
            engine.kill()
        if turn in (250, 500):
            await nodes[0].until(lambda: nodes[0].broker.present is False)
            engine.start()
        if turn % 10 == 0 and not 150 <= turn < 250 and not 400 <= turn < 500:
            await nodes[0].until(partial(all_called, outcomes))
    ids = [await outcome for outcome in outcomes]
    for node in nodes:
        await node.hears(len(ids))
        assert [each.id for each in node.entries] == sorted(ids)
        for origin in nodes:
            mine = [each for each in node.entries if each.node == origin.broker.node]
            assert [each.draft for each in mine] == [b"%d" % turn for turn in range(600)]
        assert node.told[:4] == ["begin", "back", "caught up", "away"]
        assert "fenced" not in node.told


def all_called(outcomes: list[Deferred[int]]) -> bool:
    """Say whether everything was acknowledged."""
    return all(outcome.called for outcome in outcomes)


@pytest_twisted.ensureDeferred
async def test_drafts_wait_for_the_broker_but_not_too_many(engine: Engine, start: Start) -> None:
    """Who says more than may wait is told at once that it was not sent."""
    node = await start(waiting=3).ready()
    engine.kill()
    await node.until(lambda: node.told[-1] == "away")
    outcomes = [node.broker.publish(b"%d" % turn)[1] for turn in range(3)]
    with pytest.raises(Refusal, match="503 other nodes unreachable; nothing was sent"):
        node.broker.publish(b"3")
    with pytest.raises(Refusal, match="503"):
        await node.broker.ask.nodes()
    engine.start()
    ids = [await outcome for outcome in outcomes]
    await node.until(lambda: len(node.entries) == 3)
    assert [(each.id, each.draft) for each in node.entries] == [
        (id, b"%d" % turn) for turn, id in enumerate(ids)
    ]


@pytest_twisted.ensureDeferred
async def test_a_broker_that_does_not_answer_is_given_up(engine: Engine, start: Start) -> None:
    """One that hangs is left, and what it has taken nonetheless is not said again."""
    node = await start(patience=1.0).ready()
    engine.pause()
    outcome = node.broker.publish(b"once")[1]
    await node.until(lambda: node.told[-1] == "away")
    engine.pause(False)
    assert await outcome
    await node.until(lambda: node.told[-1] == "back" and node.entries)
    assert node.texts == [b"once"]


@pytest_twisted.ensureDeferred
async def test_a_node_that_dies_is_said_to_be_gone_once(engine: Engine, start: Start) -> None:
    """Whoever lets its lease lapse is taken out by one of the others, and begins anew."""
    nodes = [await start().ready() for _ in range(2)]
    late = await start(timing=FORGETFUL).ready()
    was = late.broker.node
    await late.broker.publish(b"here I am", names=Names(f"{was}.1", "red"))[1]
    forget(engine, was.partition(".")[0])
    await late.until(lambda: "fenced" in late.told and late.told.count("begin") == 2)
    assert late.broker.node not in ("", was)
    for node in nodes:
        await node.hears(2)
        assert [each.node for each in node.entries if each.draft is None] == [was]
    assert was not in await nodes[0].broker.ask.nodes()
    assert await nodes[1].broker.ask.claim("red", f"{nodes[1].broker.node}.1")


@pytest_twisted.ensureDeferred
async def test_a_fenced_node_publishes_nothing(engine: Engine, start: Start) -> None:
    """What a node says that the others have given up is refused, and its callers are told."""
    nodes = [await start().ready() for _ in range(2)]
    late = nodes[0].broker
    engine.ask("HSET", "{netdemo}:nodes", late.node.partition(".")[0], "1")
    with pytest.raises(Refusal, match="503"):
        await late.publish(b"too late")[1]
    await nodes[0].until(partial(anew, nodes[0]))
    await nodes[0].broker.publish(b"in time")[1]
    await nodes[1].until(lambda: nodes[1].texts)
    assert nodes[1].texts == [b"in time"]


@pytest_twisted.ensureDeferred
async def test_a_new_node_begins_from_a_snapshot(engine: Engine, start: Start) -> None:
    """It knows what was said before it came, though the bus no longer has it."""
    timing = replace(QUICK, keep=0.3)
    first = await start(timing=timing).ready()
    outcomes = [first.broker.publish(b"%d" % turn)[1] for turn in range(20)]
    for outcome in outcomes:
        await outcome
    await first.until(lambda: engine.ask("XLEN", "{netdemo}:bus:0") == b":0\r\n")
    second = await start(timing=timing).ready()
    assert second.told[0] == "begin"
    assert second.texts == [b"%d" % turn for turn in range(20)]
    await second.broker.publish(b"20")[1]
    await second.until(lambda: len(second.entries) == 21)
    await first.until(lambda: len(first.entries) == 21)
    assert [each.id for each in first.entries] == [each.id for each in second.entries]


@pytest_twisted.ensureDeferred
async def test_who_comes_first_begins_a_new_chat(start: Start) -> None:
    """What was said before all nodes had gone is not heard by those who come after."""
    first = await start().ready()
    await first.broker.publish(b"old")[1]
    await first.broker.stop()
    second = await start().ready()
    await second.broker.publish(b"new")[1]
    await second.until(lambda: second.entries)
    assert second.texts == [b"new"]


@pytest_twisted.ensureDeferred
async def test_a_broker_without_its_data_makes_all_begin_anew(engine: Engine, start: Start) -> None:
    """Nobody goes on from what the others do not have."""
    nodes = [await start().ready() for _ in range(2)]
    await nodes[0].broker.publish(b"lost")[1]
    await nodes[1].until(lambda: nodes[1].entries)
    engine.ask("FLUSHALL")
    for node in nodes:
        await node.until(partial(anew, node))
        assert not node.entries
    await nodes[0].broker.publish(b"kept")[1]
    await nodes[1].until(lambda: nodes[1].texts == [b"kept"])


@pytest_twisted.ensureDeferred
async def test_a_node_that_missed_what_is_gone_begins_anew(engine: Engine, start: Start) -> None:
    """A gap is never passed over in silence."""
    node = await start().ready()
    was = node.broker.node
    await node.broker.publish(b"one")[1]
    await node.until(lambda: node.entries)
    engine.ask("SET", "{netdemo}:trimmed", "99999999999999-0")
    engine.ask("CLIENT", "KILL", "TYPE", "normal")
    await node.until(lambda: "fenced" in node.told)
    engine.ask("DEL", "{netdemo}:trimmed")
    await node.until(lambda: node.told[-1] == "caught up" and node.broker.node != was)


@pytest_twisted.ensureDeferred
async def test_a_broker_that_forgot_what_it_acknowledged_is_found_out(
    engine: Engine, start: Start
) -> None:
    """Its log on disk was behind when it died: all begin anew, and nobody waits for ever."""
    node = await start().ready()
    for text in (b"one", b"two"):
        await node.broker.publish(text)[1]
    await node.hears(2)
    name, _, epoch = node.broker.node.partition(".")
    seen = f"{{netdemo}}:seen:{name}:{epoch}"
    engine.ask("HDEL", seen, "2")
    engine.ask("HSET", seen, "last", "1")
    with pytest.raises(Refusal, match=r"503 .*nobody knows"):
        await node.broker.publish(b"three")[1]
    await node.until(partial(anew, node))
    await node.broker.publish(b"four")[1]
    await node.until(lambda: node.texts == [b"four"])


@pytest_twisted.ensureDeferred
async def test_a_redacted_text_is_gone_from_the_broker(engine: Engine, start: Start) -> None:
    """Neither the room's history nor the bus has it afterwards."""
    node = await start().ready()
    said = packed(Event(0, Kind.SAID, "Lobby", "red", "secret", by="a.1"))
    id = await node.broker.publish(said, room="lobby")[1]
    await node.broker.publish(b"red redacts", room="lobby")[1]
    await node.broker.ask.redact("lobby", id, "b.1")
    assert [text for _, text in await node.broker.ask.history("lobby")] == [b"red redacts"]
    assert b"secret" not in engine.ask("XRANGE", "{netdemo}:bus:0", "-", "+")


@pytest_twisted.ensureDeferred
async def test_a_rooms_history_moves_with_its_name(engine: Engine, start: Start) -> None:
    """In order, also where a room of the new name had its own; a room begun anew has none of it."""
    node = await start().ready()
    rooms = ("tea", "coffee", "tea", "coffee", "tea")
    texts = (b"one", b"two", b"three", b"four", b"red moves tea to coffee")
    ids = [
        await node.broker.publish(text, room=room if text[0] != b"r"[0] else "")[1]
        for room, text in zip(rooms, texts, strict=True)
    ]
    await node.broker.publish(b"new tea", room="tea")[1]
    await node.broker.publish(b"five", room="coffee")[1]
    for _ in range(2):
        await node.broker.ask.move("tea", "coffee", ids[4])
        said = await node.broker.ask.history("coffee")
        assert [text for _, text in said] == [*texts[:4], b"five"]
        assert [id for id, _ in said][:4] == ids[:4]
        assert [text for _, text in await node.broker.ask.history("tea")] == [b"new tea"]
    await node.broker.ask.move("nowhere", "tea", ids[4])
    assert b"-" not in engine.ask("PTTL", "{netdemo}:hist:coffee")


@pytest_twisted.ensureDeferred
async def test_nothing_else_is_taken_off_the_bus(engine: Engine, start: Start) -> None:
    """Else an operator of one room could let nodes disagree on what has happened in all others."""
    node = await start().ready()
    told = Event(0, Kind.TOLD, "blue", "red", "secret", private=True, by="a.1")
    others = [
        packed(Event(0, Kind.SAID, "tea", "red", "secret", by="a.1")),
        packed(Event(0, Kind.MODED, "lobby", "red", "+b secret", by="a.1")),
        packed(told),
        b"secret",
        b"5",
    ]
    ids = [await node.broker.publish(each)[1] for each in others]
    await node.broker.publish(b"the newest")[1]
    before = engine.ask("XRANGE", "{netdemo}:bus:0", "-", "+")
    for id in ids:
        await node.broker.ask.redact("lobby", id, "b.1")
    assert engine.ask("XRANGE", "{netdemo}:bus:0", "-", "+") == before
    await node.broker.ask.redact("blue", ids[2], "a.1")
    assert packed(told) not in engine.ask("XRANGE", "{netdemo}:bus:0", "-", "+")


@pytest_twisted.ensureDeferred
async def test_the_clock_of_the_broker_may_step_back(engine: Engine, start: Start) -> None:
    """Ids only grow, and a full count carries over into the next millisecond."""
    engine.ask("XADD", "{netdemo}:bus:0", "9999999999999-65534", "o", "x.1.1", "draft", "future")
    node = await start().ready()
    outcomes = [node.broker.publish(b"x")[1] for _ in range(3)]
    ids = [await outcome for outcome in outcomes]
    assert [divmod(id, 1 << 16) for id in ids] == [
        (9999999999999, 65535),
        (10000000000000, 0),
        (10000000000000, 1),
    ]


@pytest_twisted.ensureDeferred
async def test_a_wrong_password_is_said(engine: Engine) -> None:
    """It is no outage that passes: the log names it."""
    engine.ask("CONFIG", "SET", "requirepass", "sesame")
    node = Node(engine.endpoint, password="wrong")  # noqa: S106
    await node.until(lambda: node.told == ["away"])
    await node.broker.stop()
    right = Node(engine.endpoint, password="sesame")  # noqa: S106
    await right.ready()
    await right.broker.stop()


@pytest.mark.logs("ZeroDivisionError")
@pytest_twisted.ensureDeferred
async def test_an_event_that_nobody_could_take_does_not_end_the_chat(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure is logged, and what follows is heard."""
    node = await start().ready()
    take = node.heard

    def fails(entry: Entry) -> None:
        if entry.draft == b"bad":
            raise ZeroDivisionError
        take(entry)

    monkeypatch.setattr(node, "heard", fails)
    for text in (b"bad", b"good"):
        await node.broker.publish(text)[1]
    await node.hears(1)
    assert node.texts == [b"good"]


class Nonsense(Protocol):
    """A server that is no broker at all."""

    def dataReceived(self, data: bytes) -> None:
        """Answer in another language."""
        assert self.transport is not None
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest_twisted.ensureDeferred
async def test_what_is_no_broker_is_said_to_be_none() -> None:
    """And costs one line in the log."""
    from twisted.internet import reactor

    here = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    port = await here.listen(Factory.forProtocol(Nonsense))
    node = Node(f"tcp:127.0.0.1:{port.getHost().port}", patience=1.0)
    with capturedLogs() as events:
        await node.until(lambda: node.told == ["away"])
        await node.broker.stop()
    assert [formatEvent(event) for event in events if "why" in event]
    await port.stopListening()
