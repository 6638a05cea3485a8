"""A trace as a mermaid sequence diagram, for documents."""

from collections.abc import Iterable

from twisted_net.testing.events import TraceEvent
from twisted_net.testing.ladder import steps


def mermaid(events: Iterable[TraceEvent]) -> str:
    """Return the diagram's source."""
    lines = []
    names: dict[str, None] = {}
    for step in steps(events):
        label = _quoted(step.label)
        if step.ends is None:
            if names:
                lines.append(f"    Note over {next(iter(names))},{next(reversed(names))}: {label}")
            continue
        sender, receiver = step.ends
        names.update({sender: None, receiver: None})
        if step.event.arrives is None:
            lines.append(f"    {sender}-x{receiver}: {label} ({_quoted(step.event.why)})")
        else:
            lines.append(f"    {sender}->>{receiver}: {label}")
    participants = [f"    participant {name}" for name in names]
    return "\n".join(["sequenceDiagram", *participants, *lines])


def _quoted(text: str) -> str:
    """Return text without the characters that mean something to mermaid."""
    return "".join(f"#{ord(each)};" if each in "#;<>" else each for each in text)
