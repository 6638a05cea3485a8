"""What a trace is made of."""

from dataclasses import dataclass
from typing import Literal

from twisted_net.testing.packets import Packet

Kind = Literal["sent", "doubled", "dropped", "note"]


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """One thing that happened.

    :ivar at: when, in nanoseconds.
    :ivar packet: what it happened to; None for a note.
    :ivar arrives: when the packet arrives, if it does.
    :ivar why: why it was dropped; the text of a note.
    """

    at: int
    kind: Kind
    packet: Packet | None
    arrives: int | None
    why: str = ""
