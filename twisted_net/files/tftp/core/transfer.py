"""What both sides of a transfer have: a packet that waits for an answer, and patience."""

from enum import Enum, auto

from twisted_net.files.tftp.codec import Error, Packet, render
from twisted_net.files.tftp.core.blocks import Buffer
from twisted_net.files.tftp.core.timing import Timeout

#: Times a packet is sent again before its receiver is given up. Boards on slow flash need several
#: tries; every further one holds a dead transfer open longer.
RETRIES = 5

#: What an address that has acknowledged nothing is sent for one request: so many packets, and it is
#: waited for at most so many seconds, whatever timeout was agreed on. The request may be forged;
#: each packet is then traffic for somebody who never asked, and the transfer's place is taken.
UNPROVEN_PACKETS = 2
UNPROVEN_SECONDS = 30.0


class State(Enum):
    """Where a transfer stands."""

    AGREEING = auto()  # options or the request itself wait for an answer
    MOVING = auto()
    KEEPING = auto()  # a receiver whose disk is still at work
    DALLYING = auto()  # a receiver that has everything, in case its last ACK was lost
    DONE = auto()
    FAILED = auto()


_OVER = (State.DONE, State.FAILED)


class Transfer:
    """One side of a transfer, told what comes and what time it is; answers what is to be sent.

    :ivar deadline: when to call `wake`, in seconds on the caller's clock; None: never.
    :ivar rings_at: when `wake` will be called at the latest, a note of who drives it.
    :ivar why: once it is `State.FAILED`, why.
    :ivar moved: bytes of the file that have arrived on the other side, or here.
    :ivar repeats: times that something was sent again; ``repeated_last`` says what, the last time.
    :ivar declined: the peer ended it before the first block: it only wanted to know the options.
    :ivar proven: the peer has answered something, so it is where it says it is.
    """

    def __init__(self, timeout: Timeout, retries: int | None) -> None:
        self.state = State.AGREEING
        self.deadline: float | None = None
        self.rings_at = 0.0
        self.why = ""
        self.moved = 0
        self.repeats = 0
        self.repeated_last = ""
        self.declined = False
        self.proven = False
        self._timeout = timeout
        self._retries = retries
        self._tries = 0
        self._sent_at = 0.0
        self._prove_until = 0.0

    @property
    def over(self) -> bool:
        """Whether nothing more will be sent."""
        return self.state in _OVER

    @property
    def finishing(self) -> bool:
        """Whether nothing but the last answer is missing."""
        raise NotImplementedError

    def start(self, now: float) -> list[Buffer]:
        """Return the first packet."""
        self._prove_until = now + UNPROVEN_SECONDS
        return self._capped(self._sent(self._first(now), now))

    def received(self, packet: Packet, now: float) -> list[Buffer]:
        """Take a packet of the peer's; return what it is answered."""
        raise NotImplementedError

    def repeated(self, now: float) -> list[Buffer]:
        """Answer the same request again: our first answer may have been lost.

        Only before the peer has answered anything; later it is a straggler.
        """
        return [] if self.proven or self.over else self._again(now)

    def wake(self, now: float) -> list[Buffer]:
        """Return what waits for an answer again, or nothing once the retries are spent.

        To an address that has not answered anything it is repeated once only; for the rest of its
        time the transfer waits in silence for the peer to ask again.
        """
        if self.deadline is None or now < self.deadline:
            return []
        if self.state is State.DALLYING:
            return self._end(State.DONE)
        self._tries += 1
        if self._retries is not None and self._tries > self._retries:
            return self._failed(f"no {self._awaited()} after {self._retries} retransmissions")
        if not self.proven and now >= self._prove_until:
            return self._failed(f"no {self._awaited()}")
        self._timeout.expired()
        self.deadline = now + self._timeout.seconds
        self._cap()
        if not self.proven and self._tries >= UNPROVEN_PACKETS:
            return []
        self.repeats += 1
        self.repeated_last = self._waiting()
        return self._again(now)

    def abort(self, code: int, why: str) -> list[Buffer]:
        """End the transfer from this side, and tell the other why."""
        if self.over:
            return []
        self._failed(why)
        return [render(Error(code, why))]

    def leave(self, why: str) -> None:
        """End the transfer from this side without a word."""
        if not self.over:
            self._failed(why)

    def _first(self, now: float) -> list[Buffer]:
        """Return the first packet."""
        raise NotImplementedError

    def _again(self, now: float) -> list[Buffer]:
        """Return what waits for an answer once more."""
        raise NotImplementedError

    def _waiting(self) -> str:
        """Name what waits for an answer."""
        raise NotImplementedError

    def _awaited(self) -> str:
        """Name the answer."""
        raise NotImplementedError

    def _sent(self, datagrams: list[Buffer], now: float) -> list[Buffer]:
        """Begin to wait for the answer to something new."""
        if not self.over:
            self._tries = 0
            self._sent_at = now
            self.deadline = now + self._timeout.seconds
        return datagrams

    def _answered(self, now: float) -> None:
        self.proven = True
        if not self._tries:
            self._timeout.measured(now - self._sent_at)

    def _capped(self, datagrams: list[Buffer]) -> list[Buffer]:
        self._cap()
        return datagrams

    def _cap(self) -> None:
        if not self.proven and self.deadline is not None:
            self.deadline = min(self.deadline, self._prove_until)

    def _peer_ended(self, packet: Error) -> list[Buffer]:
        self.declined = self.state is State.AGREEING
        return self._failed(f"the peer says: error {packet.code} {packet.text!r}")

    def _failed(self, why: str) -> list[Buffer]:
        self.why = why
        return self._end(State.FAILED)

    def _end(self, state: State) -> list[Buffer]:
        self.state = state
        self.deadline = None
        return []
