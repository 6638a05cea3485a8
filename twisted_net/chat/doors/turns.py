"""Turns of the reactor: what is done once right after each, and said to many together."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall

from twisted_net.chat.doors.speech import Speech

#: Outlets flushed in one turn of the reactor, and listeners told something together; more of them
#: would hold up every other door.
FLUSHES_A_TURN = 1000

#: Bytes that are gathered for listeners together; from then on each has them in its own queue,
#: which knows how much may wait there.
LONGEST = 32768


class Listener(Protocol):
    """Who can be told something together with others.

    :ivar size: bytes that it is to hear before anything else.
    :ivar paused: whether it hears nothing for now.
    """

    size: int
    paused: bool

    @property
    def write(self) -> Callable[[bytes], None]:
        """Lets it hear something at once."""

    def queue(self, message: bytes) -> None:
        """Take something to be heard after what waits; or nothing."""


class Turns:
    """Call things once, right after this turn of the reactor: one timer for all of them.

    :param most: things that are called in one turn; 0: as many as outlets are flushed.
    :ivar changes: how many outlets have changed their ways of writing.
    :ivar speech: what listeners are to be told together after this turn; None: nothing.
    """

    def __init__(self, reactor: Any, most: int = 0) -> None:
        self.changes = 0
        self.speech: Speech[Listener] | None = None
        self._reactor = reactor
        self._most = most
        self._waiting: list[Callable[[], None]] = []
        self._telling: Iterator[Listener] | None = None
        self._call: IDelayedCall | None = None

    def soon(self, flush: Callable[[], None]) -> None:
        """Call ``flush`` after this turn."""
        self._waiting.append(flush)
        self._schedule()

    def stop(self) -> None:
        """Call nothing any more."""
        self._waiting = []
        self.speech = self._telling = None
        if self._call is not None:
            self._call.cancel()
            self._call = None

    # Many at once.

    def tell(self, listeners: dict[Listener, None], line: bytes, but: Listener | None) -> None:
        """Let listeners hear something after this turn, each after all that it was to hear before.

        :param listeners: who share this object; the same one again and again costs least.
        :param but: one of them who does not hear this; None: all do.
        """
        speech = self.speech
        going = speech is not None and speech.listeners is listeners and self._telling is None
        if speech is None or not going or speech.size > LONGEST:
            speech = self._begin(listeners)
        if but is None:
            speech.say(line)
        else:
            but.queue(speech.owed(but))
            speech.say(line)
            speech.begin_here(but)

    def enter(self, listeners: dict[Listener, None], outlet: Listener) -> None:
        """Add one to listeners; it hears what they are told from here on."""
        if self._telling is not None:
            self.spill()
        if self.speech is not None and self.speech.listeners is listeners:
            self.speech.begin_here(outlet)
        listeners[outlet] = None

    def leave(self, listeners: dict[Listener, None], outlet: Listener) -> None:
        """Take one from listeners; it hears what they were told until here."""
        outlet.queue(self.owed(outlet))
        del listeners[outlet]

    def owed(self, outlet: Listener) -> bytes:
        """Return what an outlet is to hear together with others; it hears that by itself then."""
        if self._telling is not None:
            self.spill()
        return b"" if self.speech is None else self.speech.owed(outlet)

    def spill(self) -> None:
        """Let each listener have in its own queue what all of them are to hear."""
        speech, telling = self.speech, self._telling
        self.speech = self._telling = None
        if speech is not None:
            for outlet in telling or speech.listeners:
                outlet.queue(speech.owed(outlet))

    def _begin(self, listeners: dict[Listener, None]) -> Speech[Listener]:
        self.spill()
        self.speech = Speech(listeners)
        self._schedule()
        return self.speech

    def _tell(self, speech: Speech[Listener]) -> None:
        """Tell the listeners; of very many only the first, the others have it in their queues."""
        text, apart = speech.text, speech.apart
        self._telling = iter(speech.listeners)
        for outlet in islice(self._telling, FLUSHES_A_TURN):
            if outlet.size or outlet.paused or outlet in apart:
                outlet.queue(speech.owed(outlet))
            else:
                outlet.write(text)
        if self.speech is speech:  # or the last one told has said something
            self.spill()

    # Turns.

    def _schedule(self) -> None:
        if self._call is None:
            self._call = self._reactor.callLater(0, self._turn)

    def _turn(self) -> None:
        if self.speech is not None:
            self._tell(self.speech)
        most = self._most or FLUSHES_A_TURN
        flushes, self._waiting = self._waiting[:most], self._waiting[most:]
        more = bool(self._waiting)
        self._call = self._reactor.callLater(0, self._turn) if more else None
        for flush in flushes:
            flush()
