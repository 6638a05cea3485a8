"""Peers on bad networks: they find each other, and hear each other, without a server."""

from typing import Any

import pytest
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol

from tests.chat.members import keypair
from tests.simulated.bench import dice, together
from twisted_net.chat.codec.messages import (
    Act,
    Announced,
    Event,
    Heard,
    Kind,
    Present,
    Refusal,
    Say,
    Tell,
    Who,
)
from twisted_net.chat.core.introduction import Identity
from twisted_net.chat.core.known import Known, fingerprint
from twisted_net.chat.core.trust import WARN_EVERY
from twisted_net.chat.peer import LOBBY, ChatPeer
from twisted_net.net.clients import Target
from twisted_net.net.errors import ClientError
from twisted_net.testing import Host, Link, SimNetwork, simulate

#: A LAN on a bad day.
LAN = Link(latency=0.002, jitter=0.001, loss=0.05, duplicate=0.02, reorder=0.05)


class Shouts(DatagramProtocol):
    """Somebody who sends bare text."""

    noisy = False
    transport: IUDPTransport


class Talker:
    """A peer on a host of its own, who writes down what it hears."""

    def __init__(
        self,
        net: SimNetwork,
        name: str,
        *seeds: str,
        discover: bool = False,
        host: Host | None = None,
        identity: Identity | None = None,
        known: Known | None = None,
    ) -> None:
        self.host: Host = net.host(name) if host is None else host
        self.heard: list[Heard] = []
        self.peer = ChatPeer(
            self.host.reactor,
            Target("udp", "0.0.0.0", 7008),  # noqa: S104 - of a simulated host
            self.heard.append,
            60.0,
            dice(self.host),
            seeds=[Target("udp", each, 7008) for each in seeds],
            discover=discover,
            identity=identity,
            known=known,
        )
        self.key = fingerprint(identity.public) if identity else ""

    async def enter(self) -> None:
        """Come."""
        await self.peer.enter(self.host.name)

    def texts(self, sender: str) -> list[str]:
        """Return what somebody was heard to say."""
        return [
            each.text
            for each in self.heard
            if isinstance(each, Event) and each.kind is Kind.SAID and each.sender == sender
        ]

    async def say(self, count: int) -> None:
        """Say so many things."""
        for number in range(count):
            await self.peer.request(Say(LOBBY, f"{self.host.name} {number}"))


def everybody_hears_everybody(talkers: list[Talker], count: int) -> None:
    """Each, in order, once, and not oneself."""
    for talker in talkers:
        for other in talkers:
            name = other.host.name
            said = [] if other is talker else [f"{name} {number}" for number in range(count)]
            assert talker.texts(name) == said, (talker.host.name, name)


@simulate(seeds=8, link=LAN)
async def test_peers_find_each_other_and_talk(net: SimNetwork) -> None:
    """By looking for a group of the link; nobody was told an address."""
    talkers = [Talker(net, f"p{n}", discover=True) for n in range(4)]
    await together(*(talker.enter() for talker in talkers))
    await net.sleep(70)
    await together(*(talker.say(5) for talker in talkers))
    everybody_hears_everybody(talkers, 5)
    await together(*(talker.peer.leave() for talker in talkers))


@simulate(seeds=5, link=LAN)
async def test_one_address_leads_to_the_whole_mesh(net: SimNetwork) -> None:
    """Whoever is asked names whom it knows."""
    talkers = [Talker(net, "p0")]
    await talkers[0].enter()
    for number in range(1, 4):
        talkers.append(Talker(net, f"p{number}", "p0"))
        await talkers[-1].enter()
        await net.sleep(70)
    await together(*(talker.say(3) for talker in talkers))
    everybody_hears_everybody(talkers, 3)
    await together(*(talker.peer.leave() for talker in talkers))


@simulate(seeds=3)
async def test_a_bare_datagram_is_heard_by_a_peer_and_marked(net: SimNetwork) -> None:
    """Whoever sent it is not proven; a terminal obeys nothing in it."""
    red, stranger = Talker(net, "red"), net.host("stranger")
    await red.enter()
    port = Shouts()
    stranger.reactor.listenUDP(40000, port)
    port.transport.write(b"hello\x1b[2J\n", (red.host.ip, 7008))
    await net.sleep(1)
    sender = f"{stranger.ip}:40000 (unproven)"
    assert red.heard == [Event(0, Kind.SAID, LOBBY, sender, r"hello\x1b[2J")]
    await red.peer.leave()


@simulate(seeds=3)
async def test_who_vanishes_is_missed_and_who_is_cut_off_is_told_of(net: SimNetwork) -> None:
    """What is said meanwhile is undelivered, to whom, and says so."""
    red, blue = Talker(net, "red"), Talker(net, "blue", "red")
    await red.enter()
    await blue.enter()
    await net.sleep(1)
    net.partition("red", "blue")
    with pytest.raises(ClientError, match="undelivered to blue"):
        await red.peer.request(Say(LOBBY, "lost"))
    net.repair("red", "blue")
    await net.sleep(60)
    await red.peer.request(Say(LOBBY, "found"))
    assert blue.texts("red") == ["found"]
    blue.host.power_off()
    await net.sleep(400)
    with pytest.raises(ClientError, match="nobody else is here"):
        await red.peer.request(Say(LOBBY, "anybody?"))
    await red.peer.leave()


@simulate(seeds=2)
async def test_two_peers_cannot_have_one_name(net: SimNetwork) -> None:
    """The second one hears why nobody hears it, and talks to those who do not know the first."""
    red, twin = Talker(net, "red"), Talker(net, "twin", "red")
    await red.enter()
    await twin.peer.enter("RED")
    await net.sleep(1)
    refused = Announced(f"{red.host.ip}:7008 refused: name 'RED' is taken")
    assert refused in twin.heard
    with pytest.raises(ClientError, match="nobody else is here"):
        await twin.peer.request(Say(LOBBY, "hi"))
    await together(red.peer.leave(), twin.peer.leave())


@simulate(seeds=3, link=LAN)
async def test_a_peer_that_comes_again_is_found_again(net: SimNetwork) -> None:
    """Killed without a word, it has its name back when the others have missed it."""
    red, blue = keyed(net, "red", discover=True), keyed(net, "blue", discover=True)
    await together(red.enter(), blue.enter())
    await net.sleep(5)
    blue.host.kill()
    await net.sleep(5)
    blue.host.restart()
    again = keyed(net, "blue", discover=True, host=blue.host)
    await again.enter()
    await net.sleep(300)
    await together(red.say(3), again.say(3))
    everybody_hears_everybody([red, again], 3)
    await together(red.peer.leave(), again.peer.leave())


@simulate(seeds=5)
async def test_a_peer_bears_whatever_strangers_send(net: SimNetwork) -> None:
    """Bytes of any kind, and packets that look like its own; those who talk go on talking."""
    red, blue = keyed(net, "red", discover=True), keyed(net, "blue", discover=True)
    await together(red.enter(), blue.enter())
    stranger = net.host("stranger")
    port = Shouts()
    stranger.reactor.listenUDP(40000, port)
    rolls = dice(stranger)
    for _ in range(300):
        head = bytes([0xFF, 0x10 | rolls.randrange(16), rolls.randrange(8)])
        begun = rolls.choice((b"", b"\xff", head))
        port.transport.write(begun + rolls.randbytes(rolls.randrange(300)), (red.host.ip, 7008))
        await net.sleep(0.01)
    await together(red.say(3), blue.say(3))
    everybody_hears_everybody([red, blue], 3)
    await together(red.peer.leave(), blue.peer.leave())


@simulate(seeds=3)
async def test_peers_see_who_is_there_and_tell_one_something(net: SimNetwork) -> None:
    """And who comes, and goes."""
    red, blue = Talker(net, "red"), Talker(net, "blue", "red")
    await red.enter()
    await blue.enter()
    await net.sleep(1)
    present = await red.peer.request(Who(""))
    assert [getattr(each, "name", "") for each in present[:2]] == ["red", "blue"]
    await blue.peer.request(Tell("red", "psst"))
    await red.peer.request(Act("waves", LOBBY))
    await blue.peer.leave()
    await net.sleep(1)
    told = [(each.kind, each.sender, each.text) for each in red.heard if isinstance(each, Event)]
    assert told == [
        (Kind.JOINED, "blue", ""),
        (Kind.TOLD, "blue", "psst"),
        (Kind.LEFT, "blue", "quit"),
    ]
    acted = [each for each in blue.heard if isinstance(each, Event) and each.kind is Kind.ACTED]
    assert [each.text for each in acted] == ["waves"]
    await red.peer.leave()


class Relay(DatagramProtocol):
    """Somebody who poses as a host: what one side sends here goes on to the other, as it is.

    :ivar changed: what is done with each datagram.
    """

    noisy = False
    transport: IUDPTransport

    def __init__(self, to: str) -> None:
        self._to = (to, 7008)
        self._back: dict[bytes, tuple[str, int]] = {}
        self._last: tuple[str, int] | None = None

    def datagramReceived(self, datagram: bytes, addr: tuple[Any, ...]) -> None:
        """Carry it on."""
        if addr[:2] == self._to:
            if self._last is not None:
                self.transport.write(datagram, self._last)
        else:
            self._last = (addr[0], addr[1])
            self.transport.write(datagram, self._to)


def keyed(net: SimNetwork, name: str, *seeds: str, **others: Any) -> Talker:
    """Return a peer with a key of its own."""
    return Talker(net, name, *seeds, identity=keypair(name), **others)


def joined(talker: Talker) -> list[tuple[str, str | None]]:
    """Return who was seen coming, and by which key."""
    return [
        (each.sender, dict(each.tags).get("key"))
        for each in talker.heard
        if isinstance(each, Event) and each.kind is Kind.JOINED
    ]


def announced(talker: Talker) -> list[str]:
    """Return what a peer was told."""
    return [each.text for each in talker.heard if isinstance(each, Announced)]


@simulate(seeds=5, link=LAN)
async def test_peers_with_and_without_keys_talk_and_know_which_is_which(net: SimNetwork) -> None:
    """Whoever has a key sees those of others; a peer without one is unproven to all."""
    red, blue = keyed(net, "red", discover=True), keyed(net, "blue", discover=True)
    old = Talker(net, "old", discover=True)
    await together(red.enter(), blue.enter(), old.enter())
    await net.sleep(70)
    await together(red.say(3), blue.say(3), old.say(3))
    everybody_hears_everybody([red, blue, old], 3)
    assert dict(joined(red)) == {"blue": blue.key, "old": ""}
    assert dict(joined(blue)) == {"red": red.key, "old": ""}
    assert dict(joined(old)) == {"red": None, "blue": None}
    present = await red.peer.request(Who(""))
    keys = {each.name: each.key for each in present if isinstance(each, Present)}
    assert keys == {"red": red.key, "blue": blue.key, "old": ""}
    await together(*(each.peer.leave() for each in (red, blue, old)))


@simulate(seeds=3)
async def test_another_key_under_a_known_name_is_kept_out_and_shouted_about(
    net: SimNetwork,
) -> None:
    """Nobody hears it, it hears nobody; the owner is told both keys, again and again."""
    known = Known()
    red, blue = keyed(net, "red", known=known), keyed(net, "blue", "red")
    await together(red.enter(), blue.enter())
    await net.sleep(5)
    await red.say(1)
    assert blue.texts("red") == ["red 0"]
    await together(blue.peer.leave())
    await net.sleep(5)
    for identity in (keypair("mallory"), None):
        red.heard.clear()
        name = "mallory" if identity else "nobody"
        mallory = Talker(net, name, "red", identity=identity)
        await mallory.peer.enter("blue")
        await net.sleep(30)
        assert joined(red) == []
        with pytest.raises(ClientError, match="nobody else is here"):
            await mallory.say(1)
        with pytest.raises(ClientError, match="nobody else is here"):
            await red.say(1)
        (warning,) = [each for each in announced(red) if each.startswith("WARNING")]
        assert mallory.host.ip in warning
        assert "'blue'" in warning
        await mallory.peer.leave()
        await net.sleep(WARN_EVERY)
    known.forget("blue")
    again = Talker(net, "again", "red", identity=keypair("new"))
    await again.peer.enter("blue")
    await net.sleep(5)
    await together(red.say(1), again.peer.request(Say(LOBBY, "new key")))
    assert red.texts("blue") == ["new key"]
    await together(red.peer.leave(), again.peer.leave())


@simulate(seeds=5, link=LAN)
async def test_who_relays_a_peer_s_packets_from_its_own_address_is_not_taken_for_it(
    net: SimNetwork,
) -> None:
    """Neither of the two talks through it, and both are told why."""
    red = keyed(net, "red")
    between = net.host("between")
    relay = Relay(red.host.ip)
    between.reactor.listenUDP(7008, relay)
    blue = keyed(net, "blue", "between")
    await together(red.enter(), blue.enter())
    blue.peer.call((between.ip, 7008))
    await net.sleep(100)
    assert joined(red) == joined(blue) == []
    assert any("did not prove who it is" in each for each in announced(blue))
    with pytest.raises(ClientError, match="nobody else is here"):
        await blue.say(1)
    await together(red.peer.leave(), blue.peer.leave())


@simulate(seeds=3)
async def test_a_name_that_nobody_knows_is_whose_who_came_first(net: SimNetwork) -> None:
    """Marked as unproven, if it is; who comes later is told, and comes when it is free."""
    red, mallory = keyed(net, "red"), Talker(net, "mallory", "red")
    await red.enter()
    await mallory.peer.enter("blue")
    await net.sleep(5)
    assert joined(red) == [("blue", "")]
    blue = keyed(net, "blue", "red")
    await blue.enter()
    await net.sleep(5)
    assert f"{red.host.ip}:7008 refused: name 'blue' is taken" in announced(blue)
    await mallory.say(1)
    await mallory.peer.leave()
    await net.sleep(200)
    await blue.say(1)
    said = [each for each in red.heard if isinstance(each, Event) and each.kind is Kind.SAID]
    assert [(each.text, dict(each.tags)) for each in said] == [
        ("mallory 0", {"key": ""}),
        ("blue 0", {"key": blue.key}),
    ]
    await together(red.peer.leave(), blue.peer.leave())


@simulate(seeds=3)
async def test_who_is_called_and_says_a_known_name_with_another_key_hears_nothing(
    net: SimNetwork,
) -> None:
    """Whoever calls has the same doubts as whoever is called; and an old friend is recognised."""
    known = Known({"blue": fingerprint(keypair("blue").public)})
    mallory = Talker(net, "mallory", identity=keypair("mallory"))
    await mallory.peer.enter("blue")
    red = keyed(net, "red", "mallory", known=known)
    await red.enter()
    red.peer.call((mallory.host.ip, 7008))
    await net.sleep(10)
    assert any(each.startswith("WARNING") for each in announced(red))
    with pytest.raises(ClientError, match="nobody else is here"):
        await red.say(1)
    blue = keyed(net, "blue")
    await blue.enter()
    red.peer.call((blue.host.ip, 7008))
    await net.sleep(10)
    await red.say(1)
    assert (mallory.texts("red"), blue.texts("red")) == ([], ["red 0"])
    await together(*(each.peer.leave() for each in (red, blue, mallory)))


@simulate(seeds=3)
async def test_a_name_goes_to_the_key_that_is_met_when_it_is_called(net: SimNetwork) -> None:
    """Whoever has it without one is sent away: they may neither speak nor hear under it."""
    red, mallory = keyed(net, "red"), Talker(net, "mallory", "red")
    await red.enter()
    await mallory.peer.enter("blue")
    blue = keyed(net, "blue", discover=True)
    await blue.enter()
    await net.sleep(5)
    red.peer.call((blue.host.ip, 7008))
    await net.sleep(5)
    with pytest.raises(ClientError):
        await mallory.say(1)
    await red.say(1)
    assert (mallory.texts("red"), blue.texts("red")) == ([], ["red 0"])
    with pytest.raises(Refusal, match="known here by a key"):
        red.peer.proven("blue", b"", (mallory.host.ip, 7008))
    await together(*(each.peer.leave() for each in (red, blue, mallory)))
