"""What happened to each party of a scenario, in a form that two worlds can be compared by."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any
from zlib import crc32

from twisted.internet.defer import Deferred

from twisted_net.testing.worlds import World

#: Longest run of bytes that a story quotes; a longer one is counted.
QUOTED = 200

Told = dict[str, list[object]]


class Story:
    """Events by party.

    How a stream was cut is chance in both worlds, so pieces that follow each other are one.
    """

    def __init__(self) -> None:
        self._events: dict[str, list[object]] = {}
        self._waiting: list[tuple[Callable[[], object], Deferred[None]]] = []

    def tell(self, party: str, event: object) -> None:
        """Add what happened to a party."""
        events = self._events.setdefault(party, [])
        last = events[-1] if events else None
        if isinstance(event, bytes) and isinstance(last, bytearray):
            last += event
        else:
            events.append(bytearray(event) if isinstance(event, bytes) else event)
        self.look()

    def look(self) -> None:
        """Wake those whose condition holds now."""
        for each in list(self._waiting):
            if each in self._waiting and each[0]():
                self._waiting.remove(each)
                each[1].callback(None)

    def until(self, condition: Callable[[], object]) -> Deferred[None]:
        """Wait until a condition holds; it is looked at after every event."""
        done: Deferred[None] = Deferred()
        self._waiting.append((condition, done))
        self.look()
        return done

    def told(self) -> Told:
        """Return the events of each party."""
        return {
            party: [_shown(event) for event in events]
            for party, events in sorted(self._events.items())
        }


def _shown(event: object) -> object:
    if not isinstance(event, bytearray):
        return event
    return bytes(event) if len(event) <= QUOTED else shortened(event)


def shortened(data: bytes | bytearray) -> str:
    """Return what a story tells of many bytes."""
    return f"{len(data)} bytes, crc {crc32(data):08x}"


Scenario = Callable[..., Awaitable[Any]]


def tells(expected: object) -> Callable[[Scenario], Callable[..., None]]:
    """Make a scenario a test that gives the same in every world."""

    def decorate(scenario: Scenario) -> Callable[..., None]:
        @functools.wraps(scenario)
        def test(world: World, **fixtures: Any) -> None:
            assert world.run(lambda world: scenario(world, **fixtures)) == expected

        return test

    return decorate
