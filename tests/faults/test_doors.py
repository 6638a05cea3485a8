"""Tests of `twisted_net.faults.streams` and `datagrams`: the proxy between two simulated hosts."""

from typing import Any

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost

from tests.simulated.bench import SERVER
from tests.testing.parties import Party, Shouts, call, serve
from twisted_net.faults import Breakage, BreakingDatagrams, BreakingFactory, Event, Way
from twisted_net.faults.codec import Kind
from twisted_net.faults.datagrams import OTHERS
from twisted_net.net.clients import Target
from twisted_net.testing import DROP, Packet, SimNetwork, check_determinism

PROXY = "proxy"


class Broken:
    """A network of a client, a proxy and a server.

    :ivar told: the events, as text.
    """

    def __init__(
        self, net: SimNetwork, *rules: str, kind: Kind = "stream", seed: int = 1, **options: Any
    ) -> None:
        self.told: list[str] = []
        self.net = net
        self.client, proxy, self.server = map(net.host, ("client", PROXY, SERVER))
        self.breakage = Breakage(kind, rules, seed, self._tell, **options)
        self.reactor = proxy.reactor
        if kind == "stream":
            target = Target("tcp", SERVER, 7)
            self.door: Any = BreakingFactory(proxy.reactor, target, self.breakage)
            proxy.reactor.listenTCP(7, self.door)
        else:
            (address,) = net.dns[SERVER]
            self.door = BreakingDatagrams(proxy.reactor, (address, 7), self.breakage)
            proxy.reactor.listenUDP(7, self.door, maxPacketSize=65535)

    def _tell(self, event: Event) -> None:
        self.told.append(str(event))

    def faults(self, way: Way) -> dict[str, int]:
        """Return what was done in one direction."""
        return self.breakage.tallies[way].faults

    def call(self, first: bytes = b"") -> Party:
        """Connect a client, and let it say something."""
        party = Party(first)
        self.net.run(lambda: call(self.client, PROXY, party))
        return party

    def lost(self, party: Party) -> type[BaseException]:
        """Return how a connection ends, once it has."""
        found: type[BaseException] = self.net.run(party.lost)
        return found


def close(party: Party) -> None:
    """Close a connection in order."""
    party.transport.loseConnection()


def test_without_rules_nobody_notices(net: SimNetwork) -> None:
    """What is said, the half-close, the answer after it, and the end."""
    broken = Broken(net)
    servants: list[Party] = []

    class Answering(Party):
        def connectionMade(self) -> None:
            servants.append(self)

    serve(broken.server, Answering)
    party = broken.call(b"request")
    net.run_until(lambda: servants and servants[0].text == b"request")
    servants[0].transport.write(bytes(300_000))
    net.run_until(lambda: len(party.text) == 300_000)
    close(party)
    assert broken.lost(party) is ConnectionDone
    assert broken.lost(servants[0]) is ConnectionDone
    net.run_until(lambda: not broken.door.passages)
    assert [each.partition(" ")[2] for each in broken.told] == [
        f"opened {net.dns['client'][0]}:49152",
        "closed",
    ]
    assert (broken.breakage.open, broken.breakage.connections) == (0, 1)
    tallies = broken.breakage.tallies
    assert (tallies[Way.TO_SERVER].passed, tallies[Way.TO_CLIENT].passed) == (7, 300_000)


def test_an_echo_comes_byte_by_byte_and_late(net: SimNetwork) -> None:
    """One byte in each segment, on the wire too."""
    broken = Broken(net, "to-client:size=1", "to-client:delay=1s")
    serve(broken.server)
    party = broken.call(b"hello world")
    began = net.seconds()
    net.run_until(lambda: party.text == b"hello world")
    assert party.heard == [bytes([byte]) for byte in b"hello world"]
    assert 1.0 < net.seconds() - began < 1.2


def test_a_reset_is_a_reset_for_both(net: SimNetwork) -> None:
    """After just so many bytes."""
    broken = Broken(net, "to-client:reset=5")
    serve(broken.server)
    party = broken.call(b"hello world")
    assert broken.lost(party) is ConnectionLost
    assert broken.told[1:] == ["1 to-client reset #5", "1 closed reset by a rule"]
    assert broken.breakage.tallies[Way.TO_CLIENT].passed == 5


def test_a_close_cuts_an_answer_short_without_a_sign(net: SimNetwork) -> None:
    """What a reader takes for the end is none: that is what lengths and digests are for."""
    broken = Broken(net, "to-client:close=5")
    serve(broken.server)
    party = broken.call(b"hello world")
    assert (broken.lost(party), party.text) == (ConnectionDone, b"hello")
    assert broken.told[1:] == ["1 to-client close #5", "1 closed by a rule"]


def test_a_half_close_leaves_the_other_half_open(net: SimNetwork) -> None:
    """The server hears the end of the question, and its answer arrives."""
    broken = Broken(net, "to-server:half-close=5")

    class Late(Party):
        def connectionMade(self) -> None:
            self.transport.write(b"welcome")

    serve(broken.server, Late)
    party = broken.call(b"hello world")
    assert (broken.lost(party), party.text) == (ConnectionDone, b"welcome")
    assert broken.told[1] == "1 to-server half-close #5"


def test_a_black_hole_is_silence(net: SimNetwork) -> None:
    """Nobody is told anything, until the proxy itself has had enough."""
    broken = Broken(net, "to-client:blackhole=5", idle=60.0)
    serve(broken.server)
    party = broken.call(b"hello world")
    net.run_for(59)
    assert (party.text, party.lost.called) == (b"hello", False)
    assert broken.lost(party) is ConnectionLost
    assert broken.told[-1] == "1 closed silent for 60 s"


def test_rules_change_while_a_connection_lasts(net: SimNetwork) -> None:
    """And a reset does not wait for another byte."""
    broken = Broken(net)
    serve(broken.server)
    party = broken.call(b"a")
    net.run_until(lambda: party.text == b"a")
    broken.breakage.change(["delay=1s"])
    party.transport.write(b"b")
    net.run_for(1.9)
    assert party.text == b"a"
    net.run_for(0.2)
    assert party.text == b"ab"
    assert broken.breakage.rules == ["delay=1s"]
    broken.breakage.clear()
    assert broken.breakage.rules == []
    broken.breakage.change(["reset"])
    assert broken.lost(party) is ConnectionLost


def test_a_slow_reader_keeps_the_sender_waiting(net: SimNetwork) -> None:
    """The proxy holds little of what it is sent; the sender's own buffers fill."""
    broken = Broken(net, "to-server:slow-reader=100KiB")
    serve(broken.server, Party)
    party = broken.call(bytes(1 << 20))
    net.run_for(2.0)
    assert 100 << 10 <= broken.breakage.tallies[Way.TO_SERVER].came <= 400 << 10
    broken.breakage.change(["slow-reader"])
    came = broken.breakage.tallies[Way.TO_SERVER].came
    net.run_for(60)
    assert broken.breakage.tallies[Way.TO_SERVER].came == came
    party.transport.abortConnection()
    assert broken.lost(party)


def test_a_receiver_that_does_not_read_costs_a_bounded_amount(net: SimNetwork) -> None:
    """The sender waits; the proxy holds its room, and what a transport takes."""
    broken = Broken(net, room=100_000)

    class Deaf(Party):
        def connectionMade(self) -> None:
            self.transport.pauseProducing()  # type: ignore[attr-defined]

    serve(broken.server, Deaf)
    party = broken.call(bytes(10 << 20))
    net.run_for(10)
    assert broken.breakage.tallies[Way.TO_SERVER].came < 500_000
    broken.breakage.change(["reset=20s"])  # which does not wait for it either
    assert broken.lost(party) is ConnectionLost


def test_a_long_delay_costs_a_bounded_amount(net: SimNetwork) -> None:
    """And everything comes in the end."""
    broken = Broken(net, "delay=5s", room=100_000)
    serve(broken.server)
    party = broken.call(bytes(1 << 20))
    net.run_for(4.9)
    assert broken.breakage.tallies[Way.TO_SERVER].came < 300_000
    net.run_until(lambda: len(party.text) == 1 << 20)


def test_who_is_refused_by_the_server_is_reset(net: SimNetwork) -> None:
    """And it is told why there."""
    broken = Broken(net)
    party = broken.call(b"hello")
    assert broken.lost(party) is ConnectionLost
    assert broken.told[-1] == f"1 closed cannot connect to {SERVER}:7: connection refused"


def test_a_reset_of_one_side_resets_the_other(net: SimNetwork) -> None:
    """Either way round."""
    broken = Broken(net)
    servants: list[Party] = []

    class Servant(Party):
        def connectionMade(self) -> None:
            servants.append(self)

    serve(broken.server, Servant)
    for by_client in (True, False):
        party = broken.call(b"hello")
        net.run_until(lambda: servants and servants[-1].text == b"hello")
        one, other = (party, servants.pop()) if by_client else (servants.pop(), party)
        one.transport.abortConnection()
        assert broken.lost(other) is ConnectionLost
        net.run_until(lambda: not broken.door.passages)
    assert [each for each in broken.told if "closed" in each] == [
        "1 closed reset by the client",
        "2 closed reset by the server",
    ]


def test_a_server_that_vanishes_leaves_nothing_behind(net: SimNetwork) -> None:
    """Nor a client that does, while the connection to the server is being made."""
    broken = Broken(net)
    net.partition(PROXY, SERVER)
    party = broken.call(b"hello")
    party.transport.abortConnection()
    assert broken.lost(party)
    net.run_until(lambda: not broken.door.passages)
    second = broken.call(b"hello")
    assert broken.lost(second) is ConnectionLost
    assert broken.told[-1].startswith(f"2 closed cannot connect to {SERVER}:7: no answer in")


def test_there_is_a_limit_to_connections(net: SimNetwork) -> None:
    """Who is too many is closed, and counted."""
    broken = Broken(net, most=1)
    serve(broken.server)
    first = broken.call(b"a")
    second = broken.call(b"b")
    assert broken.lost(second) in (ConnectionDone, ConnectionLost)
    assert broken.breakage.refused == 1
    close(first)
    net.run_until(lambda: not broken.door.passages)
    third = broken.call(b"c")
    net.run_until(lambda: third.text == b"c")


def test_only_some_connections_suffer(net: SimNetwork) -> None:
    """Which ones, the seed says."""
    broken = Broken(net, "only=50%", "reset=1", seed=3)
    serve(broken.server)
    for _ in range(12):
        party = broken.call(b"hello")
        net.run_for(1)
        assert party.lost.called or party.text == b"hello"
    hit = [each.split()[0] for each in broken.told if "reset #1" in each]
    assert 2 <= len({*hit}) <= 10


def test_stopping_breaks_everything_off(net: SimNetwork) -> None:
    """What is connected, and what is about to be."""
    broken = Broken(net)
    serve(broken.server)
    party = broken.call(b"a")
    net.run_until(lambda: party.text == b"a")
    net.partition(PROXY, SERVER)
    broken.call(b"b")
    net.run_until(lambda: len(broken.door.passages) == 2)
    net.run(broken.door.stop)
    net.run(broken.door.stop)
    assert broken.told[-2:] == ["1 closed the proxy stopped", "2 closed the proxy stopped"]


@pytest.mark.parametrize("kind", ["stream", "datagram"])
def test_a_seed_breaks_the_same_things_again(kind: Kind) -> None:
    """To the packet, and with another heap and other hash seeds."""
    words = {
        "stream": ["jitter=20ms", "loss=20%", "corrupt=20%", "split=50%"],
        "datagram": ["jitter=20ms", "loss=20%", "corrupt=20%", "duplicate=20%", "reorder=20%"],
    }

    def scenario(net: SimNetwork) -> None:
        broken = Broken(net, *words[kind], kind=kind, seed=5)
        if kind == "stream":
            serve(broken.server)
            party = broken.call(bytes(50_000))
            net.run_until(lambda: len(party.text) == 50_000)
        else:
            broken.server.reactor.listenUDP(7, Shouts(echo=True))
            shouts = Shouts()
            broken.client.reactor.listenUDP(1, shouts)
            for n in range(50):
                shouts.transport.write(bytes([n]), (net.dns[PROXY][0], 7))
            net.run_for(2)
        net.trace.note(" ".join(broken.told))

    check_determinism(scenario, 1, processes=False)


# Datagrams


class Asking:
    """A client of a datagram proxy, and the echo server behind it."""

    def __init__(self, broken: Broken) -> None:
        self.net = broken.net
        self.there = Shouts(echo=True)
        broken.server.reactor.listenUDP(7, self.there, maxPacketSize=65535)
        self.here = Shouts()
        broken.client.reactor.listenUDP(49_000, self.here, maxPacketSize=65535)
        self._proxy = (self.net.dns[PROXY][0], 7)

    def say(self, *datagrams: bytes) -> None:
        """Send some."""
        for datagram in datagrams:
            self.here.transport.write(datagram, self._proxy)

    @property
    def heard(self) -> list[bytes]:
        """What came back."""
        return [datagram for datagram, addr in self.here.heard if addr == self._proxy]


def test_datagrams_go_there_and_back(net: SimNetwork) -> None:
    """Each client by a port of its own, empty ones too."""
    asking = Asking(broken := Broken(net, kind="datagram"))
    second = Shouts()
    broken.client.reactor.listenUDP(49_001, second)
    asking.say(b"a", b"", bytes(20_000))
    second.transport.write(b"b", asking._proxy)
    net.run_for(1)
    assert asking.heard == [b"a", b"", bytes(20_000)]
    assert [datagram for datagram, _ in second.heard] == [b"b"]
    assert len({addr for _, addr in asking.there.heard}) == 2
    assert broken.breakage.open == 2


def test_what_is_lost_is_just_what_the_seed_says(net: SimNetwork) -> None:
    """And both directions are told apart."""
    asking = Asking(broken := Broken(net, "to-client:loss=10%", kind="datagram", seed=1))
    asking.say(*(bytes([n]) for n in range(100)))
    net.run_for(1)
    lost = [int(each.rpartition("#")[2]) for each in broken.told if "loss" in each]
    assert [each[0] for each in asking.heard] == [n for n in range(100) if n not in lost]
    assert broken.faults(Way.TO_CLIENT) == {"loss": len(lost)}
    assert broken.faults(Way.TO_SERVER) == {}
    assert 2 <= len(lost) <= 22


def test_rules_change_for_clients_that_are_there(net: SimNetwork) -> None:
    """At once."""
    asking = Asking(broken := Broken(net, kind="datagram"))
    asking.say(b"a")
    net.run_for(1)
    broken.breakage.change(["to-server:blackhole"])
    asking.say(b"b")
    net.run_for(1)
    broken.breakage.change(["blackhole=off", "delay=1s"])
    asking.say(b"c")
    net.run_for(1.9)
    assert asking.heard == [b"a"]
    net.run_for(0.2)
    assert asking.heard == [b"a", b"c"]


def test_a_rule_of_a_test_holds_in_the_proxy(net: SimNetwork) -> None:
    """It is the same callable."""

    def no_acks(packet: Packet) -> Any:
        return DROP if packet.payload.startswith(b"ack") else None

    broken = Broken(net, kind="datagram")
    broken.door.rule = no_acks
    asking = Asking(broken)
    asking.say(b"ack 1", b"data")
    net.run_for(1)
    assert asking.heard == [b"data"]


def test_a_silent_client_is_forgotten(net: SimNetwork) -> None:
    """With its port; one that comes back is a new one."""
    asking = Asking(broken := Broken(net, kind="datagram", idle=10.0))
    asking.say(b"a")
    net.run_for(6)
    asking.say(b"b")
    net.run_for(9)
    assert broken.breakage.open == 1
    net.run_for(6)
    assert (broken.breakage.open, broken.told[-1]) == (0, "1 closed silent for 10 s")
    asking.say(b"c")
    net.run_for(1)
    assert asking.heard == [b"a", b"b", b"c"]
    assert broken.breakage.connections == 2


def test_there_is_a_limit_to_clients(net: SimNetwork) -> None:
    """Datagrams of those who are too many are dropped, and counted."""
    asking = Asking(broken := Broken(net, kind="datagram", most=1))
    asking.say(b"a")
    second = Shouts()
    broken.client.reactor.listenUDP(49_001, second)
    second.transport.write(b"b", asking._proxy)
    net.run_for(1)
    assert (asking.heard, second.heard, broken.breakage.refused) == ([b"a"], [], 1)


def test_a_datagram_that_claims_to_come_from_the_proxy_itself_is_dropped(net: SimNetwork) -> None:
    """Its answer would be the next question, and so on for ever."""
    asking = Asking(broken := Broken(net, kind="datagram"))
    for host in ("127.0.0.1", broken.door.transport.getHost().host):
        broken.door.datagramReceived(b"a", (host, 7))
    net.run_for(1)
    assert (asking.there.heard, broken.faults(Way.TO_SERVER)) == ([], {"loop": 2})


class Elsewhere(Shouts):
    """A server that answers each question from a port of its own, as TFTP's do, and echoes there.

    :ivar ports: those, oldest first.
    """

    def __init__(self, reactor: Any) -> None:
        super().__init__()
        self.ports: list[Shouts] = []
        self._reactor = reactor

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Answer from a new port."""
        super().datagramReceived(datagram, addr)
        self.ports.append(Shouts(echo=True))
        self._reactor.listenUDP(0, self.ports[-1])
        self.ports[-1].transport.write(b"here: " + datagram, addr)


def elsewhere(broken: Broken, *questions: bytes) -> tuple[Elsewhere, Shouts]:
    """Ask a server that answers from elsewhere; return it and the client, once all is answered."""
    there = Elsewhere(broken.server.reactor)
    broken.server.reactor.listenUDP(7, there)
    here = Shouts()
    broken.client.reactor.listenUDP(49_000, here)
    for question in questions:
        here.transport.write(question, (broken.net.dns[PROXY][0], 7))
    broken.net.run_until(lambda: len(here.heard) == len(questions))
    return there, here


def ports_of(host: str, net: SimNetwork) -> int:
    """Return how many UDP ports a host has open."""
    return sum(line.split()[:2] == [host, "udp"] for line in net.netstat().splitlines())


def test_a_server_may_answer_from_another_port(net: SimNetwork) -> None:
    """What is sent to where an answer came from arrives there: two transfers side by side."""
    there, here = elsewhere(broken := Broken(net, kind="datagram"), b"one", b"two")
    assert [datagram for datagram, _ in here.heard] == [b"here: one", b"here: two"]
    (_, one), (_, two) = here.heard
    assert len({one, two, (net.dns[PROXY][0], 7)}) == 3
    here.transport.write(b"more of two", two)
    here.transport.write(b"more of one", one)
    net.run_for(1)
    assert [[datagram for datagram, _ in port.heard] for port in there.ports] == [
        [b"more of one"],
        [b"more of two"],
    ]
    assert here.heard[2:] == [(b"more of two", two), (b"more of one", one)]
    assert broken.breakage.tallies[Way.TO_SERVER].datagrams_passed == 4


def test_such_a_conversation_suffers_as_any_other(net: SimNetwork) -> None:
    """The same rules, the same count of datagrams, wherever they go."""
    there, here = elsewhere(broken := Broken(net, kind="datagram"), b"one")
    broken.breakage.change(["to-server:loss=100%"])
    here.transport.write(b"more", here.heard[0][1])
    net.run_for(1)
    assert (there.ports[0].heard, broken.told[-1]) == ([], "1 to-server loss #1")


def test_strangers_are_heard_at_no_port(net: SimNetwork) -> None:
    """Another host must not put words into a server's mouth, nor into a client's."""
    there, here = elsewhere(broken := Broken(net, kind="datagram"), b"one")
    _, question = there.heard[0]
    stranger = Shouts()
    net.host("stranger").reactor.listenUDP(7, stranger)
    stranger.transport.write(b"spoof", question)
    stranger.transport.write(b"spoof", here.heard[0][1])
    net.run_for(1)
    assert (len(here.heard), there.ports[0].heard) == (1, [])
    assert [broken.faults(way) for way in Way] == [{"stranger": 1}, {"stranger": 1}]


def test_a_server_that_answers_from_ever_more_ports_costs_a_bounded_amount(net: SimNetwork) -> None:
    """The last transfers go on, those before them are forgotten."""
    there, here = elsewhere(
        broken := Broken(net, kind="datagram"), *(bytes([n]) for n in range(OTHERS + 3))
    )
    assert ports_of(PROXY, net) == OTHERS + 2
    for _, where in here.heard:
        here.transport.write(b"more", where)
    net.run_for(1)
    assert [len(port.heard) for port in there.ports] == [0] * 3 + [1] * OTHERS
    net.run(broken.door.stop)
    net.run_for(1)
    assert ports_of(PROXY, net) == 1


def test_a_proxy_that_stops_lets_go_of_every_port(net: SimNetwork) -> None:
    """And of what was under way."""
    asking = Asking(broken := Broken(net, "delay=5s", kind="datagram"))
    asking.say(b"a", b"b")
    net.run_for(1)
    net.run(broken.door.stop)
    net.run_for(20)
    assert (asking.heard, broken.told[-1]) == ([], "1 closed the proxy stopped")
    assert PROXY not in net.netstat() or net.netstat().count("udp") == 3
