"""One scenario, two worlds: the simulated network, and real sockets on this machine's loopback.

A simulator can be wrong with confidence. What holds it to the truth is to let the same coroutine
run on it and on a real kernel, and to compare what the parties saw.
"""

import gc
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import Cooperator, deferLater
from twisted.python.failure import Failure

from twisted_net.testing.errors import SimTimeout
from twisted_net.testing.host import Host
from twisted_net.testing.logs import LoggedFailures
from twisted_net.testing.network import SimNetwork
from twisted_net.testing.redirect import Redirect
from twisted_net.testing.resolver import SimResolver

#: Seconds after which a scenario is given up: long for a loopback, even on a busy machine.
PATIENCE = 60.0

#: How often a reactor of real sockets looks at all of them after it has slept: what one end has
#: sent, another end answers, and the first hears that.
ROUNDS = 5

#: Where a machine has all of 127.0.0.0/8 for itself; others have 127.0.0.1 only.
MANY_ADDRESSES = sys.platform == "linux"


class Place(Protocol):
    """A host of either world."""

    @property
    def reactor(self) -> Any:
        """What a program on this host uses."""

    @property
    def ip(self) -> str:
        """The address of the host."""


class World(Protocol):
    """What a scenario may ask of the world that it runs in."""

    def host(self, name: str) -> Place:
        """Return the host of that name; a new one, if there is none."""

    def run(self, scenario: "Scenario", *, timeout: float = PATIENCE) -> Any:
        """Return the result of a scenario, or raise its failure."""

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Wait for so many seconds of this world."""

    def flush_errors(self, *types: type[BaseException]) -> list[Failure]:
        """Return and forget the failures that were logged, those of some types or all."""


#: A scenario: a coroutine function that takes the world, or a coroutine that knows it already.
Scenario = Callable[[Any], Awaitable[Any]] | Awaitable[Any]


class SimWorld:
    """A world of simulated hosts.

    :param options: the network's; see `SimNetwork`.
    """

    def __init__(self, **options: Any) -> None:
        self.net = SimNetwork(**options)

    def host(self, name: str) -> Host:
        """Return the host of that name; a new one, if there is none."""
        known = {host.name: host for host in self.net.hosts()}
        return known.get(name) or self.net.host(name)

    def run(self, scenario: Scenario, *, timeout: float = PATIENCE) -> Any:
        """Return the result of a scenario, or raise its failure; see `SimNetwork.run`.

        :param timeout: virtual seconds.
        """
        return self.net.run(lambda: _begun(scenario, self), timeout=timeout)

    def sleep(self, seconds: float) -> Deferred[None]:
        """Wait for so many virtual seconds."""
        return self.net.sleep(seconds)

    def flush_errors(self, *types: type[BaseException]) -> list[Failure]:
        """Return and forget the failures that were logged, those of some types or all."""
        return self.net.flush_errors(*types)


class RealHost:
    """A host of a `LoopbackWorld`: an address of this machine's own.

    :ivar ip: distinct for each host, where the machine has that many.
    """

    def __init__(self, world: "LoopbackWorld", name: str, ip: str) -> None:
        self.name = name
        self.ip = ip
        self._world = world

    def __repr__(self) -> str:
        return f"<RealHost {self.name} {self.ip}>"

    @property
    def reactor(self) -> Any:
        """The reactor that all hosts of the world share."""
        return self._world.reactor


class LoopbackWorld:
    """A world of real sockets on 127.0.0.0/8.

    Each run has a reactor of its own, which is gone at its end with all that was left open on it.
    The global reactor is lent to it meanwhile, as by `SimNetwork`, and may be running itself: so
    it does not matter what ran before, or that the test runs inside pytest-twisted.

    :param make_reactor: makes the reactor of a run; without it, it is the platform's best.
    """

    def __init__(self, make_reactor: Callable[[], Any] | None = None) -> None:
        self._make_reactor = make_reactor or _make_reactor
        self._hosts: dict[str, RealHost] = {}
        self._reactor: Any = None
        self._logged = LoggedFailures()

    @property
    def reactor(self) -> Any:
        """The reactor of the run that goes on, or of the next."""
        if self._reactor is None:
            self._reactor = self._make_reactor()
            self._reactor.installNameResolver(SimResolver(self._lookup, self._soon))
        return self._reactor

    def host(self, name: str) -> RealHost:
        """Return the host of that name; a new one, if there is none."""
        if name not in self._hosts:
            number = len(self._hosts) + 1
            ip = f"127.0.{1 + (number >> 8)}.{number & 255}" if MANY_ADDRESSES else "127.0.0.1"
            self._hosts[name] = RealHost(self, name, ip)
        return self._hosts[name]

    def run(self, scenario: Scenario, *, timeout: float = PATIENCE) -> Any:
        """Return the result of a scenario, or raise its failure.

        :param timeout: real seconds.
        :raises SimTimeout: it is not done by then.
        :raises LoggedErrors: failures were logged, and not flushed.
        """
        outcome: list[Any] = []
        reactor = self.reactor
        reactor.cooperator = Cooperator()
        with Redirect(wanted=True) as redirect, self._logged:
            redirect.to(reactor)
            try:
                reactor.callWhenRunning(self._begin, scenario, timeout, outcome)
                reactor.run(installSignalHandlers=False)
            finally:
                self._reactor = None
                _dispose(reactor)
                gc.collect()  # a lost Deferred's failure is logged when it is collected
        self._logged.check(lambda kind, why: kind(why))  # no sockets to show but the kernel's
        if not outcome:
            raise RuntimeError("the scenario has stopped its own reactor")
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        return outcome[0]

    def sleep(self, seconds: float) -> Deferred[None]:
        """Wait for so many real seconds, and until what was there by then is dealt with.

        On a busy machine they may all pass before the reactor has looked at its sockets once.
        """
        return Deferred.fromCoroutine(self._slept(seconds))

    async def _slept(self, seconds: float) -> None:
        await deferLater(self.reactor, seconds)
        for _ in range(ROUNDS):
            await deferLater(self.reactor, 0)

    def flush_errors(self, *types: type[BaseException]) -> list[Failure]:
        """Return and forget the failures that were logged, those of some types or all."""
        gc.collect()
        return self._logged.flush(*types)

    def _begin(self, scenario: Scenario, timeout: float, outcome: list[Any]) -> None:
        reactor = self.reactor

        def done(result: Any) -> None:
            outcome.append(result)
            reactor.stop()

        def too_late(_: Any, seconds: float) -> Failure:
            return Failure(SimTimeout(f"timeout: the scenario is not done after {seconds:g} s"))

        going_on = _deferred(_begun(scenario, self))
        going_on.addTimeout(timeout, reactor, onTimeoutCancel=too_late)
        going_on.addBoth(done)

    def _lookup(self, name: str) -> list[str]:
        return [self._hosts[name].ip] if name in self._hosts else []

    def _soon(self, call: Callable[[Any], object], argument: Any) -> None:
        self.reactor.callLater(0, call, argument)


def _begun(scenario: Scenario, world: World) -> Awaitable[Any]:
    return scenario(world) if callable(scenario) else scenario


def _deferred(awaitable: Awaitable[Any]) -> Deferred[Any]:
    async def wait() -> Any:
        return await awaitable

    return Deferred.fromCoroutine(wait())


def _make_reactor() -> Any:
    """Return a reactor that is installed nowhere: the platform's best that needs no main loop."""
    try:
        from twisted.internet.epollreactor import EPollReactor
    except ImportError:
        from twisted.internet.selectreactor import SelectReactor

        return SelectReactor()
    return EPollReactor()


def _dispose(reactor: Any) -> None:
    """Close whatever is open on a reactor that has stopped, and the reactor's own descriptors."""
    for call in reactor.getDelayedCalls():
        call.cancel()
    reactor.disconnectAll()
    for reader in list(reactor._internalReaders):
        reactor.removeReader(reader)
        reader.connectionLost(None)
    reactor._internalReaders.clear()
    poller = getattr(reactor, "_poller", None)
    if poller is not None:
        poller.close()
