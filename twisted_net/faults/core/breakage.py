"""What all connections through one proxy share: the rules, the seed and the numbers."""

from collections.abc import Callable, Sequence

from twisted_net.faults.codec import Kind, Rules, changed, no_rules, shown
from twisted_net.faults.core.dice import concerns
from twisted_net.faults.core.events import Event, Tally
from twisted_net.faults.core.harm import HARMLESS, Harm, Way

#: Bytes of one direction of one connection that may be under way: a second of 8 Mbit/s.
ROOM = 1 << 20

#: Connections, or clients of a datagram port, at one time.
MOST = 1024

#: Seconds by which something may come too early. A timer may go off a rounding before the deadline
#: that it was set to: it would be set again, to no time at all, and so on.
TICK = 1e-6

#: Seconds without a byte after which a connection is given up, and a datagram client forgotten.
STREAM_IDLE, DATAGRAM_IDLE = 600.0, 60.0


class Breakage:
    """The rules that hold now, and what was done so far.

    :ivar kind: what is broken.
    :ivar tallies: what each direction has carried, all connections together.
    :ivar connections: how many there ever were.
    :ivar open: how many there are.
    :ivar refused: how many were turned away because there were too many.
    :param tell: called with each event.
    :param room: bytes of one direction of one connection that may be under way.
    :param most: connections at one time.
    :param idle: seconds without a byte after which a connection is given up; None: as usual.
    """

    def __init__(
        self,
        kind: Kind,
        rules: Sequence[str] = (),
        seed: int = 0,
        tell: Callable[[Event], None] = lambda event: None,
        *,
        room: int = ROOM,
        most: int = MOST,
        idle: float | None = None,
    ) -> None:
        self.kind = kind
        self.seed = seed
        self.room = room
        self.most = most
        self.idle = idle or (STREAM_IDLE if kind == "stream" else DATAGRAM_IDLE)
        self.tallies = {way: Tally() for way in Way}
        self.connections = 0
        self.open = 0
        self.refused = 0
        self._tell = tell
        self._rules: Rules = changed(no_rules(), rules, kind)
        self._following: dict[int, Callable[[], None]] = {}

    @property
    def rules(self) -> list[str]:
        """The rules that hold now, as they can be typed."""
        return shown(self._rules)

    def change(self, rules: Sequence[str]) -> None:
        """Add rules, or take some back with ``=off``; they hold for what comes from now on.

        :raises SettingError: one of them makes no sense; nothing has changed.
        """
        self._rules = changed(self._rules, rules, self.kind)
        self._follow()

    def clear(self) -> None:
        """Take all rules back."""
        self._rules = no_rules()
        self._follow()

    def _follow(self) -> None:
        for follow in list(self._following.values()):
            follow()

    def enter(self, peer: str, follow: Callable[[], None]) -> int | None:
        """Count a connection in; return its number, or None where there are too many.

        :param follow: called whenever the rules have changed.
        """
        if self.open >= self.most:
            self.refused += 1
            return None
        self.connections += 1
        self.open += 1
        self._following[self.connections] = follow
        self.tell(Event(self.connections, None, "opened", why=peer))
        return self.connections

    def leave(self, connection: int, why: str = "") -> None:
        """Count a connection out."""
        self.open -= 1
        del self._following[connection]
        self.tell(Event(connection, None, "closed", why=why))

    def harm(self, connection: int, way: Way) -> Harm:
        """Return what a direction of a connection suffers now."""
        harm = self._rules[way]
        if harm.only < 1 and not concerns(self.seed, connection, harm.only):
            return HARMLESS
        return harm

    def terms(self, connection: int, way: Way) -> tuple[int, Way, int, Harm, Tally, int]:
        """Return what makes a `Lane` of a direction of a connection, but for when it began."""
        harm = self.harm(connection, way)
        return connection, way, self.seed, harm, self.tallies[way], self.room

    def tell(self, *events: Event) -> None:
        """Tell what was done."""
        for event in events:
            self._tell(event)
