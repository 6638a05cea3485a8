"""Hypothesis finds what goes wrong on a network, and shrinks it to what it takes."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.testing.chats import STORM, Room, Speaker, once_only, twice
from tests.testing.parties import Party, call, serve
from twisted_net.testing import Chunking, Fault, Link, LoggedErrors, SimNetwork
from twisted_net.testing.hypothesis import SimMachine, chunkings, fault_plans, links, shape_of
from twisted_net.testing.search import attempt

#: Few examples, always the same.
SURE = settings(
    max_examples=300,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

SHAPE = {"udp c0:49152>server:9999": 5, "recv c0:49153>server:7": 3}


def quickly(examples: int) -> settings:
    """Return settings for so many examples."""
    return settings(SURE, max_examples=examples, stateful_step_count=12)


def smallest(strategy: st.SearchStrategy[Any], condition: Callable[[Any], bool]) -> Any:
    """Return the smallest example that meets a condition."""
    return find(strategy, condition, settings=SURE)


def test_the_smallest_link_and_chunking_do_no_harm() -> None:
    """What is shown in the end is only what it takes."""
    assert smallest(links(), lambda link: True) == Link()
    assert smallest(chunkings(), lambda chunking: True) == Chunking()
    assert smallest(links(), lambda link: link.loss >= 0.1) == Link(loss=0.1)


@quickly(50)
@given(links(latency=0.1, loss=0.2, bandwidth=False))
def test_links_keep_within_the_limits_asked_for(link: Link) -> None:
    """A test that needs a good link gets one."""
    assert link.latency <= 0.1
    assert link.jitter <= 0.05
    assert max(link.loss, link.duplicate, link.reorder) <= 0.2
    assert link.bandwidth is None


def test_a_shape_is_what_a_scenario_has_without_faults() -> None:
    """Each client of the chat says five words, and hears as many."""
    shape = shape_of(once_only)
    assert shape["udp c0:49152>server:9999"] == 5
    assert shape["udp server:9999>c2:49152"] == 5


def test_a_scenario_that_fails_without_faults_has_no_shape() -> None:
    """Its bug is no fault of the network's."""

    def fails(net: SimNetwork) -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        shape_of(fails)


@quickly(50)
@given(fault_plans(SHAPE, most=5))
def test_plans_hit_what_there_is(plan: list[Fault]) -> None:
    """Packets are lost, reads are cut, and everything has one place."""
    assert len(plan) <= 5
    assert len({(fault.flow, fault.n, fault.kind) for fault in plan}) == len(plan)
    for fault in plan:
        assert fault.n <= 2 * SHAPE[fault.flow]
        assert (fault.kind == "chunk") == fault.flow.startswith("recv")


def test_a_network_on_which_nothing_happens_has_an_empty_plan() -> None:
    """There is nothing to hit."""
    assert smallest(fault_plans({}), lambda plan: True) == []


def test_a_forgetful_room_is_found_and_takes_one_fault() -> None:
    """A chat that takes a duplicate for news, shrunk to the duplicate or a lost acknowledgement."""

    def fails(plan: list[Fault]) -> bool:
        return isinstance(attempt(twice, SimNetwork(faults=plan)), AssertionError)

    plan = smallest(fault_plans(shape_of(once_only)), fails)
    assert len(plan) == 1
    assert not attempt(once_only, SimNetwork(faults=plan))


def test_the_names_of_flows_are_shape_enough() -> None:
    """Whoever has a fault's name and no scenario that can be run gets plans too."""

    def fails(plan: list[Fault]) -> bool:
        return attempt(twice, SimNetwork(faults=plan)) is not None

    (fault,) = smallest(fault_plans(["udp c0:49152>server:9999"], most=10), fails)
    assert (fault.n, fault.kind) == (0, "dup")


def test_disasters_can_be_part_of_a_plan() -> None:
    """A server that must not be started twice is found to be restarted."""

    def scenario(net: SimNetwork) -> None:
        net.host("server")
        net.chaos()
        net.run_for(11)
        assert "server started" not in [event.why for event in net.trace.events]

    def fails(plan: list[Fault]) -> bool:
        return attempt(scenario, SimNetwork(faults=plan)) is not None

    shape = {**shape_of(scenario), "power_off server": 1, "restart server": 1}
    assert smallest(fault_plans(shape), fails) == [Fault("restart server", 0, "chaos", 0)]


@quickly(15)
@given(links(), st.integers(0, 1000))
def test_the_room_takes_each_word_once_on_any_link(link: Link, seed: int) -> None:
    """Over UDP it is the chat that sees to it."""
    assert attempt(once_only, SimNetwork(seed, link=link, trace=False)) is None


@quickly(20)
@given(link=links(), chunking=chunkings())
def test_what_is_echoed_comes_back_over_every_link(link: Link, chunking: Chunking) -> None:
    """TCP is TCP."""
    net = SimNetwork(link=link, chunking=chunking)
    serve(net.host("server"))
    party = net.run(call(net.host("client"), "server", Party(b"hello" * 100)))
    net.run_until(lambda: len(party.text) == 500)


class Chat(SimMachine):
    """People who join a room and talk, on links on which everything goes wrong."""

    options: ClassVar[dict[str, Any]] = {"link": STORM}
    forgetful = False

    @initialize()
    def open(self) -> None:
        """Open the room."""
        self.room = Room(self.forgetful)
        self.net.host("server").reactor.listenUDP(9999, self.room)
        self.said = 0

    @rule(words=st.integers(1, 3))
    def join(self, words: int) -> None:
        """Let somebody come and say something."""
        host = self.net.host(f"c{len(self.net.hosts())}")
        host.reactor.listenUDP(0, Speaker(host.reactor, words))
        self.said += words

    @rule()
    def cut(self) -> None:
        """Cut somebody off for a second."""
        last = self.net.hosts()[-1]
        self.net.partition(last, "server")
        self.net.run_for(1)
        self.net.repair(last, "server")

    @rule()
    def arrive(self) -> None:
        """Wait until all that was said is heard."""
        self.net.run_until(lambda: len(self.room.heard) >= self.said)

    @invariant()
    def heard_once(self) -> None:
        """Nothing is heard twice."""
        if hasattr(self, "room"):
            assert len(set(self.room.heard)) == len(self.room.heard)


class Forgetful(Chat):
    """The same with the bug."""

    forgetful = True


def run(machine: type[RuleBasedStateMachine], examples: int = 30) -> None:
    """Run a machine."""
    run_state_machine_as_test(machine, settings=quickly(examples))


def test_a_model_of_a_chat_holds_on_bad_links() -> None:
    """Rules drive the network synchronously, a hundred of them and more."""
    run(Chat)


def test_a_model_finds_the_forgetful_room() -> None:
    """One joins, time passes, a word is heard twice; and the ladder shows it."""
    with pytest.raises(AssertionError) as caught:
        run(Forgetful)
    notes = "\n".join(caught.value.__notes__)
    assert notes.count("state.join(") == 1
    assert "UDP 49152>9999 len=1 b'0'" in notes


@pytest.mark.logs("ZeroDivisionError")
def test_a_model_fails_on_what_is_logged() -> None:
    """Also where the last rule did it, after which no time passed."""

    class Clumsy(SimMachine):
        @rule()
        def stumble(self) -> None:
            """Make a mistake that is logged."""
            self.net.host(f"h{len(self.net.hosts())}", boot=lambda host: 1 // 0)

    with pytest.raises(LoggedErrors, match="ZeroDivisionError"):
        run(Clumsy, examples=5)


def test_a_model_keeps_the_promises_of_its_network() -> None:
    """What should come true in the end is waited for in each example."""

    class Hopeful(SimMachine):
        @rule()
        def hope(self) -> None:
            """Ask for something."""
            self.net.eventually("pigs fly", lambda: False, within=1)

    with pytest.raises(AssertionError, match="eventually: pigs fly"):
        run(Hopeful, examples=5)
