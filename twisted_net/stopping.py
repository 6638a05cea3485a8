"""A stop: what is in flight gets its time; what lasts longer is cut."""

from collections.abc import Sequence
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger

from twisted_net.net.datagram_guards import GuardedDatagrams
from twisted_net.net.guards import GuardedFactory
from twisted_net.net.text import counted

#: Seconds after which whoever stops the server is told what it still waits for.
SILENCE = 0.5

#: Seconds that aborted connections get to report their end before the process goes.
CUT_WITHIN = 1.0


class Stopping:
    """How long a stop waits for what.

    :param grace: seconds that what is in flight gets.
    """

    log = Logger()

    def __init__(self, reactor: Any, grace: float) -> None:
        self._reactor = reactor
        self._grace = grace
        self._forced = False
        self._waiting: Deferred[None] | None = None

    def force(self) -> None:
        """Wait no longer, now or when it comes to that."""
        self._forced = True
        self._go_on()

    async def drain(self, guards: Sequence[GuardedFactory | GuardedDatagrams]) -> None:
        """Let finish what runs behind these guards; cut the connections that do not in time."""
        streams = [each for each in guards if isinstance(each, GuardedFactory)]
        drained = DeferredList([each.drain() for each in guards], consumeErrors=True)
        patience = self._reactor.callLater(SILENCE, self._say_what_is_waited_for, streams)
        await self._within(self._grace, drained)
        if patience.active():
            patience.cancel()
        cut = sum(each.cut() for each in streams)
        if cut:
            self.log.warn("{cut} cut", cut=counted(cut, "connection"))
            self._forced = False  # a third signal will not wait for the ends of what was cut
            await self._within(CUT_WITHIN, drained)

    async def end(self, services: Sequence[IService]) -> None:
        """Stop what the doors stood on; one that does not stop in time is left."""
        ended = [_ended(each, self.log) for each in services]
        await self._within(self._grace, DeferredList(ended, consumeErrors=True))

    def _say_what_is_waited_for(self, streams: Sequence[GuardedFactory]) -> None:
        connections = sum(len(each.connections) for each in streams)
        self.log.info(
            "waiting up to {grace:g} s for {what}; a second signal does not wait",
            grace=self._grace,
            what=counted(connections, "connection") if connections else "running transfers",
        )

    async def _within(self, wait: float, drained: Deferred[Any]) -> None:
        """Return when all is drained, after ``wait`` seconds, or when forced."""
        if self._forced:
            return
        self._waiting = waiting = Deferred[None]()
        timer = self._reactor.callLater(wait, self._go_on)
        drained.addCallback(lambda _: self._go_on())
        await waiting
        if timer.active():
            timer.cancel()

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


def _ended(service: IService, log: Logger) -> Deferred[Any]:
    return maybeDeferred(service.stopService).addErrback(
        lambda failure: log.failure("{name!r} did not stop", failure, name=service)
    )
