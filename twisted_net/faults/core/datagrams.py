"""One direction of one datagram client: datagrams and the time in, what is due out."""

from collections.abc import Callable
from heapq import heappop, heappush

from twisted_net.faults.core.dice import corrupted
from twisted_net.faults.core.events import Event, Tally
from twisted_net.faults.core.harm import Harm, Way
from twisted_net.faults.core.lane import Lane
from twisted_net.testing.clock import SECOND
from twisted_net.testing.faults import Fate
from twisted_net.testing.packets import UDP_HEADER, Packet
from twisted_net.testing.rules import Verdict
from twisted_net.testing.wires import ruled

#: Looks at every datagram, as a rule of the simulated network does.
Rule = Callable[[Packet], Verdict]


class DatagramWay(Lane):
    """The way of datagrams in one direction.

    :ivar deadline: when to call `take`, in seconds on the caller's clock; None: never.
    :param room: bytes that may be under way at a time, headers included; a datagram on top is
        dropped.
    :param rule: sees each one that was not lost, before it is delayed; None: nothing does.
    """

    def __init__(
        self,
        connection: int,
        way: Way,
        seed: int,
        harm: Harm,
        tally: Tally,
        room: int,
        began: float,
        rule: Rule | None = None,
    ) -> None:
        super().__init__(connection, way, seed, harm, tally, room, began)
        self._rule = rule
        self._held = 0
        self._made = 0
        self._queue: list[tuple[float, int, Packet]] = []

    @property
    def deadline(self) -> float | None:
        """When something is due; None: nothing is under way."""
        return self._queue[0][0] if self._queue else None

    def feed(self, packet: Packet, now: float) -> list[Event]:
        """Take a datagram; return what was done to it that is worth telling."""
        number, data = self._came, packet.payload
        self._came += 1
        self._tally.datagrams_came += 1
        self._tally.came += len(data)
        blackhole = self.harm.blackhole
        if blackhole is not None and self._reached(blackhole, now):
            return self._events(["blackhole"], number)
        self._passed += len(data)
        fate, kinds = self._dice.fate(number, self.harm)
        if fate.copies and self._rule is not None:
            verdict = self._rule(packet)
            if verdict is not None:
                fate = ruled(fate, verdict)
                kinds.append("rule")
        where = self._dice.corrupt(number, self.harm)
        if where is not None and fate.copies:
            data = corrupted(data, where)
            kinds.append("corrupt")
        if fate.copies and not self._carry(packet._replace(payload=data), fate, now):
            kinds = ["queue-full"]
        return self._events(kinds, number)

    def take(self, now: float) -> list[Packet]:
        """Return the datagrams that are due, with what became of their payloads."""
        due = []
        while self._queue and self._queue[0][0] <= now:
            _, _, packet = heappop(self._queue)
            self._held -= len(packet.payload) + UDP_HEADER
            due.append(packet)
        self._tally.datagrams_passed += len(due)
        self._tally.passed += sum(len(packet.payload) for packet in due)
        return due

    def _carry(self, packet: Packet, fate: Fate, now: float) -> bool:
        """Put it on its way; say whether there was room."""
        harm, size = self.harm, len(packet.payload)
        leaves = max(now, self._free) if harm.bandwidth is not None else now
        waiting = (leaves - now) * (harm.bandwidth or 0)
        queue = self._room if harm.queue is None else min(harm.queue, self._room)
        held = self._held + (size + UDP_HEADER) * fate.copies
        if waiting > queue or held > self._room:
            return False
        self._held = held
        if harm.bandwidth is not None:
            leaves = self._free = leaves + size / harm.bandwidth
        arrives = leaves + harm.delay + fate.late / SECOND
        if not fate.overtaken:
            arrives = self._last = max(arrives, self._last)
        for copy in range(fate.copies):
            self._made += 1
            heappush(self._queue, (arrives + copy * harm.delay / 2, self._made, packet))
        return True
