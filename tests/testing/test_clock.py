"""Virtual time runs what is due, in order, and knows when nothing is left."""

import pytest

from twisted_net.testing.clock import BURST, SECOND, Alarm, Timeline, TimeStandsStill, nanoseconds


def test_equal_times_run_in_the_order_in_which_they_were_entered() -> None:
    """Two things due at one instant never change places."""
    timeline = Timeline()
    seen: list[str] = []
    for name in "abc":
        timeline.at(5, seen.append, name)
    timeline.at(3, seen.append, "first")
    timeline.advance(10)
    assert seen == ["first", "a", "b", "c"]
    assert timeline.now == 5


def test_what_is_due_later_stays() -> None:
    """Time goes no further than asked."""
    timeline = Timeline()
    seen: list[str] = []
    timeline.at(5, seen.append, "now")
    timeline.at(6, seen.append, "later")
    timeline.advance(5)
    assert seen == ["now"]
    assert timeline.next == 6


def test_a_time_gone_by_means_now() -> None:
    """The clock never goes backwards."""
    timeline = Timeline()
    timeline.now = 10
    seen: list[int] = []
    timeline.at(3, lambda _: seen.append(timeline.now))
    timeline.advance(20)
    assert seen == [10]


def test_an_entry_can_stop_the_run() -> None:
    """Whoever is waited for says so, and nothing after it runs."""
    timeline = Timeline()
    seen: list[int] = []

    def stop(_: object) -> None:
        timeline.stopped = True

    timeline.at(1, stop)
    timeline.at(1, seen.append, 1)
    timeline.advance(10)
    assert seen == []


def test_a_quiet_entry_keeps_nobody_waiting_but_happens() -> None:
    """A network whose last connection is in TIME_WAIT is at rest."""
    timeline = Timeline()
    seen: list[str] = []
    timeline.quietly(5, seen.append, "quiet")
    assert timeline.at_rest
    timeline.advance(10)
    assert seen == []
    timeline.advance(10, to_rest=False)
    assert seen == ["quiet"]
    assert timeline.at_rest


def test_a_burst_without_end_is_found() -> None:
    """An event that repeats itself at once would run for ever."""
    timeline = Timeline()

    def again(_: object) -> None:
        timeline.at(timeline.now, again)

    again(None)
    with pytest.raises(TimeStandsStill):
        timeline.advance(10)
    assert timeline.fired == BURST


def test_an_alarm_rings_once_at_the_last_time_set() -> None:
    """Moving a deadline later leaves one ring, at the later time."""
    timeline = Timeline()
    rings: list[int] = []
    alarm = Alarm(timeline, lambda: rings.append(timeline.now))
    alarm.set(5)
    alarm.set(8)
    timeline.advance(20)
    assert rings == [8]
    assert alarm.deadline is None
    assert timeline.at_rest


def test_an_alarm_can_be_moved_sooner() -> None:
    """Moving a deadline sooner leaves one ring, at the sooner time."""
    timeline = Timeline()
    rings: list[int] = []
    alarm = Alarm(timeline, lambda: rings.append(timeline.now))
    alarm.set(8)
    alarm.set(5)
    timeline.advance(20, to_rest=False)
    assert rings == [5]
    assert timeline.at_rest


def test_a_cleared_alarm_is_no_reason_to_wait() -> None:
    """Nothing waits for a timer that will not ring; set again, it does."""
    timeline = Timeline()
    rings: list[int] = []
    alarm = Alarm(timeline, lambda: rings.append(timeline.now))
    alarm.set(5)
    alarm.clear()
    rests = [timeline.at_rest]
    alarm.set(7)
    rests.append(timeline.at_rest)
    timeline.advance(20)
    rests.append(timeline.at_rest)
    assert rings == [7]
    assert rests == [True, False, True]


def test_seconds_become_whole_nanoseconds() -> None:
    """A tenth of a second is not 99,999,999.99 nanoseconds."""
    assert nanoseconds(0.1) == SECOND // 10
