"""The chat's client over lines."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_net.chat.client.base import ChatClient, RefusedError, Request
from twisted_net.chat.codec import line, line_said
from twisted_net.chat.codec.messages import (
    Act,
    Announced,
    Code,
    Command,
    Done,
    Event,
    Heard,
    Ids,
    Join,
    Missed,
    Nick,
    Ping,
    Pong,
    Quit,
    Refusal,
    Refused,
)
from twisted_net.chat.core.ident import folded
from twisted_net.net.clients import PATIENCE, Target, connect
from twisted_net.net.errors import BadAnswerError, RemoteProtocolError
from twisted_net.net.framing import LineReader
from twisted_net.net.transports import IStreamTransport

#: Longest line that the server sends: a text with a room's, a member's name and an id, and room
#: for fields that later servers may add.
MAX_HEARD = 4096

#: Seconds that leaving politely may take.
FAREWELL = 2.0


#: Commands with no reply of their own, or more than one: a ping after them shows their end.
_FENCED = (Nick, Join, Act)
_FENCE = Ping("done")


class ChatLineClient(ChatClient):
    """A client of the line door.

    :param ids: have events come with their ids, if the server can do that.
    """

    def __init__(
        self,
        reactor: Any,
        target: Target,
        heard: Callable[[Heard], None],
        patience: float = PATIENCE,
        *,
        ids: bool = False,
    ) -> None:
        super().__init__(reactor, target, heard, patience)
        self._ids = ids
        self._wire = _Wire(self)
        self._pending: deque[Request] = deque()
        self._last_words = ""
        self._leaving = False

    async def enter(self, name: str) -> str:
        """Connect, if this is not connected yet, and take a name."""
        if not self._wire.connected:
            await connect(self._reactor, self._target, self._wire, self._patience)
            if self._ids:
                with suppress(RefusedError):  # by a server that has none to tell
                    await self.request(Ids(True))
        self.greeted = await self.request(Nick(name))
        return self.name

    async def leave(self) -> None:
        """Say QUIT, wait for the server to close, and close."""
        if self._wire.connected and not self._over:
            self._leaving = True
            self._wire.transport.write(line.spoken(Quit()))
            try:
                gone: Deferred[None] = Deferred()
                self._wire.gone = gone
                await gone.addTimeout(FAREWELL, self._reactor)
            except (TimeoutError, CancelledError):
                self._wire.transport.abortConnection()
        self._finish(None)

    def received(self, data: bytes) -> None:
        """Take the next line that the server said."""
        heard = line_said.heard(data)
        match heard:
            case Done() | Refused() | Pong() if self._pending:
                self._ends(heard)
            case Event():
                self._told_of(heard)
            case Announced(text):
                self._noticed(text)
            case Refused(code, text):
                self._last_words = f"{code} {text}"
            case Missed():
                self._heard(heard)
            case _ if self._pending:
                self._pending[0].add(heard)

    def lost(self) -> None:
        """Fail whatever waits: the connection is gone."""
        why = f": {self._last_words}" if self._last_words else ""
        error = BadAnswerError(f"{self._target} closed the connection{why}")
        for request in self._pending:
            if request.refused is None:
                request.fail(error)
            else:
                request.finish()  # the server said why, and closed
        self._finish(None if self._leaving else error)

    def broken(self, error: RemoteProtocolError) -> None:
        """Hang up on a server that breaks the rules."""
        self._last_words = str(error)
        self._wire.transport.abortConnection()

    def _ask(self, command: Command) -> Request:
        request = Request(command)
        if not self._wire.connected:
            request.fail(BadAnswerError(f"{self._target} closed the connection"))
            return request
        if isinstance(command, Act) and folded(command.room) != folded(self.room):
            raise Refusal(Code.BAD, "ME is for the current room")
        said = line.spoken(command)
        if isinstance(command, _FENCED):
            said += line.spoken(_FENCE)
        self._wire.transport.write(said)
        self._pending.append(request)
        return request

    def _ends(self, heard: Done | Refused | Pong) -> None:
        request = self._pending[0]
        fenced = isinstance(request.command, _FENCED)
        if not (fenced and isinstance(heard, Pong)):  # nobody asked for the fence but this
            request.add(heard)
            if fenced:
                return
        self._pending.popleft()
        request.finish()

    def _noticed(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        if word == "SERVER":
            self._last_words = rest
        if word != "HELLO":
            self._heard(Announced(rest if word == "SERVER" else text))


class _Wire(Protocol):
    """The connection of a `ChatLineClient`.

    :ivar gone: fires when the connection is, if somebody waits for that.
    """

    transport: IStreamTransport
    gone: Deferred[None] | None = None

    def __init__(self, client: ChatLineClient) -> None:
        self._client = client
        self._lines = LineReader(MAX_HEARD)

    def dataReceived(self, data: bytes) -> None:
        """Hand on the lines that are complete."""
        try:
            for each in self._lines.feed(data):
                self._client.received(each)
        except RemoteProtocolError as error:
            self._client.broken(error)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits."""
        self.connected = 0  # Twisted's own bases never do
        gone, self.gone = self.gone, None
        if gone is not None and not gone.called:
            gone.callback(None)
        self._client.lost()
