"""What happened on the network, written down; and a digest to compare two runs by."""

from collections import deque
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from zlib import crc32

from twisted_net.testing import pcap
from twisted_net.testing.clock import Timeline
from twisted_net.testing.events import TraceEvent
from twisted_net.testing.ladder import ladder
from twisted_net.testing.mermaid import mermaid
from twisted_net.testing.packets import Packet

#: Events kept; of longer runs the end, which is where a failure is. At some 400 bytes each.
MOST_EVENTS = 100_000


class Trace:
    """The record of a run.

    :param keep: whether to keep events; the digest is made without them too.
    :ivar events: in the order in which they happened.
    """

    def __init__(self, timeline: Timeline, keep: bool = True) -> None:
        self.events: deque[TraceEvent] = deque(maxlen=MOST_EVENTS if keep else 0)
        self._timeline = timeline
        self._keep = keep
        self._headers = blake2b(digest_size=16)
        self._payloads = 0

    def sent(self, packet: Packet, arrives: int) -> None:
        """Record that a packet went off."""
        if self._keep:
            self.events.append(TraceEvent(self._timeline.now, "sent", packet, arrives))

    def doubled(self, packet: Packet, arrives: int) -> None:
        """Record that it arrives once more."""
        if self._keep:
            self.events.append(TraceEvent(self._timeline.now, "doubled", packet, arrives))

    def dropped(self, packet: Packet, why: str) -> None:
        """Record that a packet got lost."""
        if self._keep:
            self.events.append(TraceEvent(self._timeline.now, "dropped", packet, None, why))

    def note(self, text: str) -> None:
        """Record something else that readers want to know."""
        if self._keep:
            self.events.append(TraceEvent(self._timeline.now, "note", None, None, text))

    def arrived(self, packet: Packet) -> None:
        """Count an arrival into the digest."""
        _, src, _, dst, _, flow, payload, flags, seq, ack, *_ = packet
        header = f"{self._timeline.now} {flow} {src} {dst} {flags} {seq} {ack};"
        self._headers.update(header.encode())
        if payload:
            self._payloads = crc32(payload, self._payloads)

    def digest(self, payload: bool = True) -> str:
        """Return a digest of every arrival: equal for equal runs.

        :param payload: False leaves the contents out, as OpenSSL's keys are never the same twice.
        """
        digest = self._headers.hexdigest()
        return f"{digest}{self._payloads:08x}" if payload else digest

    def ladder(self, hosts: Sequence[str] | None = None) -> str:
        """Draw it as a ladder in plain text.

        :param hosts: names from left to right, and nobody else; None: all, as they come.
        """
        return ladder(self.events, hosts)

    def mermaid(self) -> str:
        """Draw it as the source of a mermaid sequence diagram."""
        return mermaid(self.events)

    def write_pcap(self, path: str | Path, at: str | None = None) -> None:
        """Write it as a capture file; see `pcap.write`."""
        pcap.write(self.events, path, at)
