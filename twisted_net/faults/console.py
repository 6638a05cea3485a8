"""What may be typed while a proxy runs: rules, and a few commands."""

from collections.abc import Callable
from typing import Any

from twisted_net.faults.core.breakage import Breakage
from twisted_net.net.console import StandardInput, complain
from twisted_net.net.errors import NetError, RemoteProtocolError, SettingError
from twisted_net.net.framing import LineReader

#: What may stand alone on a line.
COMMANDS = ("list", "clear", "totals", "quit")


class Console:
    """Takes lines; a wrong one is complained about, and changes nothing.

    :param said: called with what to show, as text and as JSON.
    :param totals: shows the numbers.
    :param quit: called when told to end.
    """

    def __init__(
        self,
        breakage: Breakage,
        said: Callable[[str, dict[str, Any]], None],
        totals: Callable[[], None],
        quit: Callable[[], None],
    ) -> None:
        self._breakage = breakage
        self._said = said
        self._totals = totals
        self._quit = quit
        self._lines = LineReader()
        self._input: StandardInput | None = None

    def follow(self, reactor: Any) -> None:
        """Read standard input from now on; its end changes nothing."""
        self._input = StandardInput(reactor, self.received, lambda: None)

    def close(self) -> None:
        """Read no more."""
        if self._input is not None:
            self._input.stop()

    def received(self, data: bytes) -> None:
        """Take what was typed."""
        try:
            for line in self._lines.feed(data):
                self.obey(line.decode("utf-8", "backslashreplace"))
        except RemoteProtocolError as error:  # what is left of that line comes as another
            complain(SettingError(f"a {error}"))

    def obey(self, line: str) -> None:
        """Take one line."""
        words = line.split()
        try:
            if len(words) == 1 and words[0] in COMMANDS:
                self._command(words[0])
            elif words:
                self._breakage.change(words)
                self._list()
        except NetError as error:
            complain(error)

    def _command(self, word: str) -> None:
        if word == "totals":
            self._totals()
        elif word == "quit":
            self._quit()
        else:
            if word == "clear":
                self._breakage.clear()
            self._list()

    def _list(self) -> None:
        rules = self._breakage.rules
        shown = "rules: " + (" ".join(rules) or "none")
        self._said(shown, {"event": "rules", "rules": rules})
