"""One scenario, two worlds: the simulated network, and this machine's own loopback.

A scenario that is written for a world takes its hosts and its time from there, and tells what
happened; that it tells the same story of both is what keeps the simulation honest.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from twisted_net.testing.network import SimNetwork
from twisted_net.testing.redirect import Redirect

Scenario = Callable[["World"], Coroutine[Any, Any, Any]]


class Place(Protocol):
    """A host of either world."""

    @property
    def reactor(self) -> Any:
        """What a program on this host uses."""

    @property
    def ip(self) -> str:
        """Its address."""


class World(Protocol):
    """Where a scenario takes place."""

    def host(self, name: str) -> Place:
        """Return the host of that name; there is one as soon as it is asked for."""

    def sleep(self, seconds: float) -> Deferred[None]:
        """Return a Deferred that fires after so many seconds of this world's time."""

    def run(self, scenario: Scenario, *, timeout: float = 10.0) -> Any:
        """Run a scenario to its end and return its result, or raise its failure."""


class SimWorld:
    """The simulated world.

    :param options: the network's; see `SimNetwork`.
    """

    def __init__(self, **options: Any) -> None:
        self.net = SimNetwork(**options)

    def host(self, name: str) -> Place:
        """Return the host of that name."""
        if name not in [host.name for host in self.net.hosts()]:
            return self.net.host(name)
        return self.net[name]

    def sleep(self, seconds: float) -> Deferred[None]:
        """Return a Deferred that fires after so many virtual seconds."""
        return self.net.sleep(seconds)

    def run(self, scenario: Scenario, *, timeout: float = 10.0) -> Any:
        """Run a scenario to its end, within so many virtual seconds."""
        return self.net.run(scenario(self), timeout=timeout)


@dataclass(frozen=True, slots=True)
class RealHost:
    """A name for an address of 127.0.0.0/8, which are all this machine's."""

    reactor: Any
    ip: str


class LoopbackWorld:
    """The real world of this machine, on a reactor of its own that nobody else sees.

    The global reactor is lent to it while it runs, whether or not that runs itself. No signal
    handlers are installed, and what is open at the end is closed.
    """

    def __init__(self) -> None:
        self._reactor = _real_reactor()
        self._hosts: dict[str, RealHost] = {}

    def host(self, name: str) -> Place:
        """Return the host of that name."""
        if name not in self._hosts:
            self._hosts[name] = RealHost(self._reactor, f"127.0.0.{len(self._hosts) + 1}")
        return self._hosts[name]

    def sleep(self, seconds: float) -> Deferred[None]:
        """Return a Deferred that fires after so many real seconds."""
        return deferLater(self._reactor, seconds, lambda: None)

    def run(self, scenario: Scenario, *, timeout: float = 10.0) -> Any:
        """Run a scenario to its end, within so many real seconds."""
        outcome: list[Any] = []

        def begin() -> None:
            done = Deferred.fromCoroutine(scenario(self))
            done.addTimeout(timeout, self._reactor)
            done.addBoth(outcome.append)
            done.addBoth(lambda _: self._reactor.stop())

        with Redirect(wanted=True) as redirect:
            redirect.to(self._reactor)
            self._reactor.callWhenRunning(begin)
            self._reactor.run(installSignalHandlers=False)
            _close(self._reactor)
        if isinstance(outcome[0], Failure):
            if outcome[0].check(TookTooLong):
                raise AssertionError(f"the scenario is not done after {timeout:g} s")
            outcome[0].raiseException()
        return outcome[0]


def _real_reactor() -> Any:
    """Make the reactor that Twisted prefers on this platform."""
    try:
        from twisted.internet.epollreactor import EPollReactor as Reactor
    except ImportError:
        from twisted.internet.selectreactor import SelectReactor as Reactor
    make: Any = Reactor
    return make()


def _close(reactor: Any) -> None:
    """Close the descriptors that a stopped reactor still has of its own."""
    for end in reactor.removeAll():
        end.connectionLost(Failure(TookTooLong()))
    if reactor.waker is not None:
        reactor._removeInternalReader(reactor.waker)
        reactor.waker.connectionLost(None)
    poller = getattr(reactor, "_poller", None)
    if poller is not None:
        poller.close()
