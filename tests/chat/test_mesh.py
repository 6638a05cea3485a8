"""Tests of `twisted_net.chat.core.mesh`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.members import dice
from twisted_net.chat.codec.datagram import Flag, Key, Packet, Type, decode, packed, unpacked
from twisted_net.chat.core.mesh import (
    CALL_EVERY,
    FIND_EVERY,
    FIND_LENGTH,
    HEARD_FOR,
    HERE_AFTER,
    MOST,
    Mesh,
    near,
)

HERE = ("192.168.1.7", 7008)
OTHER = ("192.168.1.8", 7008)


def mesh(name: str = "red", seeds: tuple[tuple[str, int], ...] = (), group: bool = True) -> Mesh:
    """Return what a peer knows at its start."""
    return Mesh(dice(1), 0.0, name, seeds, group)


def found(peer: Mesh, now: float = 0.0) -> bytes:
    """Return what a peer says to find others."""
    ((find, _),) = peer.wake(now)
    return find


def answer(peer: Mesh, find: bytes, now: float = 0.0, length: int = FIND_LENGTH) -> bytes:
    """Return what a peer answers to who looks for it."""
    peer.asked(decode(find), length, HERE, now)
    ((here, to),) = [each for each in peer.wake(now + HERE_AFTER[1]) if each[1] is not None]
    assert to == HERE
    return here


def test_others_are_looked_for_often_at_first_and_then_each_minute() -> None:
    """In the group, with datagrams that are as long as their answers may be."""
    peer = mesh()
    times: list[float] = []
    while len(times) < 6:
        now = peer.deadline
        ((find, to),) = peer.wake(now)
        times.append(now)
        assert (len(find), to, decode(find).type) == (FIND_LENGTH, None, Type.FIND)
        assert decode(find).flags == Flag.PEER
    assert times == [0, 1, 3, 9, 9 + FIND_EVERY, 9 + 2 * FIND_EVERY]


def test_a_peer_that_looks_for_nobody_says_nothing() -> None:
    """It waits to be found."""
    assert mesh(group=False).deadline == float("inf")


def test_who_is_known_by_an_address_is_looked_for_there() -> None:
    """Until there is a session."""
    peer = mesh(seeds=(OTHER,), group=False)
    assert [to for _, to in peer.wake(0.0)] == [OTHER]
    assert peer.greeted(OTHER, 0.5)
    assert peer.wake(1.0) == []


def test_whoever_is_found_answers_a_moment_later_and_is_called() -> None:
    """Not all at one time."""
    red, blue = mesh(), mesh("blue", group=False)
    find = found(red)
    blue.asked(decode(find), len(find), HERE, 0.0)
    low, high = HERE_AFTER
    assert low <= blue.deadline <= high
    assert blue.wake(low / 2) == []
    ((here, to),) = blue.wake(high)
    assert to == HERE
    packet = decode(here)
    assert (packet.type, packet.flags) == (Type.HERE, Flag.PEER | Flag.RESPONDER)
    assert unpacked(packet.fields)[Key.NAME] == b"blue"
    assert red.answered(packet, OTHER, high) == [OTHER]
    assert red.answered(packet, OTHER, high) == [], "once is enough"


def test_whoever_knows_us_is_not_answered() -> None:
    """Nor do we answer ourselves, whom a group hears too."""
    red, blue = mesh(), mesh("BLUE", group=False)
    red.greeted(OTHER, 0.0)
    red.linked(OTHER, "blue")
    blue.asked(decode(found(red)), FIND_LENGTH, HERE, 0.0)
    assert blue.deadline == float("inf")
    find = found(red, 1.0)
    red.asked(decode(find), len(find), HERE, 1.0)
    assert red.deadline == 3.0


def test_an_answer_names_who_is_known_and_they_are_called_too() -> None:
    """So that one address leads to all of them."""
    red, blue = mesh(), mesh("blue", group=False)
    blue.greeted(("192.168.1.9", 7010), 0.0)
    blue.linked(("192.168.1.9", 7010), "green")
    here = answer(blue, found(red))
    assert red.answered(decode(here), OTHER, 0.2) == [OTHER, ("192.168.1.9", 7010)]


def test_only_answers_to_what_was_asked_are_heard_and_not_late() -> None:
    """Who sends a HERE unasked cannot make us call anybody."""
    red, blue = mesh(), mesh("blue", group=False)
    here = decode(answer(blue, found(red)))
    strange = here._replace(session=b"strange!")
    assert red.answered(strange, OTHER, 0.2) == []
    assert red.answered(here, OTHER, HEARD_FOR + 0.1) == []
    assert red.answered(here, OTHER, 0.3) == [OTHER]


@pytest.mark.parametrize(
    "line", ["8.8.8.8 7008", "192.168.1.9 53", "192.168.1.9 x", "host 7008", "", "239.1.2.3 7008"]
)
def test_nobody_can_send_us_where_no_peer_is(line: str) -> None:
    """Not to other networks, not to services that answer anything."""
    red = mesh()
    nonce = decode(found(red)).session
    here = Packet(Type.HERE, nonce, fields=packed({Key.TEXT: line.encode()}))
    assert red.answered(here, OTHER, 0.1) == [OTHER]


@given(st.integers(33, 400), st.integers(0, 15))
def test_no_answer_is_longer_than_its_question(length: int, known: int) -> None:
    """However many are known (R4)."""
    blue = mesh("blue", group=False)
    for number in range(known):
        address = (f"192.168.1.{number}", 7008)
        blue.greeted(address, 0.0)
        blue.linked(address, "n" * 24)
    here = answer(blue, found(mesh()), length=length)
    assert len(here) <= max(min(length, FIND_LENGTH), 30)


def test_there_are_at_most_sixteen_in_a_mesh() -> None:
    """And those who ask at one time, and those who were called, are bounded too."""
    red = mesh(group=False)
    called = [red.greeted((f"192.168.1.{number}", 7008), 0.0) for number in range(30)]
    assert called == [True] * (MOST - 1) + [False] * 15
    find = decode(found(mesh("blue")))
    for number in range(100):
        red.asked(find, FIND_LENGTH, (f"192.168.2.{number}", 7008), 0.0)
    assert len(red.wake(1.0)) == MOST
    red.unlinked(("192.168.1.0", 7008))
    assert red.greeted(("192.168.1.77", 7008), 1.0)


def test_who_does_not_answer_is_called_again_later() -> None:
    """Not at once, whoever says that they are there."""
    red = mesh(group=False)
    assert red.greeted(OTHER, 0.0)
    assert red.calling
    red.unlinked(OTHER)
    assert not red.greeted(OTHER, CALL_EVERY / 2)
    assert red.greeted(OTHER, CALL_EVERY)


def test_networks_nearby_are_those_of_no_provider() -> None:
    """Of both versions of IP, and of one link."""
    assert all(map(near, ("10.0.0.1", "192.168.1.1", "169.254.1.1", "fe80::1%eth0", "fd00::1")))
    assert not any(map(near, ("8.8.8.8", "2606:4700::1111", "0.0.0.0", "ff12::1", "", "x")))  # noqa: S104


@given(st.binary(max_size=200))
def test_any_fields_are_borne(data: bytes) -> None:
    """From whoever looks for us, or answers (R16, R28)."""
    red = mesh()
    nonce = decode(found(red)).session
    packet = Packet(Type.HERE, nonce, fields=packed({Key.NAME: data, Key.TEXT: data}))
    red.answered(packet, OTHER, 0.0)
    red.asked(packet._replace(session=b"strange!"), 256, OTHER, 0.0)
    red.wake(1.0)
