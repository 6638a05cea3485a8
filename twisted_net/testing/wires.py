"""The way of a packet: what happens to it between two hosts, in this order.

A cut link, drawn faults, the rules, a held link, the bandwidth and its queue, the latency.
"""

from collections.abc import Callable
from typing import Protocol

from twisted_net.testing.clock import SECOND, Timeline, nanoseconds
from twisted_net.testing.faults import UNHARMED, Fate, Faults
from twisted_net.testing.links import Link
from twisted_net.testing.packets import TCP_HEADER, Packet
from twisted_net.testing.rules import Delay, Drop, Duplicate, Verdict
from twisted_net.testing.trace import Trace

Rule = Callable[[Packet], Verdict]

#: Bytes of an IP header, which every fragment has.
IP_HEADER = 20


class Fabric(Protocol):
    """What all wires of a network share.

    :ivar rules: what sees every packet, the oldest first; the first that does not pass wins.
    :ivar trace: where everything is written down.
    """

    timeline: Timeline
    faults: Faults
    rules: list[Rule]
    trace: Trace


class Wire:
    """One direction between two hosts.

    :param deliver: takes what has come through.
    :ivar cut: whether a partition lies across it.
    :ivar held: whether packets wait to be released.
    """

    __slots__ = (
        "_arrivals", "_fabric", "_free", "_harmless", "_latency", "_link", "_waiting", "_whole",
        "cut", "deliver", "held",
    )  # fmt: skip

    def __init__(self, fabric: Fabric, deliver: Callable[[Packet], None], link: Link) -> None:
        self._fabric = fabric
        self.deliver = deliver
        self.cut = False
        self.held = False
        self._waiting: list[tuple[Packet, Fate]] = []
        self._free = 0  # when the bandwidth is free again
        self._arrivals = 0  # when the last packet in order arrives
        self.link = link

    @property
    def link(self) -> Link:
        """What it does to packets."""
        return self._link

    @link.setter
    def link(self, link: Link) -> None:
        self._link = link
        self._latency = nanoseconds(link.latency)
        self._harmless = link.harmless
        self._whole = link.mtu - TCP_HEADER  # payloads that need no look at their headers

    def send(self, packet: Packet) -> None:
        """Take a packet at the sender's end."""
        fabric = self._fabric
        if self.cut:
            fabric.trace.dropped(packet, "partition")
            return
        fate = UNHARMED
        if not self._harmless or fabric.faults.plan is not None:
            pieces = 1 if len(packet.payload) <= self._whole else self._fragments(packet)
            fate = fabric.faults.packet(packet.flow, self._link, pieces)
        else:
            fabric.faults.flow(packet.flow).passed += 1
        if not fate.copies:
            fabric.trace.dropped(packet, "lost")
            return
        for rule in fabric.rules:
            verdict = rule(packet)
            if verdict is not None:
                fate = ruled(fate, verdict)
                break
        if not fate.copies:
            fabric.trace.dropped(packet, "dropped by a rule")
        elif self.held:
            self._waiting.append((packet, fate))
        else:
            self._carry(packet, fate)

    def release(self) -> None:
        """Let go what was held, in order."""
        self.held = False
        waiting, self._waiting = self._waiting, []
        for packet, fate in waiting:
            self._carry(packet, fate)

    def _fragments(self, packet: Packet) -> int:
        if packet.size <= self._link.mtu:
            return 1
        room = (self._link.mtu - IP_HEADER) // 8 * 8  # RFC 791: pieces of eight
        return -(-(packet.size - IP_HEADER) // room)

    def _carry(self, packet: Packet, fate: Fate) -> None:
        fabric = self._fabric
        timeline = fabric.timeline
        leaves = timeline.now
        if self._link.bandwidth is not None:
            queued = max(0, self._free - leaves)
            if self._link.queue is not None and (
                queued * self._link.bandwidth > self._link.queue * SECOND
            ):
                fabric.trace.dropped(packet, "queue full")
                return
            leaves += queued + round(packet.size * SECOND / self._link.bandwidth)
            self._free = leaves
        arrives = leaves + self._latency + fate.late
        if not fate.overtaken:
            arrives = self._arrivals = max(arrives, self._arrivals)
        fabric.trace.sent(packet, arrives)
        timeline.at(arrives, self.deliver, packet)
        for copy in range(1, fate.copies):
            again = arrives + copy * max(1, self._latency // 2)
            fabric.trace.doubled(packet, again)
            timeline.at(again, self.deliver, packet)


def ruled(fate: Fate, verdict: Drop | Delay | Duplicate) -> Fate:
    """Return a fate as a rule has changed it."""
    match verdict:
        case Drop():
            return Fate(copies=0)
        case Delay(seconds):
            return Fate(fate.copies, fate.late + nanoseconds(seconds), overtaken=True)
        case Duplicate(times):
            return Fate(fate.copies + times, fate.late, fate.overtaken)
