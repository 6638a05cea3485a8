"""The bus of one process: a counter."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from twisted.internet.defer import Deferred, succeed

from twisted_net.chat.codec.events import Event
from twisted_net.chat.core.ident import Ids


class LocalBus:
    """Number events, and hand them on at once: before `publish` returns.

    :param clock: returns the time, in seconds since 1970.
    :param last: an id that all others are to be greater than: the last one that is remembered.
    """

    def __init__(self, clock: Callable[[], float], last: int = 0) -> None:
        self._clock = clock
        self._ids = Ids(last)
        self._heard: list[Callable[[Event], None]] = []
        self._waiting: deque[Event] = deque()
        self._busy = False

    def publish(self, draft: Event) -> Deferred[int]:
        """Give a draft an id.

        While an event is being heard, others wait: whoever hears must have heard the one before.
        """
        event = replace(draft, id=self._ids.next(self._clock()))
        self._waiting.append(event)
        if not self._busy:
            self._busy = True
            try:
                while self._waiting:
                    first = self._waiting.popleft()
                    for heard in self._heard:
                        heard(first)
            finally:
                self._busy = False
        return succeed(event.id)

    def tail(self, heard: Callable[[Event], None]) -> None:
        """Call ``heard`` with every event from now on."""
        self._heard.append(heard)
