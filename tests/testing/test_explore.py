"""A failing seed is found, shrunk to what it takes, and explained."""

import weakref
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.testing.chats import STORM, chat, once_only, twice
from tests.testing.parties import Party, call, serve
from twisted_net.testing import Fault, Link, SimNetwork, check_determinism, explore
from twisted_net.testing.search import COLLECT_AFTER, attempt

make = partial(SimNetwork, link=STORM)


@pytest.fixture(autouse=True)
def captures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep captures out of the way, and the environment of the test run out of these tests."""
    monkeypatch.setenv("TWISTED_NET_CAPTURES", str(tmp_path))
    monkeypatch.delenv("TWISTED_NET_SEED", raising=False)
    monkeypatch.delenv("TWISTED_NET_SEEDS", raising=False)
    return tmp_path


def test_a_correct_scenario_passes_under_every_seed() -> None:
    """Order and once-only hold in the storm."""
    report = explore(once_only, 20, make=make)
    report.check()
    assert report.runs == 20


def test_a_bug_is_found_and_shrunk_to_the_one_fault_that_it_takes(captures: Path) -> None:
    """A lost acknowledgement or one duplicate is enough for a room that forgets."""
    finding = explore(twice, 20, make=make).finding
    assert finding is not None
    assert len(finding.faults) > 5
    assert finding.needed is not None
    assert len(finding.needed) == 1
    assert finding.runs < 60
    assert finding.capture == captures / f"twice_{finding.seed}.pcap"
    assert finding.capture.stat().st_size > 100
    replayed = make(finding.seed, faults=finding.needed)
    assert isinstance(attempt(twice, replayed), AssertionError)


def test_the_report_says_what_it_takes_and_how_to_see_it_again() -> None:
    """Seed, faults, ladder, capture and the line that replays it."""
    report = explore(twice, 20, make=make)
    with pytest.raises(AssertionError) as caught:
        report.check()
    (note,) = caught.value.__notes__
    lines = note.splitlines()
    assert report.finding is not None
    assert lines[0].startswith(f"seed {report.finding.seed}: ")
    assert lines[0].endswith(" injected faults, 1 needed:")
    assert " @ udp " in lines[1]
    assert "       time" in lines[2]
    assert lines[-1].startswith("capture: ")
    assert lines[-1].endswith(f"again: TWISTED_NET_SEED={report.finding.seed} <same command>")


def test_a_failure_that_needs_no_fault_says_so() -> None:
    """An ordinary bug is no fault of the network's."""

    def always(net: SimNetwork) -> None:
        chat(net)
        net.run_for(1)
        raise ValueError("a bug")

    finding = explore(always, 5, make=make).finding
    assert finding is not None
    assert finding.needed == []
    assert "none needed" in str(finding)


def test_a_scenario_that_is_not_repeatable_is_called_so() -> None:
    """What does not happen again with the same faults depends on something else."""
    runs: list[int] = []

    def once(net: SimNetwork) -> None:
        runs.append(1)
        chat(net)
        net.run_for(1)
        assert len(runs) != 1

    finding = explore(once, 1, make=make).finding
    assert finding is not None
    assert finding.needed is None
    assert "the scenario is not repeatable" in str(finding)


def test_several_processes_find_what_one_finds() -> None:
    """The first seed that fails is the same, and so is what it takes."""
    one, two = explore(twice, 20, make=make), explore(twice, 20, make=make, jobs=2)
    assert one.finding is not None
    assert two.finding is not None
    assert (one.finding.seed, one.finding.needed) == (two.finding.seed, two.finding.needed)


def test_several_processes_share_the_seeds() -> None:
    """Each is run once, and what each has met is put together."""

    def sometimes(net: SimNetwork) -> None:
        net.sometimes("seven", lambda: net.seed == 7)
        net.host("one").reactor.callLater(1, bool)
        net.run_for(2)

    report = explore(sometimes, 20, jobs=3)
    report.check()
    assert report.runs == 20


def test_the_environment_replays_one_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """``TWISTED_NET_SEED`` runs that one only, number or not."""
    seeds: list[Any] = []
    monkeypatch.setenv("TWISTED_NET_SEED", "17")
    explore(lambda net: seeds.append(net.seed), 50)
    monkeypatch.setenv("TWISTED_NET_SEED", "blue")
    explore(lambda net: seeds.append(net.seed), 50)
    assert seeds == [17, "blue"]


def test_the_environment_widens_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """``TWISTED_NET_SEEDS`` overrules the number of seeds."""
    monkeypatch.setenv("TWISTED_NET_SEEDS", "7")
    assert explore(lambda net: None, 2).runs == 7


def test_an_empty_budget_ends_the_search() -> None:
    """No seed is begun once the time is spent."""
    assert explore(lambda net: None, 50, budget=-1.0).runs == 0


def test_what_is_never_met_fails() -> None:
    """A test of duplicates that never saw one has tested nothing."""

    def calm(net: SimNetwork) -> None:
        room = chat(net)
        net.sometimes("a duplicate arrived", lambda: room.duplicates > 0)
        net.settle()

    with pytest.raises(AssertionError, match="never in 5 seeds: a duplicate arrived"):
        explore(calm, 5).check()
    explore(calm, 5, make=make).check()


def test_a_replayed_seed_need_not_meet_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks at one seed again asks what it does, not what it does not."""
    monkeypatch.setenv("TWISTED_NET_SEED", "3")
    explore(lambda net: net.sometimes("pigs fly", lambda: False), 5).check()


def test_a_swarm_of_configurations_is_drawn_and_reported() -> None:
    """Each seed has a link of its own, and the finding says which."""

    def drawn(dice: Any) -> dict[str, Any]:
        return {"link": Link(loss=dice.choice([0.0, 0.5]), duplicate=dice.choice([0.0, 0.5]))}

    finding = explore(twice, 50, swarm=drawn).finding
    assert finding is not None
    assert "link = Link(" in str(finding)


def test_chaos_is_drawn_repeats_and_shrinks() -> None:
    """A server that loses its memory with its power is found out by one restart."""

    def forgets(net: SimNetwork) -> None:
        net.host(
            "server", boot=lambda host: host.disk.update(starts=host.disk.get("starts", 0) + 1)
        )
        net.chaos(power_off=["server"], stall=["server"], rate=0.5, until=10)
        net.run_for(10)
        assert net["server"].disk["starts"] < 2

    finding = explore(forgets, 20).finding
    assert finding is not None
    assert finding.needed is not None
    assert [fault.flow for fault in finding.needed] == ["restart server"]
    assert "restart server at " in str(finding)


def test_chaos_ends_with_healing() -> None:
    """After all disasters, what was asked for comes true."""

    async def reconnects(net: SimNetwork) -> None:
        net.host("server", boot=serve)
        net.host("client")
        net.chaos(
            kill=["server"], power_off=["server"], cut=[("client", "server")], stall=["server"],
            rate=0.5, until=20,
        )  # fmt: skip
        await net.sleep(20)
        net.heal()
        await net.sleep(1)
        party = await call(net["client"], "server", Party(b"still there?"))
        await net.sleep(1)
        assert party.text == b"still there?"

    explore(reconnects, 20).check()


def test_what_should_come_true_is_waited_for_after_healing() -> None:
    """``eventually`` is about what happens when the storm is over."""

    def delivered(net: SimNetwork) -> None:
        room = chat(net, words=2)
        net.eventually("all is heard", lambda: len(room.heard) == 6)
        net.run_for(0.1)

    def impossible(net: SimNetwork) -> None:
        chat(net)
        net.eventually("pigs fly", lambda: False, within=10)

    explore(delivered, 20, make=make).check()
    with pytest.raises(AssertionError, match="eventually: pigs fly"):
        explore(impossible, 1, make=make).check()


def test_what_should_always_hold_is_checked_after_every_step() -> None:
    """An invariant that breaks for a moment is found in that moment."""

    def crowded(net: SimNetwork) -> None:
        room = chat(net)
        net.always("few words", lambda: len(room.heard) < 3)
        net.settle()

    finding = explore(crowded, 1).finding
    assert finding is not None
    assert str(finding.error) == "always: few words"


def test_a_repeatable_scenario_has_one_digest() -> None:
    """In this process, with a disturbed heap, and in processes with other hashes."""
    assert len(check_determinism(once_only, 3, make=make)) == 40


def test_a_set_of_peers_is_found_out() -> None:
    """What depends on addresses in memory does not repeat."""

    class Peer:
        """Hashed by its address."""

    def careless(net: SimNetwork) -> None:
        room = chat(net, clients=0)
        assert room.heard == []
        client = net.host("c")
        peers = {Peer(): number for number in range(50)}
        for peer in set(peers):
            sock = client.stack.socket(2, 2)
            sock.bind(("", 1000 + peers[peer]))
            vars(type(sock))["sendto"](sock, b"1", ("10.0.0.1", 9999))
        net.run_for(0.01)

    def repeated() -> None:
        for seed in range(20):
            check_determinism(careless, seed, processes=False)

    with pytest.raises(AssertionError, match="not repeatable: it differs with a disturbed heap"):
        repeated()


def test_a_plan_can_be_pasted_into_a_test() -> None:
    """The faults of a report are Python."""
    plan = [Fault(flow="udp c0:49152>server:9999", n=0, kind="dup", arg=1)]
    assert isinstance(attempt(twice, SimNetwork(faults=plan)), AssertionError)


def test_networks_that_are_done_with_are_let_go() -> None:
    """Ten thousand seeds need no more memory than a hundred."""
    made: list[weakref.ref[SimNetwork]] = []

    def scenario(net: SimNetwork) -> None:
        made.append(weakref.ref(net))
        net.host("server")
        net.run_for(1)

    explore(scenario, range(3 * COLLECT_AFTER))
    assert len([each for each in made if each() is not None]) <= COLLECT_AFTER


def test_a_seed_that_is_replayed_need_not_show_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at one seed is not told what other seeds would have shown."""
    monkeypatch.setenv("TWISTED_NET_SEED", "3")

    def scenario(net: SimNetwork) -> None:
        net.sometimes("never true", lambda: False)
        net.run_for(1)

    explore(scenario).check()
