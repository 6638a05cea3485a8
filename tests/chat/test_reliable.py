"""Tests of `twisted_net.chat.core.reliable`."""

import itertools
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.members import dice
from twisted_net.chat.core.reliable import (
    AHEAD,
    FIRST_WAIT,
    HELD,
    LEAST_WAIT,
    LONGEST_WAIT,
    SAID,
    SENDS,
    WINDOW,
    Inbox,
    Outbox,
    RoundTrips,
)

TOP = (1 << 32) - 1


def sent(outbox: Outbox, now: float) -> list[bytes]:
    """Return the bodies that are sent at a time."""
    return [body for _, body in outbox.due(now)]


def test_the_wait_is_learned_from_round_trips() -> None:
    """RFC 6298, 2: the mean and four times the spread, within bounds."""
    trips = RoundTrips()
    assert trips.wait == FIRST_WAIT
    trips.measured(0.4)
    assert trips.wait == pytest.approx(0.4 + 4 * 0.2)
    for _ in range(50):
        trips.measured(0.001)
    assert trips.wait == LEAST_WAIT
    assert trips.timed_out(LEAST_WAIT) == trips.timed_out(LEAST_WAIT) == trips.wait
    assert trips.wait == 2 * LEAST_WAIT
    for _ in range(9):
        trips.timed_out(trips.wait)
    assert trips.wait == LONGEST_WAIT
    trips.measured(0.001)
    assert trips.wait == LEAST_WAIT


def test_one_message_flies_until_one_has_arrived() -> None:
    """The window grows with each window that arrived whole, up to its bound."""
    outbox = Outbox(dice(1))
    for number in range(100):
        outbox.put(b"%d" % number)
    flights = []
    now = 0.0
    while outbox:
        flights.append(len(sent(outbox, now)))
        outbox.acked(outbox.seq - 100 + sum(flights), 0, now + 0.01)
        now += 0.02
    assert flights[:5] == [1, 2, 3, 4, 5]
    assert max(flights) == WINDOW


@given(st.lists(st.integers(0, 8), max_size=30), st.integers(0, 99))
def test_nothing_is_due_before_the_deadline_and_something_is_then(
    acked: list[int], seed: int
) -> None:
    """Whatever was acknowledged before: who waits for the deadline neither spins nor sleeps on."""
    outbox = Outbox(dice(seed))
    first = outbox.seq
    now = 0.0
    for count in acked:
        outbox.put(b"x")
        outbox.due(now)
        outbox.acked((first + count) & TOP, 0, now)
        outbox.due(now)
        if outbox.given_up:
            return
        if outbox.deadline == inf:
            assert not outbox
        else:
            now = outbox.deadline
            assert outbox.due(now - 0.001) == []
            assert outbox.due(now) or outbox.given_up


def test_a_message_is_sent_again_later_and_later_and_then_given_up() -> None:
    """So that a peer that is gone does not hold a session for ever."""
    outbox = Outbox(dice(1))
    outbox.put(b"hi")
    times, now = [], 0.0
    while not outbox.given_up:
        if sent(outbox, now):
            times.append(now)
        now = outbox.deadline if not outbox.given_up else now
    assert len(times) == SENDS
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert FIRST_WAIT <= waits[0] <= 1.5 * FIRST_WAIT
    assert waits[1:] == [2.0, 4.0, 8.0]


def test_a_repeated_message_teaches_nothing() -> None:
    """Nobody can say which of the two was acknowledged (Karn)."""
    outbox = Outbox(dice(1))
    seq = outbox.put(b"a")
    sent(outbox, 0.0)
    sent(outbox, 1.5)
    outbox.acked(seq, 0, 1.501)
    outbox.put(b"b")
    sent(outbox, 2.0)
    assert outbox.deadline >= 2.0 + 2 * FIRST_WAIT


def test_what_arrived_beyond_a_gap_is_not_sent_again() -> None:
    """The bits say which."""
    outbox = Outbox(dice(1))
    first = outbox.put(b"0")
    sent(outbox, 0.0)
    outbox.acked(first, 0, 0.1)
    for number in range(1, 3):
        outbox.put(b"%d" % number)
    assert sent(outbox, 0.2) == [b"1", b"2"]
    outbox.acked(first, 0b10, 0.3)
    assert sent(outbox, 9.0) == [b"1"]


def grown(window: int) -> Outbox:
    """Return an outbox with nothing in it that may send so many at one time."""
    outbox = Outbox(dice(1))
    for flight in range(1, window):
        for _ in range(flight):
            outbox.put(b"x")
        assert len(sent(outbox, 0.0)) == flight
        outbox.acked(outbox.seq, 0, 0.01)
    return outbox


def test_what_three_later_ones_have_overtaken_is_sent_again_at_once() -> None:
    """Once; and that is no reason to send less."""
    outbox = grown(5)
    first = outbox.put(b"0")
    for number in range(1, 5):
        outbox.put(b"%d" % number)
    assert sent(outbox, 1.0) == [b"0", b"1", b"2", b"3", b"4"]
    outbox.acked(first - 1, 0b110, 1.01)
    assert sent(outbox, 1.01) == []
    outbox.acked(first - 1, 0b1110, 1.02)
    assert outbox.deadline <= 1.02
    assert sent(outbox, 1.02) == [b"0"]
    outbox.acked(first - 1, 0b11110, 1.03)
    assert sent(outbox, 1.03) == []
    outbox.acked(first, 0, 1.04)
    for _ in range(9):
        outbox.put(b"x")
    assert len(sent(outbox, 2.0)) >= 5


def test_a_gap_is_skipped_with_all_that_is_missing_in_it() -> None:
    """After its time, and only the first one."""
    inbox = Inbox(10)
    inbox.take(13, b"c", 1.0)
    inbox.take(14, b"d", 2.0)
    inbox.take(17, b"g", 3.0)
    assert inbox.deadline == 1.0 + HELD
    assert inbox.skip() == ([11, 12], [(13, b"c"), (14, b"d")])
    assert all(inbox.has(seq) for seq in (11, 12, 13, 14, 17))
    assert inbox.deadline == 3.0 + HELD
    assert inbox.skip() == ([15, 16], [(17, b"g")])
    assert (inbox.ack, inbox.deadline) == (17, inf)


def test_the_bits_reach_no_farther_than_there_are() -> None:
    """What is kept beyond them is said later."""
    inbox = Inbox(10)
    inbox.take(10 + SAID, b"x", 0.0)
    inbox.take(11 + SAID, b"x", 0.0)
    assert inbox.bits == 1 << SAID - 1


@given(st.integers(0, TOP), st.permutations(range(1, 21)), st.data())
def test_messages_are_read_in_order_and_once(
    start: int, order: list[int], data: st.DataObject
) -> None:
    """However they came, and across the end of the numbers."""
    inbox = Inbox(start)
    repeated = data.draw(st.lists(st.sampled_from(order), max_size=20))
    read = []
    for number in order + repeated:
        seq = (start + number) % (TOP + 1)
        if inbox.has(seq):
            continue
        assert inbox.fits(seq)
        read += [body for _, body in inbox.take(seq, b"%d" % number, 0.0)]
        assert all(inbox.has((start + n) % (TOP + 1)) for n in order[: order.index(number) + 1])
    assert read == [b"%d" % number for number in range(1, 21)]
    assert inbox.ack == (start + 20) % (TOP + 1)
    assert inbox.bits == 0


def test_the_bits_say_what_came_beyond_the_gap() -> None:
    """Lowest first: the message after the missing one is bit 1."""
    inbox = Inbox(10)
    assert inbox.take(12, b"b", 0.0) == []
    assert inbox.take(14, b"d", 0.0) == []
    assert (inbox.ack, inbox.bits) == (10, 0b1010)
    assert inbox.take(11, b"a", 0.0) == [(11, b"a"), (12, b"b")]
    assert (inbox.ack, inbox.bits) == (12, 0b10)


def test_what_is_too_far_ahead_is_not_kept() -> None:
    """Else one packet could make us wait for four thousand million others."""
    inbox = Inbox(10)
    assert inbox.fits(10 + AHEAD)
    assert not inbox.fits(11 + AHEAD)
    assert not inbox.has(11 + AHEAD)
