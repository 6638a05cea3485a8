"""Tests of `twisted_net.echo.probe`."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.echo import probe
from twisted_net.echo.codec import Probe, ProbeCodec
from twisted_net.echo.probe import BURST, FLOOD_WINDOW, Plan, Prober
from twisted_net.echo.tally import Event, Kind

CODEC = ProbeCodec(run=7, size=24)
MS = 1_000_000


def prober(**plan: Any) -> Prober:
    """Return a prober that begins at 100 s: one probe a second, each waited for 3 s."""
    return Prober(Plan(**{"interval": 1.0, "timeout": 3.0, **plan}), CODEC, start=100.0)


def numbers(sent: list[tuple[int, bytes]]) -> list[int]:
    """Return the numbers of what was sent."""
    return [number for number, _ in sent]


def answer(number: int) -> Probe:
    """Return the answer to a probe."""
    return Probe(7, number, 0)


def test_probes_are_sent_on_a_schedule_that_does_not_drift() -> None:
    """One was 0.2 s late; the next is due when it was due before."""
    probing = prober(count=3)
    assert probing.due(100.0) == [(0, CODEC.encode(0, 0))]
    assert (probing.due(100.9), probing.wake()) == ([], 101.0)
    assert probing.due(101.2) == [(1, CODEC.encode(1, 1000 * MS))]
    assert probing.wake() == 102.0
    assert numbers(probing.due(102.0)) == [2]
    assert probing.due(104.0) == []
    assert probing.tally.behind.highest == 200 * MS


def test_a_latency_counts_from_when_a_probe_was_due() -> None:
    """This side was stopped for two seconds; the probes that it delayed say so."""
    probing = prober(count=3)
    probing.due(100.0)
    assert numbers(probing.due(102.0)) == [1, 2]
    assert probing.received(answer(1), 102.5) == [Event(Kind.ANSWER, 1, 1500 * MS)]
    assert probing.received(answer(2), 102.5) == [Event(Kind.ANSWER, 2, 500 * MS)]


def test_what_cannot_be_sent_within_a_timeout_is_never_sent() -> None:
    """A laptop that slept for an hour sends no flood, and blames no network."""
    probing = prober()
    probing.due(100.0)
    assert probing.expire(3700.5) == [Event(Kind.LOST, 0)]
    assert numbers(probing.due(3700.5)) == [3598, 3599, 3600]
    assert (probing.tally.unsent, probing.tally.sent) == (3597, 4)


def test_no_answer_within_the_timeout_is_a_loss() -> None:
    """Which counts from the sending."""
    probing = prober(count=2)
    probing.due(100.0)
    probing.due(101.0)
    assert (probing.wake(), probing.expire(102.999)) == (103.0, [])
    assert probing.expire(103.0) == [Event(Kind.LOST, 0)]
    assert not probing.over(103.9)
    assert probing.expire(104.0) == [Event(Kind.LOST, 1)]
    assert (probing.over(104.0), probing.tally.loss) == (True, 100.0)


def test_an_answer_after_the_timeout_is_late_and_not_lost_and_doubled() -> None:
    """It still did not come back in time: the loss stays."""
    probing = prober(count=1)
    probing.due(100.0)
    lost, late = probing.received(answer(0), 104.0)
    assert (lost, late) == (Event(Kind.LOST, 0), Event(Kind.LATE, 0, 4000 * MS))
    assert probing.received(answer(0), 104.1) == [Event(Kind.DUPLICATE, 0)]
    tally = probing.tally
    assert (tally.lost, tally.late, tally.duplicates, tally.loss) == (0, 1, 1, 100.0)
    assert tally.latency.count == 0


def test_an_answer_that_was_overtaken_is_reordered() -> None:
    """RFC 4737, 3.3: less than the next number that is expected; a gap is none."""
    probing = prober(interval=0.1, count=4)
    probing.due(100.3)
    came = [probing.received(answer(number), 100.4)[0] for number in (0, 3, 1, 1, 2)]
    assert [each.reordered for each in came] == [False, False, True, False, True]
    assert (probing.tally.reordered, probing.tally.duplicates) == (2, 1)


def test_the_jitter_is_that_of_rfc_3550() -> None:
    """6.4.1: a sixteenth of what two neighbours differ by, less what it was."""
    probing = prober(count=3)
    for number, latency in enumerate((0.010, 0.026, 0.010)):
        probing.due(100.0 + number)
        probing.received(answer(number), 100.0 + number + latency)
    assert probing.tally.jitter == pytest.approx((1 + (16 - 1) / 16) * MS, rel=1e-6)


@pytest.mark.parametrize("stranger", [Probe(8, 0, 0), Probe(7, 1, 0)])
def test_an_answer_to_nothing_is_a_stray(stranger: Probe) -> None:
    """Another run's, or to a probe that was not sent yet."""
    probing = prober()
    probing.due(100.0)
    assert probing.received(stranger, 100.1) == [Event(Kind.STRAY, -1)]
    assert (probing.tally.stray, probing.tally.waiting) == (1, 1)


def test_a_refusal_loses_the_oldest() -> None:
    """It does not say which it means; one that means nothing loses nothing."""
    probing = prober(count=2)
    probing.due(101.0)
    assert probing.refused(101.1) == [Event(Kind.REFUSED, 0)]
    assert probing.received(answer(1), 101.2) == [Event(Kind.ANSWER, 1, 200 * MS)]
    assert probing.refused(101.3) == []
    assert (probing.tally.lost, probing.tally.refused, probing.tally.loss) == (1, 1, 50.0)


def test_a_probe_that_the_system_would_not_send_is_no_loss() -> None:
    """It never was on the network."""
    probing = prober(count=1)
    probing.due(100.0)
    assert probing.failed(0) == Event(Kind.UNSENT, 0)
    assert (probing.tally.sent, probing.tally.unsent, probing.tally.loss) == (0, 1, 0.0)
    assert probing.over(100.0)


def test_a_lost_connection_loses_what_is_under_way() -> None:
    """And what is to come is not sent."""
    probing = prober(count=9)
    probing.due(101.0)
    assert probing.give_up() == [Event(Kind.LOST, 0), Event(Kind.LOST, 1)]
    assert (probing.over(101.0), probing.due(105.0)) == (True, [])


def test_a_duration_ends_the_sending_and_not_the_waiting() -> None:
    """Three seconds at one a second are three probes; the last is waited for."""
    probing = prober(duration=3.0)
    assert numbers(probing.due(103.0)) == [0, 1, 2]
    assert (probing.due(104.0), probing.over(104.0), probing.over(107.0)) == ([], False, False)
    probing.expire(107.0)
    assert probing.over(107.0)


def test_a_flood_sends_as_fast_as_answers_come() -> None:
    """A window of them; and a hundred a second where none comes."""
    probing = prober(interval=0.0, duration=5.0)
    assert len(probing.due(100.0)) == FLOOD_WINDOW
    assert probing.due(100.001) == []
    probing.received(answer(3), 100.002)
    assert numbers(probing.due(100.002)) == [FLOOD_WINDOW]
    assert probing.wake() == pytest.approx(100.012)
    assert numbers(probing.due(100.0121)) == [FLOOD_WINDOW + 1]
    probing.expire(105.0)
    assert probing.due(105.0) == []
    assert probing.over(105.0)


def test_a_flood_that_cannot_send_is_stuck_when_nothing_is_under_way() -> None:
    """A server that reads no more would hold it for ever."""
    probing = prober(interval=0.0, count=99)
    probing.due(100.0)
    assert (probing.stuck, probing.wake(sending=False)) == (False, 103.0)
    probing.expire(103.0)
    assert probing.stuck


def test_a_schedule_that_cannot_be_kept_still_ends() -> None:
    """A server that reads no more: nothing can be sent, and every probe's time passes."""
    probing = prober(count=2)
    assert probing.wake(sending=False) == pytest.approx(103.0)
    probing.expire(103.5)
    assert probing.wake(sending=False) == pytest.approx(104.0)
    probing.expire(104.5)
    assert (probing.over(104.5), probing.tally.unsent) == (True, 2)


def test_catching_up_is_done_in_bursts() -> None:
    """What has come is read between them."""
    probing = prober(interval=0.001)
    assert [len(probing.due(101.0)) for _ in range(2)] == [BURST, BURST]
    assert probing.wake() < 101.0


def test_what_is_kept_for_each_probe_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a server that never answers, at any rate, for any time."""
    monkeypatch.setattr(probe, "MOST_UNDER_WAY", 10)
    probing = prober(interval=0.01, timeout=1.0)
    for step in range(400):
        now = 100.0 + step / 100
        probing.expire(now)
        probing.due(now)
        assert probing.tally.waiting <= 10
        assert len(probing._missing) <= 10
    oldest = probing.received(answer(0), 104.0)[-1]
    assert oldest == Event(Kind.STRAY, -1)  # late, or doubled: it is long forgotten


STEPS = st.lists(
    st.tuples(st.sampled_from(["send", "answer", "refuse"]), st.integers(0, 30), st.integers(0, 9)),
    max_size=60,
)


@given(STEPS)
def test_the_tally_is_that_of_whoever_writes_everything_down(
    steps: list[tuple[str, int, int]],
) -> None:
    """A naive model: all times in a list, looked at from the beginning each time."""
    probing = prober(timeout=0.5, interval=0.1)
    now, sent, state = 100.0, dict[int, float](), dict[int, str]()
    answers = 0
    for step, number, tenths in steps:
        now += tenths / 10
        probing.expire(now)
        for each, at in sent.items():
            if state[each] == "waiting" and round(now - at, 3) >= 0.5:
                state[each] = "lost"
        if step == "send":
            for each in numbers(probing.due(now)):
                sent[each], state[each] = now, "waiting"
        elif step == "answer":
            probing.received(answer(number), now)
            answers += 1
            if number in state:
                after = {"waiting": "answered", "lost": "late"}
                state[number] = after.get(state[number], state[number])
        else:
            probing.refused(now)
            waiting = [each for each in sent if state[each] == "waiting"]
            state.update(dict.fromkeys(waiting[:1], "lost"))
    kinds, tally = Counter(state.values()), probing.tally
    assert (tally.sent, tally.answered, tally.lost, tally.late, tally.waiting) == (
        len(sent),
        kinds["answered"],
        kinds["lost"],
        kinds["late"],
        kinds["waiting"],
    )
    assert tally.stray + tally.duplicates == answers - kinds["answered"] - kinds["late"]
