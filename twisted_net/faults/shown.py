"""What ``netdemo break`` prints while it runs, and at its end."""

from collections.abc import Callable
from typing import Any

from twisted_net.faults.core.breakage import Breakage
from twisted_net.faults.core.events import Event
from twisted_net.faults.core.harm import Way
from twisted_net.net import console
from twisted_net.net.text import counted, safe

#: Longest address that is shown: a path may have 107 bytes, a name 253 (unix(7), RFC 1035).
LONGEST = 1000


class Shown:
    """What is printed: a line an event, and the totals.

    :ivar breakage: what the numbers are of.
    :ivar seconds: the clock that events are told by.
    :ivar gave_up: called with the error when nothing more can be printed.
    """

    breakage: Breakage
    seconds: Callable[[], float]
    gave_up: Callable[[OSError], None]

    def __init__(self, as_json: bool, quiet: bool) -> None:
        self._as_json = as_json
        self._quiet = quiet
        self._began = 0.0
        self._where = ("", "")
        self._broken = False

    def began(self, address: str, target: str) -> None:
        """Say where it listens, and what would make it do the same again."""
        self._began = self.seconds()
        self._where = (safe(address, LONGEST), safe(target, LONGEST))
        kind = "TCP" if self.breakage.kind == "stream" else "UDP"
        rules = self.breakage.rules
        record = {"event": "listening", "address": address, "target": target, "transport": kind}
        text = f"{' -> '.join(self._where)} over {kind}, seed {self.breakage.seed}: "
        text += " ".join(rules) or "no rules"
        self._say(text, {**record, "seed": self.breakage.seed, "rules": rules})

    def event(self, event: Event) -> None:
        """Show one thing that was done."""
        if not self._quiet:
            self._say(str(event), event.record())

    def said(self, text: str, record: dict[str, Any]) -> None:
        """Show an answer to what was typed."""
        self._say(text, record)

    def totals(self) -> None:
        """Show what was done so far."""
        breakage = self.breakage
        noun = "connection" if breakage.kind == "stream" else "client"
        ever = counted(breakage.connections, noun)
        lines = [
            f"--- {' -> '.join(self._where)}, seed {breakage.seed} ---",
            f"{ever}, {breakage.open} open, {breakage.refused} refused",
            *(f"{way.value}: {breakage.tallies[way]}" for way in Way),
        ]
        record: dict[str, Any] = {
            "event": "totals",
            "seed": breakage.seed,
            "connections": breakage.connections,
            "open": breakage.open,
            "refused": breakage.refused,
        }
        record |= {way.value: breakage.tallies[way].record() for way in Way}
        self._say("\n".join(lines), record)

    def _say(self, text: str, record: dict[str, Any]) -> None:
        if self._broken:
            return
        if self._as_json:
            record = {**record, "seconds": round(self.seconds() - self._began, 6)}
        try:
            console.say(text, record, self._as_json)
        except OSError as error:
            self._broken = True
            self.gave_up(error)
