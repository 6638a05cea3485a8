"""One direction of one connection: bytes and the time in, what is due out, in pieces.

What is changed of a stream, and where it is cut, is settled for each `CELL` of it, by the offset,
so that it does not depend on how the network happened to cut it into reads. When something comes is
settled for each read, by the offset too; of a long read, for each cell in it.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum

from twisted_net.faults.core.dice import corrupted
from twisted_net.faults.core.events import Event, Tally
from twisted_net.faults.core.harm import After, Harm, Way
from twisted_net.faults.core.lane import Lane
from twisted_net.testing.clock import SECOND
from twisted_net.testing.kernel.tcp.timing import LEAST_RTO

#: Bytes of a stream that one decision is about: what TCP has in an Ethernet frame.
CELL = 1460

#: Seconds by which a lost segment comes late: the least that Linux waits before it sends again.
SENT_AGAIN = LEAST_RTO / SECOND

#: Most bytes of one piece: what Twisted reads at a time.
LARGEST_PIECE = 65_536


class Act(Enum):
    """Something that happens to a connection, beside bytes."""

    END = "end"  # the sender has closed its half
    HALF_CLOSE = "half-close"
    CLOSE = "close"
    RESET = "reset"


#: Bytes that it takes to remember a piece, however short it is.
COST = 256


@dataclass(slots=True)
class _Due:
    """Bytes on their way.

    :ivar cut: whether a piece ends with them.
    :ivar gone: how many of them have been passed on.
    """

    at: float
    data: bytes
    cut: bool
    gone: int = 0


class StreamWay(Lane):
    """The way of a stream in one direction.

    :ivar held: bytes that are under way.
    :ivar paced: whether pieces have to leave one by one, each in a turn of its own.
    :param room: bytes that may be under way, and `COST` for each piece, before no more is to be
        read.
    """

    def __init__(
        self,
        connection: int,
        way: Way,
        seed: int,
        harm: Harm,
        tally: Tally,
        room: int,
        began: float,
    ) -> None:
        super().__init__(connection, way, seed, harm, tally, room, began)
        self.held = 0
        self._merging = began  # until when bytes wait for more
        self._gap_ends = began  # until when a piece is alone
        self._reads_at = began  # when a slow reader reads again
        self._queue: deque[_Due] = deque()
        self._ended = False
        self._over = False
        self._swallowing = False

    @property
    def paced(self) -> bool:
        """Whether pieces are to leave one by one."""
        return self.harm.size is not None or bool(self.harm.split)

    def feed(self, data: bytes, now: float) -> list[Event]:
        """Take what was read; return what was done to it that is worth telling."""
        events: list[Event] = []
        self._tally.came += len(data)
        if self.harm.slow_reader:
            self._reads_at = max(now, self._reads_at) + len(data) / self.harm.slow_reader
        if self._over or self._swallowing:
            self._came += len(data)
            return events
        for piece in self._cells(data):
            events += self._carry(piece, now)
        return events

    def end(self, now: float) -> None:
        """Take the end of the stream: it follows the last byte."""
        self._ended = True
        if self.harm.delay and not self._queue:
            self._last = max(self._last, now + self.harm.delay)

    def struck(self, now: float) -> tuple[Act | None, list[Event]]:
        """Return what happens to the connection now, whether or not the receiver reads."""
        for what, act in _ACTS:
            after = getattr(self.harm, what)
            if not self._over and after is not None and self._reached(after, now):
                self._over = True
                self._queue.clear()
                self.held = 0
                return act, self._events([act.value], self._passed)
        return None, self._swallow(now)

    def take(self, now: float) -> bytes | Act | None:
        """Return the next piece that is due, or that the stream ends; None: nothing is due."""
        if self._queue and self._next <= now:
            return self._piece(now)
        if self._ends and self._last <= now:
            self._over = True
            return Act.END
        return None

    def hungry(self, now: float) -> bool:
        """Say whether more is to be read from the sender."""
        if self._ended:
            return False
        slow = self.harm.slow_reader
        waits = slow is not None and (not slow or now < self._reads_at)
        return self.held + COST * len(self._queue) < self._room and not waits

    def deadline(self, now: float, choked: bool = False) -> float | None:
        """Return when to look again, in seconds on the caller's clock; None: nothing is due.

        :param choked: nothing can be passed on, because the receiver does not read.
        """
        times = [self._next] if self._queue and not choked else []
        if self._ends and not choked:
            times.append(self._last)
        if self.harm.slow_reader and self._reads_at > now:
            times.append(self._reads_at)
        acts = (self.harm.blackhole, *(getattr(self.harm, what) for what, _ in _ACTS))
        clocked = [after for after in acts if after is not None and after.octets is None]
        times += [due for each in clocked if (due := self._began + each.seconds) > now]
        return min(times, default=None)

    @property
    def _next(self) -> float:
        """When the next piece is due."""
        due = self._queue[0].at
        return max(due, self._gap_ends) if self.paced else due

    @property
    def _ends(self) -> bool:
        """Whether nothing but the end is still to come."""
        return self._ended and not (self._queue or self._over or self._swallowing)

    # What comes in

    def _cells(self, data: bytes) -> list[bytes]:
        """Cut bytes where one decision ends and the next begins, if there is anything to decide."""
        harm = self.harm
        if not (harm.loss or harm.jitter or harm.corrupt or harm.split or harm.bandwidth):
            return [data]
        cut = CELL - self._came % CELL
        return [data[:cut], *(data[at : at + CELL] for at in range(cut, len(data), CELL))]

    def _carry(self, data: bytes, now: float) -> list[Event]:
        """Put bytes of one cell, or what nothing befalls, on their way."""
        harm, start = self.harm, self._came
        self._came += len(data)
        fate, kinds = self._dice.fate(start, harm)
        late = fate.late / SECOND + (0 if fate.copies else SENT_AGAIN)
        leaves = now
        if harm.bandwidth is not None:
            leaves = self._free = max(now, self._free) + len(data) / harm.bandwidth
        if harm.merge:
            if now >= self._merging:
                self._merging = now + harm.merge
            leaves = max(leaves, self._merging)
        self._last = max(leaves + harm.delay + late, self._last)
        self.held += len(data)
        events = self._events(kinds, start)
        cell, within = divmod(start, CELL)
        where = self._place(self._dice.corrupt(cell, harm), within, len(data))
        if where is not None:
            at, bit = where
            data = data[:at] + corrupted(data[at : at + 1], bit) + data[at + 1 :]
            events += self._events(["corrupt"], start + at)
        cut = self._place(self._dice.split(cell, harm), within, len(data))
        parts = [data] if cut is None or not cut[0] else [data[: cut[0]], data[cut[0] :]]
        if cut is not None and not cut[0] and self._queue:
            self._queue[-1].cut = True  # it is cut just before these
        for part in parts:
            self._queue.append(_Due(self._last, part, part is not parts[-1]))
        return events

    @staticmethod
    def _place(drawn: float | None, within: int, length: int) -> tuple[int, float] | None:
        """Return which of some bytes of a cell was drawn, and the rest of the draw; None: none."""
        if drawn is None or not within <= drawn * CELL < within + length:
            return None
        return int(drawn * CELL) - within, drawn * CELL % 1

    # What goes out

    def _piece(self, now: float) -> bytes:
        """Take bytes that are due, up to where the next cut or the next act is."""
        room = self._room_in_piece()
        taken: list[bytes] = []
        while room and self._queue and self._queue[0].at <= now:
            first = self._queue[0]
            if len(first.data) - first.gone > room:
                taken.append(first.data[first.gone : first.gone + room])
                first.gone += room
                break
            self._queue.popleft()
            taken.append(first.data[first.gone :])
            room -= len(taken[-1])
            if first.cut:
                break
        piece = b"".join(taken)
        self.held -= len(piece)
        self._passed += len(piece)
        self._gap_ends = now + self.harm.gap
        self._tally.passed += len(piece)
        return piece

    def _room_in_piece(self) -> int:
        room = LARGEST_PIECE
        if self.harm.size is not None:
            room = min(room, self.harm.size - self._passed % self.harm.size)
        for what in ("blackhole", *(name for name, _ in _ACTS)):
            after: After | None = getattr(self.harm, what)
            if after is not None and after.octets is not None and after.octets > self._passed:
                room = min(room, after.octets - self._passed)
        return room

    def _swallow(self, now: float) -> list[Event]:
        """Let everything vanish that is in a black hole; say so when it begins."""
        blackhole = self.harm.blackhole
        before = self._swallowing
        self._swallowing = blackhole is not None and self._reached(blackhole, now)
        if self._over or not self._swallowing:
            return []
        self._queue.clear()
        self.held = 0
        return [] if before else self._events(["blackhole"], self._passed)


#: What may happen to a connection, and in which order it is looked for.
_ACTS = (("reset", Act.RESET), ("close", Act.CLOSE), ("half_close", Act.HALF_CLOSE))
