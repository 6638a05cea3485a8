"""What a client and the server have agreed on (IRCv3 capability-negotiation)."""

from collections.abc import Iterable, Mapping

#: From this version of the negotiation on, values are shown and lists may run over lines.
WITH_VALUES = 302

#: What the client says without asking: its version makes it so.
NOTIFY = "cap-notify"

#: What needs another capability to work; the order of asking does not matter.
NEEDS = {"draft/metadata-2": "batch", "draft/multiline": "batch", "labeled-response": "batch"}

#: What is only told, by its value, and never asked for.
TOLD = frozenset({"sts"})


class Capabilities:
    """The capabilities of one connection.

    :param offered: by name, with the value shown to those who understand values.
    :ivar on: what is switched on.
    :ivar negotiating: whether registration waits for the end of the negotiation.
    """

    def __init__(self, offered: Mapping[str, str]) -> None:
        self.on: set[str] = set()
        self.negotiating = False
        self._offered = offered
        self._version = 0

    def __contains__(self, name: str) -> bool:
        """Return whether a capability is on, and what it needs is too."""
        return name in self.on and NEEDS.get(name, name) in self.on

    @property
    def understands_lists(self) -> bool:
        """Whether a list may run over several lines."""
        return self._version >= WITH_VALUES

    def offer(self, version: str) -> list[str]:
        """Return the capabilities there are, as ``CAP LS`` shows them to a version.

        A higher version is remembered for the life of the connection, a lower one is not.
        """
        asked = int(version) if version.isascii() and version.isdigit() else 0
        self._version = max(self._version, asked)
        if self._version >= WITH_VALUES:
            self.on.add(NOTIFY)
        if asked < WITH_VALUES:
            return [name for name in self._offered if name not in TOLD]
        return [f"{name}={value}" if value else name for name, value in self._offered.items()]

    def request(self, changes: Iterable[str]) -> bool:
        """Switch capabilities on, and off those with a dash; all of them, or say no to all."""
        switched = {change.removeprefix("-"): change[:1] != "-" for change in changes}
        if not switched.keys() <= self._offered.keys() - TOLD:
            return False
        if not switched.get(NOTIFY, True) and self._version >= WITH_VALUES:
            return False  # it comes with the version, and stays
        for name, on in switched.items():
            if on:
                self.on.add(name)
            else:
                self.on.discard(name)
        return True


def lines_of(words: Iterable[str], room: int, between: str = " ") -> list[str]:
    """Put words into lines of at most ``room`` bytes; there is always one line."""
    lines = [""]
    fill(lines, words, room, between)
    return lines


def fill(lines: list[str], words: Iterable[str], room: int, between: str = " ") -> None:
    """Put more words behind those in lines, of which there is at least one."""
    for word in words:
        longer = f"{lines[-1]}{between}{word}" if lines[-1] else word
        if len(longer.encode()) > room and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
