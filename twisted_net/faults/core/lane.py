"""One direction of one connection, whatever is carried in it."""

from twisted_net.faults.core.dice import Dice
from twisted_net.faults.core.events import Event, Tally
from twisted_net.faults.core.harm import After, Harm, Way


class Lane:
    """What the ways of streams and of datagrams have in common.

    :ivar harm: what befalls it; may be set at any time, and holds for what comes then.
    :param connection: its number.
    :param seed: settles what is left to chance.
    :param tally: counts what is done.
    :param room: bytes that may be under way.
    :param began: when the connection was made, in seconds on the caller's clock.
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
        self.harm = harm
        self._name = (connection, way)
        self._dice = Dice(seed, connection, way)
        self._tally = tally
        self._room = room
        self._began = began
        self._came = 0
        self._passed = 0  # bytes
        self._free = began  # when the bandwidth is free again
        self._last = began  # when the last of all that keep their order is due

    def _reached(self, after: After, now: float) -> bool:
        if after.octets is None:
            return now >= self._began + after.seconds
        return self._passed >= after.octets

    def _events(self, kinds: list[str], at: int) -> list[Event]:
        """Count what was done at a place, and return it."""
        for kind in kinds:
            self._tally.count(kind)
        connection, way = self._name
        return [Event(connection, way, kind, at) for kind in kinds]
