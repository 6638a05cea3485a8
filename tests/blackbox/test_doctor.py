"""``netdemo doctor`` and the bench's own opinion of it."""

import json
import re
from collections.abc import Callable

from tests.blackbox.conftest import Bench, free_ports, netdemo


def findings(*options: str) -> tuple[int, dict[str, dict[str, object]]]:
    """Return the exit code and what was found, by what was looked at."""
    ended = netdemo("doctor", "--json", *options)
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    return ended.returncode, {row.pop("what"): row for row in rows}


def test_a_machine_in_order_is_in_order() -> None:
    """The plug-in is visible, every port is free, every folder readable."""
    code, found = findings(*free_ports())
    assert (code, [each for each in found.values() if not each["ok"]]) == (0, [])
    assert "sees netdemo" in str(found["plug-in"]["text"])
    assert str(found["echo-tcp"]["text"]).endswith("is free")


def test_a_taken_port_is_named_with_who_has_it(bench: Callable[..., Bench]) -> None:
    """So that the user knows what to stop."""
    server = bench()
    port = server.port("echo-udp")
    code, found = findings(*free_ports(), f"--echo-udp=udp:{port}")
    assert (code, found["echo-udp"]["ok"]) == (1, False)
    wanted = rf"udp 127\.0\.0\.1:{port}: address already in use by pid {server.process.pid}: "
    assert re.match(wanted, str(found["echo-udp"]["text"]))


def test_people_get_a_table() -> None:
    """One line a finding; a closed door is no fault."""
    ended = netdemo("doctor", *free_ports(), "--echo-tcp=")
    assert ended.returncode == 0
    assert re.search(rb"^  ok  echo-tcp +closed$", ended.stdout, re.MULTILINE)
