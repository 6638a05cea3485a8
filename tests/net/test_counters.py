"""Tests of `twisted_net.net.counters`."""

from twisted_net.net.counters import Counters


def test_what_a_door_did_is_one_line() -> None:
    """Only what happened is named."""
    counters = Counters().door("echo-tcp")
    counters.accepted, counters.open, counters.received = 3, 1, 70
    counters.drop("idle")
    counters.drop("idle")
    assert str(counters) == "3 connections (1 open), 70 bytes in, dropped idle=2"


def test_a_door_that_did_nothing_says_so() -> None:
    """An empty line would look like a fault."""
    assert str(Counters().door("echo-tcp")) == "nothing yet"


def test_a_door_is_counted_in_one_place() -> None:
    """Whoever asks for a door's counters gets the same ones."""
    counters = Counters()
    counters.door("b").drop("x")
    counters.door("a")
    assert [(name, each.dropped) for name, each in counters] == [("b", {"x": 1}), ("a", {})]
    assert counters.door("b") is counters.door("b")
