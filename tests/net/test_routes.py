"""Tests of `twisted_net.net.routes`."""

import errno

import pytest
from twisted.internet.error import CannotListenError

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


class Unable:
    """A reactor that can open no port."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def listenUDP(self, *arguments: object) -> None:
        """Fail."""
        raise self.error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "network is unreachable"),
        (CannotListenError("", 0, OSError(errno.EMFILE, "Too many open files")), ".*Too many .*"),
    ],
)
def test_where_there_is_no_way_that_is_said(error: Exception, why: str) -> None:
    """In one line."""
    with pytest.raises(ConnectError, match=rf"^cannot send to 192.0.2.1: {why}$"):
        own_address(Unable(error), "192.0.2.1")
