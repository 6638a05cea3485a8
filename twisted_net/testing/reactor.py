"""A reactor for each simulated process: Twisted's own, but for the clock and the sockets."""

from collections.abc import Callable
from typing import Any, NoReturn, Protocol

from twisted.internet.interfaces import (
    IReactorCore,
    IReactorFDSet,
    IReactorMulticast,
    IReactorPluggableNameResolver,
    IReactorPluggableResolver,
    IReactorSSL,
    IReactorTCP,
    IReactorThreads,
    IReactorTime,
    IReactorUDP,
)
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.task import Cooperator
from twisted.logger import Logger
from zope.interface import implementer_only

from twisted_net.testing.clock import SECOND, Timeline
from twisted_net.testing.kernel.stack import Stack
from twisted_net.testing.poller import Poller, Process
from twisted_net.testing.resolver import SimResolver
from twisted_net.testing.threads import SimThreadPool
from twisted_net.testing.timers import Timers
from twisted_net.testing.transports import SimConnector, Transports, simulated

#: Seconds that one step of a cooperative task takes. Some time has to pass: a task that waits for
#: the network by doing nothing, over and over, would otherwise hold it up.
COOPERATION = 0.0001


class Home(Process, Protocol):
    """What a reactor needs of the host that it runs on."""

    stack: Stack
    timeline: Timeline
    epoll: bool
    transports: Transports
    stalled_until: int

    def run_soon(self, call: Callable[[Any], object], argument: Any) -> None:
        """Call something as the process's own code, at once or when it is not stalled."""

    def lookup(self, name: str) -> list[str]:
        """Return the addresses of a name."""

    def answer_later(self, call: Callable[[Any], object], argument: Any) -> None:
        """Call something when a name server would have answered."""

    def drive(self, reactor: "SimReactor") -> None:
        """Let the network go on until the reactor has stopped."""

    def exited(self) -> None:
        """Learn that the reactor has stopped by itself."""


@implementer_only(
    IReactorCore,
    IReactorTime,
    IReactorTCP,
    IReactorUDP,
    IReactorMulticast,
    IReactorSSL,
    IReactorThreads,
    IReactorPluggableNameResolver,
    IReactorPluggableResolver,
    IReactorFDSet,
)
class SimReactor(PosixReactorBase):
    """The reactor of one process on one host.

    The global reactor may be made to look like this one, sharing its ``__dict__``; so whatever is
    kept for later refers to ``self.me``, which stays what it is when the global one moves on.

    :ivar cooperator: what `task.cooperate` uses on this host: one step of one task at a time, so
        that the amount of work does not depend on the speed of the machine.
    """

    log = Logger()

    _registerAsIOThread = False  # there is one thread, and it may be anybody's

    def __init__(self, home: Home) -> None:
        self.me = self
        self.home = home
        self.stack = home.stack
        self.transports = home.transports
        self.poller = Poller(self, home, home.epoll)
        self.timers = Timers(home.timeline, home.run_soon, lambda: home.stalled_until)
        self.cooperator = Cooperator(
            terminationPredicateFactory=lambda: lambda: True,
            scheduler=lambda step: self.me.callLater(COOPERATION, step),
        )
        self._driven = False
        super().__init__()

    # Time

    def seconds(self) -> float:
        """Return the virtual time; see IReactorTime."""
        return self.home.timeline.now / SECOND

    def callLater(self, delay: float, callable: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        """Call something later; see IReactorTime."""
        if delay < 0:
            raise AssertionError(f"{delay} is not greater than or equal to 0 seconds")
        return self.timers.call_later(delay, callable, args, kw)

    def getDelayedCalls(self) -> Any:
        """Return what is still to come; see IReactorTime."""
        return self.timers.pending()

    # Life

    def startRunning(self, installSignalHandlers: bool = False) -> None:
        """Begin to run; signals are not ours to handle."""
        super().startRunning(installSignalHandlers=False)

    def run(self, installSignalHandlers: bool = False) -> None:
        """Run: let the network go on until this reactor is stopped."""
        self._driven = True
        super().run(installSignalHandlers=False)

    def mainLoop(self) -> None:
        """Let the network go on."""
        self.home.drive(self.me)

    def stop(self) -> None:
        """Stop: fire the shutdown triggers, as an event of its own."""
        super().stop()
        self.home.soon(self.me._shut_down, None)

    def _shut_down(self, _: object) -> None:
        if self._justStopped:
            self._justStopped = False
            self.fireSystemEvent("shutdown")

    def crash(self) -> None:
        """Stop without the triggers."""
        super().crash()
        if not self._driven:
            self.home.soon(lambda _: self.home.exited(), None)

    def runUntilCurrent(self) -> None:
        """Run what other threads have asked for; timed calls come from the network's clock."""
        calls = self.threadCallQueue[:]
        del self.threadCallQueue[: len(calls)]
        for call, args, kw in calls:
            try:
                call(*args, **kw)
            except Exception:
                self.log.failure("while calling from thread")

    def doIteration(self, delay: float | None) -> None:
        """Do nothing: the network decides when a turn comes."""

    def installWaker(self) -> None:
        """Install none; nothing sleeps."""

    def wakeUp(self) -> None:
        """See to the calls that came from threads."""
        self.home.soon(self.me._thread_calls, None)

    def _thread_calls(self, _: object) -> None:
        self.runUntilCurrent()

    # Threads and names

    def _initThreads(self) -> None:
        self.installNameResolver(SimResolver(self.home.lookup, self.home.answer_later))
        self.usingThreads = True

    def _initThreadPool(self) -> None:
        self.threadpool: Any = SimThreadPool(self.home.soon)
        self.addSystemEventTrigger("during", "shutdown", self._stopThreadPool)

    def _stopThreadPool(self) -> None:
        if self.threadpool is not None:
            self.threadpool.stop()
            self.threadpool = None

    # Sockets

    def addReader(self, reader: Any) -> None:
        """Watch for something to read; see IReactorFDSet."""
        self.poller.add_reader(reader)

    def addWriter(self, writer: Any) -> None:
        """Watch for room to write; see IReactorFDSet."""
        self.poller.add_writer(writer)

    def removeReader(self, reader: Any) -> None:
        """Watch no more; see IReactorFDSet."""
        self.poller.remove_reader(reader)

    def removeWriter(self, writer: Any) -> None:
        """Watch no more; see IReactorFDSet."""
        self.poller.remove_writer(writer)

    def removeAll(self) -> list[Any]:
        """Watch nothing any more; see IReactorFDSet."""
        return self.poller.remove_all()

    def getReaders(self) -> list[Any]:
        """Return what is watched for reading; see IReactorFDSet."""
        return list(self.poller.readers)

    def getWriters(self) -> list[Any]:
        """Return what is watched for writing; see IReactorFDSet."""
        return list(self.poller.writers)

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Listen; see IReactorTCP."""
        kind = simulated(self.transports).port
        return _listening(kind, port, factory, backlog, interface, self.me)

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float = 30.0,
        bindAddress: Any = None,
    ) -> Any:
        """Connect; see IReactorTCP."""
        made = SimConnector(host, port, factory, timeout, bindAddress, self.me)
        made.connect()
        return made

    def listenUDP(
        self,
        port: int,
        protocol: Any,
        interface: str = "",
        maxPacketSize: int = 8192,
    ) -> Any:
        """Listen for datagrams; see IReactorUDP."""
        kind = simulated(self.transports).datagrams
        return _listening(kind, port, protocol, interface, maxPacketSize, self.me)

    def listenMulticast(
        self,
        port: int,
        protocol: Any,
        interface: str = "",
        maxPacketSize: int = 8192,
        listenMultiple: bool = False,
    ) -> Any:
        """Listen for datagrams to groups; see IReactorMulticast."""
        kind = simulated(self.transports).multicast
        return _listening(kind, port, protocol, interface, maxPacketSize, self.me, listenMultiple)

    def spawnProcess(self, *args: Any, **kw: Any) -> NoReturn:
        """Refuse: a process would live in real time."""
        raise NotImplementedError("a simulated host runs no processes")


def _listening(kind: Any, *args: Any) -> Any:
    port = kind(*args)
    port.startListening()
    return port
