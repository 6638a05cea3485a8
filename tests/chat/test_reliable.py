"""Tests of `twisted_net.chat.core.reliable`."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.members import dice
from twisted_net.chat.core.reliable import (
    AHEAD,
    FIRST_WAIT,
    LEAST_WAIT,
    LONGEST_WAIT,
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
    for _ in range(9):
        trips.timed_out()
    assert trips.wait == LONGEST_WAIT


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
        if outbox.deadline is None:
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
        assert outbox.deadline is not None
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
    assert outbox.deadline is not None
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
        read += [body for _, body in inbox.take(seq, b"%d" % number)]
        assert all(inbox.has((start + n) % (TOP + 1)) for n in order[: order.index(number) + 1])
    assert read == [b"%d" % number for number in range(1, 21)]
    assert inbox.ack == (start + 20) % (TOP + 1)
    assert inbox.bits == 0


def test_the_bits_say_what_came_beyond_the_gap() -> None:
    """Lowest first: the message after the missing one is bit 1."""
    inbox = Inbox(10)
    assert list(inbox.take(12, b"b")) == []
    assert list(inbox.take(14, b"d")) == []
    assert (inbox.ack, inbox.bits) == (10, 0b1010)
    assert list(inbox.take(11, b"a")) == [(11, b"a"), (12, b"b")]
    assert (inbox.ack, inbox.bits) == (12, 0b10)


def test_what_is_too_far_ahead_is_not_kept() -> None:
    """Else one packet could make us wait for four thousand million others."""
    inbox = Inbox(10)
    assert inbox.fits(10 + AHEAD)
    assert not inbox.fits(11 + AHEAD)
    assert not inbox.has(11 + AHEAD)
