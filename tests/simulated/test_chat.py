"""The chat on bad networks, through both doors: order, once, and who hears whom."""

import random
from collections.abc import Mapping
from typing import Any

from twisted.internet.protocol import Protocol

from tests.simulated.bench import SERVER, serving, together
from tests.simulated.chatters import Member
from tests.simulated.promises import chat_is_in_order, chat_keeps_its_word
from tests.simulated.scenarios import CUT, ROUGH, STORM, Chat
from twisted_net.chat.codec.messages import Kind
from twisted_net.net.clients import Target, connect
from twisted_net.testing import Link, SimNetwork, simulate


@simulate(seeds=10, link=STORM)
def test_datagrams_are_heard_in_order_and_once(net: SimNetwork) -> None:
    """Three in one room while 3 packets of 10 are lost, some doubled, and some late."""
    Chat()(net)


@simulate(seeds=10, link=STORM)
def test_members_may_move_to_other_addresses(net: SimNetwork) -> None:
    """In the same storm; nobody hears anything twice, or out of order, or misses it untold."""
    Chat(moves=1)(net)


@simulate(seeds=10, link=ROUGH, chunking=CUT, order="shuffle")
def test_lines_are_heard_in_order_however_the_stream_is_cut(net: SimNetwork) -> None:
    """Split and sticky segments make no difference to anybody."""
    Chat(("tcp", "tcp", "tcp"))(net)


@simulate(seeds=10, link=ROUGH, chunking=CUT, order="shuffle")
def test_both_doors_hear_one_order(net: SimNetwork) -> None:
    """Two by lines and two by datagrams hear the same conversation."""
    Chat(("tcp", "udp", "tcp", "udp"))(net)


@simulate(seeds=20, link=STORM)
def test_datagram_sessions_survive_disasters_or_say_that_they_did_not(net: SimNetwork) -> None:
    """The server loses power, links are cut, members move: what was confirmed was heard."""
    Chat(disasters=("power_off", "cut"), moves=1)(net)


def calm_or_rough(dice: random.Random) -> Mapping[str, Any]:
    """Draw a kind of network: what hides on one shows on another."""
    return {
        "link": Link(latency=dice.choice((0.001, 0.02, 0.3)), loss=dice.choice((0.0, 0.02, 0.1))),
        "chunking": dice.choice((None, CUT)),
        "order": dice.choice(("fifo", "shuffle")),
    }


@simulate(seeds=20, swarm=calm_or_rough)
def test_a_mixed_room_survives_all_disasters_at_once(net: SimNetwork) -> None:
    """Killed, stalled, powered off, cut: each session is right, or over and said to be."""
    Chat(("tcp", "udp", "tcp", "udp"), disasters=("power_off", "kill", "stall", "cut"))(net)


@simulate(seeds=5, link=STORM)
async def test_what_does_not_fit_is_left_out_and_said_so(net: SimNetwork) -> None:
    """A member behind a cut link is not waited for: a gap in what it hears has its number."""
    serving(net)
    quiet = Member(net.host("quiet"), "udp")
    loud = [Member(net.host(f"c{n}"), "tcp", padding=900) for n in range(2)]
    assert all([await member.enter(tries=20) for member in (quiet, *loud)])
    net.partition(SERVER, "quiet")
    net.at(net.seconds() + 2.5, net.repair, SERVER, "quiet")
    net.sometimes("something is left out", lambda: quiet.visit.missed)
    await together(*(member.shout(40) for member in loud))
    await together(*(member.answer_the_roll() for member in (quiet, *loud)))
    chat_keeps_its_word([quiet, *loud])


@simulate(seeds=5, link=Link(latency=0.02, loss=0.05))
async def test_those_who_stay_hear_who_comes_and_who_goes(net: SimNetwork) -> None:
    """Each of them once, whichever door they used; a farewell may get lost, and is found out."""
    serving(net)
    stays = Member(net.host("stays"), "udp")
    await stays.enter(tries=20)
    guests = [Member(net.host("line"), "tcp"), Member(net.host("datagram"), "udp")]
    for guest in guests:
        await guest.enter(tries=20)
        await guest.say(1)
        await guest.leave()
    await net.sleep(120)
    await stays.answer_the_roll()
    told = [(each.kind, each.sender) for each in stays.visit.events]
    for guest in guests:
        assert told.count((Kind.JOINED, guest.visit.name)) == 1
        assert told.count((Kind.LEFT, guest.visit.name)) == 1
    chat_is_in_order([stays, *guests])


class OnIrc(Protocol):
    """A member in the lobby on the IRC door, who keeps what it hears."""

    transport: Any

    def __init__(self, name: str, capability: str) -> None:
        self.name = name
        self.heard = b""
        self._words = f"CAP REQ {capability}\r\nNICK {name}\r\nUSER x 0 * :x\r\nCAP END\r\n"

    def connectionMade(self) -> None:
        """Register, and enter."""
        self.transport.write(f"{self._words}JOIN #lobby\r\n".encode())

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data

    async def hears(self, net: SimNetwork, wanted: bytes) -> None:
        """Wait until this has been heard."""
        while wanted not in self.heard:
            await net.sleep(0.1)

    def of(self, name: str) -> list[str]:
        """Return what has happened to somebody's host, in order."""
        lines = [each.split(" ") for each in self.heard.decode().split("\r\n")]
        wanted = ("CHGHOST", "QUIT", "JOIN", "PRIVMSG")
        return [each[1] for each in lines if each[0].startswith(f":{name}!") and each[1] in wanted]


@simulate(seeds=5, link=Link(latency=0.02, loss=0.05), chunking=CUT)
async def test_who_moves_to_another_host_is_seen_to(net: SimNetwork) -> None:
    """Once, before anything is heard from there; who cannot be told sees them come again."""
    serving(net)
    moves, there = Member(net.host("moves"), "udp"), net.host("there")
    assert await moves.enter(tries=20)
    watching = OnIrc("told", "chghost"), OnIrc("untold", "batch")
    for each in watching:
        await connect(net.host(each.name).reactor, Target("tcp", SERVER, 6667), each)
        await each.hears(net, b" 366 ")
    moves.move(there)
    await moves.say(1)
    for each in watching:
        await each.hears(net, b" PRIVMSG ")
    told, untold = (each.of(moves.visit.name) for each in watching)
    assert told == ["CHGHOST", "PRIVMSG"]
    assert untold == ["QUIT", "JOIN", "PRIVMSG"]
    await moves.leave()


@simulate(seeds=5, link=Link(latency=0.02, loss=0.05))
async def test_whoever_vanishes_is_noticed_by_the_others(net: SimNetwork) -> None:
    """A member whose machine lost power leaves the room within two minutes."""
    serving(net)
    stays, vanishes = Member(net.host("stays"), "udp"), Member(net.host("vanishes"), "udp")
    await stays.enter(tries=20)
    await vanishes.enter(tries=20)
    net["vanishes"].power_off()
    await net.sleep(120)
    left = [(each.sender, each.text) for each in stays.visit.events if each.kind is Kind.LEFT]
    assert left == [("vanishes-1", "timeout")]
