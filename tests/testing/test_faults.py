"""Faults are drawn flow by flow, written down, and replayed from what was written."""

from hypothesis import given
from hypothesis import strategies as st

from twisted_net.testing.faults import UNHARMED, Fault, Faults
from twisted_net.testing.links import WHOLE, Chunking, Link

BAD = Link(loss=0.3, duplicate=0.2, reorder=0.2, jitter=0.01)

KINDS = ["loss", "dup", "reorder", "jitter", "chunk", "merge", "order", "chaos"]


@given(
    st.builds(
        Fault,
        st.text(min_size=1),
        st.integers(0, 10_000),
        st.sampled_from(KINDS),
        st.integers(0, 10**12),
    )
)
def test_the_repr_of_a_fault_is_the_fault(fault: Fault) -> None:
    """A plan can be pasted from a failure into a test."""
    assert eval(repr(fault)) == fault  # noqa: S307 - that is the promise


def test_a_fault_reads_well() -> None:
    """People see what was done to what."""
    flow = "udp c1:49152>server:9999"
    assert str(Fault(flow, 8, "loss")) == "loss @ udp c1:49152>server:9999#8"
    assert str(Fault("recv bob:1>server:1", 0, "chunk", 2)) == "chunk(2) @ recv bob:1>server:1#0"
    assert str(Fault(flow, 1, "reorder", 12_300_000)) == f"reorder(12.300 ms) @ {flow}#1"
    assert str(Fault("restart server", 0, "chaos", 6_960_000_000)) == "restart server at 6.960 s"


def test_one_packet_more_moves_no_decision_of_another_flow() -> None:
    """Flows have dice of their own."""
    quiet, busy = Faults(1), Faults(1)
    for _ in range(7):
        busy.packet("udp a:1>b:2", BAD)
    quiet_fates = [quiet.packet("udp c:1>b:2", BAD) for _ in range(50)]
    assert quiet_fates == [busy.packet("udp c:1>b:2", BAD) for _ in range(50)]


def test_a_packet_on_a_good_link_takes_its_draws_too() -> None:
    """A link that turns bad later hits the same packets as one that always was."""
    always, later = Faults(1), Faults(1)
    fates = [always.packet("f", BAD) for _ in range(40)]
    for _ in range(20):
        assert later.packet("f", Link()) == UNHARMED
    assert [later.packet("f", BAD) for _ in range(20)] == fates[20:]


def test_a_plan_repeats_what_was_drawn() -> None:
    """What was recorded does it all again, without any dice."""
    drawn = Faults(7)
    fates = [drawn.packet("f", BAD) for _ in range(100)]
    replayed = Faults(8, drawn.recorded)
    assert [replayed.packet("f", Link()) for _ in range(100)] == fates
    assert replayed.recorded == drawn.recorded


def test_an_empty_plan_is_a_good_network() -> None:
    """Nothing is drawn where everything was planned."""
    planned = Faults(7, [])
    assert {planned.packet("f", BAD) for _ in range(100)} == {UNHARMED}


def test_about_as_many_are_lost_as_asked() -> None:
    """A loss of 30 % is one of three in ten."""
    faults = Faults(3)
    lost = sum(not faults.packet("f", Link(loss=0.3)).copies for _ in range(2000))
    assert 540 < lost < 660


def test_a_datagram_in_pieces_is_lost_with_any_of_them() -> None:
    """Five fragments at 30 % loss are whole once in six times."""
    faults = Faults(3)
    whole = sum(faults.packet("f", Link(loss=0.3), 5).copies for _ in range(2000))
    assert 280 < whole < 390  # 0.7 ** 5 is 0.168


def test_a_healed_network_draws_nothing() -> None:
    """After healing no packet is harmed."""
    faults = Faults(3)
    faults.harmful = False
    assert {faults.packet("f", BAD) for _ in range(100)} == {UNHARMED}


def test_chunks_are_short_reads_and_repeat() -> None:
    """A read may return less than there is, at least a byte, and the same again."""
    drawn = Faults(1)
    sizes = [drawn.chunk("recv f", Chunking(split=0.5), 100) for _ in range(50)]
    assert min(sizes) >= 1
    assert max(sizes) == 100
    assert len(drawn.recorded) == sum(size < 100 for size in sizes)
    replayed = Faults(2, drawn.recorded)
    assert [replayed.chunk("recv f", WHOLE, 100) for _ in range(50)] == sizes


def test_chunks_of_a_size_are_no_faults() -> None:
    """What was asked for of every read is not recorded as an accident."""
    faults = Faults(1)
    assert faults.chunk("recv f", Chunking(size=1), 100) == 1
    assert faults.recorded == []


def test_merged_wake_ups_and_shuffled_turns_repeat() -> None:
    """Faults of the host are recorded and replayed as those of the wire are."""
    drawn = Faults(1)
    sleeps = [drawn.merge("wake f", Chunking(merge=0.5)) for _ in range(20)]
    orders = [drawn.order("turn a", 5) for _ in range(20)]
    assert len(set(sleeps)) == 2
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders)
    replayed = Faults(2, drawn.recorded)
    assert [replayed.merge("wake f", WHOLE) for _ in range(20)] == sleeps
    assert [replayed.order("turn a", 5) for _ in range(20)] == orders
