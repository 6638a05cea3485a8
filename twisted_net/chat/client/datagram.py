"""The chat's client over datagrams."""

from collections.abc import Callable
from random import Random, SystemRandom
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IDelayedCall

from twisted_net.chat.client.base import ChatClient, RefusedError, Request
from twisted_net.chat.codec import actions
from twisted_net.chat.codec.line import verb_of
from twisted_net.chat.codec.messages import (
    Announced,
    Command,
    Done,
    Event,
    Heard,
    Missed,
    Refused,
    Use,
)
from twisted_net.chat.core.datagram import Session
from twisted_net.chat.core.states import Came, Ended, Happening, Opened, State
from twisted_net.net.clients import PATIENCE, DatagramClient, Target, open_datagrams
from twisted_net.net.errors import BadAnswerError, ClientError, NoAnswerError


class ChatDatagramClient(ChatClient):
    """A client of the datagram door.

    :param dice: for session numbers and waits.
    """

    def __init__(
        self,
        reactor: Any,
        target: Target,
        heard: Callable[[Heard], None],
        patience: float = PATIENCE,
        dice: Random | None = None,
    ) -> None:
        super().__init__(reactor, target, heard, patience)
        self._dice = dice or SystemRandom()
        self._port: DatagramClient | None = None
        self._session: Session | None = None
        self._opening: Deferred[Opened] | None = None
        self._pending: dict[int, Request] = {}
        self._timer: IDelayedCall | None = None
        self._timer_at = 0.0

    async def enter(self, name: str) -> str:
        """Begin a session under a name."""
        if self._port is None:
            self._port = await open_datagrams(
                self._reactor, self._target, self._received, self._patience
            )
        self._session = Session.initiator(self._dice, self._reactor.seconds(), name)
        self._opening = Deferred()
        self._transmit()
        try:
            opened = await self._opening.addTimeout(self._patience, self._reactor)
        except TimeoutError as error:
            raise NoAnswerError(self._silence()) from error
        self.name = opened.name
        self._joined(opened.room)
        return self.name

    async def leave(self) -> None:
        """Say BYE and close."""
        if self._session is not None:
            self._session.bye("quit")
            self._transmit()
        port, self._port = self._port, None
        if port is not None:
            await port.transport.stopListening()
        self._finish(None)

    def _ask(self, command: Command) -> Request:
        request = Request(command)
        if isinstance(command, Use):  # each message names its room
            request.add(Done("USE", command.room))
            request.finish()
            return request
        if self._session is None or self._session.state is not State.OPEN:
            request.fail(BadAnswerError(f"the session with {self._target} is over"))
            return request
        self._pending[self._session.send(actions.asked(command))] = request
        self._transmit()
        return request

    def _received(self, datagram: bytes) -> None:
        if self._session is not None:
            self._happened(self._session.received(datagram, self._reactor.seconds()))

    def _happened(self, happenings: list[Happening]) -> None:
        for happening in happenings:
            match happening:
                case Came(_, body):
                    self._came(body)
                case Opened():
                    self._settle(happening)
                case Ended(why, reason):
                    self._ended(why, reason)
        self._transmit()

    def _came(self, body: bytes) -> None:
        re, all_heard = actions.heard(body)
        request = None if re is None else self._pending.get(re)
        for heard in all_heard:
            if request is None:
                self._heard(heard)
            elif isinstance(heard, Done | Refused):
                del self._pending[re or 0]
                request.add(_named(heard, request.command))
                request.finish()
            elif not isinstance(heard, Event | Announced | Missed):
                request.add(heard)

    def _ended(self, why: str, reason: int) -> None:
        error: ClientError = BadAnswerError(f"{self._target} ended the session: {why}")
        if why == "no answer":
            error = NoAnswerError(self._silence())
        elif reason in actions.REASONS:
            text = why.partition(" ")[2] if why[:3].isdecimal() else why
            error = RefusedError(actions.REASONS[reason], text)
        if self._opening is not None and not self._opening.called:
            self._opening.errback(error)
            return
        for request in self._pending.values():
            request.fail(error)
        self._finish(BadAnswerError(f"{self._target} ended the session: {why}"))

    def _settle(self, opened: Opened) -> None:
        if self._opening is not None and not self._opening.called:
            self._opening.callback(opened)

    def _transmit(self) -> None:
        """Send what the session has to send, and wake it in time."""
        now = self._reactor.seconds()
        if self._session is None or self._port is None:
            self._arm(None, now)
            return
        for datagram in self._session.outgoing(now):
            self._port.send(datagram)
        self._arm(self._session.deadline, now)

    def _arm(self, deadline: float | None, now: float) -> None:
        """Wake at ``deadline``, or earlier: a new timer for every packet costs more than that."""
        if self._timer is not None:
            if deadline is not None and self._timer_at <= deadline:
                return
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._timer = self._reactor.callLater(max(0.0, deadline - now), self._wake)
            self._timer_at = deadline

    def _wake(self) -> None:
        self._timer = None
        if self._session is not None:
            self._happened(self._session.wake(self._reactor.seconds()))


def _named(heard: Done | Refused, command: Command) -> Done | Refused:
    """Give a reply the word of its command, which a datagram does not repeat."""
    if isinstance(heard, Refused):
        return heard
    return Done(verb_of(command), heard.about)
