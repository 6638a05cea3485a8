"""What the chat's stream doors have in common: how they read, and how they end.

What one member says is read as fast as that member may speak, while it reads what it should hear,
and while no answer is waited for. Nothing of it is lost meanwhile, and nobody else waits.
"""

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure

from twisted_net.chat.doors.outlet import Profile, StreamOutlet
from twisted_net.chat.doors.tuning import tune
from twisted_net.chat.doors.turns import Turns
from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.limits import TokenBucket
from twisted_net.net.transports import Stream

#: Commands a second: more than a person types, less than a flood. And for how many seconds they may
#: come at once, after a pause.
RATE = 20.0
BURST_SECONDS = 5
_UNLIMITED = 1e12

#: Seconds from the connection to the first name, however busy the peer is meanwhile.
NAME_WITHIN = 60.0

#: Seconds that a peer has to read our last words before it is cut.
GOODBYE = 5.0

#: Shortest wait for the bucket, in seconds: no rounding may make a busy loop of it.
_LEAST_WAIT = 0.01


class Said:
    """Something that a peer said, and what it costs of the tokens that it has."""

    def __init__(self, what: Any, cost: float) -> None:
        self.what = what
        self.cost = cost


class ChatStreamFactory(Factory):
    """What all connections of one door share.

    :param name: of the door, as drops are logged.
    :ivar turns: when outlets are flushed.
    :ivar slices: when pieces of long answers are told, all peers' one by one.
    :ivar queue: bytes that may wait for one peer.
    :ivar rate: commands a second of one peer, after a burst of five seconds' worth; 0: as many as
        come.
    """

    noisy = False

    def __init__(
        self, name: str, reactor: Any, queue: int, counters: DoorCounters | None, rate: float
    ) -> None:
        self.reactor = reactor
        self.queue = queue
        self.rate = rate
        self.drops = Drops(name, counters or DoorCounters(), reactor.seconds)
        self.turns = Turns(reactor)
        self.slices = Turns(reactor, 1)


class ChatStream(Stream):
    """One connection to the chat."""

    def __init__(self, factory: "ChatStreamFactory") -> None:
        self._turns = factory.turns
        self._slices = factory.slices
        self._reactor = factory.reactor
        self._queue = factory.queue
        self._drops = factory.drops
        rate = factory.rate or _UNLIMITED
        self._bucket = TokenBucket(rate, rate * BURST_SECONDS, factory.reactor.seconds())
        self._said: Said | None = None
        self._held_back: list[Callable[[], None]] = []
        self._reading = False
        self._ended = False
        self._held: IDelayedCall | None = None
        self._name_due: IDelayedCall | None = None
        self._cut: IDelayedCall | None = None

    def begin(self, profile: Profile) -> None:
        """Let the outlet write in this way, and the peer have a moment to say who it is."""
        self.outlet = StreamOutlet(
            self.transport,
            self._turns,
            profile,
            self._queue,
            self._overflowed,
            self._drained,
            self._expelled,
        )
        Stream.connectionMade(self)
        tune(self.transport)
        self._name_due = self._reactor.callLater(NAME_WITHIN, self._nameless)

    # What each door does in its own way.

    @abstractmethod
    def took(self, data: bytes) -> None:
        """Take bytes of the peer's; `next` has to cut them."""

    @abstractmethod
    def next(self) -> Said | None:
        """Return what it said next; None: nothing is complete."""

    @abstractmethod
    def obey(self, what: Any) -> None:
        """Do what it said."""

    @abstractmethod
    def waits(self) -> bool:
        """Say whether an answer is waited for."""

    @abstractmethod
    def leave(self, why: str) -> None:
        """Leave the chat; a second call changes nothing."""

    @abstractmethod
    def finish(self) -> None:
        """Obey what is left, for the peer will say nothing more."""

    @abstractmethod
    def late(self) -> bytes:
        """Return the last words to somebody who has chosen no name."""

    @abstractmethod
    def full(self) -> bytes:
        """Return the last words to somebody who does not read."""

    @abstractmethod
    def lost(self, why: str) -> bytes:
        """Return the last words to somebody who is in the chat no more, and did nothing for it."""

    # Reading.

    def producer(self) -> IPushProducer:
        """Return the outlet: while the peer does not read, what it should hear waits there."""
        return self.outlet

    def dataReceived(self, data: bytes) -> None:
        """Read what is complete, as fast as this member may speak."""
        self.took(data)
        self.read_on()
        if not self._may_read() and not self._closing:
            self.transport.pauseProducing()  # it says more than may be read now

    def readConnectionLost(self) -> None:
        """Obey what was asked before the peer closed its half, then close ours."""
        self._ended = True
        self.read_on()

    def read_on(self) -> None:
        """Obey what has been said, as far as that may be done now."""
        self._reading = True
        try:
            while not self._closing and self._may_read():
                said, self._said = self._said or self.next(), None
                if said is None:
                    if self._ended:
                        self._finish()
                    return
                if not self._may_say(said):
                    return
                self.obey(said.what)
        finally:
            self._reading = False

    def go_on(self) -> None:
        """Read again, after an answer that was waited for."""
        if not self._reading:
            self._drained()

    def _may_read(self) -> bool:
        return self._held is None and not self.outlet.paused and not self.waits()

    def _may_say(self, said: Said) -> bool:
        """Take from the bucket what it costs; hold it until that is there."""
        now = self._reactor.seconds()
        if self._bucket.take(now, said.cost):
            return True
        self._said = said
        self.transport.pauseProducing()
        wait = max(self._bucket.wait(now, said.cost), _LEAST_WAIT)
        self._held = self._reactor.callLater(wait, self._released)
        return False

    def _released(self) -> None:
        self._held = None
        self._drained()

    def in_turn(self, piece: Callable[[], None]) -> None:
        """Do a piece of a long answer in a turn of its own, once the peer reads."""
        self._slices.soon(partial(self._do, piece))

    def _do(self, piece: Callable[[], None]) -> None:
        if self.outlet.paused:
            self._held_back.append(piece)
        elif not self._closing:
            piece()

    def _drained(self) -> None:
        held, self._held_back = self._held_back, []
        for piece in held:
            self.in_turn(piece)
        if self._closing or not self._may_read():
            return
        if not self._ended:
            self.transport.resumeProducing()
        self.read_on()

    def _finish(self) -> None:
        if not self._closing:
            self.finish()
        if not self.waits() and not self._closing:
            self.leave("hung up")
            self.hang_up()

    # Ends.

    def _expelled(self, why: str) -> None:
        self.hang_up(self.lost(why))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Leave the chat, and no timer behind."""
        super().connectionLost(reason)
        self._closing = True  # an answer that comes now has nowhere to go
        self.outlet.take()
        self.stop_timers()
        if self._cut is not None and self._cut.active():
            self._cut.cancel()
        self.leave("connection lost")

    def hang_up(self, last_words: bytes = b"") -> None:
        """Send what is owed, then close; who does not read it is cut after a moment."""
        if not self._closing:
            super().hang_up(self._last(last_words))

    def linger(self, reactor: Any, last_words: bytes) -> None:
        """Hang up on a peer that may still be sending, so that it hears why."""
        if not self._closing:
            super().linger(reactor, self._last(last_words))

    def named(self) -> None:
        """Wait for a name no more."""
        if self._name_due is not None:
            self._name_due.cancel()
            self._name_due = None

    def stop_timers(self) -> None:
        """Leave no timer behind but the one that cuts."""
        for timer in (self._held, self._name_due):
            if timer is not None and timer.active():
                timer.cancel()
        self._held = self._name_due = None

    def _nameless(self) -> None:
        self._drops.drop("no_name", self.transport.getPeer())
        self.leave("no name")
        self.hang_up(self.late())

    def _overflowed(self) -> None:
        if self._closing:
            return
        self._drops.drop("send_queue_full", self.transport.getPeer())
        self.leave("send queue full")
        self.hang_up(self.full())

    def _last(self, words: bytes) -> bytes:
        self.stop_timers()
        self._cut = self._reactor.callLater(GOODBYE, self.transport.abortConnection)
        return self.outlet.take() + words
