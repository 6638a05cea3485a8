"""Hypothesis draws links, plans and steps; the network does the rest."""

from typing import Any

from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tests.testing.chats import Room, chat, once_only, twice
from twisted_net.testing import Chunking, Fault, Link, SimNetwork
from twisted_net.testing.hypothesis import SimMachine, chunkings, fault_plans, links
from twisted_net.testing.search import attempt

FLOWS = [f"udp c{number}:49152>server:9999" for number in range(3)]


@given(links(), st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_the_room_takes_each_word_once_on_any_link(link: Link, seed: int) -> None:
    """The strategy of links makes good ones and bad ones."""
    assert attempt(once_only, SimNetwork(seed, link=link, trace=False)) is None


@given(chunkings())
def test_chunkings_are_drawn(chunking: Chunking) -> None:
    """Every one of them is a sensible description."""
    assert chunking.size is None or chunking.size >= 1


def test_a_plan_is_shrunk_to_one_fault() -> None:
    """Hypothesis finds the duplicate that the room does not bear."""

    def fails(plan: list[Fault]) -> bool:
        return attempt(twice, SimNetwork(faults=plan, trace=False)) is not None

    (fault,) = find(fault_plans(FLOWS), fails, settings=settings(deadline=None, database=None))
    assert fault.n == 0


class Conversation(SimMachine):
    """Steps of a conversation in the storm."""

    options = {"link": Link(loss=0.3, duplicate=0.1)}  # noqa: RUF012 - typed in the base

    def __init__(self) -> None:
        super().__init__()
        self.room: Room = chat(self.net, words=2)

    @rule(seconds=st.sampled_from([0.01, 0.3, 2]))
    def wait(self, seconds: float) -> None:
        """Let some time pass."""
        self.net.run_for(seconds)

    @rule(number=st.integers(0, 2))
    def cut(self, number: int) -> None:
        """Cut somebody off for a second."""
        self.net.partition(f"c{number}", "server")
        self.net.run_for(1)
        self.net.repair(f"c{number}", "server")

    @invariant()
    def once_only(self) -> None:
        """Nothing is heard twice."""
        assert len(set(self.room.heard)) == len(self.room.heard)


Conversation.TestCase.settings = settings(max_examples=8, stateful_step_count=8, deadline=None)
TestConversation: Any = Conversation.TestCase
