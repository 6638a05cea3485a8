"""What a sender sends, and what it makes of what it hears."""

from twisted_net.testing.clock import SECOND
from twisted_net.testing.kernel.tcp.congestion import Reno, Unlimited
from twisted_net.testing.kernel.tcp.sending import Sender
from twisted_net.testing.kernel.tcp.timing import RoundTrip

MSS = 1000


def sender(window: int = 65_536) -> Sender:
    """Return a sender of numbers from 0 on."""
    made = Sender(0, 65_536, MSS, Reno(MSS))
    made.open(window)
    return made


def test_the_first_flight_is_ten_segments() -> None:
    """More waits for an acknowledgement (RFC 6928)."""
    one = sender()
    one.write(memoryview(b"x" * 20_000))
    assert [each.seq for each in one.due(0)] == list(range(0, 10_000, MSS))
    assert one.due(0) == []


def test_acknowledgements_open_the_window_twofold() -> None:
    """Slow start sends two segments for each that arrived."""
    one = sender()
    one.write(memoryview(b"x" * 40_000))
    one.due(0)
    assert one.acked(2 * MSS, 65_536, now=1) == 2 * MSS
    assert len(one.due(1)) == 4


def test_three_overtaken_is_lost() -> None:
    """The hole is filled at once, and the window halved (RFC 5681, RFC 6675)."""
    one = sender()
    one.write(memoryview(b"x" * 10_000))
    one.due(0)
    one.sacked(((1000, 3000),))
    assert [each.seq for each in one.due(1)] == []
    one.sacked(((1000, 8000),))
    resent = one.due(1)
    assert [(each.seq, each.times) for each in resent] == [(0, 2)]


def test_a_timeout_sends_the_first_again_and_then_slowly_the_rest() -> None:
    """After silence one segment probes the path; what had arrived is not repeated."""
    one = sender()
    one.write(memoryview(b"x" * 5_000))
    one.due(0)
    one.sacked(((2000, 3000),))
    one.expired()
    assert [each.seq for each in one.due(1)] == [0]
    one.acked(1000, 65_536, now=2)
    assert [each.seq for each in one.due(2)] == [1000, 3000]


def test_the_peers_window_is_never_overrun() -> None:
    """Nothing goes beyond the edge, and no sliver up to it."""
    one = sender(window=2_500)
    one.write(memoryview(b"x" * 10_000))
    assert [(each.seq, each.end) for each in one.due(0)] == [(0, 1000), (1000, 2000)]
    one.accept_short()
    assert [(each.seq, each.end) for each in one.due(0)] == [(2000, 2500)]


def test_the_end_of_the_stream_rides_on_the_last_segment() -> None:
    """It takes one number, and is done when that is acknowledged."""
    one = sender()
    one.write(memoryview(b"bye"))
    one.end()
    (last,) = one.due(0)
    assert (last.seq, last.end) == (0, 4)
    assert one.payload(last) == b"bye"
    assert one.has_end(last)
    one.acked(3, 65_536, now=1)
    assert not one.done
    one.acked(4, 65_536, now=1)
    assert one.done


def test_without_congestion_control_the_peers_window_is_all() -> None:
    """``congestion="none"`` sends as much as the peer takes."""
    one = Sender(0, 65_536, MSS, Unlimited())
    one.open(65_536)
    one.write(memoryview(b"x" * 65_536))
    assert len(one.due(0)) == 66


def test_the_timeout_follows_the_round_trip() -> None:
    """A second unmeasured, 200 ms at least, doubled for each retry, two minutes at most."""
    trip = RoundTrip()
    assert trip.timeout(0) == SECOND
    trip.measured(SECOND // 100)
    assert trip.timeout(0) == SECOND // 5
    trip.measured(SECOND)
    assert trip.timeout(0) > SECOND
    assert trip.timeout(1) == 2 * trip.timeout(0)
    assert trip.timeout(15) == 120 * SECOND
