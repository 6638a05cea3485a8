"""TFTP transfers as pure objects: packets and the time in, datagrams out (RFC 1350).

A transfer is lock-step: one block, its acknowledgement, the next block. Whoever waits sends its
last packet again when its `deadline` has passed, and both sides ignore what they did not wait for.
That is all it takes to survive loss, duplication and reordering, with two traps. An acknowledgement
that arrives twice must not send a block twice, or every later block is sent twice as well (the
Sorcerer's Apprentice, RFC 1123, 4.2.3.1); so only a timeout repeats a block. And the side that
acknowledges the last block cannot know whether that arrived; so it stays a while to repeat it.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from twisted_net.files.tftp.codec import (
    BLKSIZE,
    SMALLEST_BLKSIZE,
    Ack,
    Agreed,
    Code,
    Data,
    Error,
    OptionAck,
    Packet,
    Request,
    render,
    whole,
)

#: Times a packet is sent again before its receiver is given up. Boards on slow flash need several
#: tries; every further one holds a dead transfer open longer.
RETRIES = 5

#: What an address that has acknowledged nothing is sent for one request: so many packets, and it is
#: waited for at most so many seconds, whatever timeout was agreed on. The request may be forged;
#: each packet is then traffic for somebody who never asked, and the transfer's place is taken.
UNPROVEN_PACKETS = 2
UNPROVEN_SECONDS = 30.0

#: Seconds. Below the floor a busy peer is taken for a lost packet; the first guess and the
#: ceiling are those of RFC 6298, 2, the ceiling lowered for people who watch.
FLOOR, FIRST_GUESS, CEILING = 0.1, 1.0, 5.0


class Source(Protocol):
    """Bytes to be sent, read by offset."""

    size: int

    def read(self, offset: int, count: int) -> bytes:
        """Return up to ``count`` bytes; fewer only at the end."""

    def changed(self) -> bool:
        """Say whether it is no longer what it was when ``size`` was asked."""


class Timeout:
    """How long to wait for an answer, learnt from those that came (RFC 6298, RFC 1123 4.2.3.2).

    :param fixed: seconds that were agreed on; used as they stand.
    """

    def __init__(self, fixed: float | None = None) -> None:
        self.seconds = FIRST_GUESS if fixed is None else fixed
        self._fixed = fixed is not None
        self._mean = self._spread = 0.0

    def measured(self, took: float) -> None:
        """Learn from one round trip; not from one whose packet was repeated (Karn)."""
        if self._fixed:
            return
        if self._mean:
            self._spread = 0.75 * self._spread + 0.25 * abs(self._mean - took)
            self._mean = 0.875 * self._mean + 0.125 * took
        else:
            self._mean, self._spread = took, took / 2
        self.seconds = min(max(self._mean + 4 * self._spread, FLOOR), CEILING)

    def expired(self) -> None:
        """Wait twice as long for the next one."""
        if not self._fixed:
            self.seconds = min(2 * self.seconds, CEILING)


class State(Enum):
    """Where a transfer stands."""

    AGREEING = auto()  # options or the request itself wait for an answer
    MOVING = auto()
    DALLYING = auto()  # a receiver that has everything, in case its last ACK was lost
    DONE = auto()
    FAILED = auto()


class _Transfer:
    """What both sides have: one packet in the air, and the patience to repeat it.

    :ivar deadline: when to call `wake`, in seconds on the caller's clock; None: never.
    :ivar why: once it is `State.FAILED`, why.
    :ivar moved: bytes of the file that have arrived on the other side, or here.
    """

    def __init__(self, timeout: Timeout, retries: int | None) -> None:
        self.state = State.AGREEING
        self.deadline: float | None = None
        self.why = ""
        self.moved = 0
        self._timeout = timeout
        self._retries = retries
        self._tries = 0
        self._sent_at = 0.0
        self._in_air = b""

    @property
    def over(self) -> bool:
        """Whether nothing more will be sent."""
        return self.state in (State.DONE, State.FAILED)

    def wake(self, now: float) -> list[bytes]:
        """Return the last packet again, or nothing once the retries are spent."""
        if self.deadline is None or now < self.deadline:
            return []
        if self.state is State.DALLYING:
            return self._end(State.DONE)
        self._tries += 1
        if self._retries is not None and self._tries > self._retries:
            return self._failed(f"no {self._awaited()} after {self._retries} retransmissions")
        self._timeout.expired()
        self.deadline = now + self._timeout.seconds
        return [self._in_air]

    def abort(self, code: int, why: str) -> list[bytes]:
        """End the transfer from this side, and tell the other why."""
        if self.over:
            return []
        self._failed(why)
        return [render(Error(code, why))]

    def leave(self, why: str) -> None:
        """End the transfer from this side without a word."""
        if not self.over:
            self._failed(why)

    def _awaited(self) -> str:
        raise NotImplementedError

    def _send(self, datagram: bytes, now: float) -> list[bytes]:
        self._in_air = datagram
        self._tries = 0
        self._sent_at = now
        self.deadline = now + self._timeout.seconds
        return [datagram]

    def _answered(self, now: float) -> None:
        if not self._tries:
            self._timeout.measured(now - self._sent_at)

    def _failed(self, why: str) -> list[bytes]:
        self.why = why
        return self._end(State.FAILED)

    def _end(self, state: State) -> list[bytes]:
        self.state = state
        self.deadline = None
        return []


class Sender(_Transfer):
    """Send one file to whoever asked for it (RFC 1350, 4).

    :ivar proven: the peer has acknowledged something, so it is where it says it is.
    :ivar declined: the peer ended it before the first block: it only wanted to know the options.
    """

    def __init__(self, source: Source, agreed: Agreed, retries: int = RETRIES) -> None:
        super().__init__(Timeout(agreed.timeout), retries)
        self.declined = False
        self._source = source
        self._agreed = agreed
        self._number = 0  # of the block in the air, counted on beyond 65535
        self.proven = False
        self._prove_until = 0.0

    @property
    def finishing(self) -> bool:
        """Whether the last block is in the air."""
        return self._end_of_block() > self._source.size

    def start(self, now: float) -> list[bytes]:
        """Return the first packet: an OACK where options were accepted, else the first block."""
        self._prove_until = now + UNPROVEN_SECONDS
        if self._agreed.answer is not None:
            datagrams = self._send(render(OptionAck(self._agreed.answer)), now)
        else:
            datagrams = self._next_block(now)
        return self._unproven(datagrams)

    def received(self, packet: Packet, now: float) -> list[bytes]:
        """Return what a packet of the peer's lets us send.

        An acknowledgement of any other block than the one in the air, of one sent long ago or of
        one not yet sent, is ignored.
        """
        if self.over:
            return []
        match packet:
            case Ack(number) if number == self._number % 65536:
                return self._acknowledged(now)
            case Error():
                self.declined = self.state is State.AGREEING
                return self._failed(f"the peer says: error {packet.code} {packet.text!r}")
        return []

    def repeated(self, now: float) -> list[bytes]:
        """Answer the same request again: our first answer may have been lost.

        Only before the peer has acknowledged anything; later it is a straggler.
        """
        return [] if self.proven or self.over else [self._in_air]

    def wake(self, now: float) -> list[bytes]:
        """Return the packet in the air again, or nothing once the retries are spent.

        To an address that has not acknowledged anything it is repeated once only; for the rest of
        its time the transfer waits in silence for the peer to ask again.
        """
        datagrams = super().wake(now)
        if self.proven or self.over:
            return datagrams
        if self.deadline is not None and now >= self._prove_until:
            return self._failed(f"no {self._awaited()}")
        return self._unproven(datagrams if self._tries < UNPROVEN_PACKETS else [])

    def _acknowledged(self, now: float) -> list[bytes]:
        self._answered(now)
        self.proven = True
        self.moved = min(self._end_of_block(), self._source.size)
        if self.finishing:
            return self._end(State.DONE)
        return self._next_block(now)

    def _next_block(self, now: float) -> list[bytes]:
        self.state = State.MOVING
        offset = self._number * self._agreed.blksize
        self._number += 1
        wanted = max(0, min(self._agreed.blksize, self._source.size - offset))
        try:
            block = self._source.read(offset, wanted) if wanted else b""
        except OSError as error:
            return self.abort(Code.OTHER, f"cannot read: {(error.strerror or '').lower()}")
        if len(block) < wanted or (self.finishing and self._source.changed()):
            return self.abort(Code.OTHER, "file changed while sending")
        # The number rolls over to 0: 32 MiB at 512 bytes is not the end.
        return self._send(render(Data(self._number % 65536, block)), now)

    def _end_of_block(self) -> int:
        return self._number * self._agreed.blksize

    def _unproven(self, datagrams: list[bytes]) -> list[bytes]:
        if self.deadline is not None:
            self.deadline = min(self.deadline, self._prove_until)
        return datagrams

    def _awaited(self) -> str:
        return f"ACK of block {self._number}" if self._number else "ACK of the options"


class Receiver(_Transfer):
    """Fetch one file (RFC 1350, 4).

    :param take: called with each block as it comes, before it is acknowledged; may raise OSError.
    :param patience: seconds without an answer after which the server is given up.
    :ivar size: what the server says the file's size is; None: it says nothing.
    :ivar refused: the ERROR that the server ended it with.
    :ivar trouble: what ``take`` raised.
    :ivar deserted: the server fell silent.
    """

    def __init__(
        self, request: Request, take: Callable[[bytes], None], patience: float = CEILING
    ) -> None:
        wanted = request.options.get("timeout", "")
        super().__init__(Timeout(whole(wanted, 1, 255)), retries=None)
        self.size: int | None = None
        self.refused: Error | None = None
        self.trouble: OSError | None = None
        self.deserted = False
        self._request = request
        self._take = take
        self._patience = patience
        self._give_up_at = 0.0
        self._blksize = BLKSIZE
        self._number = 0  # of the last block that came

    def start(self, now: float) -> list[bytes]:
        """Return the request."""
        self._give_up_at = now + self._patience
        return self._send(render(self._request), now)

    def received(self, packet: Packet, now: float) -> list[bytes]:
        """Take a packet of the server's; return what it is owed."""
        if self.over:
            return []
        match packet:
            case Data():
                return self._block(packet, now)
            case OptionAck() if self.state is State.AGREEING:
                return self._options(packet, now)
            case Error() if self.state is not State.DALLYING:
                self.refused = packet
                return self._failed(packet.text)
        return []

    def wake(self, now: float) -> list[bytes]:
        """Return the last packet again, or nothing once our patience is at its end."""
        if self.deadline is None or now < self.deadline or self.state is State.DALLYING:
            return super().wake(now)
        if now >= self._give_up_at:
            self.deserted = True
            return self._failed(f"no answer in {self._patience:g} s")
        datagrams = super().wake(now)
        self.deadline = min(now + self._timeout.seconds, self._give_up_at)
        return datagrams

    def _send(self, datagram: bytes, now: float) -> list[bytes]:
        datagrams = super()._send(datagram, now)
        self.deadline = min(now + self._timeout.seconds, self._give_up_at)
        return datagrams

    def _options(self, packet: OptionAck, now: float) -> list[bytes]:
        if self._number or self._in_air[:2] == b"\0\4":  # a straggler: our ACK 0 was lost
            return [self._in_air]
        for name, value in packet.options.items():
            if not self._accepts(name, value):
                return self.abort(Code.OPTION, f"option {name[:32]}={value[:32]} not acceptable")
        return self._acknowledge(now)

    def _accepts(self, name: str, value: str) -> bool:
        asked = self._request.options.get(name)
        if asked is None:
            return False  # a server may only answer what was asked
        if name == "blksize":
            blksize = whole(value, SMALLEST_BLKSIZE, int(asked))
            self._blksize = blksize or BLKSIZE
            return blksize is not None
        if name == "tsize":
            self.size = whole(value, 0, 1 << 62)
            return self.size is not None
        return value == asked

    def _block(self, packet: Data, now: float) -> list[bytes]:
        if packet.number != (self._number + 1) % 65536 or self.state is State.DALLYING:
            # The last block again: our ACK of it was lost. Any other is a straggler.
            again = self._number and packet.number == self._number % 65536
            return [self._in_air] if again else []
        arrived = self.moved + len(packet.block)
        last = len(packet.block) < self._blksize
        if len(packet.block) > self._blksize:
            return self.abort(Code.ILLEGAL, f"block of {len(packet.block)} bytes")
        if self.size is not None and (arrived > self.size or (last and arrived < self.size)):
            return self.abort(Code.OTHER, f"{self.size} bytes promised, {arrived} sent")
        try:
            self._take(packet.block)
        except OSError as error:
            self.trouble = error
            return self.abort(Code.DISK_FULL, (error.strerror or "cannot write").lower())
        self._number += 1
        self.moved = arrived
        self.state = State.MOVING
        return self._acknowledge(now, last)

    def _acknowledge(self, now: float, last: bool = False) -> list[bytes]:
        self._answered(now)
        self._give_up_at = now + self._patience
        datagrams = self._send(render(Ack(self._number % 65536)), now)
        if last:
            self.state = State.DALLYING
            self.deadline = now + 2 * self._timeout.seconds
        return datagrams

    def _awaited(self) -> str:
        return f"block {self._number + 1}"
