"""Two TFTP machines and a wire between them that loses, repeats and delays; no I/O, no clock."""

import heapq
import random
from collections.abc import Callable

from twisted_net.files.shelf import Source
from twisted_net.files.tftp.codec import Packet, Request, parse
from twisted_net.files.tftp.core import (
    Agreed,
    Buffer,
    Decoder,
    Getter,
    Netascii,
    Putter,
    Receiver,
    Sender,
    State,
    Transfer,
    agree,
)

#: Seconds that a packet is on its way; the last one lets others overtake it.
DELAYS = (0.01, 0.01, 0.02, 0.4)


class Bytes(Source):
    """A source that is bytes in memory.

    :ivar data: may be replaced by a test while it is sent.
    """

    def __init__(self, data: bytes, tells_size: bool = True) -> None:
        self.size = len(data) if tells_size else None
        self.data = data
        self.touched = False

    def read(self, offset: int, count: int) -> bytes:
        """Return a part."""
        return self.data[offset : offset + count]

    def changed(self) -> bool:
        """Say what the test wants said."""
        return self.touched


def packets(datagrams: list[Buffer]) -> list[Packet]:
    """Read what was sent."""
    return [parse(bytes(datagram)) for datagram in datagrams]


class BadWire:
    """A transfer from its request to its end, over a wire that is no good; seeded.

    The time is that of the wire: nothing waits.

    :param writing: the client sends the file.
    :param sender: makes the server's side where it does not.
    :ivar blocks: DATA packets that were sent.
    :ivar most: DATA packets that one call sent at most.
    """

    def __init__(
        self,
        data: bytes,
        asked: dict[str, str],
        seed: int = 0,
        loss: float = 0.0,
        writing: bool = False,
        mode: str = "octet",
        repeat: float = 0.25,
        tells_size: bool = True,
        delays: tuple[float, ...] = DELAYS,
        sender: Callable[[Source, Agreed], Sender] = Sender,
    ) -> None:
        self.got: list[bytes] = []
        self._sender = sender
        self.blocks = self.most = 0
        self.client, self.server = self._machines(data, asked, writing, mode, tells_size)
        self._decoder = Decoder() if mode == "netascii" else None
        self._started = False
        self._dice = random.Random(seed)  # noqa: S311 - no secret
        self._loss = loss
        self._repeat = repeat
        self._delays = delays
        self._sent = 0
        self._wire: list[tuple[float, int, bool, bytes]] = []  # when, order, to the server, what

    def _machines(
        self,
        data: bytes,
        asked: dict[str, str],
        writing: bool,
        mode: str,
        tells_size: bool,
    ) -> tuple[Transfer, Transfer]:
        request = Request("write" if writing else "read", b"f", mode, asked)
        source: Source = Bytes(data, tells_size)
        size = source.size if mode == "octet" else None
        agreed = agree(asked, size, writing=writing)
        if mode == "netascii":
            source = Netascii(source, int(asked.get("windowsize", 1)) * agreed.blksize)
        if writing:
            return Putter(request, source, 60), Receiver(self._take, agreed, keeps=True)
        return Getter(request, self._take, 60), self._sender(source, agreed)

    @property
    def whole(self) -> bool:
        """Whether the one who takes says that it has the whole file."""
        taker = self.client if isinstance(self.client, Getter) else self.server
        return taker.state is State.DONE

    @property
    def content(self) -> bytes:
        """What it has."""
        return b"".join(self.got) + (self._decoder.end() if self._decoder else b"")

    def run(self) -> "BadWire":
        """Play it to its end."""
        self._send(0.0, True, self.client.start(0.0))
        while True:
            arrives = [self._wire[0][0]] if self._wire else []
            ends = (self.server.deadline, self.client.deadline)
            due = [*arrives, *(deadline for deadline in ends if deadline is not None)]
            if not due:
                return self
            now = min(due)
            if arrives == [now]:
                self._arrived(now, *heapq.heappop(self._wire)[2:])
            self._send(now, False, self.server.wake(now))
            self._send(now, True, self.client.wake(now))

    def _take(self, block: bytes) -> None:
        self.got.append(self._decoder.feed(block) if self._decoder else block)

    def _arrived(self, now: float, to_server: bool, datagram: bytes) -> None:
        packet = parse(datagram)
        if not to_server:
            self._send(now, True, self.client.received(packet, now))
        elif not isinstance(packet, Request):
            self._send(now, False, self.server.received(packet, now))
            if isinstance(self.server, Receiver) and self.server.state is State.KEEPING:
                self._send(now, False, self.server.kept(now))
        elif self._started:
            self._send(now, False, self.server.repeated(now))
        else:
            self._started = True
            self._send(now, False, self.server.start(now))

    def _send(self, now: float, to_server: bool, datagrams: list[Buffer]) -> None:
        blocks = sum(bytes(datagram[:2]) == b"\0\3" for datagram in datagrams)
        self.blocks += blocks
        self.most = max(self.most, blocks)
        for datagram in datagrams:
            for _ in range(1 + (self._dice.random() < self._repeat)):
                if self._dice.random() >= self._loss:
                    self._sent += 1
                    arrives = now + self._dice.choice(self._delays)
                    heapq.heappush(self._wire, (arrives, self._sent, to_server, bytes(datagram)))
