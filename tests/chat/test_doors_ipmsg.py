"""The IP Messenger door, beside the line door of the same chat."""

from collections.abc import Iterator

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import FakeDatagramTransport

from tests.chat.members import OnLine, Server, dice
from twisted_net.chat.codec.ipmsg import (
    Command,
    IpmsgPacket,
    Option,
    decode_ipmsg,
    encode_ipmsg,
)
from twisted_net.chat.codec.messages import Refusal, RenameRoom, Say
from twisted_net.chat.codec.multiline import LINES
from twisted_net.chat.core.ident import checked_name
from twisted_net.chat.core.neighbour_names import member_name
from twisted_net.chat.doors.ipmsg import IpmsgDatagramProtocol
from twisted_net.net.broadcasts import EVERYBODY

Address = tuple[str, int]


class Wire(FakeDatagramTransport):
    """A datagram transport on a network."""

    def __init__(self) -> None:
        super().__init__()
        self.broadcasts = False
        self.host = "192.168.1.1"

    def getHost(self) -> IPv4Address:
        """Return where the door listens."""
        return IPv4Address("UDP", self.host, 2425)

    def setBroadcastAllowed(self, enabled: bool) -> None:  # noqa: N802 - Twisted's name
        """Remember it."""
        self.broadcasts = enabled


class Lan:
    """A chat with both doors, and who sends to one of them."""

    def __init__(self, room: str = "") -> None:
        self.server = Server()
        self.clock = self.server.clock
        self.wire = Wire()
        self.door = IpmsgDatagramProtocol(
            self.server.post,
            self.clock,
            dice(3),
            self.server.counters.door("ipmsg"),
            "desk7",
            room,
        )
        self.door.makeConnection(self.wire)

    def member(self, name: str) -> OnLine:
        """Let somebody in by the line door."""
        return self.server.on_line(name)

    def iptux(self, name: str = "red", host: str = "192.168.1.7") -> "Iptux":
        """Let a client announce itself."""
        made = Iptux(self, name, (host, 2425))
        made.sends(Command.BR_ENTRY | Option.ABSENCE, name.encode(), b"Lab", b"tux.png", b"utf-8")
        self.clock.advance(1.0)
        return made

    @property
    def dropped(self) -> dict[str, int]:
        """What the door counted."""
        return self.server.counters.door("ipmsg").dropped


class Iptux:
    """A client that sends what iptux sends, and acknowledges what it is sent."""

    def __init__(self, lan: Lan, name: str, address: Address) -> None:
        self.lan = lan
        self.name = name.encode()
        self.address = address
        self.number = 1767225600
        self.acknowledges = True

    def sends(self, command: int, extra: bytes = b"", *more: bytes) -> None:
        """Send a packet."""
        self.number += 1
        packet = IpmsgPacket(
            self.number,
            self.name,
            b"bench3",
            command & 0xFF,
            command & ~0xFF,
            extra,
            more,
            b"1_iptux 0.8.3",
        )
        self.lan.door.datagramReceived(encode_ipmsg(packet), self.address)

    def says(self, text: str) -> None:
        """Say something."""
        self.sends(Command.SENDMSG | Option.SENDCHECK, text.encode())

    def packets(self) -> list[IpmsgPacket]:
        """Return what came since the last time, all that comes once it is acknowledged too."""
        return list(self._packets())

    def hears(self) -> list[str]:
        """Return the messages that came since the last time."""
        came = self.packets()
        return [each.extra.decode() for each in came if each.command == Command.SENDMSG]

    def _packets(self) -> Iterator[IpmsgPacket]:
        self.lan.clock.advance(0)
        while True:
            written, self.lan.wire.written = self.lan.wire.written, []
            mine = [decode_ipmsg(each) for each, to in written if to == self.address]
            self.lan.wire.written = [each for each in written if each[1] != self.address]
            if not mine:
                return
            for packet in mine:
                yield packet
                if packet.has(Option.SENDCHECK) and self.acknowledges:
                    self.sends(Command.RECVMSG | Option.SENDCHECK, b"%d" % packet.number)


def test_the_network_hears_of_the_server_and_of_its_end() -> None:
    """By broadcast, to the port that all have."""
    lan = Lan()
    assert lan.wire.broadcasts
    [(entry, to)] = lan.wire.written
    assert to == (EVERYBODY, 2425)
    assert decode_ipmsg(entry).command == Command.BR_ENTRY
    red = lan.iptux()
    lan.wire.written.clear()
    blue = lan.member("blue")
    lan.door.drain()
    [(farewell, to)] = lan.wire.written
    assert (decode_ipmsg(farewell).command, to) == (Command.BR_EXIT, (EVERYBODY, 2425))
    assert blue.says("TELL red@ipmsg hi") == ["ERR 404 nobody is called 'red@ipmsg'"]
    red.says("still there?")
    assert lan.dropped["stopping"] == 1
    lan.door.stopProtocol()
    assert lan.clock.getDelayedCalls() == []


def test_nothing_is_broadcast_from_the_loopback() -> None:
    """There is nobody there."""
    lan = Lan()
    lan.wire.host = "127.0.0.1"
    lan.wire.written.clear()
    lan.door.startProtocol()
    assert lan.wire.written == []


def test_a_neighbour_and_a_member_tell_each_other_something() -> None:
    """Acknowledged both ways; an answer goes to whoever spoke last."""
    lan = Lan()
    red, blue = lan.iptux(), lan.member("blue")
    assert [each.command for each in red.packets()] == [Command.ANSENTRY]
    said = blue.says("TELL red@ipmsg lunch: now?")
    assert said[0].startswith("OK TELL red@ipmsg ")
    assert red.hears() == ["blue: lunch: now?"]
    red.says("yes")
    assert blue.hears() == ["TOLD red@ipmsg yes"]
    [ack] = red.packets()
    assert (ack.command, ack.extra) == (Command.RECVMSG, b"%d" % red.number)
    red.says("/tell BLUE and you?")
    assert blue.hears() == ["TOLD red@ipmsg and you?"]


def test_without_anybody_to_tell_a_neighbour_is_told_so_once() -> None:
    """By a message that no machine answers, and not one that is longer than theirs."""
    lan = Lan()
    red = lan.iptux()
    red.packets()
    red.says("hi")
    assert [each.command for each in red.packets()] == [Command.RECVMSG]
    red.says("is anybody there who would like to hear a rather long question of mine?")
    assert red.hears() == []
    lan.clock.advance(31)
    red.says("is anybody there who would like to hear a rather long question of mine?")
    ack, hint = red.packets()
    assert (ack.command, hint.command) == (Command.RECVMSG, Command.SENDMSG)
    assert hint.has(Option.AUTORET)
    assert not hint.has(Option.SENDCHECK)
    assert hint.extra == b"nobody heard that. To whom? /tell NAME TEXT"
    assert lan.dropped["unheard"] == 3


def test_a_message_of_several_lines_is_one_message() -> None:
    """Each opens a window; and the room that the settings name keeps its name."""
    lan = Lan(room="tea")
    lan.member("blue").says("JOIN tea")
    red, hub = lan.iptux(), lan.server.hub
    blue = hub.find("blue")
    lan.server.post.submit(blue, Say("tea", "one\n\ntwo", ((LINES, ""),)), 1.0)
    assert red.hears() == ["blue: one\n\ntwo"]
    with pytest.raises(Refusal, match="the server's settings name that room"):
        hub.command(blue, RenameRoom("tea", "milk"), 1.0)


def test_with_a_room_all_neighbours_are_in_it() -> None:
    """They hear what is said there, but not who comes and goes: each message opens a window."""
    lan = Lan(room="lobby")
    blue = lan.member("blue")
    red, pink = lan.iptux(), lan.iptux("pink", "192.168.1.8")
    assert blue.hears() == ["JOINED lobby red@ipmsg", "JOINED lobby pink@ipmsg"]
    blue.says("hello", "ME waves")
    assert red.hears() == pink.hears() == ["blue: hello", "* blue waves"]
    red.says("blue: public all the same")
    assert blue.hears() == ["SAID lobby red@ipmsg blue: public all the same"]
    assert pink.hears() == ["red@ipmsg: blue: public all the same"]
    assert red.hears() == []
    red.sends(Command.BR_EXIT | Option.DIALUP)
    assert blue.hears() == ["LEFT red@ipmsg quit"]
    assert red.hears() == []


def test_whoever_speaks_first_has_announced_themselves() -> None:
    """They are let in, and then heard."""
    lan = Lan(room="lobby")
    blue = lan.member("blue")
    red = Iptux(lan, "red", ("10.0.0.7", 2425))
    red.says("hello")
    assert blue.hears() == ["JOINED lobby red@ipmsg", "SAID lobby red@ipmsg hello"]


def test_a_message_that_is_lost_is_told_to_its_author() -> None:
    """After five sends; of what was said in a room nobody is told."""
    lan = Lan(room="lobby")
    red, blue = lan.iptux(), lan.member("blue")
    red.acknowledges = False
    blue.says("to all", "TELL red@ipmsg to you")
    sends = 0
    for _ in range(120):
        lan.clock.advance(1.0)
        sends += len(red.hears())
    assert sends == 10
    assert blue.hears() == ["TOLD red@ipmsg not delivered: no acknowledgement"]
    assert lan.dropped["undelivered"] == 2


def test_who_waits_for_too_much_is_told_no_more() -> None:
    """A neighbour that acknowledges nothing costs 16 KiB."""
    lan = Lan()
    red, blue = lan.iptux(), lan.member("blue")
    red.acknowledges = False
    heard = blue.says(*(f"TELL red@ipmsg {'x' * 900}" for _ in range(20)))
    assert "TOLD red@ipmsg not delivered: too much waits for red" in heard
    assert lan.dropped["queue_full"] >= 2


def test_two_of_one_name_have_different_ones_here() -> None:
    """And whoever takes another name has it here too."""
    lan = Lan(room="lobby")
    blue = lan.member("blue")
    lan.iptux()
    red = lan.iptux(host="192.168.1.8")
    assert blue.hears() == ["JOINED lobby red@ipmsg", "JOINED lobby red-2@ipmsg"]
    red.sends(Command.BR_ABSENCE | Option.ABSENCE, "Rosé (lab)".encode())
    assert blue.hears() == ["RENAMED red-2@ipmsg Rosé__lab@ipmsg"]
    assert blue.says("NICK x@ipmsg")[0].startswith("ERR 422")


def test_what_the_chat_does_not_take_is_said_to_whoever_said_it() -> None:
    """Nothing is lost in silence."""
    lan = Lan(room="lobby")
    blue = lan.member("blue")
    red = lan.iptux()
    blue.says("TELL red@ipmsg hi")
    assert red.hears() == ["blue: hi"]
    blue.says("MODE lobby +m")
    red.says("hello")
    [hint] = red.hears()
    assert hint.startswith("nobody heard that: ")
    assert "moderated" in hint


def test_a_long_message_is_said_in_pieces() -> None:
    """Nothing of it is lost."""
    lan = Lan(room="lobby")
    blue, red = lan.member("blue"), lan.iptux()
    blue.hears()
    red.says("ä" * 1200)
    said = [line.rpartition(" ")[2] for line in blue.hears()]
    assert said == ["ä" * 500, "ä" * 500, "ä" * 200]


def test_a_long_message_is_cut_between_words() -> None:
    """As on the other doors."""
    lan = Lan(room="lobby")
    blue, red = lan.member("blue"), lan.iptux()
    blue.hears()
    red.says(" ".join(["cherry"] * 200))
    said = [line.partition("red@ipmsg: ")[2] or line for line in blue.hears()]
    words = [word for line in said for word in line.split()]
    assert len(said) == 2
    assert words.count("cherry") == 200


def test_strangers_and_garbage_are_counted_and_not_answered() -> None:
    """The internet is no neighbour."""
    lan = Lan(room="lobby")
    lan.wire.written.clear()
    lan.door.datagramReceived(b"1:1:red:bench3:288:hello", ("8.8.8.8", 2425))
    lan.door.datagramReceived(b"\xff\0garbage", ("192.168.1.7", 2425))
    lan.door.datagramReceived(b"1:1:red:bench3:96:1:0:0:", ("192.168.1.7", 2425))
    assert lan.wire.written == []
    assert lan.dropped == {"not_near": 1, "too_few_parts": 1, "unknown_neighbour": 1}


@pytest.mark.parametrize(
    "name", ["", "   ", "@@@", "Red Red", "小" * 40, "x" * 99, "a\u202eb", "名-_9", "ß" * 30]
)
def test_any_nickname_becomes_a_name(name: str) -> None:
    """Whatever people call themselves, and with whatever number behind it."""
    for end in ("", "-9"):
        made = member_name(name, end)
        assert checked_name(made, "@") == made
        assert made.endswith(f"{end}@ipmsg")


def test_who_is_shown_the_door_comes_back_by_speaking() -> None:
    """A node that was given up by the others forgets its members; neighbours never connected."""
    lan = Lan(room="lobby")
    red = lan.iptux()
    outlet = lan.server.hub.find("red@ipmsg").outlet
    assert outlet is not None
    lan.server.hub.restart("node.2")
    outlet.expel("lost")  # type: ignore[attr-defined]
    blue = lan.member("blue")
    red.says("hello again")
    assert blue.hears() == ["JOINED lobby red@ipmsg", "SAID lobby red@ipmsg hello again"]
