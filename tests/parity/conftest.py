"""The two worlds, of which every test here knows both."""

import pytest

from twisted_net.testing.worlds import MANY_ADDRESSES, LoopbackWorld, SimWorld, World

#: A scenario that failed shows what was told, and what should have been.
pytest.register_assert_rewrite("tests.parity.story")


def simulated() -> World:
    """Return a world in memory, whose reactor has the ways of the one that the other runs on."""
    return SimWorld(reactor="epoll" if MANY_ADDRESSES else "portable")


def lean() -> World:
    """Return a world of real sockets on our own reactor."""
    reactor = pytest.importorskip("twisted_net.net.fast.reactor", exc_type=ImportError)
    return LoopbackWorld(reactor.LeanReactor)


@pytest.fixture(params=[simulated, LoopbackWorld, lean], ids=["simulated", "loopback", "lean"])
def world(request: pytest.FixtureRequest) -> World:
    """Return a world without hosts."""
    made: World = request.param()
    return made
