"""From the faults of a failing run to the few that it takes: delta debugging.

Faults are taken away, first all, then kind by kind, then halves, quarters, and so on to single
ones, as long as the run still fails. Since every fault keeps its place in its flow, taking one
away moves no other.
"""

from collections.abc import Callable, Sequence

from twisted_net.testing.faults import Fault

#: Kinds in the order in which they are suspected least.
KINDS = ("jitter", "order", "merge", "reorder", "dup", "chunk", "loss", "chaos")

#: Runs after which what is left is good enough.
MOST_RUNS = 400

Plan = list[Fault]
Fails = Callable[[Plan], bool]


class Shrinker:
    """A search for the smallest plan that fails.

    :param fails: runs a plan and says whether it fails in the same way.
    :ivar plan: the smallest found so far.
    :ivar runs: how many were run.
    """

    def __init__(self, plan: Sequence[Fault], fails: Fails, most: int = MOST_RUNS) -> None:
        self.plan: Plan = list(plan)
        self.runs = 0
        self._fails = fails
        self._most = most

    def shrink(self) -> Plan:
        """Return the smallest plan that could be found."""
        if not self.plan or self._accepts([]):
            return self.plan
        for kind in KINDS:
            without = [fault for fault in self.plan if fault.kind != kind]
            if len(without) < len(self.plan):
                self._accepts(without)
        self._halve()
        return self.plan

    def _halve(self) -> None:
        parts = 2
        while len(self.plan) > 1 and self.runs < self._most:
            if self._without_a_part(parts):
                parts = max(parts - 1, 2)
            elif parts < len(self.plan):
                parts = min(2 * parts, len(self.plan))
            else:
                return

    def _without_a_part(self, parts: int) -> bool:
        size = -(-len(self.plan) // parts)
        for start in range(0, len(self.plan), size):
            if self._accepts(self.plan[:start] + self.plan[start + size :]):
                return True
        return False

    def _accepts(self, plan: Plan) -> bool:
        if self.runs >= self._most:
            return False
        self.runs += 1
        if not self._fails(plan):
            return False
        self.plan = plan
        return True
