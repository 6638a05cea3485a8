"""Whatever way segments arrive, the stream is the one that was sent."""

from hypothesis import given
from hypothesis import strategies as st

from twisted_net.testing.kernel.tcp.receiving import Receiver

STREAM = bytes(range(200))


@given(st.data())
def test_segments_in_any_order_and_any_overlap_make_the_stream(data: st.DataObject) -> None:
    """Late, doubled and overlapping segments change nothing."""
    receiver = Receiver(1000, 65_536, 1460)
    cuts = sorted(data.draw(st.sets(st.integers(1, 199), max_size=10)))
    pieces = [(1000 + a, STREAM[a : b + 3]) for a, b in zip([0, *cuts], [*cuts, 200], strict=True)]
    more = data.draw(st.lists(st.sampled_from(pieces), max_size=5))
    for seq, piece in data.draw(st.permutations(pieces + more)):
        receiver.arrived(seq, piece, end=seq + len(piece) == 1200)
    assert receiver.read(1000) == STREAM
    assert receiver.ended
    assert receiver.nxt == 1201
    assert not receiver.gap


def test_what_lies_beyond_a_gap_is_told_newest_first() -> None:
    """The blocks of an acknowledgement are those of RFC 2018."""
    receiver = Receiver(0, 65_536, 10)
    for seq in (20, 30, 60, 90):
        assert not receiver.arrived(seq, b"x" * 10, end=False)
    assert receiver.blocks() == ((90, 100), (20, 40), (60, 70))
    assert receiver.arrived(0, b"x" * 20, end=False)
    assert receiver.nxt == 40
    assert receiver.available == 40


def test_nothing_beyond_the_window_is_kept() -> None:
    """A peer that ignores the window cannot fill the memory."""
    receiver = Receiver(0, 100, 10)
    receiver.arrived(0, b"x" * 500, end=False)
    assert receiver.available == 100
    assert receiver.window() == 0
    receiver.arrived(200, b"y" * 10, end=False)
    assert not receiver.gap


def test_a_window_opens_by_a_segment_at_least() -> None:
    """Reading a byte is not worth telling the peer (RFC 9293, 3.8.6.2.2)."""
    receiver = Receiver(0, 100, 10)
    receiver.arrived(0, b"x" * 100, end=False)
    receiver.read(9)
    assert receiver.window() == 0
    told = [receiver.worth_telling]
    receiver.read(1)
    told.append(receiver.worth_telling)
    assert told == [False, True]
    assert receiver.window() == 10
