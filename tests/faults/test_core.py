"""Tests of `twisted_net.faults.core`: what befalls bytes and datagrams, told the time."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twisted_net.faults.codec import Kind, changed, no_rules
from twisted_net.faults.core.datagrams import DatagramWay, Rule
from twisted_net.faults.core.dice import concerns, corrupted, draws
from twisted_net.faults.core.events import Event, Tally
from twisted_net.faults.core.harm import Harm, Way
from twisted_net.faults.core.streams import CELL, COST, SENT_AGAIN, Act, StreamWay
from twisted_net.testing import DROP, Delay, Duplicate, Packet
from twisted_net.testing.rules import Verdict

WAY = Way.TO_CLIENT


def harm(*rules: str, kind: Kind = "stream") -> Harm:
    """Return what rules make."""
    return changed(no_rules(), rules, kind)[WAY]


class Stream:
    """A `StreamWay`, and everything that came out of it.

    :ivar out: pieces and acts, with the time.
    :ivar events: what was told, as text.
    """

    def __init__(self, *rules: str, seed: int = 1, room: int = 1 << 20) -> None:
        self.tally = Tally()
        self.way = StreamWay(1, WAY, seed, harm(*rules), self.tally, room, began=0.0)
        self.out: list[tuple[float, bytes | Act]] = []
        self.events: list[str] = []
        self.now = 0.0
        self.run(0.0)

    def feed(self, data: bytes, now: float = 0.0) -> None:
        """Let the sender say something, and pass on what is due."""
        self.run(now)
        self.events += map(str, self.way.feed(data, now))
        self.run(now)

    def end(self, now: float) -> None:
        """Let the sender close its half."""
        self.run(now)
        self.way.end(now)
        self.run(now)

    def run(self, until: float) -> None:
        """Let time go on."""
        while True:
            act, events = self.way.struck(self.now)
            self.events += map(str, events)
            found = act or self.way.take(self.now)
            if found is not None:
                self.out.append((round(self.now, 9), found))
                continue
            due = self.way.deadline(self.now)
            if due is None or due > until:
                break
            self.now = max(due, self.now)
        self.now = max(self.now, until)

    @property
    def pieces(self) -> list[bytes]:
        """What came out, without the acts."""
        return [piece for _, piece in self.out if isinstance(piece, bytes)]

    @property
    def text(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces)


def test_without_rules_a_stream_passes_as_it_came() -> None:
    """And its end after it."""
    stream = Stream()
    stream.feed(b"hello", 1.0)
    stream.feed(b"world", 2.0)
    stream.end(3.0)
    assert stream.out == [(1.0, b"hello"), (2.0, b"world"), (3.0, Act.END)]
    assert (stream.tally.came, stream.tally.passed, stream.tally.faults) == (10, 10, {})


def test_delay_holds_everything_back_and_the_end_too() -> None:
    """By the same time."""
    stream = Stream("delay=500ms")
    stream.feed(b"a", 1.0)
    stream.feed(b"b", 1.2)
    stream.end(1.3)
    stream.run(9)
    assert stream.out == [(1.5, b"a"), (1.7, b"b"), (1.7, Act.END)]
    stream = Stream("delay=500ms")
    stream.end(1.0)
    stream.run(9)
    assert stream.out == [(1.5, Act.END)]


def test_jitter_shakes_but_keeps_the_order() -> None:
    """It is a stream."""
    stream = Stream("jitter=1s")
    for at in range(20):
        stream.feed(bytes([at]) * 10, at / 100)
    stream.run(9)
    assert stream.text == b"".join(bytes([at]) * 10 for at in range(20))
    lates = [at for at, _ in stream.out]
    assert lates == sorted(lates)
    assert 0 < lates[0] < lates[-1] <= 1.19


def test_what_tcp_would_have_lost_comes_late_and_holds_up_the_rest() -> None:
    """A reader of a stream sees no gap, only a wait (RFC 6298)."""
    stream = Stream("loss=100%")
    stream.feed(b"a", 1.0)
    stream.way.harm = harm()
    stream.feed(b"b", 1.1)
    stream.run(9)
    assert stream.out == [(1.0 + SENT_AGAIN, b"ab")]
    assert (stream.events, stream.tally.faults) == (["1 to-client loss #0"], {"loss": 1})


def test_pieces_of_one_byte() -> None:
    """The frequent mistake is to take a send for a recv."""
    stream = Stream("size=1", "gap=1s")
    stream.feed(b"hello")
    stream.end(0.0)
    stream.run(9)
    assert stream.out == [(0, b"h"), (1, b"e"), (2, b"l"), (3, b"l"), (4, b"o"), (4, Act.END)]


@given(st.integers(1, 9), st.lists(st.integers(0, 40), min_size=1, max_size=9))
def test_pieces_are_cut_at_the_same_offsets_however_they_came(
    size: int, reads: Sequence[int]
) -> None:
    """No piece goes across a multiple of the size."""
    stream = Stream(f"size={size}", "gap=0s")
    for length in filter(None, reads):
        stream.feed(bytes(length))
    offset = 0
    for piece in stream.pieces:
        assert offset // size == (offset + len(piece) - 1) // size
        offset += len(piece)
    assert offset == sum(reads)


def test_merge_makes_one_piece_of_many() -> None:
    """Sticky packets."""
    stream = Stream("merge=100ms")
    for at in (0.0, 0.05, 0.09, 0.5):
        stream.feed(b"x", at)
    stream.run(9)
    assert stream.out == [(0.1, b"xxx"), (0.6, b"x")]


def test_bandwidth_is_what_comes_out_in_a_second() -> None:
    """Smoothly, a cell at a time."""
    stream = Stream("bandwidth=14600")
    stream.feed(bytes(14_600 * 3))
    stream.run(1.0)
    assert 14_600 - CELL <= len(stream.text) <= 14_600
    stream.run(3.001)
    assert len(stream.text) == 14_600 * 3


def cut(data: bytes, at: Sequence[int]) -> list[bytes]:
    """Cut bytes at some offsets."""
    ends = sorted({0, len(data), *(each % (len(data) + 1) for each in at)})
    return [data[i:j] for i, j in pairwise(ends)]


@settings(max_examples=50)
@given(st.integers(0, 9), st.lists(st.integers(0, 9000), max_size=12))
def test_what_is_changed_does_not_depend_on_how_the_stream_was_cut(
    seed: int, at: Sequence[int]
) -> None:
    """The same seed, the same bytes: the kernel cuts as it likes."""
    data = bytes(range(250)) * 36
    whole, pieces = (Stream("corrupt=50%", "split=50%", "gap=0s", seed=seed) for _ in range(2))
    whole.feed(data)
    for piece in cut(data, at):
        pieces.feed(piece)
    assert (whole.text, whole.events) == (pieces.text, pieces.events)
    wrong = [i for i, byte in enumerate(whole.text) if byte != data[i]]
    assert all((whole.text[i] ^ data[i]).bit_count() == 1 for i in wrong)
    assert [f"1 to-client corrupt #{i}" for i in wrong] == whole.events


def test_split_cuts_some_cells_somewhere() -> None:
    """As often as was said."""
    stream = Stream("split=100%", "gap=0s")
    stream.feed(bytes(CELL * 10))
    assert len(stream.pieces) == 11
    assert sum(map(len, stream.pieces)) == CELL * 10


@pytest.mark.parametrize("act", [Act.RESET, Act.CLOSE, Act.HALF_CLOSE])
def test_something_happens_after_just_so_many_bytes(act: Act) -> None:
    """And nothing comes out after it."""
    stream = Stream(f"{act.value}=7")
    stream.feed(b"hello", 1.0)
    stream.feed(b"world", 2.0)
    stream.feed(b"!", 3.0)
    stream.end(4.0)
    assert stream.out == [(1.0, b"hello"), (2.0, b"wo"), (2.0, act)]
    assert stream.events == [f"1 to-client {act.value} #7"]


def test_something_happens_by_the_clock_or_at_once() -> None:
    """Without a byte."""
    stream = Stream("reset=2s")
    stream.run(9)
    assert stream.out == [(2.0, Act.RESET)]
    assert Stream("half-close").out == [(0.0, Act.HALF_CLOSE)]


def test_a_black_hole_swallows_everything_and_the_end() -> None:
    """Until it is taken back: then what comes, comes through, and so does the end."""
    stream = Stream("blackhole=3")
    stream.feed(b"hello", 1.0)
    stream.feed(b"world", 2.0)
    stream.end(3.0)
    stream.run(99.0)
    assert (stream.text, stream.events) == (b"hel", ["1 to-client blackhole #3"])
    stream.way.harm = harm()
    stream.run(100.0)
    assert stream.out[-1] == (99.0, Act.END)


def test_a_black_hole_is_left_again() -> None:
    """What was swallowed stays away."""
    stream = Stream()
    stream.feed(b"a", 1.0)
    stream.way.harm = harm("blackhole")
    stream.feed(b"b", 2.0)
    stream.way.harm = harm()
    stream.feed(b"c", 3.0)
    assert stream.text == b"ac"


def test_no_more_is_read_than_there_is_room_for() -> None:
    """A long delay costs a bounded amount of memory."""
    stream = Stream("delay=60s", room=1000 + COST)
    stream.feed(bytes(999))
    assert stream.way.hungry(0.0)
    stream.feed(bytes(999))
    assert not stream.way.hungry(1.0)
    stream.run(60.0)
    assert (stream.way.held, stream.way.hungry(60.0)) == (0, True)


def test_a_drip_of_single_bytes_costs_a_bounded_amount_too() -> None:
    """What remembers a piece is longer than a byte."""
    stream = Stream("delay=60s", room=100 * COST)
    while stream.way.hungry(0.0):
        stream.feed(b"x")
    assert stream.way.held == 100


def test_a_slow_reader_reads_when_its_time_has_come() -> None:
    """Or never."""
    stream = Stream("slow-reader=100")
    assert stream.way.hungry(0.0)
    stream.feed(bytes(50))
    assert (stream.way.hungry(0.4), stream.way.deadline(0.0)) == (False, 0.5)
    assert stream.way.hungry(0.5)
    assert not Stream("slow-reader").way.hungry(1e9)


RULES = st.lists(
    st.sampled_from(
        [
            *("delay=1s", "jitter=1s", "loss=30%", "size=3", "split=50%", "merge=200ms"),
            *("bandwidth=1000", "slow-reader=500", "loss=off", "size=off", "merge=off"),
        ]
    )
)


@given(
    st.lists(st.tuples(st.binary(max_size=3000), st.floats(0, 3), RULES), max_size=12),
    st.integers(0, 3),
)
def test_no_byte_is_lost_doubled_or_out_of_order_but_by_a_rule_that_says_so(
    steps: list[tuple[bytes, float, list[str]]], seed: int
) -> None:
    """Whatever the timing, and however the rules change meanwhile."""
    stream, said, rules = Stream(seed=seed), b"", no_rules()
    for data, wait, more in steps:
        stream.feed(data, stream.now + wait)
        said += data
        rules = changed(rules, more, "stream")
        stream.way.harm = rules[WAY]
    stream.end(stream.now)
    stream.run(stream.now + 1000)
    assert stream.text == said
    assert stream.out[-1][1] is Act.END
    assert (stream.way.held, stream.tally.passed) == (0, len(said))


# Datagrams


class Datagrams:
    """A `DatagramWay`, and what came out of it with the time."""

    def __init__(
        self, *rules: str, seed: int = 1, room: int = 1 << 20, rule: Rule | None = None
    ) -> None:
        self.tally = Tally()
        made = harm(*rules, kind="datagram")
        self.way = DatagramWay(1, WAY, seed, made, self.tally, room, 0.0, rule)
        self.out: list[tuple[float, bytes]] = []
        self.events: list[Event] = []

    def feed(self, data: bytes, now: float) -> None:
        """Let one come."""
        self.events += self.way.feed(Packet("udp", "c", 1, "s", 2, "1", data), now)

    def run(self) -> list[bytes]:
        """Let all arrive; return their contents."""
        while (due := self.way.deadline) is not None:
            self.out += [(round(due, 9), packet.payload) for packet in self.way.take(due)]
        return [data for _, data in self.out]

    def fed(self, count: int, every: float = 0.01) -> list[int]:
        """Let many come; return the numbers of those that arrive."""
        for n in range(count):
            self.feed(n.to_bytes(4, "big"), n * every)
        return [int.from_bytes(data, "big") for data in self.run()]


def test_without_rules_datagrams_pass() -> None:
    """At once, empty ones too."""
    datagrams = Datagrams()
    datagrams.feed(b"", 1.0)
    datagrams.feed(b"a", 1.0)
    assert [packet.payload for packet in datagrams.way.take(1.0)] == [b"", b"a"]
    assert str(datagrams.tally) == "2 datagrams in, 2 out, 1 bytes out"


def test_as_many_are_lost_as_was_said_and_the_same_ones_again() -> None:
    """10 % of a thousand, by four standard deviations."""
    datagrams, again, other = (Datagrams("loss=10%", seed=seed) for seed in (7, 7, 8))
    arrived = datagrams.fed(1000)
    assert 100 - 38 <= 1000 - len(arrived) <= 100 + 38
    assert datagrams.tally.faults == {"loss": 1000 - len(arrived)}
    assert [event.at for event in datagrams.events] == sorted({*range(1000)} - {*arrived})
    assert again.fed(1000) == arrived
    assert other.fed(1000) != arrived


def test_a_rule_that_changes_moves_no_other_decision() -> None:
    """What befalls the tenth is settled, whatever befell the nine before."""
    steady, changing = Datagrams("loss=20%"), Datagrams("loss=20%", "duplicate=50%", "delay=1s")
    changing.fed(50)
    changing.way.harm = steady.way.harm
    lost = [[event.at for event in each.events if event.what == "loss"] for each in (changing,)]
    steady.fed(50)
    assert lost == [[event.at for event in steady.events]]


def test_duplicates_and_late_ones() -> None:
    """Each is counted, and told."""
    assert Datagrams("duplicate=100%").fed(3) == [0, 0, 1, 1, 2, 2]
    shaken = Datagrams("reorder=30%", "reorder-delay=100ms")
    arrived = shaken.fed(100)
    assert sorted(arrived) == list(range(100)) != arrived
    assert {event.what for event in shaken.events} == {"reorder"}
    assert Datagrams("jitter=1s").fed(100) == list(range(100))


def test_one_bit_is_turned_over() -> None:
    """And an empty datagram has none."""
    datagrams = Datagrams("corrupt=100%")
    datagrams.feed(bytes(100), 0.0)
    datagrams.feed(b"", 0.0)
    spoilt, empty = datagrams.run()
    assert (int.from_bytes(spoilt, "big").bit_count(), empty) == (1, b"")


def test_bandwidth_and_its_queue() -> None:
    """What finds the queue full is dropped, and counted."""
    datagrams = Datagrams("bandwidth=1000", "queue=1000")
    for _ in range(5):
        datagrams.feed(bytes(500), 0.0)
    datagrams.run()
    assert [at for at, _ in datagrams.out] == [0.5, 1.0, 1.5]
    assert datagrams.tally.faults == {"queue-full": 2}


def test_what_is_under_way_is_bounded() -> None:
    """Empty datagrams too."""
    datagrams = Datagrams("delay=60s", room=1000)
    for _ in range(100):
        datagrams.feed(b"", 0.0)
    assert len(datagrams.run()) == 1000 // 28


def test_a_black_hole_for_datagrams() -> None:
    """After so many bytes, or by the clock."""
    assert Datagrams("blackhole=8").fed(9) == [0, 1]
    assert Datagrams("blackhole=50ms").fed(9) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("verdict", "arrived"),
    [(None, [0, 1]), (DROP, [0]), (Delay(1.0), [0, 1]), (Duplicate(2), [0, 1, 1, 1])],
)
def test_a_rule_of_the_simulator_holds_here(verdict: Verdict, arrived: list[int]) -> None:
    """The same callable, the same words."""
    datagrams = Datagrams(rule=lambda packet: verdict if packet.payload[-1] else None)
    assert datagrams.fed(2) == arrived
    assert datagrams.tally.faults == ({} if verdict is None else {"rule": 1})


# Dice


def test_dice_are_fair_and_the_same_on_every_machine() -> None:
    """A seed in a report is worth something elsewhere."""
    assert [round(each, 6) for each in draws("1/1 to-server fate 0")] == PINNED
    shown = [draws(f"{n}")[0] for n in range(2000)]
    assert 0.47 < sum(shown) / 2000 < 0.53
    assert 0 <= min(shown) < max(shown) < 1


#: The first draw of seed 1; a change of it breaks every seed that somebody noted down.
PINNED = [0.944523, 0.382404, 0.795237, 0.734782]


def test_rules_may_be_about_some_connections_only() -> None:
    """Always the same ones."""
    chosen = [concerns(1, number, 0.3) for number in range(1000)]
    assert 240 < sum(chosen) < 360
    assert chosen == [concerns(1, number, 0.3) for number in range(1000)]


@given(st.binary(min_size=1, max_size=50), st.floats(0, 1))
def test_a_corrupted_thing_differs_in_one_bit(data: bytes, where: float) -> None:
    """Wherever that is."""
    wrong = corrupted(data, where)
    assert len(wrong) == len(data)
    assert (int.from_bytes(wrong, "big") ^ int.from_bytes(data, "big")).bit_count() == 1
