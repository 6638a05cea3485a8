"""Tests of `twisted_net.net.fast.streams`, `sockets` and `opening`, mostly on a simulated network.

What they have in common with Twisted's own transports is tested in `test_differential`,
`test_twisted_own` and `tests/parity`.
"""

import contextlib
import os
import socket
import struct
from collections.abc import Callable
from errno import EAGAIN, EMFILE
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import tcp
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IHalfCloseableProtocol, IReactorTCP, IReactorUNIX
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from zope.interface import alsoProvides

from tests.net.fast.kinds import FAST
from tests.patience import PATIENCE
from twisted_net.net.counters import DoorCounters
from twisted_net.net.fast.opening import Fast, fast
from twisted_net.net.fast.sockets import LACK, FastPort, FastServer
from twisted_net.net.guards import GuardedFactory
from twisted_net.net.limits import Census
from twisted_net.net.service import Door
from twisted_net.net.transports import KeepAlive, Stream
from twisted_net.testing import LoopbackWorld, SimNetwork, Transports


class Party(Protocol):
    """Keeps what it hears; does something whenever it hears."""

    transport: Any

    def __init__(self, hears: Callable[["Party"], object] = lambda _: None) -> None:
        self.heard = b""
        self.end = ""
        self.hears = hears

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data
        self.hears(self)

    def connectionLost(self, reason: Any = None) -> None:
        """Keep why; what is written now is in vain."""
        self.end = type(reason.value).__name__
        self.transport.write(b"too late")


class Hands(Factory):
    """Hands out one protocol."""

    noisy = False

    def __init__(self, party: Party) -> None:
        self.party = party

    def buildProtocol(self, addr: Any) -> Party:
        """Return it."""
        return self.party


def joined(server: Party, transports: Transports = FAST) -> tuple[SimNetwork, Party]:
    """Connect a party to the one given, on fast transports."""
    net = SimNetwork(transports=transports)
    here, there = net.host("server"), net.host("client")
    here.reactor.listenTCP(7, Hands(server))
    endpoint = TCP4ClientEndpoint(there.reactor, here.ip, 7)
    client = Party()
    net.run(lambda: connectProtocol(endpoint, client))
    net.run_until(lambda: server.transport is not None)
    return net, client


def test_a_failed_send_ends_in_connection_lost() -> None:
    """Never in ConnectionDone, though the next read looks like a clean end."""
    server = Party(lambda each: each.transport.write(b"answer"))
    net, client = joined(server)
    net["server"].stall(1.0)
    client.transport.write(b"question")
    net.run_for(0.5)
    client.transport.abortConnection()
    net.run_for(2)
    assert (server.heard, server.end, client.end) == (
        b"question",
        "ConnectionLost",
        "ConnectionAborted",
    )


def test_what_came_before_a_reset_is_heard_though_a_send_has_failed() -> None:
    """All of it, as with Twisted's own."""
    server = Party(lambda each: each.transport.write(b"answer"))
    net, client = joined(server)
    net["server"].stall(1.0)
    client.transport.write(b"q" * 65_500)
    net.run_for(0.5)
    server.transport.bufferSize = 40_000
    client.transport.abortConnection()
    net.run_for(2)
    assert (len(server.heard), server.end) == (65_500, "ConnectionLost")


class Puller:
    """Writes three pieces, when asked to."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.pieces = [b"two ", b"three ", b"four"]

    def resumeProducing(self) -> None:
        """Write one."""
        if self.pieces:
            self.transport.write(self.pieces.pop(0))
        else:
            self.transport.unregisterProducer()

    def stopProducing(self) -> None:
        """End."""


class Late(Puller):
    """Writes nothing at first: whoever registers it has just written."""

    asked = 0

    def resumeProducing(self) -> None:
        """Write one, but not at the first time of asking."""
        self.asked += 1
        if self.asked > 1:
            super().resumeProducing()


@pytest.mark.parametrize("kind", [Puller, Late])
def test_a_producer_that_pulls_is_asked_after_an_early_write(kind: type[Puller]) -> None:
    """The write must not wait for the producer, nor the producer for the write."""

    def answer(party: Party) -> None:
        party.transport.write(b"one ")
        party.transport.registerProducer(kind(party.transport), False)

    net, client = joined(Party(answer))
    client.transport.write(b"go")
    net.run_for(1)
    assert client.heard == b"one two three four"


def test_what_a_protocol_writes_while_it_hears_leaves_as_one() -> None:
    """And what it writes at another time does too."""
    pieces: list[bytes] = []
    server = Party(lambda each: [each.transport.write(b"piece ") for _ in range(5)])
    net, client = joined(server)
    client.hears = lambda each: pieces.append(each.heard)
    client.transport.write(b"go")
    net.run_for(1)
    for _ in range(5):
        server.transport.write(b"more ")
    net.run_for(1)
    assert pieces == [b"piece " * 5, b"piece " * 5 + b"more " * 5]


class Guard:
    """Stands beside a connection."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def ended(self) -> None:
        """Note it."""
        self.told.append("ended")

    def overflowed(self) -> None:
        """Note it."""
        self.told.append("overflowed")


def test_who_writes_on_and_on_to_a_peer_that_does_not_read_is_cut() -> None:
    """A producer is paused long before; a single large write is fine."""
    server, guard = Party(), Guard()
    net, client = joined(server)
    client.transport.pauseProducing()
    server.transport.guard, server.transport.queue_limit = guard, 300_000
    server.transport.write(b"x" * 1_000_000)
    net.run_for(1)
    assert server.end == ""
    server.transport.write(b"x")
    assert (server.end, guard.told) == ("", ["overflowed"])  # never from inside a write
    net.run_for(1)
    assert (server.end, guard.told) == ("ConnectionAborted", ["overflowed", "ended"])


def test_who_writes_on_in_sequences_is_cut_too() -> None:
    """As Twisted's `LineOnlyReceiver` does, for each of its lines."""
    server, guard = Party(), Guard()
    net, client = joined(server)
    client.transport.pauseProducing()
    server.transport.guard, server.transport.queue_limit = guard, 300_000
    server.transport.writeSequence([b"x" * 1_000_000, b"", b"\n"])
    net.run_for(1)
    assert server.end == ""
    server.transport.writeSequence([b"x", b"\n"])
    net.run_for(1)
    assert (server.end, guard.told) == ("ConnectionAborted", ["overflowed", "ended"])


def test_what_is_written_now_leaves_at_once() -> None:
    """One piece, one send; and in its place, if something waits already."""
    pieces: list[bytes] = []
    server, counters = Party(), DoorCounters()
    net, client = joined(server)
    server.transport.counters = counters
    client.hears = lambda each: pieces.append(each.heard)
    server.transport.write_now(b"one ")
    assert counters.sent == 4
    net.run_for(1)
    server.transport.write_now(b"")
    server.transport.write(b"two ")
    server.transport.write_now(b"three ")
    assert counters.sent == 4
    net.run_for(1)
    assert pieces == [b"one ", b"one two three "]


def test_what_does_not_leave_at_once_leaves_later() -> None:
    """The producer is paused until it has, and more that is written now stands in line."""
    server = Party()
    net, client = joined(server)
    client.transport.pauseProducing()
    server.transport.registerProducer(server.transport, True)
    for number in range(5):
        server.transport.write_now(b"%d" % number * 200_000)
    net.run_for(1)
    assert server.transport.producerPaused
    client.transport.resumeProducing()
    net.run_for(5)
    assert client.heard == b"".join(b"%d" % number * 200_000 for number in range(5))
    assert not server.transport.producerPaused


def test_an_answer_that_is_written_now_leaves_with_the_rest() -> None:
    """A protocol is still hearing: more may come."""
    pieces: list[bytes] = []
    server = Party(lambda each: [each.transport.write_now(b"piece ") for _ in range(5)])
    net, client = joined(server)
    client.hears = lambda each: pieces.append(each.heard)
    client.transport.write(b"go")
    net.run_for(1)
    assert pieces == [b"piece " * 5]


def test_what_is_written_last_stands_in_line() -> None:
    """With what was written before and after it; also where no turn's end is known."""
    pieces: list[bytes] = []

    def hears(each: Party) -> None:
        each.transport.write(b"one ")
        each.transport.write_last(b"two ")
        each.transport.write_last(b"")
        each.transport.write(b"three")

    net, client = joined(Party(hears))
    client.hears = lambda each: pieces.append(each.heard)
    client.transport.write(b"go")
    net.run_for(1)
    assert pieces == [b"one two three"]


def test_what_came_before_a_reset_is_heard_though_a_send_now_has_failed() -> None:
    """As with any other send."""
    server = Party()
    net, client = joined(server)
    net["server"].stall(1.0)
    client.transport.write(b"question")
    net.run_for(0.5)
    client.transport.abortConnection()
    net.run_for(0.1)
    server.transport.write_now(b"answer")
    net.run_for(2)
    assert (server.heard, server.end) == (b"question", "ConnectionLost")
    server.transport.write_now(b"too late")


def test_the_transport_counts() -> None:
    """What came and what went, not what was only written."""
    server, counters = Party(lambda each: each.transport.write(b"four")), DoorCounters()
    net, client = joined(server)
    server.transport.counters = counters
    client.transport.write(b"seventeen letters")
    net.run_for(1)
    assert (counters.received, counters.sent) == (17, 4)
    client.transport.pauseProducing()
    server.transport.write(b"x" * 1_000_000)
    net.run_for(1)
    assert 4 < counters.sent < 1_000_000
    assert server.transport.stirred


def test_a_protocol_that_is_aborted_while_it_answers_sends_nothing() -> None:
    """As with Twisted's own, what waits is gone."""

    def answer(party: Party) -> None:
        party.transport.write(b"never sent")
        party.transport.abortConnection()

    server = Party(answer)
    net, client = joined(server)
    client.transport.write(b"go")
    net.run_for(1)
    assert (client.heard, client.end, server.end) == (b"", "ConnectionLost", "ConnectionAborted")


def test_only_bytes_can_be_written() -> None:
    """And who writes anything else learns it at once."""
    server = Party()
    joined(server)
    for wrong in ("text", None, bytearray(b"x")):
        with pytest.raises(TypeError, match="must be bytes"):
            server.transport.write(wrong)
        with pytest.raises(TypeError, match="must be bytes"):
            server.transport.writeSequence([b"right", wrong])


def test_a_reactor_that_makes_its_own_transports_is_left_alone() -> None:
    """As is what is no reactor of descriptors."""
    simulated, clock = SimNetwork().host("a").reactor, Clock()
    assert fast(simulated) is simulated
    assert fast(clock) is clock


@pytest.mark.real_sockets
def test_every_reactor_of_descriptors_gets_fast_transports() -> None:
    """It stays the reactor that it is in everything else."""

    async def scenario(world: LoopbackWorld) -> None:
        opened = fast(world.reactor)
        assert isinstance(opened, Fast)
        assert all(each.providedBy(opened) for each in (IReactorTCP, IReactorUNIX))
        assert opened.seconds == world.reactor.seconds
        server = Party(lambda each: each.transport.write(each.heard))
        port = opened.listenTCP(0, Hands(server), interface="127.0.0.1")
        client = Party()
        endpoint = TCP4ClientEndpoint(opened, "127.0.0.1", port.getHost().port)
        await connectProtocol(endpoint, client)
        client.transport.write(b"hello")
        while client.heard != b"hello":
            await world.sleep(0.01)
        assert isinstance(server.transport, FastServer)
        assert repr(server.transport) == f"<Party #0 on {port.getHost().port}>"
        assert server.transport.logPrefix() == "Party,0,127.0.0.1"

    kinds: tuple[type[PosixReactorBase] | None, ...] = (None, SelectReactor)
    for kind in kinds:
        LoopbackWorld(kind).run(scenario)


@pytest.mark.real_sockets
def test_a_unix_socket_and_an_inherited_one_are_fast_too(tmp_path: Path) -> None:
    """Descriptors that nobody asked for are closed."""
    path = str(tmp_path / "door")

    async def scenario(world: LoopbackWorld) -> None:
        opened = fast(world.reactor)
        party = Party(lambda each: each.transport.write(b"heard " + each.heard))
        opened.listenUNIX(path, Hands(party))
        read, write = os.pipe()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(path)
            socket.send_fds(client, [b"hello"], [write])
            os.close(write)
            while not party.heard:
                await world.sleep(0.01)
            assert client.recv(100) == b"heard hello"
            assert os.read(read, 1) == b""  # nobody has the other end any more
        os.close(read)
        with socket.create_server(("127.0.0.1", 0)) as inherited:
            inherited.setblocking(False)
            other = Party(lambda each: each.transport.loseConnection())
            opened.adoptStreamPort(inherited.fileno(), socket.AF_INET, Hands(other))
            with socket.create_connection(inherited.getsockname(), timeout=PATIENCE) as client:
                client.sendall(b"bye")
                while not other.end:
                    await world.sleep(0.01)
                assert client.recv(100) == b""

    LoopbackWorld().run(scenario)


def guarded(net: SimNetwork, inside: Party, **options: Any) -> GuardedFactory:
    """Listen on the host ``server`` for one guarded party."""
    reactor = net.host("server").reactor
    door = Door("quote-tcp", "stream", "tcp:7017", Hands(inside), idle=8.0)
    factory = GuardedFactory(
        door, Hands(inside), reactor, DoorCounters(), Census(9, 9), KeepAlive(60, 10, 3), **options
    )
    reactor.listenTCP(7, factory)
    return factory


def connected(net: SimNetwork, inside: Party) -> Party:
    """Connect a client to it."""
    endpoint = TCP4ClientEndpoint(net.host("client").reactor, net["server"].ip, 7)
    client = Party()
    net.run(lambda: connectProtocol(endpoint, client))
    net.run_until(lambda: inside.transport is not None)
    return client


def test_a_guard_stands_beside_a_fast_transport_and_not_round_it() -> None:
    """The protocol has the transport for itself, and every byte and end is counted."""
    net = SimNetwork(transports=FAST)
    inside = Party(lambda each: each.transport.write(b"four"))
    factory = guarded(net, inside)
    client = connected(net, inside)
    transport: Any = inside.transport
    assert isinstance(transport, FastServer)
    assert inside.transport.protocol is inside
    assert inside.transport.logPrefix().startswith("quote-tcp,0,")
    client.transport.write(b"seventeen letters")
    net.run_for(1)
    counters = factory.counters
    assert (counters.received, counters.sent, counters.open, counters.accepted) == (17, 4, 1, 1)
    client.transport.loseConnection()
    net.run_for(1)
    assert (counters.open, inside.end, factory._census.total) == (0, "ConnectionDone", 0)
    assert net["server"].reactor.getDelayedCalls() == []


class Lender(Stream):
    """Does all that stream doors do: follows its peer, tunes its socket, says things at once."""

    transport: Any

    def connectionMade(self) -> None:
        """Tune it."""
        super().connectionMade()
        self.transport.getHandle()

    def dataReceived(self, data: bytes) -> None:
        """Answer."""
        self.transport.write_now(data)


def test_a_connection_keeps_its_attributes_where_python_finds_them_soonest() -> None:
    """CPython 3.11 and 3.12 have room for 29 of them beside the instance."""
    net = SimNetwork(transports=FAST)
    inside: Any = Lender()
    guarded(net, inside)
    client = connected(net, inside)
    client.transport.write(b"hello")
    net.run_for(1)
    assert client.heard == b"hello"
    # Only reactors that are not lean ask for what log lines are marked with.
    assert len(vars(inside.transport).keys() - {"logstr", "repstr"}) <= 29


def test_a_guard_beside_a_transport_finds_out_who_is_silent() -> None:
    """Not before its time, and not long after it; who then does not go is cut."""
    net = SimNetwork(transports=FAST)
    inside = Party()
    factory = guarded(net, inside)
    client = connected(net, inside)
    net.run_for(6)
    client.transport.write(b"still here")
    net.run_for(7.9)
    assert str(inside.end) == ""
    net.run_for(1.2)
    assert str(inside.end) == "ConnectionDone"
    assert factory.counters.dropped == {"idle": 1}


def test_a_half_close_is_answered_by_a_protocol_that_knows_nothing_of_it() -> None:
    """Twisted would throw away what it has written."""
    net = SimNetwork(transports=FAST)
    much = b"x" * 1_000_000
    inside = Party(lambda each: each.transport.write(much))
    guarded(net, inside)
    client = connected(net, inside)
    client.transport.write(b"go")
    client.transport.loseWriteConnection()
    net.run_for(5)
    assert (client.heard, client.end, str(inside.end)) == (much, "ConnectionDone", "ConnectionDone")


def test_a_guard_counts_who_wrote_on_to_a_peer_that_does_not_read() -> None:
    """The door's counters say why the connection was cut."""
    net = SimNetwork(transports=FAST)
    inside = Party()
    factory = guarded(net, inside, queue_limit=100_000)
    connected(net, inside).transport.pauseProducing()
    for _ in range(20):
        inside.transport.write(b"x" * 50_000)
        net.run_for(0.1)
    assert str(inside.end) == "ConnectionAborted"
    assert factory.counters.dropped == {"send_queue_full": 1}


@pytest.mark.real_sockets
def test_connections_are_born_with_what_their_factory_asks_for() -> None:
    """Five system calls fewer for each, where the kernel hands options down."""

    async def scenario(world: LoopbackWorld) -> None:
        opened, inside = fast(world.reactor), Party()
        door = Door("quote-tcp", "stream", "tcp:7017", Hands(inside))
        factory = GuardedFactory(
            door, Hands(inside), world.reactor, DoorCounters(), Census(9, 9), KeepAlive(61, 11, 4)
        )
        port = opened.listenTCP(0, factory, interface="127.0.0.1")
        with socket.create_connection(("127.0.0.1", port.getHost().port), timeout=PATIENCE):
            while inside.transport is None:
                await world.sleep(0.01)
            handle = inside.transport.getHandle()
            inside.transport.setTcpNoDelay(True)  # as every door does
            found = [
                handle.getsockopt(level, option) for level, option, _ in factory.socket_options
            ]
            assert found == [value for _, _, value in factory.socket_options]
            inside.transport.setTcpNoDelay(False)
            assert not inside.transport.getTcpNoDelay()
            inside.transport.setTcpNoDelay(True)
            assert inside.transport.getTcpNoDelay()

    LoopbackWorld().run(scenario)


def test_a_server_that_reads_only_while_its_peer_does_is_not_paused_for_nothing() -> None:
    """An answer longer than what pauses a producer leaves at once; only a rest of it pauses."""

    def answer(party: Party) -> None:
        if party.transport.producer is None:
            party.transport.registerProducer(party.transport, True)
        party.transport.write(b"x" * 70_000)
        paused.append(party.transport.producerPaused)

    paused: list[bool] = []
    server = Party(answer)
    net, client = joined(server)
    for _ in range(3):
        client.transport.write(b"more")
        net.run_for(1)
    assert (len(client.heard), paused) == (210_000, [False, False, False])
    client.transport.pauseProducing()
    for _ in range(9):
        client.transport.write(b"more")
        net.run_for(1)
    assert server.transport.producerPaused
    assert len(paused) < 12  # it reads no more
    client.transport.resumeProducing()
    net.run_for(5)
    assert len(client.heard) == 70_000 * len(paused)


class Exhausted:
    """A listening socket of a process that has no descriptor left; then some who wait, or none."""

    def __init__(self, *waiting: tuple[Any, Any]) -> None:
        self.waiting = list(waiting)
        self.refused = 0

    def accept(self) -> tuple[Any, Any]:
        """Fail at first (accept(2))."""
        if not self.refused or not self.waiting:
            self.refused += 1
            raise OSError(EAGAIN if self.refused > 1 else EMFILE, "")
        return self.waiting.pop(0)


def exhausted(*waiting: tuple[Any, Any]) -> tuple[SimNetwork, Any, GuardedFactory]:
    """Listen with a guarded party on such a socket; return it and its port, too."""
    net = SimNetwork(transports=FAST)
    factory = guarded(net, Party())
    readers: list[Any] = net["server"].reactor.getReaders()
    port: Any = next(each for each in readers if isinstance(each, FastPort))
    port._accept, port.socket.accept = Exhausted().accept, Exhausted(*waiting).accept
    return net, port, factory


def test_who_finds_no_descriptor_is_counted_and_not_logged_one_by_one() -> None:
    """Whoever connects could fill the log: Twisted writes a line for each, and two around them."""
    closed: list[str] = []

    class Waiting:
        def close(self) -> None:
            closed.append("closed")

    _, port, factory = exhausted(*[(Waiting(), ("192.0.2.1", 40_000 + each)) for each in range(3)])
    with capturedLogs() as lines:
        port.doRead()
    assert closed == ["closed"] * 3
    assert factory.counters.dropped == {"no_descriptor": 3}
    assert len(lines) == 1


def test_a_port_that_can_turn_nobody_away_looks_again_in_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kernel says that somebody waits for as long as they do: it would take all the time."""

    class Lost:
        def __init__(self) -> None:
            self.there = False

        def available(self) -> bool:
            return self.there

        def reserve(self) -> None:
            self.there = True

    net, port, factory = exhausted()
    lost = Lost()
    monkeypatch.setattr(tcp, "_reservedFD", lost)
    port.doRead()
    readers = net["server"].reactor.getReaders
    assert (port in readers(), factory.counters.dropped) == (False, {"not_accepted_emfile": 1})
    net.run_for(2 * LACK)
    assert (port in readers(), lost.there) == (True, True)


def _too_long(party: Party) -> None:
    party.transport.registerProducer(party.transport, True)
    party.transport.write(b"x" * 600_000)


def _refused(party: Party) -> None:
    party.transport.registerProducer(party.transport, True)
    party.transport.write(b"x" * 140_000)
    with contextlib.suppress(RuntimeError):  # it has a producer
        party.transport.registerProducer(Puller(party.transport), False)


def _registered_late(party: Party) -> None:
    party.transport.write(b"x" * 600_000)
    party.transport.registerProducer(party.transport, True)


def _reads_on(party: Party) -> None:
    party.transport.registerProducer(party.transport, True)
    party.transport.write(b"x" * 140_000)
    party.transport.resumeProducing()


def _unregistered(party: Party) -> None:
    party.transport.registerProducer(party.transport, True)
    party.transport.write(b"x" * 140_000)
    party.transport.unregisterProducer()


def _in_pieces(party: Party) -> None:
    party.transport.registerProducer(party.transport, True)
    party.transport.write(b"x" * 140_000)
    party.transport.writeSequence([b"x", b"y"])


def _nearly_all(party: Party) -> None:
    party.transport.registerProducer(party.transport, True)
    party.transport.write(b"x" * 135_000)


@pytest.mark.parametrize(
    ("answer", "reads"),
    [
        (_too_long, False),
        (_refused, False),
        (_registered_late, True),
        (_reads_on, True),
        (_unregistered, False),
        (_in_pieces, False),
        (_nearly_all, False),
    ],
)
def test_a_server_whose_answer_does_not_leave_at_once_reads_on_exactly_when_stock_does(
    answer: Callable[[Party], None], reads: bool
) -> None:
    """It is its own producer, and the peer reads nothing yet."""

    def once(party: Party) -> None:
        if party.heard == b"go":
            answer(party)

    for transports in (FAST, Transports()):
        server = Party(once)
        net, client = joined(server, transports)
        client.transport.pauseProducing()
        client.transport.write(b"go")
        net.run_for(1)
        client.transport.write(b" on")
        net.run_for(1)
        assert server.heard == (b"go on" if reads else b"go")


class Fails:
    """Fails when it is told to pause."""

    def pauseProducing(self) -> None:
        """Fail."""
        raise ZeroDivisionError

    def resumeProducing(self) -> None:
        """Do nothing."""

    def stopProducing(self) -> None:
        """Do nothing."""


def test_what_is_written_is_sent_though_its_producer_fails_when_it_is_paused() -> None:
    """Twisted's own would keep it until something else is written."""
    server = Party()
    net, client = joined(server)
    server.transport.registerProducer(Fails(), True)
    with pytest.raises(ZeroDivisionError):
        server.transport.write(b"x" * 70_000)
    net.run_for(1)
    assert len(client.heard) == 70_000


def test_an_answer_leaves_though_the_peer_s_end_comes_with_the_question() -> None:
    """Twisted's own would throw it away, of a protocol that knows nothing of half-closes."""
    server = Party(lambda each: each.transport.write(b"answer"))
    net, client = joined(server)
    net["server"].stall(1.0)
    client.transport.write(b"question")
    client.transport.loseWriteConnection()
    net.run_for(2)
    assert (client.heard, str(server.end)) == (b"answer", "ConnectionDone")


def test_a_close_after_the_peer_s_is_clean_though_so_linger_would_reset() -> None:
    """As with Twisted's own, which shut the connection down first."""
    server = Party()
    net, client = joined(server)
    server.transport.getHandle().setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    vars(client).update(
        readConnectionLost=client.transport.loseConnection, writeConnectionLost=lambda: None
    )
    alsoProvides(client, IHalfCloseableProtocol)
    client.transport.loseWriteConnection()
    net.run_for(1)
    assert (str(server.end), str(client.end)) == ("ConnectionDone", "ConnectionDone")
