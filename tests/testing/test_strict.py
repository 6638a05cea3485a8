"""Programs on the network live in virtual time and by the network's dice, or are told so."""

import os
import random
import socket
import subprocess
import sys
import time
import uuid
from typing import Any

import pytest

from twisted_net.testing import SimNetwork
from twisted_net.testing.strict import EPOCH, NotSimulated


def test_the_clocks_of_the_time_module_are_virtual() -> None:
    """An hour passes on all of them, and none is left changed."""
    net = SimNetwork()
    real = time.time, time.monotonic, time.sleep, os.urandom

    async def main() -> tuple[float, float]:
        await net.sleep(3600)
        return time.time(), time.monotonic()

    assert net.run(main) == (EPOCH + 3600, 3600)
    assert (time.time, time.monotonic, time.sleep, os.urandom) == real


def test_chance_is_the_networks() -> None:
    """One seed, one outcome, whatever it was drawn by; the test's own dice are left alone."""

    def drawn(seed: int) -> list[Any]:
        net = SimNetwork(seed)
        return [
            net.run(lambda: [random.random(), os.urandom(4), str(uuid.uuid4())]),  # noqa: S311
            net.run(random.random),
        ]

    random.seed(1)
    before = random.getstate()
    assert drawn(1) == drawn(1) != drawn(2)
    assert drawn(1)[0][0] != drawn(1)[1]
    assert random.getstate() == before


@pytest.mark.parametrize(
    "reach",
    [
        lambda: time.sleep(1),
        lambda: socket.create_connection(("127.0.0.1", 9)),
        lambda: socket.gethostbyname("localhost"),
        lambda: socket.getaddrinfo("example.org", 80),
        lambda: subprocess.run([sys.executable, "--version"], check=False),
    ],
)
def test_the_real_world_is_out_of_reach(reach: Any) -> None:
    """Sleeping, sockets, lookups and processes are refused by name."""
    with pytest.raises((NotSimulated, AssertionError)):
        SimNetwork().run(reach)


def test_addresses_may_be_taken_apart() -> None:
    """Twisted asks getaddrinfo what an IPv6 address is; that is no lookup."""
    assert SimNetwork().run(lambda: socket.getaddrinfo("::1", 80))


def test_strictness_can_be_turned_off() -> None:
    """For programs that need the real clock."""
    net = SimNetwork(strict=False)
    assert net.run(time.time) > EPOCH
