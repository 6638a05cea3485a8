"""Tests of windows of blocks (RFC 7440), packet by packet."""

import pytest

from tests.files.bad_wire import Bytes, packets
from tests.files.wires import NOISE
from twisted_net.files.tftp.codec import Ack, Data, Error, OptionAck, Packet, Request
from twisted_net.files.tftp.core import (
    Agreed,
    Buffer,
    Getter,
    Receiver,
    Sender,
    State,
    Terms,
    agree,
)
from twisted_net.files.tftp.core.options import MOST_IN_FLIGHT


def numbers(datagrams: list[Buffer]) -> list[int]:
    """Return the numbers of the blocks that were sent."""
    return [packet.number for packet in packets(datagrams) if isinstance(packet, Data)]


def sender(blocks: int, windowsize: int) -> Sender:
    """Return a sender of so many blocks, the last one empty, whose options were accepted."""
    data = NOISE[: 512 * (blocks - 1)]
    sending = Sender(Bytes(data), agree({"windowsize": str(windowsize)}, len(data)))
    (answer,) = packets(sending.start(0))
    assert answer == OptionAck({"windowsize": str(windowsize)})
    return sending


# Options


@pytest.mark.parametrize(
    ("value", "agreed"),
    [("1", 1), ("4", 4), ("64", 64), ("65", 64), ("65535", 64), ("0", None), ("65536", None)],
)
def test_a_window_is_lowered_or_left_out_never_widened(value: str, agreed: int | None) -> None:
    """RFC 7440, 3: 1 to 65535."""
    made = agree({"windowsize": value}, 0)
    assert made.windowsize == (agreed or 1)
    assert made.answer == ({"windowsize": str(agreed)} if agreed else None)


def test_a_window_is_no_larger_than_what_a_peer_can_hold() -> None:
    """A megabyte is more than the usual receive buffer, and all that one peer may cost us."""
    made = agree({"windowsize": "65535", "blksize": "65464"}, 0, Terms(windowsize=65535))
    assert made.windowsize * made.blksize <= MOST_IN_FLIGHT


# Sending


def test_a_window_is_sent_at_once_and_then_waited_for() -> None:
    """RFC 7440, 4: the last block of it is acknowledged, and the next window follows."""
    sending = sender(10, 4)
    assert numbers(sending.received(Ack(0), 0)) == [1, 2, 3, 4]
    assert numbers(sending.received(Ack(4), 0)) == [5, 6, 7, 8]
    assert numbers(sending.received(Ack(8), 0)) == [9, 10]
    assert sending.finishing
    assert sending.received(Ack(10), 0) == []
    assert (sending.state, sending.moved) == (State.DONE, 9 * 512)


def test_an_ack_inside_the_window_moves_it_there() -> None:
    """The rest was lost; a new full window begins behind what arrived, never more than one."""
    sending = sender(20, 4)
    sending.received(Ack(0), 0)
    assert numbers(sending.received(Ack(2), 0)) == [3, 4, 5, 6]
    assert numbers(sending.received(Ack(3), 0)) == [4, 5, 6, 7]


def test_an_ack_of_what_was_not_sent_skips_nothing() -> None:
    """Nor does one of a window that is long gone."""
    sending = sender(20, 4)
    sending.received(Ack(0), 0)
    sending.received(Ack(4), 0)
    for number in (9, 10, 3, 1, 65535):
        assert sending.received(Ack(number), 0) == []
    assert numbers(sending.received(Ack(8), 0)) == [9, 10, 11, 12]


def test_a_repeated_ack_says_that_the_window_s_first_block_was_lost() -> None:
    """It is answered without waiting for the timeout, but once a window."""
    sending = sender(20, 4)
    sending.received(Ack(0), 0.01)
    sending.received(Ack(4), 0.02)
    assert numbers(sending.received(Ack(4), 0.04)) == [5, 6, 7, 8]
    for _ in range(5):
        assert sending.received(Ack(4), 0.06) == []
    assert numbers(sending.received(Ack(8), 0.08)) == [9, 10, 11, 12]


def test_the_echo_of_a_window_sent_twice_sends_nothing() -> None:
    """The receiver acknowledges both; believed, the second one would double all that follows."""
    sending = sender(20, 4)
    sending.received(Ack(0), 0.01)
    assert numbers(sending.wake(sending.deadline or 0.0)) == [1, 2, 3, 4]
    assert numbers(sending.received(Ack(4), 2)) == [5, 6, 7, 8]
    assert sending.received(Ack(4), 2.5) == []
    assert numbers(sending.received(Ack(8), 3)) == [9, 10, 11, 12]
    assert numbers(sending.received(Ack(8), 4)) == [9, 10, 11, 12]  # no echo is owed any more


def test_an_ack_doubled_by_the_network_sends_nothing() -> None:
    """It comes sooner than any answer to the window could."""
    sending = sender(20, 4)
    sending.received(Ack(0), 0.01)
    sending.received(Ack(4), 0.02)
    assert sending.received(Ack(4), 0.0201) == []


def test_a_timeout_sends_the_window_again_from_the_last_ack() -> None:
    """And in the end says what it waited for."""
    sending = sender(20, 4)
    sending.received(Ack(0), 0)
    sending.received(Ack(3), 0)
    for _ in range(5):
        assert numbers(sending.wake(sending.deadline or 0.0)) == [4, 5, 6, 7]
    assert sending.wake(sending.deadline or 0.0) == []
    assert sending.why == "no ACK of blocks 4-7 after 5 retransmissions"


def test_a_repeated_ack_does_not_hold_a_transfer_open_for_ever() -> None:
    """A peer that acknowledges the same block over and over makes no progress."""
    sending = sender(20, 4)
    sending.received(Ack(0), 0)
    now, sent = 0.0, 0
    while not sending.over:
        now += 0.05
        sent += len(sending.received(Ack(0), now)) + len(sending.wake(now))
        assert now < 60
    assert sent <= 4 * 6


def test_the_end_of_a_source_may_be_unknown() -> None:
    """Content made on the way: the last block is found when it is read."""
    for size in (0, 511, 512, 2048, 2100):
        sending = Sender(Bytes(NOISE[:size], tells_size=False), Agreed(windowsize=3))
        got = b""
        datagrams = sending.start(0)
        while not sending.over:
            blocks = [each for each in packets(datagrams) if isinstance(each, Data)]
            got += b"".join(each.block for each in blocks)
            datagrams = sending.received(Ack(blocks[-1].number), 0)
        assert (got, sending.moved, sending.state) == (NOISE[:size], size, State.DONE)


# Receiving


def receiver(got: list[bytes], windowsize: int = 4) -> Getter:
    """Return a client whose server agreed to a window."""
    request = Request("read", b"f", "octet", {"windowsize": str(windowsize)})
    receiving = Getter(request, got.append, 60)
    receiving.start(0)
    answer = OptionAck({"windowsize": str(windowsize)})
    assert packets(receiving.received(answer, 0)) == [Ack(0)]
    return receiving


def data(number: int, size: int = 512) -> Data:
    """Return a block."""
    return Data(number, NOISE[(number - 1) * 512 :][:size])


def answers(receiving: Receiver, *blocks: Data, now: float = 0.0) -> list[Packet]:
    """Return what some blocks are answered."""
    return [each for block in blocks for each in packets(receiving.received(block, now))]


def test_a_window_s_last_block_is_acknowledged() -> None:
    """And the file's last one, which may come in the middle of a window."""
    got: list[bytes] = []
    receiving = receiver(got)
    assert answers(receiving, *map(data, (1, 2, 3))) == []
    assert answers(receiving, data(4)) == [Ack(4)]
    assert answers(receiving, data(5), data(6, 100)) == [Ack(6)]
    assert b"".join(got) == NOISE[: 5 * 512 + 100]


def test_a_gap_is_told_once() -> None:
    """With the last block in order; what is behind the gap comes again, and is not kept."""
    got: list[bytes] = []
    receiving = receiver(got)
    assert answers(receiving, data(1), data(3), data(4)) == [Ack(1)]
    assert answers(receiving, *map(data, (2, 3, 4, 5))) == [Ack(5)]
    assert b"".join(got) == NOISE[: 5 * 512]


def test_a_lost_first_block_is_told_as_well() -> None:
    """By the ACK of the block before the window, again."""
    receiving = receiver([])
    assert answers(receiving, *map(data, (1, 2, 3, 4, 6, 7, 8))) == [Ack(4), Ack(4)]


def test_a_window_that_comes_again_is_acknowledged_once() -> None:
    """Our ACK was lost."""
    got: list[bytes] = []
    receiving = receiver(got)
    window = [*map(data, (1, 2, 3, 4))]
    assert answers(receiving, *window) == [Ack(4)]
    assert answers(receiving, *window) == [Ack(4)]
    assert len(got) == 4


def test_who_takes_says_where_it_is_when_nothing_comes() -> None:
    """RFC 7440, 4: the tail of the window was lost, and the sender waits for its ACK."""
    receiving = receiver([])
    answers(receiving, data(1), data(2))
    assert packets(receiving.wake(receiving.deadline or 0.0)) == [Ack(2)]


def test_blocks_beyond_the_window_are_nobody_s() -> None:
    """They may be left from another transfer."""
    receiving = receiver([])
    assert answers(receiving, data(6), data(1000)) == []


def test_a_server_may_not_widen_the_window() -> None:
    """We said how much we can take."""
    request = Request("read", b"f", "octet", {"windowsize": "4"})
    receiving = Getter(request, lambda _: None)
    receiving.start(0)
    (refusal,) = packets(receiving.received(OptionAck({"windowsize": "5"}), 0))
    assert refusal == Error(8, "option windowsize=5 not acceptable")


# Trains


def train(*blocks: Data) -> memoryview:
    """Return blocks end to end, as a kernel hands them over."""
    return memoryview(b"".join(b"\0\3" + b.number.to_bytes(2, "big") + b.block for b in blocks))


def test_a_train_is_taken_in_one_piece() -> None:
    """What is answered is the same as block by block."""
    got: list[bytes] = []
    receiving = receiver(got, 8)
    assert receiving.train(train(data(1), data(2), data(3)), 516, 0) == []
    (ack,) = receiving.train(train(data(4), data(5), data(6), data(7), data(8)), 516, 0) or []
    assert packets([ack]) == [Ack(8)]
    (ack,) = receiving.train(train(data(9), data(10, 7)), 516, 0) or []
    assert packets([ack]) == [Ack(10)]
    assert b"".join(got) == NOISE[: 9 * 512 + 7]
    assert receiving.state is State.DALLYING


@pytest.mark.parametrize(
    ("blocks", "segment"),
    [
        ((data(2), data(3)), 516),  # a gap before it
        ((data(1), data(3)), 516),  # one in it
        ((data(1), data(1)), 516),
        (tuple(data(n) for n in range(1, 7)), 516),  # beyond the window
        ((data(1, 100), data(2, 100)), 104),  # another block size
    ],
)
def test_a_train_that_is_not_what_comes_next_is_left_to_the_slow_way(
    blocks: tuple[Data, ...], segment: int
) -> None:
    """Nothing of it has been taken."""
    got: list[bytes] = []
    receiving = receiver(got)
    assert receiving.train(train(*blocks), segment, 0) is None
    assert got == []
    assert answers(receiving, *map(data, (1, 2, 3, 4))) == [Ack(4)]
