"""Real Twisted code on the network: what it sees is what a real network would show it."""

import gc
from typing import Any

import pytest
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    clientFromString,
    connectProtocol,
    serverFromString,
)
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.python import log
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.testing.parties import Echo, Party, Shouts, call, serve
from twisted_net.testing import (
    DROP,
    Chunking,
    Deadlock,
    Delay,
    Duplicate,
    Link,
    Livelock,
    LoggedErrors,
    Packet,
    SimNetwork,
    SimTimeout,
)
from twisted_net.testing.rules import Verdict


def network(**options: Any) -> SimNetwork:
    """Return a network with a server and a client."""
    net = SimNetwork(**options)
    net.host("server")
    net.host("client")
    return net


def test_a_stream_is_echoed() -> None:
    """Endpoints, a factory and two protocols, none of them changed."""
    net = network()

    async def main() -> bytes:
        echo: Any = Factory.forProtocol(Echo)
        await serverFromString(net["server"].reactor, "tcp:7").listen(echo)
        party = Party(b"hello")
        await connectProtocol(clientFromString(net["client"].reactor, "tcp:server:7"), party)
        await net.sleep(1)
        return party.text

    assert net.run(main) == b"hello"
    assert net.seconds() == pytest.approx(1.003)


def test_datagrams_are_echoed() -> None:
    """A UDP port on each side, and real datagram protocols."""
    net = network()
    server, client = Shouts(echo=True), Shouts()
    net["server"].reactor.listenUDP(9, server)
    net["client"].reactor.listenUDP(0, client)
    client.transport.write(b"hello", ("10.0.0.1", 9))
    net.run_for(1)
    assert client.heard == [(b"hello", ("10.0.0.1", 9))]
    assert server.heard == [(b"hello", ("10.0.0.2", 49152))]


def test_a_refused_connection_fails_as_everywhere() -> None:
    """ConnectionRefusedError, after one round trip."""
    net = network()
    endpoint = TCP4ClientEndpoint(net["client"].reactor, "10.0.0.1", 7)
    with pytest.raises(error.ConnectionRefusedError):
        net.run(connectProtocol(endpoint, Party()))
    assert net.seconds() == pytest.approx(0.002)


def test_a_connection_attempt_times_out_after_its_time() -> None:
    """An endpoint gives up after exactly 30 seconds."""
    net = network()
    net.partition("client", "server")
    with pytest.raises(error.TimeoutError):
        net.run(call(net["client"], "server", Party()))
    assert net.seconds() == pytest.approx(30, abs=0.01)


def test_the_kernel_gives_up_a_connection_attempt_after_127_seconds() -> None:
    """With a patient endpoint it is the kernel that reports the timeout."""
    net = network()
    net.partition("client", "server")
    patient = HostnameEndpoint(net["client"].reactor, "server", 7, timeout=1000)
    with pytest.raises(error.TCPTimedOutError):
        net.run(connectProtocol(patient, Party()))
    assert net.seconds() == pytest.approx(127, abs=0.01)


def test_a_name_that_nobody_has_is_not_found() -> None:
    """A lookup fails as a lookup."""
    net = network()
    with pytest.raises(error.DNSLookupError):
        net.run(call(net["client"], "nowhere", Party()))


def test_a_dead_first_address_is_overtaken_by_the_second() -> None:
    """Happy eyeballs: the second address is tried while the first is silent (RFC 8305)."""
    net = network()
    net.dns["both"] = ["10.0.0.99", "fd00::1"]

    async def main() -> Any:
        net["server"].reactor.listenTCP(7, Factory.forProtocol(Echo), interface="::")
        party: Any = await call(net["client"], "both", Party())
        return party.transport.getPeer().host

    assert net.run(main) == "fd00::1"
    assert 0.3 < net.seconds() < 0.5


def test_a_half_close_is_told_apart_from_a_close() -> None:
    """The end of one direction arrives while the other goes on."""
    net = network()

    @implementer(IHalfCloseableProtocol)
    class Answer(Party):
        def readConnectionLost(self) -> None:
            self.transport.write(b"answer to " + self.text)
            self.transport.loseConnection()

        def writeConnectionLost(self) -> None:
            raise AssertionError("it closes both directions at once")

    async def main() -> tuple[list[bytes], type[BaseException]]:
        serve(net["server"], Answer)
        party = await call(net["client"], "server", Party(b"question"))
        party.transport.loseWriteConnection()
        return party.heard, await party.lost

    heard, reason = net.run(main)
    assert heard == [b"answer to question"]
    assert reason is error.ConnectionDone


def test_an_abort_is_a_reset_for_the_other() -> None:
    """ConnectionAborted here, ConnectionLost there, and what was not sent is gone."""
    net = network()
    made: list[Party] = []

    class Remembered(Party):
        def connectionMade(self) -> None:
            made.append(self)

    async def main() -> list[type[BaseException]]:
        serve(net["server"], Remembered)
        party = await call(net["client"], "server", Party())
        await net.sleep(1)
        party.transport.write(b"never sent")
        party.transport.abortConnection()
        return [await party.lost, await made[0].lost]

    assert net.run(main) == [error.ConnectionAborted, error.ConnectionLost]
    assert made[0].heard == []


def test_a_large_write_comes_in_pieces_and_pauses_its_producer() -> None:
    """Reads are 64 KiB at most, and a producer is paused while the peer does not read."""
    net = network()
    states: list[str] = []

    class Producer:
        def pauseProducing(self) -> None:
            states.append("paused")

        def resumeProducing(self) -> None:
            states.append("resumed")

        def stopProducing(self) -> None:
            states.append("stopped")

    class Deaf(Party):
        def connectionMade(self) -> None:
            made.append(self)
            transport: Any = self.transport
            transport.pauseProducing()

    made: list[Any] = []

    async def main() -> None:
        serve(net["server"], Deaf)
        party: Any = await call(net["client"], "server", Party())
        party.transport.registerProducer(Producer(), True)
        party.transport.write(b"x" * 1_000_000)
        await net.sleep(10)
        assert states == ["paused"]
        made[0].transport.resumeProducing()
        await net.sleep(10)

    net.run(main)
    assert states == ["paused", "resumed"]
    assert len(made[0].text) == 1_000_000
    assert max(map(len, made[0].heard)) <= 65_536


def test_one_byte_chunks_are_one_byte() -> None:
    """``Chunking(size=1)`` finds whoever takes a read for a message."""
    net = network(chunking=Chunking(size=1))
    serve(net["server"])
    party = net.run(call(net["client"], "server", Party(b"abc")))
    net.run_for(1)
    assert party.heard == [b"a", b"b", b"c"]


def test_merged_wake_ups_make_packets_sticky() -> None:
    """Two segments that came 5 ms apart are read as one."""
    net = network(chunking=Chunking(merge=1.0))
    made: list[Party] = []

    class Remembered(Party):
        def connectionMade(self) -> None:
            made.append(self)

    async def main() -> None:
        serve(net["server"], Remembered)
        party = await call(net["client"], "server", Party())
        await net.sleep(0.005)
        party.transport.write(b"one")
        await net.sleep(0.005)
        party.transport.write(b"two")
        await net.sleep(1)

    net.run(main)
    assert made[0].heard == [b"onetwo"]


def test_a_cut_link_repaired_delivers_late_but_whole() -> None:
    """Retransmission backs off while the link is cut, and finds the link whole again."""
    net = network()
    serve(net["server"])
    party = net.run(call(net["client"], "server", Party()))
    net.partition("client", "server")
    party.transport.write(b"hello")
    net.at(20, net.repair, "client", "server")
    net.run_until(lambda: party.heard)
    assert party.text == b"hello"
    assert 20 < net.seconds() < 40


def test_a_one_way_cut_is_silent_in_one_direction_only() -> None:
    """The question arrives, the answer does not."""
    net = network()
    server, client = Shouts(echo=True), Shouts()
    net["server"].reactor.listenUDP(9, server)
    net["client"].reactor.listenUDP(0, client)
    net.partition("server", "client", oneway=True)
    client.transport.write(b"hello?", ("10.0.0.1", 9))
    net.run_for(1)
    assert (len(server.heard), len(client.heard)) == (1, 0)


def test_held_packets_arrive_when_released() -> None:
    """Nothing of what was held is lost, and the order is kept."""
    net = network()
    server, client = Shouts(), Shouts()
    net["server"].reactor.listenUDP(9, server)
    net["client"].reactor.listenUDP(0, client)
    net.hold("client", "server")
    for word in (b"one", b"two"):
        client.transport.write(word, ("10.0.0.1", 9))
    net.run_for(5)
    early = list(server.heard)
    net.release("client", "server")
    net.run_for(1)
    assert early == []
    assert [word for word, _ in server.heard] == [b"one", b"two"]


def test_rules_drop_delay_and_double_while_they_stand() -> None:
    """A rule sees every packet until its block ends; the first that does not pass wins."""
    net = network()
    server, client = Shouts(), Shouts()
    net["server"].reactor.listenUDP(9, server)
    net["client"].reactor.listenUDP(0, client)
    verdicts: dict[bytes, Verdict] = {b"lost": DROP, b"late": Delay(0.5), b"twice": Duplicate(1)}

    def rule(packet: Packet) -> Verdict:
        return verdicts.get(packet.payload)

    with net.rule(rule), net.rule(lambda packet: DROP if packet.payload == b"twice" else None):
        for word in (b"lost", b"late", b"twice", b"plain"):
            client.transport.write(word, ("10.0.0.1", 9))
        net.run_for(1)
    assert [word for word, _ in server.heard] == [b"twice", b"plain", b"twice", b"late"]
    client.transport.write(b"lost", ("10.0.0.1", 9))
    net.run_for(1)
    assert server.heard[-1][0] == b"lost"


def test_a_narrow_link_takes_its_time_and_its_queue_overflows() -> None:
    """A second's worth of data takes a second; what does not fit into the queue is dropped."""
    net = network()
    server, client = Shouts(), Shouts()
    net["server"].reactor.listenUDP(9, server)
    net["client"].reactor.listenUDP(0, client)
    net.link("client", "server", bandwidth=10_000, queue=5_000, latency=0)
    for _ in range(20):
        client.transport.write(b"x" * 972, ("10.0.0.1", 9))
    net.run_until(lambda: len(server.heard) == 6)
    assert net.seconds() == pytest.approx(0.6)
    net.settle()
    assert len(server.heard) == 6


def test_links_may_differ_by_direction() -> None:
    """Latency of one direction changes nothing in the other."""
    net = network()
    net.link_oneway("client", "server", latency=3)
    serve(net["server"])
    net.run(call(net["client"], "server", Party()))
    assert net.seconds() == pytest.approx(3.002)


def test_groups_reach_across_hosts() -> None:
    """JoinGroup and a write to the group, as in any multicast program."""
    net = network()
    parties = [Shouts(), Shouts()]
    for host, party in zip(net.hosts(), parties, strict=True):
        host.reactor.listenMulticast(9, party, listenMultiple=True)
        party.transport.joinGroup("239.1.2.3")
    net.run_for(0.1)
    parties[0].transport.write(b"all", ("239.1.2.3", 9))
    net.run_for(0.1)
    assert [party.heard[0][0] for party in parties] == [b"all", b"all"]


@pytest.mark.parametrize(("flavour", "refusals"), [("portable", 1), ("epoll", 0)])
def test_a_refused_datagram_is_told_or_closes_the_port(flavour: str, refusals: int) -> None:
    """With epoll a connected port is silently closed instead (twisted#5377)."""
    net = network(reactor=flavour)
    client = Shouts()
    port = net["client"].reactor.listenUDP(0, client)
    client.transport.connect("10.0.0.1", 9)
    client.transport.write(b"hello?")
    net.run_for(1)
    assert client.refusals == refusals
    assert bool(port.connected) == bool(refusals)


def test_waiting_for_what_cannot_happen_is_a_deadlock() -> None:
    """It is reported at once, with the state of all sockets."""
    net = network()
    serve(net["server"])
    waiting: Deferred[None] = Deferred()
    with pytest.raises(Deadlock, match=r"nothing can happen\nat 0.0[\s\S]*LISTEN"):
        net.run(waiting)


def test_waiting_too_long_is_a_timeout() -> None:
    """What never rests is given up after its virtual time."""
    net = network()

    def tick() -> None:
        net["client"].reactor.callLater(1, tick)

    tick()
    with pytest.raises(SimTimeout, match="not done after 100 s"):
        net.run(Deferred(), timeout=100)
    with pytest.raises(SimTimeout, match="something still goes on"):
        net.settle(timeout=100)
    with pytest.raises(SimTimeout, match="does not hold"):
        net.run_until(lambda: False, timeout=100)


def test_time_that_stands_still_is_a_livelock() -> None:
    """A call that repeats itself without delay is found."""
    net = network()

    def again() -> None:
        net["client"].reactor.callLater(0, again)

    again()
    with pytest.raises(Livelock, match="time does not go on"):
        net.run_for(1)


@pytest.mark.logs("ZeroDivisionError")
def test_a_logged_failure_fails_the_run() -> None:
    """An exception in a protocol is not swallowed by the log."""
    net = network()
    net["client"].reactor.callLater(1, lambda: 1 // 0)
    with pytest.raises(LoggedErrors, match="ZeroDivisionError"):
        net.run_for(2)


@pytest.mark.logs("ZeroDivisionError")
def test_a_failure_logged_in_the_old_way_fails_the_run() -> None:
    """Most of Twisted still says ``log.err``."""
    net = network()
    net["client"].reactor.callLater(1, log.err, Failure(ZeroDivisionError("in a protocol")))
    with pytest.raises(LoggedErrors, match="in a protocol"):
        net.run_for(2)


@pytest.mark.logs("ZeroDivisionError")
def test_a_lost_deferred_fails_the_run() -> None:
    """An unhandled failure is found at the end of the run, whatever the garbage collector does."""
    net = network()

    def lose() -> None:
        Deferred[None]().addCallback(lambda _: None)
        done: Deferred[None] = Deferred()
        done.addCallback(lambda _: 1 // 0)
        done.callback(None)

    net["client"].reactor.callLater(1, lose)
    with pytest.raises(LoggedErrors, match="ZeroDivisionError"):
        net.run_for(2)


@pytest.mark.logs("ZeroDivisionError")
def test_an_expected_failure_is_flushed() -> None:
    """A test that provokes a failure takes it out of the log."""
    net = network()

    async def main() -> int:
        net["client"].reactor.callLater(1, lambda: 1 // 0)
        await net.sleep(2)
        return len(net.flush_errors(ZeroDivisionError))

    assert net.run(main) == 1


def test_a_failure_of_main_is_raised() -> None:
    """The exception of the coroutine is the exception of the run."""

    async def main() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        network().run(main())


def test_plain_functions_run_too() -> None:
    """What is no coroutine is called, and its result returned."""
    assert network().run(lambda: 7) == 7


def test_a_network_does_not_run_within_its_own_run() -> None:
    """Nesting would turn time round."""
    net = network()
    net.at(1, lambda: net.run_for(1))
    with pytest.raises(RuntimeError, match="running already"):
        net.run_for(2)


def test_hosts_have_names_and_addresses_of_their_own() -> None:
    """A taken name or address is refused, and so is one that cannot be shown."""
    net = network()
    for name, ip in (("client", None), ("a>b", None), ("c", "10.0.0.1"), ("c", "127.0.0.1")):
        with pytest.raises(ValueError, match="is taken, or no"):
            net.host(name, ip=ip)
    assert net.host("far", ip="192.0.2.1").ip == "192.0.2.1"


def test_one_seed_is_one_run() -> None:
    """The same seed gives the same packets at the same times, another seed others."""

    def digest(seed: int) -> str:
        net = network(seed=seed, link=Link(loss=0.2, jitter=0.01), chunking=Chunking(split=0.5))
        serve(net["server"])
        party = net.run(call(net["client"], "server", Party(b"x" * 50_000)))
        net.run_until(lambda: len(party.text) == 50_000)
        return net.digest()

    assert digest(1) == digest(1) != digest(2)


def test_recorded_faults_do_it_all_again() -> None:
    """A plan made of what was recorded gives the same run without any dice."""

    def run(**options: Any) -> SimNetwork:
        net = network(**options)
        serve(net["server"])
        party = net.run(call(net["client"], "server", Party(b"x" * 50_000)))
        net.run_until(lambda: len(party.text) == 50_000)
        return net

    bad = Link(loss=0.1, duplicate=0.1, reorder=0.1, jitter=0.005)
    drawn = run(seed=3, link=bad, chunking=Chunking(split=0.5, merge=0.2), order="shuffle")
    replayed = run(seed=3, faults=drawn.faults.recorded)
    assert replayed.digest() == drawn.digest()
    assert drawn.faults.recorded


def test_contents_may_be_left_out_of_the_digest() -> None:
    """Two runs that differ in their bytes only are equal without them, as with TLS."""

    def run(word: bytes) -> SimNetwork:
        net = network()
        serve(net["server"])
        net.run(call(net["client"], "server", Party(word)))
        net.run_for(1)
        return net

    one, other = run(b"one"), run(b"two")
    assert one.digest() != other.digest()
    assert one.digest(payload=False) == other.digest(payload=False)


def test_a_protocol_that_is_refused_by_its_factory_is_closed() -> None:
    """A factory may answer None."""
    net = network()

    class Nobody(Factory):
        def buildProtocol(self, addr: Any) -> Protocol | None:
            return None

    async def main() -> type[BaseException]:
        net["server"].reactor.listenTCP(7, Nobody())
        return await (await call(net["client"], "server", Party())).lost

    assert net.run(main) is error.ConnectionDone


def test_what_others_have_frozen_stays_frozen() -> None:
    """A test suite keeps its own objects from the garbage collector; a run does not undo that."""
    frozen = gc.get_freeze_count()
    gc.freeze()
    try:
        kept = gc.get_freeze_count()
        SimNetwork().run_for(1)
        assert gc.get_freeze_count() > kept // 2  # few, if any, have died since
    finally:
        if not frozen:
            gc.unfreeze()


@pytest.mark.logs("ZeroDivisionError")
def test_a_failure_lost_in_a_cycle_is_found_by_the_run_that_lost_it() -> None:
    """However long the collector would have let it lie."""
    net = SimNetwork()

    def lose() -> None:
        lost: Deferred[None] = Deferred()
        vars(lost)["itself"] = lost
        lost.errback(ZeroDivisionError())

    net.host("server").reactor.callLater(1, lose)
    with pytest.raises(LoggedErrors, match="ZeroDivisionError"):
        net.run_for(2)
