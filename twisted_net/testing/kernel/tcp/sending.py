"""The sending half of a connection: what waits, what is under way, what was lost.

Pure: it is told the time and what arrived, and answers with what to send. Loss is found the way
RFC 6675 does it: a segment is lost once three that were sent after it are known to have arrived.
Lost ones go first, then new ones, as far as the congestion window and the peer's window reach.
"""

from collections import deque
from dataclasses import dataclass

from twisted_net.testing.kernel.tcp.congestion import Congestion
from twisted_net.testing.kernel.tcp.timing import RoundTrip

#: Segments that must have overtaken one before it is held for lost (RFC 6675: DupThresh).
OVERTAKEN = 3

Blocks = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Sent:
    """A segment under way.

    :ivar end: the number after its last; the end of the stream counts one.
    :ivar at: when it was last sent, in nanoseconds.
    :ivar times: how often it was sent.
    """

    seq: int
    end: int
    at: int
    times: int = 1
    sacked: bool = False
    lost: bool = False


class Sender:
    """Everything that one end has to say.

    :param first: sequence number of the first byte.
    :param size: bytes that wait here at most, sent or not.
    :param mss: bytes of a full segment.
    :ivar una: the oldest number not acknowledged.
    :ivar edge: the number that the peer's window reaches up to.
    :ivar nxt: the next one to be sent.
    :ivar ended: whether nothing more will be written.
    :ivar nagle: whether a short segment waits for the one before it (RFC 896).
    """

    __slots__ = (
        "_base", "_congestion", "_data", "_flight", "_recovery", "_repeated", "_round_trip",
        "_small", "_troubled", "_widest", "edge", "ended", "mss", "nagle", "nxt", "size", "una",
    )  # fmt: skip

    def __init__(self, first: int, size: int, mss: int, congestion: Congestion) -> None:
        self.una = self.nxt = first
        self.edge = first
        self.size = size
        self.mss = mss
        self.nagle = True
        self.ended = False
        self._base = first  # the number of the first byte in _data
        self._data = bytearray()
        self._flight: deque[Sent] = deque()
        self._congestion = congestion
        self._round_trip = RoundTrip()
        self._small = first  # the end of the last segment that was not full
        self._troubled = False  # whether anything under way is sacked or lost
        self._recovery: int | None = None  # while recovering: the end of what was sent before
        self._repeated = first  # after a timeout: the end of what was sent before
        self._widest = 0  # the widest window that the peer has offered

    @property
    def room(self) -> int:
        """Bytes that may be written."""
        return self.size - len(self._data)

    @property
    def waiting(self) -> int:
        """Bytes that are not acknowledged yet, sent or not."""
        return len(self._data)

    @property
    def in_flight(self) -> bool:
        """Whether something sent is not acknowledged."""
        return bool(self._flight)

    @property
    def unsent(self) -> bool:
        """Whether something was not sent once."""
        return self.nxt < self._base + len(self._data) + self.ended

    @property
    def done(self) -> bool:
        """Whether the peer has all, the end of the stream too."""
        return self.ended and self.una > self._base + len(self._data)

    def open(self, edge: int) -> None:
        """Take the window that the handshake offers."""
        self.edge = edge
        self._widest = edge - self.una

    def measured(self, round_trip: int) -> None:
        """Take the round trip of the handshake, in nanoseconds."""
        self._round_trip.measured(round_trip)

    def write(self, data: memoryview) -> int:
        """Take as much as there is room for; return how much that was."""
        taken = min(len(data), self.room)
        self._data += data[:taken]
        return taken

    def end(self) -> None:
        """Say that nothing more will be written."""
        self.ended = True

    def payload(self, sent: Sent) -> bytes:
        """Return the bytes of a segment under way."""
        return bytes(memoryview(self._data)[sent.seq - self._base : sent.end - self._base])

    def has_end(self, sent: Sent) -> bool:
        """Say whether a segment under way carries the end of the stream."""
        return self.ended and sent.end > self._base + len(self._data)

    def is_last(self, sent: Sent) -> bool:
        """Say whether nothing was written behind a segment under way."""
        return sent.end >= self._base + len(self._data)

    def timeout(self, retries: int) -> int:
        """Return how long to wait for an acknowledgement, in nanoseconds."""
        return self._round_trip.timeout(retries)

    def accept_short(self) -> None:
        """Send a segment however short the peer's window makes it: it has waited long enough."""
        self._widest = 0

    # What to send

    def due(self, now: int) -> list[Sent]:
        """Return what is to be sent now, in order; it counts as sent."""
        segments: list[Sent] = []
        under_way = self._under_way() if self._troubled else self.nxt - self.una
        room = self._congestion.window - under_way
        if self._troubled:
            room -= self._resend(segments, room, now)
        while self.unsent and (sent := self._fresh(room, now)) is not None:
            segments.append(sent)
            self._flight.append(sent)
            room -= sent.end - sent.seq
        return segments

    def _under_way(self) -> int:
        return sum(each.end - each.seq for each in self._flight if not (each.sacked or each.lost))

    def _resend(self, segments: list[Sent], room: int, now: int) -> int:
        taken = 0
        for each in self._flight:
            if each.lost and taken < room:
                each.lost = False
                each.at = now
                each.times += 1
                taken += each.end - each.seq
                segments.append(each)
        return taken

    def _fresh(self, room: int, now: int) -> Sent | None:
        """Cut the next segment from what waits, unless it has to wait on."""
        seq = self.nxt
        data = self._base + len(self._data) - seq
        size = min(data, self.mss)
        if size > 0:
            size = min(size, self.edge - seq)
            if size <= 0 or room <= 0:
                return None
            if size < self.mss and not self._may_be_short(size, data):
                return None
            if size < self.mss:
                self._small = seq + size
        end = seq + size + (self.ended and size == data)
        self.nxt = end
        return Sent(seq, end, now)

    def _may_be_short(self, size: int, data: int) -> bool:
        """Say whether a segment that is not full may go (RFC 9293, 3.8.6.2.1)."""
        if size < data:  # the peer's window cuts it
            return 2 * size >= self._widest
        return not self.nagle or self.ended or self._small <= self.una

    # What was heard

    def acked(self, ack: int, edge: int, now: int) -> int:
        """Take an acknowledgement up to ``ack``; return how many bytes of it are news."""
        if edge > self.edge:
            self.edge = edge
            self._widest = max(self._widest, edge - ack)
        news = ack - self.una
        if news <= 0:
            return 0
        self._forget(ack, now)
        done = min(ack, self._base + len(self._data)) - self._base
        del self._data[:done]
        self._base += done
        self.una = ack
        if self._recovery is None:
            self._congestion.acked(news)
        elif ack >= self._recovery:
            self._recovery = None
        elif self._flight and not self._flight[0].sacked and self._flight[0].times == 1:
            self._flight[0].lost = True  # RFC 6582: a partial acknowledgement ends at a hole
        if not self._flight:
            self._troubled = False
        return news

    def _forget(self, ack: int, now: int) -> None:
        flight = self._flight
        sample = None
        while flight and flight[0].end <= ack:
            sent = flight.popleft()
            if sent.times == 1:  # Karn: the answer to a repeated one is anybody's
                sample = now - sent.at
        if sample is not None:
            self._round_trip.measured(sample)

    def sacked(self, blocks: Blocks) -> None:
        """Learn what arrived beyond a gap, and so what did not (RFC 6675)."""
        news = False
        for each in self._flight:
            if not each.sacked and any(a <= each.seq and each.end <= b for a, b in blocks):
                each.sacked = news = True
                each.lost = False
        if not news:
            return
        self._troubled = True
        overtaken = 0
        found = False
        for each in reversed(self._flight):
            if each.sacked:
                overtaken += 1
            elif overtaken >= OVERTAKEN and each.times == 1 and not each.lost:
                each.lost = found = True
        if found and self._recovery is None and self.una >= self._repeated:
            self._recovery = self.nxt
            self._congestion.lost(self.nxt - self.una)

    def expired(self) -> None:
        """Learn that no acknowledgement came in time: everything counts as lost."""
        self._congestion.timed_out(self.nxt - self.una)
        self._recovery = None
        self._repeated = self.nxt
        self._troubled = True
        for each in self._flight:
            each.lost = not each.sacked
