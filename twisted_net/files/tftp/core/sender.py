"""The side that sends a file, a window of blocks at a time (RFC 1350, RFC 7440).

In lock-step, a window of one block, only a timeout sends a block again: an ACK that arrives twice
must not send a block twice, or every later block is sent twice as well (the Sorcerer's Apprentice,
RFC 1123, 4.2.3.1). In a wider window a repeated ACK is how a receiver says that the window's first
block was lost, and waiting for the timeout would be slow. So it is answered, but once a window, and
not where it may be the echo of something that we sent twice ourselves.
"""

from collections.abc import Callable

from twisted_net.files.shelf import Source
from twisted_net.files.tftp.codec import Ack, Code, Error, OptionAck, Packet, render
from twisted_net.files.tftp.core.blocks import (
    NOTHING,
    Blocks,
    Buffer,
    ChangedError,
    Layout,
)
from twisted_net.files.tftp.core.numbers import Numbers
from twisted_net.files.tftp.core.options import Agreed
from twisted_net.files.tftp.core.timing import Timeout
from twisted_net.files.tftp.core.transfer import RETRIES, State, Transfer


class Sender(Transfer):
    """Send one file to whoever asked for it.

    :param lay: makes the layout of the blocks; what it lays out is what the methods return.
    """

    _timing = Timeout

    def __init__(
        self,
        source: Source,
        agreed: Agreed,
        retries: int | None = RETRIES,
        lay: Callable[[Source, Agreed], Layout] = Blocks,
    ) -> None:
        super().__init__(self._timing(agreed.timeout), retries)
        self._lay = lay
        self._source = source
        self._acked = 0  # blocks counted on beyond 65535
        self._until = 0  # the last block of the window in the air
        self._go_by(agreed)

    def _go_by(self, agreed: Agreed) -> None:
        self._agreed = agreed
        self._layout = self._lay(self._source, agreed)
        self._numbers = Numbers(agreed.rollover)
        self._last: int | None = None  # not known before the source has told where it ends
        self._learn_the_end()
        self._resent = False  # the window in the air was sent more than once
        self._told = False  # a repeated ACK was answered by sending it again
        self._echoes = 0  # repeated ACKs that are owed to blocks that were sent twice
        self._expected = -1  # the ACK of the whole window in the air, after which …
        self._next_until = 0  # … those up to this block go out, …
        self._ready = NOTHING  # … which are in here

    @property
    def finishing(self) -> bool:
        """Whether the last block is in the air."""
        return self._until == self._last

    def received(self, packet: Packet, now: float) -> list[Buffer]:
        """Return what a packet of the peer's lets us send."""
        if self.over:
            return []
        match packet:
            case Ack(number):
                return self.acked(number, now)
            case Error():
                return self._peer_ended(packet)
        return []

    def acked(self, number: int, now: float) -> list[Buffer]:
        """Return what an ACK lets us send.

        One of a block inside the window moves it to there (RFC 7440, 4); one of a block that was
        acknowledged long ago, or not sent yet, is ignored.
        """
        if number == self._expected:
            return self._go_on(now)
        ahead = self._numbers.ahead(number, self._acked)
        if self.over or ahead > self._until - self._acked:
            return []
        if not ahead and self.state is State.MOVING:
            return self._repeated_ack(now)
        self._answered(now)
        if not self._resent:
            self._echoes = 0  # what came late of earlier windows has come by now
        self._acked += ahead
        self.moved = self._acked * self._agreed.blksize
        if self._acked == self._last:
            self.moved = self._layout.size or 0
            return self._end(State.DONE)
        self._told = self._resent = False
        return self._sent(self._window(), now)

    def _go_on(self, now: float) -> list[Buffer]:
        """Send the next window, which has been laid out, as the last one arrived whole and at once.

        This is what `acked` does, in fewer steps.
        """
        self._timeout.measured(now - self._sent_at)
        self._echoes = 0
        self._acked = self._until
        self.moved = self._acked * self._agreed.blksize
        self._until = self._next_until
        self._expected = -1
        self._sent_at = now
        self.deadline = now + self._timeout.seconds
        return [self._ready.train(self._acked + 1, self._until)]

    def read_ahead(self) -> None:
        """Prepare the next window while the peer is busy with this one.

        If nothing has gone wrong with this one, it can leave as soon as the ACK comes.
        """
        until = self._until
        if self.deadline is None or until == self._last:  # no deadline: it is over
            return
        after = until + self._agreed.windowsize
        if after > self._ready.until:
            self._ready = self._layout.read_ahead(until + 1)
        ready = after <= self._ready.until
        if ready and self._acked and not self._resent and not self._tries:
            self._next_until = after
            self._expected = self._numbers.of(until)

    def unsent(self) -> list[Buffer]:
        """Return what the last ACK let us send once more: it did not leave."""
        return self._window()

    def _learn_the_end(self) -> None:
        """Take note of the last block's number, once the source has told where it ends."""
        if self._last is None and self._layout.size is not None:
            self._last = self._layout.size // self._agreed.blksize + 1

    def _first(self, now: float) -> list[Buffer]:
        if self._agreed.answer is not None:
            return [render(OptionAck(self._agreed.answer))]
        return self._window()

    def _again(self, now: float) -> list[Buffer]:
        if self.state is State.AGREEING:
            return self._first(now)
        return self._window_again()

    def _repeated_ack(self, now: float) -> list[Buffer]:
        too_soon = now - self._sent_at < self._timeout.fastest / 2
        if self._agreed.windowsize == 1 or self._told or too_soon:
            return []
        if self._echoes:
            self._echoes -= 1
            return []
        self._told = True
        self.repeats += 1
        self.repeated_last = self._waiting()
        self.deadline = now + self._timeout.seconds
        return self._window_again()

    def _window_again(self) -> list[Buffer]:
        self._resent = True
        self._echoes += 1
        return self._window()

    def _window(self) -> list[Buffer]:
        """Return the blocks behind the last one acknowledged, as many as may be in the air."""
        self.state = State.MOVING
        self._expected = -1
        self._ready = NOTHING  # what is laid out may take its memory
        until = self._acked + self._agreed.windowsize
        if self._last is not None:
            until = min(until, self._last)
        try:
            laid_out = self._layout.lay_out(self._acked + 1, until)
        except OSError as error:
            return self.abort(Code.OTHER, f"cannot read: {(error.strerror or '').lower()}")
        except ChangedError:
            return self.abort(Code.OTHER, "file changed while sending")
        if self._last is None:
            self._learn_the_end()
            until = min(until, self._last or until)
        self._until = until
        return laid_out

    def _end(self, state: State) -> list[Buffer]:
        self._expected = -1
        return super()._end(state)

    def _answered(self, now: float) -> None:
        self.proven = True
        if not self._tries and not self._resent:
            self._timeout.measured(now - self._sent_at)

    def _waiting(self) -> str:
        if self.state is State.AGREEING:
            return "the options"
        if self._until == self._acked + 1:
            return f"block {self._until}"
        return f"blocks {self._acked + 1}-{self._until}"

    def _awaited(self) -> str:
        return f"ACK of {self._waiting()}"
