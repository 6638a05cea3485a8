"""Tests of `twisted_net.net.limits`."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.net.limits import (
    LOOP_PORTS,
    SOURCES,
    Census,
    Room,
    SourceRates,
    TokenBucket,
    block,
    room,
)


def test_a_connection_may_turn_out_to_be_another_peers() -> None:
    """It counts for that one from then on, or as before where that one has its share already."""
    census = Census(limit=3, per_peer=2)
    for peer in ("gateway", "gateway", "red"):
        assert census.enter(peer) is None
    assert census.move("gateway", "red")
    assert not census.move("gateway", "red")
    assert census.move("red", "red")
    assert (census.total, census.peers) == (3, {"gateway": 1, "red": 2})
    assert census.move("gateway", "blue")
    assert (census.total, census.peers) == (3, {"blue": 1, "red": 2})


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    """Five at once, then one a second."""
    bucket = TokenBucket(rate=1.0, burst=5.0, now=0.0)
    assert [bucket.take(0.0) for _ in range(6)] == [True] * 5 + [False]
    assert bucket.wait(0.0) == 1.0
    assert [bucket.take(1.0), bucket.take(1.5)] == [True, False]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    """A day of silence does not buy a flood."""
    bucket = TokenBucket(rate=10.0, burst=2.0, now=0.0)
    assert [bucket.take(86400.0) for _ in range(3)] == [True, True, False]


@given(st.lists(st.floats(0, 10), max_size=50))
def test_no_bucket_gives_more_than_rate_and_burst(pauses: list[float]) -> None:
    """Whatever the rhythm, so many a second and a burst is all."""
    bucket, now, passed = TokenBucket(rate=2.0, burst=3.0, now=0.0), 0.0, 0
    for pause in pauses:
        now += pause
        passed += bucket.take(now)
    assert passed <= 3 + 2 * now + 1e-6


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 9)), max_size=50))
def test_taking_many_at_once_is_taking_one_after_the_other(takes: list[tuple[float, int]]) -> None:
    """A batch is given as many as its datagrams would have been."""
    one, many, now = TokenBucket(2.0, 5.0, 0.0), TokenBucket(2.0, 5.0, 0.0), 0.0
    for pause, count in takes:
        now += pause
        assert many.take_up_to(count, now) == sum(one.take(now) for _ in range(count))


def test_a_clock_that_is_set_back_costs_nothing() -> None:
    """A board without a clock of its own gets the time after its start."""
    bucket = TokenBucket(rate=10.0, burst=10.0, now=1e9)
    assert bucket.take(1e9)
    assert [bucket.take(1e9 - 3600) for _ in range(10)] == [True] * 9 + [False]
    assert bucket.wait(1e9 - 3600) == pytest.approx(0.1)
    assert bucket.take(1e9 - 3599)


def test_each_source_has_a_rate_of_its_own() -> None:
    """One that floods does not cost another its answers."""
    rates = SourceRates(2)
    assert [rates.take("192.0.2.1", 1, 0.0) for _ in range(3)] == [1, 1, 0]
    assert rates.take("192.0.2.2", 1, 0.0)


@given(
    st.sampled_from([1, 100, 10_000]),
    st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 5000)), max_size=30),
)
def test_what_is_granted_in_advance_adds_to_nothing(
    rate: int, takes: list[tuple[float, int]]
) -> None:
    """With one look at the clock for many, too, a burst of one second's worth and a rate is all."""
    rates, now, passed = SourceRates(rate), 0.0, 0
    for pause, count in takes:
        now += pause
        source = rates.source("192.0.2.1", now)
        for _ in range(count):
            if source.granted:
                source.granted -= 1
                passed += 1
            else:
                passed += rates.take("192.0.2.1", 1, now)
    assert passed <= rate + rate * now + 1e-6


def test_a_burst_of_a_seconds_worth_passes_whatever_is_granted() -> None:
    """Nothing of it is lost on the way."""
    rates = SourceRates(10_000)
    assert [rates.take("192.0.2.1", 6000, 0.0) for _ in range(3)] == [6000, 4000, 0]
    assert rates.take("192.0.2.1", 6000, 0.5) == 5000


def test_what_was_granted_to_a_source_that_is_forgotten_is_void() -> None:
    """Who remembers it has to ask again."""
    rates = SourceRates(10_000)
    old = rates.source("192.0.2.1", 0.0)
    assert old.granted
    for number in range(SOURCES):
        rates.take(str(number), 1, 0.0)
    assert not old.granted


def test_a_rate_of_zero_is_no_limit() -> None:
    """Measuring needs a way to switch the limit off."""
    rates = SourceRates(0)
    assert all(rates.take("192.0.2.1", 7, 0.0) == 7 for _ in range(10_000))


def test_spoofed_sources_do_not_fill_the_memory() -> None:
    """The oldest of too many sources is forgotten."""
    rates = SourceRates(1)
    for number in range(SOURCES + 10):
        rates.take(str(number), 1, 0.0)
    assert not rates.take(str(SOURCES + 9), 1, 0.0)  # still known: its bucket is empty
    assert rates.take("0", 1, 0.0)  # forgotten: it has a fresh one


def test_the_census_refuses_by_peer_and_in_all() -> None:
    """One address cannot have every place, and there are no more places than places."""
    census = Census(limit=3, per_peer=2)
    entered = [census.enter(peer) for peer in ("a", "a", "a", "b", "c")]
    assert entered == [None, None, "peer", None, "all"]


def test_who_leaves_makes_room() -> None:
    """A place given back is a place."""
    census = Census(limit=1, per_peer=1)
    assert census.enter("a") is None
    census.leave("a")
    assert census.enter("b") is None
    assert census.peers == {"b": 1}


@pytest.mark.parametrize("port", [7, 13, 17, 19, 37, 53, 69, 123, 161, 1900, 5353, 11211])
def test_small_services_are_not_answered(port: int) -> None:
    """Two that answer each other would do so for ever."""
    assert port in LOOP_PORTS


@pytest.mark.parametrize("port", [1024, 7007, 32768, 65535])
def test_clients_are_answered(port: int) -> None:
    """A client's port is no service's."""
    assert port not in LOOP_PORTS


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("::1", "::1"),
        ("local", "local"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_a_peer_is_counted_under_what_it_can_change_least(host: str, counted: str) -> None:
    """Whoever has one address of an IPv6 network may take any other there."""
    assert block(host) == counted


@given(st.ip_addresses(v=6, network="2000::/3"), st.integers(0, (1 << 64) - 1))
def test_no_choice_of_its_last_bits_makes_a_peer_another(address: Any, last: int) -> None:
    """All that it may choose are they."""
    other = type(address)((int(address) >> 64 << 64) | last)
    assert block(str(address)) == block(str(other))


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((None, None), Room(1024, None)),
        ((4096, 4096), Room(1024, 4096)),
        ((256, 4096), Room(1024, 1088)),
        ((256, None), Room(1024, 1088)),
        ((256, 512), Room(448, 512)),
        ((64, 64), Room(1, 64)),
    ],
)
def test_connections_fit_the_descriptors(
    limits: tuple[int | None, int | None], expected: Room
) -> None:
    """The soft limit is raised as far as the hard one lets it; one connection there always is."""
    assert room(1024, *limits) == expected
