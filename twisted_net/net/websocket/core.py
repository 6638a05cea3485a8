"""One WebSocket as a pure object: frames and the time in, messages and frames out (RFC 6455).

The frames are wsproto's (extra ``websocket``); what it leaves open is here: how long a message may
be, which kind of it is taken, when the peer is asked whether it is there, how it all ends.
"""

from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Message, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason, FrameProtocol

from twisted_net.net.websocket.lines import NotALineError, line_in

#: Bytes of one message, in however many frames it comes; a frame is no longer than its message.
LONGEST = 64 << 10

#: Seconds between two questions whether the peer is there, and seconds of silence, beyond several
#: of them, after which it is gone. Programs in between give up a connection that is silent longer.
PING_EVERY = 30.0
GONE_AFTER = 90.0

#: Seconds that a peer has to let us go, and to hear why it is thrown out.
CLOSE_WITHIN = 5.0


class State(Enum):
    """Where a WebSocket stands."""

    OPEN = auto()
    LEFT = auto()  # the peer says nothing more; it is owed our close
    CLOSING = auto()  # our close is on its way; the peer's is waited for
    FAILED = auto()  # the peer broke the rules; it has been told, and is heard no more
    OVER = auto()  # both have closed, or the peer is gone


class Kind(Enum):
    """What messages are made of."""

    TEXT = auto()
    BINARY = auto()
    EITHER = auto()  # as the peer's first one is; until then ours are text


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of some bytes, or of some time.

    :ivar lines: lines for the protocol above, each with its CR LF.
    :ivar answer: bytes to send.
    :ivar fault: what the counters call the end; empty: it is none of the peer's fault.
    :ivar cut: whether the connection is to be cut: there is nobody to hear us.
    """

    lines: bytes = b""
    answer: bytes = b""
    fault: str = ""
    cut: bool = False


_FAULTS = {
    CloseReason.UNSUPPORTED_DATA: "wrong_kind",
    CloseReason.INVALID_FRAME_PAYLOAD_DATA: "not_text",
    CloseReason.POLICY_VIOLATION: "not_a_line",
    CloseReason.MESSAGE_TOO_BIG: "message_too_long",
}


@lru_cache(maxsize=64)
def _framed(line: bytes, binary: bool) -> bytes:
    """Return the frame of a whole message.

    What a server sends has no mask, and without extensions the frame is the same for all who hear
    a line: of many in a room the first one pays.
    """
    data = line if binary else line.decode("utf-8", "replace")
    return bytes(FrameProtocol(client=False, extensions=[]).send_data(data))


class _BrokenError(Exception):
    """The peer broke a rule."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Conversation:
    """One WebSocket, from the moment when it is open.

    :param kind: which messages are taken and sent.
    :param first: seconds to the first whole message; None: for ever.
    :ivar deadline: when to call `wake`, in seconds on the caller's clock; None: never.
    """

    def __init__(
        self,
        now: float,
        kind: Kind = Kind.EITHER,
        longest: int = LONGEST,
        first: float | None = None,
    ) -> None:
        self.state = State.OPEN
        self._connection = Connection(ConnectionType.SERVER)
        self._kind = kind
        self._longest = longest
        self._message = bytearray()  # of which only a part has come
        self._heard_at = now
        self._ping_at = now + PING_EVERY
        self._first = first
        self._first_at = None if first is None else now + first
        self._theirs: CloseConnection | None = None
        self.deadline: float | None = None
        self._wait()

    def received(self, data: bytes, now: float) -> Heard:
        """Take bytes of the peer's.

        Of several pings only the last is answered (RFC 6455, 5.5.3): it costs us no more than it
        costs the peer. Faults are told from `state` and `Heard.fault`; nothing is raised.
        """
        if self.state not in (State.OPEN, State.CLOSING):
            return Heard()
        self._heard_at = now
        lines: list[bytes] = []
        ping: Ping | None = None
        try:
            self._connection.receive_data(data)
            for event in self._connection.events():
                if isinstance(event, Message):
                    self._take(event, lines)
                elif isinstance(event, Ping):
                    ping = event
                elif isinstance(event, CloseConnection):
                    self._closed(event)
                    break
        except _BrokenError as broken:
            return self._failed(b"".join(lines), broken, now)
        answer = b""
        if ping is not None and self.state is State.OPEN:
            answer = self._connection.send(Pong(bytes(ping.payload)))
        self._wait()
        return Heard(b"".join(lines), answer)

    def said(self, line: bytes) -> bytes:
        """Return the frame of one message; nothing if nobody will hear it.

        :param line: without its ending. What is not UTF-8 is replaced where it has to be.
        """
        if self.state is not State.OPEN:
            return b""
        return _framed(line, self._kind is Kind.BINARY)

    def close(self, code: int, why: str, now: float) -> bytes:
        """Return our last frame; nothing if there was one already.

        :param code: a peer that has closed before us hears its own again (RFC 6455, 5.5.1).
        """
        if self.state is State.OPEN:
            self.state = State.CLOSING
        elif self.state is State.LEFT:
            self.state = State.OVER
        else:
            return b""
        self.deadline = now + CLOSE_WITHIN
        ours = CloseConnection(code, why)
        return bytes(self._connection.send(self._theirs.response() if self._theirs else ours))

    def left(self) -> None:
        """Take note that nothing more will come: the peer has closed its half."""
        if self.state is State.OPEN:
            self.state = State.LEFT
            self.deadline = None  # how long we take is for the protocol above to say
        elif self.state is State.CLOSING:
            self.state = State.OVER

    def stirred(self, now: float) -> None:
        """Take note that the peer may well be there: it was we who did not listen."""
        self._heard_at = now

    def wake(self, now: float) -> Heard:
        """Return what is due now."""
        if self.deadline is None or now < self.deadline:
            return Heard()
        if self.state is not State.OPEN:
            self.state, self.deadline = State.OVER, None
            return Heard(cut=True)
        if self._first_at is not None and now >= self._first_at:
            why = f"no message within {self._first:g} s"
            broken = _BrokenError(CloseReason.POLICY_VIOLATION, why)
            return self._failed(b"", broken, now, "no_first_message")
        if now - self._heard_at >= GONE_AFTER:
            self.state, self.deadline = State.OVER, None
            return Heard(fault="ping_timeout", cut=True)
        self._ping_at = now + PING_EVERY
        self._wait()
        return Heard(answer=bytes(self._connection.send(Ping())))

    def _take(self, event: Message[Any], lines: list[bytes]) -> None:
        """Take a part of a message."""
        if self.state is not State.OPEN:
            return  # our close has crossed it
        kind = Kind.TEXT if isinstance(event, TextMessage) else Kind.BINARY
        if self._kind is Kind.EITHER:
            self._kind = kind
        if kind is not self._kind:
            why = f"need {self._kind.name.lower()} messages"
            raise _BrokenError(CloseReason.UNSUPPORTED_DATA, why)
        self._message += event.data.encode() if isinstance(event.data, str) else event.data
        if len(self._message) > self._longest:
            why = f"a message may have {self._longest} bytes"
            raise _BrokenError(CloseReason.MESSAGE_TOO_BIG, why)
        if event.message_finished:
            self._first_at = None
            try:
                lines.append(line_in(bytes(self._message)))
            except NotALineError as error:
                raise _BrokenError(CloseReason.POLICY_VIOLATION, str(error)) from error
            self._message.clear()

    def _closed(self, event: CloseConnection) -> None:
        """Take a close of the peer's, or wsproto's word that the bytes are no frames."""
        if self._connection.state not in (ConnectionState.REMOTE_CLOSING, ConnectionState.CLOSED):
            if self.state is State.OPEN:
                raise _BrokenError(event.code, event.reason or "these are no frames")
            self.state = State.OVER
        else:
            self._theirs = event
            self.left()

    def _failed(self, lines: bytes, broken: _BrokenError, now: float, fault: str = "") -> Heard:
        fault = fault or _FAULTS.get(CloseReason(broken.code), "not_websocket")
        answer = bytes(self._connection.send(CloseConnection(broken.code, str(broken))))
        self.state = State.FAILED
        self.deadline = now + CLOSE_WITHIN
        self._message.clear()
        return Heard(lines, answer, fault)

    def _wait(self) -> None:
        if self.state is State.OPEN:
            self.deadline = self._ping_at
            if self._first_at is not None:
                self.deadline = min(self.deadline, self._first_at)
