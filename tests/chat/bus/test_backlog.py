"""Drafts that wait for the broker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.chat.bus.backlog import Backlog
from twisted_net.chat.codec.messages import Refusal


def test_what_is_acknowledged_waits_no_longer() -> None:
    """And is known to have waited only once: by its answer, or because it was heard before."""
    backlog: Backlog[str] = Backlog()
    assert [backlog.add(text) for text in "abc"] == [1, 2, 3]
    assert backlog.done(2) == "b"
    assert backlog.done(2) is None
    assert list(backlog) == [(1, "a"), (3, "c")]
    assert backlog.first == 1


def test_too_many_drafts_are_refused_and_take_no_number() -> None:
    """The broker would wait for ever for a number that nobody sends."""
    backlog: Backlog[str] = Backlog(limit=1)
    backlog.add("a")
    with pytest.raises(Refusal, match="503 other nodes unreachable; nothing was sent"):
        backlog.add("b")
    assert backlog.add("leaves", always=True) == 2
    assert backlog.done(1) == "a"
    assert backlog.done(2) == "leaves"
    assert backlog.add("c") == 3


def test_what_comes_before_something_heard_was_refused() -> None:
    """The broker takes drafts in turn."""
    backlog: Backlog[str] = Backlog()
    for text in "abc":
        backlog.add(text)
    assert backlog.skipped(3) == ["a", "b"]
    assert list(backlog) == [(3, "c")]


def test_a_new_epoch_counts_from_one() -> None:
    """What waited in the old one is handed back, for its senders to be told."""
    backlog: Backlog[str] = Backlog()
    for text in "abc":
        backlog.add(text)
    backlog.done(1)
    assert backlog.restart() == ["b", "c"]
    assert (len(backlog), backlog.first, backlog.add("d")) == (0, None, 1)


@given(st.lists(st.one_of(st.none(), st.integers(1, 30)), max_size=60))
def test_numbers_have_no_gaps_and_their_order_stays(steps: list[int | None]) -> None:
    """Whatever is acknowledged when: what waits is in the order in which it was handed over."""
    backlog: Backlog[int] = Backlog(limit=10)
    given_out = 0
    for step in steps:
        if step is not None:
            backlog.done(step)
        elif len(backlog) < 10:
            given_out += 1
            assert backlog.add(given_out) == given_out
        waiting = list(backlog)
        assert waiting == sorted(waiting)
        assert all(number == draft for number, draft in waiting)
