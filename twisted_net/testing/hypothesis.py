"""Hypothesis and the simulated network: strategies for what goes wrong, and a state machine.

Needs the extra ``testing``. Hypothesis is at its best where it makes up what users do; what the
network does to them is best drawn from a seed, and for that there is `explore`. Where Hypothesis
shall choose both, let it choose a list of faults: that shrinks, and a seed does not.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from twisted_net.testing.clock import nanoseconds
from twisted_net.testing.explore import chosen_seed
from twisted_net.testing.faults import Fault
from twisted_net.testing.ladder import ending
from twisted_net.testing.links import MERGE_DELAY, Chunking, Link
from twisted_net.testing.network import SimNetwork
from twisted_net.testing.search import Make, Scenario, attempt

#: Faults in a plan at most: room for a bad day, and quickly shrunk.
MOST_FAULTS = 20

#: Copies of a packet that a plan adds at most.
_MOST_COPIES = 3

#: Nanoseconds by which a plan delays a packet: from less than a packet's way to a retransmission.
_DELAYS = st.integers(1, 300).map(lambda milliseconds: milliseconds * 1_000_000)

#: When a disaster of a plan strikes, in nanoseconds: at a tenth of one of the first ten seconds.
_TIMES = st.integers(0, 100).map(lambda tenths: tenths * 100_000_000)

#: What may befall the things of a flow, by the first word of its name, and with which argument.
#: Hypothesis prefers what comes first.
_KINDS: dict[str, dict[str, st.SearchStrategy[int]]] = {
    "recv": {"chunk": st.integers(1, 64)},
    "wake": {"merge": st.just(nanoseconds(MERGE_DELAY))},
    "turn": {"order": st.integers(0, 2**32)},
    **{deed: {"chaos": _TIMES} for deed in ("kill", "power_off", "restart", "cut", "repair")},
}
_PACKETS: dict[str, st.SearchStrategy[int]] = {
    "loss": st.just(0),
    "dup": st.integers(1, _MOST_COPIES),
    "reorder": _DELAYS,
}


def _hundredths(most: float) -> st.SearchStrategy[float]:
    return st.integers(0, round(most * 100)).map(lambda number: number / 100)


def links(
    *, latency: float = 0.2, loss: float = 0.3, bandwidth: bool = True
) -> st.SearchStrategy[Link]:
    """Return a strategy for a `Link`, which shrinks towards one that does no harm.

    :param latency: seconds at most; jitter comes on top, up to half of it.
    :param loss: probability at most of a loss, and of a duplicate, and of an overtaking.
    :param bandwidth: whether links may be slow.
    """
    slow = st.none() | st.sampled_from([1_000_000.0, 100_000.0, 10_000.0])
    return st.builds(
        Link,
        latency=_hundredths(latency).map(lambda seconds: seconds or Link().latency),
        jitter=_hundredths(latency / 2),
        loss=_hundredths(loss),
        duplicate=_hundredths(loss),
        reorder=_hundredths(loss),
        bandwidth=slow if bandwidth else st.none(),
    )


def chunkings() -> st.SearchStrategy[Chunking]:
    """Return a strategy for a `Chunking`, which shrinks towards streams that stay whole."""
    return st.builds(
        Chunking,
        split=_hundredths(1.0),
        merge=_hundredths(1.0),
        size=st.none() | st.sampled_from([1, 2, 3, 10, 100, 1000]),
    )


def shape_of(scenario: Scenario, make: Make = SimNetwork) -> dict[str, int]:
    """Run a scenario on a network without faults; return what there is that faults can hit.

    That is how many packets, reads, … each flow had, by the flow's name.

    :raises Exception: what the scenario fails with.
    """
    net = make(faults=[])
    error = attempt(scenario, net)
    if error is not None:
        raise error
    return net.faults.passed()


def fault_plans(
    shape: Mapping[str, int] | Sequence[str], most: int = MOST_FAULTS
) -> st.SearchStrategy[list[Fault]]:
    """Return a strategy for the ``faults`` of a network: lists that shrink to the few it takes.

    :param shape: how many things each flow has, see `shape_of`; faults make more of them, so that
        twice as many can be hit. Or only the flows' names, as a recorded fault shows them. The
        name of a disaster, ``power_off server`` or ``cut a b``, makes it strike in the first ten
        seconds, if the scenario calls `SimNetwork.chaos`.
    :param most: faults of a plan at most, and things of a flow of which only the name is given.
    """
    last = (
        {flow: 2 * count for flow, count in shape.items()}
        if isinstance(shape, Mapping)
        else dict.fromkeys(shape, most)
    )
    possible = [
        st.builds(Fault, st.just(flow), st.integers(0, number), st.just(kind), argument)
        for flow, number in last.items()
        for kind, argument in _KINDS.get(flow.partition(" ")[0], _PACKETS).items()
    ]
    if not possible:
        return st.just([])
    return st.lists(st.one_of(possible), max_size=most, unique_by=_place)


def _place(fault: Fault) -> tuple[str, int, str]:
    return fault.flow, fault.n, fault.kind


class SimMachine(RuleBasedStateMachine):
    """A model whose rules act on a simulated network, and let its time pass.

    A subclass adds hosts in its ``__init__``, rules for what people do, and invariants. Every rule
    is plain, synchronous code; `wait` is inherited. What belongs to a program is called as
    ``self.net.run(call)``, so that it sees virtual time. The promises of the network are kept at
    the end of each example, and a failure brings its ladder along.

    :cvar options: of the network.
    :ivar net: the network of this example.
    """

    options: ClassVar[Mapping[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self._handled = sys.exception()
        self.net = SimNetwork(**{"seed": chosen_seed(), **self.options})

    @rule(seconds=st.integers(1, 10_000).map(lambda milliseconds: milliseconds / 1000))
    def wait(self, seconds: float) -> None:
        """Let the network go on."""
        self.net.run_for(seconds)

    def teardown(self) -> None:
        """Keep what was promised; or after a failure, show what happened."""
        error = sys.exception()
        if error is not None and error is not self._handled:
            error.add_note(ending(self.net.trace.ladder()))
            return
        self.net.finish()
        self.net.run_for(0)  # what was logged by the last rule is a failure too
