"""TFTP machines against each other, over a wire that loses, repeats and delays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.files.bad_wire import BadWire, Bytes
from tests.files.wires import NOISE
from twisted_net.files.tftp.codec import Ack, Data, Error, OptionAck, Packet, Request
from twisted_net.files.tftp.core import Getter, Putter, Receiver, Sender, Transfer, agree

#: Text that netascii changes on every line, with its pairs on both sides of every border.
TEXT = b"line\n\rreturn\r\n\n\n\r\r" * 150

SIZES = st.integers(0, 3000) | st.sampled_from([0, 511, 512, 513, 1024, 2048])


@settings(deadline=None)
@given(
    size=SIZES,
    blksize=st.sampled_from([8, 512, 1428]),
    windowsize=st.sampled_from([0, 1, 2, 5, 64]),
    timeout=st.sampled_from([0, 1]),
    writing=st.booleans(),
    netascii=st.booleans(),
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.05, 0.3]),
)
def test_a_bad_wire_gives_the_whole_file_or_none(
    size: int,
    blksize: int,
    windowsize: int,
    timeout: int,
    writing: bool,
    netascii: bool,
    seed: int,
    loss: float,
) -> None:
    """Never a part that is taken for the whole, never a byte that is not the file's."""
    options = {"blksize": blksize, "windowsize": windowsize, "timeout": timeout}
    asked = {name: str(value) for name, value in options.items() if value}
    if windowsize:
        asked["tsize"] = str(size) if writing and not netascii else "0"
    data = (TEXT if netascii else NOISE)[:size]
    wire = BadWire(
        data, asked, seed, loss, writing, "netascii" if netascii else "octet", tells_size=bool(seed)
    ).run()
    assert wire.most <= max(1, windowsize)
    if wire.whole:
        assert wire.content == data
    else:
        assert data.startswith(b"".join(wire.got))


@pytest.mark.parametrize("writing", [False, True], ids=["read", "write"])
@pytest.mark.parametrize("windowsize", [1, 4, 16])
def test_loss_that_a_network_really_has_stops_no_transfer(windowsize: int, writing: bool) -> None:
    """One packet in twenty, among delays and repetitions."""
    for seed in range(60):
        asked = {"windowsize": str(windowsize)} if seed % 2 or windowsize > 1 else {}
        wire = BadWire(NOISE[:6000], asked, seed, 0.05, writing).run()
        assert (wire.whole, wire.content) == (True, NOISE[:6000]), (seed, wire.server.why)


@pytest.mark.parametrize("windowsize", [1, 4, 16])
def test_packets_that_come_twice_do_not_make_everything_come_twice(windowsize: int) -> None:
    """The Sorcerer's Apprentice (RFC 1123, 4.2.3.1), which windows would bring back."""
    blocks = 40_000 // 512 + 1
    for seed, repeat in enumerate((0.1, 0.5, 1.0)):
        asked = {"windowsize": str(windowsize), "timeout": "5"}
        wire = BadWire(NOISE[:40_000], asked, seed, repeat=repeat, delays=(0.01,)).run()
        assert (wire.content, wire.blocks) == (NOISE[:40_000], blocks)


@pytest.mark.parametrize(("rollover", "writing"), [("", True), ("0", False), ("1", False)])
def test_block_numbers_roll_over(rollover: str, writing: bool) -> None:
    """After 65535 comes 0, or 1 where that was agreed on; windows go on across it."""
    data = NOISE[:525_000]  # 65,626 blocks of 8 bytes
    asked = {"blksize": "8", "windowsize": "64"} | ({"rollover": rollover} if rollover else {})
    wire = BadWire(data, asked, writing=writing, repeat=0.0, delays=(0.01,)).run()
    assert wire.whole
    assert wire.content == data


NUMBERS = st.integers(0, 12) | st.sampled_from([65535, 65534, 32768])
ANYTHING = st.one_of(
    st.builds(Ack, NUMBERS),
    st.builds(Data, NUMBERS, st.sampled_from([b"", b"x" * 511, b"x" * 512, b"x" * 513])),
    st.builds(Error, st.integers(0, 9), st.just("why")),
    st.builds(
        OptionAck,
        st.dictionaries(
            st.sampled_from(["blksize", "windowsize", "tsize", "timeout", "x"]),
            st.sampled_from(["0", "2", "4", "512", "70000", "", "-1"]),
        ),
    ),
    st.just(Request("read", b"f")),
)


@settings(deadline=None)
@given(
    packets=st.lists(st.tuples(ANYTHING, st.floats(0, 3)), max_size=60),
    role=st.sampled_from(["Sender", "Receiver", "Getter", "Putter"]),
)
def test_no_packet_at_any_time_breaks_a_machine(
    packets: list[tuple[Packet, float]], role: str
) -> None:
    """Nor makes it send more than a window at a time, or anything once it is over."""
    options = {"windowsize": "4", "tsize": "0"}
    machine: Transfer
    match role:
        case "Sender":
            machine = Sender(Bytes(NOISE[:5000]), agree(options, 5000))
        case "Receiver":
            machine = Receiver(lambda _: None, agree(options, None, writing=True))
        case "Getter":
            machine = Getter(Request("read", b"f", "octet", options), lambda _: None)
        case _:
            machine = Putter(Request("write", b"f", "octet", options), Bytes(NOISE[:5000]))
    now = 0.0
    assert len(machine.start(now)) == 1
    for packet, later in packets:
        now += later
        over = machine.over
        sent = [*machine.wake(now), *machine.received(packet, now)]
        assert len(sent) <= 8
        assert not (over and sent)
        assert machine.over == (machine.deadline is None)
    while machine.deadline is not None:
        assert machine.deadline > now
        now = machine.deadline
        machine.wake(now)
    assert machine.over
    assert now < 600
