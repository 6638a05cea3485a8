"""The network itself: hosts, links, the clock, and what may go wrong between them."""

import gc
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_net.testing.addresses import Reach, reach
from twisted_net.testing.chaos import Chaos
from twisted_net.testing.clock import SECOND, Timeline, TimeStandsStill, nanoseconds
from twisted_net.testing.errors import Deadlock, Livelock, LoggedErrors, SimTimeout
from twisted_net.testing.faults import Fault, Faults
from twisted_net.testing.host import Boot, Host
from twisted_net.testing.kernel.stack import Congestion
from twisted_net.testing.links import LOOPBACK, WHOLE, Chunking, Link
from twisted_net.testing.logs import LoggedFailures
from twisted_net.testing.netstat import netstat
from twisted_net.testing.promises import Check, Promises
from twisted_net.testing.reactor import SimReactor
from twisted_net.testing.redirect import Redirect
from twisted_net.testing.trace import Trace
from twisted_net.testing.wires import Rule, Wire

#: One host or several, by themselves or by name.
Hosts = Host | str | Sequence[Host | str]

#: What `SimNetwork.run` drives to its end.
Main = Callable[[], Any] | Coroutine[Any, Any, Any] | Deferred[Any]

#: Virtual seconds after which a run is given up, unless it says otherwise.
PATIENCE = 3600.0


class SimNetwork:
    """A network in memory, on which real Twisted code runs in virtual time.

    :param seed: decides everything that is left to chance.
    :param link: what links are like that are not described one by one.
    :param chunking: how streams are cut before the application sees them.
    :param order: ``shuffle`` serves sockets that are ready at once in a drawn order.
    :param faults: apply exactly these and draw nothing.
    :param trace: whether to keep a record for ladders and captures; ``auto`` does.
    :param reactor: ``epoll`` reproduces what Twisted's epoll and poll reactors do with a refused
        datagram (twisted#5377); ``portable`` does as select does.
    :param congestion: ``none`` for tests that are about something else.
    :param redirect: whether the global reactor is lent to the running host.
    :ivar dns: addresses by name; every host is entered under its own.
    :ivar dns_delay: seconds that a lookup takes.
    """

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
        congestion: Congestion = "reno",
        redirect: bool = True,
    ) -> None:
        self.seed = seed
        self.default_link = link
        self.chunking = WHOLE if chunking is None else chunking
        self.shuffled = order == "shuffle"
        self.epoll = reactor == "epoll"
        self.congestion: Congestion = congestion
        self.dns: dict[str, list[str]] = {}
        self.dns_delay = 0.001
        self.timeline = Timeline()
        self.faults = Faults(seed, faults)
        self.cutting = self.chunking != WHOLE or self.faults.plan is not None
        self.rules: list[Rule] = []
        self.trace = Trace(self.timeline, trace is not False)
        self.promises = Promises()
        self.redirect = Redirect(redirect)
        self._logged = LoggedFailures()
        self._chaos = Chaos(self, seed)
        self._hosts: dict[str, Host] = {}
        self._addresses: dict[str, Host] = {}
        self._wires: dict[tuple[str, str], Wire] = {}
        self._outside: Host | None = None
        self._running = False

    # Hosts

    def host(
        self,
        name: str,
        boot: Boot | None = None,
        *,
        ip: str | None = None,
        sndbuf: int = 65_536,
        rcvbuf: int = 65_536,
    ) -> Host:
        """Add a machine.

        :param boot: called with the host when its program starts, and again at each restart; may
            be a coroutine function.
        :param ip: its address; None: the next one of 10.0.0.0/8.
        :param sndbuf: bytes that a TCP connection of its holds until they are acknowledged.
        :param rcvbuf: bytes that it holds until they are read.
        :raises ValueError: the name or the address is taken, or makes no sense.
        """
        if name in self._hosts or not name or set(name) & set(" :>@#"):
            raise ValueError(f"{name!r} is taken, or no name for a host")
        number = len(self._hosts) + 1
        if ip is None:
            ip = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        if ip in self._addresses or reach(ip) not in (Reach.HOST, Reach.NOWHERE):
            raise ValueError(f"{ip} is taken, or no address for a host")
        host = self._hosts[name] = Host(self, name, (ip, f"fd00::{number:x}"), boot, sndbuf, rcvbuf)
        self._addresses.update(dict.fromkeys(host.addresses, host))
        self.dns.setdefault(name, [ip])
        return host

    def __getitem__(self, name: str) -> Host:
        return self._hosts[name]

    def hosts(self) -> list[Host]:
        """Return all hosts, in the order in which they were added."""
        return list(self._hosts.values())

    def host_at(self, address: str) -> Host | None:
        """Return the host that has an address."""
        return self._addresses.get(address)

    def name_of(self, address: str, speaker: Host) -> str:
        """Return what an address is called in the names of flows."""
        host = self._addresses.get(address)
        if host is not None:
            return host.name
        return speaker.name if reach(address) is Reach.SELF else address

    # Links

    def wire(self, sender: Host, receiver: Host) -> Wire:
        """Return the one direction between two hosts."""
        ends = sender.name, receiver.name
        wire = self._wires.get(ends)
        if wire is None:
            link = LOOPBACK if sender is receiver else self.default_link
            wire = self._wires[ends] = Wire(self, receiver.deliver, link)
        return wire

    def link(self, a: Hosts, b: Hosts, **changes: Any) -> None:
        """Change links in both directions: ``link("a", "b", loss=0.1)``; see `Link`."""
        self.link_oneway(a, b, **changes)
        self.link_oneway(b, a, **changes)

    def link_oneway(self, a: Hosts, b: Hosts, **changes: Any) -> None:
        """Change the links from ``a`` to ``b``."""
        for wire in self._between(a, b, oneway=True):
            wire.link = replace(wire.link, **changes)

    def partition(self, a: Hosts, b: Hosts, oneway: bool = False) -> None:
        """Let nothing through any more; what is under way still arrives."""
        self.trace.note(f"cut: {_names(a)} {'>' if oneway else '|'} {_names(b)}")
        for wire in self._between(a, b, oneway):
            wire.cut = True

    def repair(self, a: Hosts, b: Hosts, oneway: bool = False) -> None:
        """Undo `partition`."""
        self.trace.note(f"repaired: {_names(a)} {'>' if oneway else '-'} {_names(b)}")
        for wire in self._between(a, b, oneway):
            wire.cut = False

    def hold(self, a: Hosts, b: Hosts) -> None:
        """Keep all packets back until `release`."""
        for wire in self._between(a, b):
            wire.held = True

    def release(self, a: Hosts, b: Hosts) -> None:
        """Let go all packets that were held, in order."""
        for wire in self._between(a, b):
            wire.release()

    def _between(self, a: Hosts, b: Hosts, oneway: bool = False) -> Iterator[Wire]:
        for one in self._all(a):
            for other in self._all(b):
                yield self.wire(one, other)
                if not oneway and one is not other:
                    yield self.wire(other, one)

    def _all(self, hosts: Hosts) -> list[Host]:
        many = [hosts] if isinstance(hosts, (str, Host)) else hosts
        return [self[each] if isinstance(each, str) else each for each in many]

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
        for wire in self._wires.values():
            wire.cut = False
            wire.release()
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
        with self._going_on(), self._explained():
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
        with self._explained():
            while not done():
                self.timeline.advance(until, step=step)
                if self.timeline.stopped or done():
                    continue
                if self.timeline.at_rest:
                    raise Deadlock(f"deadlock: {what}, and nothing can happen", self.netstat())
                if self.timeline.next > until:
                    raise SimTimeout(f"timeout: {what} after {timeout:g} s", self.netstat())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except TimeStandsStill:
            raise Livelock("livelock: time does not go on", self.netstat()) from None

    @contextmanager
    def _going_on(self, *, strict: bool = True) -> Iterator[None]:
        """Prepare the surroundings of a run, and check afterwards that nothing was logged."""
        if self._running:
            raise RuntimeError("the network is running already")
        self._running = True
        collects = gc.isenabled()
        gc.freeze()  # what was there before is not ours to search, and searching it takes long
        gc.disable()  # a lost Deferred's failure must not be logged at a moment that chance picks
        try:
            with self.redirect, self._logged:
                self.redirect.to(self._outsider().reactor)
                yield
                gc.collect()
        finally:
            gc.unfreeze()
            if collects:
                gc.enable()
            self._running = False
        if strict:
            self._logged.check(self.netstat)
        else:
            self._logged.flush()

    def _outsider(self) -> Host:
        """Return the host that the test itself is on; it is not part of the network."""
        if self._outside is None:
            self._outside = Host(self, "(test)", ("10.255.255.254", "fd00::ffff"), None, 1, 1)
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


def _names(hosts: Hosts) -> str:
    many = [hosts] if isinstance(hosts, (str, Host)) else hosts
    return " ".join(each if isinstance(each, str) else each.name for each in many)


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
