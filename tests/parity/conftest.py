"""The two worlds, of which every test here knows both."""

import pytest

from twisted_net.testing.worlds import MANY_ADDRESSES, LoopbackWorld, SimWorld, World

#: A scenario that failed shows what was told, and what should have been.
pytest.register_assert_rewrite("tests.parity.story")


def simulated() -> World:
    """Return a world in memory, whose reactor has the ways of the one that the other runs on."""
    return SimWorld(reactor="epoll" if MANY_ADDRESSES else "portable")


@pytest.fixture(params=[simulated, LoopbackWorld], ids=["simulated", "loopback"])
def world(request: pytest.FixtureRequest) -> World:
    """Return a world without hosts."""
    made: World = request.param()
    return made
