"""IP Messenger clients on a bad network, and the chat: discovery, order, once."""

from typing import Any

from twisted.internet.protocol import DatagramProtocol

from tests.simulated.bench import SERVER, Bench, dice, serving
from tests.simulated.chatters import Member
from tests.simulated.scenarios import STORM
from twisted_net.chat.codec.messages import Kind
from twisted_net.chat.core.ipmsg import Network
from twisted_net.chat.core.neighbours import Delivered, Happening, Spoke, Undelivered
from twisted_net.testing import Host, Link, SimNetwork, simulate

PORT = 2425


class Messenger(DatagramProtocol):
    """A client like those that there are: one port, from which and to which all is sent.

    :ivar undelivered: numbers of messages that nobody acknowledged.
    """

    noisy = False
    transport: Any

    def __init__(self, host: Host) -> None:
        self.reactor = host.reactor
        self.network = Network(dice(host), self.reactor.seconds(), host.name, host.name)
        self.heard: list[str] = []
        self.delivered: list[int] = []
        self.undelivered: list[int] = []
        self._timer: Any = None
        self.reactor.listenUDP(PORT, self)

    def startProtocol(self) -> None:
        """Announce itself."""
        self.transport.setBroadcastAllowed(True)
        self.announce()

    def announce(self) -> None:
        """Say to all that it is there."""
        self.network.announce(self.reactor.seconds())
        self._transmit()

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Take what comes."""
        self._happened(self.network.received(datagram, addr, self.reactor.seconds()))

    def say(self, name: str, text: str) -> int:
        """Send a message to whoever is called so."""
        [who] = [each for each in self.network.neighbours() if each.name == name]
        number = self.network.say(who, text, self.reactor.seconds())
        self._transmit()
        return number

    def knows(self, name: str) -> bool:
        """Say whether it has heard of somebody."""
        return any(each.name == name for each in self.network.neighbours())

    def _happened(self, happenings: list[Happening]) -> None:
        for each in happenings:
            if isinstance(each, Spoke):
                self.heard.append(each.text)
            elif isinstance(each, Delivered):
                self.delivered.append(each.number)
            elif isinstance(each, Undelivered):
                self.undelivered.append(each.number)
        self._transmit()

    def _transmit(self) -> None:
        for datagram, address in self.network.outgoing():
            self.transport.write(datagram, address or ("255.255.255.255", PORT))
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        deadline = self.network.deadline
        if deadline is not None:
            wait = max(0.0, deadline - self.reactor.seconds())
            self._timer = self.reactor.callLater(wait, self._wake)

    def _wake(self) -> None:
        self._happened(self.network.wake(self.reactor.seconds()))


async def met(net: SimNetwork, *clients: Messenger) -> None:
    """Wait until all have heard of the server, announcing themselves again where need be."""
    for _ in range(60):
        if all(client.knows("netdemo") for client in clients):
            return
        await net.sleep(31)
        for client in clients:
            client.announce()
    raise AssertionError("nobody was answered")


@simulate(seeds=5, link=Link(latency=0.001))
async def test_clients_find_the_server_and_it_finds_them(net: SimNetwork) -> None:
    """Whoever is there first hears of whoever comes later; and all hear who goes."""
    early = Messenger(net.host("early"))
    bench = serving(net, ipmsg="udp:2425", ipmsg_room="lobby")
    late = Messenger(net.host("late"))
    await net.sleep(3)
    member = Member(net.host("member"), "tcp")
    await member.enter()
    for client in (early, late):
        assert client.knows("netdemo")
        client.say("netdemo", f"{client.network.neighbours()[0].name} hears {len(client.heard)}")
    await net.sleep(3)
    said = [(e.sender, e.text) for e in member.visit.events if e.kind is Kind.SAID]
    assert [sender for sender, _ in said] == ["early@ipmsg", "late@ipmsg"]
    assert late.heard == [f"early@ipmsg: {said[0][1]}"]
    assert bench.counters.door("ipmsg").dropped == {"own_packet": 1}
    await bench.lives[0].stopService()
    await net.sleep(1)
    assert not early.knows("netdemo")


@simulate(seeds=10, link=STORM)
async def test_messages_are_heard_once_and_in_order_or_their_author_is_told(
    net: SimNetwork,
) -> None:
    """Of ten packets three get lost, some come twice, and some late."""
    serving(net, ipmsg="udp:2425", ipmsg_room="lobby")
    clients = [Messenger(net.host(f"c{n}")) for n in range(2)]
    await met(net, *clients)
    member = Member(net.host("member"), "tcp")
    assert await member.enter(tries=20)
    sent = [
        {client.say("netdemo", f"{n}:{turn}"): f"{n}:{turn}" for turn in range(6)}
        for n, client in enumerate(clients)
    ]
    await net.sleep(600)
    await member.answer_the_roll()
    said = [each.text for each in member.visit.events if each.kind is Kind.SAID]
    for n, (client, texts) in enumerate(zip(clients, sent, strict=True)):
        mine = [text for text in said if text.startswith(f"{n}:")]
        assert mine == sorted(set(mine))
        assert sorted(client.delivered + client.undelivered) == sorted(texts)
        assert {texts[number] for number in client.delivered} <= set(mine)
        other = [text for text in clients[1 - n].heard if f" {n}:" in text]
        assert other == sorted(set(other))


@simulate(seeds=3, link=Link(latency=0.001))
async def test_two_servers_on_one_network_leave_each_other_alone(net: SimNetwork) -> None:
    """They would tell each other what they were told; each has its own neighbours."""
    bench = serving(net, ipmsg="udp:2425", ipmsg_room="lobby")
    other = Bench(ipmsg="udp:2425", ipmsg_room="lobby")
    net.host("other", other)
    client = Messenger(net.host("client"))
    await net.sleep(3)
    assert [each.name for each in client.network.neighbours()] == ["netdemo", "netdemo"]
    for who in client.network.neighbours():
        client.network.say(who, "hello", net[SERVER].reactor.seconds())
    client.announce()
    await net.sleep(30)
    assert client.heard == []
    assert len(client.delivered) == 2
    assert bench.counters.door("ipmsg").dropped["another_server"] == 1
