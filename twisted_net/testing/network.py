"""The network itself: hosts, links, the clock, and what may go wrong between them."""

import gc
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_net.testing.chaos import Chaos
from twisted_net.testing.clock import SECOND, Timeline, TimeStandsStill, nanoseconds
from twisted_net.testing.errors import Deadlock, Livelock, LoggedErrors, NetworkFailure, SimTimeout
from twisted_net.testing.faults import Fault, Faults
from twisted_net.testing.host import Boot, Host
from twisted_net.testing.kernel.stack import Congestion
from twisted_net.testing.ladder import ending
from twisted_net.testing.links import WHOLE, Chunking, Link
from twisted_net.testing.logs import LoggedFailures
from twisted_net.testing.netstat import netstat
from twisted_net.testing.promises import Check, Promises
from twisted_net.testing.reactor import SimReactor
from twisted_net.testing.redirect import Redirect
from twisted_net.testing.strict import Strict
from twisted_net.testing.topology import Topology
from twisted_net.testing.trace import Trace
from twisted_net.testing.transports import STOCK, Transports
from twisted_net.testing.wires import Rule

#: What `SimNetwork.run` drives to its end.
Main = Callable[[], Any] | Coroutine[Any, Any, Any] | Deferred[Any]

#: Virtual seconds after which a run is given up, unless it says otherwise.
PATIENCE = 3600.0


class SimNetwork(Topology):
    """A network in memory, on which real Twisted code runs in virtual time.

    :param seed: decides everything that is left to chance.
    :param link: what links are like that are not described one by one.
    :param chunking: how streams are cut before the application sees them.
    :param order: ``shuffle`` serves sockets that are ready at once in a drawn order.
    :param faults: apply exactly these and draw nothing.
    :param trace: whether to keep a record for ladders and captures; ``auto`` does.
    :param reactor: ``epoll`` reproduces what Twisted's epoll and poll reactors do with a refused
        datagram (twisted#5377); ``portable`` does as select does.
    :param transports: the kinds of Twisted transports that hosts make; see `Transports`.
    :param congestion: ``none`` for tests that are about something else.
    :param strict: whether real time, real chance and real sockets are out of reach; see `strict`.
    :param redirect: whether the global reactor is lent to the running host.
    :cvar default_transports: what networks take that are given none; a suite of tests may set it.
    """

    default_transports: ClassVar[Transports] = STOCK

    def __init__(
        self,
        seed: int | str = 0,
        *,
        link: Link = Link(),  # noqa: B008 - frozen
        chunking: Chunking | None = None,
        order: Literal["fifo", "shuffle"] = "fifo",
        faults: Iterable[Fault] | None = None,
        trace: bool | Literal["auto"] = "auto",
        reactor: Literal["portable", "epoll"] = "portable",
        transports: Transports | None = None,
        congestion: Congestion = "reno",
        strict: bool = True,
        redirect: bool = True,
    ) -> None:
        super().__init__(link)
        self.seed = seed
        self.chunking = WHOLE if chunking is None else chunking
        self.shuffled = order == "shuffle"
        self.epoll = reactor == "epoll"
        self.transports = self.default_transports if transports is None else transports
        self.congestion: Congestion = congestion
        self.timeline = Timeline()
        self.faults = Faults(seed, faults)
        self.cutting = self.chunking != WHOLE or self.faults.plan is not None
        self.trace = Trace(self.timeline, trace is not False)
        self.promises = Promises()
        self.redirect = Redirect(redirect)
        self._strict = Strict(strict, seed, self.seconds)
        self._logged = LoggedFailures()
        self._chaos = Chaos(self, seed)
        self._outside: Host | None = None
        self._running = False

    def machine(
        self, name: str, addresses: tuple[str, str], boot: Boot | None, sndbuf: int, rcvbuf: int
    ) -> Host:
        """Make a machine that is not on the network yet."""
        return Host(self, name, addresses, boot, sndbuf, rcvbuf)

    # Faults

    @contextmanager
    def rule(self, rule: Rule) -> Iterator[None]:
        """Show every packet to a rule, for the length of a ``with`` block."""
        self.rules.append(rule)
        try:
            yield
        finally:
            if rule in self.rules:
                self.rules.remove(rule)

    def chaos(
        self,
        *,
        kill: Sequence[str] = (),
        power_off: Sequence[str] = (),
        cut: Sequence[tuple[str, str]] = (),
        stall: Sequence[str] = (),
        rate: float = 0.2,
        until: float = 10.0,
    ) -> None:
        """Let disasters strike at random times, and end again.

        :param rate: how many a second, for each of the things named.
        :param until: the time in seconds after which no new one strikes.
        """
        if self.faults.plan is None:
            self._chaos.draw(kill, power_off, cut, stall, rate, until)
        else:
            self._chaos.plan(self.faults.plan)

    def heal(self) -> None:
        """End all faults: links are whole, rules are gone, hosts run."""
        self.trace.note("healed")
        self.faults.harmful = False
        self.rules.clear()
        self.mend()
        for host in self.hosts():
            host.wake()
            if not host.up:
                host.restart()

    # Time

    def seconds(self) -> float:
        """Return the virtual time since the network was made."""
        return self.timeline.now / SECOND

    def sleep(self, seconds: float) -> Deferred[None]:
        """Return a Deferred that fires after so many virtual seconds."""
        done: Deferred[None] = Deferred()
        self.timeline.at(self.timeline.now + nanoseconds(seconds), done.callback, None)
        return done

    def at(self, time: float, call: Callable[..., object], *args: Any) -> None:
        """Call something at a virtual time."""
        self.timeline.at(nanoseconds(time), lambda _: call(*args))

    def run(self, main: Main, *, timeout: float = PATIENCE) -> Any:
        """Let the network go on until ``main`` is done; return its result or raise its failure.

        :param main: a function, which may be a coroutine function, a coroutine, or a Deferred.
        :raises Deadlock: nothing can happen any more, and it is not done.
        :raises SimTimeout: it is not done after ``timeout`` virtual seconds.
        """
        outcome: list[Any] = []

        def done(result: Any) -> None:
            outcome.append(result)
            self.timeline.stopped = True

        with self._going_on():
            _deferred(main).addBoth(done)
            if not outcome:
                self._advance(timeout, lambda: bool(outcome), "the main function is not done")
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        return outcome[0]

    def run_for(self, seconds: float) -> None:
        """Let the network go on for so many virtual seconds."""
        until = self.timeline.now + nanoseconds(seconds)
        with self._going_on(), self._while_time_goes_on():
            self.timeline.advance(until, to_rest=False)
            while self.timeline.stopped:  # somebody else's stop
                self.timeline.advance(until, to_rest=False)
            self.timeline.now = until

    def run_until(self, condition: Callable[[], object], *, timeout: float = PATIENCE) -> None:
        """Let the network go on until a condition holds; it is asked after every event.

        :raises Deadlock: nothing can happen any more, and it does not.
        :raises SimTimeout: it does not after ``timeout`` virtual seconds.
        """
        with self._going_on():
            self._advance(timeout, condition, "the condition does not hold", step=True)

    def settle(self, *, timeout: float = PATIENCE) -> None:
        """Let the network go on until nothing is left that could happen.

        :raises SimTimeout: that is not so after ``timeout`` virtual seconds: something is
            repeated for ever.
        """
        with self._going_on():
            self._advance(timeout, lambda: self.timeline.at_rest, "something still goes on")

    def run_reactor(self, reactor: SimReactor) -> None:
        """Let the network go on until a reactor has stopped; what is logged is not our affair."""
        with self._going_on(strict=False):
            self.redirect.to(reactor)
            self._advance(PATIENCE, lambda: not reactor._started, "still running", step=True)

    def _advance(
        self, timeout: float, done: Callable[[], object], what: str, *, step: bool = False
    ) -> None:
        until = self.timeline.now + nanoseconds(timeout)
        with self._while_time_goes_on():
            while not done():
                self.timeline.advance(until, step=step)
                if self.timeline.stopped or done():
                    continue
                if self.timeline.at_rest:
                    raise self._explained(Deadlock, f"deadlock: {what}, and nothing can happen")
                if self.timeline.next > until:
                    raise self._explained(SimTimeout, f"timeout: {what} after {timeout:g} s")

    @contextmanager
    def _while_time_goes_on(self) -> Iterator[None]:
        try:
            yield
        except TimeStandsStill:
            raise self._explained(Livelock, "livelock: time does not go on") from None

    def _explained(self, kind: type[NetworkFailure], why: str) -> NetworkFailure:
        if not self.trace.events:
            return kind(why, self.netstat())
        again = f"again: seed={self.seed!r} and the same options"
        return kind(why, self.netstat(), ending(self.trace.ladder()), again)

    @contextmanager
    def _going_on(self, *, strict: bool = True) -> Iterator[None]:
        """Prepare the surroundings of a run, and check afterwards that nothing was logged."""
        if self._running:
            raise RuntimeError("the network is running already")
        self._running = True
        collects = gc.isenabled()
        gc.disable()  # a lost Deferred's failure must not be logged at a moment that chance picks
        try:
            with self.redirect, self._logged, self._strict:
                self.redirect.to(self._outsider().reactor)
                yield
                # Nothing has been collected since, so all that this run made is young. What is
                # older takes long to search, and who has frozen it shall not find it thawed.
                gc.collect(0)
        except Exception as error:
            self._logged.tell(error)
            raise
        finally:
            if collects:
                gc.enable()
            self._running = False
        if strict:
            self._logged.check(self._explained)
        else:
            self._logged.flush()

    def _outsider(self) -> Host:
        """Return the host that the test itself is on; it is not part of the network."""
        if self._outside is None:
            outside = ("10.255.255.254", "fd00::ffff")
            self._outside = self.machine("(test)", outside, None, 1, 1)
        return self._outside

    # Promises

    def always(self, name: str, check: Check) -> None:
        """Check something after every step: it raises AssertionError or returns False if not."""
        self.promises.always(name, check)

    def sometimes(self, name: str, check: Check) -> None:
        """Look out for something without which the test would have tested nothing."""
        self.promises.sometimes(name, check)

    def eventually(self, name: str, check: Check, within: float = 60.0) -> None:
        """Check, after all faults have ended, that something comes true within so many seconds."""
        self.promises.eventually(name, check, within)

    def finish(self) -> None:
        """Keep the promises that are still open: heal, and wait for what must come true.

        `explore` and `simulate` do this at the end of each run.
        """
        if self.promises.due:
            self.heal()
            within = max(seconds for _, seconds in self.promises.due.values())
            try:
                self.run_until(self.promises.settle, timeout=within)
            except (Deadlock, SimTimeout):
                raise AssertionError("eventually: " + ", ".join(self.promises.due)) from None

    # What happened

    def flush_errors(self, *types: type[BaseException]) -> list[Failure]:
        """Return and forget the failures that were logged, those of some types or all."""
        gc.collect()
        return self._logged.flush(*types)

    def netstat(self) -> str:
        """Return a table of all sockets and of connections that outlived theirs."""
        return netstat(self.seconds(), self.hosts())

    def digest(self, payload: bool = True) -> str:
        """Return a digest of all that arrived; equal for equal runs.

        :param payload: False leaves out the contents, for TLS.
        """
        return self.trace.digest(payload)


def _deferred(main: Main) -> Deferred[Any]:
    result = main() if callable(main) else main
    if isinstance(result, Coroutine):
        return Deferred.fromCoroutine(result)
    if isinstance(result, Deferred):
        return result
    done: Deferred[Any] = Deferred()
    done.callback(result)
    return done


__all__ = ["LoggedErrors", "SimNetwork"]
