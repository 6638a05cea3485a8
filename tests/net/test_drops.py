"""Tests of `twisted_net.net.drops`."""

from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops


def test_a_warning_a_second_is_all_that_a_stranger_can_cause() -> None:
    """The counters miss nothing; the log is not a stranger's to fill."""
    clock, counters = Clock(), DoorCounters()
    drops = Drops("quote-tcp", counters, clock.seconds)
    with capturedLogs() as events:
        for _ in range(100):
            drops.drop("idle", "192.0.2.1")
        clock.advance(1.0)
        drops.drop("idle", "192.0.2.1")
    assert [event["count"] for event in events] == [1, 101]
    assert counters.dropped == {"idle": 101}
