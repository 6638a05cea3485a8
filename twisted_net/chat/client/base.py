"""A member of a chat, seen from the member's side: what is the same over every transport."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError

from twisted_net.chat.codec import line
from twisted_net.chat.codec.messages import (
    Act,
    Charset,
    Code,
    Command,
    Done,
    Event,
    Heard,
    History,
    Invite,
    Join,
    Kick,
    Kind,
    Mode,
    Nick,
    Part,
    Refusal,
    Refused,
    Reply,
    Say,
    Since,
    Talk,
    Tell,
    Topic,
    Use,
    Who,
    refuse_controls,
)
from twisted_net.chat.core.ident import (
    IRC_SPECIAL,
    checked_name,
    checked_room,
    checked_text,
    folded,
)
from twisted_net.net.clients import Target
from twisted_net.net.errors import ClientError, NoAnswerError
from twisted_net.net.framing import MAX_LINE


class RefusedError(ClientError):
    """The server did not do what was asked.

    :ivar code: why, as a number.
    :ivar text: why, in words.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code:d} {text}")
        self.code = code
        self.text = text


@dataclass(eq=False, slots=True)
class Request:
    """A command on its way to its last reply.

    :ivar done: fires with the replies, or fails with a `ClientError`.
    """

    command: Command
    done: Deferred[list[Reply]] = field(default_factory=Deferred)
    replies: list[Reply] = field(default_factory=list)
    refused: Refused | None = None

    def add(self, reply: Reply | Refused) -> None:
        """Take a reply."""
        if isinstance(reply, Refused):
            self.refused = reply
        else:
            self.replies.append(reply)

    def finish(self) -> None:
        """Take no more: nothing about this command follows."""
        if self.done.called:
            return  # given up meanwhile
        if self.refused is None:
            self.done.callback(self.replies)
        else:
            self.done.errback(RefusedError(self.refused.code, self.refused.text))

    def fail(self, error: Exception) -> None:
        """Give up."""
        if not self.done.called:
            self.done.errback(error)


class ChatClient(ABC):
    """A member of a chat, seen from the member's side.

    :ivar name: what the others see; empty before `enter`.
    :ivar room: the room in which `say` says; empty: none.
    :ivar greeted: what the server said when the name was taken: whether what is said is kept, and
        what was said before.
    """

    def __init__(
        self, reactor: Any, target: Target, heard: Callable[[Heard], None], patience: float
    ) -> None:
        self.name = ""
        self.room = ""
        self.greeted: list[Reply] = []
        self._reactor = reactor
        self._target = target
        self._heard = heard
        self._patience = patience
        self._rooms: dict[str, str] = {}
        self._over = False
        self._lost: ClientError | None = None
        self._watcher: Callable[[ClientError], None] | None = None

    @abstractmethod
    async def enter(self, name: str) -> str:
        """Take a name and enter the lobby; return the name as the others see it.

        :raises RefusedError: it is taken, or no name; another one may be tried.
        :raises ClientError: there is no answer, or the wrong one.
        """

    @abstractmethod
    async def leave(self) -> None:
        """Leave politely and close, whatever state this is in; never raises."""

    @abstractmethod
    def _ask(self, command: Command) -> Request:
        """Send a command.

        :raises Refusal: it cannot be said here.
        """

    def on_lost(self, watcher: Callable[[ClientError], None]) -> None:
        """Call ``watcher`` when the server has ended it or is lost; at once, if it is by now."""
        self._watcher = watcher
        if self._lost is not None:
            watcher(self._lost)

    async def say(self, text: str) -> None:
        """Say something in the current room; return when the server has taken it.

        :raises ClientError: as `request` does.
        """
        await self.request(Talk(text))

    async def request(self, command: Command) -> list[Reply]:
        """Give a command; return its replies when it is done.

        :raises RefusedError: the server refused, or would have.
        :raises NoAnswerError: nothing came back in time.
        """
        try:
            addressed = self._addressed(command)
            request = self._ask(addressed)
        except Refusal as refusal:
            raise RefusedError(refusal.code, refusal.text) from refusal
        try:
            replies = await request.done.addTimeout(self._patience, self._reactor)
        except TimeoutError as error:
            raise NoAnswerError(self._silence()) from error
        self._follow(addressed, replies)
        return replies

    def _addressed(self, command: Command) -> Command:
        """Return a command that names its room, and that the server will not hang up for."""
        match command:
            case Talk(text):
                command = Say(self._here(), text)
            case Act(text, ""):
                command = Act(text, self._here())
            case Part(""):
                command = Part(self._here())
            case Who(""):
                command = Who(self._here())
            case History("", count):
                command = History(self._here(), count)
            case Since(number, ""):
                command = Since(number, self._here())
            case Use(room):
                command = Use(self._known(room))
        _check(command)
        if len(line.spoken(command)) > MAX_LINE:
            raise Refusal(Code.TOO_LONG, f"line longer than {MAX_LINE} bytes")
        return command

    def _here(self) -> str:
        if not self.room:
            raise Refusal(Code.FORBIDDEN, "not in a room: JOIN <room>")
        return self.room

    def _known(self, room: str) -> str:
        if folded(room) not in self._rooms:
            raise Refusal(Code.FORBIDDEN, f"not in {room}: JOIN {room}")
        return self._rooms[folded(room)]

    def _follow(self, command: Command, replies: list[Reply]) -> None:
        """Keep the same books as the server: our name, our rooms, the current one."""
        about = {reply.verb: reply.about for reply in replies if isinstance(reply, Done)}
        if isinstance(command, Nick) and "NICK" in about:
            self.name = about["NICK"]
        if "JOIN" in about:
            self._joined(about["JOIN"].partition(" ")[0])
        if "USE" in about:
            self.room = about["USE"]
        if isinstance(command, Part):
            self._parted(command.room)

    def _joined(self, room: str) -> None:
        if room:
            self._rooms[folded(room)] = self.room = room

    def _told_of(self, event: Event) -> None:
        """Hand an event on, and keep the books: who was thrown out, which room has a new name."""
        if event.kind is Kind.KICKED and folded(event.other) == folded(self.name):
            self._parted(event.where)
        if event.kind is Kind.ROOM_RENAMED and folded(event.where) in self._rooms:
            here = folded(event.where) == folded(self.room)
            del self._rooms[folded(event.where)]
            self._rooms[folded(event.text)] = event.text
            self.room = event.text if here else self.room
        self._heard(event)

    def _parted(self, room: str) -> None:
        self._rooms.pop(folded(room), None)
        if folded(room) == folded(self.room):
            self.room = next(reversed(self._rooms.values()), "")

    def _finish(self, error: ClientError | None) -> None:
        """End, once; with an error where it was not this side that left."""
        if self._over:
            return
        self._over = True
        self._lost = error
        if error is not None and self._watcher is not None:
            self._watcher(error)

    def _silence(self) -> str:
        return f"no answer from {self._target} in {self._patience:g} s"


def _check(command: Command) -> None:
    """Refuse here what would be another command on its way: a name with a space, a second line.

    :raises Refusal: it would.
    """
    for each in fields(command):
        value = getattr(command, each.name)
        if isinstance(value, str):
            refuse_controls(value)
    match command:
        case Nick(name):
            checked_name(name)
        case Tell(name, text):
            checked_name(name, IRC_SPECIAL)
            checked_text(text)
        case Say(room, text) | Act(text, room):
            checked_room(room)
            checked_text(text)
        case Invite(name, room) | Kick(room, name):
            checked_room(room)
            checked_name(name, IRC_SPECIAL)
        case Join(room) | Part(room) | Who(room) | Topic(room) | Mode(room) | History(room):
            checked_room(room)
        case Charset():
            raise Refusal(Code.BAD, "this client speaks UTF-8")
