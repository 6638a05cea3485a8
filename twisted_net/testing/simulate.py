"""Tests over many seeds, for every runner: a decorator that supplies the network."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from twisted_net.testing.explore import explore
from twisted_net.testing.network import SimNetwork
from twisted_net.testing.search import Swarm

#: The parameter that receives the network.
NET = "net"


def simulate(
    seeds: int = 50, *, swarm: Swarm | None = None, **options: Any
) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Make a plain test function of one that takes a network as ``net``.

    It is run under each seed from 0 on, up to the first failure, which is shrunk and raised with
    a report; see `explore`. Works with pytest (fixtures and parameters too), unittest and trial,
    on functions and methods, ``async`` or not.

    :param seeds: how many; the environment variable ``TWISTED_NET_SEEDS`` overrules it.
    :param options: the network's; see `SimNetwork`.
    """

    def decorate(test: Callable[..., Any]) -> Callable[..., None]:
        signature = inspect.signature(test)
        if NET not in signature.parameters:
            raise TypeError(f"{test.__qualname__} has no parameter {NET!r}")

        def simulated(*args: Any, **named: Any) -> None:
            scenario = functools.partial(_run, test, args, named)
            make = functools.partial(SimNetwork, **options)
            explore(scenario, seeds, make=make, swarm=swarm, name=test.__name__).check()

        functools.update_wrapper(simulated, test)
        del simulated.__dict__["__wrapped__"]  # runners would look through it and see ``net``
        rest = [each for name, each in signature.parameters.items() if name != NET]
        vars(simulated)["__signature__"] = signature.replace(
            parameters=rest, return_annotation=None
        )
        return simulated

    return decorate


def _run(test: Callable[..., Any], args: Any, named: Any, net: SimNetwork) -> None:
    result = test(*args, **named, net=net)
    if inspect.iscoroutine(result):
        net.run(result)
