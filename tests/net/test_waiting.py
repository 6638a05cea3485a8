"""Tests of `twisted_net.net.waiting`."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from twisted_net.net.waiting import Waiting


class Room:
    """Somewhere people wait for 10 seconds at most.

    :ivar late: who was too late, and when that was found out.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.late: list[tuple[str, float]] = []
        self.waiting: Waiting[str] = Waiting(
            self.clock, 10.0, lambda who: self.late.append((who, self.clock.seconds()))
        )


def test_who_does_not_leave_in_time_is_late_to_the_second() -> None:
    """Each after its own time, whoever came before."""
    room = Room()
    for who in ("a", "b", "c"):
        room.waiting.enter(who)
        room.clock.advance(3)
    room.clock.pump([0.5] * 40)
    assert room.late == [("a", 10), ("b", 13), ("c", 16)]
    assert not room.clock.getDelayedCalls()


def test_all_who_wait_share_a_timer_and_who_has_left_leaves_none() -> None:
    """That is what it is for."""
    room = Room()
    for who in range(100):
        room.waiting.enter(str(who))
    assert len(room.clock.getDelayedCalls()) == 1
    for who in range(100):
        room.waiting.leave(str(who))
    room.waiting.leave("nobody")
    assert not room.clock.getDelayedCalls()


def test_somebody_s_end_may_be_the_end_of_others() -> None:
    """Or bring somebody new."""
    clock, seen = Clock(), []

    def late(who: str) -> None:
        seen.append(who)
        waiting.leave("b")
        if len(seen) < 3:
            waiting.enter("d")

    waiting: Waiting[str] = Waiting(clock, 10.0, late)
    for who in ("a", "b", "c"):
        waiting.enter(who)
    clock.advance(10)
    assert seen == ["a", "c"]
    clock.advance(10)
    assert seen == ["a", "c", "d"]
    assert not clock.getDelayedCalls()


def test_a_clock_that_is_set_back_makes_nobody_wait_for_ever() -> None:
    """Reactors' clocks may be."""
    room = Room()
    room.clock.rightNow = 1e9
    room.waiting.enter("a")
    room.clock.rightNow = 0.0
    room.clock.getDelayedCalls()[0].reset(10.0)
    room.clock.advance(10)
    assert room.clock.getDelayedCalls()[0].getTime() <= 20


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["enter", "leave", "wait"]))),
)
def test_it_is_the_same_as_a_timer_for_each(steps: list[tuple[str, str]]) -> None:
    """Whoever comes and goes."""
    room, now = Room(), 0.0
    until: dict[str, float] = {}
    late: list[str] = []
    for who, step in steps:
        if step == "enter" and who not in until:
            room.waiting.enter(who)
            until[who] = now + 10
        elif step == "leave":
            room.waiting.leave(who)
            until.pop(who, None)
        elif step == "wait":
            now += 4
            room.clock.advance(4)
            over = [each for each, when in until.items() if when <= now]
            late += over
            until = {each: when for each, when in until.items() if when > now}
        assert [who for who, _ in room.late] == late
        assert bool(room.clock.getDelayedCalls()) == bool(until)
