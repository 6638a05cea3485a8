"""The side that asks: to be sent a file, or to send one."""

from collections.abc import Callable

from twisted_net.files.shelf import Source
from twisted_net.files.tftp.codec import (
    LARGEST_BLKSIZE,
    SMALLEST_BLKSIZE,
    Ack,
    Code,
    Data,
    Error,
    OptionAck,
    Packet,
    Request,
    render,
    whole,
)
from twisted_net.files.tftp.core.blocks import Blocks, Buffer, Layout
from twisted_net.files.tftp.core.options import WIDEST, Agreed
from twisted_net.files.tftp.core.receiver import Receiver
from twisted_net.files.tftp.core.sender import Sender
from twisted_net.files.tftp.core.timing import CEILING
from twisted_net.files.tftp.core.transfer import State, Transfer


def accepted(asked: dict[str, str], answer: dict[str, str], size: int | None = None) -> Agreed:
    """Return what a server's OACK agrees to.

    :param size: the file's, where it is we who send it.
    :raises ValueError: it is not what was asked, nor less; the message names the option.
    """
    value: dict[str, int] = {}
    for name, text in answer.items():
        lowest, highest = _acceptable(name, asked.get(name, ""))
        number = whole(text, lowest, highest)
        if number is None:
            raise ValueError(f"option {name[:32]}={text[:32]} not acceptable")
        value[name] = number
    plain = Agreed(timeout=whole(asked.get("timeout", ""), 1, 255))
    return Agreed(
        value.get("blksize", plain.blksize),
        value.get("windowsize", plain.windowsize),
        plain.timeout,
        value.get("rollover", plain.rollover),
        value.get("tsize") if size is None else size,
    )


def _acceptable(name: str, asked: str) -> tuple[int, int]:
    """Return what a server may answer to an option: what was asked, or what it may lower it to."""
    number = whole(asked, 0, 1 << 62)
    if number is None:
        return 1, 0  # a server may only answer what was asked
    match name:
        case "blksize":
            return SMALLEST_BLKSIZE, min(number, LARGEST_BLKSIZE)
        case "windowsize":
            return 1, min(number, WIDEST)
        case "tsize" if not number:
            return 0, 1 << 62
    return number, number


class Asking(Transfer):
    """What both have that ask.

    They wait as long as they have patience, however often they asked.

    :ivar refused: the ERROR that the server ended it with.
    :ivar deserted: the server fell silent.
    """

    def _ask(self, request: Request, patience: float) -> None:
        self.refused: Error | None = None
        self.deserted = False
        self.proven = True  # it is we who could be a forgery
        self._request = request
        self._patience = patience
        self._give_up_at = 0.0

    def start(self, now: float) -> list[Buffer]:
        """Return the request."""
        self._give_up_at = now + self._patience
        return self._capped(self._sent([render(self._request)], now))

    def wake(self, now: float) -> list[Buffer]:
        """Return what waits for an answer again, or nothing once our patience is at its end."""
        if self.deadline is None or now < self.deadline or self.state is State.DALLYING:
            return super().wake(now)
        if now >= self._give_up_at:
            self.deserted = True
            return self._failed(f"no answer in {self._patience:g} s")
        return self._capped(super().wake(now))

    def _cap(self) -> None:
        if self.deadline is not None:
            self.deadline = min(self.deadline, self._give_up_at)

    def _heard(self, now: float) -> None:
        self._give_up_at = now + self._patience

    def _peer_ended(self, packet: Error) -> list[Buffer]:
        self.refused = packet
        return self._failed(packet.text)


class Getter(Asking, Receiver):
    """Ask for a file, and take it.

    :param take: called with each block as it comes, before it is acknowledged; may raise OSError.
    :param patience: seconds without an answer after which the server is given up.
    """

    def __init__(
        self, request: Request, take: Callable[[bytes], None], patience: float = CEILING
    ) -> None:
        super().__init__(take, accepted(request.options, {}), retries=None)
        self._ask(request, patience)

    def received(self, packet: Packet, now: float) -> list[Buffer]:
        """Take a packet of the server's; return what it is owed."""
        if isinstance(packet, OptionAck) and not self.over:
            return self._options(packet, now)
        return self._capped(super().received(packet, now))

    def _options(self, packet: OptionAck, now: float) -> list[Buffer]:
        if self.state is State.MOVING and not self._got:
            return [self._ack()]  # our ACK 0 was lost
        if self.state is not State.AGREEING:
            return []  # a straggler
        try:
            self._go_by(accepted(self._request.options, packet.options))
        except ValueError as error:
            return self.abort(Code.OPTION, str(error))
        self.state = State.MOVING
        self._heard(now)
        return self._capped(self._acknowledge(now))

    def _block(self, block: bytes, now: float, count: int, last: bool) -> list[Buffer]:
        self._heard(now)
        return self._capped(super()._block(block, now, count, last))

    def _again(self, now: float) -> list[Buffer]:
        return [render(self._request)] if self.state is State.AGREEING else super()._again(now)


class Putter(Asking, Sender):
    """Ask to send a file, and send it.

    :param patience: seconds without an answer after which the server is given up.
    """

    def __init__(
        self,
        request: Request,
        source: Source,
        patience: float = CEILING,
        lay: Callable[[Source, Agreed], Layout] = Blocks,
    ) -> None:
        super().__init__(source, accepted(request.options, {}), None, lay)
        self._ask(request, patience)

    def received(self, packet: Packet, now: float) -> list[Buffer]:
        """Return what a packet of the server's lets us send."""
        if isinstance(packet, Data):
            return []
        if isinstance(packet, OptionAck):
            return self._options(packet, now)
        return self._capped(super().received(packet, now))

    def acked(self, number: int, now: float) -> list[Buffer]:
        """Return what an ACK lets us send; 0 stands for the answer to our request."""
        if self._numbers.ahead(number, self._acked) <= self._until - self._acked:
            self._heard(now)
        return self._capped(super().acked(number, now))

    def _options(self, packet: OptionAck, now: float) -> list[Buffer]:
        if self.state is not State.AGREEING:
            return []  # a straggler
        try:
            self._go_by(accepted(self._request.options, packet.options))
        except ValueError as error:
            return self.abort(Code.OPTION, str(error))
        return self._capped(self.received(Ack(0), now))

    def _again(self, now: float) -> list[Buffer]:
        return [render(self._request)] if self.state is State.AGREEING else super()._again(now)
