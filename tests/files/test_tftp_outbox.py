"""Tests of `twisted_net.files.tftp.outbox`."""

from typing import Any

import pytest
from twisted.internet.task import Clock

from twisted_net.files.tftp import outbox
from twisted_net.files.tftp.outbox import FEW, LONGEST, LONGEST_PAUSE, MOST, PAUSE, Outbox
from twisted_net.net.counters import DoorCounters

PLACE = ("127.0.0.1", 4000)


class Wire:
    """A socket that notes what is sent; some datagrams it cannot send."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendto(self, datagram: bytes, place: tuple[str, int]) -> int:
        """Send one."""
        if datagram == b"bad":
            raise OSError("no route")
        assert place == PLACE
        self.sent.append(datagram)
        return len(datagram)


class Sender:
    """What a transfer does: send at once what is not taken."""

    def __init__(self) -> None:
        self.wire: Any = Wire()
        self.clock = Clock()
        self.counters = DoorCounters()
        self.outbox = Outbox(self.clock, self.counters)
        self.at_once = 0

    def send(self, *datagrams: bytes) -> None:
        """Send some, all in one turn."""
        for datagram in datagrams:
            if not self.outbox.take(self.wire, datagram, PLACE):
                self.at_once += 1
                self.wire.sendto(datagram, PLACE)

    def turn(self) -> None:
        """Let the turn end."""
        self.clock.advance(0)


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Sender:
    """Return one that tries at once whether to wait is worth it."""
    monkeypatch.setattr(outbox, "PAUSE", 0)
    return Sender()


def test_the_blocks_of_many_leave_at_the_end_of_the_turn_in_order(sender: Sender) -> None:
    """And are counted then."""
    sender.send(*(b"%d" % number for number in range(9)))
    assert not sender.wire.sent
    assert not sender.counters.anything
    sender.turn()
    assert sender.wire.sent == [b"%d" % number for number in range(9)]
    assert (sender.counters.datagrams_sent, sender.counters.sent) == (9, 9)
    assert not sender.clock.getDelayedCalls()


def test_a_lone_transfer_hardly_ever_waits_for_the_end_of_a_turn() -> None:
    """Its blocks are sent at once, but for one now and then, which might not be alone."""
    sender = Sender()
    for _ in range(4 * LONGEST_PAUSE):
        sender.send(b"block")
        sender.turn()
    assert len(sender.wire.sent) == 4 * LONGEST_PAUSE
    waited = 4 * LONGEST_PAUSE - sender.at_once
    assert 0 < waited < 10


def test_many_are_found_out_soon_after_one_was_alone() -> None:
    """As soon as what was to be sent at once has been sent."""
    sender = Sender()
    sender.send(*[b"block"] * PAUSE)
    assert sender.at_once == PAUSE
    for _ in range(10):
        sender.send(*[b"block"] * FEW)
        sender.turn()
    assert sender.at_once == PAUSE


def test_a_long_datagram_leaves_behind_those_that_are_held(sender: Sender) -> None:
    """Order is kept, and what is copied has a bound."""
    sender.send(b"1", b"2", b"3" * (LONGEST + 1))
    assert sender.wire.sent == [b"1", b"2", b"3" * (LONGEST + 1)]
    assert sender.at_once == 1
    assert not sender.outbox.holds


def test_no_more_than_so_many_are_held(sender: Sender) -> None:
    """Memory is bounded, however much comes in one turn."""
    sender.send(*[b"block"] * (MOST + 1))
    assert len(sender.wire.sent) == MOST


def test_what_cannot_be_sent_is_counted_and_keeps_nobody_waiting(sender: Sender) -> None:
    """The timeout of its transfer sees to it."""
    sender.send(b"1", b"bad", b"3")
    sender.turn()
    assert sender.wire.sent == [b"1", b"3"]
    assert sender.counters.dropped == {"not_sent": 1}
    assert sender.counters.datagrams_sent == 2


def test_memory_that_is_used_again_changes_nothing_that_is_held(sender: Sender) -> None:
    """The next block is laid out where this one was before this one leaves."""
    page = bytearray(b"first")
    sender.outbox.take(sender.wire, memoryview(page), PLACE)
    page[:] = b"other"
    sender.turn()
    assert sender.wire.sent == [b"first"]


def test_stopping_sends_what_is_held_and_leaves_no_timer(sender: Sender) -> None:
    """A server that stops has told its clients so."""
    sender.send(b"1", b"2")
    sender.outbox.stop()
    sender.outbox.stop()
    assert sender.wire.sent == [b"1", b"2"]
    assert not sender.clock.getDelayedCalls()
