"""A network of neighbours, on a pretended wire."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.members import dice
from twisted_net.chat.codec.ipmsg import Command, IpmsgPacket, Option, decode_ipmsg, encode_ipmsg
from twisted_net.chat.codec.messages import Refusal
from twisted_net.chat.core.ipmsg import (
    ANSWER_WITHIN,
    FORGET_AFTER,
    MAX_NEIGHBOURS,
    MAX_WAITING,
    Network,
)
from twisted_net.chat.core.neighbours import (
    Address,
    Appeared,
    Delivered,
    Dropped,
    Happening,
    Neighbour,
    Spoke,
    Undelivered,
    Vanished,
)

START = 1767225600.0
RED = ("192.168.1.7", 2425)


def network(name: str = "netdemo", seed: int = 1) -> Network:
    """Make one."""
    return Network(dice(seed), START, name, "desk7")


def packet(command: int, extra: bytes = b"", number: int = 5, *more: bytes) -> bytes:
    """Write what red sends."""
    made = IpmsgPacket(number, b"red", b"bench3", command & 0xFF, command & ~0xFF, extra, more)
    return encode_ipmsg(made)


def met(here: Network) -> Neighbour:
    """Let red announce themselves, and be answered."""
    here.received(packet(Command.BR_ENTRY, b"Red", 1), RED, START)
    here.wake(START + ANSWER_WITHIN)
    here.outgoing()
    return here.neighbours()[0]


def sent(here: Network) -> list[IpmsgPacket]:
    """Return what is sent to red."""
    return [decode_ipmsg(datagram) for datagram, address in here.outgoing() if address == RED]


def test_who_announces_themselves_is_answered_within_a_second() -> None:
    """By unicast, once, and with no more than they sent."""
    here = network()
    entry = packet(Command.BR_ENTRY | Option.ABSENCE, b"Red", 1, b"Lab", b"tux.png", b"utf-8")
    made = here.received(entry, RED, START)
    assert made == [Appeared(here.neighbours()[0])]
    assert here.neighbours()[0].name == "Red"
    assert here.outgoing() == []
    assert here.deadline is not None
    assert START <= here.deadline <= START + ANSWER_WITHIN
    here.wake(START + ANSWER_WITHIN)
    (datagram, address), *more = here.outgoing()
    assert (address, more) == (RED, [])
    assert len(datagram) <= len(entry)
    assert decode_ipmsg(datagram).command == Command.ANSENTRY
    here.received(entry, RED, START + 5)
    here.wake(START + 10)
    assert here.outgoing() == []


@pytest.mark.parametrize(
    "command",
    [
        Command.ANSENTRY,
        Command.BR_ABSENCE,
        Command.BR_EXIT,
        Command.RECVMSG,
        Command.SENDINFO,
        Command.SENDABSENCEINFO,
        Command.ANSREADMSG,
        Command.ANSPUBKEY,
    ],
)
def test_no_answer_is_answered(command: Command) -> None:
    """Two servers must not be set talking to each other."""
    here = network()
    met(here)
    here.received(packet(command | Option.SENDCHECK, b"5"), RED, START + 60)
    here.wake(START + 65)
    assert here.outgoing() == []


def test_a_message_is_heard_once_and_acknowledged_each_time() -> None:
    """The acknowledgement may get lost."""
    here = network()
    who = met(here)
    hello = packet(Command.SENDMSG | Option.SENDCHECK, "héllo".encode(), 77)
    assert here.received(hello, RED, START) == [Spoke(who, "héllo")]
    assert here.received(hello, RED, START + 1) == [Dropped("repeated")]
    acks = sent(here)
    assert [(ack.command, ack.extra) for ack in acks] == [(Command.RECVMSG, b"77")] * 2
    assert all(len(encode_ipmsg(ack)) <= len(hello) for ack in acks)


def test_what_a_machine_says_to_all_is_not_acknowledged() -> None:
    """A broadcast would be acknowledged by everybody at once, an automatic answer for ever."""
    here = network()
    who = met(here)
    for number, option in enumerate((Option.BROADCAST, Option.AUTORET)):
        command = Command.SENDMSG | Option.SENDCHECK | option
        made = here.received(packet(command, b"hi", number), RED, START)
        assert made == [Spoke(who, "hi", automatic=option is Option.AUTORET)]
    assert sent(here) == []


def test_messages_go_one_by_one_until_they_are_acknowledged() -> None:
    """Numbers ascend on the wire, whatever gets lost: iptux drops what is lower."""
    here = network()
    who = met(here)
    one, two = (here.say(who, text, START) for text in ("one", "two"))
    assert one < two
    assert [each.number for each in sent(here)] == [one]
    here.wake(START + 1.5)
    assert [each.number for each in sent(here)] == [one]
    made = here.received(packet(Command.RECVMSG, b"%d" % one), RED, START + 2)
    assert made == [Delivered(who, one)]
    assert who.proven
    assert [each.extra for each in sent(here)] == [b"two"]
    assert here.received(packet(Command.RECVMSG, b"%d" % one), RED, START + 2) == [
        Dropped("unknown_ack")
    ]


def test_a_message_that_nobody_acknowledges_is_given_up_after_five_times() -> None:
    """Its author is told; the next one has its own five times."""
    here = network()
    who = met(here)
    number = here.say(who, "anyone?", START)
    made: list[Happening] = []
    times = len(sent(here))
    while not made:
        assert here.deadline is not None
        made = here.wake(here.deadline)
        times += len(sent(here))
    assert (made, times) == ([Undelivered(who, number)], 5)


def test_what_waits_for_a_neighbour_is_bounded() -> None:
    """Who does not acknowledge cannot fill the memory."""
    here = network()
    who = met(here)
    for _ in range(15):
        here.say(who, "x" * 1000, START)
    with pytest.raises(Refusal, match="503 too much waits for Red"):
        here.say(who, "x" * 1000, START)
    assert who.size <= MAX_WAITING


def test_the_encoding_is_what_the_peer_uses() -> None:
    """GBK from FeiQ, UTF-8 to those who say that they understand it."""
    here = network()
    who = met(here)
    spoke = here.received(packet(Command.SENDMSG, "你好".encode("gbk")), RED, START)
    assert spoke == [Spoke(who, "你好")]
    here.say(who, "再见", START)
    assert sent(here)[0].extra == "再见".encode("gb18030")
    here.received(packet(Command.BR_ABSENCE | Option.CAPUTF8, b"Red"), RED, START)
    here.received(packet(Command.RECVMSG, b"%d" % (int(START) + 2)), RED, START)
    here.say(who, "再见", START)
    [last] = sent(here)
    assert (last.extra, last.has(Option.UTF8)) == ("再见".encode(), True)


def test_what_cannot_be_read_or_fetched_is_said() -> None:
    """Sealed, encrypted, with files: nothing is passed over in silence."""
    here = network()
    who = met(here)
    sealed = packet(Command.SENDMSG | Option.SECRET, b"psst", 1)
    assert here.received(sealed, RED, START) == [Spoke(who, "(sealed) psst")]
    secret = packet(Command.SENDMSG | Option.ENCRYPT, b"4a:7b:00", 2)
    assert here.received(secret, RED, START) == [Spoke(who, "(encrypted: cannot be read here)")]
    offer = packet(Command.SENDMSG | Option.FILEATTACH, b"", 3, b"0:a.txt:1f:5a0:1:\a")
    assert here.received(offer, RED, START) == [Spoke(who, "(offers a.txt)")]
    for command in (Command.GETFILEDATA, Command.GETDIRFILES, Command.GETPUBKEY):
        assert here.received(packet(command, b"1:0:0"), RED, START) == [Dropped("not_served")]


def test_questions_are_answered_in_a_short_line() -> None:
    """Or not at all, where the question is shorter than the answer."""
    here = network()
    met(here)
    asked = {Command.GETINFO: Command.SENDINFO, Command.GETABSENCEINFO: Command.SENDABSENCEINFO}
    for question, answer in asked.items():
        datagram = packet(question, b"x" * 20)
        here.received(datagram, RED, START)
        [reply] = sent(here)
        assert reply.command == answer
        assert len(encode_ipmsg(reply)) <= len(datagram)
    assert here.received(b"1:5:r:b:64:", RED, START) == [Dropped("too_short_to_answer")]


def test_only_neighbours_are_heard() -> None:
    """The internet is none, nor is what comes back from our own broadcast."""
    here = network()
    hello = packet(Command.SENDMSG, b"hi")
    assert here.received(hello, ("8.8.8.8", 2425), START) == [Dropped("not_near")]
    here.announce(START)
    [(own, address)] = here.outgoing()
    assert address is None
    assert here.received(own, RED, START) == [Dropped("own_packet")]
    other = network(seed=2)
    other.announce(START)
    assert here.received(other.outgoing()[0][0], RED, START) == [Dropped("another_server")]
    assert here.received(packet(Command.GETINFO), RED, START) == [Dropped("unknown_neighbour")]
    assert here.received(b"x", RED, START) == [Dropped("too_few_parts")]


def test_neighbours_are_forgotten_but_asked_first() -> None:
    """Such clients say nothing by themselves for hours."""
    here = network()
    who = met(here)
    asked: list[int] = []
    made: list[Happening] = []
    while not made:
        assert here.deadline is not None
        now = here.deadline
        made = here.wake(now)
        asked += [each.command for each in sent(here)]
    assert asked == [Command.BR_ENTRY] * 2
    assert made == [Vanished(who, "timeout")]
    assert now - who.seen >= FORGET_AFTER
    assert here.neighbours() == []


@given(st.floats(0, 2e9), st.floats(0, 1000))
def test_bells_ring_at_any_moment_and_not_for_ever(start: float, later: float) -> None:
    """Seconds since 1970 leave few digits for their parts: sums and differences are rounded."""
    here = Network(dice(1), start, "netdemo", "desk7")
    here.received(packet(Command.BR_ENTRY, b"Red"), RED, start)
    here.wake(start + later)
    for _ in range(20):
        if here.deadline is not None:
            here.wake(here.deadline)
    assert here.deadline is None
    assert here.neighbours() == []


def test_a_neighbour_who_answers_stays() -> None:
    """And is asked again later."""
    here = network()
    met(here)
    for _ in range(10):
        assert here.deadline is not None
        now = here.deadline
        assert here.wake(now) == []
        if sent(here):
            here.received(packet(Command.ANSENTRY, b"Red"), RED, now)
    assert len(here.neighbours()) == 1


def test_who_leaves_is_gone_and_what_waited_undelivered() -> None:
    """A later message makes them appear again."""
    here = network()
    who = met(here)
    number = here.say(who, "still there?", START)
    made = here.received(packet(Command.BR_EXIT), RED, START)
    assert made == [Undelivered(who, number), Vanished(who, "quit")]
    again = here.received(packet(Command.SENDMSG, b"yes"), RED, START)
    assert [type(each) for each in again] == [Appeared, Spoke]


def test_there_are_not_too_many_neighbours() -> None:
    """A flood of made-up addresses costs what a thousand neighbours cost."""
    here = network()
    for n in range(MAX_NEIGHBOURS + 1):
        address = (f"10.0.{n >> 8}.{n & 255}", 2425)
        made = here.received(packet(Command.BR_ENTRY, b"x"), address, START)
    assert made == [Dropped("too_many_neighbours")]


def test_who_speaks_too_fast_is_not_acknowledged() -> None:
    """They will say it again, more slowly."""
    here = network()
    met(here)
    made = [
        here.received(packet(Command.SENDMSG | Option.SENDCHECK, b"x", n), RED, START)
        for n in range(101)
    ]
    assert made[-1] == [Dropped("too_fast")]
    assert len(sent(here)) == 100


@given(st.lists(st.binary(max_size=80), max_size=30), st.integers(0, 1 << 32))
def test_whatever_comes_nothing_is_raised_nor_answered_with_more(
    datagrams: list[bytes], seed: int
) -> None:
    """Random commands with random rests, in any order."""
    rolled = dice(seed)
    here = network()
    now = START
    for rest in datagrams:
        now += rolled.uniform(0, 400)
        here.wake(now)
        here.outgoing()
        number = b"%d" % rolled.randrange(1 << 33)
        command = b"%d" % (rolled.choice([*Command]) | rolled.getrandbits(17) << 8)
        datagram = b"1:" + number + b":red:bench3:" + command + b":" + rest
        here.received(datagram, RED, now)
        assert all(len(each) <= len(datagram) for each, _ in here.outgoing())


@given(st.integers(0, 1 << 32))
def test_two_hear_each_other_over_a_bad_wire(seed: int) -> None:
    """In order and once, or the author is told; both sides are ours."""
    rolled = dice(seed)
    heard, lost = talk(rolled, messages=8)
    assert heard == [text for text in map(str, range(8)) if text not in lost]


class Wire:
    """Two ends and what flies between them: 30 % get lost, 5 % come twice, all come late."""

    def __init__(self, rolled: Random) -> None:
        self.ends: dict[Address, Network] = {
            (f"10.0.0.{n}", 2425): Network(rolled, START, f"end{n}", "host") for n in (1, 2)
        }
        self.now = START
        self._rolled = rolled
        self._flying: list[tuple[float, bytes, Address, Address]] = []

    def step(self) -> list[Happening]:
        """Let the next thing happen."""
        for source, end in self.ends.items():
            for datagram, to in end.outgoing():
                times = self._rolled.choices((0, 1, 2), (30, 65, 5))[0]
                late = [self.now + self._rolled.uniform(0, 2) for _ in range(times)]
                self._flying += [(at, datagram, source, to) for at in late if to is not None]
        self._flying.sort()
        waits = [end.deadline for end in self.ends.values() if end.deadline is not None]
        self.now = max(self.now, min([*waits, *(each[0] for each in self._flying)]))
        made = [each for end in self.ends.values() for each in end.wake(self.now)]
        while self._flying and self._flying[0][0] <= self.now:
            _, datagram, source, to = self._flying.pop(0)
            made += self.ends[to].received(datagram, source, self.now)
        return made


def talk(rolled: Random, messages: int) -> tuple[list[str], list[str]]:
    """Say so much over a bad wire; return what was heard, and what was lost."""
    wire = Wire(rolled)
    one, two = wire.ends
    speaker = wire.ends[two]
    speaker.received(packet(Command.ANSENTRY, b"end1"), one, START)
    said = {speaker.say(speaker.neighbours()[0], str(n), START): str(n) for n in range(messages)}
    heard: list[str] = []
    lost: list[str] = []
    while said:
        for each in wire.step():
            if isinstance(each, Spoke):
                heard.append(each.text)
            elif isinstance(each, Undelivered):
                lost.append(said.pop(each.number))
            elif isinstance(each, Delivered):
                del said[each.number]
    # Heard, though its author could not know: every acknowledgement was lost.
    return heard, [text for text in lost if text not in heard]
