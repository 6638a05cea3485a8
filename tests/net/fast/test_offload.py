"""Tests of `twisted_net.net.fast.offload`."""

import errno
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.net.fast.offload import (
    LONGEST_TRAIN,
    MOST,
    SLOT,
    Batch,
    enlarge,
    receives_batches,
    send_train,
    sends_trains,
    trains,
)

Pair = tuple[socket.socket, socket.socket]

needs_batches = pytest.mark.skipif(not receives_batches(), reason="no recvmmsg here")
needs_trains = pytest.mark.skipif(not sends_trains(), reason="no UDP_SEGMENT here")


@given(st.lists(st.sampled_from([0, 1, 2, 64, 1000, 9000, 40_000])))
def test_trains_are_what_the_kernel_cuts_into_the_datagrams_that_were_given(
    lengths: list[int],
) -> None:
    """In order, none lost; of one size but for a shorter last one; within the limits."""
    datagrams = [bytes([number % 256]) * length for number, length in enumerate(lengths)]
    made = list(trains(datagrams))
    assert [datagram for train in made for datagram in train] == datagrams
    for train in made:
        size = len(train[0])
        assert len(train) <= MOST
        assert len(train) == 1 or sum(map(len, train)) <= LONGEST_TRAIN
        assert all(len(datagram) == size for datagram in train[:-1])
        assert len(train) == 1 or 0 < len(train[-1]) <= size


def test_equal_datagrams_make_few_trains() -> None:
    """Or nothing would be gained."""
    assert [len(train) for train in trains([b"x" * 64] * 150)] == [64, 64, 22]
    assert [len(train) for train in trains([b"x" * 20_000] * 7)] == [3, 3, 1]
    assert [len(train) for train in trains([b"xx", b"xx", b"x", b"xx"])] == [3, 1]


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["4", "6"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Return a sender and a receiver that knows of it."""
    family, host = request.param
    kind = socket.SOCK_DGRAM
    with socket.socket(family, kind) as here, socket.socket(family, kind) as there:
        try:
            here.bind((host, 0))
            there.bind((host, 0))
        except OSError:
            pytest.skip("no IPv6 here")
        there.setblocking(False)
        yield here, there


@needs_batches
@pytest.mark.real_sockets
def test_a_batch_is_what_recvfrom_would_have_returned(pair: Pair) -> None:
    """Every length, in order, with the sender's address; the long ones from both buffers."""
    here, there = pair
    sent = [b"", b"a", b"b" * SLOT, b"c" * (SLOT + 1), bytes(range(256)) * 30, b"last"]
    batch = Batch(there.family, 8192)
    for _ in range(2):
        for datagram in sent:
            here.sendto(datagram, there.getsockname()[:2])
        datagrams, senders = batch.receive(there.fileno())
        assert datagrams == sent
        assert senders == [here.getsockname()[:2]] * len(sent)


@needs_batches
@pytest.mark.real_sockets
@pytest.mark.parametrize("largest", [1, 100, SLOT, SLOT + 1])
def test_what_is_longer_than_asked_for_is_cut(pair: Pair, largest: int) -> None:
    """As `recvfrom` does; the next datagram is whole."""
    here, there = pair
    for size in (3000, 1):
        here.sendto(b"x" * size, there.getsockname()[:2])
    datagrams, _ = Batch(there.family, largest).receive(there.fileno())
    assert [len(datagram) for datagram in datagrams] == [largest, 1]


@needs_batches
@pytest.mark.real_sockets
def test_a_batch_tells_its_senders_apart(pair: Pair) -> None:
    """However they are mixed."""
    here, there = pair
    with socket.socket(here.family, socket.SOCK_DGRAM) as other:
        other.bind((here.getsockname()[0], 0))
        mixed = [here, other, other, here]
        for number, sender in enumerate(mixed):
            sender.sendto(b"%d" % number, there.getsockname()[:2])
        datagrams, senders = Batch(there.family, 8192).receive(there.fileno())
        assert datagrams == [b"0", b"1", b"2", b"3"]
        assert senders == [sender.getsockname()[:2] for sender in mixed]


@needs_batches
@pytest.mark.real_sockets
def test_more_than_fit_stay_for_the_next_batch(pair: Pair) -> None:
    """And an empty socket says so."""
    here, there = pair
    for number in range(MOST + 3):
        here.sendto(b"%d" % number, there.getsockname()[:2])
    batch = Batch(there.family, 8192)
    sizes = [len(batch.receive(there.fileno())[0]) for _ in range(2)]
    assert sizes == [MOST, 3]
    with pytest.raises(BlockingIOError) as failed:
        batch.receive(there.fileno())
    assert failed.value.args[0] == errno.EAGAIN


@needs_trains
@pytest.mark.real_sockets
def test_a_train_arrives_as_its_datagrams(pair: Pair) -> None:
    """The last of which may be shorter."""
    here, there = pair
    train = [bytes([number]) * 100 for number in range(MOST - 1)] + [b"short"]
    send_train(here, train, there.getsockname()[:2])
    assert [there.recv(8192) for _ in train] == train


@pytest.mark.real_sockets
def test_a_socket_has_room_for_a_burst(pair: Pair) -> None:
    """More than it had, as far as the system allows; and never less."""
    _, there = pair
    sizes = [there.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)]
    for _ in range(2):
        enlarge(there)
        sizes.append(there.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
    assert sizes == sorted(sizes)
