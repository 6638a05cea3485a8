"""What a datagram session has missed: how much was said while it was away, from history."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_net.chat.codec import actions_said
from twisted_net.chat.codec.messages import Event
from twisted_net.chat.core.datagram import Session
from twisted_net.chat.store.base import PAGE, SPOKEN, History, Span, of_room


class Missed:
    """Tells a session that has come back how many messages it has missed.

    :param history: None: nothing is kept, and nobody knows.
    :param soon: called when there is something to send.
    :ivar told_up_to: the newest id that was counted.
    """

    log = Logger()

    def __init__(self, history: History | None, session: Session, soon: Callable[[], None]) -> None:
        self.told_up_to = 0
        self._history = history
        self._session = session
        self._soon = soon

    def tell(self, rooms: Iterable[str], since: int) -> None:
        """Tell what was said in rooms since an id, as soon as that has been looked up."""
        for room in rooms:
            if self._history is None:
                self._tell_missed(room, 0, 0, more=True)
                continue
            spans = [Span(1, before=since + 1), Span(PAGE, since, newest=False)]
            found: Deferred[list[Event]] = self._history.read(of_room(room), spans, everything=True)
            found.addCallback(partial(self._counted, room, since))
            found.addErrback(self._not_counted, room)

    def _counted(self, room: str, since: int, events: list[Event]) -> None:
        """Tell how many there were; more, if history does not reach back, or is not read whole."""
        missed = [
            each
            for each in events
            if each.id > since and each.kind in SPOKEN and each.sender != self._session.name
        ]
        known = bool(events) and events[0].id <= since and len(events) <= PAGE
        self.told_up_to = max([self.told_up_to, *(each.id for each in events)])
        if missed or not known:
            self._tell_missed(room, len(missed), missed[-1].id if missed else 0, more=not known)

    def _not_counted(self, failure: Any, room: str) -> None:
        self.log.failure("chat-udp: history cannot be read", failure)
        self._tell_missed(room, 0, 0, more=True)

    def _tell_missed(self, room: str, count: int, last: int, *, more: bool) -> None:
        self._session.send(actions_said.missed(count, last, room, more=more))
        self._soon()
