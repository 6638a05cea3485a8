"""A planted bug: a small change of our own code for the length of a run, and where it shows."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from twisted_net.testing import Report, SimNetwork, explore

#: An object, the name of an attribute, and what that becomes.
Change = tuple[object, str, Any]


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug, and how to find it.

    :ivar scenario: raises where the bug shows.
    :ivar changes: what plants it.
    :ivar options: of the network.
    """

    name: str
    scenario: Callable[[SimNetwork], object]
    changes: tuple[Change, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def hunt(self, seeds: int, budget: float | None = None) -> Report:
        """Look for it with it planted.

        :param budget: real seconds after which no further seed is begun.
        """
        return explore(self._broken, range(seeds), make=self.network, budget=budget, name=self.name)

    def control(self, seeds: int) -> Report:
        """Look for it where it is not."""
        return explore(self.scenario, range(seeds), make=self.network, name=self.name)

    def network(self, seed: int | str, **options: Any) -> SimNetwork:
        """Make the network that it is looked for on."""
        return SimNetwork(seed, **{**self.options, **options})

    def _broken(self, net: SimNetwork) -> None:
        with _changed(self.changes):
            self.scenario(net)


@contextmanager
def _changed(changes: tuple[Change, ...]) -> Iterator[None]:
    with ExitStack() as stack:
        for thing, name, value in changes:
            stack.enter_context(patch.object(thing, name, value))
        yield
