"""A program that runs on a host: a reactor, its timers, and the moments in which it may run."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted_net.testing.clock import TimeStandsStill
from twisted_net.testing.kernel.sockets import SimSocket
from twisted_net.testing.kernel.tcp.sockets import TcpSocket
from twisted_net.testing.reactor import SimReactor

if TYPE_CHECKING:
    from twisted_net.testing.host import Host


#: Turns that a program may have at one instant, and the nanoseconds that each further one takes. A
#: producer that writes a byte a turn fills no buffer within an instant, as it does on no machine.
FREE_TURNS = 100
TURN = 1_000

#: Turns in a row, without so much as a microsecond of rest, after which a program spins for good.
#: Three send buffers filled byte by byte are less.
SPINNING = 200_000


class Process:
    """One life of a program, from its start to its end.

    :ivar alive: whether it may still run; nothing of a dead process is ever called again.
    """

    def __init__(self, host: "Host") -> None:
        self.host = host
        self.alive = True
        self.stack = host.stack
        self.timeline = host.network.timeline
        self.epoll = host.network.epoll
        self.transports = host.network.transports
        self.stalled_until = 0
        self._turns = 0  # in a row, without a pause
        self._last_turn = 0
        self.reactor = SimReactor(self)

    def run_soon(self, call: Callable[[Any], object], argument: Any) -> None:
        """Call something as the program's own code: now, or when it is not stalled any more."""
        if not self.alive:
            return
        if self.stalled_until > self.timeline.now:
            self.timeline.at(self.stalled_until, self._run, (call, argument))
            return
        network = self.host.network
        network.redirect.to(self.reactor)
        call(argument)
        if network.promises.watched:
            network.promises.check()

    def soon(self, call: Callable[[Any], object], argument: Any) -> None:
        """Call something likewise, as an event of its own."""
        self.timeline.at(self.timeline.now, self._run, (call, argument))

    def turn_soon(self, turn: Callable[[Any], object]) -> None:
        """Call something as the program's next turn, at this instant or a little later."""
        now = self.timeline.now
        self._turns = self._turns + 1 if now - self._last_turn <= TURN else 0
        self._last_turn = now
        if self._turns > SPINNING:
            raise TimeStandsStill
        wait = TURN if self._turns > FREE_TURNS else 0
        self.timeline.at(now + wait, self._run, (turn, None))

    def after(self, delay: int, call: Callable[[Any], object], argument: Any) -> None:
        """Call something after so many nanoseconds, whatever the program does meanwhile."""
        self.timeline.at(self.timeline.now + delay, call, argument)

    def _run(self, what: tuple[Callable[[Any], object], Any]) -> None:
        self.run_soon(*what)

    def serving_order(self, count: int) -> list[int]:
        """Return the order in which to serve so many sockets that are ready at once."""
        network = self.host.network
        if not network.shuffled and network.faults.plan is None:
            return list(range(count))
        return network.faults.order(f"turn {self.host.name}", count)

    def oversleep(self, sock: SimSocket) -> int:
        """Return the nanoseconds by which the reader of a stream is woken late."""
        network = self.host.network
        if not network.chunking.merge and network.faults.plan is None:
            return 0
        if not isinstance(sock, TcpSocket) or sock.connection is None:
            return 0
        return network.faults.merge("wake" + sock.connection.flow[3:], network.chunking)

    def lookup(self, name: str) -> list[str]:
        """Return the addresses of a name."""
        return self.host.network.dns.get(name, [])

    def answer_later(self, call: Callable[[Any], object], argument: Any) -> None:
        """Call something when a name server would have answered."""
        delay = round(self.host.network.dns_delay * 1e9)
        self.timeline.at(self.timeline.now + delay, self._run, (call, argument))

    def drive(self, reactor: SimReactor) -> None:
        """Let the network go on until the reactor has stopped."""
        self.host.network.run_reactor(reactor)

    def exited(self) -> None:
        """End in the ordinary way: the reactor has stopped, the kernel closes what is open."""
        if self.alive:
            self.host.kill()

    def die(self) -> None:
        """End at once."""
        self.alive = False
        self.reactor.timers.die()
        self.reactor.poller.remove_all()
