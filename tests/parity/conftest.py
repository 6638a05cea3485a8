"""The two worlds, of which every test here knows both."""

import pytest

from tests.net.fast.kinds import FAST, kind_of
from twisted_net.testing.worlds import MANY_ADDRESSES, LoopbackWorld, SimWorld, World

#: A scenario that failed shows what was told, and what should have been.
pytest.register_assert_rewrite("tests.parity.story")


def simulated() -> World:
    """Return a world in memory, whose reactor has the ways of the one that the other runs on."""
    return SimWorld(reactor="epoll" if MANY_ADDRESSES else "portable")


def simulated_fast() -> World:
    """Return a world in memory with our own transports."""
    return SimWorld(reactor="epoll" if MANY_ADDRESSES else "portable", transports=FAST)


def loopback_fast() -> World:
    """Return a world of real sockets on our own reactor, with our own transports."""
    return LoopbackWorld(kind_of("lean", "fast"))


WORLDS = [simulated, LoopbackWorld, simulated_fast, loopback_fast]


@pytest.fixture(params=WORLDS, ids=["simulated", "loopback", "simulated-fast", "loopback-fast"])
def world(request: pytest.FixtureRequest) -> World:
    """Return a world without hosts."""
    made: World = request.param()
    return made
