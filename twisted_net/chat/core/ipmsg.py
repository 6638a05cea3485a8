"""Neighbours on a network without a server: who is there, and what they say (IP Messenger).

Everybody announces themselves by a broadcast, and whoever hears it answers. A message is sent until
it is acknowledged, one at a time to each neighbour: some clients drop a message whose number is not
higher than that of the one before. Nothing is answered that is an answer itself.
"""

import heapq
from enum import Enum, auto
from random import Random

from twisted_net.chat.codec.ipmsg import (
    Command,
    IpmsgPacket,
    MalformedIpmsg,
    Option,
    announced,
    decode_ipmsg,
    files_of,
    one_line,
    read_text,
    shortened,
)
from twisted_net.chat.codec.messages import Code, Refusal
from twisted_net.chat.core.ipmsg_voice import Voice
from twisted_net.chat.core.neighbours import (
    Address,
    Appeared,
    Delivered,
    Dropped,
    Happening,
    Message,
    Neighbour,
    Spoke,
    Undelivered,
    Vanished,
    near,
)
from twisted_net.chat.core.reliable import FIRST_WAIT, LONGEST_WAIT, SENDS
from twisted_net.net.limits import TokenBucket

#: Neighbours that are known at one time, and seconds of silence after which one is forgotten. In
#: between they are asked whether they are still there, for such clients say nothing by themselves.
MAX_NEIGHBOURS = 1024
FORGET_AFTER = 600.0
ASK_AFTER = (300.0, 450.0)

#: Seconds within which all answer whoever announces themselves: at a random moment, so that a
#: network of a thousand does not do so at once; and not again so soon.
ANSWER_WITHIN = 1.0
ANSWER_EVERY = 30.0

#: Bytes that may wait for one neighbour, and messages a second that are taken from one.
MAX_WAITING = 16384
RATE = 20.0
BURST = 100.0

_FINDING = (Command.BR_ENTRY, Command.ANSENTRY, Command.BR_ABSENCE)
_NOT_SERVED = (Command.GETFILEDATA, Command.GETDIRFILES, Command.GETPUBKEY)
_NOTED = (
    Command.NOOPERATION,
    Command.READMSG,
    Command.DELMSG,
    Command.ANSREADMSG,
    Command.SENDINFO,
    Command.SENDABSENCEINFO,
    Command.RELEASEFILES,
)


class _Ring(Enum):
    ANSWER = auto()
    AGAIN = auto()
    LOOK = auto()


class Network:
    """All neighbours.

    :param name: what we are called.
    :param host: where we are, as others show it.
    """

    def __init__(self, dice: Random, now: float, name: str, host: str) -> None:
        self._dice = dice
        self._voice = Voice(dice, now, name, host)
        self._neighbours: dict[Address, Neighbour] = {}
        self._timers: list[tuple[float, int, _Ring, Neighbour]] = []
        self._timed = 0
        self._outgoing: list[tuple[bytes, Address | None]] = []

    @property
    def deadline(self) -> float | None:
        """When to call `wake`; None: never."""
        return self._timers[0][0] if self._timers else None

    def neighbours(self) -> list[Neighbour]:
        """Return who is there, in the order in which they came."""
        return list(self._neighbours.values())

    def outgoing(self) -> list[tuple[bytes, Address | None]]:
        """Return what is to be sent, each with its address; None: everybody's."""
        sent, self._outgoing = self._outgoing, []
        return sent

    def announce(self, now: float) -> None:
        """Tell everybody that we are there, or have another name."""
        self._outgoing.append((self._voice.entry(now), None))

    def leave(self, now: float) -> None:
        """Tell everybody that we go."""
        self._outgoing.append((self._voice.exit(now), None))

    def say(self, who: Neighbour, text: str, now: float) -> int:
        """Send a message; return its number.

        :raises Refusal: too much waits for them already.
        """
        number = self._voice.next(now)
        datagram = self._voice.message(who, number, Option.SENDCHECK, text)
        if who.size + len(datagram) > MAX_WAITING:
            raise Refusal(Code.UNAVAILABLE, f"too much waits for {who.name}")
        who.waiting.append(Message(number, datagram))
        who.size += len(datagram)
        if len(who.waiting) == 1:
            self._send_first(who, now)
        return number

    def hint(self, spoke: Spoke, text: str, now: float) -> bool:
        """Answer what somebody said, as a machine does: nothing acknowledges or answers that.

        :return: whether it was sent: to an address that has proven nothing, only what is no longer
            than what came from there.
        """
        datagram = self._voice.message(spoke.who, self._voice.next(now), Option.AUTORET, text)
        if not spoke.who.proven and len(datagram) > spoke.size:
            return False
        self._outgoing.append((datagram, spoke.who.address))
        return True

    def received(self, datagram: bytes, address: Address, now: float) -> list[Happening]:
        """Take a datagram; return what it led to."""
        if not near(address[0]):
            return [Dropped("not_near")]
        try:
            packet = decode_ipmsg(datagram)
        except MalformedIpmsg as error:
            return [Dropped(str(error))]
        if packet.version == self._voice.version:
            return [Dropped("own_packet")]
        if packet.user == self._voice.name:
            # Each would tell the other what it was told itself, three of them for ever.
            return [Dropped("another_server")]
        known = self._neighbours.get(address)
        if packet.command == Command.BR_EXIT:
            return [] if known is None else self._vanish(known, "quit")
        made: list[Happening] = []
        if known is None:
            if len(self._neighbours) >= MAX_NEIGHBOURS:
                return [Dropped("too_many_neighbours")]
            if packet.command not in (*_FINDING, Command.SENDMSG, Command.IPTUX_SENDMSG):
                return [Dropped("unknown_neighbour")]
            known = self._meet(packet, address, now)
            made = [Appeared(known)]
        known.seen, known.asked = now, 0
        return made + self._took(known, packet, len(datagram), now)

    def wake(self, now: float) -> list[Happening]:
        """Do what is due; return what that led to."""
        made: list[Happening] = []
        while self._timers and self._timers[0][0] <= now:
            _, _, ring, who = heapq.heappop(self._timers)
            if self._neighbours.get(who.address) is not who:
                continue
            if ring is _Ring.ANSWER:
                made += self._answer(who, now)
            elif ring is _Ring.AGAIN:
                made += self._again(who, now)
            else:
                made += self._look(who, now)
        return made

    # What came.

    def _meet(self, packet: IpmsgPacket, address: Address, now: float) -> Neighbour:
        finding = packet.command in _FINDING
        name, _ = announced(packet) if finding else read_text(packet.user)
        who = Neighbour(address, one_line(name), TokenBucket(RATE, BURST, now), now)
        self._neighbours[address] = who
        self._ring(_Ring.LOOK, who, now + ASK_AFTER[0])
        return who

    def _took(self, who: Neighbour, packet: IpmsgPacket, size: int, now: float) -> list[Happening]:
        command = packet.command
        if command in _FINDING:
            return self._found(who, packet, size, now)
        if command in (Command.SENDMSG, Command.IPTUX_SENDMSG):
            return self._spoken(who, packet, size, now)
        if command == Command.RECVMSG:
            return self._acknowledged(who, packet, now)
        if command == Command.GETINFO:
            return self._reply(Command.SENDINFO, who, packet.number, b"netdemo", size)
        if command == Command.GETABSENCEINFO:
            return self._reply(Command.SENDABSENCEINFO, who, packet.number, b"Not absence", size)
        if command in _NOTED:
            return []
        return [Dropped("not_served" if command in _NOT_SERVED else "unknown_command")]

    def _found(self, who: Neighbour, packet: IpmsgPacket, size: int, now: float) -> list[Happening]:
        name, who.encoding = announced(packet, who.encoding)
        who.utf8 = packet.has(Option.CAPUTF8)
        made: list[Happening] = []
        if name != who.name:
            who.name = name
            made.append(Appeared(who))
        if packet.command == Command.BR_ENTRY and now - who.answered >= ANSWER_EVERY:
            who.answered, who.question = now, size
            self._ring(_Ring.ANSWER, who, now + self._dice.uniform(0.0, ANSWER_WITHIN))
        return made

    def _spoken(
        self, who: Neighbour, packet: IpmsgPacket, size: int, now: float
    ) -> list[Happening]:
        # Not acknowledged, it is sent again, and more slowly.
        if not who.bucket.take(now, 1 + size // 1000):
            return [Dropped("too_fast")]
        made: list[Happening] = []
        wanted = packet.command == Command.SENDMSG and packet.has(Option.SENDCHECK)
        if wanted and not packet.has(Option.BROADCAST | Option.AUTORET):
            number = b"%d" % packet.number
            made += self._reply(Command.RECVMSG, who, packet.number, number, size)
        if packet.number in who.heard:
            return [*made, Dropped("repeated")]
        who.heard.append(packet.number)
        text = self._shown(who, packet)
        if not text:
            return made
        return [*made, Spoke(who, text, packet.has(Option.AUTORET), size)]

    def _shown(self, who: Neighbour, packet: IpmsgPacket) -> str:
        """Return a message as a person would want to see it."""
        if packet.has(Option.ENCRYPT):
            return "(encrypted: cannot be read here)"
        text, encoding = read_text(packet.extra, who.encoding, utf8=packet.has(Option.UTF8))
        if not packet.extra.isascii():
            who.encoding = encoding
        sealed = "(sealed) " if packet.has(Option.SECRET) else ""
        files = ", ".join(files_of(packet, who.encoding))
        return one_line(f"{sealed}{text}" + (f" (offers {files})" if files else ""))

    def _acknowledged(self, who: Neighbour, packet: IpmsgPacket, now: float) -> list[Happening]:
        number = packet.extra.strip()
        if not who.waiting or number != b"%d" % who.waiting[0].number:
            return [Dropped("unknown_ack")]
        who.proven = True
        done = self._take_first(who, now)
        return [Delivered(who, done.number)]

    # What goes out.

    def _answer(self, who: Neighbour, now: float) -> list[Happening]:
        options = Option.CAPUTF8 | Option.UTF8
        return self._reply(
            Command.ANSENTRY, who, self._voice.next(now), self._voice.name, who.question, options
        )

    def _reply(
        self,
        command: Command,
        who: Neighbour,
        number: int,
        extra: bytes,
        limit: int,
        options: int = 0,
    ) -> list[Happening]:
        """Answer, with no more than was asked with: the address may be somebody else's."""
        datagram = shortened(self._voice.packet(command, number, options, extra), limit)
        if datagram is None:
            return [Dropped("too_short_to_answer")]
        self._outgoing.append((datagram, who.address))
        return []

    def _again(self, who: Neighbour, now: float) -> list[Happening]:
        first = who.waiting[0] if who.waiting else None
        if first is None or first.due > now:
            return []
        if first.sends < SENDS:
            self._send_first(who, now)
            return []
        lost = self._take_first(who, now)
        return [Undelivered(who, lost.number)]

    def _look(self, who: Neighbour, now: float) -> list[Happening]:
        # Sums, not differences: with these the bell just rung is in the past however numbers are
        # rounded, and is not rung again at once for ever.
        if now >= who.seen + FORGET_AFTER:
            return self._vanish(who, "timeout")
        while who.asked < len(ASK_AFTER) and now >= who.seen + ASK_AFTER[who.asked]:
            who.asked += 1
            self._outgoing.append((self._voice.entry(now), who.address))
        moments = (*ASK_AFTER, FORGET_AFTER)
        self._ring(_Ring.LOOK, who, who.seen + moments[who.asked])
        return []

    def _send_first(self, who: Neighbour, now: float) -> None:
        first = who.waiting[0]
        first.sends += 1
        if first.sends == 1:
            first.wait = FIRST_WAIT * self._dice.uniform(1.0, 1.5)
        else:
            first.wait = min(LONGEST_WAIT, 2 * first.wait)
        first.due = now + first.wait
        self._outgoing.append((first.datagram, who.address))
        self._ring(_Ring.AGAIN, who, first.due)

    def _take_first(self, who: Neighbour, now: float) -> Message:
        taken = who.waiting.popleft()
        who.size -= len(taken.datagram)
        if who.waiting:
            self._send_first(who, now)
        return taken

    def _vanish(self, who: Neighbour, why: str) -> list[Happening]:
        del self._neighbours[who.address]
        lost = [Undelivered(who, each.number) for each in who.waiting]
        return [*lost, Vanished(who, why)]

    def _ring(self, ring: _Ring, who: Neighbour, at: float) -> None:
        self._timed += 1
        heapq.heappush(self._timers, (at, self._timed, ring, who))
