"""The chat's client over datagrams."""

from collections.abc import Callable, Mapping
from functools import partial
from random import Random, SystemRandom
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError

from twisted_net.chat.client.base import ChatClient, RefusedError, Request
from twisted_net.chat.client.proving import Proof, prove
from twisted_net.chat.codec import actions, actions_said
from twisted_net.chat.codec.datagram import Flag, Key
from twisted_net.chat.codec.line import verb_of
from twisted_net.chat.codec.messages import (
    Announced,
    Command,
    Done,
    Event,
    Heard,
    Join,
    Kind,
    Login,
    Missed,
    Refused,
    Reply,
    Tag,
    Use,
)
from twisted_net.chat.core.datagram import Session
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.introduction import Asking
from twisted_net.chat.core.reliable import HELD
from twisted_net.chat.core.scram import ScramError
from twisted_net.chat.core.states import (
    Came,
    Ended,
    Gap,
    Happening,
    Hinted,
    Opened,
    Resumed,
    Silent,
    State,
    Undelivered,
    Unproven,
)
from twisted_net.net.alarm import Alarm
from twisted_net.net.clients import PATIENCE, DatagramClient, Target, open_datagrams
from twisted_net.net.errors import BadAnswerError, ClientError, NoAnswerError
from twisted_net.net.unfragmented import forbid_fragments

#: What members are told of the session itself, which the server cannot say.
SILENT = Announced("silent; waiting for it to come back")
RESUMED = Announced("there again")
ANEW = Announced("does not know us any more; entered anew")


class UndeliveredError(NoAnswerError):
    """Nobody acknowledged a command, or its answer is lost: perhaps it was obeyed, perhaps not."""


class DisprovedError(BadAnswerError):
    """Whoever answers is not who they say, or not where."""


class ChatDatagramClient(ChatClient):
    """A client of the datagram door.

    A session that fell silent is taken up again, and a server that was started anew is greeted
    anew; what was not acknowledged by then fails with an `UndeliveredError`.

    :param dice: for session numbers and waits.
    :param also: other fields that every HELLO has.
    :param flags: PEER between two clients.
    :param introduce: given the open port, returns what proves this side to the other.
    :ivar other: what the other side is called, if it is a peer.
    """

    def __init__(
        self,
        reactor: Any,
        target: Target,
        heard: Callable[[Heard], None],
        patience: float = PATIENCE,
        dice: Random | None = None,
        also: Mapping[Key, bytes] | None = None,
        flags: int = Flag.NONE,
        introduce: Callable[[DatagramClient], Asking | None] = lambda port: None,
    ) -> None:
        super().__init__(reactor, target, heard, patience)
        self.other = ""
        self._introduce = introduce
        self._doubtful = False
        self._also = also
        self._flags = flags
        self._dice = dice or SystemRandom()
        self._port: DatagramClient | None = None
        self._session: Session | None = None
        self._opening: Deferred[Opened] | None = None
        self._pending: dict[int, tuple[Request, float]] = {}  # and when they were sent
        self._alarm = Alarm(reactor, self._wake)

    async def enter(self, name: str) -> str:
        """Begin a session under a name."""
        if self._port is None:
            self._port = await open_datagrams(
                self._reactor, self._target, self._received, self._patience
            )
            forbid_fragments(self._port.transport)
        now = self._reactor.seconds()
        asking = self._introduce(self._port)
        self._session = Session.initiator(self._dice, now, name, self._also, self._flags, asking)
        self._opening = Deferred()
        self._transmit()
        try:
            opened = await self._opening.addTimeout(self._patience, self._reactor)
        except TimeoutError as error:
            raise self._unopened() from error
        self.name, self.other = opened.name, opened.other
        self._joined(opened.room)
        return self.name

    @property
    def public(self) -> bytes:
        """The key that the other side has proven to have; empty: none."""
        return b"" if self._session is None else self._session.public

    async def leave(self) -> None:
        """Say BYE and close."""
        if self._session is not None:
            self._session.bye("quit")
            self._transmit()
        port, self._port = self._port, None
        if port is not None:
            await port.transport.stopListening()
        self._finish(None)

    def typing(self, state: str = "active") -> None:
        """Let the room know that one is writing something, or is not any more.

        Who hears that hears it now or never. It is for people to see, so it is said every three
        seconds at most (https://ircv3.net/specs/client-tags/typing).

        :param state: ``active``, ``paused`` or ``done``.
        """
        if self._session is not None and self.room:
            self._session.hint(actions.asked(Tag(self.room, ((actions.TYPING, state),))))
            self._transmit()

    def _ask(self, command: Command) -> Request:
        request = Request(command)
        if isinstance(command, Use):  # each message names its room
            request.add(Done("USE", command.room))
            request.finish()
            return request
        if self._session is None or self._session.state is State.CLOSED:
            request.fail(BadAnswerError(f"the session with {self._target} is over"))
            return request
        if self._session.state is not State.OPEN:
            request.fail(UndeliveredError(f"{self._target} is silent; nothing was sent"))
            return request
        if isinstance(command, Login):
            Deferred.fromCoroutine(self._login(self._session, command, request))
        else:
            self._send(self._session, actions.asked(command), request)
        return request

    def _send(self, session: Session, body: bytes, request: Request) -> None:
        self._pending[session.send(body)] = request, self._reactor.seconds()
        self._transmit()

    async def _login(self, session: Session, command: Login, request: Request) -> None:
        """Prove an account, and tag with a key of that from then on."""
        try:
            key, replies = await prove(command, self._dice, partial(self._send, session))
        except RefusedError as error:
            request.add(Refused(error.code, error.text))
        except ScramError as error:
            request.fail(BadAnswerError(f"{self._target}: {error}"))
        except ClientError as error:
            request.fail(error)
        else:
            session.change_key(key)
            request.replies += replies
        request.finish()
        self._transmit()

    def _received(self, datagram: bytes) -> None:
        if self._session is not None:
            self._happened(self._session.received(datagram, self._reactor.seconds()))

    def _happened(self, happenings: list[Happening]) -> None:
        gap = False
        for happening in happenings:
            match happening:
                case Came(_, body) | Hinted(body):
                    self._came(body)
                case Opened():
                    self._opened(happening)
                case Gap(missing):
                    self._heard(Missed(len(missing), more=True))  # one may have been a MISSED
                    gap = True
                case Undelivered(numbers):
                    self._undelivered(numbers, f"no acknowledgement from {self._target}")
                case Unproven():
                    self._doubtful = True
                case Silent() | Resumed():
                    self._heard(SILENT if isinstance(happening, Silent) else RESUMED)
                case Ended(why, reason):
                    self._ended(why, reason)
        if gap:
            self._doubt()
        self._transmit()

    def _opened(self, opened: Opened) -> None:
        """Be welcomed, for the first time or by a server that knows nothing of us any more."""
        if self._opening is not None and not self._opening.called:
            self._opening.callback(opened)
            return
        rooms = [room for room in self._rooms.values() if folded(room) != folded(opened.room)]
        self.name = opened.name
        self._heard(ANEW)
        self._undelivered(tuple(self._pending), f"{self._target} was started anew")
        for room in rooms:
            if self._session is not None:
                self._session.send(actions.asked(Join(room)))
            self._heard(Missed(0, room, more=True))

    def _doubt(self) -> None:
        """Give up what may have been answered in a gap: whatever was asked before it began."""
        before = self._reactor.seconds() - HELD
        doubtful = tuple(number for number, (_, at) in self._pending.items() if at <= before)
        self._undelivered(doubtful, f"an answer from {self._target} is lost")

    def _undelivered(self, numbers: tuple[int, ...], why: str) -> None:
        for number in numbers:
            if number in self._pending:
                self._pending.pop(number)[0].fail(UndeliveredError(why))

    def _follow(self, command: Command, replies: list[Reply]) -> None:
        super()._follow(command, replies)
        if self._session is not None:
            self._session.name = self.name  # under which it comes again

    def _came(self, body: bytes) -> None:
        re, all_heard = actions_said.heard(body)
        if re is None:
            for heard in all_heard:
                if isinstance(heard, Event):
                    self._told_of(heard)
                else:
                    self._heard(heard)
            return
        if re not in self._pending:
            return  # it was given up meanwhile
        request, _ = self._pending[re]
        for heard in all_heard:
            if isinstance(heard, Done | Refused):
                del self._pending[re]
                if isinstance(request, Proof):
                    request.scram = actions.scram_of(body)
                request.add(_named(heard, request.command))
                request.finish()
            elif not isinstance(heard, Event | Announced | Missed):
                request.add(heard)

    def _told_of(self, event: Event) -> None:
        if self._session is not None:
            self._session.since = event.id or self._session.since
        if event.kind is Kind.PARTED and event.sender == self.name:
            self._parted(event.where)  # that could not be entered again
        super()._told_of(event)

    def _ended(self, why: str, reason: int) -> None:
        error: ClientError = BadAnswerError(f"{self._target} ended the session: {why}")
        if self._opening is None or self._opening.called:
            for request, _ in self._pending.values():
                request.fail(error)
            self._finish(error)
            return
        if why == "no answer":
            error = self._unopened()
        elif reason in actions.REASONS:
            text = why.partition(" ")[2] if why[:3].isdecimal() else why
            error = RefusedError(actions.REASONS[reason], text)
        self._opening.errback(error)

    def _unopened(self) -> ClientError:
        """Return why the session never opened."""
        if self._doubtful:
            return DisprovedError(
                f"{self._target} did not prove who it is: is an address translated, or somebody"
                " between us?"
            )
        return NoAnswerError(self._silence())

    def _transmit(self) -> None:
        """Send what the session has to send, and wake it in time."""
        now = self._reactor.seconds()
        if self._session is None or self._port is None:
            self._alarm.stop()
            return
        for datagram in self._session.outgoing(now):
            self._port.send(datagram)
        if self._session.state is State.CLOSED:
            self._alarm.stop()
        else:
            self._alarm.set(self._session.deadline, now)

    def _wake(self) -> None:
        if self._session is not None:
            self._happened(self._session.wake(self._reactor.seconds()))


def _named(heard: Done | Refused, command: Command) -> Done | Refused:
    """Give a reply the word of its command, which a datagram does not repeat."""
    if isinstance(heard, Refused):
        return heard
    return Done(verb_of(command), heard.about)
