"""Which faults hit what: drawn from dice, or taken from a plan, and always written down.

Every *flow* (one sender's packets to one receiver, one socket's reads, …) has dice of its own,
seeded with the network's seed and the flow's name, and takes a fixed number of draws for each
thing that passes. So one packet more in a flow moves no decision in any other, and a fault stays
where it is while others are taken away from a failing run.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from twisted_net.testing.clock import SECOND, nanoseconds
from twisted_net.testing.links import MERGE_DELAY, Chunking, Link

#: Draws taken for each packet: loss, duplicate, reorder, and how late.
DRAWS = 4

#: Kinds whose argument is a time in nanoseconds.
_TIMES = ("reorder", "jitter", "merge")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that went wrong: what befell the ``n``-th thing of a flow, counted from 0.

    :ivar kind: ``loss dup reorder jitter chunk merge order`` or ``chaos``.
    :ivar arg: bytes of a chunk, copies of a dup, the seed of an order; else nanoseconds.
    """

    flow: str
    n: int
    kind: str
    arg: int = 0

    def __str__(self) -> str:
        if self.kind == "chaos":
            return f"{self.flow} at {self.arg / SECOND:.3f} s"
        if self.kind in _TIMES:
            return f"{self.kind}({self.arg / 1e6:.3f} ms) @ {self.flow}#{self.n}"
        if self.kind in ("chunk", "order"):
            return f"{self.kind}({self.arg}) @ {self.flow}#{self.n}"
        return f"{self.kind} @ {self.flow}#{self.n}"


@dataclass(frozen=True, slots=True)
class Fate:
    """What befalls one packet.

    :ivar copies: how often it arrives; 0: it is lost.
    :ivar late: nanoseconds that it is delayed.
    :ivar overtaken: whether others may overtake it meanwhile.
    """

    copies: int = 1
    late: int = 0
    overtaken: bool = False


#: What befalls nearly every packet.
UNHARMED = Fate()


class Flow:
    """The dice of one flow, its place in the plan, and how much has passed."""

    __slots__ = ("_dice", "_drawn", "_seed", "name", "passed", "plan")

    def __init__(self, name: str, seed: str, plan: dict[int, list[Fault]] | None) -> None:
        self.name = name
        self.passed = 0
        self.plan = plan
        self._seed = seed
        self._drawn = 0
        self._dice: random.Random | None = None

    def draw(self, n: int, draws: int) -> list[float]:
        """Return the draws of the ``n``-th thing; those of things not asked about are skipped."""
        if self._dice is None:
            self._dice = random.Random(self._seed)  # noqa: S311 - repeatable, not secret
        roll = self._dice.random
        if n > self._drawn:
            for _ in range((n - self._drawn) * draws):
                roll()
        self._drawn = n + 1
        if draws == DRAWS:  # as nearly always
            return [roll(), roll(), roll(), roll()]
        return [roll() for _ in range(draws)]


class Faults:
    """All the flows of one network, and the record of what was done to them.

    :param plan: apply exactly these, and draw nothing; None: draw.
    :ivar recorded: every fault that hit, in order.
    :ivar harmful: False while the network is healed: nothing more goes wrong.
    """

    def __init__(self, seed: object, plan: Iterable[Fault] | None = None) -> None:
        self.recorded: list[Fault] = []
        self.harmful = True
        self.plan = None if plan is None else list(plan)
        self._seed = seed
        self._flows: dict[str, Flow] = {}
        self._planned: dict[str, dict[int, list[Fault]]] = {}
        for fault in self.plan or ():
            self._planned.setdefault(fault.flow, {}).setdefault(fault.n, []).append(fault)

    def flow(self, name: str) -> Flow:
        """Return the flow of that name."""
        flow = self._flows.get(name)
        if flow is None:
            plan = None if self.plan is None else self._planned.get(name, {})
            flow = self._flows[name] = Flow(name, f"{self._seed}/{name}", plan)
        return flow

    def passed(self) -> dict[str, int]:
        """Return how much has passed in each flow."""
        return {name: flow.passed for name, flow in self._flows.items()}

    def packet(self, name: str, link: Link, fragments: int = 1) -> Fate:
        """Return what befalls the next packet of a flow.

        :param fragments: how many pieces it travels in; the loss of one is the loss of all.
        """
        flow = self._flows.get(name) or self.flow(name)
        n = flow.passed
        flow.passed = n + 1
        if flow.plan is not None:
            return self._planned_fate(flow.plan[n]) if n in flow.plan else UNHARMED
        if not self.harmful:
            return UNHARMED
        faults = drawn(name, n, link, fragments, flow.draw(n, DRAWS))
        return self._planned_fate(faults) if faults else UNHARMED

    def _planned_fate(self, faults: list[Fault]) -> Fate:
        self.recorded += faults
        return fate_of(faults)

    def chunk(self, name: str, chunking: Chunking, size: int) -> int:
        """Return how many bytes the next read of a flow gets, of ``size`` that it could get."""
        flow = self.flow(name)
        n = flow.passed
        flow.passed += 1
        if chunking.size is not None:
            size = min(size, chunking.size)
        arg = self._planned_arg(flow, n, "chunk")
        if arg is None and flow.plan is None and chunking.split and self.harmful:
            whether, where = flow.draw(n, 2)
            if whether < chunking.split and size > 1:
                arg = 1 + int(where * (size - 1))
        if arg is None or arg >= size:
            return size
        self.recorded.append(Fault(name, n, "chunk", arg))
        return arg

    def merge(self, name: str, chunking: Chunking) -> int:
        """Return the nanoseconds by which the next wake-up of a flow comes late."""
        flow = self.flow(name)
        n = flow.passed
        flow.passed += 1
        arg = self._planned_arg(flow, n, "merge")
        if arg is None and flow.plan is None and chunking.merge and self.harmful:
            (whether,) = flow.draw(n, 1)
            if whether < chunking.merge:
                arg = nanoseconds(MERGE_DELAY)
        if arg is None:
            return 0
        self.recorded.append(Fault(name, n, "merge", arg))
        return arg

    def order(self, name: str, count: int) -> list[int]:
        """Return the order in which a host serves ``count`` sockets that are ready at once."""
        flow = self.flow(name)
        n = flow.passed
        flow.passed += 1
        order = list(range(count))
        arg = self._planned_arg(flow, n, "order")
        if arg is None and flow.plan is None and self.harmful:
            arg = int(flow.draw(n, 1)[0] * 2**32)
        if arg is not None:
            random.Random(arg).shuffle(order)  # noqa: S311 - repeatable, not secret
            self.recorded.append(Fault(name, n, "order", arg))
        return order

    @staticmethod
    def _planned_arg(flow: Flow, n: int, kind: str) -> int | None:
        for fault in (flow.plan or {}).get(n, ()):
            if fault.kind == kind:
                return fault.arg
        return None


def fate_of(faults: Iterable[Fault]) -> Fate:
    """Return what befalls a packet that these faults hit."""
    copies, late, overtaken = 1, 0, False
    for fault in faults:
        if fault.kind == "loss":
            return Fate(copies=0)
        if fault.kind == "dup":
            copies += fault.arg
        else:
            late += fault.arg
            overtaken |= fault.kind == "reorder"
    return Fate(copies, late, overtaken)


def drawn(name: str, n: int, link: Link, fragments: int, draws: Sequence[float]) -> list[Fault]:
    """Return the faults that a link makes of the `DRAWS` draws for the n-th packet of a flow."""
    lost, doubled, overtaken, late = draws
    loss = link.loss if fragments == 1 else 1 - (1 - link.loss) ** fragments
    if lost < loss:
        return [Fault(name, n, "loss")]
    faults = []
    if doubled < link.duplicate:
        faults.append(Fault(name, n, "dup", 1))
    if overtaken < link.reorder:
        delay = link.reorder_delay * (0.2 + 0.8 * late)
        faults.append(Fault(name, n, "reorder", nanoseconds(delay)))
    elif link.jitter:
        faults.append(Fault(name, n, "jitter", nanoseconds(link.jitter * late)))
    return faults
