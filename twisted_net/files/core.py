"""One connection of the files line door, as a pure object: bytes in, requests out, in order.

The first line decides which of two forms the connection has. In the *session* form the client
sends requests and gets an answer to each; in the *bare* form its one line is a name, and all that
comes back is the bytes of that file. Requests may be sent without waiting for answers: they stay
bytes until their turn comes, so that what waits is bounded by what one read brings.

A PUT that was granted is followed by the bytes of a file, which are taken out piece by piece. One
that was not granted ends the connection: what follows it may be a file all the same, and its lines
must never be taken for requests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, auto

from twisted_net.files import codec
from twisted_net.files.codec import Get, Help, List, Put, Quit, RefusedError, Stat, Sum
from twisted_net.net.errors import LocalProtocolError
from twisted_net.net.framing import MAX_LINE, LineReader

#: Bytes of a file that may wait here while those before them are written to a disk.
MOST_AHEAD = 1 << 18


class State(IntEnum):  # a plain one hashes its name each time, which small files would feel
    """Where a connection stands."""

    FRESH = auto()  # nothing asked yet
    READY = auto()  # a session, nothing being answered
    ANSWERING = auto()  # a session, the door works on an answer
    ENDING = auto()  # the door works on the last answer
    CLOSED = auto()


class Event(IntEnum):
    """What may happen to it."""

    ASKED = auto()  # a request's turn has come
    ASKED_LAST = auto()  # the same, and nothing may follow it
    ANSWERED = auto()
    OVER = auto()  # nothing more will be asked


NEXT: dict[tuple[State, Event], State] = {
    (State.FRESH, Event.ASKED): State.ANSWERING,
    (State.FRESH, Event.ASKED_LAST): State.ENDING,
    (State.FRESH, Event.OVER): State.CLOSED,
    (State.READY, Event.ASKED): State.ANSWERING,
    (State.READY, Event.ASKED_LAST): State.ENDING,
    (State.READY, Event.OVER): State.CLOSED,
    (State.ANSWERING, Event.ANSWERED): State.READY,
    (State.ANSWERING, Event.OVER): State.ENDING,
    (State.ENDING, Event.ANSWERED): State.CLOSED,
    (State.ENDING, Event.OVER): State.ENDING,
    (State.CLOSED, Event.OVER): State.CLOSED,
}

#: Where the next request may have its turn.
_WAITING = (State.FRESH, State.READY)


@dataclass(frozen=True, slots=True)
class Bare:
    """The bare form: send the file of this name and close."""

    name: bytes


@dataclass(frozen=True, slots=True)
class Say:
    """An answer that needs no file: write these bytes."""

    words: bytes


#: What needs the shelf.
Task = Bare | List | Stat | Sum | Get | Put

Step = Task | Say


class Session:
    """Decide what a connection is answered, one request after the other.

    :ivar state: when it is `State.CLOSED` the door hangs up.
    """

    def __init__(self, limit: int = MAX_LINE) -> None:
        self.state = State.FRESH
        self._due = 0  # bytes of a file that the peer was told to send, and that were not taken
        self._strays = False
        self._lines = LineReader(limit)
        self._cut: Iterator[bytes] = iter(())
        self._uncut = b""
        self._over = False

    @property
    def full(self) -> bool:
        """Whether the door should read no more for now: enough waits behind what is answered.

        Behind the last answer nothing is kept, and reading goes on: a connection that is closed
        with unread bytes is reset, and the reset may overtake the answer.
        """
        if self._due:
            return len(self._uncut) >= min(self._due, MOST_AHEAD)
        return self.state is State.ANSWERING and bool(self._uncut)

    @property
    def strays(self) -> bool:
        """Whether what comes next may be a file's bytes that nobody takes: only a close helps."""
        return self._strays

    def received(self, data: bytes) -> None:
        """Take the next piece of the stream."""
        if self._due or self.state not in (State.ENDING, State.CLOSED):
            self._uncut += data

    def ended(self) -> None:
        """Expect nothing more than what has come: the peer closed its half."""
        self._over = True

    def stop(self) -> None:
        """Answer nothing more than what is being answered: the server stops."""
        self._move(Event.OVER)

    def turn(self) -> Step | None:
        """Return what to do next, or None: wait for more, or for `answered`.

        After every step but a `Say` the door calls `answered` when it has been done.

        :raises RemoteProtocolError: a line is longer than the limit.
        :raises RefusedError: a PUT cannot be read, and what follows may be a file: hang up.
        """
        if self.state not in _WAITING:
            return None
        line = self._next_line()
        if line is None:
            if self._over:
                self._move(Event.OVER)
            return None
        if self.state is State.FRESH and not codec.is_request(line):
            self._move(Event.ASKED_LAST)
            return Bare(line)
        return self._requested(line)

    @property
    def idle(self) -> bool:
        """Whether the next byte begins a request, which will be answered at once."""
        return self.state in _WAITING and not (self._uncut or self._over) and self._lines.empty

    def passed(self) -> None:
        """Count a request that was answered without being asked for here: it was `idle`."""
        self._move(Event.ASKED)
        self._move(Event.ANSWERED)

    def answered(self) -> None:
        """Go on to the next request: the door has answered this one."""
        self._move(Event.ANSWERED)

    def grant(self, count: int) -> None:
        """Take so many bytes that follow for those of a file: the PUT being answered is granted."""
        if self.state not in (State.ANSWERING, State.ENDING):
            raise LocalProtocolError(f"GRANT while {self.state.name}")
        self._due = count
        self._strays = bool(count)
        self._uncut = self._lines.rest() + self._uncut

    def take(self, most: int) -> bytes:
        """Return the next bytes of the file that was granted; none: wait for more.

        :raises RefusedError: 400, no more will come.
        """
        count = min(most, self._due, len(self._uncut))
        data, self._uncut = self._uncut[:count], self._uncut[count:]
        self._due -= count
        self._strays = bool(self._due)
        if self._due and self._over and not data:
            raise RefusedError(400, f"{self._due} bytes are missing, nothing stored")
        return data

    def _requested(self, line: bytes) -> Step:
        try:
            request = codec.parse_request(line)
        except RefusedError as refused:
            if codec.is_put(line):
                raise
            return self._said(codec.render_refusal(refused))
        self._strays = isinstance(request, Put)
        if isinstance(request, Help):
            return self._said(codec.render_help())
        if isinstance(request, Quit):
            return self._said(b"OK bye\n", Event.ASKED_LAST)
        self._move(Event.ASKED)
        return request

    def _said(self, words: bytes, event: Event = Event.ASKED) -> Say:
        self._move(event)
        self._move(Event.ANSWERED)
        return Say(words)

    def _next_line(self) -> bytes | None:
        if self._uncut:
            data, self._uncut = self._uncut, b""
            line = self._lines.alone(data)
            if line is not None:
                return line
            self._cut = self._lines.feed(data)
        line = next(self._cut, None)
        if line is None and self._over:
            # A name and a half-close, without a newline: the shortest way to ask.
            line = self._lines.rest().removesuffix(b"\r") or None
        return line

    def _move(self, event: Event) -> None:
        state = NEXT.get((self.state, event))
        if state is None:
            raise LocalProtocolError(f"{event.name} while {self.state.name}")
        self.state = state


def part(size: int, offset: int, length: int | None) -> int:
    """Return how many bytes of a file a GET is answered with.

    :raises RefusedError: 416, the offset lies behind the end.
    """
    if offset > size:
        raise RefusedError(416, f"offset past end (size {size})")
    return size - offset if length is None else min(length, size - offset)
