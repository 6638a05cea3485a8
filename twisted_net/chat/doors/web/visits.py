"""Who is in the chat by a browser: one visit for each cookie."""

import base64
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.requests import Command
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.doors.turns import Turns
from twisted_net.chat.doors.web.stream import STREAMS, EventStream, WebOutlet
from twisted_net.chat.seat import Answered, Seat
from twisted_net.net.drops import Drops
from twisted_net.net.limits import TokenBucket

#: Seconds after which a browser that neither listens nor says anything has left.
AWAY = 30.0

#: Visits at one time, and of one address.
VISITS, EACH = 1024, 64

#: Requests a second, and after a pause at once.
RATE, BURST = 20.0, 100.0

_TOKEN = 24


class Visit:
    """One browser in the chat.

    :ivar token: what its cookie says.
    :ivar host: where it came from.
    """

    def __init__(
        self, token: str, host: str, outlet: WebOutlet, seat: "Seat[Outlet]", now: float
    ) -> None:
        self.token = token
        self.host = host
        self.outlet = outlet
        self.seat = seat
        self.bucket = TokenBucket(RATE, BURST, now)
        self.timer: IDelayedCall | None = None


class Visits:
    """All browsers in the chat.

    :param seat: makes a seat for an outlet and an address.
    :param limit: bytes that may wait for one of them.
    """

    def __init__(
        self,
        reactor: Any,
        dice: Random,
        seat: Callable[[WebOutlet, Any], "Seat[Outlet]"],
        limit: int,
        drops: Drops,
    ) -> None:
        self._reactor = reactor
        self._dice = dice
        self._seat = seat
        self._limit = limit
        self._drops = drops
        self._turns = Turns(reactor)
        self._visits: dict[str, Visit] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._visits)

    def find(self, token: str) -> Visit:
        """Return the visit of a cookie.

        :raises Refusal: it has none, or it is over.
        """
        visit = self._visits.get(token)
        if visit is None or visit.seat.over:
            raise Refusal(Code.NAMELESS, "choose a name first", Why.NAMELESS)
        return visit

    def begin(self, transport: Any, host: str) -> Visit:
        """Begin a visit of somebody who has no name yet.

        :raises Refusal: there are too many.
        """
        same = sum(1 for each in self._visits.values() if each.host == host)
        if len(self._visits) >= VISITS or same >= EACH:
            self._drops.drop("too_many_visits", host)
            raise Refusal(Code.UNAVAILABLE, "too many browsers", Why.UNREACHABLE)
        token = base64.urlsafe_b64encode(self._dice.randbytes(_TOKEN)).decode()
        outlet = WebOutlet(self._turns, self._limit)
        seat = self._seat(outlet, transport)
        visit = Visit(token, host, outlet, seat, self._reactor.seconds())
        self._visits[token] = visit
        outlet.expelled = partial(self.end, visit)
        self.touch(visit)
        return visit

    def obey(self, visit: Visit, command: Command, answered: Answered) -> None:
        """Do what somebody asks for.

        :raises Refusal: they ask too fast.
        """
        now = self._reactor.seconds()
        if not visit.bucket.take(now):
            raise Refusal(Code.SLOW, "too fast: wait 1 s", Why.SLOW)
        self.touch(visit)
        visit.seat.obey(command, now, answered)

    def listen(self, visit: Visit, request: Any, last: str) -> None:
        """Let a browser hear.

        :param last: the id of the last event that it heard.
        :raises Refusal: it listens too often already.
        """
        if len(visit.outlet.streams) >= STREAMS:
            raise Refusal(Code.UNAVAILABLE, "open in too many tabs", Why.UNREACHABLE)

        def closed(stream: EventStream, slow: bool) -> None:
            if slow:
                self._drops.drop("send_queue_full", visit.host)
            self.touch(visit)

        EventStream(request, visit.outlet, self._reactor, last, closed)
        self.touch(visit)

    def end(self, visit: Visit, why: str) -> None:
        """Let somebody leave."""
        if self._visits.pop(visit.token, None) is None:
            return
        if visit.timer is not None and visit.timer.active():
            visit.timer.cancel()
        visit.seat.leave(why, self._reactor.seconds())
        visit.outlet.close()

    def touch(self, visit: Visit) -> None:
        """Wait for a sign of life from now on, unless it listens."""
        if visit.timer is not None and visit.timer.active():
            visit.timer.cancel()
        visit.timer = None
        if visit.token in self._visits and not visit.outlet.streams:
            visit.timer = self._reactor.callLater(AWAY, self.end, visit, "browser gone")
