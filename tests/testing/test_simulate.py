"""The decorator makes plain tests, for functions and methods, ``async`` or not."""

import inspect

import pytest

from tests.testing.parties import Echo, Party
from twisted_net.testing import Chunking, Link, SimNetwork, pair, simulate


@simulate(seeds=3, link=Link(loss=0.1), chunking=Chunking(split=0.5))
async def test_an_async_test_gets_a_network(net: SimNetwork) -> None:
    """The network runs it, with the options given."""
    assert net.default_link.loss == 0.1
    await net.sleep(1)
    assert net.seconds() == 1.0


@pytest.mark.parametrize("word", ["one", "two"])
@simulate(seeds=2)
def test_fixtures_and_parameters_still_work(word: str, net: SimNetwork) -> None:
    """Only the network is supplied by the decorator."""
    assert word in ("one", "two")
    assert net.seconds() == 0


class TestMethods:
    """Methods of a test class."""

    @simulate(seeds=2)
    async def test_a_method_gets_a_network(self, net: SimNetwork) -> None:
        """The instance is passed on."""
        await net.sleep(1)
        assert isinstance(self, TestMethods)


def test_every_seed_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 0 on, each with a network of its own."""
    monkeypatch.delenv("TWISTED_NET_SEED", raising=False)
    monkeypatch.delenv("TWISTED_NET_SEEDS", raising=False)
    seen = []

    @simulate(seeds=3)
    def test(net: SimNetwork) -> None:
        seen.append(net.seed)

    test()
    assert seen == [0, 1, 2]
    assert list(inspect.signature(test).parameters) == []


def test_a_test_without_a_network_is_refused() -> None:
    """A forgotten parameter is found when the test is defined."""
    with pytest.raises(TypeError, match="no parameter 'net'"):

        @simulate()
        def test() -> None:
            """Want nothing."""


def test_a_pair_is_connected_in_one_line() -> None:
    """Two protocols, a network, and nothing else to set up."""
    joined = pair(Echo(), Party(b"hello"))
    joined.net.run_for(1)
    assert joined.client.text == b"hello"


@simulate(seeds=3, link=Link(loss=0.3))
def test_a_pair_can_be_on_the_network_of_a_test(net: SimNetwork) -> None:
    """So that a first test is run under many seeds."""
    joined = pair(Echo(), Party(b"hello"), net)
    assert joined.net is net
    net.run_until(lambda: joined.client.text == b"hello")


def test_a_pair_gives_no_options_to_a_network_that_is_made() -> None:
    """They would be ignored."""
    with pytest.raises(TypeError, match="takes no link"):
        pair(Echo(), Party(), SimNetwork(), link=Link())
