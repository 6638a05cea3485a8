"""Tests of `twisted_net.watch.core`."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.watch.exposition import read
from tests.workers.test_codec import COUNTERS, USAGE
from twisted_net.net.counters import DoorCounters
from twisted_net.net.health import Measured, Phase, Usage
from twisted_net.watch import families, render


def test_a_server_is_told_in_numbers() -> None:
    """Its doors, and what its processes use."""
    echo = DoorCounters(open=2, accepted=5, received=10, sent=20, queued=7)
    echo.drop("too_many_peer", 3)
    echo.drop("crashed")
    tftp = DoorCounters(datagrams_received=4, datagrams_sent=6)
    usage = Usage(2, 1.25, 1 << 20, 30, 1024, 1e9)
    made = families(Measured({"echo-tcp": echo, "tftp": tftp}, usage), Phase.READY, "1.2")
    found = read(render(made))
    assert found.value("netdemo_info", version="1.2") == 1
    assert found.value("netdemo_ready") == 1
    assert found.value("netdemo_connections", door="echo-tcp") == 2
    assert found.value("netdemo_connections_accepted_total", door="echo-tcp") == 5
    assert found.value("netdemo_bytes_total", door="echo-tcp", dir="in") == 10
    assert found.value("netdemo_bytes_total", door="echo-tcp", dir="out") == 20
    assert found.value("netdemo_queue_bytes", door="echo-tcp") == 7
    assert found.value("netdemo_datagrams_total", door="tftp", dir="out") == 6
    assert found.value("netdemo_dropped_total", door="echo-tcp", reason="crashed") == 1
    hits = {"door": "echo-tcp", "limit": "max_conns_per_peer"}
    assert found.value("netdemo_limit_hits_total", **hits) == 3
    assert found.value("process_cpu_seconds_total") == 1.25
    assert found.value("process_resident_memory_bytes") == 1 << 20
    assert found.value("netdemo_processes") == 2
    counters = {name for name, kind in found.kinds.items() if kind == "counter"}
    assert counters == {name for name in found.kinds if name.endswith("_total")}


def test_what_a_platform_does_not_say_is_left_out() -> None:
    """A zero would be a lie."""
    found = read(render(families(Measured({}, Usage(1)), Phase.DRAINING, "1")))
    assert found.value("netdemo_ready") == 0
    assert "process_resident_memory_bytes" not in found.kinds


@settings(max_examples=30)
@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), COUNTERS, max_size=3), USAGE
)
def test_whatever_was_counted_can_be_read(doors: dict[str, DoorCounters], usage: Usage) -> None:
    """Names and reasons come from plug-ins too."""
    read(render(families(Measured(doors, usage), Phase.READY, "1")))
