"""Tests of `twisted_net.files.tftp.core`: transfers, without I/O or a clock."""

import pytest

from tests.files.bad_wire import Bytes, packets
from tests.files.wires import NOISE
from twisted_net.files.tftp.codec import (
    Ack,
    Code,
    Data,
    Error,
    OptionAck,
    Packet,
    Request,
)
from twisted_net.files.tftp.core import (
    CEILING,
    FLOOR,
    Agreed,
    Buffer,
    Getter,
    Sender,
    State,
    Terms,
    Timeout,
    agree,
)


def sender(data: bytes = b"x" * 700, **options: str) -> Sender:
    """Return a sender as a request with these options makes it."""
    return Sender(Bytes(data), agree(options, len(data)))


def numbers(datagrams: list[Buffer]) -> list[int]:
    """Return the numbers of the blocks that were sent."""
    return [packet.number for packet in packets(datagrams) if isinstance(packet, Data)]


# Options


@pytest.mark.parametrize(
    ("value", "agreed"),
    [
        ("8", 8),
        ("512", 512),
        ("1428", 1428),
        ("65464", 65464),
        ("7", None),
        ("0", None),
        ("-1", None),
        ("65465", None),
        ("1e3", None),
        ("", None),
        ("9" * 9, None),
        ("abc", None),
    ],
)
def test_a_block_size_is_accepted_or_left_out(value: str, agreed: int | None) -> None:
    """RFC 2348: 8 to 65464; anything else is as if it had not been asked for."""
    answer = {"blksize": str(agreed)} if agreed else None
    assert agree({"blksize": value}, 0) == Agreed(agreed or 512, answer=answer)


def test_a_block_size_is_lowered_never_raised() -> None:
    """To what the server was told is the largest that its network can carry."""
    assert agree({"blksize": "65464"}, 0, Terms(1428)).answer == {"blksize": "1428"}
    assert agree({"blksize": "512"}, 0, Terms(1428)).answer == {"blksize": "512"}


@pytest.mark.parametrize("value", ["1", "255", "007"])
def test_a_timeout_is_echoed_unchanged_and_obeyed(value: str) -> None:
    """RFC 2349."""
    agreed = agree({"timeout": value}, 0)
    assert agreed.answer == {"timeout": value}
    assert agreed.timeout == int(value)


@pytest.mark.parametrize("value", ["0", "256", "1.0", "-1", ""])
def test_a_timeout_out_of_range_is_left_out(value: str) -> None:
    """RFC 2349: 1 to 255 seconds."""
    assert agree({"timeout": value}, 0) == Agreed()


def test_only_what_was_asked_for_and_is_known_is_answered() -> None:
    """In the order of the request; the size is the real one."""
    asked = {"multicast": "", "tsize": "0", "blksize": "1024", "x": "y"}
    assert agree(asked, 4711).answer == {"tsize": "4711", "blksize": "1024"}
    assert agree({"tsize": "-1"}, 4711).answer is None
    assert agree({"tsize": "0"}, 0).answer is None  # curl would not fetch an empty file
    assert agree({}, 4711).answer is None


def test_options_are_acknowledged_and_nothing_else_is_sent_before_the_peer_did() -> None:
    """An address that has proven nothing gets no more than it sent (RFC 2347)."""
    sending = sender(tsize="0")
    assert packets(sending.start(0)) == [OptionAck({"tsize": "700"})]
    assert packets(sending.wake(1)) == [OptionAck({"tsize": "700"})]
    assert sending.received(Ack(1), 1) == []
    assert numbers(sending.received(Ack(0), 1)) == [1]


# Sending


@pytest.mark.parametrize(
    ("size", "blocks"), [(0, [0]), (1, [1]), (511, [511]), (512, [512, 0]), (513, [512, 1])]
)
def test_a_short_block_ends_the_file(size: int, blocks: list[int]) -> None:
    """So an empty file is an empty block, and a multiple of 512 has one behind it (RFC 1350, 6)."""
    sending = sender(NOISE[:size])
    datagrams = sending.start(0)
    for number, length in enumerate(blocks, 1):
        assert [len(datagram) - 4 for datagram in datagrams] == [length]
        assert numbers(datagrams) == [number]
        assert not sending.over
        datagrams = sending.received(Ack(number), 0)
    assert datagrams == []
    assert sending.state is State.DONE
    assert sending.moved == size


def test_a_duplicate_acknowledgement_sends_nothing() -> None:
    """Or every block from there on would be sent twice (RFC 1123, 4.2.3.1)."""
    sending = sender(b"x" * 2000)
    sending.start(0)
    assert numbers(sending.received(Ack(1), 0)) == [2]
    assert sending.received(Ack(1), 0) == []
    assert sending.received(Ack(0), 0) == []
    assert numbers(sending.received(Ack(2), 0)) == [3]


def test_an_acknowledgement_of_what_was_not_sent_skips_nothing() -> None:
    """Some servers believe it, and leave out blocks of the file."""
    sending = sender(b"x" * 5000)
    sending.start(0)
    for number in (2, 3, 9, 65535):
        assert sending.received(Ack(number), 0) == []
    assert numbers(sending.received(Ack(1), 0)) == [2]


def test_block_numbers_go_on_from_zero_after_65535() -> None:
    """32 MiB at 512 bytes is not the end; nor is a straggler from before taken for a new one."""
    sending = Sender(Bytes(b"x" * (8 * 65540)), Agreed(blksize=8))
    sending.start(0)
    for number in range(1, 65536):
        datagrams = sending.received(Ack(number), 0)
    assert numbers(datagrams) == [0]
    assert sending.received(Ack(65535), 0) == []
    assert numbers(sending.received(Ack(0), 0)) == [1]


def test_a_lost_block_is_sent_again_and_then_given_up() -> None:
    """A client that vanished must not hold a transfer open for ever; the log is told of what."""
    sending = sender(b"x" * 2000)
    sending.start(0)
    sending.received(Ack(1), 0.01)
    sent = 0
    while sending.deadline is not None:
        sent += len(sending.wake(sending.deadline))
    assert sent == 5
    assert sending.state is State.FAILED
    assert sending.why == "no ACK of block 2 after 5 retransmissions"


def test_a_wake_before_its_time_does_nothing() -> None:
    """Timers may be early; a transfer may not."""
    sending = sender()
    sending.start(0)
    assert sending.wake(0.5) == []
    assert numbers(sending.wake(1.0)) == [1]


def test_an_address_that_proves_nothing_gets_two_packets_for_a_request() -> None:
    """The request may be forged: no server should be the amplifier of somebody's flood."""
    for options in ({}, {"tsize": "0"}, {"timeout": "255", "blksize": "65464"}):
        sending = sender(b"x" * 5000, **options)
        sent = len(sending.start(0))
        while sending.deadline is not None:
            now = sending.deadline
            sent += len(sending.wake(sending.deadline))
        assert sent <= 2
        assert now <= 30
        assert sending.state is State.FAILED
        assert sending.why.startswith("no ACK of ")


def test_a_repeated_request_is_answered_again_until_the_peer_has_proven_itself() -> None:
    """Our first answer may have been lost; later the repetition is a straggler."""
    sending = sender(b"x" * 2000)
    first = sending.start(0)
    assert sending.repeated(0.5) == first
    sending.received(Ack(1), 1)
    assert sending.repeated(1) == []


def test_an_error_of_the_peer_ends_it_and_is_never_answered() -> None:
    """RFC 1350, 7."""
    sending = sender(b"x" * 2000)
    sending.start(0)
    sending.received(Ack(1), 0)
    assert sending.received(Error(Code.DISK_FULL, "full"), 0) == []
    assert sending.state is State.FAILED
    assert sending.why == "the peer says: error 3 'full'"
    assert not sending.declined
    assert sending.received(Ack(2), 0) == []


def test_a_boot_loader_that_only_wanted_the_size_is_no_failure() -> None:
    """It asks for tsize, and says ERROR 8 or 0 to the answer."""
    sending = sender(tsize="0")
    sending.start(0)
    assert sending.received(Error(Code.OPTION, ""), 0) == []
    assert sending.declined


@pytest.mark.parametrize("packet", [Data(1, b"x"), OptionAck({}), Request("read", b"x")])
def test_what_a_receiver_does_not_send_changes_nothing(packet: Packet) -> None:
    """It may be meant for somebody else."""
    sending = sender()
    sending.start(0)
    assert sending.received(packet, 0) == []
    assert numbers(sending.received(Ack(1), 0)) == [2]


def test_a_file_that_became_shorter_ends_in_an_error() -> None:
    """A short block would look like the end of the file."""
    source = Bytes(b"x" * 2000)
    sending = Sender(source, Agreed())
    sending.start(0)
    source.data = b"x" * 600
    assert packets(sending.received(Ack(1), 0)) == [Error(0, "file changed while sending")]
    assert sending.state is State.FAILED


def test_a_file_that_changed_does_not_get_its_last_block() -> None:
    """The receiver would take a mixture for the file."""
    source = Bytes(b"x" * 700)
    sending = Sender(source, Agreed())
    sending.start(0)
    source.touched = True
    assert packets(sending.received(Ack(1), 0)) == [Error(0, "file changed while sending")]


def test_a_disk_that_fails_ends_in_an_error() -> None:
    """And not in an exception."""

    class Broken(Bytes):
        def read(self, offset: int, count: int) -> bytes:
            raise OSError(5, "Input/output error")

    sending = Sender(Broken(b"x"), Agreed())
    assert packets(sending.start(0)) == [Error(0, "cannot read: input/output error")]


# Waiting


def test_a_timeout_learns_from_round_trips() -> None:
    """RFC 1123, 4.2.3.2: it MUST adapt; a fixed one is too long here and too short there."""
    timeout = Timeout()
    assert timeout.seconds == 1.0
    for _ in range(20):
        timeout.measured(0.001)
    assert timeout.seconds == FLOOR
    for _ in range(40):
        timeout.measured(1.0)
    assert 1.0 < timeout.seconds < 2.0


def test_a_timeout_doubles_up_to_a_ceiling() -> None:
    """Backing off is what lets a congested network recover."""
    timeout = Timeout()
    waits = []
    for _ in range(5):
        timeout.expired()
        waits.append(timeout.seconds)
    assert waits == [2.0, 4.0, CEILING, CEILING, CEILING]


def test_an_agreed_timeout_is_used_as_it_stands() -> None:
    """RFC 2349."""
    timeout = Timeout(7)
    timeout.measured(0.1)
    timeout.expired()
    assert timeout.seconds == 7


def test_a_packet_sent_twice_is_not_measured() -> None:
    """Nobody knows which of the two was answered (Karn)."""
    sending = sender(b"x" * 2000)
    sending.start(0)
    sending.wake(1.0)
    sending.received(Ack(1), 1.001)
    assert sending.deadline == 1.001 + 2.0


# Receiving


def receiver(got: list[bytes], patience: float = 5.0, **options: str) -> Getter:
    """Return a receiver that collects what it takes."""
    return Getter(Request("read", b"f", "octet", options), got.append, patience)


def test_a_server_without_options_is_fetched_from_all_the_same() -> None:
    """Its first answer is block 1, and blocks have 512 bytes (RFC 2347)."""
    got: list[bytes] = []
    receiving = receiver(got, blksize="1428", tsize="0")
    receiving.start(0)
    assert packets(receiving.received(Data(1, b"a" * 512), 0)) == [Ack(1)]
    assert packets(receiving.received(Data(2, b"b"), 0)) == [Ack(2)]
    assert b"".join(got) == b"a" * 512 + b"b"
    assert receiving.state is State.DALLYING


def test_options_are_accepted_with_acknowledgement_zero() -> None:
    """Again, if it was lost."""
    receiving = receiver([], blksize="1428", tsize="0")
    receiving.start(0)
    answer = OptionAck({"blksize": "1000", "tsize": "5"})
    assert packets(receiving.received(answer, 0)) == [Ack(0)]
    assert receiving.size == 5
    assert packets(receiving.received(answer, 0)) == [Ack(0)]


@pytest.mark.parametrize(
    "options",
    [
        {"blksize": "1429"},
        {"blksize": "7"},
        {"blksize": "x"},
        {"windowsize": "4"},
        {"tsize": "-1"},
        {"timeout": "9"},
    ],
)
def test_an_answer_to_what_was_not_asked_is_refused(options: dict[str, str]) -> None:
    """A larger block than ours would not fit; RFC 2348 wants ERROR 8."""
    receiving = receiver([], blksize="1428", tsize="0", timeout="3")
    receiving.start(0)
    (error,) = packets(receiving.received(OptionAck(options), 0))
    assert isinstance(error, Error)
    assert error.code == Code.OPTION
    assert receiving.state is State.FAILED


def test_the_last_acknowledgement_is_repeated_for_a_while() -> None:
    """It may be lost, and the server would then believe that we vanished (RFC 1350, 6)."""
    got: list[bytes] = []
    receiving = receiver(got)
    receiving.start(0)
    receiving.received(Data(1, b"end"), 0.1)
    assert packets(receiving.received(Data(1, b"end"), 0.2)) == [Ack(1)]
    assert got == [b"end"]
    assert receiving.deadline is not None
    assert receiving.wake(receiving.deadline) == []
    assert receiving.state is State.DONE


def test_a_block_that_comes_twice_is_taken_once() -> None:
    """Its acknowledgement was lost; one of long ago is a straggler and is owed nothing."""
    got: list[bytes] = []
    receiving = receiver(got)
    receiving.start(0)
    receiving.received(Data(1, b"a" * 512), 0)
    receiving.received(Data(2, b"b" * 512), 0)
    assert packets(receiving.received(Data(2, b"b" * 512), 0)) == [Ack(2)]
    assert receiving.received(Data(1, b"a" * 512), 0) == []
    assert receiving.received(Data(7, b"a" * 512), 0) == []
    assert len(got) == 2


def test_a_server_that_promises_one_size_and_sends_another_is_found_out() -> None:
    """Too much is refused before it is written, too little is not a file."""
    for blocks in ([b"x" * 6], [b"x" * 4]):
        got: list[bytes] = []
        receiving = receiver(got, tsize="0")
        receiving.start(0)
        receiving.received(OptionAck({"tsize": "5"}), 0)
        (error,) = packets(receiving.received(Data(1, blocks[0]), 0))
        assert isinstance(error, Error)
        assert receiving.state is State.FAILED
        assert "5 bytes promised" in receiving.why
        assert got == []


def test_a_block_larger_than_agreed_is_refused() -> None:
    """It would be taken for one that is not the last."""
    receiving = receiver([])
    receiving.start(0)
    (error,) = packets(receiving.received(Data(1, b"x" * 513), 0))
    assert error == Error(Code.ILLEGAL, "block of 513 bytes")


def test_a_silent_server_is_given_up_when_patience_ends() -> None:
    """Not before, and however often we asked."""
    receiving = receiver([], patience=0.5)
    receiving.start(0)
    assert receiving.deadline == 0.5
    assert receiving.wake(0.5) == []
    assert receiving.deserted
    assert receiving.why == "no answer in 0.5 s"


def test_a_request_is_repeated_until_it_is_answered() -> None:
    """At one second, at three, and no later than patience allows."""
    receiving = receiver([], patience=6)
    start = receiving.start(0)
    assert receiving.wake(1) == start
    assert receiving.wake(3) == start
    assert receiving.deadline == 6
    assert receiving.wake(6) == []


def test_a_full_disk_is_told_to_the_server() -> None:
    """ERROR 3, and no acknowledgement of what was not kept."""

    def full(block: bytes) -> None:
        raise OSError(28, "No space left on device")

    receiving = Getter(Request("read", b"f"), full)
    receiving.start(0)
    assert packets(receiving.received(Data(1, b"x"), 0)) == [Error(3, "no space left on device")]
    assert receiving.trouble is not None


def test_an_error_of_the_server_ends_it() -> None:
    """With its code for whoever wants to try otherwise."""
    receiving = receiver([])
    receiving.start(0)
    assert receiving.received(Error(Code.NOT_FOUND, "no such file"), 0) == []
    assert receiving.refused == Error(1, "no such file")
