"""Random scripts for a UDP port, and what came of one: to hold a fast port beside a stock one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from twisted.internet.protocol import DatagramProtocol

from tests.parity.parties import address
from twisted_net.testing.worlds import Place, World

#: Makes a port as ``listenUDP`` does, on a host.
MakePort = Callable[[Place, DatagramProtocol], Any]

#: Sizes of datagrams: empty, equal, about what a buffer or an Ethernet frame holds, and fragments.
SIZES = (0, 1, 2, 64, 64, 64, 64, 100, 1000, 1472, 2047, 2048, 2049, 5000, 9000)

PEERS = 3

#: Bytes of a receive buffer that may be in use, so that nothing is lost.
ROOM = 150_000

#: Seconds within which nothing more comes: what is not there by then is missing.
PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Act:
    """Something that the port's protocol does.

    :ivar what: the name of a method of `Actor`.
    :ivar peer: to whom, where it sends.
    """

    what: str
    peer: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Script:
    """What the peers send, burst by burst, and what the port does.

    :ivar bursts: pairs of a peer and a size.
    :ivar acts: what is done on the nth datagram.
    :ivar later: what is done by a timer, after each burst.
    """

    bursts: list[list[tuple[int, int]]]
    acts: dict[int, list[Act]] = field(default_factory=dict)
    later: list[list[Act]] = field(default_factory=list)


def script(dice: Random) -> Script:
    """Write a random script."""
    bursts = [list(_burst(dice)) for _ in range(dice.randint(1, 4))]
    acts: dict[int, list[Act]] = {}
    for burst in bursts:
        room = ROOM
        for _ in burst:
            acts[len(acts)] = made = [_act(dice) for _ in range(dice.choice((0, 1, 1, 1, 2, 5)))]
            room -= sum(2 * _kept(act.size) for act in made)
            if room < 0:
                made.clear()
    if dice.random() < 0.2:
        acts[dice.randrange(len(acts))].append(Act("stop"))
    later = [[_write(dice) for _ in range(dice.choice((0, 0, 1, 4)))] for _ in bursts]
    return Script(bursts, acts, later)


def _burst(dice: Random) -> Iterator[tuple[int, int]]:
    peer, size = dice.randrange(PEERS), dice.choice(SIZES)
    change = dice.choice((0.0, 0.1, 0.5, 1.0))
    room = ROOM
    for _ in range(dice.choice((1, 2, 10, 40, 90))):
        if dice.random() < change:
            peer, size = dice.randrange(PEERS), dice.choice(SIZES)
        room -= _kept(size)
        if room < 0:
            return
        yield peer, size


def _kept(size: int) -> int:
    """Return how much of a buffer a datagram takes, at most, as Linux counts."""
    return 2 * size + 800


def _act(dice: Random) -> Act:
    what = dice.choices(
        ("answer", "write", "twice", "crash", "misspell", "too_long", "reuse", "pause"),
        (60, 20, 8, 3, 3, 2, 3, 1),
    )[0]
    return Act(what, dice.randrange(PEERS), dice.choice(SIZES))


def _write(dice: Random) -> Act:
    return Act("write", dice.randrange(PEERS), dice.choice(SIZES))


class Listener(DatagramProtocol):
    """Keep what is heard."""

    noisy = False
    transport: Any

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Keep it."""
        self.heard.append(datagram)


class Actor(DatagramProtocol):
    """Do what a script says.

    :ivar told: what the protocol was told, in order.
    """

    noisy = False
    transport: Any

    def __init__(self, script: Script, reactor: Any) -> None:
        self.script = script
        self.peers: list[tuple[str, int]] = []
        self.told: list[object] = []
        self.count = 0
        self.written = 0
        self.sent = 0
        self.closing = False
        self.stopped = False
        self._reactor = reactor

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Tell it, and do what is to be done on this one."""
        number, self.count = self.count, self.count + 1
        if self.closing:
            return  # how many still come is chance
        self.told.append((self.peers.index(addr), datagram))
        for act in self.script.acts.get(number, ()):
            getattr(self, act.what)(act, addr)

    def stopProtocol(self) -> None:
        """Tell it."""
        self.told.append("stopped")
        self.stopped = True

    def connectionRefused(self) -> None:
        """Tell it."""
        self.told.append("refused")

    def answer(self, act: Act, addr: tuple[str, int]) -> None:
        """Write to who has just sent."""
        self._write(self._made(act.size), addr)

    def write(self, act: Act, addr: tuple[str, int]) -> None:
        """Write to somebody."""
        self._write(self._made(act.size), self.peers[act.peer])

    def twice(self, act: Act, addr: tuple[str, int]) -> None:
        """Write to two."""
        self.answer(act, addr)
        self.write(act, addr)

    def crash(self, act: Act, addr: tuple[str, int]) -> None:
        """Have a bug."""
        raise ZeroDivisionError

    def misspell(self, act: Act, addr: tuple[str, int]) -> None:
        """Write to a name, and to a port that is none."""
        self._write(b"x", ("localhost", 1))
        self._write(b"x", (self.peers[act.peer][0], 70_000))

    def too_long(self, act: Act, addr: tuple[str, int]) -> None:
        """Write more than a datagram holds."""
        self._write(bytes(65_508), addr)

    def reuse(self, act: Act, addr: tuple[str, int]) -> None:
        """Write a buffer, and use it for something else."""
        buffer = bytearray(self._made(act.size))
        self._write(buffer, addr)
        buffer[:] = bytes(len(buffer))

    def pause(self, act: Act, addr: tuple[str, int]) -> None:
        """Hear nothing for a while."""
        self.transport.pauseProducing()
        self._reactor.callLater(0.01, self._resume)

    def stop(self, act: Act, addr: tuple[str, int]) -> None:
        """Close the port."""
        self.closing = True
        self.transport.stopListening()

    def _resume(self) -> None:
        if not self.stopped:
            self.transport.resumeProducing()

    def _made(self, size: int) -> bytes:
        self.written += 1
        return (b"%d." % self.written)[:size].ljust(size, b"=")

    def _write(self, packet: Any, addr: tuple[str, int]) -> None:
        try:
            self.transport.write(packet, addr)
            self.sent += 1
        except Exception as error:
            self.told.append((self.count, type(error).__name__))


async def played(world: World, script: Script, make_port: MakePort, name: str) -> Any:
    """Play a script with a port of some kind; return what each party was told."""
    server = world.host(f"{name}-server")
    actor = Actor(script, server.reactor)
    port = make_port(server, actor)
    listeners = [Listener() for _ in range(PEERS)]
    ends = [_open(world, f"{name}-{number}", each) for number, each in enumerate(listeners)]
    actor.peers = [address(end) for end in ends]
    there, due = address(port), 0
    for number, burst in enumerate(script.bursts):
        for peer, size in burst:
            due += 1
            listeners[peer].transport.write((b"%d:" % due)[:size].ljust(size, b"."), there)
        if not await _until(world, lambda: actor.closing or actor.count >= due):  # noqa: B023
            actor.told.append("missing")
        if actor.closing:
            await _until(world, lambda: actor.stopped)
            break
        for act in script.later[number]:
            actor.write(act, actor.peers[0])
    await _until(world, lambda: sum(len(each.heard) for each in listeners) >= actor.sent)
    if not actor.stopped:
        await port.stopListening()
    for end in ends:
        await end.stopListening()
    return actor.told, [each.heard for each in listeners]


def _open(world: World, name: str, protocol: Listener) -> Any:
    host = world.host(name)
    return host.reactor.listenUDP(0, protocol, interface=host.ip, maxPacketSize=65_535)


async def _until(world: World, condition: Callable[[], bool]) -> bool:
    waited = 0.0
    while not condition():
        if waited > PATIENCE:
            return False
        waited += 0.002
        await world.sleep(0.002)
    return True
