"""Hypothesis on the network: strategies for what may go wrong, and a base of state machines.

Needs the package ``hypothesis``. For finding and shrinking faults `explore` is faster; this is
for tests whose *inputs* Hypothesis draws, or whose steps it chooses.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from twisted_net.testing.faults import Fault
from twisted_net.testing.links import Chunking, Link
from twisted_net.testing.network import SimNetwork

#: Probabilities that are worth trying; simple ones first, which Hypothesis shrinks towards.
_PROBABILITIES = (0.0, 0.1, 0.3, 0.5)

#: Seconds of latency and jitter, from a LAN to a satellite.
_DELAYS = (0.0, 0.001, 0.02, 0.3)


def links() -> st.SearchStrategy[Link]:
    """Draw links, from a good one to one on which everything goes wrong."""
    chance = st.sampled_from(_PROBABILITIES)
    return st.builds(
        Link,
        latency=st.sampled_from(_DELAYS),
        jitter=st.sampled_from(_DELAYS),
        loss=chance,
        duplicate=chance,
        reorder=chance,
    )


def chunkings() -> st.SearchStrategy[Chunking]:
    """Draw ways in which streams are cut."""
    chance = st.sampled_from(_PROBABILITIES)
    return st.builds(Chunking, split=chance, merge=chance, size=st.sampled_from((None, 1, 2, 100)))


def fault_plans(flows: Sequence[str], most: int = 20) -> st.SearchStrategy[list[Fault]]:
    """Draw plans of faults for packets of some flows.

    :param flows: their names, ``udp c1:49152>server:9999``, as a recorded fault shows them.
    :param most: faults of a plan at most, and packets of a flow that may be hit.
    """
    harms = st.one_of(
        st.tuples(st.just("loss"), st.just(0)),
        st.tuples(st.just("dup"), st.just(1)),
        st.tuples(st.just("reorder"), st.sampled_from((10_000_000, 50_000_000, 300_000_000))),
    )
    faults = st.builds(
        lambda flow, n, harm: Fault(flow, n, *harm),
        st.sampled_from(list(flows)),
        st.integers(0, most),
        harms,
    )
    return st.lists(faults, max_size=most, unique_by=lambda fault: (fault.flow, fault.n))


class SimMachine(RuleBasedStateMachine):
    """A state machine whose rules let the network go on, with ``self.net.run_for(1)``.

    :cvar options: of its network; see `SimNetwork`.
    """

    options: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.net = SimNetwork(**self.options)

    def teardown(self) -> None:
        """Keep the promises that are open: what should come true in the end does."""
        self.net.finish()
