"""The side that takes a file (RFC 1350, RFC 7440)."""

from collections.abc import Callable

from twisted_net.files.codec import RefusedError
from twisted_net.files.tftp.codec import (
    Ack,
    Code,
    Data,
    Error,
    OptionAck,
    Packet,
    error_code,
    render,
)
from twisted_net.files.tftp.core.blocks import Buffer
from twisted_net.files.tftp.core.numbers import Numbers
from twisted_net.files.tftp.core.options import Agreed
from twisted_net.files.tftp.core.timing import CEILING, Timeout
from twisted_net.files.tftp.core.transfer import RETRIES, State, Transfer

#: Bytes of a DATA packet before its block.
HEADER = 4


class Receiver(Transfer):
    """Take one file from whoever asked to send it.

    A window's last block is acknowledged, or the last one before a gap, once: the sender goes on
    from there. Whoever has everything stays a while, for its last ACK may be lost.

    :param take: called with each block as it comes; raises OSError or `RefusedError`.
    :param keeps: when all have come it stays in `State.KEEPING`, and does not acknowledge the last
        block, until `kept` or `spoilt` is called.
    :ivar trouble: what ``take`` raised, or `spoilt` told.
    """

    def __init__(
        self,
        take: Callable[[bytes], None],
        agreed: Agreed,
        keeps: bool = False,
        retries: int | None = RETRIES,
    ) -> None:
        super().__init__(Timeout(agreed.timeout), retries)
        self.trouble: OSError | RefusedError | None = None
        self._take = take
        self._keeps = keeps
        self._got = 0  # the last block that came in order, counted on beyond 65535
        self._acked = 0  # the last block that we acknowledged
        self._gap_told = False
        self._go_by(agreed)

    def _go_by(self, agreed: Agreed) -> None:
        self._agreed = agreed
        self._numbers = Numbers(agreed.rollover)

    @property
    def finishing(self) -> bool:
        """Whether everything has come."""
        return self.state in (State.KEEPING, State.DALLYING)

    @property
    def size(self) -> int | None:
        """What the sender says the file's size is; None: it says nothing."""
        return self._agreed.size

    def received(self, packet: Packet, now: float) -> list[Buffer]:
        """Take a packet of the sender's; return what it is answered."""
        if self.over:
            return []
        match packet:
            case Data():
                return self._data(packet, now)
            case Error() if not self.finishing:
                return self._peer_ended(packet)
        return []

    def kept(self, now: float) -> list[Buffer]:
        """Acknowledge the last block: what came is kept."""
        if self.over:
            return []
        datagrams = self._acknowledge(now)
        self.state = State.DALLYING
        self.deadline = now + 2 * min(self._timeout.seconds, CEILING)
        return datagrams

    def spoilt(self, error: OSError | RefusedError) -> list[Buffer]:
        """End it, and say why: what came cannot be kept."""
        self.trouble = error
        if isinstance(error, RefusedError):
            return self.abort(error_code(error.code), str(error))
        return self.abort(Code.DISK_FULL, (error.strerror or "cannot write").lower())

    def train(self, packets: memoryview, segment: int, now: float) -> list[Buffer] | None:
        """Take DATA packets that lie end to end, all but the last ``segment`` bytes long.

        :return: what they are answered; None: not all of them are what comes next, and nothing was
            done: they are to be taken one by one.
        """
        count = -(-len(packets) // segment)
        numbers = self._numbers.bytes_of(self._got + 1, count)
        fits = (
            self.state is State.MOVING
            and segment == self._agreed.blksize + HEADER
            and count <= self._agreed.windowsize - (self._got - self._acked)
            and len(packets) - (count - 1) * segment >= HEADER
            and packets[0::segment] == bytes(count)
            and packets[1::segment] == b"\3" * count
            and (bytes(packets[2::segment]), bytes(packets[3::segment])) == numbers
        )
        if not fits:
            return None
        blocks = [packets[at + HEADER : at + segment] for at in range(0, len(packets), segment)]
        last = len(blocks[-1]) < self._agreed.blksize
        return self._block(b"".join(blocks), now, count, last)

    def _data(self, packet: Data, now: float) -> list[Buffer]:
        ahead = self._numbers.ahead(packet.number, self._got + 1)
        if self.state is State.KEEPING:
            return []
        if ahead or self.state is State.DALLYING:
            return self._out_of_order(packet.number, ahead, now)
        block = packet.block
        if len(block) > self._agreed.blksize:
            return self.abort(Code.ILLEGAL, f"block of {len(block)} bytes")
        return self._block(block, now, 1, len(block) < self._agreed.blksize)

    def _out_of_order(self, number: int, ahead: int, now: float) -> list[Buffer]:
        if 0 < ahead < self._agreed.windowsize and self.state is not State.DALLYING:
            if self._gap_told:
                return []
            self._gap_told = True
            return self._acknowledge(now)
        # The last block again, which we have acknowledged: our ACK was lost. Any other one is a
        # straggler.
        again = self._got and self._got == self._acked
        return [self._ack()] if again and number == self._numbers.of(self._got) else []

    def _block(self, block: bytes, now: float, count: int, last: bool) -> list[Buffer]:
        """Take the block that comes next, or several in one piece."""
        arrived = self.moved + len(block)
        if self.size is not None and (arrived > self.size or (last and arrived < self.size)):
            return self.abort(Code.OTHER, f"{self.size} bytes promised, {arrived} sent")
        try:
            self._take(block)
        except (OSError, RefusedError) as error:
            return self.spoilt(error)
        self._got += count
        self.moved = arrived
        self.state = State.MOVING
        self._gap_told = False
        return self._came(now, last)

    def _came(self, now: float, last: bool) -> list[Buffer]:
        if last and self._keeps:
            self.proven = True
            return self._end(State.KEEPING)
        if last:
            return self.kept(now)
        if self._got - self._acked >= self._agreed.windowsize:
            return self._acknowledge(now)
        self.proven = True
        self._tries = 0
        self.deadline = now + self._timeout.seconds
        return []

    def _acknowledge(self, now: float) -> list[Buffer]:
        self._answered(now)
        return self._sent([self._ack()], now)

    def _ack(self) -> bytes:
        self._acked = self._got
        return render(Ack(self._numbers.of(self._got)))

    def _first(self, now: float) -> list[Buffer]:
        if self._agreed.answer is not None:
            return [render(OptionAck(self._agreed.answer))]
        return [self._ack()]

    def _again(self, now: float) -> list[Buffer]:
        if self.state is State.AGREEING:
            return self._first(now)
        self._gap_told = False
        return [self._ack()]  # from there the sender goes on (RFC 7440, 4)

    def _waiting(self) -> str:
        return "the options" if self._agreed.answer and not self._got else f"ACK {self._got}"

    def _awaited(self) -> str:
        return f"block {self._got + 1}"
