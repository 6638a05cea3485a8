"""A trace as a ladder in plain text: hosts side by side, time downwards, packets as arrows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from twisted_net.testing.events import TraceEvent
from twisted_net.testing.packets import ACK, SYN, Packet

#: Columns between two hosts: room for a label of some fifty characters.
WIDTH = 56

#: Columns before the first host, for the time in seconds.
_MARGIN = 13

#: Lines of a ladder that an error shows: its end, where the failure is.
MOST_LINES = 40

#: Characters of a payload that a label shows.
_SHOWN = 14


@dataclass(frozen=True, slots=True)
class Step:
    """An event, ready to be drawn.

    :ivar ends: the names of the sender and the receiver; None for a note.
    """

    event: TraceEvent
    ends: tuple[str, str] | None
    label: str


def steps(events: Iterable[TraceEvent]) -> list[Step]:
    """Take events apart into what ladders and diagrams show."""
    first: dict[tuple[str, int, str, int], int] = {}
    drawn = []
    for event in events:
        packet = event.packet
        if packet is None:
            drawn.append(Step(event, None, event.why))
            continue
        if packet.flags & SYN:
            first[packet.src, packet.sport, packet.dst, packet.dport] = packet.seq
        drawn.append(Step(event, ends(packet), label(packet, first)))
    return drawn


def ends(packet: Packet) -> tuple[str, str]:
    """Return the names of the hosts that a packet goes from and to."""
    sender, _, receiver = packet.flow.partition(" ")[2].partition(">")
    group, _, member = receiver.partition("@")
    return sender.rpartition(":")[0], member or group.rpartition(":")[0]


def label(packet: Packet, first: dict[tuple[str, int, str, int], int]) -> str:
    """Return what is written on a packet's arrow.

    :param first: initial sequence numbers by sender and receiver, for numbers that people read.
    """
    if packet.protocol == "icmp":
        return f"ICMP port {packet.sport} unreachable"
    shown = _payload(packet.payload)
    if packet.protocol == "udp":
        return f"UDP {packet.sport}>{packet.dport} len={len(packet.payload)}{shown}"
    names = [name for name in packet.flag_names if name not in ("PSH", "ACK")]
    if packet.payload:
        names.append("DATA")
    if packet.flags & ACK and (packet.flags & SYN or not names):
        names.append("ACK")
    words = ["+".join(names) + (" (retx)" if packet.again else "")]
    forth = packet.src, packet.sport, packet.dst, packet.dport
    back = packet.dst, packet.dport, packet.src, packet.sport
    if packet.payload:
        words.append(f"seq={packet.seq - first.get(forth, 0)} len={len(packet.payload)}")
    if packet.flags & ACK:
        words.append(f"ack={packet.ack - first.get(back, 0)}")
    return " ".join(words) + shown


def _payload(payload: bytes) -> str:
    if not payload:
        return ""
    cut = "…" if len(payload) > _SHOWN else ""
    return f" {payload[:_SHOWN]!r}{cut}"


def ladder(events: Iterable[TraceEvent], hosts: Sequence[str] | None = None) -> str:
    """Draw a trace.

    :param hosts: names from left to right, and nobody else; None: all, as they come.
    """
    drawn = steps(events)
    names = list(_names(drawn)) if hosts is None else list(hosts)
    columns = {name: _MARGIN + at * WIDTH for at, name in enumerate(names)}
    width = _MARGIN + max(0, len(names) - 1) * WIDTH + 1
    lines = [_header(columns)]
    for step in drawn:
        at = f"{step.event.at / 1e9:11.6f}"
        if step.ends is None:
            lines.append(f"{at}  {'-' * 4} {step.label}")
        elif step.ends[0] in columns and step.ends[1] in columns:
            lines.append(f"{at}  {_arrow(step, columns, width)[_MARGIN:]}".rstrip())
    return "\n".join(lines)


def ending(drawn: str) -> str:
    """Return the end of a ladder that is too long to be shown, under its header."""
    lines = drawn.splitlines()
    if len(lines) <= MOST_LINES:
        return drawn
    left_out = f"       … {len(lines) - MOST_LINES} lines before"
    return "\n".join([lines[0], left_out, *lines[-MOST_LINES:]])


def _names(drawn: Iterable[Step]) -> dict[str, None]:
    return {name: None for step in drawn if step.ends is not None for name in step.ends}


def _header(columns: dict[str, int]) -> str:
    line = "       time"
    for name, column in columns.items():
        line = line.ljust(column) + name
    return line


def _arrow(step: Step, columns: dict[str, int], width: int) -> str:
    """Draw one packet between the lines of its two hosts, with its fate behind."""
    assert step.ends is not None  # noqa: S101 - notes are drawn elsewhere
    start, end = columns[step.ends[0]], columns[step.ends[1]]
    row = [" "] * width
    for column in columns.values():
        row[column] = "|"
    if start == end:
        return "".join(row) + f"  {step.ends[0]} to itself: {step.label}{_fate(step.event)}"
    left, right = min(start, end), max(start, end)
    lost = step.event.kind == "dropped"
    room = right - left - 1
    shaft = f" {step.label[: room - 6]} ".center(room - 1, "-")
    body = f"{shaft}{'X' if lost else '>'}" if start < end else f"{'X' if lost else '<'}{shaft}"
    row[left + 1 : right] = body
    return "".join(row) + _fate(step.event)


def _fate(event: TraceEvent) -> str:
    if event.arrives is None:
        return f"  X {event.why}"
    again = " again" if event.kind == "doubled" else ""
    return f"  (+{(event.arrives - event.at) / 1e6:.1f} ms{again})"
