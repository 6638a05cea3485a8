"""Tests of `twisted_net.net.routes`."""

import errno

import pytest

from twisted_net.net.errors import ConnectError
from twisted_net.net.routes import own_address
from twisted_net.testing import SimNetwork, simulate


@simulate(seeds=1)
async def test_a_host_knows_which_of_its_addresses_speaks_to_another_one(net: SimNetwork) -> None:
    """Loopback to itself, another one to others; no port is left open, and nothing sent."""
    here, there = net.host("here"), net.host("there")
    assert own_address(here.reactor, "127.0.0.1") == "127.0.0.1"
    assert own_address(here.reactor, there.ip) == here.ip
    assert here.reactor.getReaders() == []


class Unroutable:
    """A reactor on a host that has no network."""

    def listenUDP(self, *arguments: object) -> None:
        """Fail."""
        raise OSError(errno.ENETUNREACH, "Network is unreachable")


def test_where_there_is_no_way_that_is_said() -> None:
    """In one line."""
    with pytest.raises(ConnectError, match=r"^cannot send to 192.0.2.1: network is unreachable$"):
        own_address(Unroutable(), "192.0.2.1")
