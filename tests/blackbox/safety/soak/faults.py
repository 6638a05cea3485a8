"""What goes wrong between the load and the server, in the simulator's words, from seeded dice."""

import contextlib
import heapq
import itertools
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

from twisted_net.testing.links import Chunking, Link
from twisted_net.testing.rules import DROP, Delay, Drop, Duplicate, Verdict

Address = tuple[str, int]

#: What befalls each datagram, in either direction.
BAD_LINK = Link(loss=0.02, duplicate=0.02, reorder=0.05, reorder_delay=0.02)

#: How streams are cut.
BAD_CUTS = Chunking(split=0.3)

#: Clients that a relay remembers at one time; the longest silent makes room.
MOST_CLIENTS = 64

Rule = Callable[[bytes], Verdict]


def dice(seed: object) -> random.Random:
    """Return dice that fall the same way in every run."""
    return random.Random(str(seed))  # noqa: S311 - repeatable, not secret


def rule_of(link: Link, rolls: random.Random) -> Rule:
    """Return the rule that does to each datagram what a link would."""

    def rule(_: bytes) -> Verdict:
        roll = rolls.random()
        if roll < link.loss:
            return DROP
        if roll < link.loss + link.duplicate:
            return Duplicate()
        if roll < link.loss + link.duplicate + link.reorder:
            return Delay(rolls.uniform(link.reorder_delay / 5, link.reorder_delay))
        return None

    return rule


class Relay:
    """A datagram port in front of a server's, with a rule on the way there and back.

    :ivar port: where clients send to, on 127.0.0.1.
    :ivar faults: how many datagrams met one.
    """

    def __init__(self, to: Address, rule: Rule) -> None:
        self.faults = 0
        self._to = to
        self._rule = rule
        self._door = socket.socket(type=socket.SOCK_DGRAM)
        self._door.bind(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._ways: dict[Address, socket.socket] = {}
        self._late: list[tuple[float, int, bytes, socket.socket, Address]] = []
        self._numbers = itertools.count()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Carry nothing more."""
        self._ended.set()
        self._thread.join()
        for each in (self._door, *self._ways.values()):
            each.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            now = time.monotonic()
            while self._late and self._late[0][0] <= now:
                _, _, datagram, port, to = heapq.heappop(self._late)
                self._send(datagram, port, to)
            wait = min(0.05, self._late[0][0] - now) if self._late else 0.05
            for ready in select.select([self._door, *self._ways.values()], [], [], wait)[0]:
                with contextlib.suppress(ConnectionRefusedError):
                    self._carry(ready)

    def _carry(self, ready: socket.socket) -> None:
        datagram, source = ready.recvfrom(65536)
        if ready is self._door:
            self._meet(datagram, self._way(source), self._to)
            return
        client = next((each for each, way in self._ways.items() if way is ready), None)
        if client is not None:
            self._meet(datagram, self._door, client)

    def _way(self, client: Address) -> socket.socket:
        way = self._ways.pop(client, None)
        if way is None:
            way = socket.socket(type=socket.SOCK_DGRAM)
            if len(self._ways) >= MOST_CLIENTS:
                self._ways.pop(next(iter(self._ways))).close()
        self._ways[client] = way
        return way

    def _meet(self, datagram: bytes, port: socket.socket, to: Address) -> None:
        verdict = self._rule(datagram)
        self.faults += verdict is not None
        match verdict:
            case Drop():
                return
            case Delay(seconds):
                at = time.monotonic() + seconds
                heapq.heappush(self._late, (at, next(self._numbers), datagram, port, to))
                return
            case Duplicate(times):
                for _ in range(times):
                    self._send(datagram, port, to)
        self._send(datagram, port, to)

    def _send(self, datagram: bytes, port: socket.socket, to: Address) -> None:
        if port.fileno() >= 0:  # its client was forgotten meanwhile
            with contextlib.suppress(OSError):
                port.sendto(datagram, to)


def cut(data: bytes, cuts: Chunking, rolls: random.Random) -> Iterator[bytes]:
    """Cut a stream as bad networks do."""
    at = 0
    while at < len(data):
        size = rolls.randint(1, 100) if rolls.random() < cuts.split else rolls.randint(1, 65536)
        yield data[at : at + size]
        at += size


def end(connection: socket.socket, rolls: random.Random) -> None:
    """End a connection in one of three ways: an orderly close, a reset, a half-close."""
    with contextlib.suppress(OSError):
        match rolls.randrange(3):
            case 0:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case 1:
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(1)
                while connection.recv(65536):
                    pass
    connection.close()
